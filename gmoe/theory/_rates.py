"""Predicted exponents of parameters, losses and densities, by gate and pattern of Voronoi cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gmoe._validation import check_integer
from gmoe.gates import Gate, Symmetry, as_gate
from gmoe.metrics._family import check_selection, stated, unselected
from gmoe.metrics._powers import rbar_table
from gmoe.theory import _sources as sources
from gmoe.theory._sources import Source

SLOWER = "slower than polynomial"
NOT_STATED = "not stated"
NOT_IDENTIFIED = "not identified"


@dataclass(frozen=True)
class Prediction:
    """What the theory predicts for one quantity, up to powers of log n.

    Attributes
    ----------
    quantity : str
        A block of parameters as in :func:`gmoe.metrics.block_errors`, "voronoi_loss", "voronoi_loss (free)", "density",
        or "gate boundary".
    cell : int or None
        True expert, for a block of parameters.
    cell_size : int or None
        Fitted atoms in its cell.
    exponent : float or None
        Error of order n**exponent; None where there is none.
    rate : str
        In words, for instance "n^-1/8" or "slower than polynomial".
    bound : str
        "upper bound": the maximum likelihood estimator is at least that fast; "sharp": and no faster; "lower bound": no
        estimator is faster; "" where no rate is claimed.
    source : str
    mark : str
        How well the exponent is known: "verified" (read in the source), "derived" (by this project), "measured" (by
        :func:`gmoe.theory.order`, no proof) or "recalled" (not checked).  That n^-1/2 is sharp is the classical bound
        for regular parameters.
    logarithm : bool
        Whether the source's rate has a power of log n, as the bounds by entropy have; not so where the information is
        regular.
    """

    quantity: str
    cell: int | None
    cell_size: int | None
    exponent: float | None
    rate: str
    bound: str
    source: str
    mark: str
    logarithm: bool = True

    @property
    def order(self) -> float | None:
        """Order of the Hellinger distance in the error: 1 for n^-1/2, 4 for n^-1/8, inf where nothing is identified."""
        if self.rate == NOT_IDENTIFIED:
            return float("inf")
        return None if self.exponent is None else -0.5 / self.exponent


def predict(
    gate: Gate | str,
    pattern: Sequence[int],
    *,
    rbar: Mapping[int, float] | None = None,
    fitted_n_active: int | None = None,
) -> tuple[Prediction, ...]:
    """Predict the rates of the maximum likelihood estimator.

    Parameters
    ----------
    gate : Gate or str
        Of the truth.  An estimated temperature counts as such whatever its true value.
    pattern : sequence of int
        Fitted atoms in the cell of each true expert: ``(1, 1)`` is exact-specified, ``(2, 1)`` has one atom too many.
    rbar : mapping of int to float, optional
        In place of 2 m in cells of m > 1 atoms, which the papers have for 2 and 3 (see the page on orders).
    fitted_n_active : int, optional
        Active experts of the fit, for a top-K gate; the smallest sufficient number by default.

    Returns
    -------
    tuple of Prediction

    Raises
    ------
    ValueError
        For an empty pattern, cells without atoms, or a gate that the theory does not cover (intercept inside the
        activation, a selection that is not translation and scale invariant, or of no fixed number of experts).
    """
    sizes, given = _sizes(pattern), as_gate(gate)
    given.check(len(sizes), 1)
    powers = {size: 2.0 * size for size in sizes} | rbar_table(rbar)
    case = _Case(stated(given, len(sizes), 2), unselected(given), sizes, powers, given.estimated)
    if not case.plain.translated[0]:
        raise ValueError("The theory covers gate intercepts outside of the activation only; use intercept='outside'.")
    check_selection(given, len(sizes))
    if fitted_n_active is not None and check_integer(fitted_n_active, "fitted_n_active", 1) > sum(sizes):
        raise ValueError(f"fitted_n_active={fitted_n_active} is more than the {sum(sizes)} fitted atoms of {sizes}.")
    if given.n_active is not None and given.is_sparse(len(sizes)) and fitted_n_active is not None:
        if fitted_n_active < required_n_active(sizes, given.n_active):
            names = ("density", "voronoi_loss")
            return tuple(_row(name, NOT_STATED, "", sources.TOO_FEW) for name in names)
    rows = [case.density(), *case.losses()]
    for cell, size in enumerate(sizes):
        own = [*case.gate(size), *(case.block(name, size) for name in ("coef", "intercept", "variance"))]
        rows += [replace(row, cell=cell, cell_size=size) for row in own]
    return (*rows, *case.temperature())


def required_n_active(pattern: Sequence[int], n_active: int) -> int:
    """Smallest number of active fitted experts with which a top-K fit can converge if all are active somewhere.

    The largest sum of ``n_active`` cells (top-K paper, over-specified part).  Necessary only for experts that are
    active with positive probability, and sufficient only where all sets of ``n_active`` cells that are active together
    have that sum.
    """
    return sum(sorted(_sizes(pattern), reverse=True)[: check_integer(n_active, "n_active", 1)])


def _sizes(pattern):
    """Return the pattern as a tuple of integers."""
    if not np.iterable(pattern):
        raise TypeError(f"pattern holds the number of fitted atoms of each true expert, as in (2, 1); got {pattern!r}.")
    sizes = tuple(check_integer(size, "every cell of the pattern", 1) for size in pattern)
    if not sizes:
        raise ValueError("The pattern is empty; give the number of fitted atoms of each true expert, as in (2, 1).")
    return sizes


def _row(quantity, rate, bound, source: Source, exponent=None, logarithm=True):
    return Prediction(quantity, None, None, exponent, rate, bound, source.text, source.mark, logarithm)


def _power(quantity, order, source):
    """Upper bound n^(-1 / (2 order))."""
    return _row(quantity, f"n^-1/{2 * order:g}", "upper bound", source, -0.5 / order)


@dataclass(frozen=True)
class _Case:
    """A gate and a pattern, in the terms that decide the rates.

    ``symmetry``: what the gate leaves open; ``plain``: without a selection.  ``linear``: the logits, in x.
    ``covered``: anything is known of gate and experts: not so for homogeneous activations other than the identity.
    ``free``: gate and temperature share a scale that the density does not depend on.  ``factored``: the density does
    not depend on a common factor of the cells that measures of this pattern can have.
    """

    symmetry: Symmetry
    plain: Symmetry
    sizes: tuple[int, ...]
    rbar: Mapping[int, float]
    estimated: bool

    @property
    def linear(self):
        return self.plain.translated[1]

    @property
    def covered(self):
        return self.linear or not self.plain.divided

    @property
    def free(self):
        return self.estimated and self.plain.divided is not None

    @property
    def factored(self):
        return self.linear and min(self.sizes) > 1

    @property
    def exact(self):
        return max(self.sizes) == 1

    def source(self, size):
        if self.linear:
            return sources.EXACT if size == 1 else sources.OVER
        return sources.ACTIVATION_EXACT if size == 1 else sources.ACTIVATION_OVER

    def root_n(self, quantity, source, sharp=None):
        # Where the information is regular no estimator is faster; beside larger cells only the bound is known.
        bound = "sharp" if (self.exact if sharp is None else sharp) else "upper bound"
        regular = self.exact and not self.symmetry.hard and quantity != "density"
        return _row(quantity, "n^-1/2", bound, source, -0.5, not regular)

    def density(self):
        plain = self.linear and not self.estimated
        return self.root_n("density", sources.DENSITY if plain else sources.DENSITY_TEMPERATURE, True)

    def losses(self):
        if self.symmetry.hard:
            # Its raw gate part is the error of parameters that the density does not determine.
            yield _row("voronoi_loss", NOT_IDENTIFIED, "", sources.HARD)
            if self.sizes == (1, 1) and self.symmetry.translated[1]:
                # One boundary: a hyperplane, and that is two rows up to translation and scale.
                yield self.root_n("voronoi_loss (free)", sources.HARD_FREE, True)
        elif self.free:
            source = sources.SLOW if self.linear else sources.UNIDENTIFIED
            yield _row("voronoi_loss", SLOWER, "lower bound", source)
            if self.factored:
                yield _row("voronoi_loss (free)", NOT_IDENTIFIED, "", sources.FACTOR)
            elif self.covered:
                yield self.root_n("voronoi_loss (free)", sources.FREE)
        elif self.factored:
            yield _row("voronoi_loss", NOT_IDENTIFIED, "", sources.FACTOR)
        elif self.covered:
            yield self.root_n("voronoi_loss", self.source(max(self.sizes)))
        else:
            yield _row("voronoi_loss", NOT_STATED, "", sources.SILENT)
        if self.covered:
            yield self.root_n("cell_loss", sources.REGULAR if self.exact else sources.LOCATION, self.exact)

    def gate(self, size):
        if self.symmetry.hard or self.sizes == (1,):
            yield _row("gate_coef", NOT_IDENTIFIED, "", sources.HARD)
            yield _row("gate_intercept", NOT_IDENTIFIED, "", sources.HARD)
            if self.exact and len(self.sizes) > 1:
                yield _row("gate boundary", "n^-1", "upper bound", sources.HARD, -1.0)
            return
        if self.free:
            for name in ("gate_coef", "gate_intercept"):
                yield _row(name, SLOWER, "lower bound", sources.UNIDENTIFIED)
        suffix = "/temperature" if self.free else ""
        if self.factored:
            yield _row("gate_coef" + suffix, NOT_IDENTIFIED, "", sources.FACTOR)
        else:
            yield self.block("gate_coef", size, suffix)
        if self.covered:
            yield self.root_n("gate_intercept" + suffix, sources.MASS)

    def block(self, name, size, suffix=""):
        if not self.covered:
            return _row(name + suffix, NOT_STATED, "", sources.SILENT)
        if size == 1:
            source = sources.FREE if self.free else sources.REGULAR if self.exact else self.source(size)
            return self.root_n(name + suffix, source)
        if name in ("gate_coef", "coef"):
            return _power(name + suffix, 2.0, sources.SQUARES if self.linear else sources.SQUARES_BENT)
        return _power(name, self.rbar[size] / (1.0 if name == "intercept" else 2.0), sources.LOCATION)

    def temperature(self):
        if not self.estimated:
            return
        if self.symmetry.hard or len(self.sizes) == 1:
            yield _row("temperature", NOT_IDENTIFIED, "", sources.HARD)
            return
        if self.free:
            yield _row("temperature", SLOWER, "lower bound", sources.UNIDENTIFIED)
        elif min(self.sizes) > 1:
            yield self.root_n("temperature", sources.TEMPERATURE)
        else:
            yield self.root_n("temperature", self.source(max(self.sizes)))
