"""``gmoe demo``: fit the real data sets, run a small study of convergence, and draw all of it."""

import argparse
import warnings
from importlib import resources
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor
from gmoe.cli import rates
from gmoe.cli._messages import WorkError, say
from gmoe.cli._output import save_figure
from gmoe.cli._rates_view import need_matplotlib
from gmoe.cli._report import with_names
from gmoe.datasets import load_penguins, load_temperature_anomalies
from gmoe.inference import certificate_lines
from gmoe.plotting import ExpertFitDisplay, GateDisplay

HELP = "fit the real data sets that come with gmoe, run a small study, and draw them"
DESCRIPTION = """\
Fit temperature anomalies (2 experts) and penguins (3 experts), print the fits and draw them as PNG. Then simulate 840
data sets, fit each with its certificate, and draw how the error falls with n: about a minute on 2 cores.
"""
DPI = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``gmoe demo``."""
    parser.add_argument("--out", default="demo", metavar="DIR", help="folder of the figures (default: demo)")
    parser.add_argument("--no-study", action="store_true", help="leave the study out")
    parser.add_argument("--study", metavar="FILE", help="TOML file of another study in its place")


def run(arguments: argparse.Namespace) -> int:
    """Fit, print and draw; return the exit code."""
    need_matplotlib()
    folder = Path(arguments.out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in (temperature, penguins):
            file = folder / f"{part.__name__}.png"
            save_figure(file, part(), DPI)
            say(f"  drawn in {file}\n")
    except OSError as error:
        raise WorkError(f"cannot write figures in {folder}: {error.strerror or error}") from error
    return 0 if arguments.no_study else study(folder, arguments.study)


def study(folder: Path, file: str | None) -> int:
    """Run a study, print its rates, and draw them; return the exit code."""
    parser = argparse.ArgumentParser()
    rates.add_arguments(parser)
    with resources.as_file(resources.files("gmoe.cli") / "demo.toml") as shipped:
        results = str(folder / "rates")
        code = _rates(parser, "run", file or str(shipped), "--out", results)
    if code != 0:
        return code
    for command in (["table", results], ["table", results, "certificates"], ["report", results]):
        _rates(parser, *command)
    return _rates(parser, "plot", results, "--out", str(folder / "rates.png"))


def temperature():
    """Fit the temperature anomalies, print the fit, and return its figure."""
    data = load_temperature_anomalies()
    estimator = _fit(GaussianMoERegressor(2, random_state=0), data, "Temperature anomalies 1880-2015 against the year")
    figure = _figure(6.4, 5.6)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
    fit = ExpertFitDisplay.from_estimator(estimator, data.data, data.target, ax=top)
    gate = GateDisplay.from_estimator(estimator, data.data, ax=bottom)
    top.set(xlabel="", ylabel="temperature anomaly (°C)")
    bottom.set(xlabel="year")
    _one_legend(figure, fit, [gate])
    return figure


def penguins():
    """Fit the penguins, print the fit, and return its figure."""
    data = load_penguins()
    estimator = GaussianMoERegressor(3, expert_features=[0], gate_features=[1], random_state=0)
    _fit(estimator, data, "Penguins: bill length against bill depth, gate on flipper length")
    figure = _figure(9.6, 5.6)
    axes = figure.subplot_mosaic([["depth", "flipper"], ["depth", "gate"]], height_ratios=(2.2, 1))
    axes["gate"].sharex(axes["flipper"])
    X, y = data.data, data.target
    depth = ExpertFitDisplay.from_estimator(estimator, X, y, feature=0, mixture=False, ax=axes["depth"])
    flipper = ExpertFitDisplay.from_estimator(estimator, X, y, feature=1, ax=axes["flipper"])
    gate = GateDisplay.from_estimator(estimator, X, ax=axes["gate"])
    axes["depth"].set(xlabel="bill depth (mm)", ylabel="bill length (mm)")
    axes["flipper"].set(xlabel="", ylabel="bill length (mm)")
    axes["flipper"].set_title(
        f"lines at the median bill depth, {np.median(X[:, 0]):g} mm", fontsize="medium", loc="left"
    )
    axes["flipper"].tick_params(labelbottom=False)
    axes["gate"].set(xlabel="flipper length (mm)")
    _one_legend(figure, flipper, [depth, gate])
    return figure


def _fit(estimator, data, title):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # printed with the certificate
        estimator.fit(data.data, data.target)
    result = with_names(estimator.fit_result_, data.feature_names)
    say(f"{title} (n = {len(data.target)})")
    say(f"  log-likelihood {result.log_likelihood:.4f}, df {result.n_free_parameters}, BIC {result.bic:.2f}")
    for j, (share, line) in enumerate(zip(result.shares, _lines(estimator, data), strict=True)):
        say(f"  expert {j}: share {share:.3f}, {line}")
    for line in certificate_lines(result):
        say(f"  {line}")
    return estimator


def _lines(estimator, data):
    name = data.feature_names[estimator.model_.expert_columns[0]]
    parameters = zip(estimator.intercept_, estimator.coef_[:, 0], estimator.variance_**0.5, strict=True)
    return [f"{data.target_name} = {a:.4f} + {b:.5f} {name}, sd {sd:.4f}" for a, b, sd in parameters]


def _figure(width, height):
    # Not by pyplot, whose backend may want a screen.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _one_legend(figure, display, others):
    """Put the legend of one display above the figure, and take all others away."""
    handles, labels = display.legend_.legend_handles, [text.get_text() for text in display.legend_.get_texts()]
    handles[-1] = (display.band_, display.mean_)
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), frameon=False, handlelength=2.6)
    for each in (display, *others):
        each.legend_.remove()


def _rates(parser, *argv):
    arguments = parser.parse_args(argv)
    return arguments.run(arguments)
