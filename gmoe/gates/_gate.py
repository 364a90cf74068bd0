"""The gate pipeline: score, activation, temperature, selection, softmax; one immutable family of gates."""

import math
from dataclasses import dataclass, replace

import numpy as np

from gmoe._validation import check_choice, check_positive
from gmoe.gates import _identification
from gmoe.gates._gate_rows import GateRows, without_intercept
from gmoe.gates._part import ScoreGate
from gmoe.gates._printed import printed
from gmoe.gates._representative import pinning
from gmoe.gates.activations import IDENTITY, Activation, as_activation
from gmoe.gates.base import MAX_LOGIT, moderate
from gmoe.gates.keys import BY_SCORE, Key
from gmoe.gates.selections import DENSE, Selection, chosen
from gmoe.gates.symmetry import Symmetry
from gmoe.kernels.affine import affine_rows, logit_rows
from gmoe.part import Size

ESTIMATE = "estimate"
# A colder gate loses its digits to rounding (act / temperature), and as slopes fall with it is a softmax gate anyway; a
# hotter one is constant, or a gate of the activation's limit.
LOG_TEMPERATURE_RANGE = -12.0, 30.0


@dataclass(frozen=True, init=False)
class Gate(ScoreGate):
    """A gate: ``pi(x)`` = softmax over the logits of the selected experts, 0 elsewhere.

    The score of expert j is ``gate_coef_j . x``, its logit ``(activation(score_j) + gate_intercept_j) / temperature``.
    A gate is an immutable value: comparable, printable, picklable. Its parameters are not part of it.

    Parameters
    ----------
    activation : str or Activation, default "identity"
        See :func:`gmoe.gates.list_activations`.
    intercept : {"outside", "inside"}, default "outside"
        Whether the gate intercept is added to the activation, or to its argument.
    temperature : float or "estimate", default 1.0
        Divides the logits; positive. With an activation that is homogeneous (identity, relu) an estimated temperature
        is not identified.
    n_active : int, optional
        Number of active experts at each x: short for ``selection=TopK(n_active, select_on)``.
    select_on : str or Key, default "score"
        What ranks the experts then. Without ``n_active`` it says nothing.
    threshold : float, optional
        Least probability of an active expert: short for ``selection=Threshold(threshold)``.
    selection : Selection or str, optional
        Which experts are active; all by default. A name is one of :func:`gmoe.gates.list_selections`.

    Raises
    ------
    ValueError
        For unknown names, a temperature or ``n_active`` that is not positive, more than one selection, combinations
        that say nothing, and temperatures that would change what is selected.

    Notes
    -----
    Fits work in *natural* coordinates, rows (u, g) of shape (n_experts, 1 + n_features) and, where it is identified,
    the log of the temperature: with the intercept outside, u is gate_intercept / temperature; where the activation is
    homogeneous of degree p, ``activation(z) / temperature = activation(z / temperature**(1 / p))``, so that
    g = gate_coef / temperature**(1 / p) and no temperature is left.
    """

    activation: Activation = IDENTITY
    intercept: str = "outside"
    temperature: float | str = 1.0
    selection: Selection = DENSE

    def __init__(
        self,
        activation: str | Activation = IDENTITY,
        intercept: str = "outside",
        temperature: float | str = 1.0,
        n_active: int | None = None,
        select_on: str | Key = BY_SCORE,
        *,
        threshold: float | None = None,
        selection: str | Selection = DENSE,
    ):
        # A name is as good as the value, and the identity is the same under any name.
        activation, selection = as_activation(activation), chosen(n_active, select_on, threshold, selection)
        object.__setattr__(self, "activation", IDENTITY if activation.affine else activation)
        object.__setattr__(self, "intercept", intercept)
        object.__setattr__(self, "temperature", temperature)
        object.__setattr__(self, "selection", selection)
        check_choice(self.intercept, "intercept", ("outside", "inside"))
        if self.temperature != ESTIMATE:
            if isinstance(self.temperature, str):
                raise ValueError(f"temperature must be a positive number or {ESTIMATE!r}, got {self.temperature!r}.")
            object.__setattr__(self, "temperature", check_positive(self.temperature, "temperature"))
        if self.intercept == "inside" and self.activation.affine:
            raise ValueError("intercept='inside' with the identity is no different from 'outside'; leave it out.")
        if self.estimated and self.intercept == "inside" and self.activation.exponential:
            raise ValueError(
                f"No temperature is identified: {self.activation.name}(score + intercept) / temperature is that of a "
                "shifted intercept. Use a fixed temperature, or intercept='outside'."
            )
        # Natural coordinates keep the logits, if they matter, but not the scores.
        scaled = self.selection.sees_score or self.selection.hard
        if self.temperature != 1.0 and scaled and not self.selection.scale_invariant:
            raise ValueError(
                f"With a temperature other than 1 the selection must be scale_invariant, and {self.selection!r} does "
                "not say it is: a temperature is a scale of logits, or of scores. Use temperature=1."
            )

    def __repr__(self):
        return printed(self)

    @property
    def affine(self) -> bool:
        """Whether the logit is an affine function of the features, so that slopes are 1 and curvatures 0."""
        return bool(self.activation.affine)

    @property
    def estimated(self) -> bool:
        """Whether the temperature is a parameter."""
        return self.temperature == ESTIMATE

    @property
    def n_active(self) -> int | None:
        """Number of active experts where a selection keeps the same number everywhere, else None."""
        return self.selection.n_active

    @property
    def scale_free(self) -> bool:
        """Whether a temperature is nothing but a scale of the other parameters, or without any effect."""
        return self.activation.degree is not None or self.selection.hard

    @property
    def n_shared(self) -> int:
        """Number of natural parameters that all experts share: 1 for an identified temperature."""
        return int(self.estimated and not self.scale_free)

    @property
    def first_bent(self) -> int:
        """First column of the coefficients that goes through the activation: 0 for an inside intercept, else 1."""
        return 0 if self.intercept == "inside" else 1

    @property
    def allows_centring(self) -> bool:
        """Whether the model class is unchanged when a constant is subtracted from x: the intercept must take it up."""
        return (self.affine or self.intercept == "inside") and not self.selection.sees_score

    def is_sparse(self, n_experts: int) -> bool:
        """Whether some expert may be inactive."""
        return self.selection.is_sparse(n_experts)

    def is_hard(self, n_experts: int) -> bool:
        """Whether one expert alone is active at every x: nothing but the regions matters."""
        return self.selection.hard and n_experts > 1

    @property
    def doubles(self) -> bool:
        """Whether an expert may be doubled, each with half its weight, without a change of the density."""
        return not self.selection.selects and self.first_bent == 1

    def dense(self) -> "Gate":
        """Return the gate without selection, in the same natural coordinates."""
        return replace(self, selection=DENSE, temperature=1.0 if self.scale_free else self.temperature)

    def settings(self):
        own = {"activation": self.activation.name, "intercept": self.intercept, "temperature": self.temperature}
        return own | self.selection.settings()

    def check(self, n_experts: int, n_features: int):
        self.selection.check(n_experts)
        if n_features == 0 and self.is_sparse(n_experts):
            raise ValueError("A selection needs a gate feature to score; add one, or drop n_active or threshold.")
        if n_features == 0 and self.intercept == "inside":
            raise ValueError("Without gate features the gate is constant; use intercept='outside', or SoftmaxGate().")

    def fixed(self, arrays):
        given, fixed = float(arrays["temperature"]), self.temperature
        if isinstance(fixed, str) or given == fixed:
            return None
        if given != 1.0:
            raise ValueError(
                f"The parameters have temperature {given}, which {self!r} fixes at {fixed}; give parameters of that "
                "temperature, or a gate with temperature='estimate'."
            )
        return fixed

    def fill(self, coef, shared, x, m, rows: GateRows, affine=affine_rows):
        """Write what kernels need to know about a block.

        Parameters
        ----------
        coef : ndarray, shape (n_experts, 1 + n_features)
            Natural coordinates.
        shared : ndarray, shape (n_shared,)
        x : ndarray, shape (n_features, >= m)
        m : int
            Observations that count.
        rows : GateRows
        affine : callable
            Computes affine functions: the fast kernel in fits, the one in twice the working precision in the model.
        """
        logit, large = rows.logit[:, :m], 0
        if self.affine:
            affine(x, m, coef, rows.logit)
        else:
            argument = np.empty((len(coef), m))
            affine(x, m, coef if self.first_bent == 0 else without_intercept(coef), argument)
            scale = 1.0 / self.natural_temperature(shared)
            derivatives = self.activation.at(argument)
            value = np.ascontiguousarray(next(derivatives), dtype=float)
            # In one loop: as operations on whole arrays this costs a sixth of a score pass.
            large = logit_rows(value, scale, coef, self.first_bent, MAX_LOGIT, rows.logit, rows.bend)
            for out in (rows.slope, rows.curve):
                if out.size:
                    np.multiply(next(derivatives), scale, out=out[:, :m])
        if self.is_sparse(len(coef)):
            score = np.empty((len(coef), m))
            affine(x, m, without_intercept(coef), score)
            self.selection.mask(next(self.selection.by.at(score, logit)), m, rows.logit)
        if large:
            moderate(logit)

    def natural_temperature(self, shared) -> float:
        """Temperature that is left in natural coordinates."""
        if len(shared):
            low, high = LOG_TEMPERATURE_RANGE
            return math.exp(min(max(float(shared[0]), low), high))
        return 1.0 if self.scale_free or isinstance(self.temperature, str) else self.temperature

    def natural(self, coef, temperature):
        """Natural (coef, shared) of parameters in the units of the data."""
        powers = self.powers(coef.shape[1])
        return coef / temperature**powers, np.full(self.n_shared, np.log(temperature))

    def raw(self, coef, shared):
        """Return (coef, temperature) in the units of the data; a temperature that is a mere scale is 1 unless fixed."""
        temperature = self.natural_temperature(shared) if self.estimated else self.temperature
        return coef * temperature ** self.powers(coef.shape[1]), temperature

    def powers(self, n_columns):
        """Power of the temperature by which each natural column is multiplied in the units of the data."""
        degree = self.activation.degree
        powers = np.full(n_columns, 0.0 if degree is None else 1.0 / degree)
        if self.first_bent == 1 and (degree is not None or not self.selection.hard):
            # With one active expert a temperature divides all keys and is without effect: then nothing is scaled.
            powers[0] = 1.0
        return powers

    def symmetry(self, n_experts: int, n_columns: int) -> Symmetry:
        """State what leaves all probabilities unchanged, for rows (n_experts, n_columns) and the shared parameters."""
        return _identification.symmetry_of(self, n_experts, n_columns)

    def uninformed(self, size: Size) -> np.ndarray:
        """Orthonormal directions along which the likelihood has no slope: a hard gate has one nowhere.

        Those of the gate without selection, which a rule that is not translation invariant turns into moves of regions.
        """
        symmetry = self.dense().symmetry_of(size)
        return np.eye(symmetry.size) if self.is_hard(size.n_experts) else symmetry.flat

    def has_blind_moves(self, size: Size) -> bool:
        """Whether some direction changes the regions of a sparse gate and nothing else: the likelihood only jumps."""
        return self.uninformed(size).shape[1] > self.symmetry_of(size).flat.shape[1]

    def unseen(self, size: Size) -> np.ndarray:
        """Which natural parameters (rows, then shared) no key depends on, indices."""
        if self.selection.sees_logit:
            return np.empty(0, dtype=np.intp)
        n_columns = size.n_features + 1
        n = size.n_experts * n_columns
        return np.concatenate([np.arange(size.n_experts) * n_columns, np.arange(n, n + self.n_shared)])

    def n_free(self, n_experts: int, n_columns: int) -> int:
        """Count the identified gate parameters: invariances, and the scale of a hard gate, are none."""
        return self.symmetry(n_experts, n_columns).n_free

    def canonical(self, coef, temperature=1.0, reference=0, scale=None):
        """Return the representative (coef, temperature) of the class with the same probabilities everywhere.

        See :meth:`gmoe.GMoE.canonical`.
        """
        return _identification.canonical(self, coef, temperature, reference, scale)

    def canonical_map(self, coef, temperature, reference=0):
        """Jacobian of canonical (coef.ravel(), temperature) in the natural (coef.ravel(), shared).

        Parameters
        ----------
        coef, temperature
            Canonical, in the units of the data. The scale of a scale-free gate is held.

        Returns
        -------
        ndarray, shape (n_experts * n_columns + 1, n_experts * n_columns + n_shared)
        """
        symmetry, powers = self.symmetry(*coef.shape), self.powers(coef.shape[1])
        raw = np.zeros((coef.size + 1, symmetry.size))
        np.fill_diagonal(raw, np.tile(temperature**powers, len(coef)))
        if self.n_shared:
            raw[:, -1] = np.append(powers * coef, temperature)
        return raw @ pinning(symmetry, reference)
