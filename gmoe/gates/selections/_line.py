"""Where a selection changes as one expert's key moves: for any selection, by evaluating it."""

import numpy as np

# Points of a scan, how far beyond the other experts' keys it goes in units of their spread, and bisections of a change.
POINTS, BEYOND, BISECTIONS = 65, 3.0, 30
# Change of a logit beyond which a step is of no use, and its exponential overflows.
FAR = 500.0


def scan(selection, key, j):
    """Find the first change between any two points of a grid, (c, m); see :meth:`Selection.crossings`.

    A second one between the same two is taken for a part of the first: steps are proposals, which others judge.
    """
    spread = max(float(np.std(key)), 1e-300)
    others = np.delete(key, j, axis=0)
    low, high = others.min(axis=0) - BEYOND * spread, others.max(axis=0) + BEYOND * spread
    grid = np.linspace(low, high, POINTS)
    sets = np.array([_active_at(selection, key, j, value) for value in grid])
    changed = np.any(sets[1:] != sets[:-1], axis=1)
    # The intervals with changes first; those without, where some observations have fewer, are harmless.
    order = np.argsort(~changed, axis=0, kind="stable")[: max(int(changed.sum(axis=0).max(initial=0)), 1)]
    low, high = np.take_along_axis(grid, order, axis=0), np.take_along_axis(grid, order + 1, axis=0)
    before = np.moveaxis(np.take_along_axis(np.moveaxis(sets, 1, 0), order[None], axis=1), 1, 0)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        now = np.array([_active_at(selection, key, j, value) for value in middle])
        same = np.all(now == before, axis=1)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return high


def line_breaks(selection, weight, logit, joint, key, j, rate_logit, rate_key):
    """See :meth:`Selection.line_breaks`."""
    at = np.sort(selection.crossings(key, j), axis=0)
    between = np.concatenate([at[:1] - 1.0, 0.5 * (at[1:] + at[:-1]), at[-1:] + 1.0])
    sets = [_active_at(selection, key, j, value) for value in between]
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = (at - key[j]) / rate_key
        change = steps * rate_logit
        useful = (rate_key != 0.0) & (np.abs(change) < FAR)
    change, jumps = np.where(useful, change, 0.0), np.zeros(at.shape)
    logit, joint = logit.copy(), joint.copy()
    own, own_joint = logit[j].copy(), joint[j].copy()
    for b, (before, after) in enumerate(zip(sets[:-1], sets[1:], strict=True)):
        logit[j], joint[j] = own + change[b], own_joint + change[b]
        upwards = _log_likelihood(logit, joint, after) - _log_likelihood(logit, joint, before)
        jumps[b] = weight * np.where(useful[b], np.where(at[b] > key[j], upwards, -upwards), 0.0)
    return np.where(useful, steps, np.inf).ravel(), jumps.ravel()


def _active_at(selection, key, j, value):
    trial = key.copy()
    trial[j] = value
    return selection.active(trial)


def _log_likelihood(logit, joint, active):
    return _log_sum(joint, active) - _log_sum(logit, active)


def _log_sum(rows, active):
    rows = np.where(active, rows, -np.inf)
    top = rows.max(axis=0)
    return top + np.log(np.exp(rows - top).sum(axis=0))
