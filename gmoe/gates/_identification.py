"""What a gate leaves open: directions without effect, and one representative of every class.

| gate | free to move |
|---|---|
| affine | one vector (t1, t2) added to the parameters of all experts |
| bent, intercept outside | one number t1 added to all intercepts |
| bent, intercept inside | nothing |
| hard (one active expert), selection sees scores alone | all intercepts, t2, and the scale of the slopes |
| hard, selection sees logits | as the dense gate, and the scale where the activation is homogeneous |
| estimated temperature, homogeneous activation | the scale of (gate_coef, gate_intercept, temperature) |
| bent by an odd activation, two experts | rows (a, b) to (-b, -a) |

Translations, and the mirror image, need a selection that is translation invariant; scales of keys one that is
scale invariant.
"""

import numpy as np
import scipy


def _ignores_intercepts(gate, k):
    """Whether nothing depends on the intercepts: the scores alone decide which expert is active, alone."""
    return gate.is_hard(k) and not gate.selection.sees_logit


def translated(gate, k):
    """Whether intercepts, and slopes, may be translated: (intercept, slopes)."""
    rule, idle = gate.selection, _ignores_intercepts(gate, k)
    any_scores = rule.translation_invariant or not gate.is_sparse(k)
    any_logits = any_scores or not rule.sees_logit
    return idle or (any_logits and (gate.affine or gate.first_bent == 1)), any_scores and (gate.affine or idle)


def scales_keys(gate):
    """Whether there is a common scale of what enters the keys, which leaves their ranks."""
    rule = gate.selection
    return rule.scale_invariant and (not rule.sees_logit or gate.activation.degree is not None)


def invariances(gate, k, q):
    """See :meth:`gmoe.gates.Gate.invariances`."""
    size = k * q + gate.n_shared
    if k == 1:
        return np.eye(size)
    intercept, slopes = translated(gate, k)
    free = [intercept] + [slopes] * (q - 1)
    flat = np.kron(np.full((k, 1), k**-0.5), np.eye(q)[:, free])
    if _ignores_intercepts(gate, k):
        flat = np.column_stack([np.kron(np.eye(k), np.eye(q)[:, :1]), flat[:, 1:]])
    flat = np.vstack([flat, np.zeros((gate.n_shared, flat.shape[1]))])
    if gate.n_shared and q == 1:
        # Nothing but intercepts: the temperature divides the same constant for all.
        flat = np.column_stack([flat, np.eye(size)[:, -1]])
    return flat


def pin(gate, coef, reference):
    """Translate coefficients (..., k, q) so that the reference's are zero, where translation is free."""
    k, q = coef.shape[-2:]
    intercept, slopes = translated(gate, k)
    free = np.array([intercept] + [slopes] * (q - 1), dtype=float)
    result = coef - free * coef[..., [reference], :]
    if _ignores_intercepts(gate, k):
        result[..., 0] = 0.0
    return result if k > 1 else np.zeros_like(result)


def canonical(gate, coef, temperature, reference, scale):
    """See :meth:`gmoe.gates.Gate.canonical`."""
    k = len(coef)
    if scale not in (None, "temperature=1"):
        raise ValueError(f"scale must be None or 'temperature=1', got {scale!r}.")
    if scale is not None and not (gate.estimated and gate.scale_free):
        raise ValueError(f"scale={scale!r} would change the density of {gate!r}, whose temperature is no free scale.")
    coef = np.array(coef, dtype=float)
    coef = pin(gate, mirror(coef) if mirrored(gate, coef) else coef, reference)
    if gate.estimated and (gate.selection.hard or k == 1):
        temperature = 1.0
    if gate.n_shared and coef.shape[1] == 1:
        # Nothing but intercepts to divide.
        coef, temperature = coef / temperature, 1.0
    if gate.is_hard(k):
        return _unit(gate, coef), temperature
    if gate.estimated and gate.scale_free and k > 1:
        natural, _ = gate.natural(coef, temperature)
        powers = gate._powers(coef.shape[1])
        temperature = 1.0 if scale else _least_norm(np.sum(natural**2, axis=0), powers)
        return natural * temperature**powers, temperature
    return coef, temperature


def _unit(gate, coef):
    """Hard gate of unit length: the rank of the keys does not depend on a common scale."""
    located = gate.selection.sees_logit
    if not scales_keys(gate):
        return coef
    size = np.linalg.norm(coef if located and gate.affine else coef[:, 1:])
    if size == 0.0:
        return coef
    powers = np.ones(coef.shape[1])
    if located and gate.first_bent == 1:
        # Slopes scale by 1 / size, act(score) and so the intercept by its power.
        powers[0] = gate.activation.degree
    return coef / size**powers


def _least_norm(squares, powers):
    """Temperature of the class's member of least norm in (gate_coef, gate_intercept, log temperature).

    With t the log of the temperature the squared norm is ``t**2 + sum squares exp(2 powers t)``: strictly convex, and
    its minimum is at a t <= 0.
    """

    def slope(t):
        return t + np.sum(powers * squares * np.exp(2.0 * powers * t))

    low = -1.0
    while slope(low) > 0.0:
        low *= 2.0
    return float(np.exp(scipy.optimize.brentq(slope, low, 0.0, xtol=1e-15, rtol=1e-15))) if slope(0.0) > 0.0 else 1.0


def has_mirror(gate, k):
    """See :meth:`gmoe.gates.Gate.has_mirror`.

    Scores (s, t) become (-t, -s), and logits likewise up to a constant: both are translations of the given ones.
    """
    _, slopes = translated(gate, k)
    translates = gate.selection.translation_invariant or not gate.is_sparse(k)
    return k == 2 and gate.activation.odd and translates and not slopes


def mirrored(gate, coef):
    """Whether (a, b) should be (-b, -a): an odd activation gives both rows of two experts the same probabilities.

    The canonical ones are those whose slopes' sum begins with a positive entry.
    """
    if not has_mirror(gate, len(coef)):
        return False
    total = coef[:, 1:].sum(axis=0)
    first = total[np.flatnonzero(total)[:1]]
    return bool(first.size and first[0] < 0)


def mirror(coef):
    """Exchange the rows of two experts, with changed sign; the difference of outside intercepts stays as it is."""
    return -coef[::-1]


def key_scale(gate, coef, shared):
    """Direction (k q + n_shared,) of the natural parameters, at a point, in which all keys grow alike, or zeros."""
    k, q = coef.shape
    rows, last = np.zeros((k, q)), np.zeros(len(shared))
    degree, rule = gate.activation.degree, gate.selection
    if not rule.sees_logit:
        rows[:, 1:] = coef[:, 1:]
    elif degree is not None:
        rows[:] = coef / degree
        if gate.first_bent == 1:
            rows[:, 0] = coef[:, 0]
    elif len(shared):
        last[:] = -1.0
        if gate.first_bent == 1:
            rows[:, 0] = coef[:, 0]
    return rule.scale_invariant * np.concatenate([rows.ravel(), last])
