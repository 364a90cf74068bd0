"""Whitening: collinearity is judged in standard units, and close columns are not taken for equal ones."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import PolynomialFeatures

from gmoe import GaussianMoERegressor
from gmoe.datasets import load_temperature_anomalies
from gmoe.solvers.problem.scaling import null_space, scale


def problem(*columns):
    X = np.column_stack(columns)
    return scale(X, X[:, 0] ** 2, None, np.arange(X.shape[1]), np.arange(X.shape[1])).expert, X


def test_scaled_features_are_white():
    rng = np.random.default_rng(0)
    design, X = problem(*(rng.normal(size=(3, 500)) * [[1e-6], [1.0], [1e8]] + 5.0))
    scaled = (X - design.centre) @ design.transform.T
    # Sums of 500 terms in double precision.
    np.testing.assert_allclose(np.cov(scaled.T, bias=True), np.eye(3), atol=1e-10)


@pytest.mark.parametrize("unit", [1.0, 1e7, 1e-7])
def test_equal_columns_are_collinear_in_any_unit(unit):
    x, other = np.random.default_rng(1).normal(size=(2, 300))
    design, _ = problem(x, other, unit * x)
    assert len(design.transform) == 2
    null = null_space(design)
    # Both of the equal columns take part, by equal parts in standard units.
    np.testing.assert_allclose(np.abs(null), [[0.5**0.5, 0.0, 0.5**0.5]], atol=1e-7)


@pytest.mark.parametrize("difference", [1e-3, 1e-6, 1e-8])
def test_close_columns_stay_two(difference):
    x, other = np.random.default_rng(2).normal(size=(2, 300))
    X = np.column_stack([x, x + difference * other])
    y = x + other
    fitted = GaussianMoERegressor(1).fit(X, y + 0.01 * np.sin(np.arange(300)))
    # The regression sees the difference: without it R2 is a half. The columns hold it to 1e-16 / 1e-8 of itself.
    assert fitted.score(X, y) > 0.999
    assert fitted.fit_result_.collinear == ()


def test_a_polynomial_in_years_is_that_in_standard_units():
    X, y = load_temperature_anomalies(return_X_y=True)
    z = (X - X.mean()) / X.std()
    values = []
    for x in (X, z):
        powers = PolynomialFeatures(5, include_bias=False).fit_transform(x)
        values.append(GaussianMoERegressor(1).fit(powers, y).log_likelihood_)
    # Powers of 1880 .. 2015 hold their fifth-order part to nine digits of seventeen.
    assert values[0] == pytest.approx(values[1], abs=1e-5)


def test_constant_columns_drop_out():
    x = np.random.default_rng(3).normal(size=200)
    design, _ = problem(x, np.full(200, 3.0), np.zeros(200))
    assert design.transform.shape == (1, 3)
    with pytest.warns(ConvergenceWarning, match="constant or collinear"):
        GaussianMoERegressor(1).fit(np.column_stack([x, np.full(200, 3.0)]), x + np.sin(x))


def test_squares_that_overflow_say_so():
    X = np.random.default_rng(4).normal(size=(50, 1))
    with pytest.raises(ValueError, match="overflow; rescale"):
        GaussianMoERegressor(1).fit(1e200 * X, X[:, 0])
    with pytest.raises(ValueError, match="rescale y"):
        GaussianMoERegressor(1).fit(X, 1e-200 * X[:, 0] ** 2)
