"""Losses after the fact: of stored fits, of one's own, with the theory's exponent only where they say which."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from gmoe.metrics import block_errors
from gmoe.study import (
    Blocks,
    Distance,
    GateBoundary,
    Loss,
    Quantity,
    SmallestShare,
    SpecError,
    Study,
    Temperature,
    Voronoi,
    estimate_rates,
    exponents,
    load_study,
    measure,
    measure_table,
    model_of,
    predictions,
    register_loss,
    replay,
    run,
    table,
)
from gmoe.study.losses.kinds import KINDS

SPEC = {
    "name": "m",
    "seed": 5,
    "replications": 5,
    "sizes": [80, 160, 320],
    "truth": "softmax_paper",
    "protocol": [{"kind": "mle", "n_experts": 3, "starts": "near_truth"}, {"kind": "em", "n_experts": 3}],
    "loss": [{"kind": "over"}, {"kind": "hellinger", "points": 5}],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("measure")
    run(Study.from_dict(SPEC), out)
    return out


def test_losses_of_stored_fits_are_those_of_the_run(folder):
    before = sorted(file.name for file in folder.rglob("*"))
    found, fits = measure(folder, [Voronoi("again"), Distance("h", points=5)]), table(folder)
    for new, old in (("again", "over"), ("h", "hellinger")):
        # To the last bit: the parameters are stored with all of them, and a fit's loss does not depend on the others.
        np.testing.assert_array_equal(found[f"loss:{new}"], fits[f"loss:{old}"])
    assert found["error"].eq("").all()
    assert found[["protocol", "n", "replication"]].equals(fits[["protocol", "n", "replication"]])
    assert sorted(file.name for file in folder.rglob("*")) == before
    part = measure_table(load_study(folder), fits[fits["n"] == 160], [Voronoi("again")])
    np.testing.assert_array_equal(part["loss:again"], found["loss:again"][fits["n"] == 160])


def test_blocks_are_the_largest_errors_by_cell_size(folder):
    study, fits = load_study(folder), table(folder)
    found, seen = measure(folder, [Blocks(), SmallestShare(points=7)]), set()
    for i, row in enumerate(fits.to_dict("records")):
        errors = block_errors(
            model_of(study, row), study.truth, weights="gate_probability",
            X=study.law.draw(25, np.random.default_rng(0)) if study.law.law != "grid" else
            np.random.default_rng(0).uniform(0.0, 1.0, (25, 1)),
        )  # fmt: skip
        for size in (1, 2):
            cells = (errors.block == "coef") & (errors.cell_size == size)
            seen.add(size)
            assert found[f"loss:coef (cell of {size})"][i] == errors.error[cells].max()
        cells = (errors.block == "variance") & (errors.cell_size == 2)
        assert found["loss:variance, average (cell of 2)"][i] == errors.average[cells].max()
        assert found["loss:gate_intercept"][i] == np.nanmax(errors.error[errors.block == "gate_intercept"])
    assert seen == {1, 2}
    # The cell of one takes up the gate's translation: its slope has no error of its own.
    assert found["loss:gate_coef (cell of 1)"].isna().all() and found["loss:gate_coef (cell of 2)"].notna().all()
    assert found["loss:smallest probability"].between(0.0, 1.0 / 3.0).all()


def test_exponents_are_stated_and_never_guessed(folder):
    @dataclass(frozen=True)
    class Silent(Loss):
        pass

    @dataclass(frozen=True)
    class Outspoken(Loss):
        def quantity(self, setting):
            return Quantity("coef", cell_size=2, power=3.0)

    study = load_study(folder)
    said = exponents(study, [Silent("a distance"), Outspoken("b"), Blocks(), Distance("kl", "kl_divergence")])
    assert ("mle", "a distance") not in said
    assert said["mle", "b"] == 3 * said["mle", "coef (cell of 2)"] == pytest.approx(-3 / 4)
    assert said["em", "kl"] == -1.0 and said["mle", "gate_coef (cell of 2)"] == -1 / 4
    assert predictions(study, [Outspoken("b")])["mle", "b"].rate == "(n^-1/4)^3"
    theory = exponents(study, [Blocks()])
    rates = (
        estimate_rates(measure(folder, [Blocks()]), theory=theory, n_boot=19).to_frame().set_index(["protocol", "loss"])
    )
    assert (rates.loc[("mle", "variance (cell of 2)"), "theory"] == -1 / 4).all()


def test_temperature_and_boundary_by_hand(tmp_path):
    truth = {"gate": "dense_to_sparse", "temperature": 0.5, "gate_intercept": [0.5, 0.0], "gate_coef": [[2.0], [0.0]],
             "intercept": [1.0, -1.0], "coef": [[1.0], [-1.0]], "variance": [0.1, 0.2]}  # fmt: skip
    loss = [{"kind": "temperature"}, {"kind": "gate_boundary"}]
    study = Study.from_dict(SPEC | {"truth": truth, "protocol": [{"kind": "em", "max_iter": 5}], "loss": loss})
    run(study, tmp_path)
    fits = table(tmp_path)
    np.testing.assert_array_equal(fits["loss:temperature"], (fits["param:temperature"] - 0.5).abs())
    given = [
        fits[f"param:{name}"] for name in ("gate_intercept[0]", "gate_intercept[1]", "gate_coef[0,0]", "gate_coef[1,0]")
    ]
    boundary = -(given[1] - given[0]) / (given[3] - given[2])
    # The truth's logits 0.5 + 2x and 0 are equal at -1/4.
    np.testing.assert_allclose(fits["loss:gate_boundary"], (boundary + 0.25).abs(), rtol=1e-12)
    assert load_study(tmp_path).to_dict() == study.to_dict()
    assert list(Temperature().numbers(study.setting(study.protocols[0]))) == ["temperature"]
    assert GateBoundary().name == "gate boundary"


OWN = '''
from dataclasses import dataclass

import numpy as np

from gmoe.study import Loss, Quantity, option, register_loss


def at_least_one(value):
    if value < 1:
        raise ValueError(f"must be 1 or more, got {value!r}")
    return value


@register_loss
@dataclass(frozen=True)
class Means(Loss):
    """Errors of the fitted means at some points, and how far the likelihood is from that of the other protocol."""

    kinds = ("means",)
    name: str = "means"
    count: int = option(3, at_least_one)

    def numbers(self, setting):
        return {f"{self.name} at 0": Quantity("density"), "below": None}

    def values(self, fits):
        x = np.zeros((1, 1))
        true, *fitted = [(m.gate_proba(x) * m.expert_means(x)).sum() for m in (fits.truth, *fits.models)]
        error = np.abs(np.array(fitted) - true)
        other = [np.nan if end is None else end[1] for end in fits.of_protocol("mle")]
        return {f"{self.name} at 0": error, "below": np.array(other) - fits.log_likelihood}
'''


def test_a_loss_of_ones_own_is_one_file_also_for_workers(tmp_path, monkeypatch):
    (tmp_path / "own_means.py").write_text(OWN)
    text = (Path(__file__).parents[1] / "docs" / "studies.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"^```python\n(from dataclasses .*?)^```", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "own_narrowest.py").write_text(shown)
    monkeypatch.syspath_prepend(tmp_path)
    import own_means
    import own_narrowest  # noqa: F401 (registers its loss)

    try:
        losses = [{"kind": "means", "count": 2}, {"kind": "over"}, {"kind": "narrowest"}]
        study = Study.from_dict(SPEC | {"replications": 2, "loss": losses})
        assert run(study, tmp_path / "two", n_jobs=2, batch_size=1).n_failed == 0
        run(study, tmp_path / "one", engine="serial")
        one, two = (table(tmp_path / name).drop(columns="seconds") for name in ("one", "two"))
        assert one.equals(two)
        ll = one.pivot(index=["n", "replication"], columns="protocol", values="log_likelihood")
        below = one[one["protocol"] == "em"].set_index(["n", "replication"])["loss:below"]
        assert below.equals((ll["mle"] - ll["em"]).rename("loss:below")) and one["loss:means at 0"].notna().all()
        assert load_study(tmp_path / "one").to_dict() == study.to_dict()
        assert replay(tmp_path / "one", "em", 80, 0).losses["means at 0"] == one["loss:means at 0"][0]
        smallest = one[[f"param:variance[{j}]" for j in range(3)]].min(axis=1)
        # The truth's smallest standard deviation is 0.3; a cell of two has n^-1/4.
        np.testing.assert_allclose(one["loss:narrowest"], np.abs(np.sqrt(smallest) / 0.3 - 1.0), rtol=1e-12)
        assert exponents(study)["mle", "narrowest"] == -0.25
        assert exponents(study)["mle", "means at 0"] == -0.5 and ("mle", "below") not in exponents(study)
        with pytest.raises(SpecError, match=r"loss\[0\].count: must be 1 or more, got 0"):
            Study.from_dict(SPEC | {"loss": [{"kind": "means", "count": 0}]})
        with pytest.raises(SpecError, match=r"loss\[0\].count: does not belong to 'over', but to 'means'"):
            Study.from_dict(SPEC | {"loss": [{"kind": "over", "count": 4}]})
        assert register_loss(own_means.Means) is own_means.Means
        with pytest.raises(ValueError, match="There is a loss of kind 'means' already; give Other another one"):
            register_loss(type("Other", (Loss,), {"kinds": ("means",)}))
    finally:
        for kind in ("means", "narrowest"):
            KINDS.pop(kind, None)
    with pytest.raises(SpecError, match=r"loss\[0\].kind: must be one of 'exact'"):
        load_study(tmp_path / "one")


def test_what_a_loss_must_not_do(folder):
    @dataclass(frozen=True)
    class Wrong(Loss):
        what: str = ""

        def values(self, fits):
            if self.what == "name":
                return {"other": np.zeros(len(fits.models))}
            if self.what == "shape":
                return {self.name: np.zeros(len(fits.models) + 1)}
            if len(fits.models) > 1 or fits.tasks[0] == (80, 1):
                raise ArithmeticError("no luck")
            return {self.name: np.ones(1)}

    with pytest.raises(ValueError, match="loss 'b' gives 'b', as another one does"):
        measure(folder, [Voronoi("b"), Wrong("b")])
    assert (
        measure(folder, [Wrong("b", "name")])["error"]
        .str.contains("it gives .'other'. where numbers.. names .'b'.")
        .all()
    )
    assert measure(folder, [Wrong("b", "shape")])["error"].str.contains("one value for each of").all()
    found = measure(folder, [Wrong("b")])
    failed = (found["n"] == 80) & (found["replication"] == 1)
    assert found["error"][failed].eq("loss b: ArithmeticError: no luck").all() and found["error"][~failed].eq("").all()
    assert found["loss:b"][failed].isna().all() and found["loss:b"][~failed].eq(1.0).all()
    with pytest.raises(ValueError, match="Nameless has no kinds"):
        register_loss(type("Nameless", (Loss,), {}))
