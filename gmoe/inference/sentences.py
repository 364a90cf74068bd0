"""A certificate in words."""

from gmoe._printable import printable
from gmoe.solvers.evidence.result import FitResult

# Share of an expert that no observation needs.
NO_SHARE = 1e-8
# Weights whose mean is below this are no counts of observations.
LIGHT = 0.5


def certificate_lines(r: FitResult) -> list[str]:
    """Put the certificate in words."""
    return [
        f"certificate: {r.status}",
        f"  largest average gradient {r.gradient:.1e}, smallest information eigenvalue {r.smallest_eigenvalue:.1e}"
        " (scaled coordinates)",
        f"  {r.n_agreeing} of {r.n_starts} starts end within 1e-6 of the best log-likelihood, "
        f"in {r.n_rounds_agreeing} of {r.n_rounds} independent rounds",
        f"  {r.n_iter} iterations, {r.n_passes} passes over the data",
        *_few_agree(r),
        f"  directions without effect on the density: {r.n_flat} (gate invariances, collinear columns)",
        *_by_differences(r),
        *_selection_held(r),
        *(f"  {message}" for message in explain(r)),
    ]


def _few_agree(r: FitResult):
    """Say so where no second round came back to the best end: the weakest evidence that it is the best there is."""
    if r.n_rounds_agreeing < min(2, r.n_rounds) and not r.separated:
        yield "  rounds do not agree: a higher n_init may find a better maximum"


def _by_differences(r: FitResult):
    if not r.exact_curvature:
        parts = (r.model.gate, "the gate"), (r.model.experts, "the experts")
        which = " and ".join(name for part, name in parts if not part.has_exact_curvature)
        yield f"  curvature by differences of scores: no second derivatives of {which}"


def _selection_held(r: FitResult):
    if r.selection_held:
        yield "  the maximum is where selections change at some rows: one among those that keep the active experts"


def explain(r: FitResult) -> list[str]:
    """One sentence or two for each thing a user must know before using the fit; empty for a regular fit."""
    if r.interrupted:
        # Of a point on the way no more can be said.
        return list(_of_the_climb(r))
    messages = [*_of_the_climb(r), *_of_the_bounds(r), *_of_the_data(r)]
    given = r.shares[r.model.n_experts - r.model.experts.n_given :]
    if r.separated and given.size and given.max() < NO_SHARE:
        messages.append(
            "No observation needs the expert with a given density, whose share goes to 0: the others are those of a "
            "fit without it."
        )
    # Where all experts are at the bound they coincide, and a flat gate says nothing.
    elif r.separated and len(r.at_bound) < r.model.n_experts:
        messages.append(
            f"{_cause(r)}: the likelihood still rises as gate parameters go to infinity, so that it has no maximiser. "
            "Predictions at the rows of the data are at the supremum; gate parameters are large finite stand-ins."
        )
    return [*messages, *_of_what_is_open(r)]


def _of_the_climb(r):
    if r.interrupted:
        yield (
            "The search was interrupted: this is the best that it had found, and no claim is made for it. Fit again "
            "without interruption for an estimate."
        )
    elif r.status == "boundary_on_row":
        row = "a boundary between the regions of the gate lies on a row, which has other experts in the climb"
        cause = row if r.model.gate.is_sparse(r.model.n_experts) else "its log-likelihood moved by more than 1e-7"
        yield f"Rounding in the units of the data makes another model than the climb's: {cause}. Centre and scale X."
    elif r.status == "max_iter":
        yield (
            f"Not converged after {r.n_iter} iterations: the largest average-gradient entry is {r.gradient:.1e}, the "
            f"smallest eigenvalue of the information {r.smallest_eigenvalue:.1e}; raise max_iter, or use solver='mle'. "
            "Where fewer than max_iter iterations were made, the ascent met a kink (relu) or rounding."
        )


def _of_the_bounds(r):
    if r.at_bound:
        yield (
            f"The variance of expert(s) {_experts(r, r.at_bound)} is at its lower bound: they fit their rows exactly, "
            "to the last digit that the parameter space allows. Look at those rows (ties, rounded or repeated values, "
            "y without noise); use fewer experts or features; or give a ParameterSpace whose noise means something."
        )
    elif r.status == "variance_at_bound":
        yield "A bound of the parameter space on the variances is active; a wider one raises the likelihood."
    if r.few_rows:
        yield (
            f"Expert(s) {_experts(r, r.few_rows)} have no more than the {r.min_rows:.3g} effective rows that the "
            "parameter space asks of an expert, and the likelihood would give them fewer. Use fewer experts or "
            "features, or a ParameterSpace with a smaller rows_per_parameter; standard errors hold the bound."
        )
    if r.status == "coefficient_at_bound":
        yield "A bound of the parameter space on the coefficients is active; a wider one raises the likelihood."
    if r.status == "parameter_at_bound":
        yield "A shared parameter is at an end of its range ('at bound'): fix it, or use the experts of that limit."
    if r.status == "temperature_at_bound":
        yield (
            f"The temperature went to {r.model.parameters.temperature:.2g}, the end of its range: the data do not tell "
            "the activation from its limit (cold: a softmax gate, or steps; hot: a constant gate, or the activation "
            "far out). Fix the temperature, or use gate='softmax'."
        )


def _of_the_data(r):
    if r.n_free_parameters > r.n_rows:
        yield (
            f"There are more parameters ({r.n_free_parameters}) than rows ({r.n_rows}): use fewer experts or features."
        )
    if r.total_weight < LIGHT * r.n_rows:
        yield (
            f"The weights of {r.n_rows} rows sum to {r.total_weight:.3g}. They count observations, so that standard "
            "errors and criteria are those of so few; if they only weigh rows against each other, divide them by their "
            "mean."
        )


def _of_what_is_open(r):
    symmetry, named = symmetry_of(r.model), set(r.not_identified)
    if symmetry.idle:
        # How it was chosen, and how to have another choice.
        least = ", that of least norm; model_.canonical(scale='temperature=1') has temperature 1"
        named = {name for name in named if not name.startswith(("gate_", "temperature"))}
        yield (
            f"The temperature of {r.model.gate!r} is not identified: {symmetry.idle}. The values shown are one choice "
            f"of many{least if symmetry.divided else ''}; or use a fixed temperature, or an activation that bends."
        )
    if r.collinear:
        named = {
            name for name in named if "[" in name and name[name.index("[") + 1 : name.rindex("]")] not in r.collinear
        }
        yield (
            f"Columns {_list(r.collinear)} are constant or collinear: their coefficients are not identified and are "
            "the choice of minimum norm in standardised columns."
        )
    if r.status == "temperature_at_bound" or r.separated:
        # Where the gate is a limit of its kind its parameters are stand-ins, as was said.
        named = {name for name in named if not name.startswith(("gate_", "temperature"))}
    if named:
        open_ones = [name for name in r.not_identified if name in named]
        more = f" and {len(open_ones) - 6} more" if len(open_ones) > 6 else ""
        yield (
            f"The data carry no information on {_list(open_ones[:6])}{more}. The values shown are those nearest to the "
            "regression on all data; predictions that rest on them say nothing about the data."
        )


def said(equations) -> str:
    """Equations in words, the first few of them."""
    more = f"; and {len(equations) - 6} more" if len(equations) > 6 else ""
    return printable("; ".join(map(str, equations[:6])) + more)


def _cause(r: FitResult):
    if not r.model.gate.is_sparse(r.model.n_experts):
        return "The gate separates the experts"
    return "This selection of experts leaves no interior maximum (try another n_active, threshold or n_experts)"


def _experts(r, numbers):
    return _list(r.expert_names[j] for j in numbers)


def _list(items):
    return ", ".join(printable(str(item)) for item in items)


def symmetry_of(model):
    """Return what the gate of a model leaves open."""
    return model.gate.symmetry_of(model.sizes[0])
