"""Named ways to start a fit.

From data: a start is a partition of the observations into ``k`` groups (``kmeans``, ``random``, ``split``), turned
into parameters by least squares in each group.  From a smaller model: one expert is split in two (:func:`grow`).
Everything happens in scaled coordinates, so that starts do not depend on the units of the data.
"""

import warnings

import numpy as np
import scipy

from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.starts.given import given_last

# Weight of the uniform distribution in start responsibilities: no expert starts without any observation.
BLUR = 0.1
# Ranges of the log of the factor by which the slopes of a bending gate are multiplied, and of its log temperature.
STEEPNESS, LOG_TEMPERATURE = (-1.0, 3.0), (-2.0, 0.5)
# The same for a kick of a maximum, and by how much it turns the directions.
KICK, TURN = (0.5, 4.0), 0.3


def kmeans(sample, k, rng):
    """k-means on all features and the response together."""
    rows = np.column_stack([sample.expert_axes, sample.gate_axes, sample.y_axis])
    # Random units: each draw weighs x against y differently.
    rows = rows * np.exp(0.5 * rng.standard_normal(rows.shape[1]))
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # An empty cluster, or fewer distinct rows than clusters, is a legal, if poor, start.
        warnings.simplefilter("ignore", UserWarning)
        _, labels = scipy.cluster.vq.kmeans2(rows, k, iter=20, minit="++", rng=rng)
    return labels


def random(sample, k, rng):
    """Regressions on small random subsets, then a few rounds of "each observation to its nearest regression"."""
    y = sample.y
    design = np.column_stack([np.ones(len(y)), sample.x_expert])
    size = min(len(y), design.shape[1] + 1)
    subsets = [rng.choice(len(y), size, replace=False) for _ in range(k)]
    for _ in range(5):
        coefficients = [np.linalg.lstsq(design[rows], y[rows])[0] for rows in subsets]
        labels = np.argmin([((y - design @ c) ** 2).sum(axis=1) for c in coefficients], axis=0)
        groups = [np.flatnonzero(labels == j) for j in range(k)]
        # A group too small for a regression keeps its old one.
        subsets = [g if len(g) >= size else s for g, s in zip(groups, subsets, strict=True)]
    return labels


def split(sample, k, rng):
    """Slices of the features along a random direction, cut at random."""
    score = _direction(sample, rng)
    return np.searchsorted(np.sort(rng.choice(score, k - 1)), score)


def _direction(sample, rng):
    """Return the gate's features along a random direction (the experts' under a constant gate, y without any)."""
    x = sample.gate_axes if sample.gate_axes.shape[1] else sample.expert_axes
    return x @ rng.standard_normal(x.shape[1]) if x.shape[1] else sample.y_axis[:, 0]


DATA_STARTS = {"kmeans": kmeans, "random": random, "split": split}


def from_labels(labels, k):
    """Soft groups (n, k) of a partition."""
    responsibilities = np.full((len(labels), k), BLUR / k)
    responsibilities[np.arange(len(labels)), labels] += 1.0 - BLUR
    return responsibilities


def from_responsibilities(objective: Objective, sample, responsibilities, arrange=False):
    """Parameters of soft groups (n, k): experts for each, and a gate that tells them apart.

    The groups may be arranged first, where the gate has different places for its experts.
    """
    x = np.ascontiguousarray(sample.x_gate.T)
    r = responsibilities * sample.weight[:, None]
    if arrange:
        r = objective.gate.arranged(x, r)
    expert, expert_shared = objective.experts.start(r, sample.x_expert.T, sample.y.T)
    gate, shared = objective.gate.dense().start(x, r)
    return objective.join(gate, expert, shared, expert_shared)


def steepen(objective: Objective, theta, number, rng):
    """Vary the steepness of a gate that bends, for every second start.

    Labels leave it open: a flat piece of the activation with a low temperature, and a steep one with a high one, tell
    groups apart as well, and lead to different maxima.
    """
    if not len(objective.bent_index) or number % 2 == 0:
        return theta
    theta = theta.copy()
    theta[objective.bent_index] *= np.exp(rng.uniform(*STEEPNESS))
    objective.shared(theta)[:] = rng.uniform(*LOG_TEMPERATURE, objective.s_gate)
    return theta


def kick(objective: Objective, theta, rng):
    """Put a maximum's experts behind a steeper gate, its directions a little turned.

    Where a bending gate is steep it is made of steps, each between two rows: maxima without end, a few of them higher
    than the smooth one, and none of them found from labels.
    """
    theta = theta.copy()
    bent = objective.bent_index
    size = np.linalg.norm(theta[bent]) / np.sqrt(len(bent))
    theta[bent] += TURN * size * rng.standard_normal(len(bent))
    theta[bent] *= np.exp(rng.uniform(*KICK))
    return theta


def grow(objective: Objective, theta, sample, n_starts, rng, left_out=None):
    """Yield soft groups that give a model one expert more, ``n_starts`` of four kinds in turn.

    One expert may be left out first.

    Cutting an expert in two finds experts that share a region of x.  The others take a few observations, up to a tenth,
    out of the smaller model: neighbours of a badly fitted one, a tail, a line through badly fitted ones.  They find
    experts with a small share, which groups of comparable size never do.
    """
    r, n_given = posterior(objective, theta, sample, left_out), objective.experts.n_given
    n_fitted = r.shape[1] - n_given
    design = np.column_stack([np.ones(len(sample.y)), sample.x_expert])
    mean = objective.experts.mean(objective.split(theta)[1], objective.expert_shared(theta), sample.x_expert.T)
    mean = mean if left_out is None else np.delete(mean, left_out, axis=0)
    residual = sample.y - np.einsum("ij,jpi->ip", r, mean)
    residual /= np.maximum(np.sqrt(np.mean(residual**2, axis=0)), 1e-12)
    # What an expert with a given density explains wants no other.
    residual *= 1.0 - r[:, n_fitted:].sum(axis=1, keepdims=True)
    towards = np.where(np.mean(residual**3, axis=0) < 0, -1.0, 1.0)
    rows = np.column_stack([sample.expert_axes, sample.gate_axes, towards * residual])
    badness = ((residual**2).sum(axis=1) + 1e-12) * sample.weight
    badness /= badness.sum()
    first = int(rng.integers(4))
    for i in range(n_starts):
        kind = (first + i) % 4
        if kind == 0:
            grown = _cut(r, int(rng.integers(n_fitted)), sample, rng)
            yield np.column_stack(given_last(grown.T, n_given, 2))
            continue
        if kind == 1:
            units = np.exp(rng.standard_normal(rows.shape[1]))
            distance = (((rows - rows[rng.choice(len(rows), p=badness)]) * units) ** 2).sum(axis=1)
        elif kind == 2:
            distance = -rows @ rng.standard_normal(rows.shape[1])
        else:
            few = rng.choice(len(rows), min(design.shape[1], len(rows)), replace=False, p=badness)
            distance = np.linalg.norm(sample.y - design @ np.linalg.lstsq(design[few], sample.y[few])[0], axis=1)
        yield np.column_stack(given_last(_take(r, distance, rows.shape[1] + 1, rng).T, n_given, 1))


def _cut(r, j, sample, rng):
    """Cut expert ``j`` in two along a random direction of x."""
    score = _direction(sample, rng)
    share = r[:, j] * sample.weight
    cut = score[rng.choice(len(score), p=share / share.sum())] if share.sum() > 0 else np.median(score)
    upper = np.where(score > cut, 0.95, 0.05)
    return np.column_stack([np.delete(r, j, axis=1), r[:, j] * upper, r[:, j] * (1.0 - upper)])


def _take(r, distance, smallest, rng):
    """Give the observations of smallest distance, up to a tenth of all, an expert of their own."""
    n = len(distance)
    size = min(int(smallest * max(0.1 * n / smallest, 1.0) ** rng.random()), n)
    near = distance <= np.partition(distance, size - 1)[size - 1]
    return np.column_stack([np.where(near[:, None], 0.01, 1.0) * r, np.where(near, 0.99, 0.0)])


def posterior(objective: Objective, theta, sample, left_out=None):
    """Responsibilities (n, k) of the sample under parameters theta; or of all experts but one.

    Where that one has all the weight, the others' are by their densities alone.
    """
    gate, expert = objective.split(theta)
    logit = objective.gate.value(gate, objective.shared(theta), np.ascontiguousarray(sample.x_gate.T))
    density = objective.experts.value(expert, objective.expert_shared(theta), sample.x_expert.T, sample.y.T)
    joint = (logit + density).T
    if left_out is not None:
        joint = np.where(np.isfinite(np.delete(joint, left_out, axis=1)).any(axis=1)[:, None], joint, density.T)
        joint = np.delete(joint, left_out, axis=1)
    r = np.exp(joint - joint.max(axis=1, keepdims=True))
    return r / r.sum(axis=1, keepdims=True)


def twin(smaller: Objective, theta, j):
    """Parameters with expert ``j`` of a smaller model doubled: same density, one expert more.

    A saddle of the larger model, from which an ascent can only rise: why a fit with k + 1 experts is never worse than
    one with k.
    """
    rows = theta[: smaller.n_rows].reshape(smaller.n_experts, smaller.width)
    pair = np.repeat(rows[j : j + 1], 2, axis=0)
    # Two equal gate terms weigh twice as much.
    pair[:, 0] -= np.log(2.0)
    rows = given_last([*np.delete(rows, j, axis=0), *pair], smaller.experts.n_given, 2)
    return np.concatenate([*rows, theta[smaller.n_rows :]])


def largest(objective: Objective, evaluation) -> int:
    """Return the fitted expert of largest share."""
    return int(np.argmax(objective.shares(evaluation)[: objective.n_fitted]))
