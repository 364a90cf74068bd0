"""Losses of many fits at once: the bits of one by one, failures where they belong, gate intercepts of the truth."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from gmoe import GMoE, Parameters
from gmoe.study import Study
from gmoe.study.compute.replications import Attempt, rows_of
from gmoe.study.data.laws import LawOfX
from gmoe.study.losses.base import Fits, Setting
from gmoe.study.losses.distances import Distance
from gmoe.study.losses.voronoi import Voronoi
from gmoe.study.protocols.base import Fitted
from gmoe.study.results.arrow import table_from

NEARBY = LawOfX.of({"law": "normal"}, 1)


def fits_of(models, truth, law=NEARBY):
    setting = Setting("mle", truth, models[0].gate, models[0].n_experts, law)
    return Fits.of(setting, {"mle": {(50, r): (model, 0.0) for r, model in enumerate(models)}},
                   [(50, r) for r in range(len(models))])  # fmt: skip


def taken(loss, models, truth, law=NEARBY):
    """Values of a loss with a single number, and the cells."""
    fits = fits_of(models, truth, law)
    return loss.values(fits)[loss.name].tolist(), loss.cells(fits)


GATES = ("softmax", "topk:n_active=1,select_on=logit", "activation:activation=tanh,temperature=estimate")
LOSSES = (
    {"kind": "exact"},
    {"kind": "over", "gate_intercept": "truth"},
    {"kind": "over", "translation": "none", "joint_norm": False},
    {"kind": "power", "power": 2.0, "weights": "gate_probability"},
    {"kind": "hellinger", "points": 3},
)
TRUTH = GMoE(Parameters([-1.0, 0.0], [[2.0], [0.0]], [1.0, -1.0], [[2.0], [-2.0]], [0.1, 0.2]))


def model(rng, k, d, gate):
    """At random, the last expert pinned at 0."""
    free = np.arange(k) < k - 1
    arrays = (rng.normal(size=k) * free, rng.normal(size=(k, d)) * free[:, None], rng.normal(size=k))
    temperature = float(rng.uniform(0.5, 2.0)) if "estimate" in gate else 1.0
    return GMoE(Parameters(*arrays, rng.normal(size=(k, d)), rng.uniform(0.1, 1.0, k), temperature), gate)


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("d", [1, 3, 17])  # sums of more than 16 terms have an order of their own
@pytest.mark.parametrize("k", [2, 3, 4])
def test_many_at_once_have_the_bits_of_one_by_one(gate, d, k):
    rng = np.random.default_rng([d, k])
    truth, fits = model(rng, 2, d, gate), [model(rng, k, d, gate) for _ in range(33)]
    law = LawOfX.of({"law": "normal"}, d)
    for options in LOSSES:
        cls = Distance if options["kind"] in Distance.kinds else Voronoi
        loss = cls("loss", **options, **({"rbar": ((4, 8.0),)} if options["kind"] == "over" else {}))
        values, cells = taken(loss, fits, truth, law)
        alone = [taken(loss, [fit], truth, law) for fit in fits]
        assert values == [value for [value], _ in alone]
        assert cells == (None if cls is Distance else [pattern for _, [pattern] in alone])


def placed(*which, gate_intercept=None):
    """Put experts exactly on true ones."""
    parameters = TRUTH.parameters.reorder(list(which))
    return GMoE(parameters if gate_intercept is None else replace(parameters, gate_intercept=gate_intercept))


@pytest.mark.parametrize("translation", ["infimum", "none"])
def test_intercepts_of_the_truth(translation):
    fitted, truth = (
        Voronoi("loss", "exact", translation=translation, gate_intercept=name) for name in ("fitted", "truth")
    )
    # Labels exchanged and intercepts wrong by 0.3: nothing else is, so that nothing is left of the error.
    wrong = placed(1, 0, gate_intercept=[0.0, -1.3])
    ([before], _), ([after], [cells]) = (taken(loss, [wrong], TRUTH) for loss in (fitted, truth))
    assert before > 0.05 and after < 1e-12 and cells == "1+1"  # rounding of the translation


def test_an_expert_that_shares_its_cell_gets_the_whole_intercept():
    loss = Voronoi("loss", "exact", translation="none", gate_intercept="truth")
    doubled = placed(0, 1, 1, gate_intercept=[-1.0, np.log(0.5), np.log(0.5)])
    [value], [cells] = taken(loss, [doubled], TRUTH)
    # Weights 1 and 1 where the truth has 1.
    assert value == pytest.approx(1.0, rel=1e-12) and cells == "1+2"


def test_a_loss_that_fails_fails_its_row_alone():
    """Of four experts in one cell the exponent is not known; with others in the batch that is one row's failure."""
    study = Study.from_dict({
        "name": "s", "seed": 1, "replications": 3, "sizes": [50], "protocol": [{"kind": "mle", "n_experts": 4}],
        "truth": {name: getattr(TRUTH.parameters, name).tolist() for name in
                  ("gate_intercept", "gate_coef", "intercept", "coef", "variance")},
    })  # fmt: skip
    models = [placed(0, 0, 1, 1), placed(1, 1, 1, 1), placed(0, 1, 1, 1)]
    found = [
        Attempt(study.protocols[0], 50, r, study.seed_of(50, r), Fitted(m, 0.0, 0.0, "stopped", False, 1, 1, 1), 0.5)
        for r, m in enumerate(models)
    ]
    rows = rows_of(study, found)
    assert [row["replication"] for row in rows] == [0, 1, 2]
    assert [row["status"] for row in rows] == ["stopped", "failed", "stopped"]
    assert rows[1]["error"].startswith("loss over: ValueError: The loss of fit 0 needs rbar of a cell of 4 atoms")
    assert [row["cells"] for row in rows] == ["2+2", "", "1+3"]
    assert np.isnan(rows[1]["loss:over"]) and rows[1]["param:variance[0]"] == models[1].parameters.variance[0]
    for i in (0, 2):
        assert rows_of(study, [found[i]])[0] == rows[i]


def test_columns():
    kinds = {"text": str, "count": int, "value": float, "flag": bool}
    rows = [
        {"text": text, "count": -(2**40) + i, "value": value, "flag": i % 3 == 0}
        for i, (text, value) in enumerate([("", 0.1), ("1+1", -np.inf), ("σ² ≥ 0\n", 1e308)] * 4)
    ]
    assert table_from(rows, kinds).to_pylist() == rows
