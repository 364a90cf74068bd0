"""The model as a value: sampling against the distribution, canonical form, immutability, clear errors."""

import dataclasses
import pickle

import numpy as np
import pytest
from problems import assert_close, random_model
from scipy import stats

from gmoe import ActivationGate, GMoE, Parameters, SoftmaxGate, as_gate
from gmoe.datasets import make_gmoe


@pytest.mark.parametrize("n", [0, 1])
def test_few_rows(n):
    model = random_model(np.random.default_rng(0), 3, 2)
    X, y = np.zeros((n, 2)), np.zeros(n)
    assert model.log_density(X, y).shape == model.mean(X).shape == model.variance(X).shape == (n,)
    assert model.gate_proba(X).shape == model.responsibilities(X, y).shape == model.expert_means(X).shape == (n, 3)
    assert [a.shape for a in model.sample(X, np.random.default_rng(0))] == [(n,), (n,)]


@pytest.mark.stat
def test_samples_follow_the_model():
    """Uniform transforms of 1e5 responses (KS), and counts of experts (chi-squared): false alarm at 1e-6 each.

    The seed is fixed, so a false alarm is a matter of the NumPy version, not of the day.
    """
    n = 100_000
    X, y, model, expert = make_gmoe(n, 2, 3, random_state=14)
    sd = np.sqrt(model.parameters.variance)
    proba = model.gate_proba(X)
    transform = np.einsum("ij,ij->i", proba, stats.norm.cdf((y[:, None] - model.expert_means(X)) / sd))
    assert stats.kstest(transform, "uniform").pvalue > 1e-6
    # Experts are drawn from the gate at their x: in each tenth of the first feature.
    for tenth in np.array_split(np.argsort(X[:, 0]), 10):
        expected = proba[tenth].sum(axis=0)
        observed = np.bincount(expert[tenth], minlength=3)
        variance = (proba[tenth] * (1 - proba[tenth])).sum(axis=0)
        # 30 comparisons at a two-sided 3e-8.
        assert np.all(np.abs(observed - expected) < 5.6 * np.sqrt(variance) + 1)
    # And responses from the expert that is named.
    z = (y - model.expert_means(X)[np.arange(n), expert]) / sd[expert]
    assert stats.kstest(z, "norm").pvalue > 1e-6


def test_sampling_repeats_with_the_generator():
    model, X = random_model(np.random.default_rng(1), 3, 1), np.linspace(-1, 1, 50)[:, None]
    draws = [model.sample(X, np.random.default_rng(seed)) for seed in (5, 5, 6)]
    assert np.array_equal(draws[0][0], draws[1][0])
    assert np.array_equal(draws[0][1], draws[1][1])
    assert not np.array_equal(draws[0][0], draws[2][0])


@pytest.mark.parametrize("reference_expert", [0, 2, -1])
def test_canonical_is_the_same_density(reference_expert):
    rng = np.random.default_rng(15)
    model = random_model(rng, 3, 2, 5.0)
    canonical = model.canonical(reference_expert)
    X, y = rng.uniform(-1, 1, (100, 2)), rng.normal(0, 3, 100)
    assert_close(canonical.log_density(X, y), model.log_density(X, y))
    assert np.array_equal(canonical.parameters.gate[reference_expert], np.zeros(3))
    assert np.array_equal(canonical.parameters.expert, model.parameters.expert)


@pytest.mark.parametrize(
    ("k", "d_gate", "d_expert", "expected"), [(2, 1, 1, 8), (3, 2, 4, 24), (1, 3, 3, 5), (4, 0, 2, 19)]
)
def test_number_of_free_parameters(k, d_gate, d_expert, expected):
    # (k - 1)(1 + d_gate) + k (1 + d_expert) + k
    p = Parameters(np.zeros(k), np.zeros((k, d_gate)), np.zeros(k), np.zeros((k, d_expert)), np.ones(k))
    assert GMoE(p).n_free_parameters == expected


def test_a_model_is_an_immutable_value():
    source = np.array([1.0, 2.0])
    parameters = Parameters([0.0, 1.0], [[0.0], [1.0]], source, [[1.0], [2.0]], [1.0, 1.0])
    model = GMoE(parameters, gate="softmax")
    assert model.gate == SoftmaxGate()
    source[0] = 99.0
    assert parameters.intercept[0] == 1.0  # a copy
    with pytest.raises(ValueError, match="read-only"):
        parameters.intercept[0] = 5.0
    for frozen, name in [(parameters, "variance"), (model, "parameters"), (model, "gate")]:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(frozen, name, None)
    copy = pickle.loads(pickle.dumps(model))
    X, y = np.linspace(-1, 1, 5)[:, None], np.zeros(5)
    assert np.array_equal(copy.log_density(X, y), model.log_density(X, y))


def test_a_pickled_model_stays_immutable():
    # pickle does not keep the flag of an array.
    copy = pickle.loads(pickle.dumps(random_model(np.random.default_rng(0), 2, 1)))
    with pytest.raises(ValueError, match="read-only"):
        copy.parameters.variance[0] = 5.0


def test_reorder_and_with_gate():
    parameters = random_model(np.random.default_rng(2), 3, 2).parameters
    turned = parameters.reorder([2, 0, 1])
    assert np.array_equal(turned.gate, parameters.gate[[2, 0, 1]])
    assert np.array_equal(turned.expert, parameters.expert[[2, 0, 1]])
    assert np.array_equal(turned.variance, parameters.variance[[2, 0, 1]])
    assert np.array_equal(parameters.with_gate(2 * parameters.gate).gate, 2 * parameters.gate)


GOOD = {"gate_intercept": [0, 0], "gate_coef": [[0], [0]], "intercept": [0, 0], "coef": [[0], [0]], "variance": [1, 1]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variance": [1.0, 0.0]}, r"variance must be positive .*got \[1\. 0\.\]"),
        ({"variance": [1.0, -1.0]}, "variance must be positive"),
        ({"coef": [[0.0], [np.nan]]}, "coef must be finite"),
        ({"gate_intercept": [0.0, np.inf]}, "gate_intercept must be finite"),
        ({"gate_intercept": [0.0]}, r"gate_intercept must have shape \(2,\).*got \(1,\)"),
        ({"intercept": [[0.0, 0.0]]}, r"intercept must have shape \(2,\).*got \(1, 2\)"),
        ({"variance": [[1.0, 1.0]]}, r"variance must have shape \(2,\).*got \(1, 2\)"),
        ({"coef": [0.0, 0.0]}, r"coef must have shape \(2, n_features\), got \(2,\)"),
        ({"gate_coef": [[0.0], [0.0], [0.0]]}, r"gate_coef must have shape \(2, n_features\), got \(3, 1\)"),
    ],
)
def test_parameters_say_what_is_wrong(change, message):
    with pytest.raises(ValueError, match=message):
        Parameters(**{**GOOD, **change})


def test_a_model_has_an_expert():
    none = {"gate_coef": np.empty((0, 1)), "coef": np.empty((0, 1))}
    with pytest.raises(ValueError, match="expert"):
        Parameters(gate_intercept=[], intercept=[], variance=[], **none)


def test_model_says_what_is_wrong():
    model = GMoE(Parameters(**{**GOOD, "coef": [[0, 1], [0, 1]]}))
    with pytest.raises(ValueError, match=r"\(n, >=2\), got \(3, 1\)"):
        model.log_density(np.zeros((3, 1)), np.zeros(3))
    with pytest.raises(ValueError, match=r"got \(3,\); use X.reshape\(-1, 1\)"):
        model.gate_proba(np.zeros(3))
    with pytest.raises(ValueError, match=r"y must have shape \(3,\).*got \(3, 1\)"):
        model.log_density(np.zeros((3, 2)), np.zeros((3, 1)))
    with pytest.raises(ValueError, match=r"y must have shape \(3,\).*got \(2,\)"):
        model.responsibilities(np.zeros((3, 2)), np.zeros(2))
    with pytest.raises(ValueError, match="gate_columns names 2 columns, the parameters have 1 slopes"):
        GMoE(Parameters(**GOOD), gate_columns=[0, 1])
    with pytest.raises(ValueError, match="expert_columns names 0 columns"):
        GMoE(Parameters(**GOOD), expert_columns=[])
    with pytest.raises(ValueError, match="Unknown gate 'soft'"):
        GMoE(Parameters(**GOOD), "soft")
    with pytest.raises(ValueError, match="n_active=3 is more than n_experts=2; use 1 to 2"):
        GMoE(Parameters(**GOOD), "topk:n_active=3")
    with pytest.raises(ValueError, match=r"temperature 3.0, which DenseToSparseGate\(temperature=2.0\) fixes at 2.0"):
        GMoE(Parameters(**GOOD, temperature=3.0), "dense_to_sparse:temperature=2")
    with pytest.raises(ValueError, match="scale='temperature=1' would change the density"):
        model.canonical(scale="temperature=1")
    with pytest.raises(ValueError, match="scale must be None or 'temperature=1', got 'one'"):
        model.canonical(scale="one")


def test_the_gate_fixes_the_temperature():
    assert GMoE(Parameters(**GOOD), "dense_to_sparse:temperature=2").parameters.temperature == 2.0
    assert GMoE(Parameters(**GOOD, temperature=3.0), "dense_to_sparse").parameters.temperature == 3.0


def test_a_temperature_of_constants_has_one_canonical_form():
    none = {"gate_coef": np.empty((2, 0)), "gate_intercept": [0.5, 2.0]}
    model = GMoE(Parameters(**{**GOOD, **none}, temperature=3.0), ActivationGate("tanh"))
    canonical = model.canonical()
    assert canonical.parameters.temperature == 1.0
    assert_close(canonical.gate_proba(np.zeros((1, 1))), model.gate_proba(np.zeros((1, 1))))


@pytest.mark.parametrize("gate", ["topk:n_active=2", "topk:select_on=logit", "activation:activation=gelu"])
def test_simulated_data_of_every_gate(gate):
    temperature = 0.5 if as_gate(gate).estimated else 1.0
    X, y, model, expert = make_gmoe(2000, 2, 3, gate=gate, temperature=temperature, random_state=3)
    assert model.gate == as_gate(gate)
    assert model.parameters.temperature == temperature
    proba = model.gate_proba(X)
    # Nobody is drawn who cannot be, and the others as often as the gate says: five standard deviations.
    assert np.all(proba[np.arange(len(y)), expert] > 0)
    sd = np.sqrt(np.sum(proba * (1 - proba), axis=0))
    assert np.all(np.abs(np.bincount(expert, minlength=3) - proba.sum(axis=0)) <= 5 * sd)
    with pytest.raises(ValueError, match="n_active=4"):
        make_gmoe(10, gate="topk:n_active=4")


def test_a_row_that_is_not_a_number_stays_its_own():
    model = random_model(np.random.default_rng(3), 2, 1)
    X, y = np.linspace(-1, 1, 5)[:, None], np.zeros(5)
    y[2] = np.nan
    assert np.isnan(model.log_density(X, y)).tolist() == [False, False, True, False, False]
