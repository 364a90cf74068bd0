"""A temperature: a mere scale where the activation is homogeneous, a parameter where it bends."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from gmoe import ActivationGate, DenseToSparseGate, GaussianMoERegressor, GMoE, Parameters, TopKGate
from gmoe.datasets import load_penguins, make_gmoe

# Both fits climb in the same natural coordinates, so what differs is rounding.
SAME = {"rtol": 1e-8, "atol": 1e-8}


def simulated(n_features, n_experts, seed):
    X, y, _, _ = make_gmoe(400, n_features, n_experts, noise=1.0, gate_scale=1.0, expert_scale=2.0, random_state=seed)
    return X, y


def penguins():
    X, y = load_penguins(return_X_y=True)
    return X[:, :2], y


DATA = {
    "two experts": (2, lambda: simulated(1, 2, 1)),
    "three features": (2, lambda: simulated(3, 2, 2)),
    "three experts": (3, lambda: simulated(1, 3, 3)),
    "penguins": (3, penguins),
}


@pytest.fixture(scope="module", params=DATA)
def pair(request):
    """Data, the softmax fit, the fit with an estimated temperature, and what the latter warned."""
    n_experts, make = DATA[request.param]
    X, y = make()
    options = {"n_init": 3, "random_state": 0}
    plain = GaussianMoERegressor(n_experts, **options).fit(X, y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tempered = GaussianMoERegressor(n_experts, DenseToSparseGate(), **options).fit(X, y)
    return X, y, plain, tempered, caught


def test_a_linear_temperature_gate_is_the_softmax_gate(pair):
    X, y, plain, tempered, _ = pair
    assert plain.fit_result_.certified and tempered.fit_result_.certified
    assert tempered.temperature_ != 1.0
    np.testing.assert_allclose(tempered.gate_coef_ / tempered.temperature_, plain.gate_coef_, **SAME)
    np.testing.assert_allclose(tempered.gate_intercept_ / tempered.temperature_, plain.gate_intercept_, **SAME)
    assert tempered.log_likelihood_ == pytest.approx(plain.log_likelihood_, abs=1e-8)
    np.testing.assert_allclose(tempered.score_samples(X, y), plain.score_samples(X, y), **SAME)
    np.testing.assert_allclose(tempered.predict_gate(X), plain.predict_gate(X), **SAME)


def test_exactly_one_flat_direction_more_and_one_warning(pair):
    _, _, plain, tempered, caught = pair
    one, other = plain.fit_result_, tempered.fit_result_
    assert other.n_flat == one.n_flat + 1
    # A scale that has no effect fits nothing.
    assert other.n_free_parameters == one.n_free_parameters
    assert [w.category for w in caught] == [ConvergenceWarning]
    assert "temperature" in str(caught[0].message) and "not identified" in str(caught[0].message)
    gate = {name for name in other.parameter_names if name.startswith("gate") and not name.endswith("(0)")}
    assert set(other.not_identified) == gate | {"temperature"}
    # Experts have standard errors as before.
    rows = [name.startswith(("intercept", "coef", "variance")) for name in one.parameter_names]
    np.testing.assert_allclose(other.standard_errors[:-1][rows], one.standard_errors[rows], rtol=1e-6)


def test_temperature_one_is_the_softmax_fit(pair):
    X, y, plain, tempered, _ = pair
    model = tempered.model_.canonical(scale="temperature=1")
    assert model.parameters.temperature == 1.0
    np.testing.assert_allclose(model.parameters.gate, plain.model_.parameters.gate, **SAME)
    np.testing.assert_allclose(model.log_density(X, y), plain.score_samples(X, y), **SAME)


def test_the_choice_of_least_norm(pair):
    _, _, _, tempered, _ = pair
    p = tempered.model_.parameters

    def norm(scale):
        return np.sum((scale * p.gate) ** 2) + np.log(scale * p.temperature) ** 2

    assert norm(1.0) < min(norm(0.999), norm(1.001))


def test_a_fixed_temperature_scales_the_parameters(pair):
    X, y, plain, _, _ = pair
    options = {**plain.get_params(), "gate": "dense_to_sparse:temperature=2"}
    fixed = GaussianMoERegressor(**options).fit(X, y)
    assert fixed.temperature_ == 2.0
    np.testing.assert_allclose(fixed.gate_coef_, 2.0 * plain.gate_coef_, **SAME)
    np.testing.assert_allclose(fixed.gate_intercept_, 2.0 * plain.gate_intercept_, **SAME)
    assert fixed.log_likelihood_ == pytest.approx(plain.log_likelihood_, abs=1e-8)
    assert fixed.fit_result_.n_flat == plain.fit_result_.n_flat
    # Standard errors scale as well, and are at hand: a fixed temperature is known.
    gate = [name.startswith("gate") for name in fixed.fit_result_.parameter_names]
    expected = 2.0 * plain.fit_result_.standard_errors[gate]
    np.testing.assert_allclose(fixed.fit_result_.standard_errors[gate], expected, rtol=1e-6)


# A gate of each kind whose data identify its temperature, for which no more than n = 2000 is needed.
SLOPES = np.array([[3.0, 1.0], [1.0, -3.0]])
EXPERTS = {"intercept": [2.0, -1.0], "coef": [[1.0, 0.5], [-0.5, 1.0]], "variance": [0.36, 0.64]}


def truth(gate, scale, temperature, intercept=-0.2):
    parameters = Parameters([0.0, intercept], scale * SLOPES, **EXPERTS, temperature=temperature)
    return GMoE(parameters, gate).canonical()


def sample(model, n=2000, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, (n, 2))
    return X, model.sample(X, rng)[0]


@pytest.mark.parametrize(
    ("activation", "scale", "temperature"), [("sigmoid", 2, 0.25), ("tanh", 1, 0.5), ("gelu", 1, 0.25)]
)
def test_an_activation_that_bends_identifies_the_temperature(activation, scale, temperature):
    gate = ActivationGate(activation)
    model = truth(gate, scale, temperature)
    X, y = sample(model)
    # No warning: the file's configuration makes it an error.
    fitted = GaussianMoERegressor(2, gate, init=model.parameters).fit(X, y)
    result = fitted.fit_result_
    assert result.certified and result.gradient <= 1e-8
    # The intercepts' common constant, and nothing else.
    assert result.n_flat == 1 and result.not_identified == ()
    assert result.parameter_names[-1] == "temperature" and result.notes[-1] == ""
    lower, upper = fitted.confidence_interval("temperature", level=0.9999)
    # A fixed seed; outside this interval once in 1e4 seeds.
    assert lower < temperature < upper
    assert lower < fitted.temperature_ < upper
    assert "temperature " in str(fitted.summary())


def test_relu_leaves_the_temperature_open():
    model = truth(ActivationGate("relu", temperature=0.5), 1.0, 0.5)
    X, y = sample(model)
    fixed = GaussianMoERegressor(2, model.gate, init=model.parameters).fit(X, y)
    gate = ActivationGate("relu")
    with pytest.warns(ConvergenceWarning, match="not identified") as caught:
        free = GaussianMoERegressor(2, gate, init=model.parameters).fit(X, y)
    assert len(caught) == 1
    assert free.fit_result_.n_flat == fixed.fit_result_.n_flat + 1
    assert "temperature" in free.fit_result_.not_identified
    np.testing.assert_allclose(free.gate_coef_ / free.temperature_, fixed.gate_coef_ / 0.5, **SAME)
    assert free.log_likelihood_ == pytest.approx(fixed.log_likelihood_, abs=1e-8)


def test_one_active_expert_leaves_the_temperature_without_effect():
    gate = "topk:n_active=1,select_on=logit,activation=tanh,temperature=estimate"
    X, y = simulated(1, 2, 1)
    with pytest.warns(ConvergenceWarning, match="one expert alone is active"):
        fitted = GaussianMoERegressor(2, gate, n_init=2, random_state=0).fit(X, y)
    assert fitted.temperature_ == 1.0
    with pytest.raises(ValueError, match="does not identify"):
        fitted.confidence_interval("temperature")


def test_a_constant_gate_leaves_the_temperature_open():
    # Two lines far apart: the search finds the one maximum whatever the gate.
    X, y, _, _ = make_gmoe(400, 1, 2, random_state=1)
    with pytest.warns(ConvergenceWarning, match="divides constants"):
        fitted = GaussianMoERegressor(2, "activation:activation=tanh", gate_features=[], random_state=0).fit(X, y)
    plain = GaussianMoERegressor(2, gate_features=[], random_state=0).fit(X, y)
    assert fitted.log_likelihood_ == pytest.approx(plain.log_likelihood_, abs=1e-8)


def test_starts_take_the_temperature_along():
    gate = ActivationGate("tanh")
    model = truth(gate, 1.0, 0.5)
    X, y = sample(model)
    fitted = GaussianMoERegressor(2, gate, init=model.parameters).fit(X, y)
    again = GaussianMoERegressor(2, gate, init=fitted.model_.parameters, warm_start=True).fit(X, y)
    # At a maximum already: nothing to climb.
    assert again.n_iter_ == 1
    assert again.temperature_ == pytest.approx(fitted.temperature_, rel=1e-6)
    assert again.fit(X, y).n_iter_ == 1
    # A gate with a fixed temperature takes parameters of that temperature, or of none (1).
    with pytest.raises(ValueError, match=r"temperature 0\.\d+.*fixes at 2.0; give parameters"):
        again.set_params(gate=ActivationGate("tanh", 2.0)).fit(X, y)


def test_tiny_temperatures_lose_no_digits():
    """The logits of a nearly hard gate are huge; only their differences may count."""
    hard = GMoE(truth(TopKGate(1, "logit"), 1.0, 1.0).parameters, TopKGate(1, "logit"))
    X, y = sample(hard, 500)
    for gate in (DenseToSparseGate(1e-20), ActivationGate("leaky_relu", 1e-20)):
        near = GMoE(hard.parameters, gate)
        sharp = GMoE(hard.parameters, TopKGate(1, "logit") if gate.affine else _hard(gate))
        # Equal to rounding: away from the boundary all but one probability underflow.
        np.testing.assert_allclose(near.log_density(X, y), sharp.log_density(X, y), rtol=1e-12, atol=1e-12)


def _hard(gate):
    from dataclasses import replace

    return replace(gate, n_active=1, select_on="logit")


def test_data_of_a_softmax_gate_send_the_temperature_to_its_bound():
    # The sigmoid is straight where its slopes are small, and a cold gate makes up for it: a limit, not a maximum.
    rng = np.random.default_rng(5)
    X = rng.uniform(-2, 2, (1000, 1))
    truth = GMoE(Parameters([0, 0.3], [[0], [1.5]], [0, 1], [[1], [-1]], [0.1, 0.2]))
    y, _ = truth.sample(X, rng)
    softmax = GaussianMoERegressor(2, random_state=0).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="end of its range"):
        bent = GaussianMoERegressor(2, ActivationGate("tanh"), random_state=0).fit(X, y)
    assert bent.fit_result_.status == "temperature_at_bound"
    assert np.isnan(bent.fit_result_.standard_errors[-1])  # at the bound, or without information on the way to it
    # At a temperature of 6e-6 the tanh differs from the straight line by its square: 4e-11 of a log-likelihood of 800.
    assert bent.log_likelihood_ >= softmax.log_likelihood_ - 1e-6
    assert np.allclose(bent.predict(X), softmax.predict(X), rtol=0, atol=1e-3)  # as flat as the likelihood there
