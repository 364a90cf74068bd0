"""Diagnostics of a gate against their definitions, in ways of their own."""

import numpy as np
import pytest

from gmoe import GMoE, LaplaceGate, Parameters, TopKGate, diagnose, edit

RNG = np.random.default_rng(4)
X = RNG.uniform(-2.0, 2.0, (150, 2))
GIVEN = {
    "gate_intercept": [0.0, 0.4, -0.3], "gate_coef": [[0.0, 0.0], [1.5, -0.4], [-0.7, 1.1]],
    "intercept": [0.0, 1.5, -1.0], "coef": [[0.5, 0.0], [-0.5, 1.0], [1.0, 1.0]], "variance": [0.5, 0.3, 0.8],
}  # fmt: skip
MODEL = GMoE(Parameters(**GIVEN))
Y = MODEL.sample(X, RNG)[0]
WEIGHT = RNG.uniform(0.0, 2.0, len(Y))


def test_every_figure_by_its_definition():
    found = diagnose(MODEL, X, Y, weight=WEIGHT)
    pi, r, f = MODEL.gate_proba(X), MODEL.responsibilities(X, Y), MODEL.expert_log_density(X, Y)
    # Sums of three terms; the logarithms of small numbers lose digits.
    np.testing.assert_allclose(found.regret, (r * np.log(r / pi)).sum(axis=1), atol=1e-10)
    np.testing.assert_allclose(found.entropy, -(pi * np.log(pi)).sum(axis=1), atol=1e-12)
    np.testing.assert_allclose(found.difficulty, f.max(axis=1) - MODEL.log_density(X, Y), atol=1e-12)
    ordered = np.sort(pi, axis=1)
    np.testing.assert_allclose(found.margin, np.log(ordered[:, 2] / ordered[:, 1]), atol=1e-10)
    frame = found.to_frame()
    np.testing.assert_allclose(frame["load"], np.average(pi, axis=0, weights=WEIGHT), rtol=1e-12)
    np.testing.assert_allclose(frame["rows"], WEIGHT @ r, rtol=1e-12)
    assert frame["first"].sum() == pytest.approx(1.0) == frame["assigned"].sum()
    of_one = r.argmax(axis=1) == 1
    assert frame.loc[1, "mean_posterior"] == pytest.approx(np.average(r[of_one, 1], weights=WEIGHT[of_one]))
    assert found.mean("regret") == pytest.approx(np.average(found.regret, weights=WEIGHT))
    assert list(found.by_row().columns) == ["regret", "difficulty", "entropy", "margin", "distance", "expert"]
    assert "regret" in str(found) and "mean_posterior" in str(found) and len(repr(found)) < 100


@pytest.mark.parametrize("model", [MODEL, GMoE(Parameters(**GIVEN), TopKGate(2))], ids=["dense", "sparse"])
def test_the_distance_is_where_the_likeliest_expert_changes(model):
    distance = diagnose(model, X, Y).distance
    angles = np.linspace(0.0, 2.0 * np.pi, 721)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    for x, radius in zip(X[:20], distance[:20], strict=True):
        first = MODEL.gate_proba(x[None]).argmax()
        # No direction changes it before; half a degree from the right one the boundary is 4e-5 farther.
        assert (MODEL.gate_proba(x + 0.999 * radius * circle).argmax(axis=1) == first).all()
        assert (MODEL.gate_proba(x + 1.001 * radius * circle).argmax(axis=1) != first).any()


def test_extremes():
    # One expert: nothing to route.
    alone = diagnose(edit.prune(edit.prune(MODEL, X, Y).model, X, Y).model, X, Y)
    assert np.all(alone.regret == 0.0) and np.all(alone.entropy == 0.0) and np.all(np.isinf(alone.distance))
    # Experts alike: y says nothing about them, whatever the gate.
    same = GMoE(Parameters(**GIVEN | {"intercept": [1.0] * 3, "coef": np.ones((3, 2)), "variance": [1.0] * 3}))
    assert np.abs(diagnose(same, X, Y).regret).max() < 1e-14
    # Far apart under a gate that does not know: the regret is log 3, and the entropy of the gate.
    blind = {"gate_intercept": np.zeros(3), "gate_coef": np.zeros((3, 2)), "intercept": [-1e3, 0.0, 1e3]}
    apart = GMoE(Parameters(**GIVEN | blind))
    found = diagnose(apart, X, apart.sample(X, np.random.default_rng(0))[0])
    np.testing.assert_allclose(found.regret, np.log(3.0), rtol=1e-12)
    np.testing.assert_allclose(found.difficulty, np.log(3.0), rtol=1e-12)
    assert found.imbalance == pytest.approx(0.0, abs=1e-12)
    # One active expert of three.
    hard = diagnose(GMoE(Parameters(**GIVEN), TopKGate(1)), X, Y)
    assert np.all(hard.regret == 0.0) and np.all(np.isinf(hard.margin))
    given = {name: GIVEN[name] for name in ("intercept", "coef", "variance", "gate_intercept")}
    curved = GMoE(Parameters(**given, gate_location=np.eye(3, 2), gate_scale=1.0), LaplaceGate())
    assert diagnose(curved, X, Y).distance is None
    with pytest.raises(ValueError, match="non-negative"):
        diagnose(MODEL, X, Y, weight=-WEIGHT)
