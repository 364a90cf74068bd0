"""Whether a selection is what it says, found out by evaluating it at some points; see :mod:`gmoe.gates._rules`."""

from functools import lru_cache

import numpy as np

from gmoe.gates._rules import check_ties
from gmoe.gates._traits import EXACT, ROUNDING, STEP, TRUNCATION
from gmoe.gates.keys import Key

# Observations of random keys; those that differ by less than this from their threshold may go either way.
POINTS, CLEAR = 64, 1e-6


def check_by(selection):
    """Raise a ValueError where a selection does not say what it looks at."""
    if not isinstance(getattr(selection, "by", None), Key):
        raise ValueError(f"{selection!r} does not say what it looks at; give it by, a Key such as gmoe.gates.BY_LOGIT.")


@lru_cache
def check(selection, n_experts: int):
    """Raise a ValueError where a selection of so many experts contradicts what it says."""
    check_ties(selection.by, n_experts)
    rng = np.random.default_rng(0)
    score, logit = rng.normal(0.0, 2.0, (2, n_experts, POINTS))
    key = _keys(selection, score, logit)
    threshold, in_key = _thresholds(selection, key)
    active = selection.active(key)
    if not active.any(axis=0).all():
        raise ValueError(f"{selection!r} leaves an observation without an active expert; its threshold is too high.")
    if np.any((active != (key >= threshold)) & (np.abs(key - threshold) > CLEAR)):
        raise ValueError(f"{selection!r} must keep the experts whose keys reach its thresholds.")
    count = 1 if selection.hard else selection.n_active
    if count is not None and np.any(active.sum(axis=0) != count):
        raise ValueError(f"{selection!r} says that it keeps {count} of {n_experts} experts, but it keeps others.")
    order, few = rng.permutation(n_experts), slice(60, 10, -2)
    for what, other, same in (
        ("treat all experts alike, whatever their order", key[order], threshold),
        ("look at one observation at a time", key[:, few], threshold[few]),
    ):
        if not np.allclose(_thresholds(selection, np.ascontiguousarray(other))[0], same, rtol=EXACT, atol=EXACT):
            raise ValueError(f"{selection!r} must {what}.")
    _check_derivative(selection, key, in_key)
    shift, factor = 5.0 * rng.normal(size=(2, POINTS)), np.exp(rng.normal(size=(2, POINTS)))
    for trait, moved in (
        ("translation_invariant", (score + shift[0], logit + shift[1])),
        ("scale_invariant", (score * factor[0], logit * factor[1])),
    ):
        # Whole columns, but for those that rounding decides.
        clear = np.abs(key - threshold).min(axis=0) > CLEAR
        if getattr(selection, trait) and np.any((selection.active(_keys(selection, *moved)) != active)[:, clear]):
            raise ValueError(f"{selection!r} says {trait}=True, but its active experts change; leave {trait} out.")


def _keys(selection, score, logit):
    return next(selection.by.at(score, logit))


def _thresholds(selection, key):
    threshold, in_key = (np.asarray(row, dtype=float) for row in selection.thresholds(key))
    finite = np.all(np.isfinite(threshold)) and np.all(np.isfinite(in_key))
    if threshold.shape != key.shape[1:] or in_key.shape != key.shape or not finite:
        raise ValueError(
            f"{selection!r} must give finite thresholds (m,), and their derivatives in the keys (n_experts, m)."
        )
    return threshold, in_key


def _check_derivative(selection, key, in_key):
    for j in range(len(key)):
        step = np.zeros_like(key)
        step[j] = STEP
        ahead, behind = (_thresholds(selection, key + sign * step)[0] for sign in (1.0, -1.0))
        found = (ahead - behind) / (2.0 * STEP)
        wrong = np.flatnonzero(
            np.abs(in_key[j] - found) > TRUNCATION * (1.0 + np.abs(found)) + ROUNDING * np.abs(key[j])
        )
        if wrong.size:
            i = wrong[0]
            raise ValueError(
                f"The derivative of the threshold of {selection!r} in a key is {in_key[j, i]:.6g}, where differences "
                f"give {found[i]:.6g}."
            )
