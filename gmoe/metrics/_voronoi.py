"""Voronoi cells and losses between mixing measures, as the theory defines them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from gmoe._validation import check_choice, check_positive
from gmoe.gates import Gate
from gmoe.kernels.translation import infima
from gmoe.kernels.voronoi import BLOCKS, assign
from gmoe.metrics._family import check_comparable, n_selected, unselected
from gmoe.metrics._freedom import Freedom, freedom, gate_rows
from gmoe.metrics._masses import images, masses, mirror
from gmoe.metrics._powers import KINDS, group_table, power_table, rbar_table
from gmoe.metrics._stack import Given, Measures, ParameterStack, read_pair


@dataclass(frozen=True, eq=False)
class VoronoiLoss:
    """Voronoi losses and their parts; arrays lose the leading axis where ``fitted`` was one model.

    Attributes
    ----------
    value : ndarray, shape (n_fits,), or float
        inf beyond the range of floating-point numbers.
    cells : ndarray of int, shape (n_fits, k)
        True atom in whose cell each fitted atom lies, at the minimising translation.
    translation_intercept : ndarray, shape (n_fits,), or float
        t1: gate_intercept / temperature of the fit (one active expert, by logit: gate_intercept in the chosen scale)
        matches that of the truth plus t1.  -inf where the infimum is a limit; 0 where nothing was minimised: without
        translation, and where it changes nothing (gate probabilities, one active expert by score).
    translation_coef : ndarray, shape (n_fits, d_gate)
        t2: gate_coef of the fit (in the chosen scale) matches that of the truth plus t2.
    contributions : ndarray, shape (n_fits, l, 6)
        What each of the l true atoms adds, by block as in ``blocks``; a joint norm is split among its blocks in
        proportion to their squares.
    active : ndarray of bool, shape (n_fits, l)
        True atoms that count: all, or for a top-K gate the n_active with the largest sums.  ``value`` is the sum of
        their contributions.
    mirrored : ndarray of bool, shape (n_fits,), or bool
        Whether the loss is that of the fit's mirror image: for an odd activation and two experts, their gate slopes
        exchanged with changed sign give the same density.
    truth_mirrored : ndarray of bool, shape (n_fits,), or bool
        Whether it is against the truth's mirror image.  Where both have one, the loss is the least of all four.
    blocks : tuple of str
    """

    value: np.ndarray | float
    cells: np.ndarray
    translation_intercept: np.ndarray | float
    translation_coef: np.ndarray
    contributions: np.ndarray
    active: np.ndarray
    mirrored: np.ndarray | bool
    truth_mirrored: np.ndarray | bool
    blocks: tuple[str, ...] = (*BLOCKS, "mass")


PARTS = tuple(field.name for field in fields(VoronoiLoss) if field.name != "blocks")


def voronoi_cells(fitted: Measures, true: Measures, *, translation=0.0) -> np.ndarray:
    """Return the true atom nearest to each fitted one in (gate_coef, coef, intercept, variance).

    Parameters
    ----------
    fitted : GMoE, Parameters, ParameterStack, or sequence of GMoE or Parameters
    true : GMoE or Parameters
    translation : float or array-like, shape (d_gate,) or (n_fits, d_gate)
        Vector added to the true gate slopes first.

    Returns
    -------
    ndarray of int, shape (n_fits, k), or (k,) for one model
        Ties go to the lower index.

    Raises
    ------
    ValueError
        For different numbers of features.

    Notes
    -----
    ``A_j = {i : |theta_i - theta*_j| <= |theta_i - theta*_l| for all l}``; neither the gate intercept nor the shared
    temperature is part of theta (Nguyen, Nguyen and Ho, NeurIPS 2023).
    """
    left, right = read_pair(fitted, true, None)
    delta = left.stack.gate_coef[:, :, None] - right.stack.gate_coef[0]
    rest = _squares(left.stack, right.stack)
    shape = left.stack.gate_coef[:, 0].shape
    vector = np.asarray(translation, dtype=float)
    if vector.shape not in ((), shape[1:], shape) or not np.all(np.isfinite(vector)):
        raise ValueError(
            f"translation must be finite, one number or of shape {shape[1:]} or {shape}; got {translation}."
        )
    shift = np.ascontiguousarray(np.broadcast_to(vector, shape))
    cells = np.empty(left.stack.variance.shape, dtype=np.int64)
    for n in range(len(cells)):
        assign(delta[n], rest[n], shift[n], cells[n])
    return cells[0] if left.single else cells


def voronoi_loss(
    fitted: Measures,
    true: Measures,
    *,
    kind: str = "over",
    weights: str = "exp_intercept",
    translation: str = "infimum",
    scale: str | None = None,
    joint_norm: bool | None = None,
    rbar: Mapping[int, float] | None = None,
    power: float = 1.0,
    gate: Gate | str | None = None,
    X=None,
) -> VoronoiLoss:
    r"""Voronoi loss between fitted and true mixing measures.

    For each true atom j with cell A_j, the errors of its atoms, weighted, raised to the powers of the theory, plus
    the error of the cell's mass:

    .. math::

        \inf_{t_1, t_2} \sum_j \Bigl[ \sum_{i \in A_j} w_i \, \bigl( \|\Delta_{t_2}\beta_{1ij}\|^{p_1}
        + \|\Delta a_{ij}\|^{p_2} + |\Delta b_{ij}|^{p_3} + |\Delta\sigma_{ij}|^{p_4} + |\Delta\tau|^{p_5} \bigr)
        + \Bigl| \sum_{i \in A_j} w_i - e^{t_1} w^*_j \Bigr| \, \Bigr]

    A top-K gate takes the maximum over the n_active-subsets of the true atoms in place of the sum over all.

    Parameters
    ----------
    fitted : GMoE, Parameters, ParameterStack, or sequence of GMoE or Parameters
        One model or a table of them.
    true : GMoE or Parameters
    kind : {"over", "exact", "power"}
        "exact": first powers (theorem 1 of the softmax paper).  "over": in cells of m > 1 atoms the powers rbar(m) and
        rbar(m) / 2 (its theorem 2); with an activation, 2 for gate_coef and coef.  "power": every error to ``power``
        (the losses D_r of the temperature paper).
    weights : {"exp_intercept", "gate_probability"}
        Of the atoms: exp(gate_intercept / temperature) as in the papers, or the average gate probability over ``X``,
        which leaves no expert out.
    translation : {"infimum", "none"}
        "none" is the form of the published code.
    scale : {"raw", "free"}, optional
        "raw": gate_coef and temperature as they are.  "free": in a scale that the density determines, without the
        temperature's own error: gate_coef / temperature, which an identity or homogeneous activation identifies; with
        one active expert, gates of extent 1 (see Notes).  Default: "free" where the gates leave a scale open and
        ``translation="infimum"``, so that parameters of equal density have equal losses.
    joint_norm : bool, optional
        Whether errors with the same power share one Euclidean norm, as in the softmax paper, or add up, as in the
        others.  Default: for a dense gate without activation, and without an estimated temperature unless the scale is
        free.
    rbar : mapping of int to float, optional
        Values for cells of 4 and more atoms, as in ``{4: 8}``.
    power : float
        For ``kind="power"``.
    gate : Gate or str, optional
        Of bare parameters; default: that of the other measure, else softmax.
    X : array-like, shape (n, n_features), optional
        For ``weights="gate_probability"``.

    Returns
    -------
    VoronoiLoss

    Raises
    ------
    ValueError
        For different numbers of features, gates between which the loss is undefined, or a cell of unknown rbar.

    Notes
    -----
    **Cells move with the translation**: they are those of the translated truth.  Cells of the measures as given would
    depend on which of many equal densities was passed.  With an activation other than the identity only t1 is free;
    with an odd one, two experts have a mirror image of equal density, and the nearest pair of images counts.

    **Scale.**  The weights of the fit are known up to the factor exp(t1), and so is the loss.  With "infimum" the
    truth is taken with its largest weight 1, as in the papers' simulations, and the fit with the same total mass; this
    picks one of the equal representatives and changes no rate.  With "none" both stay as they are.

    **One active expert.**  Nothing but the regions of the gate matters, and these leave its scale open.  With
    ``scale="free"`` both gates are divided by their extent, the largest distance between two rows.  By score, slopes
    are translated whatever the activation.  By logit, the gate intercepts move the regions, so that they are part of
    the atoms' places, and their errors count with those of the slopes.  In neither case are they logs of masses: each
    true atom has mass 1, and so have the fitted atoms of its cell together, shared by their weights where the fit has
    several active experts, else equally.  An empty cell still contributes its 1.

    **Accuracy.**  The infimum is exact to 1e-12 of its value (see the module ``gmoe.kernels.translation``), limits at
    the boundary of a set of translations included.

    References
    ----------
    Nguyen, Nguyen and Ho, NeurIPS 2023 (softmax, theorems 1 and 2); Nguyen, Akbarian, Yan and Ho, ICLR 2024 (top-K);
    Nguyen, Akbarian and Ho, ICML 2024 (temperature).
    """
    check_choice(kind, "kind", KINDS)
    check_choice(weights, "weights", ("exp_intercept", "gate_probability"))
    check_choice(translation, "translation", ("infimum", "none"))
    if not isinstance(joint_norm, bool | None):
        raise TypeError(f"joint_norm must be True, False or None, got {joint_norm!r}.")
    if scale is not None:
        check_choice(scale, "scale", ("raw", "free"))
    left, right = read_pair(fitted, true, gate)
    check_comparable(left, right)
    linear = bool(unselected(right.gate).translated[1])
    powers = power_table(kind, left.stack.n_experts, rbar_table(rbar), linear, check_positive(power, "power"))
    translated = translation == "infimum"
    free = freedom(left, right, scale, translated)

    # By the gates and not by the values: a fit's loss is the same alone and in a table.
    fixed = free.temperature or not any(given.gate and given.gate.estimated for given in (left, right))
    joint = linear and n_selected(right) is None and fixed if joint_norm is None else joint_norm

    def solve(left, right):
        with np.errstate(over="ignore", invalid="ignore"):
            return _solve(left, right, free, powers, weights, translated, joint, X)

    loss, needed = solve(left, right)
    if translated:
        for of_fit, of_truth in images(left, right):
            found = solve(mirror(left) if of_fit else left, mirror(right) if of_truth else right)
            loss, needed = _smaller(loss, needed, found, of_fit, of_truth)
    _check_known(needed)
    if not left.single:
        return loss
    arrays = {name: getattr(loss, name)[0] for name in PARTS}
    return VoronoiLoss(**{name: a.item() if a.ndim == 0 else a for name, a in arrays.items()})


def _smaller(loss: VoronoiLoss, needed, found: tuple[VoronoiLoss, np.ndarray], of_fit: bool, of_truth: bool):
    """Take the smaller of two losses fit by fit, with what it needs; ``found`` is that of mirror images."""
    image, image_needed = found
    better = np.asarray(image.value) < np.asarray(loss.value)
    given = np.full(len(better), of_fit), np.full(len(better), of_truth)
    image = replace(image, mirrored=given[0], truth_mirrored=given[1])
    pairs = {name: (getattr(loss, name), getattr(image, name)) for name in PARTS}
    chosen = {name: np.where(better.reshape(-1, *[1] * (a.ndim - 1)), b, a) for name, (a, b) in pairs.items()}
    return VoronoiLoss(**chosen), np.where(better, image_needed, needed)


def _solve(left: Given, right: Given, free: Freedom, powers, weights, translated, joint_norm, X):
    """Losses of a stack of fits, with leading axis, and the sizes of cells whose unknown rbar they need (or 0)."""
    k, n_true = left.stack.n_experts, right.stack.n_experts
    by_cell = free.hard and weights == "exp_intercept"
    mass, true_mass, log_factor = masses(left, right, weights, translated, free.hard, X)
    rows = (gate_rows(given.stack, free) for given in (left, right))
    place, coef = (a[:, :, None] - b[0] for a, b in zip(*rows, strict=True))
    rest = _squares(left.stack, right.stack)
    if free.temperature:
        rest[..., -1] = 0.0
    if not free.slopes:
        rest[..., 0], coef = np.square(coef).sum(axis=-1), coef[..., :0]
    delta = np.concatenate([place, coef], axis=-1)
    n, d = left.stack.n_fits, delta.shape[-1]
    value, factor, needed = np.empty(n), np.empty(n), np.empty(n, dtype=np.int64)
    # Zeros: where all cells need an unknown rbar, none are written.
    cells, shift = np.zeros((n, k), dtype=np.int64), np.zeros((n, d))
    active, part = np.empty((n, n_true), dtype=bool), np.empty((n, n_true, 6))
    infima(
        delta, rest, mass, true_mass, powers, group_table(powers, joint_norm), n_selected(right) or n_true,
        np.array([translated and d > 0, translated and weights == "exp_intercept" and not by_cell, by_cell]),
        value, factor, needed, cells, shift, active, part,
    )  # fmt: skip
    value[np.isnan(value)] = np.inf
    with np.errstate(divide="ignore"):
        t1 = shift[:, 0].copy() if free.located else log_factor + np.log(np.maximum(factor, 0.0))
    t2 = np.zeros_like(left.stack.gate_coef[:, 0])
    if free.slopes:
        t2[:] = shift[:, place.shape[-1] :]
    as_given = np.zeros(n, dtype=bool)
    return VoronoiLoss(value, cells, t1, t2, part, active, as_given, as_given), needed


def _check_known(needed):
    bad = np.flatnonzero(needed)
    if bad.size:
        size = int(needed[bad[0]])
        raise ValueError(
            f"The loss of fit {bad[0]} needs rbar of a cell of {size} atoms, of which only rbar >= 7 is known; pass "
            f"rbar={{{size}: value}}, or kind='exact'."
        )


def _squares(fitted: ParameterStack, true: ParameterStack):
    """Squared errors by block, (n_fits, k, l, 5), of the gate's those that no translation changes: none so far."""
    rest = np.zeros((*fitted.variance.shape, true.n_experts, len(BLOCKS)))
    rest[..., 1] = np.square(fitted.coef[:, :, None] - true.coef[0]).sum(axis=-1)
    rest[..., 2] = np.square(fitted.intercept[:, :, None] - true.intercept[0])
    rest[..., 3] = np.square(fitted.variance[:, :, None] - true.variance[0])
    rest[..., 4] = np.square(np.asarray(fitted.temperature) - np.asarray(true.temperature)[0])[:, None, None]
    return rest
