"""What a fit returns: the parameters and the evidence that they are the maximum likelihood estimate."""

from dataclasses import dataclass

import numpy as np

from gmoe.model import GMoE

# Statuses of fits whose highest end that was found lies at a bound or at infinity.
EDGES = ("gate_separated", "no_interior_maximum", "temperature_at_bound", "variance_at_bound")


@dataclass(frozen=True, eq=False)
class FitResult:
    """The certificate of a fit.

    Attributes
    ----------
    model : GMoE
        Fitted model in canonical form, experts by falling share.
    log_likelihood : float
        Weighted sum over the observations, in the units of the data.
    status : str
        ``converged``: gradient and curvature show an interior maximum. ``variance_at_bound``: some variance sits at
        its lower bound, where the likelihood of a Gaussian mixture has no maximum. ``temperature_at_bound``: the
        temperature went to an end of its range, exp(-12) to exp(30), where the gate is a limit of its kind, or the
        likelihood does not fall on the way there.
        ``gate_separated``: the likelihood still rises as a gate parameter goes to infinity, or is flat there;
        ``no_interior_maximum``: the same with a sparse gate.
        ``max_iter``: stopped before the gradient was small.
    gradient : float
        Largest absolute entry of the average gradient, in scaled coordinates; with ``selection_held`` along the
        directions that hold the selection.
    smallest_eigenvalue : float
        Of the average observed information on the identified space, in scaled coordinates.
    n_flat : int
        Directions of the raw parameters that the density does not depend on: the gate's invariances and collinear
        or constant columns.
    not_identified : tuple of str
        Parameters along which the data carry no information beyond those directions; empty for a regular fit.
    collinear : tuple of str
        Columns that are constant or linear combinations of others, in the gate's or the experts' design.
    at_bound : tuple of int
        Experts whose variance is at the bound.
    separated : bool
        See ``status``.
    selection_held : bool
        Whether the maximum sits where the selection of a sparse gate changes, so that the likelihood, which jumps
        there, is a smooth maximum only along directions that hold the selection.
    n_iter, n_passes : int
        Iterations of the winning start, and passes over the data (or a sample of it) of all starts and all numbers of
        experts on the way up.
    n_starts, n_agreeing : int
        Starts climbed to the end, and how many of them ended within 1e-6 of the best log-likelihood.
    history : tuple of float
        Log-likelihood by iteration of the winning ascent.
    shares : ndarray, shape (k,)
        Average gate probability of each expert.
    covariance : ndarray, shape (P, P)
        Of the canonical raw parameters, rows as in ``parameter_names``; nan where a note says why.
    parameter_names : tuple of str
    notes : tuple of str
        One by parameter: empty, ``pinned``, ``not identified``, ``separated``, ``at bound``, or ``boundary`` for what
        moves the regions of a sparse gate: the likelihood has no slope in it, and the estimate no standard error.
    n_free_parameters : int
        Identified parameters: degrees of freedom of AIC and BIC.
    classification : float
        Weighted sum of log(largest responsibility).
    total_weight : float
        Sum of the sample weights; the number of observations without weights.
    """

    model: GMoE
    log_likelihood: float
    status: str
    gradient: float
    smallest_eigenvalue: float
    n_flat: int
    not_identified: tuple[str, ...]
    collinear: tuple[str, ...]
    at_bound: tuple[int, ...]
    separated: bool
    selection_held: bool
    n_iter: int
    n_passes: int
    n_starts: int
    n_agreeing: int
    history: tuple[float, ...]
    shares: np.ndarray
    covariance: np.ndarray
    parameter_names: tuple[str, ...]
    notes: tuple[str, ...]
    n_free_parameters: int
    classification: float
    total_weight: float

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2 log-likelihood + 2 df; smaller is better."""
        return 2.0 * self.n_free_parameters - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Bayes' criterion, -2 log-likelihood + log(n) df, with the total weight as n; smaller is better."""
        return float(np.log(self.total_weight)) * self.n_free_parameters - 2.0 * self.log_likelihood

    @property
    def icl(self) -> float:
        """Integrated classification likelihood: BIC - 2 sum log(largest responsibility); smaller is better."""
        return self.bic - 2.0 * self.classification

    @property
    def certified(self) -> bool:
        """Whether the fit is an interior maximum with a small gradient."""
        return self.status == "converged"

    @property
    def standard_errors(self) -> np.ndarray:
        """Square roots of the covariance's diagonal, shape (P,); nan with a reason in ``notes``."""
        return np.sqrt(np.diag(self.covariance))
