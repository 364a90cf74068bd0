"""The table of a fit."""

from dataclasses import dataclass

import numpy as np
import scipy

from gmoe import table
from gmoe._printable import printable
from gmoe._validation import check_choice
from gmoe.experts import GAUSSIAN
from gmoe.inference.markup import html_page, latex_table
from gmoe.inference.sentences import certificate_lines, said, symmetry_of
from gmoe.solvers.evidence.result import FitResult

# How figures by expert are shown.
SHOWN = {"shares": ".4f", "effective rows": ".1f", "standard deviations": ".4g"}


@dataclass(frozen=True, eq=False, repr=False)
class Summary:
    """Table of a fit: printed, in a notebook, as LaTeX, or as a data frame.

    Parameters
    ----------
    result : FitResult
    level : float, default 0.95
        Of the Wald intervals.
    p_values : bool, default False
        Whether the table has two-sided p-values of the hypotheses that parameters are 0; what is positive has none.
    """

    result: FitResult
    level: float = 0.95
    p_values: bool = False

    def __post_init__(self):
        if not 0.0 < self.level < 1.0:
            raise ValueError(f"level must lie between 0 and 1, got {self.level}.")

    def rows(self) -> list[dict]:
        """One dictionary per parameter: name, estimate, standard error, z, perhaps p, lower, upper, note."""
        r = self.result
        half = scipy.special.ndtri(0.5 + self.level / 2.0)
        values, errors = table.parameter_values(r.model), r.standard_errors
        positive = {array.name for array in table.declared(r.model) if array.positive}
        return [
            {
                "parameter": name,
                "estimate": float(value),
                "std_error": float(error),
                **self._wald(table.kind(name) in positive, float(value), float(error), half),
                "note": note,
            }
            for name, value, error, note in zip(r.parameter_names, values, errors, r.notes, strict=True)
        ]

    def _wald(self, positive, value, error, half):
        found = _wald(positive, value, error, half)
        if not self.p_values:
            return found
        z = found.pop("z")
        return {"z": z, "p": float(2.0 * scipy.special.ndtr(-abs(z))), **found}

    def interval(self, parameter: str) -> tuple:
        """Lower and upper ends of the intervals of one kind of parameters: see the estimator's method."""
        model = self.result.model
        check_choice(parameter, "parameter", _kinds(model))
        _check_estimable(model, parameter)
        shape = np.shape(getattr(model.parameters, parameter))
        rows = [row for row in self.rows() if table.kind(row["parameter"]) == parameter]
        lower, upper = (np.array([row[end] for row in rows]).reshape(shape) for end in ("lower", "upper"))
        return (lower, upper) if shape else (float(lower), float(upper))

    def to_frame(self, split=False):
        """Return the rows as a pandas DataFrame (needs pandas).

        Parameters
        ----------
        split : bool, default False
            Whether the index has the levels ``kind`` (as ``coef``), ``feature`` and ``expert`` in place of names;
            empty where a parameter is of no feature or expert.
        """
        import pandas as pd

        frame, r = pd.DataFrame(self.rows()), self.result
        if not split:
            return frame.set_index("parameter")
        levels = table.parts(r.model, r.parameter_names, r.expert_names)
        index = pd.MultiIndex.from_tuples(levels, names=["kind", "feature", "expert"])
        return frame.drop(columns="parameter").set_index(index)

    def to_latex(self) -> str:
        """Return the table as a LaTeX tabular, which needs no package."""
        return latex_table(self.rows(), self.level)

    def _repr_html_(self):
        return html_page(self.head(), self.rows(), self.level, certificate_lines(self.result))

    def __repr__(self):
        r = self.result
        return (
            f"<Summary of {_count(r.model.n_experts)}: n = {r.total_weight:g}, log-likelihood = "
            f"{r.log_likelihood:.6f}, {r.status}; print it for the table>"
        )

    def head(self) -> list[str]:
        """Lines about the whole fit, above the table."""
        r, model = self.result, self.result.model
        kind = "Gaussian mixture" if model.experts == GAUSSIAN else f"{model.experts!r}: mixture"
        figures = {"shares": r.shares, "effective rows": r.effective_rows}
        if model.experts.has_constant_variances:
            figures["standard deviations"] = np.sqrt(model.expert_variances(np.zeros((1, model.n_features)))[0])
        return [
            f"{kind} of {_count(model.n_experts)}, gate {model.gate}",
            f"n = {r.total_weight:g}   log-likelihood = {r.log_likelihood:.6f}   df = {r.effective_df:.6g}",
            f"AIC = {r.aic:.4f}   BIC = {r.bic:.4f}   ICL = {r.icl:.4f}   (smaller is better)",
            *(self._by_expert(name, values) for name, values in figures.items()),
            *([f"held: {said(r.constraints)}"] if r.constraints else []),
            *(["shares are given"] if r.given_shares else []),
            *([f"penalty = {r.penalty:.6f} of {said(r.penalties)}"] if r.penalties else []),
        ]

    def _by_expert(self, name, values):
        named = zip(self.result.expert_names, values, strict=True)
        return f"{name}: " + "  ".join(f"({printable(str(expert))}) {v:{SHOWN[name]}}" for expert, v in named)

    def __str__(self):
        r = self.result
        width = max(len(printable(name)) for name in r.parameter_names)
        percent = f"{100 * self.level:g}%"
        p = f"{'p':>9}  " * self.p_values
        head = f"{'parameter':<{width}}  {'estimate':>12}  {'std. error':>12}  {'z':>8}  {p}{percent + ' interval':>27}"
        lines = [*self.head(), "", head, "-" * len(head)]
        lines += [_line(row, width) for row in self.rows()]
        return "\n".join([*lines, "", *certificate_lines(r)])


def _count(n_experts):
    return f"{n_experts} expert{'s' * (n_experts != 1)}"


def _kinds(model):
    """Names of the arrays; a temperature last, and also where the gate fixes it."""
    names = [array.name for array in table.declared(model) if array.name != "temperature"]
    return (*names, "temperature") if model.gate.can_anneal else tuple(names)


def _check_estimable(model, parameter):
    """Raise where the gate, whatever the data, leaves nothing of that kind to estimate."""
    gate, symmetry = model.gate, symmetry_of(model)
    if parameter.startswith("gate_") and symmetry.hard:
        nothing = parameter == "gate_intercept" and symmetry.void_rows[:, 0].all()
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
    if parameter == "temperature" and symmetry.idle:
        raise ValueError(
            f"No interval for the temperature of {gate!r}, which this model does not identify: {symmetry.idle}. Use an "
            "activation that bends, at least two active experts and a gate feature; or a fixed temperature."
        )


def _wald(positive, value, error, half):
    """Return z value and interval; what is positive has no z (0 is not interior) and an interval on the log scale."""
    if positive:
        # Hardly any weight in the data: the interval is (0, inf).
        with np.errstate(over="ignore"):
            factor = float(np.exp(half * error / value))
        return {"z": float("nan"), "lower": value / factor, "upper": value * factor}
    # A standard error is nan where a note stands in its place, and never 0.
    return {"z": value / error, "lower": value - half * error, "upper": value + half * error}


def _line(row, width):
    start = f"{printable(row['parameter']):<{width}}  {row['estimate']:>12.6g}"
    if row["note"]:
        return f"{start}  {row['note']:>12}"
    z = f"{row['z']:>8.2f}" if np.isfinite(row["z"]) else " " * 8
    p = f"{row['p']:>9.3g}  " if np.isfinite(row.get("p", np.nan)) else " " * 11 * ("p" in row)
    return f"{start}  {row['std_error']:>12.6g}  {z}  {p}{row['lower']:>12.6g} .. {row['upper']:>11.6g}"
