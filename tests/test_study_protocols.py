"""What the protocols do, on data where the answer is known."""

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.study import Study, draw, run, table
from gmoe.study.protocols.near_truth import doublings, place, random_surjection
from gmoe.study.protocols.published import softmax_em, softmax_start, topk_em, topk_start

TEXT = """
name = "p"
seed = 3
replications = 2
sizes = [400]
truth = "{truth}"

[[loss]]
kind = "exact"

[[loss]]
name = "published_form"
kind = "exact"
translation = "none"
joint_norm = false
"""


def study_of(*protocols, truth="softmax_paper", more=""):
    parts = "".join(f"[[protocol]]\n{text}\n" for text in protocols)
    return Study.from_toml(TEXT.format(truth=truth) + parts + more)


def test_exact_fits_agree(tmp_path):
    """EM to the gradient, the published EM and both kinds of starts find the one maximum."""
    study = study_of(
        'kind = "mle"\nn_init = 2', 'name = "near"\nkind = "mle"\nstarts = "near_truth"', 'kind = "em"',
        'kind = "published_softmax"',
    )  # fmt: skip
    assert run(study, tmp_path, engine="serial").n_failed == 0
    frame = table(tmp_path).set_index(["protocol", "replication"])
    best = frame.loc["mle", "log_likelihood"]
    assert frame.loc["mle", "certified"].all() and (frame.loc["mle", "n_starts"] > 3).all()
    # Starts on one maximum end within the certificate's 1e-6.
    assert np.allclose(frame.loc["near", "log_likelihood"], best, atol=1e-6)
    assert (frame.loc["near", "n_starts"] == 1).all() and (frame.loc["near", "n_agreeing"] == 1).all()
    assert np.allclose(frame.loc["em", "log_likelihood"], best, atol=1e-6)
    # A relative change of 1e-6 of a log-likelihood of about 200 stops within a thousandth of the maximum.
    assert np.allclose(frame.loc["published_softmax", "log_likelihood"], best, atol=1e-3)
    assert (frame.loc["published_softmax", "status"] == "stopped").all()
    # The published form depends on the translate: pinned as the truth is, it is of the size of the errors.
    assert frame["loss:published_form"].max() < 20


def test_over_specified_near_truth_is_certified_or_says_why(tmp_path):
    study = study_of('kind = "mle"\nn_experts = 3\nstarts = "near_truth"')
    run(study, tmp_path, engine="serial")
    frame = table(tmp_path)
    assert (frame["n_starts"] == 2).all() and set(frame["cells"]) <= {"1+2", "2+1"}
    assert (frame["certified"] == (frame["status"] == "converged")).all() and (frame["gradient"] <= 1e-8).all()


def test_em_stops_by_its_rule(tmp_path):
    rules = {"loose": ("absolute", 1e-2), "tight": ("absolute", 1e-9), "share": ("relative", 1e-6)}
    study = study_of(
        *(f'name = "{name}"\nkind = "em"\nn_experts = 3\nstop = "{stop}"\ntol = {tol}\nmax_iter = 300'
          for name, (stop, tol) in rules.items()),
    )  # fmt: skip
    run(study, tmp_path, engine="serial")
    frame = table(tmp_path).groupby("protocol")[["n_iter", "gradient", "log_likelihood"]].mean()
    assert frame["n_iter"]["loose"] < frame["n_iter"]["share"] < frame["n_iter"]["tight"] <= 300
    assert frame["gradient"]["loose"] > frame["gradient"]["tight"]
    assert frame["log_likelihood"]["loose"] < frame["log_likelihood"]["tight"]


def test_top_k_protocols(tmp_path):
    study = study_of('kind = "mle"\nstarts = "near_truth"', 'kind = "published_topk"', truth="topk_paper")
    assert run(study, tmp_path, engine="serial").n_failed == 0
    frame = table(tmp_path).set_index(["protocol", "replication"])
    published = frame.loc["published_topk"]
    # One active expert: its gate stays where it starts, and the regressions in its regions are exact in two steps.
    assert (published["n_iter"] <= 3).all() and (published["gradient"] < 1e-10).all()
    assert np.allclose(published["log_likelihood"], frame.loc["mle", "log_likelihood"], atol=1e-6)


def published_steps(em, start, data, *arguments):
    """Log-likelihoods after 1, 2, 3, ... iterations."""
    return [em(data.X, data.y, start, *arguments, 0.0, steps).log_likelihood for steps in range(1, 8)]


def test_published_iterations_rise():
    """Also the top-K code with two active experts, as long as no selection changes."""
    study = study_of('kind = "published_softmax"\nn_experts = 3')
    data, rng = draw(study, 400, study.seed_of(400, 0)), np.random.default_rng(0)
    start = softmax_start(study.truth.parameters, 3, 400, rng)
    values = published_steps(softmax_em, start, data)
    assert np.all(np.diff(values) > -1e-9 * abs(values[0]))
    start = topk_start(study.truth.parameters, 3, 400, rng)
    values = published_steps(topk_em, start, data, 3)
    assert np.all(np.diff(values) > -1e-9 * abs(values[0]))


def test_published_softmax_start_is_as_recorded():
    """One noise for a whole vector, variances at the standard deviations, last expert on the last true one."""
    truth = study_of('kind = "em"').truth.parameters
    start = softmax_start(truth, 3, 1000, np.random.default_rng(1))
    shift = start.intercept - start.coef[:, 0]
    which = np.argmin(np.abs(shift[:, None] - (truth.intercept - truth.coef[:, 0])), axis=1)
    assert np.allclose(shift, (truth.intercept - truth.coef[:, 0])[which], atol=1e-12) and which[-1] == 1
    assert np.all(start.variance >= np.sqrt(truth.variance)[which]) and set(which) == {0, 1}


def test_published_softmax_stops_as_the_code_does():
    """It compares log-likelihoods of E-steps: not before the second, and the M-step after it still counts."""
    study = study_of('kind = "published_softmax"\nn_experts = 3')
    data = draw(study, 400, study.seed_of(400, 0))
    start = softmax_start(study.truth.parameters, 3, 400, np.random.default_rng(0))
    once, at_once, twice = (softmax_em(data.X, data.y, start, *rule) for rule in ((0.0, 1), (1e9, 99), (0.0, 2)))
    assert (once.n_iter, at_once.n_iter, twice.n_iter) == (1, 2, 2)
    assert at_once.parameters.intercept.tolist() == twice.parameters.intercept.tolist()
    value = GMoE(once.parameters, study.truth.gate).log_density(data.X, data.y).sum()
    assert at_once.log_likelihood == pytest.approx(value, rel=1e-12)  # sums of 400 rounded terms


def test_surjections_are_equally_likely():
    """Of k = 3 on two true experts 6, of which 3 end on the last one: cells of 1 + 2 atoms in two of the three."""
    rng = np.random.default_rng(0)
    for last, shares in (None, 1 / 2), (1, 2 / 3):
        single = [np.sum(random_surjection(2, 3, rng, last) == 0) == 1 for _ in range(3000)]
        # Four standard deviations: false alarm in 1 of 16 000.
        assert abs(np.mean(single) - shares) < 4 * np.sqrt(shares * (1 - shares) / 3000)


def test_placing_experts_twice_keeps_the_density():
    study = study_of('kind = "em"')
    X = np.linspace(0, 1, 20)[:, None]
    for way in doublings(2, 4):
        placed = type(study.truth)(place(study.truth.parameters, way), study.truth.gate)
        # Rounding of sums of exponentials.
        assert np.allclose(placed.log_density(X, 3 * X[:, 0]), study.truth.log_density(X, 3 * X[:, 0]), atol=1e-10)
    assert len(doublings(2, 4)) == 3 and doublings(3, 2) == [(0, 1), (0, 2), (1, 2)]
    rng = np.random.default_rng(0)
    assert all(set(random_surjection(3, 5, rng)) == {0, 1, 2} for _ in range(20))
    assert len(set(random_surjection(3, 2, rng))) == 2


def test_two_features_and_a_temperature(tmp_path):
    """Laws in two dimensions, a gate with an estimated temperature, and parameters that come back from the table."""
    text = """
    name = "two"
    seed = 1
    replications = 2
    sizes = [400]
    [truth]
    gate = "activation:activation=sigmoid,temperature=estimate"
    temperature = 0.3
    gate_intercept = [0.3, 0.0]
    gate_coef = [[4.0, 1.0], [0.0, -1.0]]
    intercept = [1.0, -1.0]
    coef = [[2.0, 0.0], [-2.0, 1.0]]
    variance = [0.1, 0.2]
    [x]
    law = "grid"
    low = -1.0
    [[protocol]]
    kind = "mle"
    starts = "near_truth"
    """
    study = Study.from_toml(text)
    assert run(study, tmp_path, engine="serial").n_failed == 0
    frame = table(tmp_path)
    assert {"param:gate_coef[1,1]", "param:temperature"} <= set(frame) and frame["loss:over"].max() < 20
    assert isinstance(study.truth.parameters, Parameters) and study.truth.parameters.temperature == 0.3
