"""Moves of one expert's selection boundary: exact proposals along lines in its gate parameters.

Along a line each observation switches at one step; sorted, with what each switch gains, they say how far to go before
anything is evaluated.  The exact log-likelihood then judges a few candidates.
"""

import numpy as np

from gmoe.solvers.ascent.em import em
from gmoe.solvers.search.soften import BOX, Soft

# Candidates on each side of a line are the best steps past at most so many switches.
WINDOWS = (4, 40, 400, None)
# Gains below this are rounding.
GAIN = 1e-9
# Switches closer than this, relative, are the same one: halfway between them rounding would select.
SAME_STEP = 1e-9


def sweep(soft: Soft, theta, rng, n_random):
    """Try each expert's slopes, intercept and some random directions; keep what raises the exact log-likelihood.

    Parameters
    ----------
    soft : Soft
    theta : ndarray, shape (P,)
    rng : numpy.random.Generator
    n_random : int
        Random directions for each expert.

    Returns
    -------
    theta : ndarray; value : float
    """
    value, _ = soft.evaluate(theta, 0.0)
    k, q = soft.objective.n_experts, soft.objective.q_gate
    for j in rng.permutation(k):
        for direction in _directions(soft, q, rng, n_random):
            for step in _steps(soft, theta, j, direction):
                trial = theta.copy()
                gate, _ = soft.objective.split(trial)
                gate[j] += step * direction
                if np.abs(gate[j]).max() > BOX:
                    continue
                if soft.gate.selection.hard:
                    # A region's regression is all there is to its fit: judge a boundary with it.
                    trial = em(soft.objective, trial, 0.0, 1).evaluation.theta
                following, _ = soft.evaluate(trial, 0.0)
                if following > value + GAIN:
                    theta, value = trial, following
                    break
    return theta, value


def _directions(soft, q, rng, n_random):
    """Yield directions of one row: unit vectors, and random slopes that pivot about a random observation."""
    yield from np.eye(q)
    for _ in range(n_random if q > 1 else 0):
        slopes = rng.standard_normal(q - 1)
        pivot = -slopes @ soft.x_gate[:, rng.integers(soft.n)] if soft.gate.selection.sees_logit else 0.0
        yield np.concatenate([[pivot], slopes])


def _steps(soft, theta, j, direction):
    """List steps along a direction of expert ``j``'s row, the most promising ones first."""
    key, *derivatives = soft.keys(theta)
    # A rule may give numbers, or arrays of every expert's own.
    in_score, in_logit = (np.broadcast_to(d, key.shape)[j] for d in derivatives)
    rows = soft.rows
    score = direction[1:] @ soft.x_gate
    inside = direction[0] if soft.gate.first_bent == 0 else 0.0
    rate = score + inside
    if rows.slope.size:
        rate = rows.slope[j] * rate
    rate = rate + (direction[0] - inside)
    rate_key = in_logit * rate + in_score * score
    if not np.any(rate_key):
        return []
    joint = rows.logit + soft.log_density(theta)
    breaks, jumps = soft.gate.selection.line_breaks(
        soft.w, rows.logit, joint, key, j, rate, np.ascontiguousarray(rate_key)
    )
    found = []
    for sign in (1.0, -1.0):
        side = np.flatnonzero((sign * breaks > 0) & np.isfinite(breaks))
        if not side.size:
            continue
        order = side[np.argsort(np.abs(breaks[side]))]
        steps, gains = breaks[order], np.cumsum(jumps[order])
        gains[:-1][np.abs(np.diff(steps)) <= SAME_STEP * np.abs(steps[1:])] = -np.inf
        # Halfway to the next switch; past the last one, a little further.
        steps = np.append(0.5 * (steps[:-1] + steps[1:]), 1.01 * steps[-1])
        best = {int(np.argmax(gains[:window])) for window in WINDOWS}
        found += [(gains[i], steps[i]) for i in best if gains[i] > 0]
    return [step for _, step in sorted(found, reverse=True)[:4]]
