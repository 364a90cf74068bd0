"""Studies of the maximum over a compact set: the estimator of the theorems."""

import numpy as np
import pytest
import scipy

pytest.importorskip("pyarrow")

from gmoe.parameters import PER_EXPERT, Parameters
from gmoe.study import SpecError, Study, draw, model_of, run, table
from gmoe.study.protocols.corners import corner
from gmoe.study.protocols.near_truth import NearTruth
from gmoe.study.protocols.sets import space

BOUNDS = {
    "min_variance": 0.02, "max_variance": 1.0, "max_coef": 30.0, "max_intercept": 25.0, "max_gate_coef": 35.0,
    "max_gate_intercept": 12.0,
}  # fmt: skip
TEXT = """
name = "compact"
seed = 4
replications = 4
sizes = [200]
truth = "softmax_paper"

[[protocol]]
kind = "mle"
n_experts = 3
n_init = 2
{more}
"""
WHOLE = f"n_corners = 4\nspace = {{{', '.join(f'{name} = {value}' for name, value in BOUNDS.items())}}}"


def negative_log_likelihood(theta, x, y):
    """Own likelihood of three experts in one feature, gate pinned at the last."""
    a, b = np.append(theta[:2], 0.0), np.append(theta[2:4], 0.0)
    c, d, v = theta[4:7], theta[7:10], theta[10:13]
    score = a + np.outer(x, b)
    log_gate = score - scipy.special.logsumexp(score, axis=1, keepdims=True)
    log_normal = -0.5 * (np.log(2.0 * np.pi * v) + (y[:, None] - c - np.outer(x, d)) ** 2 / v)
    return -scipy.special.logsumexp(log_gate + log_normal, axis=1).sum()


def best_of_slsqp(starts, x, y):
    """Highest point that SLSQP finds in the set of BOUNDS: a box, and differences between the first two experts."""
    gate = [(-BOUNDS["max_gate_intercept"], BOUNDS["max_gate_intercept"])] * 2
    gate += [(-BOUNDS["max_gate_coef"], BOUNDS["max_gate_coef"])] * 2
    box = [*gate, *[(-25.0, 25.0)] * 3, *[(-30.0, 30.0)] * 3, *[(0.02, 1.0)] * 3]
    sides = [(0, 1, BOUNDS["max_gate_intercept"]), (2, 3, BOUNDS["max_gate_coef"])]
    apart = [
        {"type": "ineq", "fun": lambda t, i=i, j=j, most=most, s=s: most - s * (t[i] - t[j])}
        for i, j, most in sides
        for s in (-1.0, 1.0)
    ]
    options = {"maxiter": 400, "ftol": 1e-12}
    with np.errstate(all="ignore"):
        ends = [
            scipy.optimize.minimize(
                negative_log_likelihood, s, (x, y), "SLSQP", bounds=box, constraints=apart, options=options
            )
            for s in starts
        ]
    inside = [e for e in ends if all(c["fun"](e.x) > -1e-9 for c in apart) and np.isfinite(e.fun)]
    return -min(e.fun for e in inside)


def flat(p: Parameters):
    gate = [p.gate_intercept[:2] - p.gate_intercept[2], p.gate_coef[:2, 0] - p.gate_coef[2, 0]]
    return np.concatenate([*gate, p.intercept, p.coef[:, 0], p.variance])


def test_fits_are_the_highest_points_of_the_set(tmp_path):
    """All are certified, inside of the set, and SLSQP with its own likelihood finds nothing higher."""
    study = Study.from_toml(TEXT.format(more=WHOLE))
    assert run(study, tmp_path, engine="serial").n_failed == 0
    frame = table(tmp_path)
    assert frame["certified"].all() and set(frame["status"]) != {"converged"}, "some are at an edge of the set"
    for _, row in frame.iterrows():
        data = draw(study, 200, study.seed_of(200, row["replication"]))
        x, y, theta = data.X[:, 0], data.y, flat(model_of(study, row).parameters)
        # The bound is met to the rounding of the change of units.
        assert np.abs(theta[:2]).max() <= 12.0 + 1e-9 and np.ptp(np.append(theta[2:4], 0.0)) <= 35.0 + 1e-9
        assert theta[10:].min() >= 0.02 - 1e-12 and theta[10:].max() <= 1.0 + 1e-12
        rng = np.random.default_rng([7, row["replication"]])
        beside = NearTruth(study.truth, (study.truth.gate, study.truth.experts), 3)
        seen = data.X, data.X, y
        starts = [corner(beside.placed(way), way, space(BOUNDS), *seen, rng) for way in beside.ways for _ in range(2)]
        own = best_of_slsqp([theta, *map(flat, starts)], x, y)
        assert own == pytest.approx(-negative_log_likelihood(theta, x, y), abs=1e-5)  # SLSQP's own stop


def test_a_corner_is_in_the_set():
    truth = Study.from_toml(TEXT.format(more="")).truth
    beside = NearTruth(truth, (truth.gate, truth.experts), 3)
    rng = np.random.default_rng(0)
    X, y = rng.random((50, 1)), rng.normal(size=50)
    found = [corner(beside.placed(way), way, space(BOUNDS), X, X, y, rng) for way in beside.ways * 20]
    for p in found:
        assert set(p.variance) & {0.02, 1.0} and np.abs(p.coef).max() <= 30.0 and np.abs(p.intercept).max() <= 25.0
        assert 35.0 in np.abs(np.subtract.outer(p.gate_coef[:, 0], p.gate_coef[:, 0]))
    kept = [sum(name.tolist() == row for name in truth.parameters.expert) for row in found[0].expert.tolist()]
    assert sum(kept) == 2, "every true expert is still there"


def test_the_set_is_read_and_written():
    study = Study.from_toml(TEXT.format(more=WHOLE))
    (protocol,) = study.to_dict()["protocol"]
    assert protocol["space"] == BOUNDS and study.protocols[0].space.is_compact
    assert Study.from_dict(study.to_dict()).to_dict() == study.to_dict()
    assert "space" not in Study.from_toml(TEXT.format(more="")).to_dict()["protocol"][0]
    assert set(PER_EXPERT) >= {"coef", "variance"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("space = {max_coeff = 40.0}", "line 12: protocol.*space: has no bound 'max_coeff'; did you mean 'max_coef'"),
        ("space = 3", "must be a table of bounds"),
        ("space = {max_coef = 10.0}", "max_coef = 10, the truth 20"),
        ("space = {max_gate_coef = 20.0}", "max_gate_coef = 20, the truth 25"),
        ("space = {min_variance = 0.1}", "variances from 0.1 to inf, the truth from 0.09"),
        ("space = {max_coef = -1.0}", "max_coef must be"),
        ("n_corners = 2", "n_corners needs a compact space"),
    ],
)
def test_bad_sets_are_refused(more, message):
    with pytest.raises(SpecError, match=message):
        Study.from_toml(TEXT.format(more=more))
