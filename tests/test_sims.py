"""Every design of the papers' simulations runs, in small."""

import importlib.util
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

pytest.importorskip("pyarrow")

from gmoe import GaussianMoERegressor
from gmoe.study import draw, load_study, model_of, table

SIMS = Path(__file__).parents[1] / "sims"


sys.path.insert(0, str(SIMS))
reference = importlib.import_module("reference_studies")


def script(name):
    spec = importlib.util.spec_from_file_location(f"sims_{name}", SIMS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sims, summary, opinion, spikes = map(script, ("run", "summarise", "second_opinion", "spikes"))


def run_in_small(name, folder):
    sims.simulate(name, folder / "results", folder / "work", n_jobs=1, quick=True)
    return table(folder / "results" / name), load_study(folder / "results" / name)


def test_quick_is_three_small_sizes_with_two_replications(tmp_path):
    frame, study = run_in_small("softmax_exact", tmp_path)
    assert len(frame) == len(study.protocols) * 6 and frame["n"].max() == 800


@pytest.mark.parametrize("name", sims.DESIGNS)
def test_design_runs_in_small(name, tmp_path, monkeypatch):
    # Smaller still: it is about what the design asks for, not about its results.
    monkeypatch.setattr(sims, "QUICK", {"sizes": (200, 400), "replications": 1})
    frame, study = run_in_small(name, tmp_path)
    assert len(frame) == len(study.protocols) * 2
    # Published iterations may collapse on single observations; such an expert is too narrow for a distance.
    mle = frame[frame["protocol"] == "mle"]
    assert np.isfinite(mle.filter(like="loss:")).all(axis=None) and mle["error"].eq("").all()


@pytest.mark.parametrize("name", sims.DESIGNS)
def test_design_states_its_claim_and_what_is_ours(name):
    text = sims.DESIGNS[name].read_text()
    assert text.startswith("# Claim: ") and "\n# Ours" in text
    assert tomllib.loads(text)["name"] == name


def test_reference_studies_are_of_compact_sets_around_their_truths():
    """Every theorem, truth and set makes a study; the truth is refused outside of its set."""
    for name in reference.NAMES:
        study = sims.study_of(name)
        assert study.name == name and study.protocols[0].space.is_compact
        x = study.law.draw(4000, np.random.default_rng(1))
        # Shares are 0.15 or more on other points of x; these have a standard error below 0.008.
        assert name.endswith(".paper") or study.truth.gate_proba(x).mean(axis=0).min() > 0.15 - 0.03


@pytest.mark.parametrize("theorem", reference.THEOREMS)
def test_reference_study_runs_in_small(theorem, tmp_path, monkeypatch):
    name = f"{theorem}.{reference.THEOREMS[theorem].truths[0]}"
    monkeypatch.setattr(sims, "QUICK", {"sizes": (400,), "replications": 1})
    frame, _ = run_in_small(name, tmp_path)
    assert np.isfinite(frame["loss:voronoi"]).all() and frame["error"].eq("").all() and frame["certified"].all()


def test_unknown_design_is_named_with_those_that_are_there(capsys):
    with pytest.raises(SystemExit):
        sims.main(["no_such_design"])
    assert "softmax_exact" in capsys.readouterr().err


def test_readme_is_what_the_results_say():
    assert (SIMS / "README.md").read_text() == summary.page(SIMS / "results")


def test_second_opinion_finds_the_same_maximum_and_the_same_edge():
    folder = SIMS / "results" / "softmax_exact"
    inside = opinion.compare(folder, 100, 0, n_starts=1)
    # BFGS's numerical derivatives stop it within 1e-5 of the maximum.
    assert abs(inside.gain) < 1e-4 and inside.shares[0] == pytest.approx(inside.shares[1], abs=1e-3)
    assert inside.climbed.certified and not inside.missed
    edge = opinion.compare(folder, *opinion.edges(folder, 100)[0], n_starts=1)
    # Both stop on the way to infinity.
    assert abs(edge.gain) < opinion.SAME and edge.climbed.status == "gate_separated" and not edge.missed


def test_expert_added_by_hand_sits_at_the_bound_and_is_seen_by_its_observations_alone():
    study = spikes.load_study(SIMS / "results" / "softmax_over3")
    data = spikes.draw(study, 400, study.seed_of(100, 0))
    added = spikes.spiked(study.truth, data.X, data.y, 1e-4)
    gain = added.log_density(data.X, data.y) - study.truth.log_density(data.X, data.y)
    seen = added.gate_proba(data.X)[:, -1] > 0.5
    # All others lie half a gap or more from the threshold: their odds are at most exp(-100).
    assert 0 < seen.sum() <= spikes.MOST and np.abs(gain[~seen]).max() < 1e-12 and gain[seen].sum() > 0
    assert added.parameters.variance[-1] == 1e-4


def test_a_cold_separated_gate_has_no_certificate():
    # Halving the temperature of 4e-4 changes nothing, though no single coordinate is free: it was certified once.
    folder = SIMS / "results" / "temperature_gelu_exact"
    study, fits = load_study(folder), table(folder)
    [row] = fits[(fits["n"] == 100) & (fits["replication"] == 7)].to_dict("records")
    data, model = draw(study, 100, study.seed_of(100, 7)), model_of(study, row)
    with pytest.warns(ConvergenceWarning, match="separates"):
        again = GaussianMoERegressor(2, model.gate, init=model.parameters).fit(data.X, data.y)
    assert again.fit_result_.gradient < 1e-8
