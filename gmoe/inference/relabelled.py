"""A fit with its experts in another order, or under other names."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from gmoe import table
from gmoe.gates import relabelling
from gmoe.inference.chart import Chart
from gmoe.metrics import match_experts
from gmoe.model import GMoE
from gmoe.solvers.evidence.result import FitResult

# Derivative of one entry of the table in another, relative to the largest of its row, that is rounding.
ROUNDING = 1e-6


class Relabelling:
    """The order of the experts nearest to a wanted one that the gate allows, and what it does to coordinates.

    Parameters
    ----------
    chart : Chart
    wanted : array-like of int, shape (k,)
        The present expert at each place.

    Attributes
    ----------
    order : ndarray of int, shape (k,)
        The present expert at each place, as far as the gate allows it: in trees and groups experts have a place among
        the others, and those with a given density stay the last ones.
    """

    def __init__(self, chart: Chart, wanted):
        model = chart.model
        symmetry = model.gate.symmetry_of(model.sizes[0]).keeping(model.experts.n_given)
        self.order = np.arange(model.n_experts)
        self._index, self._sign = np.arange(len(chart.point)), np.ones(len(chart.point))
        gate = slice(0, symmetry.size)
        for exchange in relabelling(symmetry, np.argsort(wanted)):
            moves = list(exchange.order)
            self._index[gate], self._sign[gate] = self._index[gate][moves], self._sign[gate][moves] * exchange.sign
            self.order = self.order[list(exchange.experts)]
        rows = chart.split(self._index)[2]
        self._index[symmetry.size : symmetry.size + rows.size] = rows[self.order].ravel()

    def of(self, coordinates):
        """Coordinates, or directions in them, (C, ...) in the new order."""
        return (self._sign * coordinates[self._index].T).T


def matched(model: GMoE, reference: GMoE, X, y) -> GMoE:
    """Return the same density with its experts in the order of the reference, in canonical form.

    Parameters
    ----------
    model, reference : GMoE
        Of the same gate, experts and columns.
    X, y : ndarray
        Observations, by whose posterior probabilities experts are matched.
    """
    chart = Chart(model)
    return chart.model_at(Relabelling(chart, matching_order(model, reference, X, y)).of(chart.point)).canonical()


def matching_order(model: GMoE, reference: GMoE, X, y) -> np.ndarray:
    """Return for each expert of the reference the one that explains the same observations, (k,).

    Parameters that the reference's experts have nearly in common would tell nothing but noise.
    """
    return match_experts(model, reference, X, y, by="responsibilities").order


def relabelled(result: FitResult, wanted: ArrayLike, names: Sequence[int | str] = ()) -> FitResult:
    """Return a fit with its experts in another order, as far as the gate allows it, and under other names.

    The first expert is the reference of the gate, so that estimates and standard errors of the gate are those of other
    contrasts. ``other_maxima`` stay as they are.

    Parameters
    ----------
    result : FitResult
    wanted : array-like of int, shape (k,)
        The present expert at each place.
    names : sequence of int or str
        Of the experts in their new order; numbers by default.

    Raises
    ------
    ValueError
        For a fit with constraints or penalties, which name experts by their numbers.
    """
    if result.constraints or result.penalties or result.given_shares:
        raise ValueError(
            "The constraints and penalties of this fit name its experts by their numbers, which stay; relabel a fit "
            "without them."
        )
    chart = Chart(result.model)
    move = Relabelling(chart, wanted)
    order, place = move.order, np.argsort(move.order)
    if np.any(np.diff(order) < 0):
        result = _moved(result, chart, move)
    labels = table.parameter_names(result.model, result.column_names, names)
    return replace(
        result,
        parameter_names=labels,
        not_identified=tuple(n for n, note in zip(labels, result.notes, strict=True) if note == "not identified"),
        at_bound=tuple(sorted(int(place[j]) for j in result.at_bound)),
        few_rows=tuple(sorted(int(place[j]) for j in result.few_rows)),
        shares=result.shares[order],
        effective_rows=result.effective_rows[order],
        expert_names=tuple(names) or tuple(range(len(order))),
    )


def _moved(result, chart, move):
    """Model, spread and notes in the new order."""
    point = move.of(chart.point)
    model = chart.model_at(point).canonical()
    rows = chart.table_derivatives_at(point, model)
    # How each entry of the new table depends on those of the old one.
    mixing = np.abs(rows @ move.of(chart.directions(np.eye(len(rows)))))
    largest = mixing.max(axis=1, initial=0.0)
    notes = []
    for row, top in zip(mixing > ROUNDING * largest[:, None], largest, strict=True):
        found = [note for note, used in zip(result.notes, row, strict=True) if used and note]
        # What nothing moves is zero by convention.
        notes.append("pinned" if top == 0.0 else found[0] if found else "")
    return replace(result, model=model, spread=rows @ move.of(chart.directions(result.spread)), notes=tuple(notes))
