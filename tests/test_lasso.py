"""Lasso penalties: against an independent optimiser with bounds, and the conditions at zero."""

import numpy as np
import pytest
import scipy
from likelihood import fit_arrays, value_and_gradient
from test_constraints import WIDE

from gmoe import GaussianMoERegressor, GMoE, Parameters
from gmoe.constraints import Held, Lasso, Ridge, Tied
from gmoe.table import parameter_values

D, N = 4, 300
RNG = np.random.default_rng(7)
X = RNG.uniform(-2.0, 2.0, (N, D)) * [1.0, 0.5, 2.0, 1.0]
# Two of four columns matter to the experts, one to the gate.
TRUTH = GMoE(
    Parameters(
        [0.0, 0.3], [[0.0] * D, [1.2, 0.0, 0.0, 0.0]], [1.0, -1.0], [[-1.0, 0.8, 0, 0], [1.0, 0, 0, 0]], [0.3, 0.3]
    )
)
Y = TRUTH.sample(X, RNG)[0]
LABELS = tuple("abcd")
SIZES = X.std(axis=0)
DESIGN = np.column_stack([np.ones(N), X])
RESIDUAL = np.std(Y - DESIGN @ np.linalg.lstsq(DESIGN, Y)[0])
GATE, COEF = slice(1, 1 + D), slice(2 + D, 2 + 2 * D)


def fitted(constraints, **options):
    return fit_arrays(X, Y, 2, constraints=constraints, column_names=LABELS, space=WIDE, n_init=5, **options)


def absolute(table, of_coef, of_gate):
    """Strength times the sums of standardised absolute values; of the gate relative to expert 0."""
    gate = np.abs((table[1, GATE] - table[0, GATE]) * SIZES).sum()
    return of_coef * np.abs(table[:, COEF] * SIZES / RESIDUAL).sum() + of_gate * gate


def oracle(of_coef, of_gate, start):
    """Maximise by L-BFGS-B in positive and negative parts, which is smooth; of the gate expert 0 is the reference."""
    width = start.size // 2
    free = np.setdiff1d(np.arange(start.size), np.arange(1 + D))
    last = np.array([width - 1, 2 * width - 1])
    cost = np.zeros((2, width))
    cost[:, COEF], cost[1, GATE] = of_coef * SIZES / RESIDUAL, of_gate * SIZES
    cost = cost.ravel()[free]

    def table(z):
        full = np.zeros(start.size)
        full[free] = z[: len(free)] - z[len(free) :]
        full[last] = np.exp(full[last])
        return full.reshape(2, -1)

    def loss(z):
        value, gradient = value_and_gradient(table(z), X, X, Y)
        slopes = gradient.ravel()[free]
        value -= cost @ (z[: len(free)] + z[len(free) :])
        return -value / N, np.append(cost - slopes, cost + slopes) / N

    begin = start.ravel().copy()
    begin[last] = np.log(begin[last])
    begin = np.append(np.maximum(begin[free], 0.0), np.maximum(-begin[free], 0.0))
    found = scipy.optimize.minimize(
        loss, begin, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(begin),
        options={"ftol": 1e-16, "gtol": 1e-11, "maxiter": 20_000, "maxfun": 50_000, "maxcor": 40},
    )  # fmt: skip
    return -found.fun * N, table(found.x)


@pytest.mark.parametrize("strengths", [(4.0, 0.0), (15.0, 8.0), (60.0, 30.0)])
def test_a_lasso_is_that_of_an_independent_optimiser(strengths):
    of_coef, of_gate = strengths
    result = fitted([Lasso("coef", of_coef), Lasso("gate_coef", of_gate)])
    at = parameter_values(result.model).reshape(2, -1)
    ends = [oracle(*strengths, start) for start in (at * 1.1, parameter_values(TRUTH).reshape(2, -1))]
    assert result.status == "converged"
    criterion = result.log_likelihood - result.penalty
    assert result.penalty == pytest.approx(absolute(at, *strengths), rel=1e-9)
    # L-BFGS-B ends where it makes no progress: some 1e-9 in the value, and the root of it in the parameters.
    assert criterion == pytest.approx(max(value for value, _ in ends), abs=1e-5)
    assert criterion >= max(value for value, _ in ends) - 1e-8
    assert at == pytest.approx(ends[0][1], abs=1e-3)


def test_zeros_are_exact_counted_and_noted():
    result = fitted([Lasso("coef", 15.0), Lasso("gate_coef", 8.0)])
    notes = dict(zip(result.parameter_names, result.notes, strict=True))
    values = dict(zip(result.parameter_names, parameter_values(result.model).tolist(), strict=True))
    zeros = [name for name, note in notes.items() if note == "zero"]
    assert {"coef[c] (0)", "coef[c] (1)"} <= set(zeros) and not any(name.startswith("coef[a]") for name in zeros)
    assert all(values[name] == 0.0 for name in zeros) and notes["coef[a] (1)"] == ""
    assert result.n_free_parameters == fitted(()).n_free_parameters - len(zeros)
    # On the face that is left it is the fit that holds the zeros, with the same signs of the others: KKT.
    table = parameter_values(result.model).reshape(2, -1)
    slopes = value_and_gradient(table, X, X, Y)[1]
    standard = slopes[:, COEF] / (SIZES / RESIDUAL)
    at = table[:, COEF]
    # Gradients of climbs end below 1e-8 of the average, times N = 300.
    assert np.abs(standard[at == 0.0]).max() <= 15.0
    assert standard[at != 0.0] == pytest.approx(15.0 * np.sign(at[at != 0.0]), abs=1e-4)


def test_no_penalty_is_the_plain_fit_bit_for_bit():
    plain, lasso = fitted(()), fitted([Lasso("coef", 0.0)])
    assert parameter_values(lasso.model).tobytes() == parameter_values(plain.model).tobytes()
    assert lasso.spread.tobytes() == plain.spread.tobytes()


def test_a_strong_lasso_holds_all_at_zero():
    lasso, held = (
        fitted([Lasso("coef[c]", 1e4), Lasso("coef[d]", 1e4)]),
        fitted([Held("coef[c]", 0), Held("coef[d]", 0)]),
    )
    assert lasso.log_likelihood == pytest.approx(held.log_likelihood, abs=1e-8)  # two climbs, gradients below 1e-8
    assert lasso.n_free_parameters == held.n_free_parameters and lasso.penalty == 0.0


def test_a_lasso_goes_with_other_constraints():
    result = fitted([Lasso("coef", 10.0), Ridge("gate_coef", 1.0), Tied("coef[b]"), Held("coef[a] (1)", 0.9)])
    coef = result.model.parameters.coef
    assert result.status == "converged" and coef[0, 1] == coef[1, 1] and coef[1, 0] == 0.9
    both = fitted([Ridge("gate_coef", 1.0), Tied("coef[b]"), Held("coef[a] (1)", 0.9)])
    assert np.abs(coef).sum() < np.abs(both.model.parameters.coef).sum()


def test_a_lasso_is_written_and_read():
    model = GaussianMoERegressor(2, constraints=Lasso("coef", 15.0), n_init=5, random_state=0).fit(X, Y)
    again = GaussianMoERegressor.from_json(model.to_json())
    assert again.constraints == [Lasso("coef", 15.0)] and str(again.summary()) == str(model.summary())
    assert again.fit_result_.notes == model.fit_result_.notes and "zero" in model.fit_result_.notes


def test_what_is_zero_may_leave_zero():
    # From slopes that are all zero: the climb goes on from face to face, to the same maximum as from elsewhere.
    penalties = [Lasso("coef", 15.0), Lasso("gate_coef", 8.0)]
    best = fitted(penalties)
    p = best.model.parameters
    start = Parameters(p.gate_intercept, 0.0 * p.gate_coef, p.intercept, 0.0 * p.coef, p.variance)
    again = fit_arrays(X, Y, 2, constraints=penalties, column_names=LABELS, space=WIDE, init=start)
    assert again.status == "converged"
    # Two climbs to gradients below 1e-8.
    assert again.log_likelihood - again.penalty == pytest.approx(best.log_likelihood - best.penalty, abs=1e-7)
    assert again.notes == best.notes
