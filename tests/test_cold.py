"""Ascents on their way to temperature zero: they are followed to its end, others are left alone."""

import numpy as np
import pytest
from likelihood import fit_arrays

from gmoe import ActivationGate, GMoE, Parameters
from gmoe.gates import LOG_TEMPERATURE_RANGE

SIGMOID = ActivationGate("sigmoid", temperature="estimate")


def data_of(gate, seed, n, temperature, slope=0.5):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-3, 3, (n, 1))
    truth = Parameters([1.0, 0.0], [[slope], [-slope]], [0.0, 4.0], [[1.0], [-1.0]], [0.25, 0.25], temperature)
    return X, GMoE(truth, gate).sample(X, rng)[0]


@pytest.mark.parametrize("seed", range(3))
def test_climb_that_stops_on_the_way_is_followed(seed):
    # sigmoid(z) / T tends to exp(z - log T): the exponential gate is at temperature zero.
    X, y = data_of(ActivationGate("exp", temperature=0.7), seed, 400, 0.7)
    full = fit_arrays(X, y, 2, gate=SIGMOID)
    short = fit_arrays(X, y, 2, gate=SIGMOID, max_iter=15)
    assert full.status == short.status == "temperature_at_bound"
    assert np.log(short.model.parameters.temperature) == pytest.approx(LOG_TEMPERATURE_RANGE[0])
    # A tenth of what a likelihood ratio test sees.
    assert short.log_likelihood > full.log_likelihood - 0.1
    assert short.n_agreeing >= 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("temperature", [1.0, 0.01])
def test_climb_to_an_interior_maximum_is_not(seed, temperature):
    X, y = data_of(SIGMOID, seed, 2000, 0.2, slope=2.0)
    assert fit_arrays(X, y, 2, gate=SIGMOID).status == "converged"
    start = Parameters([0.0, 0.0], [[0.5], [-0.5]], [1.0, 3.0], [[0.5], [-0.5]], [1.0, 1.0], temperature)
    short = fit_arrays(X, y, 2, gate=SIGMOID, max_iter=3, init=start)
    # A start at a low temperature is followed too, and falls; it may end in the maximum instead.
    assert short.status in ({"max_iter"} if temperature == 1.0 else {"max_iter", "converged"})
