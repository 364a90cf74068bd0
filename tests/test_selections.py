"""Selections by mass, by entropy and by the experts' choice: against their definitions, and as gates."""

import numpy as np
import pytest
import reference
from scipy.special import softmax

from gmoe import EntropyRule, ExpertChoice, Gate, GMoE, Parameters, TopKGate, TopP, as_gate
from gmoe.gates import as_selection, gate_text, register_selection

CASES = {
    "half": TopP(0.55), "most": TopP(0.9), "entropy": EntropyRule(), "tsallis": EntropyRule(0.3, 0.6, 2.0),
    "flat": EntropyRule(0.8, 0.7, 0.5, 0.2), "choice": ExpertChoice(),
}  # fmt: skip
each = pytest.mark.parametrize("selection", CASES.values(), ids=CASES)


def keys(k, m=400, seed=0):
    return np.random.default_rng(seed).normal(0.0, 1.5, (k, m))


def sizes(selection, key):
    return set(selection.active(key).sum(axis=0).tolist())


@each
@pytest.mark.parametrize("k", [2, 3, 6])
def test_is_what_it_says(selection, k):
    """Continuous thresholds and their derivatives, alike for all experts, row by row: as of any selection."""
    selection.check(k)
    assert len(sizes(selection, 2.0 * keys(k))) >= 2
    # On a fine line in one key, through all ranks, the threshold makes no step.
    key = np.repeat(np.random.default_rng(1).normal(size=(k, 1)), 20_001, axis=1)
    key[0] = np.linspace(-6.0, 6.0, 20_001)
    # Steps of 6e-4, and slopes of at most some 20 within the band of an entropy.
    assert np.abs(np.diff(selection.thresholds(key)[0])).max() < 0.05


@pytest.mark.parametrize("p", [0.55, 0.8, 0.95])
@pytest.mark.parametrize("k", [2, 3, 6])
def test_top_p_by_definition(p, k):
    key = keys(k)
    expected = np.array([reference.top_p(row, p) for row in key.T]).T
    assert np.array_equal(TopP(p).active(key), expected)
    share = np.where(expected, softmax(key, axis=0), 0.0)
    assert np.all(share.sum(axis=0) >= p)
    # Without the least likely of them it is not enough.
    least = np.where(share > 0.0, share, 1.0).min(axis=0)
    assert np.all(share.sum(axis=0) - least < p)


def entropy(p, index):
    return -np.sum(p * np.log(p), axis=0) if index == 1.0 else (1.0 - np.sum(p**index, axis=0)) / (index - 1.0)


@pytest.mark.parametrize("index", [0.5, 1.0, 1.1, 2.0])
def test_entropy_by_definition(index):
    """The published rule wherever the entropy is not within the band below its limit."""
    key = keys(4, 2000)
    level = entropy(softmax(key, axis=0), index)
    limit, band = np.quantile(level, 0.6), 0.05
    active = EntropyRule(limit, 0.7, index, band).active(key)
    high, low = level >= limit, level <= limit - band
    assert high.sum() > 500 and low.sum() > 500
    assert active[:, high].all()
    assert np.array_equal(active[:, low], TopP(0.7).active(key[:, low]))
    # In the band those of both and none besides, more of them the higher the entropy.
    inside = np.flatnonzero(~high & ~low)
    assert np.all(active[:, inside] >= TopP(0.7).active(key[:, inside]))


def test_ends_of_the_entropy():
    key = keys(4)
    assert EntropyRule(0.0).active(key).all()
    assert np.array_equal(EntropyRule(np.inf, 0.7).active(key), TopP(0.7).active(key))


def test_experts_choose():
    key = keys(3)
    expected = np.array([reference.expert_choice(row) for row in key.T]).T
    assert np.array_equal(ExpertChoice().active(key), expected)
    # Some rows nobody wants, some all.
    assert np.any(key.max(axis=0) < 0.0) and np.any(expected.all(axis=0))
    assert np.array_equal(ExpertChoice().active(3.0 * key), expected)


def model(gate):
    rows = {"gate_intercept": [0.0, 0.5, -0.5], "gate_coef": [[0.0, 0.5], [2.0, 0.0], [0.0, 2.0]]}
    arrays = {"intercept": [-2.0, 0.0, 2.0], "coef": [[1.0, 0.0], [0.0, -1.0], [-1.0, 1.0]], "variance": [0.3] * 3}
    return GMoE(Parameters(**rows, **arrays), gate)


@each
def test_gate(selection):
    gate = Gate(selection=selection)
    assert as_gate(gate_text(gate)) == gate == eval(repr(gate), {"Gate": Gate})
    X = np.random.default_rng(0).uniform(-2, 2, (500, 2))
    fitted = model(gate)
    p, dense = fitted.gate_proba(X), model("softmax").gate_proba(X)
    active = p > 0.0
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=0.0, atol=1e-15)
    kept = np.where(active, dense, 0.0)
    np.testing.assert_allclose(p, kept / kept.sum(axis=1, keepdims=True), rtol=1e-12)
    # Experts choose by logits that no common number is free in.
    assert fitted.n_free_parameters == 12 + (9 if isinstance(selection, ExpertChoice) else 6)
    _, expert = fitted.sample(X, np.random.default_rng(1))
    assert np.all(active[np.arange(500), expert])


def test_names():
    assert as_gate("top_p:p=0.6") == Gate(selection=TopP(0.6)) == as_gate("softmax:selection=top_p+0.6")
    assert as_gate("entropy:limit=0.3,index=2") == Gate(selection=EntropyRule(0.3, index=2.0))
    assert as_gate("expert_choice:activation=tanh") == Gate("tanh", selection=ExpertChoice())
    assert as_selection("entropy+0.3+0.9") == EntropyRule(0.3, 0.9)
    with pytest.raises(ValueError, match=r"'top_p' has the values p; .* got '0.3\+0.2'"):
        as_selection("top_p+0.3+0.2")
    with pytest.raises(ValueError, match="'expert_choice' has the values none; .* got '1'"):
        as_selection("expert_choice+1")
    with pytest.raises(TypeError, match="Only a Selection with a name"):
        register_selection(TopKGate(1).selection)


REFUSED = {
    "all": (lambda: TopP(1.0), "p must be below 1, got 1.0: .* use SoftmaxGate"),
    "one": (lambda: Gate(selection=TopP(0.5)).check(2, 1), r"the likeliest of 2 experts always suffices; use TopKGate"),
    "one by entropy": (lambda: as_gate("entropy:p=0.3").check(3, 1), "the likeliest of 3 experts always suffices"),
    "limit": (lambda: EntropyRule(-1.0), "limit must be finite and >= 0"),
    "index": (lambda: EntropyRule(index=0.0), "index must be positive"),
    "capacity": (lambda: as_gate("capacity"), "no density of y given x. Use .* 'expert_choice'"),
    "first come": (lambda: as_gate("softmax:selection=first_come"), "rows before it: there is no density"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
