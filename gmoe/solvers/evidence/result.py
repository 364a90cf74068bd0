"""What a fit returns: the parameters and the evidence that they are the maximum likelihood estimate."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gmoe.constraints import Constraint, Equation, Shares, Shrinkage
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.solvers.evidence.maxima import LocalMaximum

# Statuses of fits whose highest end that was found lies at a bound or at infinity.
EDGES = (
    "gate_separated",
    "no_interior_maximum",
    "temperature_at_bound",
    "variance_at_bound",
    "rows_at_bound",
    "coefficient_at_bound",
    "parameter_at_bound",
)


@dataclass(frozen=True, eq=False, repr=False)
class FitResult:
    """The certificate of a fit.

    Attributes
    ----------
    model : GMoE
        Fitted model in canonical form, experts by falling share.
    log_likelihood : float
        Weighted sum over the observations, in the units of the data.
    status : str
        ``converged``: gradient and curvature show a maximum inside of the parameter space. ``variance_at_bound``: some
        variance sits at a bound; at a lower one an expert fits rows exactly. ``rows_at_bound``: some expert has no more
        rows than the space asks for, and would have fewer. ``coefficient_at_bound``: a bound of the space on
        coefficients is active. ``parameter_at_bound``: a shared parameter with a range of its own, such as degrees of
        freedom, went to an end of it. ``temperature_at_bound``: the
        temperature went to an end of its range, exp(-12) to exp(30), where the gate is a limit of its kind, or the
        likelihood does not fall on the way there.
        ``gate_separated``: the likelihood still rises as a gate parameter goes to infinity, or is flat there;
        ``no_interior_maximum``: the same with a sparse gate.
        ``boundary_on_row``: in the units of the data rounding makes the model another than the climb's; with a
        selection, it gives a row other active experts.
        ``max_iter``: stopped before the gradient was small. ``interrupted``: the search was, and this is the best end
        that it had found.
    gradient : float
        Largest absolute entry of the average gradient in scaled coordinates, less what the active bounds take up (the
        rest of the conditions of Karush, Kuhn and Tucker, with multipliers of the right sign).
    smallest_eigenvalue : float
        Of the average observed information on the identified space, in scaled coordinates.
    is_local_maximum : bool
        Whether gradient and curvature along the active bounds are those of a local maximum of the parameter space.
    n_flat : int
        Directions of the raw parameters that the density does not depend on: the gate's invariances and collinear
        or constant columns.
    not_identified : tuple of str
        Parameters along which the data carry no information beyond those directions; empty for a regular fit.
    collinear : tuple of str
        Columns that are constant or linear combinations of others, in the gate's or the experts' design.
    at_bound : tuple of int
        Experts whose variance is at a lower bound.
    few_rows : tuple of int
        Experts with the least number of effective rows, or fewer.
    separated : bool
        See ``status``.
    selection_held : bool
        Whether the maximum sits where the selection of a sparse gate changes at some rows: the likelihood jumps there,
        and is a maximum among the parameters that keep the active experts of every row.
    n_iter, n_passes : int
        Iterations of the winning start, and passes over the data (or a sample of it) of all starts and all numbers of
        experts on the way up.
    n_starts, n_agreeing : int
        Starts climbed to the end, and how many of them ended within 1e-6 of the best log-likelihood.
    n_rounds, n_rounds_agreeing : int
        Independent rounds of the search for this number of experts, and how many of them met the best end.
    history : tuple of float
        Log-likelihood by iteration of the winning ascent.
    shares : ndarray, shape (k,)
        Average gate probability of each expert.
    effective_rows : ndarray, shape (k,)
        Weighted sum of the responsibilities of each expert; over ``total_weight`` its mean posterior probability.
    spread : ndarray, shape (P, r)
        What one standard deviation in each of the r identified directions does to the canonical raw parameters, rows as
        in ``parameter_names``: the root of their covariance.
    parameter_names : tuple of str
    notes : tuple of str
        One by parameter: empty, ``held`` by a constraint, ``zero`` by a penalty, ``pinned``, ``not identified``,
        ``separated``, ``at bound``, or ``boundary`` for what moves the regions of a sparse gate: the likelihood has no
        slope in it, and the estimate no standard error; ``beyond range`` for one that is 0 or infinite as a double.
    n_free_parameters : int
        Identified parameters: degrees of freedom of AIC and BIC.
    classification : float
        Weighted sum of log(largest responsibility).
    total_weight : float
        Sum of the sample weights; the number of observations without weights.
    n_rows : int
        Rows of positive weight.
    column_names : tuple of str
        Of X.
    expert_names : tuple of int or str
        What the experts are called: their numbers, unless the fit was relabelled.
    data : int
        Checksum of the response and the weights: fits with another one are of other data.
    space : ParameterSpace
        The set over which the likelihood was maximised.
    min_rows : float
        Effective rows that the space asks of each expert.
    exact_curvature : bool
        Whether second derivatives are formulas. Where gate or experts give first derivatives alone they are differences
        of these, to some six digits, and so are the information and the standard errors.
    other_maxima : tuple of LocalMaximum
        Where the other climbs of the search ended, the highest first: log-likelihood, number of climbs, model. Climbs
        that were left on the way, and those from given starts, are not in it.
    constraints : tuple of Equation
        What the fit holds; experts are in the order in which these name them.
    penalties : tuple of Shrinkage
        What the fit is penalised for: it maximises ``log_likelihood - penalty``, of which gradient, curvature,
        ``history`` and standard errors are.
    given_shares : tuple of float
        Average gate probabilities that the fit holds; empty where it holds none.
    penalty : float
        Half the weighted sum of squares, and that of absolute values, at the end.
    shrinkage : float
        Degrees of freedom that it takes.
    """

    model: GMoE
    log_likelihood: float
    status: str
    gradient: float
    smallest_eigenvalue: float
    is_local_maximum: bool
    n_flat: int
    not_identified: tuple[str, ...]
    collinear: tuple[str, ...]
    at_bound: tuple[int, ...]
    few_rows: tuple[int, ...]
    separated: bool
    selection_held: bool
    n_iter: int
    n_passes: int
    n_starts: int
    n_agreeing: int
    n_rounds: int
    n_rounds_agreeing: int
    history: tuple[float, ...]
    shares: np.ndarray
    effective_rows: np.ndarray
    spread: np.ndarray
    parameter_names: tuple[str, ...]
    notes: tuple[str, ...]
    n_free_parameters: int
    classification: float
    total_weight: float
    n_rows: int
    column_names: tuple[str, ...]
    data: int
    space: ParameterSpace
    min_rows: float
    exact_curvature: bool
    other_maxima: tuple[LocalMaximum, ...] = ()
    constraints: tuple[Equation, ...] = ()
    penalties: tuple[Shrinkage, ...] = ()
    given_shares: tuple[float, ...] = ()
    penalty: float = 0.0
    shrinkage: float = 0.0
    expert_names: tuple[int | str, ...] = ()

    def __post_init__(self):
        if not self.expert_names:
            object.__setattr__(self, "expert_names", tuple(range(self.model.n_experts)))

    def __repr__(self):
        return (
            f"<FitResult of {self.model.n_experts} experts, gate {self.model.gate!r}: log-likelihood "
            f"{self.log_likelihood:.6f}, {self.status}, {self.n_agreeing} of {self.n_starts} starts agree>"
        )

    @property
    def held(self) -> tuple[Constraint, ...]:
        """All that the fit holds and is penalised for: the constraints of a refit."""
        shares = (Shares(self.given_shares),) if self.given_shares else ()
        return (*self.constraints, *shares, *self.penalties)

    @property
    def effective_df(self) -> float:
        """Degrees of freedom: identified parameters less what a penalty takes of them.

        The trace of the inverse of the penalised information times the plain one (Gray, 1992, JASA 87).
        """
        return self.n_free_parameters - self.shrinkage

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2 log-likelihood + 2 df; smaller is better."""
        return 2.0 * self.effective_df - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Bayes' criterion, -2 log-likelihood + log(n) df, with the total weight as n; smaller is better."""
        return float(np.log(self.total_weight)) * self.effective_df - 2.0 * self.log_likelihood

    @property
    def icl(self) -> float:
        """Integrated classification likelihood: BIC - 2 sum log(largest responsibility); smaller is better."""
        return self.bic - 2.0 * self.classification

    @property
    def interrupted(self) -> bool:
        """Whether the search was stopped before its end."""
        return self.status == "interrupted"

    @property
    def converged(self) -> bool:
        """Whether the climb came to an end: a maximum, at an edge of the parameter space or not."""
        return self.status == "converged" or self.status in EDGES

    @property
    def certified(self) -> bool:
        """Whether the fit is a local maximum with a small gradient: an interior one, or any of a compact space."""
        return self.status == "converged" or (self.space.is_compact and self.is_local_maximum and not self.separated)

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance of the canonical raw parameters, shape (P, P); nan where a note says why."""
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            result = self.spread @ self.spread.T
        unusable = np.array(self.notes) != ""
        result[unusable, :] = np.nan
        result[:, unusable] = np.nan
        return result

    @property
    def is_proper(self) -> bool:
        """Whether the fit may stand beside others: its climb came to an end, and no bound props up an expert."""
        return self.converged and not self.at_bound and not self.few_rows

    @property
    def standard_errors(self) -> np.ndarray:
        """Of the canonical raw parameters, shape (P,), also where squares overflow; nan with a reason in ``notes``."""
        return np.where(np.array(self.notes) == "", lengths(self.spread), np.nan)

    @property
    def correlation(self) -> np.ndarray:
        """Correlations of the canonical raw parameters, shape (P, P); nan where a note says why."""
        rows = self.spread / np.where(np.array(self.notes) == "", lengths(self.spread), np.nan)[:, None]
        return rows @ rows.T


def lengths(rows: np.ndarray) -> np.ndarray:
    """Lengths of the rows of an array, (P,): scaled before they are squared, which may overflow or underflow."""
    size = np.abs(rows).max(axis=1, initial=0.0)
    unit = np.where((size > 0.0) & np.isfinite(size), size, 1.0)
    return unit * np.linalg.norm(rows / unit[:, None], axis=1)
