"""Likelihood-ratio tests of nested fits, of which theory says that they are chi-square."""

import numpy as np

from gmoe.constraints import Equation
from gmoe.constraints.places import Places
from gmoe.constraints.system import is_implied
from gmoe.inference.data import check_certified, check_plain
from gmoe.inference.wald import HypothesisTest
from gmoe.solvers.evidence.result import FitResult
from gmoe.table import declared, kind, parts

# Log-likelihood by which a fit may lie below one that it contains: rounding of two climbs.
SLACK = 1e-6


def likelihood_ratio_test(small: FitResult, large: FitResult) -> HypothesisTest:
    """Test a fit against one of the same data that contains it.

    Parameters
    ----------
    small, large : FitResult
        The same gate, experts and number of experts; columns of the small one are among those of the large one, its
        variances are tied (``ParameterSpace(variance_ratio=1.0)``), or it holds constraints beyond those of the large
        one.

    Returns
    -------
    HypothesisTest
        Twice the gain of log-likelihood, with the difference of the free parameters as degrees of freedom.

    Raises
    ------
    ValueError
        For fits of different data, fits that are not nested, numbers of experts that differ (where the statistic is not
        chi-square), selections (where the likelihood jumps), and fits without a certificate.
    """
    if small.data != large.data:
        raise ValueError("The fits are of different data (responses or weights differ); fit both to the same rows.")
    models = small.model, large.model
    if models[0].n_experts != models[1].n_experts:
        raise ValueError(
            f"{models[0].n_experts} against {models[1].n_experts} experts is not regular: the statistic is not "
            "chi-square; use n_experts_test, which has its distribution by the bootstrap."
        )
    if small.n_free_parameters >= large.n_free_parameters:
        raise ValueError(
            f"The small fit has {small.n_free_parameters} free parameters, the large one {large.n_free_parameters}: "
            "give the one with fewer first."
        )
    _check_nested(small, large)
    if models[1].gate.is_sparse(models[1].n_experts):
        raise ValueError(
            f"The likelihood of {models[1].gate!r} jumps where its selection changes, and the statistic is not chi-"
            "square; compare criteria, or bootstrap."
        )
    for fit in (small, large):
        check_plain(fit, "A likelihood-ratio test")
        check_certified(fit, "A likelihood-ratio test")
    gain = large.log_likelihood - small.log_likelihood
    if gain < -SLACK * (1.0 + 1e-6 * abs(small.log_likelihood)):
        raise ValueError(
            f"The large fit ended {-gain:.3g} below the small one that it contains: it is no highest maximum; fit "
            "it again with a larger n_init."
        )
    # Less the reference of the gate, which is 0 by convention.
    notes = dict(zip(large.parameter_names, large.notes, strict=True))
    added = [name for name in _absent(small, large) if not notes[name]]
    said = [f"{_listed(added)} {'are' if len(added) > 1 else 'is'} 0"] * bool(added)
    said += [str(equation) for equation in small.constraints if equation not in large.constraints]
    said += ["shares are given"] * (small.given_shares != large.given_shares)
    said += ["variances are equal"] * (small.space.variance_ratio != large.space.variance_ratio)
    return HypothesisTest("; ".join(said), 2.0 * max(gain, 0.0), large.n_free_parameters - small.n_free_parameters)


def _check_nested(small, large):
    for what in ("gate", "experts"):
        parts = [getattr(fit.model, what) for fit in (small, large)]
        if parts[0] != parts[1]:
            raise ValueError(f"The fits are not nested: {what} {parts[0]!r} and {parts[1]!r}; use the same in both.")
    for what in ("gate_columns", "expert_columns"):
        few, many = ({fit.column_names[c] for c in getattr(fit.model, what)} for fit in (small, large))
        if not few <= many:
            raise ValueError(
                f"The fits are not nested: {what} of the small one has {', '.join(sorted(few - many))}, which the "
                "large one has not; give the large one these columns too."
            )
    if large.constraints:
        _check_implied(small, large)
    if large.given_shares not in ((), small.given_shares):
        raise ValueError(
            f"The fits are not nested: the large one holds the shares {large.given_shares}, which the small one does "
            "not; hold them in both, or in the small one alone."
        )
    # A ratio of 1 ties the variances: a model of its own, inside of those with any other.
    if small.space.variance_ratio not in (1.0, large.space.variance_ratio):
        ratios = [fit.space.variance_ratio for fit in (small, large)]
        raise ValueError(f"The fits have other parameter spaces (variance_ratio {ratios}); use the same in both.")


def _check_implied(small, large):
    """Raise a ValueError where the small fit leaves open what the large one holds."""
    names, n = large.parameter_names, len(large.parameter_names)
    positive = {array.name for array in declared(large.model) if array.positive}
    places = Places(
        names, np.array([kind(name) in positive for name in names]), np.zeros(n, bool), np.ones(n, bool),
        large.column_names, (), large.model.n_experts,
    )  # fmt: skip
    # Columns that it does not see have slopes of 0.
    absent = [Equation(((name, 1.0),), 0.0) for name in _absent(small, large)]
    held: list[Equation] = []
    for equation in (*small.constraints, *absent):
        if not is_implied(equation, held, places):
            held.append(equation)
    for equation in large.constraints:
        try:
            nested = is_implied(equation, held, places)
        except ValueError:
            nested = False
        if not nested:
            raise ValueError(
                f"The fits are not nested: the large one holds {equation}, which the small one does not; hold it in "
                "both, or in the small one alone."
            )


def _absent(small, large):
    """Names of the large fit's parameters of which the small one has none, whatever the experts are called."""
    fits = ((fit.parameter_names, parts(fit.model, fit.parameter_names, fit.expert_names)) for fit in (small, large))
    (_, few), (names, many) = fits
    known = {part[:2] for part in few}
    return [name for name, part in zip(names, many, strict=True) if part[:2] not in known]


def _listed(names):
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
