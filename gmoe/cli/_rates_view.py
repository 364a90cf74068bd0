"""``gmoe rates table``, ``plot`` and ``report``: what reads results folders."""

import argparse
from pathlib import Path
from typing import Any

from gmoe.cli._messages import UsageError, WorkError, say
from gmoe.cli._output import save, save_figure

# Parts of the analysis, and tables of the fits themselves.
PARTS = ("rates", "levels", "local", "kept", "decay")
FITS = ("certificates", "failures", "fits")
DPI = 150


def add_view(commands: Any) -> None:
    """Declare ``table``, ``plot`` and ``report``."""
    parser = commands.add_parser("table", help="print rates, losses, certificates or failures")
    parser.add_argument("folder", help="folder of the results")
    parser.add_argument("part", nargs="?", choices=(*PARTS, *FITS), default="rates", help="(default: rates)")
    parser.add_argument("--csv", action="store_true", help="print CSV, with all columns and digits")
    _add_options(parser)
    parser.set_defaults(run=table)

    parser = commands.add_parser("plot", help="draw losses and slopes")
    parser.add_argument("folder", help="folder of the results")
    parser.add_argument("--out", metavar="FILE", help="PNG, SVG or PDF (default: rates.png in the folder)")
    parser.add_argument("--statistic", choices=("mean", "median"), default="mean", help="(default: mean)")
    _add_options(parser)
    parser.set_defaults(run=plot)

    parser = commands.add_parser("report", help="write one HTML page with all there is to know")
    parser.add_argument("folder", help="folder of the results")
    parser.add_argument("--out", metavar="FILE", help="HTML file (default: report.html in the folder)")
    _add_options(parser)
    parser.set_defaults(run=report)


def _add_options(parser) -> None:
    parser.add_argument("--loss", action="append", metavar="NAME", help="a loss; may be repeated (default: all)")
    parser.add_argument("--min-size", type=int, default=0, metavar="N", help="leave smaller sizes out")
    parser.add_argument("--confidence", type=float, default=0.95, metavar="P", help="of the intervals (default: 0.95)")


def table(arguments: argparse.Namespace) -> int:
    """Print a table; return the exit code."""
    from gmoe.study import table
    from gmoe.study.analyse.health import failures, health

    if arguments.part in FITS:
        fits = table(arguments.folder)
        frame = {"certificates": health, "failures": failures, "fits": lambda frame: frame}[arguments.part](fits)
    else:
        frame = analyse(arguments).to_frame(arguments.part)
    say(frame.to_csv(index=False).rstrip() if arguments.csv else text_of(frame))
    return 0


def plot(arguments: argparse.Namespace) -> int:
    """Draw; return the exit code."""
    need_matplotlib()
    from gmoe.study.show.report import figure_of

    file = Path(arguments.out or Path(arguments.folder, "rates.png"))
    if file.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise UsageError(f"cannot draw into {file}: its name must end in .png, .svg or .pdf")
    figure = figure_of(analyse(arguments), arguments.statistic)
    save_figure(file, figure, DPI)
    say(f"drawn in {file}")
    return 0


def report(arguments: argparse.Namespace) -> int:
    """Write the page; return the exit code."""
    need_matplotlib()
    from gmoe.study.show.report import report_page

    file = Path(arguments.out or Path(arguments.folder, "report.html"))
    page = report_page(arguments.folder, analyse(arguments))
    save(file, page.encode("utf-8"))
    say(f"report in {file}")
    return 0


def analyse(arguments: argparse.Namespace) -> Any:
    """Rates of a results folder."""
    from gmoe.study import estimate_rates, load_study, table
    from gmoe.study.analyse.theory import exponents

    fits = table(arguments.folder)
    if fits.empty:
        raise WorkError(f"{arguments.folder} has no finished fit yet; run the study first")
    return estimate_rates(
        fits,
        losses=arguments.loss,
        confidence=arguments.confidence,
        min_size=arguments.min_size,
        theory=exponents(load_study(arguments.folder)),
    )


def text_of(frame: Any) -> str:
    """Lay a table out for people: few digits, no empty columns."""
    if frame.empty:
        return "nothing"
    frame = frame.drop(columns=[name for name in frame if (frame[name].astype(str) == "").all()])
    return frame.to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep="-", max_colwidth=60)


def need_matplotlib() -> None:
    """Raise a WorkError with the remedy where matplotlib is absent."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise WorkError("figures need matplotlib; install it: pip install gmoe[plot]") from error
