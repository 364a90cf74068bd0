"""What every gate answers."""

import numpy as np

from gmoe.frames import Change, Frame
from gmoe.gates._labels import fit_labels
from gmoe.gates._representative import representative
from gmoe.gates.selections import DENSE, Selection
from gmoe.gates.symmetry import Symmetry
from gmoe.part import Axis, Part, Size
from gmoe.table import by_expert, common, differences, flat

# Only differences of log-weights matter; beyond this they are taken before a log-density is added.
MAX_LOGIT = 1e3


class BaseGate(Part):
    """A gate: a part whose numbers are log-weights, up to a common number for each observation.

    The weights of the experts are ``exp(value)`` over their sum. Where ``exp(value)`` sums to 1 already, as in a tree,
    nothing else changes.
    """

    def probabilities(self, own, shared, x) -> np.ndarray:
        """Weights of the experts, (n_experts, m); columns sum to 1."""
        logit = self.value(own, shared, x)
        p = np.exp(logit - logit.max(axis=0))
        return p / p.sum(axis=0)

    def follows(self, n_experts: int) -> Change:
        """Which changes of the features leave the set of these gates as it is; by default none is assumed."""
        return Change.NONE

    def symmetry_of(self, size: Size) -> Symmetry:
        """State what leaves all probabilities unchanged.

        By default that of experts which nothing but their rows tells apart, with one number open where an expert's
        first parameter is added to its log-weight.
        """
        counts = self.own_parameters(size), self.shared_parameters(size)
        return Symmetry.of_rows(size.n_experts, *counts, translated=(0,) if self.adds_intercept else ())

    def to_raw(self, own, shared, frame):
        """By default the entries of the arrays, one after the other; logarithms of those that are positive."""
        size = self._size(len(own), frame)
        declared, found = self.arrays(size), {}
        for arrays, rows in ((by_expert(declared), own.T), (common(declared), shared)):
            for array, n in ((array, array.n_entries(size)) for array in arrays):
                part, rows = rows[:n], rows[n:]
                shape = [size.n_experts if axis is Axis.EXPERT else size.n_features for axis in array.axes]
                found[array.name] = (np.exp(part.T) if array.positive else part.T).reshape(shape)
        return found

    def from_raw(self, arrays, frame):
        first = next(array.name for array in by_expert(self.arrays(Size(1, len(frame.centre)))))
        size = self._size(len(arrays[first]), frame)
        declared = self.arrays(size)
        values = {a.name: np.log(arrays[a.name]) if a.positive else arrays[a.name] for a in declared}
        return flat(values, declared, size.n_experts)

    def _size(self, n_experts, frame):
        if self.follows(n_experts) is not Change.NONE:
            raise NotImplementedError(
                f"{self!r} follows changes of the features: define to_raw and from_raw, which say how they move arrays."
            )
        return Size(n_experts, len(frame.centre))

    def uninformed(self, size: Size) -> np.ndarray:
        """Orthonormal directions along which the likelihood has no slope, (n_parameters, n)."""
        return self.symmetry_of(size).flat

    def has_blind_moves(self, size: Size) -> bool:
        """Whether some direction moves the regions of a selection and nothing else: the likelihood only jumps."""
        return False

    def unseen(self, size: Size) -> np.ndarray:
        """Which natural parameters (rows, then shared) no selection depends on, indices."""
        return np.arange(self.symmetry_of(size).size)

    def canonical_arrays(self, arrays, n_features: int, reference: int = 0, scale: str | None = None) -> dict:
        """Return the arrays that represent all with the same probabilities: see :meth:`gmoe.GMoE.canonical`."""
        if scale is not None:
            raise ValueError(f"scale={scale!r} is for gates with an estimated temperature, which {self!r} has not.")
        frame = Frame.identity(n_features)
        own, shared = self.from_raw(arrays, frame)
        symmetry = self.symmetry_of(Size(len(own), n_features))
        own, shared = representative(symmetry, own, shared, reference)
        return self.to_raw(own, shared, frame)

    def table_derivatives(self, own, shared, frame, arrays) -> np.ndarray:
        """Differentiate the table of canonical raw arrays in (own.ravel(), shared), (entries, parameters).

        Parameters
        ----------
        own, shared : ndarray
        frame : Frame
            Of these.
        arrays : mapping
            The canonical arrays.
        """
        n_features = frame.transform.shape[1]
        declared = self.arrays(Size(len(own), n_features))

        def entries(own, shared):
            raw = self.canonical_arrays(self.to_raw(own, shared, frame), n_features)
            return np.concatenate([part.ravel() for part in flat(raw, declared, len(own))])

        return differences(entries, own, shared)

    def raw_log_weights(self, arrays, x) -> np.ndarray:
        """Log-weights (n_experts, m) of parameter arrays in the units of the data, x (n_features, m)."""
        return self.value(*self.from_raw(arrays, Frame.identity(len(x))), x)

    def check(self, n_experts: int, n_features: int):
        """Raise a ValueError where the gate does not suit so many experts and features."""

    def fixed(self, arrays) -> float | None:
        """Return the temperature that the gate fixes, where parameters do not say it; a ValueError if another one."""
        return None

    def fill_block(self, own, shared, data, m, out, room, curved=False):
        rows = super().fill_block(own, shared, data, m, out, room, curved)
        moderate(out[:, :m])
        return rows

    @property
    def is_concave(self) -> bool:
        """Whether the log-likelihood of labels is concave in the parameters, so that a Newton step needs no check."""
        return False

    def guess(self, x, r) -> tuple[np.ndarray, np.ndarray]:
        """First guess of the parameters ``(own, shared)`` for soft groups: see :meth:`start`.

        By default zero, and the groups' shares for intercepts.
        """
        size = Size(r.shape[1], len(x))
        own = np.zeros((size.n_experts, self.own_parameters(size)))
        if self.adds_intercept:
            own[:, 0] = np.log(np.maximum(r.sum(axis=0) / r.sum(), 1e-12))
        return own, np.zeros(self.shared_parameters(size))

    def start(self, x, r) -> tuple[np.ndarray, np.ndarray]:
        """Parameters ``(own, shared)`` that tell soft groups apart.

        Parameters
        ----------
        x : ndarray, shape (n_features, m)
        r : ndarray, shape (m, n_experts)
            Weighted labels.
        """
        return fit_labels(self, *self.guess(x, r), x, r)

    def arranged(self, x, r) -> np.ndarray:
        """Soft groups (m, n_experts) in an order that suits a gate whose experts have places: see :meth:`start`."""
        return r

    def with_experts(self, n_experts: int) -> "BaseGate":
        """Return the gate of this kind for so many experts: a search builds the number of experts up."""
        return self

    def resized(self, n_experts: int) -> "BaseGate":
        """Return the gate of so many experts of which each has the own parameters that it had, wherever they come from.

        Raises
        ------
        ValueError
            Where an expert is nothing without the others.
        """
        return self

    def selecting(self, selection: Selection) -> "BaseGate":
        """Return the gate with another selection; a ValueError where it cannot have one."""
        raise ValueError(f"{self!r} has no selection; only gates by scores, gmoe.Gate, activate some of the experts.")

    def has_affine_log_weights(self, n_experts: int) -> bool:
        """Whether the log-weight of an expert is (1, x) . its own parameters, and there are no others."""
        return False

    #: Whether the first own parameter of an expert is added to its log-weight.
    adds_intercept = False

    @property
    def doubles(self) -> bool:
        """Whether an expert may be doubled, each with half its weight, without a change of the density."""
        return self.adds_intercept

    # What selections, activations and temperatures add; a gate without them has none of it.

    selection: Selection = DENSE

    @property
    def has_temperature(self) -> bool:
        """Whether the one shared parameter is the log of a temperature."""
        return False

    #: Whether it can be cooled down to its temperature.
    can_anneal = False
    #: Whether its rows are (intercept, slopes) of affine scores, whose absolute values a parameter space may bound.
    has_slopes = False

    def bent_columns(self, size: Size) -> np.ndarray:
        """Which own parameters go through an activation that bends, indices."""
        return np.empty(0, dtype=np.intp)

    @property
    def n_active(self) -> int | None:
        """Number of active experts where a selection keeps the same number everywhere, else None."""
        return self.selection.n_active

    def is_sparse(self, n_experts: int) -> bool:
        """Whether some expert is inactive at every x."""
        return False

    def dense(self):
        """Return the gate without selection."""
        return self


def moderate(logit):
    """Subtract each column's largest selected logit where some are so large that adding a log-density loses digits."""
    top = logit.max(axis=0)
    if np.abs(top).max(initial=0.0) > MAX_LOGIT:
        logit -= top
