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

from gmoe.metrics._family import Family
from gmoe.metrics._stack import Given, ParameterStack


@dataclass(frozen=True)
class Freedom:
    """What is left out of account.

    Attributes
    ----------
    slopes : bool
        Translations of the gate slopes.
    over_temperature : bool
        The scale of gate slopes and temperature.
    hard : bool
        The scale of the keys and the masses: one expert alone is active at each x.
    located : bool
        Whether the gate intercepts are part of the atoms' places, and no logs of masses: they move the regions.
    temperature : bool
        The temperature's own error.
    """

    slopes: bool
    over_temperature: bool = False
    hard: bool = False
    located: bool = False
    temperature: bool = False


def freedom(left: Given, right: Given, family: Family, scale: str | None, translated: bool) -> Freedom:
    """Return what a loss in this ``scale`` leaves out of account.

    Raises
    ------
    ValueError
        For ``scale="free"`` where the gates leave no scale open.
    """
    gates = [(given.gate, given.stack.n_experts) for given in (left, right) if given.gate is not None]
    hard = any(gate.is_hard(k) for gate, k in gates)
    # A softmax over one expert is 1, and one over constants does not tell the temperature from their scale.
    void = any(k == 1 for _, k in gates) or right.stack.gate_coef.shape[2] == 0
    # Estimated, or fixed at two values: equal densities may have different temperatures.
    varies = any(gate.estimated for gate, _ in gates) or len({gate.temperature for gate, _ in gates}) > 1
    if scale is None:
        scale = "free" if translated and (hard or void or (varies and family.degree is not None)) else "raw"
    if scale == "raw":
        return Freedom(family.affine)
    if not (hard or void or family.degree is not None):
        raise ValueError(
            f"scale='free' needs an activation with act(c z) = c^p act(z), which {family.activation!r} is not, or one "
            "active expert: nothing is free there; pass scale='raw', or no scale."
        )
    by_score = hard and not family.selection.sees_logit
    return Freedom(
        slopes=family.affine or by_score or void,
        over_temperature=family.degree is not None and not hard,
        hard=hard,
        located=hard and not by_score,
        temperature=True,
    )


def gate_rows(stack: ParameterStack, family: Family, free: Freedom) -> tuple[np.ndarray, np.ndarray]:
    """Gate intercepts (n_fits, k, 1), or (n_fits, k, 0) where they are no places, and slopes (n_fits, k, d)."""
    temperature, intercept, coef = np.asarray(stack.temperature), stack.gate_intercept[:, :, None], stack.gate_coef
    if free.over_temperature:
        assert family.degree is not None
        # act(beta.x) / tau = act((beta / tau^(1/p)) . x)
        return intercept[:, :, :0], coef / (temperature ** (1.0 / family.degree))[:, None, None]
    if not free.hard:
        return intercept[:, :, :0], coef
    if free.located and family.degree is None:
        return intercept, coef
    size, degree = _extent(coef, free.slopes), family.degree or 1.0
    if free.located:
        # Slopes scale by c, act(score) and with it the intercept by c^p.
        size = np.maximum(size, _extent(intercept, True) ** (1.0 / degree))
    size = np.where(size > 0.0, size, 1.0)[:, None, None]
    return (intercept if free.located else intercept[:, :, :0]) / size**degree, coef / size


def _extent(rows, translated):
    """Largest distance between two rows, or norm of one, (n_fits,): doubled atoms and translations do not change it."""
    other = rows[:, None] if translated else np.zeros_like(rows[:, None])
    # Not by squares, which overflow at 1e154.
    return np.hypot.reduce(rows[:, :, None] - other, axis=-1).max(axis=(1, 2))
