"""Small moves of a model's raw parameters in standardised units, and which of them hold a selection.

A move is a vector: a row for each expert (gate intercept, gate slopes, intercept, slopes, log variance), and where the
temperature is estimated its logarithm. A unit is one of the logit or score at one standard deviation of a feature, and
for experts a standard deviation of y.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.optimize import nnls

from gmoe import GMoE

# Keys of an active and of an inactive expert that differ by less, in units of their spread, are tied.
TIE = 1e-6


@dataclass(frozen=True)
class Moves:
    """Moves of a model on data."""

    model: GMoE
    X: np.ndarray
    y: np.ndarray

    @property
    def gate(self):
        return self.model.gate

    @property
    def k(self):
        return self.model.n_experts

    @property
    def width(self):
        return 3 + 2 * self.X.shape[1]

    @property
    def size(self):
        return self.k * self.width + self.gate.estimated

    @property
    def outside(self):
        """Whether the gate's intercept is added to the logit, not to the score."""
        return self.gate.intercept == "outside"

    def gate_change(self, move):
        """Changes of the gate's intercepts (k,) and slopes (k, d)."""
        rows, d = self._rows(move), self.X.shape[1]
        slopes = rows[:, 1 : 1 + d] / self.X.std(axis=0)
        # Of the score where the intercept is inside or nothing bends: then that of the centre.
        bent = self.outside and not self.gate.activation.affine
        intercept = rows[:, 0] * (self.model.parameters.temperature if bent else 1.0)
        return intercept - (0.0 if bent else slopes @ self.X.mean(axis=0)), slopes

    def moved(self, move):
        """The model after the move."""
        p, d, rows = self.model.parameters, self.X.shape[1], self._rows(move)
        intercept, slopes = self.gate_change(move)
        coef = rows[:, 2 + d : -1] * self.y.std() / self.X.std(axis=0)
        shift = rows[:, 1 + d] * self.y.std() - coef @ self.X.mean(axis=0)
        temperature = p.temperature * (np.exp(move[-1]) if self.gate.estimated else 1.0)
        changed = replace(
            p, gate_intercept=p.gate_intercept + intercept, gate_coef=p.gate_coef + slopes,
            intercept=p.intercept + shift, coef=p.coef + coef, variance=p.variance * np.exp(rows[:, -1]),
            temperature=temperature,
        )  # fmt: skip
        return replace(self.model, parameters=changed)

    def _rows(self, move):
        return move[: self.k * self.width].reshape(self.k, self.width)

    @property
    def is_sparse(self):
        return self.gate.n_active is not None and self.gate.n_active < self.k

    @cached_property
    def active(self):
        """Which experts have a positive probability, (n, k)."""
        return self.model.gate_proba(self.X) > 0

    def holds(self, model):
        """Whether a model has this one's selection at every row."""
        return not self.is_sparse or np.array_equal(model.gate_proba(self.X) > 0, self.active)

    @cached_property
    def ties(self):
        """Normalised rows a of the first-order conditions a . move >= 0 under which no tie flips, (n_ties, size)."""
        if not self.is_sparse:
            return np.empty((0, self.size))
        key, slope = self._keys()
        units = [self._key_change(slope, unit) for unit in np.eye(self.size)]
        rows = []
        for i, active in enumerate(self.active):
            for a in np.flatnonzero(active):
                for b in np.flatnonzero(~active):
                    if abs(key[i, a] - key[i, b]) < TIE * np.ptp(key):
                        rows.append([change[i, a] - change[i, b] for change in units])
        rows = np.array(rows).reshape(-1, self.size)
        lengths = np.linalg.norm(rows, axis=1)
        return np.unique(np.round(rows[lengths > 0] / lengths[lengths > 0, None], 14), axis=0)

    def _keys(self):
        """Keys that rank the experts, and the activation's slope in them, (n, k)."""
        p = self.model.parameters
        score = self.X @ p.gate_coef.T
        if not self.gate.selection.sees_logit:
            return score, np.ones_like(score)
        value, slope, _ = self.gate.activation.derivatives(score + (0.0 if self.outside else p.gate_intercept))
        return value + (p.gate_intercept if self.outside else 0.0), slope

    def _key_change(self, slope, move):
        intercept, slopes = self.gate_change(move)
        by_score = not self.gate.selection.sees_logit
        change = slope * (self.X @ slopes.T + (0.0 if by_score or self.outside else intercept))
        return change + (intercept if self.outside and not by_score else 0.0)

    def along_ties(self, move):
        """The part of a move that changes no tie."""
        _, sizes, right = np.linalg.svd(self.ties, full_matrices=True)
        rank = int(np.sum(sizes > 1e-10 * sizes.max(initial=0.0)))
        return right[rank:].T @ (right[rank:] @ move)

    def opening_ties(self, move):
        """The nearest move under which every tie stays or opens to the side that keeps the selection."""
        return self._to_cone(move) + 1e-6 * np.linalg.norm(move) * self._to_cone(self.ties.sum(axis=0))

    def _to_cone(self, move):
        multipliers, _ = nnls(self.ties.T, -move)
        return move + self.ties.T @ multipliers
