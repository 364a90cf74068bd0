"""Ridge penalties: against an independent optimiser of the penalised likelihood, and their degrees of freedom."""

import numpy as np
import pytest
import scipy
from likelihood import hessian, log_density, value_and_gradient
from test_constraints import WIDE, X, Y, fitted

from gmoe import GaussianMoERegressor, ParameterSpace
from gmoe.constraints import Held, Ridge, Tied
from gmoe.inference import infer, likelihood_ratio_test, profile_interval
from gmoe.table import parameter_values

SIZES = X.std(axis=0)
DESIGN = np.column_stack([np.ones(len(X)), X])
RESIDUAL = np.std(Y - DESIGN @ np.linalg.lstsq(DESIGN, Y)[0])
GATE, COEF = slice(1, 3), slice(4, 6)


def penalty(table, of_coef, of_gate):
    """Half the weighted squares of standardised slopes; those of the gate about their mean. Complex tables too."""
    gate = (table[:, GATE] - table[:, GATE].mean(axis=0)) * SIZES
    return 0.5 * of_coef * np.sum((table[:, COEF] * SIZES / RESIDUAL) ** 2) + 0.5 * of_gate * np.sum(gate**2)


def oracle(of_coef, of_gate, start):
    """Maximise the penalised likelihood by BFGS, gate of expert 0 at 0, variances in logs."""

    def table(z):
        full = np.concatenate([np.zeros(3), z]).reshape(2, -1).copy()
        full[:, -1] = np.exp(full[:, -1])
        return full

    def loss(z):
        full = table(z)
        value, gradient = value_and_gradient(full, X, X, Y)
        deviation = (full[:, GATE] - full[:, GATE].mean(axis=0)) * SIZES**2
        gradient[:, GATE] -= of_gate * deviation
        gradient[:, COEF] -= of_coef * full[:, COEF] * (SIZES / RESIDUAL) ** 2
        return (penalty(full, of_coef, of_gate) - value) / len(Y), -gradient.ravel()[3:] / len(Y)

    begin = start.reshape(2, -1).copy()
    begin[:, -1] = np.log(begin[:, -1])
    found = scipy.optimize.minimize(loss, begin.ravel()[3:], jac=True, method="BFGS", options={"gtol": 1e-10})
    return -found.fun * len(Y), table(found.x)


@pytest.mark.parametrize("strengths", [(5.0, 0.0), (0.0, 4.0), (30.0, 2.0)])
def test_a_ridge_is_that_of_an_independent_optimiser(strengths):
    of_coef, of_gate = strengths
    result = fitted([Ridge("coef", of_coef), Ridge("gate_coef", of_gate)])
    at = parameter_values(result.model)
    # From a tenth away.
    value, table = oracle(of_coef, of_gate, at * (1.0 + 0.1 * np.random.default_rng(0).standard_normal(len(at))))
    assert result.status == "converged"
    # BFGS ends at a gradient of 1e-10: 1e-9 in the parameters.
    assert at == pytest.approx(table.ravel(), abs=1e-6)
    assert result.penalty == pytest.approx(penalty(at.reshape(2, -1), *strengths), rel=1e-9)
    assert result.log_likelihood - result.penalty == pytest.approx(value, abs=1e-7)
    assert result.log_likelihood == pytest.approx(log_density(at.reshape(2, -1), X, X, Y).sum(), abs=1e-8)


def test_degrees_of_freedom_are_the_trace_of_the_two_informations():
    result = fitted([Ridge("coef", 20.0), Ridge("gate_coef", 3.0)])
    at, unit = parameter_values(result.model)[3:], result.standard_errors[3:]

    def table(z):
        return np.concatenate([np.zeros(3), at + z * unit]).reshape(2, -1)

    plain = -hessian(lambda z: log_density(table(z), X, X, Y).sum(), np.zeros(len(at)))
    extra = hessian(lambda z: penalty(table(z), 20.0, 3.0), np.zeros(len(at)))
    # Variances and not their logs: at a stationary point of the criterion both have the same trace.
    expected = np.trace(np.linalg.solve(plain + extra, plain))
    # Second derivatives by differences, to some nine digits.
    assert result.effective_df == pytest.approx(expected, rel=1e-6)
    assert result.bic == pytest.approx(np.log(len(Y)) * expected - 2 * result.log_likelihood)
    covariance = np.linalg.inv(plain + extra) * np.outer(unit, unit)
    assert np.sqrt(np.diag(covariance)) == pytest.approx(result.standard_errors[3:], rel=1e-6)


def test_no_penalty_is_the_plain_fit_bit_for_bit():
    plain, ridge = fitted(()), fitted([Ridge("coef", 0.0), Ridge("gate_coef", 0.0)])
    assert parameter_values(ridge.model).tobytes() == parameter_values(plain.model).tobytes()
    assert ridge.spread.tobytes() == plain.spread.tobytes() and ridge.log_likelihood == plain.log_likelihood
    assert (ridge.bic, ridge.effective_df, ridge.penalties) == (plain.bic, plain.n_free_parameters, ())


def test_an_endless_penalty_holds_at_zero():
    ridge, held = fitted([Ridge("coef[z]", 1e9)]), fitted([Held("coef[z]", 0.0)])
    # Slopes of 1e-7: the likelihood differs by as much, the degrees of freedom by the inverse strength.
    assert ridge.log_likelihood == pytest.approx(held.log_likelihood, abs=1e-3)
    assert ridge.effective_df == pytest.approx(held.n_free_parameters, abs=1e-4)


def test_a_ridge_does_not_depend_on_units_or_on_who_is_the_reference():
    settings = {"n_init": 5, "random_state": 0, "parameter_space": WIDE}
    penalties = [Ridge("coef", 10.0), Ridge("gate_coef", 10.0)]
    one = GaussianMoERegressor(2, constraints=penalties, **settings).fit(X, Y)
    other = GaussianMoERegressor(2, constraints=penalties, **settings).fit(X * [10.0, 0.1] + 3.0, 100.0 * Y)
    shift = len(Y) * np.log(100.0)
    # The same climb, to rounding.
    assert other.log_likelihood_ + shift == pytest.approx(one.log_likelihood_, abs=1e-7)
    assert other.coef_ * [0.1, 0.001] == pytest.approx(one.coef_, abs=1e-7)


def test_a_ridge_goes_with_held_and_tied_parameters():
    result = fitted([Ridge("coef", 10.0), Tied("coef[z]"), Held("coef[x] (1)", 0.8)])
    both = fitted([Tied("coef[z]"), Held("coef[x] (1)", 0.8)])
    slopes = [one.model.parameters.coef for one in (result, both)]
    assert slopes[0][0, 1] == slopes[0][1, 1] and slopes[0][1, 0] == 0.8
    assert result.status == "converged" and abs(slopes[0][0, 0]) < abs(slopes[1][0, 0])
    assert both.n_free_parameters - 2 < result.effective_df < both.n_free_parameters


def test_a_ridge_keeps_a_gate_from_separating():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.0, 1.0, (200, 1))
    y = np.where(x[:, 0] > 0.0, 3.0, -3.0) + 0.3 * rng.standard_normal(200)
    settings = {"n_init": 5, "random_state": 0}
    with pytest.warns(UserWarning, match="separates"):
        plain = GaussianMoERegressor(2, **settings).fit(x, y)
    ridge = GaussianMoERegressor(2, constraints=Ridge("gate_coef", 0.1), **settings).fit(x, y)
    assert plain.fit_result_.status == "gate_separated" and ridge.fit_result_.status == "converged"


def test_what_is_no_inference_of_a_penalised_fit_is_refused():
    result, plain = fitted([Ridge("coef", 10.0), Held("coef[x] (0)", -1.0)]), fitted(())
    with pytest.raises(ValueError, match="maximum of the likelihood"):
        likelihood_ratio_test(result, plain)
    with pytest.raises(ValueError, match="maximum of the likelihood"):
        profile_interval(result, "coef[z] (0)", X, Y)
    assert np.isfinite(infer(result).parameters.standard_errors[3])
    with pytest.raises(ValueError, match="draw a positive parameter to 0"):
        fitted([Ridge("variance", 1.0)])
    with pytest.raises(ValueError, match="strength"):
        Ridge("coef", -1.0)


def test_a_penalised_fit_is_written_and_read():
    settings = {"n_init": 5, "random_state": 0, "parameter_space": ParameterSpace()}
    model = GaussianMoERegressor(2, constraints=[Ridge("coef", 2.0, experts=[1])], **settings).fit(X, Y)
    again = GaussianMoERegressor.from_json(model.to_json())
    assert again.fit_result_.penalties == (Ridge("coef", 2.0, (1,)),) and again.constraints == [
        Ridge("coef", 2.0, (1,))
    ]
    assert str(again.summary()) == str(model.summary())
    assert "of Ridge(name='coef', strength=2.0, experts=(1,))" in str(model.summary())
