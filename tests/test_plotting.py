"""The displays: what they draw is what the model says."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, select
from gmoe.datasets import load_penguins, make_gmoe
from gmoe.model_selection import dendrogram

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

from gmoe.plotting import (  # noqa: E402
    CalibrationDisplay,
    CriterionDisplay,
    DendrogramDisplay,
    ExpertFitDisplay,
    GateDisplay,
    GatePartitionDisplay,
    ResidualDisplay,
    ResponsibilityDisplay,
    SearchDisplay,
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def penguins():
    X, y = load_penguins(return_X_y=True)
    estimator = GaussianMoERegressor(3, expert_features=[0], gate_features=[1], random_state=0)
    return estimator.fit(X, y), X, y


def test_expert_fit(penguins):
    estimator, X, y = penguins
    display = ExpertFitDisplay.from_estimator(estimator, X, y)
    points = np.column_stack([X[:, :1], y])
    drawn = np.concatenate([collection.get_offsets() for collection in display.points_])
    np.testing.assert_array_equal(np.sort(drawn, axis=0), np.sort(points, axis=0))
    likely = estimator.responsibilities(X, y).argmax(axis=1)
    assert [len(collection.get_offsets()) for collection in display.points_] == list(np.bincount(likely))
    for j, line in enumerate(display.lines_):
        x, mean = line.get_data()
        np.testing.assert_allclose(mean, estimator.intercept_[j] + estimator.coef_[j, 0] * x, rtol=1e-13)
    at = np.column_stack([display.grid, np.full(400, np.median(X[:, 1])), np.full(400, np.median(X[:, 2]))])
    mean, std = estimator.predict(at, return_std=True)
    np.testing.assert_array_equal(display.mean_.get_ydata(), mean)
    band = display.band_.get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx(((mean - 2 * std).min(), (mean + 2 * std).max()))
    assert display.ax_.get_xlabel() == "x0\n(at the median x1 = 197)"
    assert display.figure_ is display.ax_.figure


def test_expert_lines_do_not_widen_the_axes(penguins):
    estimator, X, y = penguins
    display = ExpertFitDisplay.from_estimator(estimator, X, y, mixture=False)
    low, high = display.ax_.get_ylim()
    assert y.min() - 3 < low < y.min() and y.max() < high < y.max() + 3
    assert display.mean_ is None and display.band_ is None
    assert display.ax_.get_xlabel() == "x0"


def test_points_mix_the_colours_of_their_experts(penguins):
    estimator, X, y = penguins
    display = ExpertFitDisplay.from_estimator(estimator, X, y)
    responsibility = estimator.responsibilities(X, y)
    colour = display.points_[0].get_facecolors()[:, :3]
    sure = responsibility[responsibility.argmax(axis=1) == 0, 0] > 1 - 1e-9
    line = matplotlib.colors.to_rgb(display.lines_[0].get_color())
    # Within the resolution of the probabilities asked for.
    np.testing.assert_allclose(colour[sure], np.tile(line, (sure.sum(), 1)), atol=1e-8)
    assert np.ptp(colour[~sure], axis=0).max() > 0.1


def test_gate(penguins):
    estimator, X, _ = penguins
    display = GateDisplay.from_estimator(estimator, X)
    at = np.column_stack([np.zeros(400), display.grid, np.zeros(400)])
    np.testing.assert_array_equal(
        np.column_stack([line.get_ydata() for line in display.lines_]), estimator.predict_gate(at)
    )
    assert (display.grid[0], display.grid[-1]) == (X[:, 1].min(), X[:, 1].max())
    assert display.ax_.get_xlabel() == "x1"
    assert [text.get_text() for text in display.legend_.get_texts()] == ["expert 0", "expert 1", "expert 2"]


def test_experts_can_be_told_apart_without_colour(penguins):
    estimator, X, y = penguins
    display = ExpertFitDisplay.from_estimator(estimator, X, y)
    assert len({line.get_linestyle() for line in display.lines_}) == 3
    assert len({collection.get_paths()[0].vertices.tobytes() for collection in display.points_}) == 3


def test_names_and_units_come_from_frames():
    pytest.importorskip("pandas")
    X, y = load_penguins(return_X_y=True, as_frame=True)
    estimator = GaussianMoERegressor(2, n_init=4, random_state=0).fit(X, y)
    display = ExpertFitDisplay.from_estimator(estimator, X, y, feature="body_mass_g")
    assert display.ax_.get_ylabel() == "bill_length_mm"
    assert display.ax_.get_xlabel().startswith(
        "body_mass_g\n(at the medians bill_depth_mm = 17.3, flipper_length_mm = 197"
    )
    gate = GateDisplay.from_estimator(estimator, X, feature=2)
    assert gate.ax_.get_xlabel() == display.ax_.get_xlabel()


def test_many_held_features_are_not_listed():
    X, y, _, _ = make_gmoe(200, n_features=6, random_state=2)
    estimator = GaussianMoERegressor(2, n_init=2, random_state=0).fit(X, y)
    assert "other features at their medians" in GateDisplay.from_estimator(estimator, X).ax_.get_xlabel()


def test_wrong_features_are_named(penguins):
    estimator, X, y = penguins
    with pytest.raises(ValueError, match=r"does not enter.*use one of 1 \('x1'\)"):
        GateDisplay.from_estimator(estimator, X, feature=0)
    with pytest.raises(ValueError, match="no column of X, which has 3: use 0 to 2"):
        GateDisplay.from_estimator(estimator, X, feature=3)
    with pytest.raises(ValueError, match="Unknown feature 'depth'"):
        ExpertFitDisplay.from_estimator(estimator, X, y, feature="depth")


def test_a_constant_gate_is_drawn_against_any_feature():
    X, y, _, _ = make_gmoe(200, n_features=2, random_state=1)
    estimator = GaussianMoERegressor(2, gate_features=[], n_init=4, random_state=0).fit(X, y)
    display = GateDisplay.from_estimator(estimator, X, feature=1)
    assert np.ptp(display.proba, axis=0).max() == 0.0


def test_given_axes_and_global_settings_are_respected(penguins):
    estimator, X, y = penguins
    before = dict(plt.rcParams)
    figure, (left, right) = plt.subplots(1, 2)
    fit = ExpertFitDisplay.from_estimator(estimator, X, y, ax=left)
    gate = GateDisplay.from_estimator(estimator, X, ax=right)
    assert fit.ax_ is left and gate.ax_ is right and fit.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    assert gate.plot().ax_ is not right
    assert dict(plt.rcParams) == before


def test_matplotlib_is_needed_for_drawing_only():
    code = """
import sys
sys.modules["matplotlib"] = None  # importing it raises ImportError
from gmoe.plotting import GateDisplay
try:
    GateDisplay(grid=[0.0, 1.0], proba=[[1.0], [1.0]]).plot()
except ImportError as error:
    assert "pip install gmoe[plot]" in str(error), error
else:
    raise AssertionError("no ImportError")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "gate", ["topk", "topk:n_active=2,select_on=logit", "activation:activation=gelu,temperature=0.5"]
)
def test_every_gate_can_be_drawn(gate):
    X, y, truth, _ = make_gmoe(200, 1, 3, gate=gate, noise=0.5, random_state=4)
    with warnings.catch_warnings():
        # One step from the truth: what is drawn matters, not the fit.
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator = GaussianMoERegressor(3, gate, init=truth.parameters, max_iter=1).fit(X, y)
    display = GateDisplay.from_estimator(estimator, X)
    drawn = np.array([line.get_ydata() for line in display.lines_])
    np.testing.assert_array_equal(drawn.T, estimator.predict_gate(display.grid[:, None]))
    assert ((drawn > 0).sum(axis=0) == (truth.gate.n_active or 3)).all()


@pytest.mark.parametrize(
    "options",
    [
        {"expert_features": ["bill_depth_mm", "island"], "gate_features": ["sex", "flipper_length_mm"]},
        {"formula": "bill_length_mm ~ bs(bill_depth_mm, df=4) + island | sex + flipper_length_mm"},
    ],
)
def test_columns_of_a_frame_are_drawn_and_not_what_they_are_coded_as(options):
    frame = load_penguins(as_frame=True).frame
    y = None if "formula" in options else frame["bill_length_mm"]
    estimator = GaussianMoERegressor(2, **options, n_init=1, random_state=0).fit(frame, y)
    display = ExpertFitDisplay.from_estimator(estimator, frame, y, mixture=False)
    assert display.ax_.get_xlabel() == "bill_depth_mm\n(at island = Biscoe)"
    np.testing.assert_array_equal(np.sort(display.x), np.sort(frame["bill_depth_mm"]))
    at = frame.iloc[[0] * 400].assign(bill_depth_mm=display.grid, island="Biscoe")
    np.testing.assert_array_equal(display.expert_means, estimator.predict_experts(at))
    gate = GateDisplay.from_estimator(estimator, frame)
    assert gate.ax_.get_xlabel() == "flipper_length_mm\n(at sex = male)"
    at = frame.iloc[[0] * 400].assign(flipper_length_mm=gate.grid, sex="male")
    np.testing.assert_array_equal(gate.proba, estimator.predict_gate(at))
    with pytest.raises(ValueError, match="'sex'. is a category; draw against a column of numbers"):
        GateDisplay.from_estimator(estimator, frame, feature="sex")


def test_calibration(penguins):
    estimator, X, y = penguins
    display = CalibrationDisplay.from_estimator(estimator, X, y)
    pit, qq, worm = display.axes_
    counts = [patch.get_height() for patch in pit.patches if patch.get_zorder() == 2]
    n_bins = len(counts)
    expected = np.histogram(estimator.pit(X, y), n_bins, (0.0, 1.0))[0] * n_bins / len(y)
    # Bin edges are the same; two ways to the transform differ in the last digits.
    np.testing.assert_allclose(counts, expected, rtol=1e-12)
    normal, residuals = qq.lines[-1].get_data()
    np.testing.assert_array_equal(residuals, np.sort(estimator.quantile_residuals(X, y)))
    np.testing.assert_allclose(scipy.special.ndtr(normal), (np.arange(len(y)) + 0.5) / len(y), rtol=1e-12)
    np.testing.assert_array_equal(worm.lines[-1].get_ydata(), residuals - normal)
    low, high = worm.get_ylim()
    assert low < (residuals - normal).min() and (residuals - normal).max() < high
    assert len(display.bands_) == 3 and display.figure_ is pit.figure


@pytest.mark.stat
def test_the_bands_hold_what_a_right_model_does():
    inside, ranks, (_, axes) = np.zeros((100, 2)), [5, 50, 95], plt.subplots(1, 2)
    for seed, row in enumerate(inside):
        for ax in axes:
            ax.clear()
        residuals = np.random.default_rng(seed).normal(size=100)
        display = CalibrationDisplay(residuals=residuals).plot(axes, panels=("pit", "qq"))
        pit, qq = display.bands_
        heights = np.array([patch.get_height() for patch in axes[0].patches if patch.get_zorder() == 2])
        row[0] = np.mean(np.abs(heights - pit.get_y() - 0.5 * pit.get_height()) <= 0.5 * pit.get_height() + 1e-9)
        x, y = axes[1].lines[-1].get_data()
        ends = [qq.get_paths()[0].vertices[qq.get_paths()[0].vertices[:, 0] == x[rank], 1] for rank in ranks]
        row[1] = np.mean([end.min() <= y[rank] <= end.max() for rank, end in zip(ranks, ends, strict=True)])
    # 95 %; of counts, which are discrete, a little more. At 300 and 500 places: five standard errors are 0.063.
    assert 0.88 < inside[:, 1].mean() < 1.0 and 0.90 < inside[:, 0].mean() < 1.0


def test_calibration_into_given_axes(penguins):
    estimator, X, y = penguins
    _, (left, right) = plt.subplots(1, 2)
    display = CalibrationDisplay.from_estimator(estimator, X, y, panels=("worm", "pit"), ax=(left, right))
    assert display.axes_ == [left, right] and right.get_xlabel() == "probability integral transform"
    assert display.plot(left, panels=["qq"]).axes_ == [left]
    with pytest.raises(ValueError, match="3 panels need as many axes, got 2"):
        display.plot((left, right))
    with pytest.raises(ValueError, match=r"panels must be among 'pit', 'qq', 'worm', got \['rootogram'\]"):
        display.plot(panels=["rootogram"])


def test_residuals(penguins):
    estimator, X, y = penguins
    display = ResidualDisplay.from_estimator(estimator, X, y)
    drawn = np.concatenate([np.asarray(points.get_offsets()) for points in display.points_])
    expected = np.column_stack([estimator.predict(X), estimator.quantile_residuals(X, y)])
    np.testing.assert_array_equal(drawn[np.argsort(drawn[:, 1])], expected[np.argsort(expected[:, 1])])
    assert [len(line.get_xdata()) for line in display.lines_] == [333 // 40] * 3
    low, middle, high = (line.get_ydata() for line in display.lines_)
    first = np.argsort(display.x, kind="stable")[: -(-333 // 8)]  # the largest groups come first
    np.testing.assert_allclose(
        [low[0], middle[0], high[0]], np.quantile(display.residuals[first], [0.05, 0.5, 0.95]), rtol=1e-12
    )
    other = ResidualDisplay.from_estimator(estimator, X, y, feature=2)
    assert other.ax_.get_xlabel() == "x2" and display.ax_.get_xlabel() == "predicted mean"
    np.testing.assert_array_equal(other.x, X[:, 2])
    few = ResidualDisplay.from_estimator(estimator, X[:60], y[:60], ax=other.ax_)
    assert few.lines_ == [] and few.ax_ is other.ax_
    with pytest.raises(ValueError, match="feature=3 is no column of X"):
        ResidualDisplay.from_estimator(estimator, X, y, feature=3)


def test_figures_of_several_responses_say_how():
    X = np.random.default_rng(0).normal(size=(60, 1))
    y = np.column_stack([X[:, 0], -X[:, 0]]) + np.random.default_rng(1).normal(size=(60, 2))
    estimator = GaussianMoERegressor(1, experts="multivariate", n_init=1).fit(X, y)
    for display in (CalibrationDisplay, ResidualDisplay):
        with pytest.raises(ValueError, match=rf"is of one response, y has 2 columns; .*{display.__name__}\(residuals="):
            display.from_estimator(estimator, X, y)
    residuals = estimator.quantile_residuals(X, y)
    assert len(CalibrationDisplay(residuals=residuals[:, 0]).plot().axes_) == 3


def test_residuals_of_data_frames():
    pandas = pytest.importorskip("pandas")
    X, y, truth, _ = make_gmoe(200, 1, 2, random_state=1)
    frame = pandas.DataFrame({"x": X[:, 0], "unseen": np.arange(200), "kind": ["a", "b"] * 100})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # one step from the truth
        estimator = GaussianMoERegressor(
            2, gate_features=["x"], expert_features=["x"], init=truth.parameters, max_iter=1
        ).fit(frame, y)
    display = ResidualDisplay.from_estimator(estimator, frame, y, feature="unseen")
    assert display.ax_.get_xlabel() == "unseen"
    np.testing.assert_array_equal(display.x, np.arange(200))
    np.testing.assert_array_equal(display.residuals, estimator.quantile_residuals(frame, y))
    with pytest.raises(ValueError, match="feature='kind' is a category.*use a column of numbers"):
        ResidualDisplay.from_estimator(estimator, frame, y, feature="kind")


def test_criterion_and_dendrogram():
    X, y, _, _ = make_gmoe(60, random_state=1)
    selection = select(X, y, n_experts=(1, 2, 3), gates=["softmax", "quadratic"], random_state=0, n_init=1)
    display = CriterionDisplay.from_selection(selection)
    rows = selection.rows()
    for line, gate in zip(display.lines_, dict.fromkeys(row["gate"] for row in rows), strict=True):
        own = [(row["n_experts"], row["bic"]) for row in rows if row["gate"] == gate]
        np.testing.assert_array_equal(line.get_xydata(), own)
    assert display.best_.get_xydata().tolist() == [[row["n_experts"], row["bic"]] for row in rows if row["best"]]
    assert display.ax_.get_ylabel() == "BIC" and len(display.legend_.get_texts()) == 2
    three = next(fitted for fitted in selection.path if (fitted.gate, fitted.n_experts) == ("softmax", 3))
    tree = dendrogram(three, X, y)
    drawn = DendrogramDisplay.from_dendrogram(tree)
    assert sorted(line.get_ydata().max() for line in drawn.lines_) == sorted(tree.heights)
    # The cut leaves as many experts as the best model has.
    below = sum(height < drawn.cut_.get_ydata()[0] for height in tree.heights)
    assert 3 - below == tree.best.n_experts
    levels = CriterionDisplay.from_dendrogram(tree)
    assert levels.best_.get_xdata()[0] == tree.best.n_experts and levels.legend_ is None


def test_the_partition_is_the_gate_in_the_plane():
    frame = load_penguins(as_frame=True).frame
    settings = {"gate_features": ["flipper_length_mm", "body_mass_g", "sex"], "expert_features": ["bill_depth_mm"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what the fit is like does not matter
        fitted = GaussianMoERegressor(3, **settings, n_init=1, random_state=0).fit(frame, frame["bill_length_mm"])
    display = GatePartitionDisplay.from_estimator(fitted, frame, features=["body_mass_g", "flipper_length_mm"])
    across, up = display.grids
    point = pd.DataFrame({"body_mass_g": [across[30]], "flipper_length_mm": [up[80]], "sex": ["male"]})
    # The same sum for one row and for many.
    row = point.assign(bill_depth_mm=17.0)
    np.testing.assert_allclose(display.proba[80, 30], fitted.predict_gate(row)[0], rtol=1e-12)
    assert (
        display.ax_.get_xlabel() == "body_mass_g\n(at sex = male)" and display.ax_.get_ylabel() == "flipper_length_mm"
    )
    assert len(display.boundary_) == len(np.unique(display.proba.argmax(axis=2)))
    # On a boundary two experts are equally probable, up to the width of a cell.
    for contour in display.boundary_:
        places = np.vstack([line for line in contour.allsegs[0] if len(line)])
        rows = pd.DataFrame(places, columns=["body_mass_g", "flipper_length_mm"]).assign(sex="male", bill_depth_mm=17.0)
        first, second = np.sort(fitted.predict_gate(rows), axis=1)[:, ::-1][:, :2].T
        assert np.abs(first - second).max() < 0.02
    for features in (["sex", "body_mass_g"], ["body_mass_g"], "body_mass_g", ["year", "body_mass_g"], [0, 0]):
        with pytest.raises(ValueError, match="category|two features|does not enter"):
            GatePartitionDisplay.from_estimator(fitted, frame, features=features)


def test_rootograms_count_the_responsibilities(penguins):
    fitted, X, y = penguins
    display = ResponsibilityDisplay.from_estimator(fitted, X, y)
    r = fitted.responsibilities(X, y)
    counts = [[round(bar.get_height() ** 2) for bar in bars] for bars in display.bars_]
    assert [sum(own) for own in counts] == (r >= 1e-4).sum(axis=0).tolist()
    assert [own[-1] for own in counts] == (r >= 0.95).sum(axis=0).tolist()
    with pytest.raises(ValueError, match="experts need as many axes"):
        display.plot(plt.subplots(1, fitted.n_experts + 1)[1])


def test_the_search_is_drawn_with_all_its_ends(penguins):
    fitted, _, _ = penguins
    result, display = fitted.fit_result_, SearchDisplay.from_estimator(fitted)
    assert display.counts.sum() + display.n_left == result.n_starts and display.counts[0] == result.n_agreeing
    assert display.bars_[0].get_width() == result.n_agreeing
    drawn = display.trace_.get_ydata()
    assert len(drawn) == len(result.history) and np.nanmin(drawn) > 0.0
    with pytest.raises(ValueError, match="2 axes"):
        display.plot(plt.subplots()[1])
