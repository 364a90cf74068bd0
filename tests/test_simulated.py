"""make_gmoe: simulated data with known parameters."""

import numpy as np
import pytest

from gmoe.datasets import make_gmoe


@pytest.mark.parametrize(("n", "d", "k"), [(1, 1, 1), (10, 3, 2), (200, 1, 5)])
def test_shapes(n, d, k):
    X, y, model, expert = make_gmoe(n, d, k)
    assert X.shape == (n, d)
    assert y.shape == expert.shape == (n,)
    assert np.all(np.abs(X) <= 1)
    assert expert.dtype.kind == "i"
    assert set(expert) <= set(range(k))
    assert model.parameters.coef.shape == model.parameters.gate_coef.shape == (k, d)
    assert np.array_equal(model.parameters.gate[0], np.zeros(1 + d))  # canonical
    assert np.all(np.isfinite(model.log_density(X, y)))


def test_noise_is_a_standard_deviation():
    assert np.array_equal(make_gmoe(noise=0.5)[2].parameters.variance, [0.25, 0.25])


def test_same_state_same_data():
    first, again, other = make_gmoe(random_state=1), make_gmoe(random_state=1), make_gmoe(random_state=2)
    generator = make_gmoe(random_state=np.random.default_rng(1))
    for i in (0, 1, 3):
        assert np.array_equal(first[i], again[i])
        assert np.array_equal(first[i], generator[i])
    assert not np.array_equal(first[1], other[1])


def test_scales_are_the_sizes_of_the_parameters():
    # 4 standard errors of the standard deviation of 4000 normal numbers: 4 / sqrt(8000).
    p = make_gmoe(10, 1, 2000, gate_scale=7.0, expert_scale=0.1, random_state=3)[2].parameters
    assert np.std(p.expert) == pytest.approx(0.1, rel=0.045)
    assert np.std(p.gate - p.gate.mean(axis=0)) == pytest.approx(7.0, rel=0.045)


@pytest.mark.parametrize("name", ["n_samples", "n_features", "n_experts"])
def test_sizes_below_one(name):
    with pytest.raises(ValueError, match=f"{name} must be >= 1, got 0"):
        make_gmoe(**{name: 0})


@pytest.mark.parametrize("name", ["gate_scale", "expert_scale", "noise"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_scales_that_are_not_positive(name, value):
    with pytest.raises(ValueError, match=f"{name} must be positive, got {value}"):
        make_gmoe(**{name: value})
