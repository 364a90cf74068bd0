"""Atoms of a softmax mixture of Gaussian experts, which merge by weighted means."""

from dataclasses import dataclass, replace

import numpy as np

from gmoe.model import GMoE
from gmoe.parameters import Parameters


@dataclass(frozen=True, eq=False)
class Atoms:
    """Parameters in shifted and scaled columns ``(x - centre) / scale``, and of the response likewise.

    Attributes
    ----------
    weight : ndarray, shape (k,)
    gate : ndarray, shape (k, 1 + d_gate)
    expert : ndarray, shape (k, 1 + d_expert)
    variance : ndarray, shape (k,)
    gate_map, expert_map : tuple of ndarray
        Centre and scale of the columns.
    response_map : tuple of float
        Centre and scale.
    """

    weight: np.ndarray
    gate: np.ndarray
    expert: np.ndarray
    variance: np.ndarray
    gate_map: tuple[np.ndarray, np.ndarray]
    expert_map: tuple[np.ndarray, np.ndarray]
    response_map: tuple[float, float]

    @classmethod
    def raw(cls, model: GMoE) -> "Atoms":
        """In the units of the data, weighed by exp(gate_intercept)."""
        p, (gate, experts) = model.parameters, model.sizes
        maps = [(np.zeros(size.n_features), np.ones(size.n_features)) for size in (gate, experts)]
        return cls(np.exp(p.gate_intercept), p.gate, p.expert, p.variance, maps[0], maps[1], (0.0, 1.0))

    @classmethod
    def standardised(cls, model: GMoE, X: np.ndarray, y: np.ndarray) -> "Atoms":
        """In columns of mean 0 and variance 1 and the response in the experts' pooled spread, weighed by shares."""
        gate_map, expert_map = (
            _moments(X[:, np.array(part, dtype=int)]) for part in (model.gate_columns, model.expert_columns)
        )
        p, shares = model.parameters, model.gate_proba(X).mean(axis=0)
        # The spread of y itself has the distances of the experts in it.
        centre, scale = float(y.mean()), float(np.sqrt(shares @ p.variance))
        expert = _into(p.expert, *expert_map)
        expert[:, 0] -= centre
        gate = _into(p.gate, *gate_map)
        return cls(shares, gate, expert / scale, p.variance / scale**2, gate_map, expert_map, (centre, scale))

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.weight)

    def dissimilarity(self, i: int, j: int) -> float:
        """Rate-weighted dissimilarity of two atoms: see :class:`RateLinkage`."""
        intercept, *slopes = self.expert[i] - self.expert[j]
        rest = np.linalg.norm([*slopes, self.variance[i] - self.variance[j]])
        weight = self.weight[i] * self.weight[j] / (self.weight[i] + self.weight[j])
        return float(weight * (intercept**2 + rest))

    def merged(self, i: int, j: int) -> "Atoms":
        """Return the atoms with two as one, in the place of the first of them."""
        weight = self.weight[[i, j]].sum()
        part = self.weight[[i, j]] / weight
        intercept = np.logaddexp(*self.gate[[i, j], 0])

        def mean(values):
            values = values.copy()
            values[i] = part @ values[[i, j]]
            return np.delete(values, j, axis=0)

        gate = mean(self.gate)
        gate[i, 0] = intercept
        weights = self.weight.copy()
        weights[i] = weight
        weights = np.delete(weights, j)
        return replace(self, weight=weights, gate=gate, expert=mean(self.expert), variance=mean(self.variance))

    def model(self, like: GMoE) -> GMoE:
        """Return the mixture in the units of the data, of the kind of another one."""
        gate, (centre, scale) = _out_of(self.gate, *self.gate_map), self.response_map
        expert = _out_of(self.expert * scale, *self.expert_map)
        expert[:, 0] += centre
        variance = self.variance * scale**2
        parameters = Parameters(gate[:, 0], gate[:, 1:], expert[:, 0], expert[:, 1:], variance)
        return replace(like, parameters=parameters)


def _moments(values):
    spread = values.std(axis=0)
    return values.mean(axis=0), np.where(spread > 0.0, spread, 1.0)


def _into(rows, centre, scale):
    """Rows (intercept, slopes) of scaled columns, from those of raw ones."""
    return np.column_stack([rows[:, 0] + rows[:, 1:] @ centre, rows[:, 1:] * scale])


def _out_of(rows, centre, scale):
    slopes = rows[:, 1:] / scale
    return np.column_stack([rows[:, 0] - slopes @ centre, slopes])
