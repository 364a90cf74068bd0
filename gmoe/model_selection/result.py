"""What a choice of a model returns."""

from dataclasses import dataclass
from typing import Any

from gmoe.estimator import GaussianMoERegressor
from gmoe.model_selection.columns import Scored
from gmoe.model_selection.criteria import Criterion

# How the numbers of a row are printed.
FORMATS = {"n_experts": "d", "log_likelihood": ".3f", "df": "d"}


@dataclass(frozen=True, eq=False, repr=False)
class ModelSelection:
    """The fits among which a model was chosen; it prints as a table.

    Attributes
    ----------
    path : tuple of GaussianMoERegressor
        Fitted, for each gate with the columns chosen for it, by rising number of experts.
    scores : tuple of float
        Of ``path``: smaller is better.
    criterion : Criterion
    best : GaussianMoERegressor
        The one of the smallest score. A fit that came to no end, or with an expert that a bound props up (its variance
        at the least value, or no more than the least number of rows), is the best only where all are so.
    columns : tuple of (tuple, tuple)
        Of ``path``: the columns of X that gate and experts see, by name or index; of a formula its terms.
    steps : tuple of Scored
        What the choice of columns went through (``columns`` of the design's matrix, ``result``, ``score``), in turn; of
        all subsets the best one last.
    """

    path: tuple[GaussianMoERegressor, ...]
    scores: tuple[float, ...]
    criterion: Criterion
    best: GaussianMoERegressor
    columns: tuple[tuple[tuple, tuple], ...]
    steps: tuple[Scored, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per fit of the path: model, log-likelihood, df, criteria, evidence."""
        return [
            self._row(fitted, score, columns)
            for fitted, score, columns in zip(self.path, self.scores, self.columns, strict=True)
        ]

    def _row(self, fitted, score, columns):
        result = fitted.fit_result_
        criteria = {"aic": result.aic, "bic": result.bic, "icl": result.icl, self.criterion.name: score}
        return {
            "gate": str(result.model.gate),
            "n_experts": result.model.n_experts,
            "gate_columns": columns[0],
            "expert_columns": columns[1],
            "log_likelihood": result.log_likelihood,
            "df": result.n_free_parameters,
            **{name: float(value) for name, value in criteria.items()},
            "n_agreeing": result.n_agreeing,
            "n_starts": result.n_starts,
            "n_rounds_agreeing": result.n_rounds_agreeing,
            "n_rounds": result.n_rounds,
            "status": result.status,
            "best": fitted is self.best,
        }

    @property
    def table(self) -> Any:
        """The rows as a pandas DataFrame (needs pandas)."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def __repr__(self):
        rows = self.rows()
        names = [name for name in rows[0] if name in ("gate", *FORMATS) or isinstance(rows[0][name], float)]
        lines = [["", *names, "starts", "rounds", "status"]]
        for row in rows:
            cells = [
                format(row[name], FORMATS.get(name, ".3f" if isinstance(row[name], float) else "")) for name in names
            ]
            agreed = f"{row['n_agreeing']} of {row['n_starts']}", f"{row['n_rounds_agreeing']} of {row['n_rounds']}"
            lines.append(["*" if row["best"] else "", *cells, *agreed, row["status"]])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        chosen = next(row for row in rows if row["best"])
        head = [
            f"Models by {self.criterion.label}, smaller is better; * the best: {chosen['n_experts']} experts",
            f"gate sees: {_listed(chosen['gate_columns'])}   experts see: {_listed(chosen['expert_columns'])}",
        ]
        return "\n".join([*head, "", text[0], "-" * len(text[0]), *text[1:]])


def _listed(names):
    return ", ".join(map(str, names)) or "nothing"
