"""Every design of the papers' simulations runs, in small."""

import importlib.util
import tomllib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from gmoe.study import load_study, table

SIMS = Path(__file__).parents[1] / "sims"


def script(name):
    spec = importlib.util.spec_from_file_location(f"sims_{name}", SIMS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sims, summary, opinion = script("run"), script("summarise"), script("second_opinion")


@pytest.mark.parametrize("name", sims.DESIGNS)
def test_design_runs_in_small(name, tmp_path):
    sims.simulate(name, tmp_path / "results", tmp_path / "work", n_jobs=1, quick=True)
    frame, study = table(tmp_path / "results" / name), load_study(tmp_path / "results" / name)
    assert len(frame) == len(study.protocols) * 6
    # Published iterations may collapse on single observations; such an expert is too narrow for a distance.
    mle = frame[frame["protocol"] == "mle"]
    assert np.isfinite(mle.filter(like="loss:")).all(axis=None) and mle["error"].eq("").all()


@pytest.mark.parametrize("name", sims.DESIGNS)
def test_design_states_its_claim_and_what_is_ours(name):
    text = sims.DESIGNS[name].read_text()
    assert text.startswith("# Claim: ") and "\n# Ours" in text
    assert tomllib.loads(text)["name"] == name


def test_unknown_design_is_named_with_those_that_are_there(capsys):
    with pytest.raises(SystemExit):
        sims.main(["no_such_design"])
    assert "softmax_exact" in capsys.readouterr().err


def test_readme_is_what_the_results_say():
    assert (SIMS / "README.md").read_text() == summary.page(SIMS / "results")


def test_second_opinion_finds_the_same_maximum_and_the_same_edge():
    own, other, *smallest, status = opinion.compare(SIMS / "results" / "softmax_exact", 100, 0, n_starts=1)
    # BFGS's numerical derivatives stop it within 1e-5 of the maximum.
    assert own == pytest.approx(other, abs=1e-4) and smallest[0] == pytest.approx(smallest[1], abs=1e-3)
    assert status == "converged"
    [[n, replication], *_] = opinion.edges(SIMS / "results" / "softmax_exact", 100)
    own, other, *_, status = opinion.compare(SIMS / "results" / "softmax_exact", n, replication, n_starts=1)
    # Both stop on the way to infinity.
    assert own == pytest.approx(other, abs=1e-3) and status == "gate_separated"
