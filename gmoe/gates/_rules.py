"""Whether a key is what it says, found out by evaluating it at some points.

That ranks stay at some points does not prove that they always do; so what is not said is not assumed, and what is said
is held to what is found.
"""

from functools import lru_cache

import numpy as np

from gmoe.gates._traits import EXACT, ROUNDING, STEP, TRUNCATION, check_derivative


def check_key(rule):
    """Raise a ValueError where a key is not what it says; see :class:`gmoe.gates.Key`."""
    rng = np.random.default_rng(0)
    score, logit, other, shift, log_factor = rng.normal(0.0, 2.0, (5, 4, 64))
    key, *derivatives = _keys(rule, score, logit)
    for name, moved in (("sees_score", (other, logit)), ("sees_logit", (score, other))):
        if getattr(rule, name) != (found := not np.array_equal(_keys(rule, *moved)[0], key)):
            raise ValueError(f"Key {rule.name!r} says {name}={not found}, but its keys {_does(found)} on them.")
    if not (rule.sees_score or rule.sees_logit):
        raise ValueError(f"Key {rule.name!r} looks at nothing; it must see scores or logits.")
    order, few = [2, 0, 3, 1], slice(60, 10, -2)
    size = EXACT * np.abs(key).max()
    if not np.allclose(_keys(rule, score[order], logit[order])[0], key[order], rtol=0.0, atol=size):
        raise ValueError(f"Key {rule.name!r} must treat all experts alike, whatever their order.")
    if not np.allclose(_keys(rule, score[:, few], logit[:, few])[0], key[:, few], rtol=0.0, atol=size):
        raise ValueError(f"Key {rule.name!r} must look at one observation at a time.")
    _check_key_derivatives(rule, score, logit, key, derivatives)
    # One number for each observation.
    shift, factor = 5.0 * shift[:2, None], np.exp(log_factor[:2, None])
    if rule.translation_invariant and not _same_rank(key, _keys(rule, score + shift[0], logit + shift[1])[0]):
        raise ValueError(_false_claim(rule, "translation_invariant", "a number is added to all scores, or all logits"))
    if rule.scale_invariant and not _same_rank(key, _keys(rule, score * factor[0], logit * factor[1])[0]):
        raise ValueError(_false_claim(rule, "scale_invariant", "all scores, or all logits, are multiplied by a number"))


@lru_cache
def check_ties(rule, n_experts: int):
    """Raise a ValueError where a key gives some of so many experts equal keys, whatever their scores and logits."""
    score, logit = np.random.default_rng(1).normal(0.0, 2.0, (2, n_experts, 8))
    key = np.sort(_keys(rule, score, logit)[0], axis=0)
    if np.any(np.all(np.diff(key, axis=0) <= EXACT * np.abs(key).max(), axis=1)):
        raise ValueError(
            f"Key {rule.name!r} gives some of {n_experts} experts equal keys, so that rounding would select; use "
            "another n_experts, or another key."
        )


def _keys(rule, score, logit):
    """Keys and derivatives as arrays of one shape."""
    rows = [np.asarray(row, dtype=float) for row, _ in zip(rule.keys(score, logit), range(3), strict=False)]
    if len(rows) < 3 or rows[0].shape != score.shape or not np.all(np.isfinite(rows[0])):
        raise ValueError(
            f"Key {rule.name!r} must yield finite keys (n_experts, m), and their derivatives in score and logit."
        )
    return [np.broadcast_to(row, score.shape) for row in rows]


def _check_key_derivatives(rule, score, logit, key, derivatives):
    for j in range(len(key)):
        step = np.zeros_like(key)
        step[j] = STEP
        for word, given, change in (("score", derivatives[0], (step, 0.0)), ("logit", derivatives[1], (0.0, step))):
            ahead, behind = (_keys(rule, score + s * change[0], logit + s * change[1])[0][j] for s in (1.0, -1.0))
            size = TRUNCATION * (1.0 + np.abs(given[j])) + ROUNDING * np.abs(key[j])
            what = f"derivative in an expert's own {word} of key {rule.name!r}"
            at = score[j] if word == "score" else logit[j]
            check_derivative(what, at, given[j], (ahead - behind) / (2.0 * STEP), size)


def _same_rank(before, after):
    """Whether all keys that differ by more than rounding keep their order."""
    before, after = (key[:, None] - key[None] for key in (before, after))
    clear = np.abs(before) > EXACT * np.abs(before).max()
    return np.array_equal(np.sign(before[clear]), np.sign(after[clear]))


def _does(depend):
    return "depend" if depend else "do not depend"


def _false_claim(rule, trait, when):
    return f"Key {rule.name!r} says {trait}=True, but its ranks change where {when}; leave {trait} out."
