"""Truths of a study: gate and means on columns of their own, and parameters that move with n."""

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from gmoe import GMoE, Parameters
from gmoe.metrics import voronoi_loss
from gmoe.study import Blocks, SpecError, Study, draw, exponents, load_study, measure, model_of, replay, run, table

BASE = {
    "name": "t",
    "seed": 7,
    "replications": 2,
    "sizes": [60, 240],
    "loss": [{"kind": "exact"}, {"kind": "hellinger"}],
}
TRUTH = {
    "gate_intercept": [0.5, 0.0], "gate_coef": [[2.0], [0.0]], "intercept": [1.0, -1.0], "coef": [[1.0], [-1.0]],
    "variance": [0.1, 0.2],
}  # fmt: skip
BOTH = [{"kind": "mle", "starts": "near_truth"}, {"kind": "em"}]


def study_of(truth, **more):
    return Study.from_dict(BASE | {"protocol": BOTH, "truth": TRUTH | truth} | more)


def log_likelihood(row, X, y, gate, mean):
    """The mixture's log-likelihood written out, with the columns of gate and means."""
    density = np.zeros((2, len(y)))
    logit = np.zeros((2, len(y)))
    for j in range(2):
        logit[j] = row[f"param:gate_intercept[{j}]"] + sum(row[f"param:gate_coef[{j},{c}]"] * X[:, c] for c in gate)
        error = y - row[f"param:intercept[{j}]"] - sum(row[f"param:coef[{j},{c}]"] * X[:, c] for c in mean)
        variance = row[f"param:variance[{j}]"]
        density[j] = np.exp(-0.5 * error**2 / variance) / np.sqrt(2.0 * np.pi * variance)
    weight = np.exp(logit - logit.max(axis=0))
    return np.log((weight / weight.sum(axis=0) * density).sum(axis=0)).sum()


@pytest.mark.parametrize(
    ("gate", "mean", "truth"),
    [
        ([1], [0], {}),
        ([2, 0], [1], {"gate_coef": [[2.0, 1.0], [0.0, 0.0]]}),
        ([], [0], {"gate_coef": [[], []]}),  # a mixture of regressions
        ([0], [], {"coef": [[], []]}),
    ],
)
def test_gate_and_means_see_columns_of_their_own(gate, mean, truth, tmp_path):
    study = study_of(truth | {"gate_features": gate, "expert_features": mean})
    d = max([*gate, *mean]) + 1
    assert len(study.law.first) == d and Study.from_dict(study.to_dict()).to_dict() == study.to_dict()
    assert run(study, tmp_path, n_jobs=2, batch_size=2).n_failed == 0
    fits = table(tmp_path)
    names = {name for name in fits if name.startswith(("param:gate_coef", "param:coef"))}
    assert names == {
        f"param:{block}[{j},{c}]" for block, of in (("gate_coef", gate), ("coef", mean)) for j in (0, 1) for c in of
    }
    for row in fits.to_dict("records"):
        data = draw(study, row["n"], study.seed_of(row["n"], row["replication"]))
        assert data.X.shape == (row["n"], d)
        # Sums of some hundred terms of size 1.
        assert row["log_likelihood"] == pytest.approx(log_likelihood(row, data.X, data.y, gate, mean), rel=1e-11)
        model = model_of(study, row)
        assert (model.gate_columns, model.expert_columns) == (tuple(gate), tuple(mean))
    again = replay(tmp_path, "mle", 240, 1)
    stored = fits.query("protocol == 'mle' and n == 240 and replication == 1")["log_likelihood"]
    assert [again.fitted.log_likelihood] == stored.tolist()
    # Both protocols climb from beside the truth to the one maximum there.
    best = fits.pivot(index=["n", "replication"], columns="protocol", values="log_likelihood")
    np.testing.assert_allclose(best["em"], best["mle"], atol=1e-5)
    assert measure(tmp_path, [Blocks()])["error"].eq("").all()


def test_columns_that_all_see_are_not_written_and_leave_the_seeds():
    plain, named = study_of({}), study_of({"gate_features": [0], "expert_features": [0]})
    assert plain.to_dict() == named.to_dict() and "gate_features" not in plain.to_dict()["truth"]
    assert plain.seed_of(60, 0).spawn_key == named.seed_of(60, 0).spawn_key
    assert plain.seed_of(60, 0).spawn_key != study_of({"gate_features": [1]}).seed_of(60, 0).spawn_key


@pytest.mark.parametrize(
    ("truth", "more", "message"),
    [
        ({"coef": [[1.0, 0.0], [0.0, 1.0]]}, {}, "truth: gate and means have different numbers .*: 1 and 2; say by"),
        ({"gate_features": [0, 1]}, {}, "truth: gate_columns names 2 columns"),
        ({"gate_features": [-1]}, {}, "truth.gate_features: must be an integer >= 0, got -1"),
        ({"gate_features": 1}, {}, "truth.gate_features: must be a list of different columns of x"),
        ({"gate_features": [1, 1]}, {}, "truth.gate_features: must be a list of different columns of x"),
        ({"gate_features": [1]}, {"protocol": [{"kind": "published_softmax"}]}, "see all features"),
        ({"coef": {"value": [[1.0], [0.0]]}}, {}, "truth.coef: the key 'direction' is missing"),
        ({"coef": {"value": [[1.0], [0.0]], "direction": [1.0, 0.0], "power": -1}}, {}, r"\(2, 1\), got \(2,\)"),
        ({"coef": {"value": [[1.0], [0.0]], "slope": 1}}, {}, "truth.coef.slope: unknown key; known keys: value, dir"),
        (
            {"variance": {"value": [0.1, 0.2], "direction": [-1.0, 0.0], "power": -0.5}}, {},
            "truth: at n = 60: variance must be positive",
        ),
        ({"gate": {"value": 1}}, {}, "truth.gate: must be a string"),
    ],
)  # fmt: skip
def test_messages(truth, more, message):
    with pytest.raises(SpecError, match=message):
        study_of(truth, **more)


MOVING = {
    "gate": "dense_to_sparse",
    "temperature": {"value": 0.5, "direction": 3.0, "power": -0.5},
    "intercept": {"value": [1.0, 1.0], "direction": [2.0, -2.0], "power": -0.25},
    "coef": {"value": [[1.0], [1.0]], "direction": [[0.0], [16.0]], "power": -0.5},
}


def at(n):
    """Truth of a size, written out."""
    return GMoE(
        Parameters(
            [0.5, 0.0], [[2.0], [0.0]], [1.0 + 2.0 * n**-0.25, 1.0 - 2.0 * n**-0.25],
            [[1.0], [1.0 + 16.0 / np.sqrt(n)]], [0.1, 0.2], 0.5 + 3.0 / np.sqrt(n),
        ),
        "dense_to_sparse",
    )  # fmt: skip


def test_a_truth_moves_with_n(tmp_path):
    study = study_of(MOVING, sizes=[100, 400])
    assert run(study, tmp_path, n_jobs=2, batch_size=4).n_failed == 0
    assert load_study(tmp_path).to_dict() == study.to_dict()
    for n in study.sizes:
        now, by_hand = study.truth_at(n).parameters, at(n).parameters
        for name in ("intercept", "coef", "temperature", "gate_coef", "variance"):
            np.testing.assert_allclose(getattr(now, name), getattr(by_hand, name), rtol=1e-15)
    fits = table(tmp_path)
    for row in fits.to_dict("records"):
        # Each fit is measured against the truth of its own size, and no other.
        model = model_of(study, row)
        loss, other = (voronoi_loss(model, at(n), kind="exact", scale="raw").value for n in (row["n"], 250))
        assert row["loss:exact"] == pytest.approx(loss, rel=1e-12) and abs(other - loss) > 1e-6
        assert replay(tmp_path, row["protocol"], row["n"], row["replication"]).losses["exact"] == row["loss:exact"]
    # The theory is about a truth that stays.
    assert exponents(study) == {} and exponents(study_of({})) != {}


def test_data_are_drawn_from_the_truth_of_their_size():
    still = {"variance": [1e-12, 1e-12], "gate_intercept": [40.0, 0.0], "gate_coef": [[0.0], [0.0]]}
    study = study_of(MOVING | still, sizes=[100, 400])
    for n in study.sizes:
        data = draw(study, n, study.seed_of(n, 0))
        # The first expert alone, and hardly any noise.
        np.testing.assert_allclose(data.y - data.X[:, 0], 1.0 + 2.0 * n**-0.25, atol=1e-5)
    fixed = study_of(still | {"gate": "dense_to_sparse", "temperature": 0.5}, sizes=[100, 400])
    assert fixed.seed_of(100, 0).spawn_key != study.seed_of(100, 0).spawn_key
