"""Tables and sentences about a fit, from its certificate."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from gmoe.solvers.result import FitResult


def raw_values(model) -> np.ndarray:
    """Parameters in the order of ``FitResult.parameter_names``: expert by expert, then an estimated temperature."""
    p = model.parameters
    values = np.column_stack([p.gate, p.expert, p.variance]).ravel()
    return np.append(values, p.temperature) if model.gate.estimated else values


@dataclass(frozen=True, eq=False)
class Summary:
    """Printable table of a fit.

    Parameters
    ----------
    result : FitResult
    level : float, default 0.95
        Of the Wald intervals.
    """

    result: FitResult
    level: float = 0.95

    def __post_init__(self):
        if not 0.0 < self.level < 1.0:
            raise ValueError(f"level must lie between 0 and 1, got {self.level}.")

    def rows(self) -> list[dict]:
        """One dictionary per parameter: name, estimate, standard error, z, lower, upper, note."""
        r = self.result
        half = ndtri(0.5 + self.level / 2.0)
        values, errors = raw_values(r.model), r.standard_errors
        return [
            {
                "parameter": name,
                "estimate": float(value),
                "std_error": float(error),
                **_wald(name, float(value), float(error), half),
                "note": note,
            }
            for name, value, error, note in zip(r.parameter_names, values, errors, r.notes, strict=True)
        ]

    def to_frame(self):
        """Return the rows as a pandas DataFrame (needs pandas)."""
        import pandas as pd

        return pd.DataFrame(self.rows()).set_index("parameter")

    def __str__(self):
        r = self.result
        width = max(len(name) for name in r.parameter_names)
        percent = f"{100 * self.level:g}%"
        head = f"{'parameter':<{width}}  {'estimate':>12}  {'std. error':>12}  {'z':>8}  {percent + ' interval':>27}"
        lines = [
            f"Gaussian mixture of {r.model.n_experts} experts, gate {r.model.gate}",
            f"n = {r.total_weight:g}   log-likelihood = {r.log_likelihood:.6f}   df = {r.n_free_parameters}",
            f"AIC = {r.aic:.4f}   BIC = {r.bic:.4f}   ICL = {r.icl:.4f}   (smaller is better)",
            "shares: " + "  ".join(f"({j}) {share:.4f}" for j, share in enumerate(r.shares)),
            "",
            head,
            "-" * len(head),
        ]
        lines += [_line(row, width) for row in self.rows()]
        return "\n".join([*lines, "", *certificate_lines(r)])


def _wald(name, value, error, half):
    """Return z value and interval; what is positive has no z (0 is not interior) and an interval on the log scale."""
    if name.startswith(("variance", "temperature")):
        # Hardly any weight in the data: the interval is (0, inf).
        with np.errstate(over="ignore"):
            factor = float(np.exp(half * error / value))
        return {"z": float("nan"), "lower": value / factor, "upper": value * factor}
    # A standard error is nan where a note stands in its place, and never 0.
    return {"z": value / error, "lower": value - half * error, "upper": value + half * error}


def _line(row, width):
    start = f"{row['parameter']:<{width}}  {row['estimate']:>12.6g}"
    if row["note"]:
        return f"{start}  {row['note']:>12}"
    z = f"{row['z']:>8.2f}" if np.isfinite(row["z"]) else " " * 8
    return f"{start}  {row['std_error']:>12.6g}  {z}  {row['lower']:>12.6g} .. {row['upper']:>11.6g}"


def certificate_lines(r: FitResult) -> list[str]:
    """Put the certificate in words."""
    return [
        f"certificate: {r.status}",
        f"  largest average gradient {r.gradient:.1e}, smallest information eigenvalue {r.smallest_eigenvalue:.1e}"
        " (scaled coordinates)",
        f"  {r.n_agreeing} of {r.n_starts} starts end within 1e-6 of the best log-likelihood; "
        f"{r.n_iter} iterations, {r.n_passes} passes over the data",
        *_few_agree(r),
        f"  directions without effect on the density: {r.n_flat} (gate invariances, collinear columns)",
        *_selection_held(r),
        *(f"  {message}" for message in explain(r)),
    ]


def _few_agree(r: FitResult):
    """Say so where hardly any start came back to the best end: the weakest evidence that it is the best there is."""
    if r.n_agreeing < min(3, r.n_starts) and not r.separated:
        yield "  few starts agree: a higher n_init may find a better maximum"


def _selection_held(r: FitResult):
    if r.selection_held:
        yield "  the maximum is where selections change: gradient and standard errors are given the selection"


def explain(r: FitResult) -> list[str]:
    """One sentence for each thing a user must know before using the fit; empty for a regular fit."""
    messages = []
    if r.status == "max_iter":
        messages.append(
            f"Not converged after {r.n_iter} iterations: the largest average-gradient entry is {r.gradient:.1e}, the "
            f"smallest eigenvalue of the information {r.smallest_eigenvalue:.1e}; raise max_iter, or use solver='mle'."
        )
    if r.at_bound:
        messages.append(
            f"The variance of expert(s) {_list(r.at_bound)} is at its lower bound, where the likelihood has no "
            "maximum: they fit some points exactly, or extreme values of y set the bound's scale. Use fewer experts, "
            "look at the extremes, or choose another min_variance."
        )
    # Where all experts are at the bound they coincide, and a flat gate says nothing.
    if r.separated and len(r.at_bound) < r.model.n_experts:
        messages.append(
            f"{_cause(r)}: the likelihood still rises as gate parameters go to infinity, so that it has no maximiser. "
            "Predictions are at the supremum; gate parameters are large finite stand-ins."
        )
    gate = r.model.gate
    if gate.estimated and gate.scale_free:
        messages.append(
            f"The temperature of {gate!r} is not identified: it is a scale of the gate's parameters, and theirs is the "
            "choice of least norm. model_.canonical(scale='temperature=1') has temperature 1; or use an activation "
            "that bends, or a fixed temperature."
        )
    if r.collinear:
        messages.append(
            f"Columns {_list(r.collinear)} are constant or collinear: their coefficients are not identified and are "
            "the choice of minimum norm in standardised columns."
        )
    elif r.not_identified and not messages:
        messages.append(f"The data carry no information on {_list(r.not_identified[:6])}.")
    return messages


def _cause(r: FitResult):
    if r.model.gate.n_active is None:
        return "The gate separates the experts"
    return "This number of active experts leaves no interior maximum (try another n_active or n_experts)"


def _list(items):
    return ", ".join(str(item) for item in items)
