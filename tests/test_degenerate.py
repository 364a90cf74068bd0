"""Legal but degenerate data end in a finite, flagged fit: no infinite likelihood, no hang, no silent spike."""

import numpy as np
import pytest
from likelihood import fit_arrays
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor

N = 60
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 2))
NOISE = RNG.normal(size=N)
# Two crossing lines: a regular problem for two experts.
TWO = np.where(np.arange(N) < N // 2, 2.0, -2.0) * X[:, 0] + 0.3 * NOISE
STEP = np.where(X[:, 0] > 0, 5 + X[:, 0], -3 * X[:, 0]) + 0.1 * NOISE
ONES = np.ones(N)


def repeated(rows, times):
    return np.repeat(X[:rows], times, axis=0), np.repeat(NOISE[:rows], times)


BOUND, SEPARATED, COLLINEAR = "at its lower bound", "gate separates", "constant or collinear"
LIGHT = "They count observations"
# Data, number of experts, weights, and words of the warning; None where the problem is regular and nothing may be said.
CASES = {
    "y constant": (X, 3 * ONES, 2, None, BOUND),
    "y zero": (X, 0 * ONES, 2, None, BOUND),
    "y linear in x": (X, 1 + X @ [2.0, 3.0], 2, None, BOUND),
    "y linear in x, one expert": (X, 1 + X @ [2.0, 3.0], 1, None, BOUND),
    "y on two lines": (X[:, :1], np.where(np.arange(N) % 2, X[:, 0], -X[:, 0]), 2, None, BOUND),
    "constant column": (np.column_stack([X[:, 0], ONES]), TWO, 2, None, COLLINEAR),
    "only a constant column": (5 * ONES[:, None], TWO, 2, None, COLLINEAR),
    "collinear columns": (np.column_stack([X[:, 0], 2 * X[:, 0] + 1]), TWO, 2, None, COLLINEAR),
    "more experts than distinct rows": (*repeated(3, 10), 5, None, BOUND),
    "more parameters than rows": (RNG.normal(size=(10, 30)), NOISE[:10], 2, None, BOUND),
    "outlier in y": (X, np.r_[TWO[:-1], 1e6], 2, None, BOUND),
    "outlier in y, one expert more": (X, np.r_[TWO[:-1], 1e6], 3, None, BOUND),
    "separated gate": (X[:, :1], STEP, 2, None, SEPARATED),
    "as many rows as experts": (X[:4], NOISE[:4], 4, None, BOUND),
    "one row": (X[:1], NOISE[:1], 1, None, BOUND),
    "one row more than experts": (X[:3], NOISE[:3], 2, None, BOUND),
    "one weight above all": (X, TWO, 2, np.r_[1e12, ONES[1:]], BOUND),
    "few rows of positive weight": (X, TWO, 2, (np.arange(N) < 3) * 1.0, BOUND),
    "small weights": (X, TWO, 2, 1e-12 * ONES, LIGHT),
    "large weights": (X, TWO, 2, 1e12 * ONES, None),
    "small and large weights": (X, TWO, 2, np.where(np.arange(N) % 2, 1e-12, 1e12), None),
    "duplicated rows": (np.repeat(X, 5, axis=0), np.repeat(TWO, 5), 2, None, None),
    "small X": (1e-12 * X, TWO, 2, None, None),
    "large X": (1e12 * X, TWO, 2, None, None),
    "small y": (X, 1e-12 * TWO, 2, None, None),
    "large y": (X, 1e12 * TWO, 2, None, None),
    "columns of very different size": (X * [1e-12, 1e12], TWO, 2, None, None),
    "X far from zero": (X + 1e8, TWO, 2, None, None),
    "y far from zero": (X, TWO + 1e8, 2, None, None),
}


@pytest.mark.parametrize("name", CASES)
def test_degenerate_data_end_in_a_finite_flagged_fit(name):
    X, y, k, weight, warned = CASES[name]
    estimator = GaussianMoERegressor(k, random_state=0)
    if warned is None:
        estimator.fit(X, y, sample_weight=weight)
    else:
        with pytest.warns(ConvergenceWarning) as caught:
            estimator.fit(X, y, sample_weight=weight)
        assert any(warned in str(warning.message) for warning in caught)
    result, p = estimator.fit_result_, estimator.model_.parameters
    flags = {BOUND: bool(result.at_bound), SEPARATED: result.separated, COLLINEAR: bool(result.collinear)}
    flags[LIGHT] = result.total_weight < result.n_rows
    assert warned is None or flags[warned]
    assert (result.status == "converged") == (warned in (None, COLLINEAR, LIGHT))
    # Exact fits: a standard deviation of 1e-6 magnifies the rounding of residuals by as much.
    assert result.gradient <= (1e-5 if warned == BOUND else 1e-8)
    # Finite, with variances above the least relative one (1e-12) times what stands for noise in exact data: a
    # millionth of the spread of y, or of its size, squared.
    assert all(np.isfinite(a).all() for a in (p.gate, p.expert, p.variance, estimator.predict(X)))
    used = slice(None) if weight is None else weight > 0
    centre = np.average(y[used], weights=None if weight is None else weight[used])
    spread = np.average((y[used] - centre) ** 2, weights=None if weight is None else weight[used])
    assert p.variance.min() >= 0.9e-24 * (spread or centre**2 or 1.0)
    weights = np.ones(len(y)) if weight is None else weight
    assert result.log_likelihood == pytest.approx(weights @ estimator.score_samples(X, y), rel=1e-7)
    assert np.isfinite(result.log_likelihood)
    # The table prints, and says in the row what has no standard error.
    text = str(estimator.summary())
    assert result.status in text
    frame = estimator.summary().to_frame()
    assert np.isfinite(frame["estimate"]).all()
    assert (frame["std_error"].notna() == (frame["note"] == "")).all()
    if result.at_bound:
        assert (frame.loc[[f"variance ({j})" for j in result.at_bound], "note"] == "at bound").all()


def test_collinear_columns_leave_the_density_alone():
    X_more = np.column_stack([X[:, 0], ONES, 2 * X[:, 0] + 1])
    with pytest.warns(ConvergenceWarning, match="Columns 0, 1, 2 are constant or collinear"):
        more = GaussianMoERegressor(2, random_state=0).fit(X_more, TWO)
    less = GaussianMoERegressor(2, random_state=0).fit(X[:, :1], TWO)
    assert more.log_likelihood_ == pytest.approx(less.log_likelihood_, abs=1e-6)
    np.testing.assert_allclose(more.predict(X_more), less.predict(X[:, :1]), rtol=1e-5, atol=1e-6)
    # The same model: the same number of free parameters, and so the same criteria.
    assert more.fit_result_.n_free_parameters == less.fit_result_.n_free_parameters == 8
    notes = more.summary().to_frame()["note"]
    assert (notes[[f"coef[{c}] ({j})" for c in range(3) for j in range(2)]] == "not identified").all()
    assert (notes[["variance (0)", "variance (1)"]] == "").all()


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_flags_do_not_depend_on_the_unit_of_the_weights(unit):
    columns = np.arange(1)
    options = {"weight": unit * ONES, "gate_columns": columns, "expert_columns": columns}
    assert fit_arrays(X[:, :1], STEP, 2, **options).status == "gate_separated"
    assert fit_arrays(X[:, :1], TWO, 2, **options).status == "converged"


def test_an_interior_maximum_is_preferred_to_a_spike():
    """Three points on a line invite an expert of variance zero; the fit is the maximum away from there."""
    x = np.r_[np.linspace(-1, 1, 200), 0.1, 0.2, 0.3]
    y = np.r_[x[:200] + 0.5 * np.random.default_rng(1).normal(size=200), 3.1, 3.2, 3.3]
    fitted = GaussianMoERegressor(2, gate_features=[], random_state=0).fit(x[:, None], y)
    assert fitted.fit_result_.status == "converged"
    assert fitted.variance_.min() > 0.01


@pytest.mark.parametrize("name", ["y constant", "more experts than distinct rows", "outlier in y", "separated gate"])
def test_em_ends_too(name):
    X, y, k, weight, _ = CASES[name]
    with pytest.warns(ConvergenceWarning):
        fitted = GaussianMoERegressor(k, solver="em", random_state=0).fit(X, y, sample_weight=weight)
    assert np.isfinite(fitted.log_likelihood_)
    assert str(fitted.summary())
