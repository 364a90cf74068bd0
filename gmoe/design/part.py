"""One part of a formula, worked out by formulaic."""

import ast
import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmoe.design.columns import cells, declared_levels
from gmoe.design.terms import Category


def formulaic() -> Any:
    """Return the package; an ImportError with the remedy where there is none."""
    try:
        import formulaic
    except ImportError as error:
        raise ImportError("A formula needs formulaic; install it: pip install gmoe[formula]") from error
    return formulaic


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a formula, with the knots and levels of the fit.

    Attributes
    ----------
    spec : formulaic.ModelSpec
    reads : tuple of str
        Columns of the data frame.
    levels : tuple of Category
        Columns whose levels are those of a factor.
    columns : tuple of str
        Of its matrix, without the intercept.
    """

    spec: Any
    reads: tuple[str, ...]
    levels: tuple[Category, ...]
    columns: tuple[str, ...]

    @classmethod
    def learn(cls, part: Any, X: Any, names: tuple[str, ...]) -> "Part":
        """Work a part out on rows that lack nothing.

        Raises
        ------
        ValueError
            For what formulaic cannot work out, and for a factor of one level.
        """
        reads = tuple(name for name in names if name in variables(part, names))
        spec = _materialise(part, X, reads).model_spec
        levels = []
        for factor, categories in _levels(spec).items():
            if len(categories) < 2:
                raise ValueError(f"{factor!r} in the formula has one level, {str(categories[0])!r}: leave it out.")
            of = _names(factor, names) & set(names)
            if len(of) == 1 and set(cells(X[min(of)])) == set(categories):
                levels.append(Category(min(of), tuple(categories)))
        return cls._of(spec, reads, levels)

    @classmethod
    def again(cls, spec: Any, reads: tuple[str, ...], levels: tuple[Category, ...]) -> "Part":
        """Return the part of a specification that has learnt knots and levels, and lacks all that follows from them.

        Raises
        ------
        ValueError
            For what formulaic cannot work out.
        """
        import pandas as pd

        # One row says which columns there are: a level of each factor, and no number of anything else.
        row = dict.fromkeys(reads, float("nan"))
        for factor, found in _levels(spec).items():
            row |= {name: found[0] for name in _names(factor, reads) & set(reads) if found}
        table = pd.DataFrame({name: [value] for name, value in row.items()} or {"": [0.0]})
        return cls._of(_materialise(spec, table, reads).model_spec, reads, levels)

    @classmethod
    def _of(cls, spec, reads, levels):
        constant = [name for row in spec.structure if row.term.degree == 0 for name in row.columns]
        return cls(spec, reads, tuple(levels), tuple(name for name in spec.column_names if name not in constant))

    @property
    def terms(self) -> dict[str, tuple[str, ...]]:
        """Columns of each term but the intercept, by what a formula calls it."""
        return {
            _written(row.term): tuple(name for name in row.columns if name in self.columns)
            for row in self.spec.structure
            if row.term.degree
        }

    def margins(self, term: str) -> list[str]:
        """Terms whose factors are some of those of a term."""
        factors = {_written(row.term): set(row.term.factors) for row in self.spec.structure if row.term.degree}
        return [name for name, own in factors.items() if own < factors[term]]

    @property
    def column_levels(self) -> dict[str, tuple]:
        """Levels of the columns that are factors."""
        owners = {factor: _names(factor, self.reads) & set(self.reads) for factor in self.factor_levels}
        return {min(own): tuple(self.factor_levels[factor]) for factor, own in owners.items() if len(own) == 1}

    @property
    def factor_levels(self) -> dict[str, list]:
        """Levels of each factor that has some."""
        return _levels(self.spec)

    def matrix(self, X: Any) -> np.ndarray:
        """Numbers, (n, columns); a ValueError for levels and values that the fit did not know."""
        for category in self.levels:
            category.check(X[category.name])
        values = np.asarray(_materialise(self.spec, X, self.reads), dtype=float)
        return values[:, [self.spec.column_names.index(name) for name in self.columns]]


def _written(term):
    """Return a term as a formula says it."""
    return ":".join(map(_factor, term.factors))


def _factor(factor):
    if factor.eval_method.value == "lookup":
        return factor.expr if factor.expr.isidentifier() else f"`{factor.expr}`"
    # What is no call needs braces.
    return factor.expr if re.fullmatch(r"[\w.]+\(.*\)", factor.expr) else f"{{{factor.expr}}}"


def _levels(spec):
    found = {factor: state.get("categories") for factor, (_, state) in spec.encoder_state.items()}
    return {factor: levels for factor, levels in found.items() if levels is not None}


def _materialise(part, X, reads):
    """Matrix of a part; what it warns of is an error."""
    package = formulaic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", package.errors.DataMismatchWarning)
            # In the columns that are read nothing is missing.
            return part.get_model_matrix(_as_pandas(X, reads), output="numpy", na_action="ignore")
    except (package.errors.FormulaicError, package.errors.DataMismatchWarning, TypeError, ValueError) as error:
        # What a factor makes may be no column: formulaic finds that out where it puts columns together.
        raise ValueError(f"The formula cannot be worked out on these data: {first_line(error)}.") from error


def _as_pandas(X, reads):
    """Columns as a table of pandas: formulaic keeps to the kind of table that it has learnt from."""
    import pandas as pd

    if isinstance(X, pd.DataFrame):
        return X
    # One at least: a table without columns has no rows.
    listed = {name: declared_levels(X[name]) for name in list(reads) or list(X.columns)[:1]}
    return pd.DataFrame(
        {
            name: np.asarray(X[name]) if levels is None else pd.Categorical(cells(X[name]), levels)
            for name, levels in listed.items()
        }
    )


def variables(part, columns):
    """Names that a part of a formula reads: columns, and what is neither column nor known."""
    return {name for term in part for factor in term.factors for name in _names(factor.expr, columns)}


def _names(expression, columns):
    """Names in a factor."""
    # formulaic's required_variables lacks, before a fit, those of bs(x) and the like.
    if expression in columns:
        return {expression}
    quoted = re.findall(r"`([^`]+)`", expression)
    tree = ast.parse(re.sub(r"`[^`]+`", "0", expression), mode="eval")
    return {*quoted, *(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))}


def first_line(error):
    """First line of a message; formulaic draws marks below it."""
    return str(error).split("\n")[0].rstrip(".")
