"""A model in the natural coordinates of its parts: free numbers in which models are moved and scores are taken.

The table that users see has bounds (variances are positive, covariances symmetric) and conventions (a reference
expert); the coordinates of gate and experts, logs of variances and the like, have none.
"""

from dataclasses import replace
from functools import cached_property

import numpy as np

from gmoe import table
from gmoe._arrays import BLOCK
from gmoe.frames import Frame, ResponseFrame
from gmoe.model import GMoE
from gmoe.parameters import Parameters

# Singular values below this, relative to the largest, are rounding: derivatives may be differences.
RANK = 1e-7


class Chart:
    """Natural coordinates about a model, in the units of the data.

    Of the gate the rows of all experts and what they share, then the same of the experts.

    Parameters
    ----------
    model : GMoE
        Canonical.
    """

    def __init__(self, model: GMoE):
        self.model = model
        arrays, (gate, experts) = model.parameters.arrays, model.sizes
        self.frames = Frame.identity(gate.n_features), ResponseFrame.identity(experts.n_features, experts.n_outputs)
        self._parts = (
            *model.gate.from_raw(arrays, self.frames[0]),
            *model.experts.from_raw(arrays, self.frames[1]),
        )
        self._ends = np.cumsum([part.size for part in self._parts])
        #: Coordinates of the model, (C,).
        self.point = np.concatenate([part.ravel() for part in self._parts])

    def split(self, point):
        """Rows (k, q) and shared parameters (s,) of the gate, and the same of the experts."""
        parts = np.split(point, self._ends[:-1])
        return [part.reshape(own.shape) for part, own in zip(parts, self._parts, strict=True)]

    def model_at(self, point) -> GMoE:
        """Return the model of other coordinates (C,); not canonical."""
        gate, shared, experts, expert_shared = self.split(point)
        arrays = self.model.gate.to_raw(gate, shared, self.frames[0])
        arrays |= self.model.experts.to_raw(experts, expert_shared, self.frames[1])
        return replace(self.model, parameters=Parameters(**arrays))

    @cached_property
    def table_derivatives(self) -> np.ndarray:
        """Derivatives of the table of canonical parameters in the coordinates, (R, C)."""
        return self.table_derivatives_at(self.point, self.model)

    def table_derivatives_at(self, point, model) -> np.ndarray:
        """Return the same at other coordinates (C,), those of a given canonical model."""
        n_gate = self._ends[1]
        own, shared, expert_own, expert_shared = self.split(point)
        gate = model.gate.table_derivatives(own, shared, self.frames[0], model.parameters.arrays)
        experts = model.experts.table_derivatives(expert_own, expert_shared, self.frames[1])
        parts = []
        for rows, part, size, at in (
            (gate, model.gate, model.sizes[0], slice(0, n_gate)),
            (experts, model.experts, model.sizes[1], slice(n_gate, None)),
        ):
            wide = np.zeros((len(rows), len(self.point)))
            wide[:, at] = rows
            own = table.by_expert(part.arrays(size))
            parts.append((wide, sum(np.size(model.parameters.arrays[a.name]) for a in own) // model.n_experts))
        return table.joined(model.n_experts, parts)

    def directions(self, spread) -> np.ndarray:
        """Directions (C, r) along which the table moves by ``spread`` (R, r).

        Of those that the density does not tell apart, the shortest.
        """
        rows = self.table_derivatives
        sizes = np.linalg.norm(rows, axis=1)
        used = sizes > 0.0
        rows, spread = rows[used] / sizes[used, None], spread[used] / sizes[used, None]
        widths = np.maximum(np.linalg.norm(rows, axis=0), 1e-300)
        return np.linalg.lstsq(rows / widths, spread, rcond=RANK)[0] / widths[:, None]

    def scores(self, X, y) -> np.ndarray:
        """Differentiate the log-density of each observation in the coordinates, (n, C)."""
        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
        parts = [self._scores(X[lo : lo + BLOCK], y[lo : lo + BLOCK]) for lo in range(0, len(y), BLOCK)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.point)))

    def _scores(self, X, y):
        model = self.model
        posterior = model.responsibilities(X, y).T
        # Of the log-weights only differences matter, and a gate moves by what the posterior is above the prior.
        surprise = posterior - model.gate_proba(X).T
        x_gate, x = (np.ascontiguousarray(X[:, list(c or ())].T) for c in (model.gate_columns, model.expert_columns))
        gate, shared, experts, expert_shared = self._parts
        rows = model.gate.jacobian(gate, shared, x_gate)
        expert_rows = model.experts.jacobian(experts, expert_shared, x, np.ascontiguousarray(y.reshape(len(y), -1).T))
        return np.hstack([*_summed(surprise, rows, gate), *_summed(posterior, expert_rows, experts)])


def deviation_scores(result, X, y) -> np.ndarray:
    """Scores (n, r) of a fit in its identified directions, in units of their standard deviations.

    They are also the influence of each observation on the estimates, in standard deviations.
    """
    chart = Chart(result.model)
    return chart.scores(X, y) @ chart.directions(result.spread)


def _summed(weight, rows, own):
    """Scores in the own parameters, (m, k q), and in those that all share, (m, s)."""
    q = own.shape[1]
    # An expert that is not active has no weight, and its derivatives may be anything.
    rows = np.where(weight[:, None] == 0.0, 0.0, rows)
    yield np.einsum("jm,jbm->mjb", weight, rows[:, :q]).reshape(weight.shape[1], -1)
    yield np.einsum("jm,jbm->mb", weight, rows[:, q:])
