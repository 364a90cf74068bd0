"""One HTML page about a study, with everything in it: it can be sent, printed and kept."""

import base64
import html
import io
from pathlib import Path
from typing import Any

from gmoe import __version__
from gmoe._printable import LAYOUT, printable
from gmoe.study.analyse.health import failures, health
from gmoe.study.analyse.rates import Rates
from gmoe.study.compute.runner import status, table
from gmoe.study.results.manifest import load_study, read_manifest
from gmoe.study.show.figures import figure_of, sizes_figure_of

__all__ = ["figure_of", "report_page"]

# More failures than these are in the results; the page names the first.
MAX_FAILURES = 50
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { margin-bottom: 0 } h2 { margin-top: 2.2rem; border-bottom: 1px solid #ccc } img { max-width: 100%; height: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px }
th, td { padding: .15rem .7rem; text-align: right; border-bottom: 1px solid #e4e4e4; vertical-align: top }
th { border-bottom: 1.5px solid #888 } .text { text-align: left } .wide { overflow-x: auto }
pre { background: #f6f6f6; padding: .8rem; overflow-x: auto; font-size: 13px } .note { color: #555 }
@media print { body { margin: 0; max-width: none } h2 { break-after: avoid } img, tr { break-inside: avoid } }
"""


def report_page(folder: str | Path, rates: Rates) -> str:
    """Build the page.

    Parameters
    ----------
    folder : path
        Results of a study.
    rates : Rates
        Of its table.

    Returns
    -------
    str
        HTML that refers to nothing outside of itself.
    """
    folder = Path(folder)
    fits, counts, manifest = table(folder), status(folder), read_manifest(folder)
    study = load_study(folder)
    sections = {
        "Rates": _rates(rates),
        "Plots": _plots(rates),
        "Certificates": _certificates(health(fits)),
        "Failures": _failures(failures(fits)),
        "Losses": _note("Mean and median over replications, with Monte Carlo standard errors (mcse).")
        + _table(rates.to_frame("levels")),
        "Study": _nested(study.to_dict()),
        "Environment": "".join(_nested(run) for run in manifest["runs"]),
    }
    summary = (
        f"{counts.n_done} of {counts.n_total} fits done, {counts.n_failed} failed, {counts.n_missing} to do; "
        f"{counts.seconds:.0f} s of computing time. Intervals: {100 * rates.confidence:g} %."
    )
    body = "".join(f"<h2>{title}</h2>\n{content}\n" for title, content in sections.items())
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(study.name)}</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>{escape(study.name)}</h1>\n{_note(summary)}{body}"
        f"{_note(f'Written by gmoe {__version__}.')}</body></html>\n"
    )


def escape(text: str) -> str:
    """Text from outside as HTML shows it: neither a tag nor a control character of it is obeyed."""
    return html.escape(printable(text, LAYOUT))


def _rates(rates: Rates) -> str:
    frame = rates.to_frame().drop(columns=["constant"])
    text = _note(
        "Slopes of the logarithm of the mean and the median loss, on log n and on log(n / log n), with Monte Carlo "
        "intervals from the replications. They hold for the sizes given. The theory's exponent is that of the maximum "
        "likelihood estimator, up to powers of log n."
    )
    text += _table(frame)
    if rates.decay:
        text += _note(
            "Polynomial decay against 1/log n. Small p: that shape is refuted; decisive: the other one is. A shape "
            "that is preferred but not decisive needs more replications or a wider range of sizes."
        )
        text += _table(rates.to_frame("decay"))
    return text


def _plots(rates: Rates) -> str:
    text = ""
    for statistic in ("mean", "median"):
        text += f"<h3>{statistic.capitalize()} loss</h3>" + _image(
            figure_of(rates, statistic), f"{statistic} loss by n"
        )
    text += "<h3>Dependence on the sizes</h3>"
    text += _note("No size is chosen here: look whether the slope settles once the smallest ones are left out.")
    return text + _image(sizes_figure_of(rates), "slope by the smallest size kept, and local slopes")


def _certificates(frame) -> str:
    note = (
        "Certified: the fit is a maximum away from all bounds. At edge: the highest end that was found lies at a bound "
        "or at infinity. Agreeing: median share of starts that end at the best."
    )
    return _note(note) + _table(frame)


def _failures(frame) -> str:
    if frame.empty:
        return _note("None.")
    more = f" The first {MAX_FAILURES} of {len(frame)}." if len(frame) > MAX_FAILURES else ""
    again = "<code>gmoe rates replay FOLDER --protocol P --n N --rep R</code> runs one again."
    return f'<p class="note">{again}{more}</p>' + _table(frame.head(MAX_FAILURES))


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>\n'


def _table(frame: Any) -> str:
    frame = frame.drop(columns=[name for name in frame if (frame[name].astype(str) == "").all()])
    kinds = ["" if frame[name].dtype.kind in "if" else ' class="text"' for name in frame]
    head = "".join(f"<th{kind}>{escape(_words(name))}</th>" for name, kind in zip(frame, kinds, strict=True))
    rows = "".join(
        "<tr>" + "".join(f"<td{kind}>{_cell(value)}</td>" for value, kind in zip(row, kinds, strict=True)) + "</tr>\n"
        for row in frame.itertuples(index=False)
    )
    return f'<div class="wide"><table><tr>{head}</tr>\n{rows}</table></div>\n'


def _words(name) -> str:
    return str(name).replace("_", " ")


def _cell(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4g}".replace("-", "\N{MINUS SIGN}")
    return escape(str(value))


def _nested(value: Any) -> str:
    """Show a dictionary as indented lines."""
    return f"<pre>{escape(chr(10).join(_lines(value)))}</pre>"


def _lines(value, indent=""):
    for key, entry in value.items():
        if isinstance(entry, dict):
            yield f"{indent}{key}"
            yield from _lines(entry, indent + "    ")
        elif isinstance(entry, list) and entry and isinstance(entry[0], dict):
            for part in entry:
                yield f"{indent}{key}"
                yield from _lines(part, indent + "    ")
        else:
            yield f"{indent}{key} = {entry}"


def _image(figure: Any, text: str) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return f'<img alt="{escape(text)}" src="data:image/svg+xml;base64,{data}">\n'
