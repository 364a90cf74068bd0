"""What the gates of :class:`gmoe.gates.Gate` leave open.

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
scale invariant. Experts may change places.
"""

from functools import lru_cache

import numpy as np
import scipy

from gmoe.gates._representative import representative
from gmoe.gates.symmetry import Exchange, Scale, Symmetry, relabellings


@lru_cache(maxsize=64)
def symmetry_of(gate, k, q):
    """See :meth:`gmoe.gates.Gate.symmetry`; one for all who ask."""
    rule, sparse, n = gate.selection, gate.is_sparse(k), gate.n_shared
    # The scores alone decide which expert is active, alone.
    unseen = gate.is_hard(k) and not rule.sees_logit
    any_scores = rule.translation_invariant or not sparse
    any_logits = any_scores or not rule.sees_logit
    slopes = any_scores and (gate.affine or unseen)
    intercept = any_logits and (gate.affine or gate.first_bent == 1)
    columns = [tuple(range(c, k * q, q)) for c in range(q)]
    # Where the gate is constant in x a temperature divides the same constants.
    void = tuple(range(k * q + n)) if k == 1 else columns[0] * unseen + (k * q,) * (n if q == 1 else 0)
    free = [intercept and not unseen] + [slopes] * (q - 1)
    moved = tuple(column for column, is_free in zip(columns, free, strict=True) if is_free and k > 1)
    exchanges = [*relabellings(k, q, n)]
    if k == 2 and gate.activation.odd and any_scores and not slopes:
        # Scores (s, t) become (-t, -s), and logits likewise up to a constant: both are translations of the given ones.
        exchanges.append(Exchange.of_rows((1, 0), q, n, -1.0, (0, 1)))
    divided = tuple(gate.powers(q).tolist()) if gate.scale_free else None
    return Symmetry(
        k, q, n, moved, void, _scale(gate, sparse, q), gate.is_hard(k), tuple(exchanges), divided,
        _idle(gate, k, q) if gate.estimated else "",
    )  # fmt: skip


def _scale(gate, sparse, q):
    """Return the common scale of what enters the keys, or without a selection the logits."""
    degree, rule, bent = gate.activation.degree, gate.selection, gate.first_bent == 0
    if sparse and not rule.scale_invariant:
        return None
    if sparse and not rule.sees_logit:
        columns, logs = [0.0] + [1.0] * (q - 1), 0.0
    elif degree is not None:
        columns, logs = [1.0 / degree if bent else 1.0] + [1.0 / degree] * (q - 1), 0.0
    elif gate.n_shared:
        columns, logs = [0.0 if bent else 1.0] + [0.0] * (q - 1), -1.0
    else:
        return None
    return Scale(tuple(columns), (0.0,) * gate.n_shared, (logs,) * gate.n_shared)


def _idle(gate, k, q):
    """Why the temperature is not identified, or nothing."""
    if gate.selection.hard or k == 1:
        return "where one expert alone is active it has no effect"
    if gate.scale_free:
        return "it is a mere scale of the gate's parameters"
    return "it divides constants" if q == 1 else ""


def canonical(gate, coef, temperature, reference, scale):
    """See :meth:`gmoe.gates.Gate.canonical`."""
    coef = np.asarray(coef, dtype=float)
    symmetry = gate.symmetry(*coef.shape)
    if scale not in (None, "temperature=1"):
        raise ValueError(f"scale must be None or 'temperature=1', got {scale!r}.")
    if scale is not None and not (gate.estimated and symmetry.divided):
        raise ValueError(f"scale={scale!r} would change the density of {gate!r}, whose temperature is no free scale.")
    # All of it is by column, and so in any units of these.
    rows, _ = representative(symmetry, coef, np.zeros(symmetry.n_shared), reference)
    if not symmetry.idle:
        return rows, temperature
    if symmetry.hard:
        return rows, 1.0
    powers = gate.powers(coef.shape[1])
    natural = rows / temperature**powers
    temperature = _least_norm(np.sum(natural**2, axis=0), powers) if symmetry.divided and not scale else 1.0
    return natural * temperature**powers, temperature


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
