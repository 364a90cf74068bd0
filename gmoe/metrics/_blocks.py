"""Errors of each block of parameters, atom by atom, after alignment."""

from dataclasses import dataclass, fields

import numpy as np

from gmoe.gates import Gate
from gmoe.metrics._family import check_comparable, log_weight, unselected
from gmoe.metrics._freedom import freedom, gate_rows
from gmoe.metrics._masses import exchanged, has_mirror, masses
from gmoe.metrics._stack import Measures, read_pair
from gmoe.metrics._voronoi import voronoi_loss

RAW_BLOCKS = ("gate_coef", "gate_intercept")
#: Where the scale of the gate is open: shared with the temperature, or with one active expert.
FREE_BLOCKS = ("gate_coef/temperature", "gate_intercept/temperature")
HARD_BLOCKS = ("gate_coef/extent", "gate_intercept/extent")


@dataclass(frozen=True, eq=False)
class BlockErrors:
    """A tidy table: one row per fit, true expert and block.  All columns have the same length.

    Attributes
    ----------
    fit, expert : ndarray of int
        Row of the table of fits, true expert.
    cell_size : ndarray of int
        Fitted atoms in the expert's cell.
    block : ndarray of str
    error : ndarray of float
        Largest over the atoms of the cell; nan in an empty cell.
    average : ndarray of float
        Averaged over the atoms of the cell by their weights. This is what a small loss makes small: an atom of
        vanishing weight may be anywhere. For blocks that no atom has, the error.
    """

    fit: np.ndarray
    expert: np.ndarray
    cell_size: np.ndarray
    block: np.ndarray
    error: np.ndarray
    average: np.ndarray

    def to_frame(self):
        """Return the table as a pandas DataFrame (pandas comes with the extra ``study``)."""
        import pandas as pd

        return pd.DataFrame({field.name: getattr(self, field.name) for field in fields(self)})


def block_errors(fitted: Measures, true: Measures, *, gate: Gate | str | None = None, **options) -> BlockErrors:
    """Errors by true expert and block of parameters, aligned by the translation that minimises the Voronoi loss.

    Parameters
    ----------
    fitted : GMoE, Parameters, ParameterStack, or sequence of GMoE or Parameters
    true : GMoE or Parameters
    gate : Gate or str, optional
        Of bare parameters, as in :func:`voronoi_loss`.
    **options
        Of :func:`voronoi_loss`: ``weights``, ``translation``, ``X``, ``kind`` (here "exact" by default: single large
        errors move first powers least, and no rbar is needed), ...  Where the true weights
        differ by orders of magnitude, ``weights="gate_probability"`` aligns by all experts and not by the heaviest.

    Returns
    -------
    BlockErrors
        Blocks: ``coef`` (Euclidean norm), ``intercept``, ``variance``, ``temperature`` (absolute), and of the gate
        ``gate_coef`` (norm) and ``gate_intercept`` (log of the cell's mass against the expert's log-weight), each the
        difference from the aligned truth: cells and t2 are those of the loss with ``scale="raw"``, t1 is the weighted
        median over the cells that are not empty.  Where the activation leaves a scale of the gate free, besides
        ``gate_coef/temperature`` and ``gate_intercept/temperature``; with one active expert ``gate_coef/extent`` and,
        by logit, ``gate_intercept/extent`` (the largest in the cell), all aligned as the loss with ``scale="free"``
        is.  The errors of the experts and ``cell_size`` are those of the loss in its default scale.

    Raises
    ------
    ValueError
        As :func:`voronoi_loss`.
    """
    left, right = read_pair(fitted, true, gate)
    check_comparable(left, right)
    options = {"kind": "exact", **options}
    translated = options.get("translation", "infimum") == "infimum"
    inside = _inside(voronoi_loss(left, right, **options), right)
    size = inside.sum(axis=1)
    hard = freedom(left, right, None, True).hard
    law, X = options.get("weights", "exp_intercept"), options.get("X")
    own = masses(left, right, law, True, hard, X)[0]
    columns: dict[str, tuple[np.ndarray, np.ndarray]] = _expert_errors(left.stack, right.stack, inside, own)
    free_blocks = HARD_BLOCKS if hard else FREE_BLOCKS
    for names in (RAW_BLOCKS, free_blocks) if hard or unselected(right.gate).divided else (RAW_BLOCKS,):
        scale = "raw" if names == RAW_BLOCKS else "free"
        loss = voronoi_loss(left, right, **{**options, "scale": scale})
        free, inside = freedom(left, right, scale, translated), _inside(loss, right)
        (place, coef), (true_place, true_coef) = (gate_rows(given.stack, free) for given in (left, right))
        if has_mirror(left):
            coef = exchanged(coef, loss.mirrored)
        if has_mirror(right):
            true_coef = exchanged(true_coef, loss.truth_mirrored)
        columns[names[0]] = _rows(coef, true_coef + np.atleast_2d(loss.translation_coef)[:, None], inside, own)
        if not free.hard:
            weight = masses(left, right, law, True, False, X)[1]
            # The log-weight is gate_intercept / temperature: raw is in the unit of the gate intercept.
            unit = np.asarray(right.stack.temperature)[0] if scale == "raw" else 1.0
            logs = log_weight(left.stack), log_weight(right.stack)
            cell = unit * _log_masses(*logs, inside, weight, translated)
            columns[names[1]] = (cell, cell)
        elif free.located:
            t1 = np.reshape(loss.translation_intercept, (-1, 1, 1))
            columns[names[1]] = _rows(place, true_place + t1, inside, own)
    blocks = np.array(list(columns))
    n, n_true = size.shape
    shape = (n, n_true, len(blocks))
    fit, expert, block = (np.broadcast_to(a, shape).ravel() for a in np.ix_(np.arange(n), np.arange(n_true), blocks))
    error, average = (np.stack(values, axis=-1).ravel() for values in zip(*columns.values(), strict=True))
    return BlockErrors(fit, expert, np.broadcast_to(size[:, :, None], shape).ravel(), block, error, average)


def _expert_errors(fitted, true, inside, weight):
    """Errors that no translation touches: largest and average, each (n_fits, l)."""
    temperature = np.broadcast_to(np.abs(fitted.temperature - true.temperature[0])[:, None], inside[:, 0].shape)
    return {
        "coef": _within(np.linalg.norm(fitted.coef[:, :, None] - true.coef[0], axis=-1), inside, weight),
        "intercept": _within(np.abs(fitted.intercept[:, :, None] - true.intercept[0]), inside, weight),
        "variance": _within(np.abs(fitted.variance[:, :, None] - true.variance[0]), inside, weight),
        "temperature": (temperature, temperature),
    }


def _inside(loss, true):
    """Whether a fitted atom lies in a true one's cell, (n_fits, k, l)."""
    return np.atleast_2d(loss.cells)[:, :, None] == np.arange(true.stack.n_experts)


def _rows(fitted, shifted, inside, weight):
    return _within(np.linalg.norm(fitted[:, :, None] - shifted[:, None], axis=-1), inside, weight)


def _log_masses(fitted, true, inside, weight, free):
    """Errors of the cells' log masses less, if free, their median weighted by the true atoms' weights."""
    log_mass = np.where(inside, fitted[:, :, None], -np.inf)
    top = np.max(log_mass, axis=1)
    filled = np.isfinite(top)
    log_mass = np.exp(log_mass - np.where(filled, top, 0.0)[:, None]).sum(axis=1)
    difference = np.where(filled, np.log(np.where(filled, log_mass, 1.0)) + top - true, np.nan)
    if free:
        order = np.argsort(difference, axis=1)  # nan last
        cumulative = np.cumsum(np.where(filled, weight, 0.0)[np.arange(len(order))[:, None], order], axis=1)
        middle = np.argmax(cumulative >= 0.5 * cumulative[:, -1:], axis=1)
        difference = difference - np.sort(difference, axis=1)[np.arange(len(order)), middle][:, None]
    return np.abs(difference)


def _within(error, inside, weight):
    """Maximum and weighted average over the atoms of each cell, nan without any."""
    largest = np.where(inside, error, -np.inf).max(axis=1)
    weight = np.where(inside, weight[:, :, None], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):  # empty cells, and those of atoms without weight
        weight = weight / weight.max(axis=1, keepdims=True)
        average = (weight * error).sum(axis=1) / weight.sum(axis=1)
    return np.where(np.isfinite(largest), largest, np.nan), average
