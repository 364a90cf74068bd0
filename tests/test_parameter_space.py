"""The set over which the likelihood is maximised: its definition, its certificate, and data that used to fail."""

import warnings

import numpy as np
import pytest
from likelihood import fit_arrays
from problems import draw
from scipy.optimize import approx_fprime
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, ParameterSpace
from gmoe.datasets import load_penguins
from gmoe.gates import Gate
from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.problem.rows_wall import AffineRowsWall, RowsWall, rows_wall
from gmoe.solvers.problem.scaling import scale
from gmoe.solvers.problem.selection_wall import SelectionWall


def quiet(estimator, X, y, weight=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y, weight)


def two_lines(factor, n=100, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 100, n)
    return x[:, None], np.where(rng.random(n) < 0.5, 20.0, 2.0) * factor * x + rng.normal(size=n)


@pytest.mark.parametrize("factor", [1.0, 10.0, 100.0])
def test_regimes_far_apart_are_interior(factor):
    X, y = two_lines(factor)
    fitted = GaussianMoERegressor(2, gate_features=[], random_state=0).fit(X, y)
    assert fitted.fit_result_.status == "converged"
    # A variance of 50 observations has a standard deviation of 0.2: one in 1e6 leaves this.
    assert np.all((fitted.variance_ > 0.3) & (fitted.variance_ < 2.2))


def test_penguins_have_one_fit_for_all_seeds():
    X, y = load_penguins(return_X_y=True)
    fits = [GaussianMoERegressor(3, random_state=seed).fit(X, y) for seed in range(3)]
    assert np.ptp([fitted.log_likelihood_ for fitted in fits]) < 1e-6
    assert all(fitted.responsibilities(X, y).sum(axis=0).min() > fitted.fit_result_.min_rows - 1e-6 for fitted in fits)


def test_what_the_rows_do_not_determine_predicts_sensibly_and_is_named():
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(0, 1, 200))
    dummy = (rng.random(200) < 0.5).astype(float)
    dummy[x > 0.9] = 1
    y = x + 0.3 * rng.standard_normal(200)
    y[x > 0.95] += 20
    X, found = np.c_[x, dummy], []
    for seed in range(2):
        with pytest.warns(ConvergenceWarning) as said:
            fitted = GaussianMoERegressor(2, gate_features=[0], random_state=seed).fit(X, y)
        assert any("no information on" in str(w.message) and "coef[1] (1)" in str(w.message) for w in said)
        assert "coef[1] (1)" in fitted.fit_result_.not_identified
        found.append(fitted.predict([[0.98, 0]])[0])
    assert abs(found[0] - found[1]) < 1e-6 and abs(found[0]) < 60


def test_equal_variances_are_a_member():
    X, y = two_lines(1.0)
    fitted = GaussianMoERegressor(
        2, gate_features=[], random_state=0, parameter_space=ParameterSpace(variance_ratio=1.0)
    ).fit(X, y)
    free = GaussianMoERegressor(2, gate_features=[], random_state=0).fit(X, y)
    assert fitted.variance_[0] == pytest.approx(fitted.variance_[1], rel=1e-9)
    assert fitted.fit_result_.status == "converged" and fitted.log_likelihood_ < free.log_likelihood_
    assert fitted.fit_result_.n_free_parameters == free.fit_result_.n_free_parameters - 1
    # Pooled: each is the average of the free ones, weighted by shares, up to the responsibilities' change.
    assert fitted.variance_[0] == pytest.approx(free.shares_ @ free.variance_, rel=1e-3)


def test_an_active_box_is_a_kkt_point():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 1))
    y = np.where(rng.random(300) < 1 / (1 + np.exp(-3 * X[:, 0])), 2 + X[:, 0], -2 - X[:, 0]) + rng.normal(size=300)
    free = GaussianMoERegressor(2, random_state=0).fit(X, y)
    bound = 0.5 * np.abs(free.gate_coef_).max()
    with pytest.warns(ConvergenceWarning, match="bound of the parameter space on the coefficients") as said:
        held = GaussianMoERegressor(2, random_state=0, parameter_space=ParameterSpace(max_gate_coef=bound)).fit(X, y)
    assert len(said) == 1
    result = held.fit_result_
    assert result.status == "coefficient_at_bound" and result.gradient < 1e-8
    assert np.abs(held.gate_coef_).max() == pytest.approx(bound, rel=1e-8)
    # The multiplier has the right sign: a wider box is higher.
    with pytest.warns(ConvergenceWarning):
        wider = GaussianMoERegressor(2, random_state=0, parameter_space=ParameterSpace(max_gate_coef=1.1 * bound))
        assert held.log_likelihood_ < wider.fit(X, y).log_likelihood_ < free.log_likelihood_


GATES = [
    Gate(),
    Gate("tanh", temperature="estimate"),
    Gate("gelu", "inside", "estimate"),
    Gate("sigmoid", temperature=0.7),
]


@pytest.mark.parametrize("gate", GATES, ids=repr)
def test_derivatives_of_the_rows_against_differences(gate):
    rng = np.random.default_rng(0)
    X, y, columns = rng.normal(size=(50, 2)), rng.normal(size=50), np.arange(2)
    scaling = scale(X, y, None, columns, columns)
    objective = Objective(scaling.blocks(X, y), gate, 3, scaling=scaling)
    wall, which, weights = RowsWall(objective, 0.1), np.array([0, 2]), np.array([0.7, -1.3])
    theta = 0.5 * rng.normal(size=objective.n_parameters)
    normals = wall.normals(theta, which)
    bend = wall.bend(theta, which, weights)
    for column, j in enumerate(which):
        # Forward differences of step 1e-7: second derivatives of size 1 leave 1e-7.
        differences = approx_fprime(theta, lambda t, j=j: wall.values(t)[j], 1e-7)
        np.testing.assert_allclose(normals[:, column], differences, atol=2e-6)
    steps = [
        (wall.normals(theta + 1e-5 * e, which) - wall.normals(theta - 1e-5 * e, which)) @ weights
        for e in np.eye(len(theta))
    ]
    np.testing.assert_allclose(bend, np.array(steps) / 2e-5, atol=1e-8)  # rounding over the step, and its square


@pytest.mark.parametrize("columns", [[], [0, 1], [0, 1, 2, 3]], ids=str)
def test_rows_of_an_affine_gate_by_kernels(columns):
    # More than one strip, weights among them zero; rows that fill whole tiles, though those of one expert do not.
    objective, _, theta = draw(0, 600, 4, columns, [0])
    wall, plain = rows_wall(objective), RowsWall(objective, objective.least_share)
    assert isinstance(wall, AffineRowsWall)
    which, weights = np.array([0, 2]), np.array([0.7, -1.3])
    # The same sums in another order; curvatures cancel to a tenth of their terms.
    np.testing.assert_allclose(wall.values(theta), plain.values(theta), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(wall.normals(theta, which), plain.normals(theta, which), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(wall.bend(theta, which, weights), plain.bend(theta, which, weights), atol=1e-12)


@pytest.mark.parametrize("select_on", ["score", "logit"])
@pytest.mark.parametrize("activation", ["identity", "tanh"])
def test_derivatives_of_the_selection_against_differences(activation, select_on):
    gate = Gate(activation, n_active=2, select_on=select_on)
    rng = np.random.default_rng(0)
    X, y, columns = rng.normal(size=(40, 2)), rng.normal(size=40), np.arange(2)
    scaling = scale(X, y, None, columns, columns, gate.follows(3))
    objective = Objective(scaling.blocks(X, y), gate, 3, scaling=scaling)
    theta = rng.normal(size=objective.n_parameters)
    wall, which, weights = SelectionWall(objective, theta), np.array([3, 11]), np.array([0.7, -1.3])
    assert wall.values(theta).min() >= 0.0
    for column, i in enumerate(which):
        differences = approx_fprime(theta, lambda t, i=i: wall.values(t)[i], 1e-7)
        np.testing.assert_allclose(wall.normals(theta, which)[:, column], differences, atol=5e-6)  # as above
    steps = [
        (wall.normals(theta + 1e-5 * e, which) - wall.normals(theta - 1e-5 * e, which)) @ weights
        for e in np.eye(len(theta))
    ]
    np.testing.assert_allclose(wall.bend(theta, which, weights), np.array(steps) / 2e-5, atol=1e-8)  # as above


def test_more_parameters_than_rows_and_light_weights_are_told():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(30, 1))
    y = X[:, 0] + rng.normal(size=30)
    with pytest.warns(ConvergenceWarning) as said:
        GaussianMoERegressor(7, random_state=0).fit(X, y)
    assert any("more parameters (33) than rows (30)" in str(w.message) for w in said)
    with pytest.warns(ConvergenceWarning, match="sum to 1"):
        GaussianMoERegressor(1).fit(X, y, np.full(30, 1 / 30))


def test_max_iter_is_a_bound_and_text_is_refused():
    X, y = two_lines(1.0)
    fitted = quiet(GaussianMoERegressor(2, max_iter=1, init=np.full((100, 2), 0.5)), X, y)
    assert fitted.n_iter_ <= 1 and fitted.fit_result_.status == "max_iter"
    with pytest.raises(TypeError, match="y must be numbers"):
        GaussianMoERegressor(2).fit(X, y.astype(str))


def test_an_interrupted_search_keeps_its_best_end(monkeypatch):
    from gmoe.solvers.search import round as one_round

    X, y = two_lines(1.0)
    calls = []

    def stop(*arguments):
        calls.append(1)
        if len(calls) > 8:
            raise KeyboardInterrupt
        return climb(*arguments)

    climb = one_round.climb_or_none
    monkeypatch.setattr(one_round, "climb_or_none", stop)
    with pytest.warns(ConvergenceWarning) as said:
        fitted = GaussianMoERegressor(2, gate_features=[], random_state=0).fit(X, y)
    assert any("interrupted" in str(w.message) for w in said)
    assert fitted.fit_result_.interrupted and not fitted.converged_
    calls.clear()
    with pytest.raises(KeyboardInterrupt):  # a study would store what it is given
        fit_arrays(X, y, 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variance_ratio": 2.0}, "lies in"),
        ({"variance_ratio": -1.0}, "variance_ratio must be finite and >= 0"),
        ({"min_variance": 2.0, "max_variance": 1.0}, "below max_variance"),
        ({"max_gate_coef": 0.0}, "max_gate_coef must be positive"),
        ({"min_temperature": 1e-9}, "min_temperature"),
    ],
)
def test_wrong_sets_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        ParameterSpace(**options)
