"""How well a gate routes: what it does not know of the experts, how it shares rows out, where its boundaries are."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gmoe.edit._experts import log_parts, log_sum
from gmoe.frames import Frame
from gmoe.model import GMoE


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis:
    """Diagnostics of a model on rows, by row and by expert.

    Attributes
    ----------
    regret : ndarray, shape (n,)
        Kullback-Leibler divergence of the gate probabilities from the responsibilities, in nats: what y says about the
        expert, and the gate does not know. 0 where the experts do not differ.
    difficulty : ndarray, shape (n,)
        ``max_j log f_j - log p``: what the row's log-density would gain, if the gate knew the best active expert.
    entropy : ndarray, shape (n,)
        Of the gate probabilities, in nats.
    margin : ndarray, shape (n,)
        Difference of the largest two log-weights; infinite where one expert alone is active.
    distance : ndarray, shape (n,) or None
        To the next boundary between the regions of the likeliest experts, in the units of the gate's features; infinite
        where there is none. None for gates whose log-weights are not affine in x.
    gate, responsibilities : ndarray, shape (n, k)
    weight : ndarray, shape (n,)
    """

    regret: np.ndarray
    difficulty: np.ndarray
    entropy: np.ndarray
    margin: np.ndarray
    distance: np.ndarray | None
    gate: np.ndarray
    responsibilities: np.ndarray
    weight: np.ndarray

    def mean(self, name: str) -> float:
        """Weighted mean over the rows of one of the first five."""
        values = getattr(self, name)
        used = self.weight > 0.0
        return float(self.weight[used] @ values[used] / self.weight.sum())

    def experts(self) -> list[dict[str, Any]]:
        """One dictionary per expert.

        ``load`` is its mean gate probability, ``rows`` the sum of its responsibilities (its effective number of rows),
        ``first`` the part of the rows for which the gate has it first, ``assigned`` that for which the responsibilities
        have, and ``mean_posterior`` the mean of its responsibilities over these, near 1 for an expert that is told
        apart from the others, and nan without any.
        """
        w, r = self.weight, self.responsibilities
        first, assigned = self.gate.argmax(axis=1), r.argmax(axis=1)
        found = []
        for j in range(r.shape[1]):
            own = w * (assigned == j)
            found.append(
                {
                    "expert": j,
                    "load": float(w @ self.gate[:, j] / w.sum()),
                    "rows": float(w @ r[:, j]),
                    "first": float(w @ (first == j) / w.sum()),
                    "assigned": float(own.sum() / w.sum()),
                    "mean_posterior": float(own @ r[:, j] / own.sum()) if own.sum() > 0.0 else float("nan"),
                }
            )
        return found

    def to_frame(self):
        """Return the table of experts as a pandas DataFrame (needs pandas)."""
        import pandas as pd

        return pd.DataFrame(self.experts()).set_index("expert")

    def by_row(self):
        """Return a row for each observation as a pandas DataFrame (needs pandas)."""
        import pandas as pd

        names = ["regret", "difficulty", "entropy", "margin", "distance"]
        found = {name: values for name in names if (values := getattr(self, name)) is not None}
        return pd.DataFrame(found | {"expert": self.responsibilities.argmax(axis=1)})

    @property
    def imbalance(self) -> float:
        """Largest load over the mean load, less 1: 0 for equal loads."""
        loads = self.weight @ self.gate / self.weight.sum()
        return float(loads.max() * len(loads) - 1.0)

    def __str__(self):
        names = ["load", "rows", "first", "assigned", "mean_posterior"]
        lines = [
            f"regret {self.mean('regret'):.4f}   difficulty {self.mean('difficulty'):.4f}   "
            f"entropy {self.mean('entropy'):.4f} of {np.log(self.gate.shape[1]):.4f}   (nats a row)",
            f"imbalance of the loads {self.imbalance:.4f}",
            "",
            "expert  " + "  ".join(f"{name:>14}" for name in names),
        ]
        lines += [
            f"{row['expert']:<6}  " + "  ".join(f"{row[name]:>14.6g}" for name in names) for row in self.experts()
        ]
        return "\n".join(lines)

    def __repr__(self):
        return f"<Diagnosis of {len(self.weight)} rows: regret {self.mean('regret'):.4g}; print it, or see to_frame()>"


def diagnose(model: GMoE, X: Any, y: Any, *, weight: Any = None) -> Diagnosis:
    """Diagnose the gate of a model on rows.

    Parameters
    ----------
    model : GMoE
    X : array-like, shape (n, n_features)
    y : array-like, shape (n,) or (n, n_outputs)
    weight : array-like, shape (n,), optional

    Returns
    -------
    Diagnosis
    """
    log_gate, log_density = log_parts(model, X, y)
    joint = log_gate + log_density
    total = log_sum(joint)
    gate, r = np.exp(log_gate), np.exp(joint - total[:, None])
    active = np.isfinite(log_gate)
    with np.errstate(invalid="ignore"):
        # 0 log 0 is 0; log(r / pi) is log f - log p, whatever underflows.
        regret = np.where(active & (r > 0.0), r * (log_density - total[:, None]), 0.0).sum(axis=1)
        entropy = -np.where(active & (gate > 0.0), gate * log_gate, 0.0).sum(axis=1)
        ordered = np.sort(log_gate, axis=1)
        margin = ordered[:, -1] - ordered[:, -2] if model.n_experts > 1 else np.full(len(gate), np.inf)
    difficulty = np.where(active, log_density, -np.inf).max(axis=1) - total
    w = np.ones(len(gate)) if weight is None else np.asarray(weight, dtype=float)
    if w.shape != total.shape or not np.all(w >= 0.0) or not w.sum() > 0.0:
        raise ValueError(f"weight must be {len(total)} non-negative numbers, not all zero; got the shape {w.shape}.")
    return Diagnosis(regret, difficulty, entropy, margin, _distance(model, np.asarray(X, dtype=float)), gate, r, w)


def _distance(model, X):
    """Least distance to a plane on which another expert has the weight of the likeliest one."""
    gate, k = model.gate.dense(), model.n_experts
    if not gate.has_affine_log_weights(k):
        return None
    x = X[:, list(model.gate_columns)]
    rows, _ = gate.from_raw(model.parameters.arrays, Frame.identity(x.shape[1]))
    value = x @ rows[:, 1:].T + rows[:, 0]
    best = value.argmax(axis=1)
    gap = value[np.arange(len(x)), best][:, None] - value
    slope = np.linalg.norm(rows[:, None, 1:] - rows[None, :, 1:], axis=2)[best]
    # The likeliest itself has no boundary with itself, nor have two that are parallel.
    distance = np.full(gap.shape, np.inf)
    np.divide(gap, slope, out=distance, where=slope > 0.0)
    return distance.min(axis=1)
