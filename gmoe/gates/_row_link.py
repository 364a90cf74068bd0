"""Gates of one affine score for each expert whose weights are another function of all scores than the softmax."""

import numpy as np

from gmoe.gates._gate import Gate
from gmoe.gates._link import LinkGate, likeliest
from gmoe.gates.symmetry import Symmetry, relabellings
from gmoe.part import Array, Axis

# Weight of a label: of an expert without observations any row is as good.
LEAST = 1e-12


class RowLinkGate(LinkGate):
    """A gate by scores ``gate_intercept_j + gate_coef_j . x`` and a link that treats all experts alike.

    Only differences of scores count, so that one row added to those of all experts changes no weight, as in a softmax
    gate.
    """

    def n_scores(self, n_experts):
        return n_experts, 0

    def resized(self, n_experts):
        raise ValueError(
            f"{self!r} weighs an expert by its place among the others: without one, or with one more, the odds of all "
            "others change; use gmoe.edit.project with n_experts, or fit again."
        )

    def arrays(self, size):
        return Array("gate_intercept", (Axis.EXPERT,)), Array("gate_coef", (Axis.EXPERT, Axis.FEATURE))

    def to_raw(self, own, shared, frame):
        rows, _ = self.coefficients(shared, len(own), 1 + len(frame.transform))
        intercept, coef = frame.raw_rows(rows)
        return {"gate_intercept": intercept, "gate_coef": coef}

    def from_raw(self, arrays, frame):
        rows = frame.scaled_rows(arrays["gate_intercept"], arrays["gate_coef"])
        return np.empty((len(rows), 0)), rows.ravel()

    def symmetry_of(self, size):
        k, q = size.n_experts, 1 + size.n_features
        columns = () if k == 1 else tuple(tuple(range(c, k * q, q)) for c in range(q))
        # All are shared parameters, in the same places as rows of the experts' own.
        return Symmetry(k, 0, k * q, columns, tuple(range(q)) if k == 1 else (), exchanges=relabellings(k, q))

    def guess(self, x, r):
        """Find the multiple of the softmax gate's rows by which these labels are likeliest."""
        rows = Gate().start(x, np.maximum(r, LEAST))[0].ravel()
        return likeliest(self, np.empty((r.shape[1], 0)), rows, x, r)
