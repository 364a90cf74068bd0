"""Tables and sentences about a fit, from its certificate."""

import re
from dataclasses import dataclass

import numpy as np
import scipy

from gmoe._validation import check_choice
from gmoe.parameters import PER_EXPERT
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
        half = scipy.special.ndtri(0.5 + self.level / 2.0)
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

    def interval(self, parameter: str) -> tuple:
        """Lower and upper ends of the intervals of one kind of parameters: see the estimator's method."""
        model, kinds = self.result.model, (*PER_EXPERT, "temperature")
        check_choice(parameter, "parameter", kinds)
        _check_estimable(model, parameter)
        shape = np.shape(getattr(model.parameters, parameter))
        rows = [row for row in self.rows() if re.split(r"[ \[]", row["parameter"])[0] == parameter]
        lower, upper = (np.array([row[end] for row in rows]).reshape(shape) for end in ("lower", "upper"))
        return (lower, upper) if shape else (float(lower), float(upper))

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


def _check_estimable(model, parameter):
    """Raise where the gate, whatever the data, leaves nothing of that kind to estimate."""
    gate = model.gate
    if parameter.startswith("gate_") and gate.is_hard(model.n_experts):
        nothing = parameter == "gate_intercept" and not gate.select_on.sees_logit
        reason = "it has no effect" if nothing else "the likelihood jumps in it, as in a change-point"
        raise ValueError(
            f"No interval for {parameter} of {gate!r}: with one active expert {reason}, and it has no standard error. "
            "Use n_active >= 2, or a bootstrap of the regions."
        )
    if parameter == "temperature" and not gate.estimated:
        raise ValueError(
            f"No interval for the temperature of {gate!r}, which fixes it at {gate.temperature}; "
            "use a gate with temperature='estimate'."
        )
    if parameter == "temperature" and not identifies_temperature(model):
        raise ValueError(
            f"No interval for the temperature of {gate!r}, which this model does not identify: {_idle(model)}. Use an "
            "activation that bends, at least two active experts and a gate feature; or a fixed temperature."
        )


def identifies_temperature(model) -> bool:
    """Whether an estimated temperature has an effect of its own on the density."""
    free = model.gate.invariances(*model.parameters.gate.shape)
    return not model.gate.scale_free and not np.any(free[-1])


def _idle(model):
    """Why the temperature of a model is not identified."""
    gate, (k, q) = model.gate, model.parameters.gate.shape
    if gate.n_active == 1 or k == 1:
        return "where one expert alone is active it has no effect"
    if gate.scale_free:
        return "it is a mere scale of the gate's parameters"
    return "it divides constants" if q == 1 else "it has no effect"


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
            f"smallest eigenvalue of the information {r.smallest_eigenvalue:.1e}; raise max_iter, or use solver='mle'. "
            "Where fewer than max_iter iterations were made, the ascent met a kink (relu) or rounding."
        )
    if r.at_bound:
        messages.append(
            f"The variance of expert(s) {_list(r.at_bound)} is at its lower bound, where the likelihood has no "
            "maximum: they fit some points exactly, or extreme values of y set the bound's scale. Use fewer experts, "
            "look at the extremes, or choose another min_variance."
        )
    if r.status == "temperature_at_bound":
        messages.append(
            f"The temperature went to {r.model.parameters.temperature:.2g}, the end of its range: the data do not tell "
            "the activation from its limit (cold: a softmax gate, or steps; hot: a constant gate, or the activation "
            "far out). Fix the temperature, or use gate='softmax'."
        )
    # Where all experts are at the bound they coincide, and a flat gate says nothing.
    if r.separated and len(r.at_bound) < r.model.n_experts:
        messages.append(
            f"{_cause(r)}: the likelihood still rises as gate parameters go to infinity, so that it has no maximiser. "
            "Predictions are at the supremum; gate parameters are large finite stand-ins."
        )
    gate = r.model.gate
    if gate.estimated and not identifies_temperature(r.model):
        messages.append(
            f"The temperature of {gate!r} is not identified: {_idle(r.model)}. The values shown are one choice of many"
            f"{_choice(gate)}; or use a fixed temperature, or an activation that bends."
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
    if not r.model.gate.is_sparse(r.model.n_experts):
        return "The gate separates the experts"
    return "This number of active experts leaves no interior maximum (try another n_active or n_experts)"


def _choice(gate):
    """How a temperature that is a mere scale was chosen, and how to have another choice."""
    if not gate.scale_free:
        return ""
    return ", that of least norm; model_.canonical(scale='temperature=1') has temperature 1"


def _list(items):
    return ", ".join(str(item) for item in items)
