"""Likelihoods written from the formulas alone, differentiated by autograd and climbed by SciPy, agree with gmoe."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

pytest.importorskip("autograd")

from gmoe import GaussianMoERegressor
from trust.agreement import SAME, draw, solve, truth_of
from trust.likelihoods import EXPERTS, GATES, log_likelihood


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("experts", EXPERTS)
def test_both_formulas_give_one_log_likelihood(gate, experts):
    """At a fit that was stopped on the way: the formulas are the same anywhere."""
    rng = np.random.default_rng(3)
    k = 3 if gate.startswith(("tree", "groups")) else 2
    truth = truth_of(gate, experts, k, rng)
    x, y = draw(gate, experts, truth, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = GaussianMoERegressor(k, gate, experts=experts, n_init=1, max_iter=3, random_state=0).fit(x, y)
    arrays = {name: value for name, value in fitted.model_.parameters.arrays.items() if name in truth}
    # 300 terms, and log-weights of a cold gate with a relative error of 1e-16 over a temperature of 1e-6.
    assert log_likelihood(gate, experts, arrays, x, y) == pytest.approx(fitted.log_likelihood_, abs=1e-7)


@pytest.mark.parametrize(("gate", "experts"), [("softmax", "student"), ("quadratic", "gaussian")])
def test_bfgs_finds_nothing_higher(gate, experts):
    assert solve(gate, experts, 11, n_starts=2).gain <= SAME
