"""What a loss leaves out of account because the gates leave it open, and the gates in coordinates without it.

| gate | scale | translated | weights |
|---|---|---|---|
| any, ``scale="raw"`` | as given | slopes, if affine | exp(gate_intercept / temperature) |
| a scale shared with an estimated temperature | slopes over the temperature | slopes, if affine | the same |
| one active expert, by score | slopes of extent 1 | slopes | by cell |
| one active expert, by logit | rows of extent 1, if homogeneous | intercepts; slopes, if affine | by cell |
| one expert | as given | slopes | exp(gate_intercept / temperature) |

By cell: each true atom has mass 1, and so have the fitted atoms of its cell together.
"""

from dataclasses import dataclass

import numpy as np

from gmoe.metrics._family import symmetry_of, unselected
from gmoe.metrics._stack import Given, ParameterStack


@dataclass(frozen=True)
class Freedom:
    """What is left out of account.

    Attributes
    ----------
    slopes : bool
        Translations of the gate slopes.
    powers : tuple of float, optional
        Of a scale of gate intercepts and slopes: of the temperature, or of the keys where the gate is hard.
    hard : bool
        The scale of the keys and the masses: one expert alone is active at each x.
    located : bool
        Whether the gate intercepts are part of the atoms' places, and no logs of masses: they move the regions.
    temperature : bool
        The temperature's own error.
    """

    slopes: bool
    powers: tuple[float, ...] | None = None
    hard: bool = False
    located: bool = False
    temperature: bool = False


def freedom(left: Given, right: Given, scale: str | None, translated: bool) -> Freedom:
    """Return what a loss in this ``scale`` leaves out of account.

    Raises
    ------
    ValueError
        For ``scale="free"`` where the gates leave no scale open.
    """
    assert left.gate is not None and right.gate is not None
    both, plain = [symmetry_of(given) for given in (left, right)], unselected(right.gate)
    hard = [symmetry for symmetry in both if symmetry.hard]
    # A softmax over one expert is 1, and one over constants does not tell the temperature from their scale.
    void = any(symmetry.void_rows[:, 1:].all() for symmetry in both)
    # Estimated, or fixed at two values: equal densities may have different temperatures.
    varies = left.gate.estimated or right.gate.estimated or left.gate.temperature != right.gate.temperature
    if scale is None:
        scale = "free" if translated and (hard or void or (varies and plain.divided)) else "raw"
    if scale == "raw":
        return Freedom(bool(plain.translated[1]))
    if not (hard or void or plain.divided):
        raise ValueError(
            f"scale='free' needs an activation with act(c z) = c^p act(z), which {right.gate.activation!r} is not, or "
            "one active expert: nothing is free there; pass scale='raw', or no scale."
        )
    unseen = bool(hard) and all(symmetry.void_rows[:, 0].all() for symmetry in hard)
    keys = hard[-1].scale if hard else None
    powers = plain.divided if not hard else keys.columns if keys else None
    return Freedom(
        slopes=bool(plain.translated[1]) or unseen or void,
        powers=powers,
        hard=bool(hard),
        located=bool(hard) and not unseen,
        temperature=True,
    )


def gate_rows(stack: ParameterStack, free: Freedom) -> tuple[np.ndarray, np.ndarray]:
    """Gate intercepts (n_fits, k, 1), or (n_fits, k, 0) where they are no places, and slopes (n_fits, k, d)."""
    intercept, coef = stack.gate_intercept[:, :, None], stack.gate_coef
    place = intercept if free.located else intercept[:, :, :0]
    if free.powers is None:
        return place, coef
    of_place, of_slopes = free.powers[:2]
    size = np.asarray(stack.temperature)
    if free.hard:
        size = _extent(coef, free.slopes) ** (1.0 / of_slopes)
        if free.located:
            size = np.maximum(size, _extent(intercept, True) ** (1.0 / of_place))
    # With the temperature: act(beta.x) / tau = act((beta / tau^(1/p)) . x)
    size = np.where(size > 0.0, size, 1.0)[:, None, None]
    return place / size**of_place, coef / size**of_slopes


def _extent(rows, translated):
    """Largest distance between two rows, or norm of one, (n_fits,): doubled atoms and translations do not change it."""
    other = rows[:, None] if translated else np.zeros_like(rows[:, None])
    # Not by squares, which overflow at 1e154.
    return np.hypot.reduce(rows[:, :, None] - other, axis=-1).max(axis=(1, 2))
