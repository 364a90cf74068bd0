"""Formulas, ``response ~ experts | gate``, by formulaic: splines, interactions, transformations, other codings."""

import builtins
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from gmoe._validation import check_numeric
from gmoe.design.base import REMEDY, Choice, Design
from gmoe.design.columns import check_known, column_names, row_labels
from gmoe.design.expressions import check_expression
from gmoe.design.gaps import Gaps
from gmoe.design.part import Part, first_line, formulaic, variables
from gmoe.design.part_written import part_content
from gmoe.design.terms import Category, Number

SHAPE = "'y ~ x1 + x2 | z': response, experts, gate; without a bar both see the same, without a response give y"


@dataclass(frozen=True, eq=False)
class ByFormula(Choice):
    """A formula, parsed; better made by :meth:`parse`.

    Attributes
    ----------
    left, experts, gate : formulaic.Formula
        ``left`` is None where the response is given apart.
    names : tuple of str
        Columns of the data frame.
    """

    left: Any
    experts: Any
    gate: Any
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, X: Any, gate_features: Any, expert_features: Any, coding: str) -> "ByFormula":
        """Parse a formula about the columns of a data frame.

        Raises
        ------
        ValueError, TypeError
            For what is no formula of at most two parts, columns that X does not have, an intercept left out, and
            settings that say the same as the formula in another way.
        ImportError
            Without formulaic.
        """
        if gate_features is not None or expert_features is not None:
            raise ValueError("The formula says what gate and experts see; leave out gate_features and expert_features.")
        if coding != "treatment":
            raise ValueError(f"coding={coding!r} is for columns by name; in a formula write C(column, contr.{coding}).")
        names = column_names(X)
        if names is None:
            raise TypeError(f"A formula needs a data frame whose columns have names, got {type(X).__name__}.")
        parts = _parsed(text, names)
        for part, what in zip(parts[1:], ("experts", "gate"), strict=True):
            if not any(term.degree == 0 for term in part):
                raise ValueError(
                    f"The formula {text!r} takes away the intercept of the {what}, which is always there; leave out "
                    "'0 +' or '- 1'."
                )
        left, experts, gate = parts
        return cls(left, experts, gate, names)

    @property
    def reads(self) -> list[str]:
        """Columns that any part names."""
        parts = [part for part in (self.left, self.experts, self.gate) if part is not None]
        named = {name for part in parts for name in variables(part, self.names)}
        return [name for name in self.names if name in named]

    def columns(self, X):
        return {f"column {name!r}": X[name] for name in self.reads}

    def learn(self, X):
        left = None if self.left is None else Part.learn(self.left, X, self.names)
        experts, gate = (Part.learn(part, X, self.names) for part in (self.experts, self.gate))
        # By formulaic's names: the same name is the same column, in both parts.
        columns = tuple(dict.fromkeys((*experts.columns, *gate.columns)))
        return ByTerms.of((left, experts, gate), columns, {name: j for j, name in enumerate(self.names)})


def _parsed(text, names):
    """Left side (or None), experts and gate of a formula that names columns and functions only."""
    package = formulaic()
    try:
        parsed = package.Formula(text, _context={"__formulaic_variables_available__": list(names)})
        # One part alone is the sequence of its terms.
        alone = isinstance(parsed, Sequence)
        left, right = getattr(parsed, "lhs", None), parsed if alone else getattr(parsed, "rhs", None) or parsed.root
        parts = right if isinstance(right, tuple) else (right, right)
        asked = {name for part in (left, *parts) if part for name in variables(part, names)}
    except (package.errors.FormulaicError, SyntaxError, TypeError) as error:
        raise ValueError(f"Cannot read the formula {text!r}: {first_line(error)}; expected {SHAPE}.") from error
    if len(parts) != 2:
        raise ValueError(f"The formula {text!r} has {len(parts)} parts right of the ~; expected {SHAPE}.")
    functions = {*package.transforms.TRANSFORMS, *dir(builtins)}
    check_known(sorted(asked - functions), names, f"The formula {text!r}")
    return left, *parts


def check_formula(text: str, names: Sequence[str]) -> None:
    """Raise a ValueError for a formula from a file that a refit would run as more than a file may say."""
    for factor in (factor for part in _parsed(text, names) if part for term in part for factor in term.factors):
        if factor.eval_method.value != "lookup":
            check_expression(factor.expr, names)


@dataclass(frozen=True, eq=False)
class ByTerms(Design):
    """Columns that a formula makes of a data frame.

    Attributes
    ----------
    left_part, expert_part, gate_part
    matrix_columns : tuple of str
        As formulaic calls them.
    places : dict of str to int
        Of the columns of the fit.
    """

    left_part: Any
    expert_part: Any
    gate_part: Any
    matrix_columns: tuple[str, ...]
    places: dict[str, int]

    @property
    def units(self):
        places = {name: j for j, name in enumerate(self.matrix_columns)}
        gate, experts = (
            {term: tuple(places[name] for name in names) for term, names in part.terms.items()}
            for part in (self.gate_part, self.expert_part)
        )
        return gate, experts

    def check_choice(self, gate, experts):
        # Without a term that it contains an interaction is coded by other columns.
        for part, units, kept in zip((self.gate_part, self.expert_part), self.units, (gate, experts), strict=True):
            present = [term for term, columns in units.items() if set(columns) <= set(kept)]
            lost = [margin for term in present for margin in part.margins(term) if margin not in present]
            if lost:
                raise ValueError(f"A term goes with those that it contains: {lost[0]!r} is left out of the formula.")

    def settings(self, gate, experts):
        left = [] if self.left_part is None else self.left_part.terms
        return {"formula": f"{' + '.join(left)} ~ {' + '.join(experts) or '1'} | {' + '.join(gate) or '1'}".strip()}

    @property
    def gate_sources(self):
        return tuple(self.places[name] for name in self.gate_part.reads)

    @property
    def expert_sources(self):
        return tuple(self.places[name] for name in self.expert_part.reads)

    def columns(self, X):
        return self._read(X, {*self.expert_part.reads, *self.gate_part.reads})

    def gaps(self, X, y=None):
        found = super().gaps(X, y)
        return found | Gaps.of(self._read(X, self.left_part.reads), found.labels) if self.finds_response(X) else found

    def matrix(self, estimator, X, reset=False):
        if reset:
            validate_data(estimator, X, skip_check_array=True)
        super().gaps(X).refuse(REMEDY)
        return self._numbers(X)

    def _numbers(self, X):
        found: dict[str, np.ndarray] = {}
        for part in (self.gate_part, self.expert_part):
            found |= dict(zip(part.columns, part.matrix(X).T, strict=True))
        return np.column_stack([np.empty((len(X), 0)), *(found[name] for name in self.matrix_columns)])

    @property
    def by_term(self):
        levels = self.gate_part.column_levels | self.expert_part.column_levels
        reads = {*self.gate_part.reads, *self.expert_part.reads}
        return tuple(Category(name, levels[name]) if name in levels else Number(name) for name in sorted(reads))

    def of_columns(self, columns, n):
        import pandas as pd

        return self._numbers(pd.DataFrame(dict(columns), index=range(n)))

    @property
    def has_response(self):
        return self.left_part is not None

    @property
    def response_reads(self):
        return self.left_part.reads if self.has_response else ()

    def finds_response(self, X):
        return self.has_response and set(self.response_reads) <= set(column_names(X) or ())

    def response(self, X, y):
        if not self.has_response:
            if y is None:
                raise ValueError("The formula has no response; write it left of the ~, or give y.")
            return y
        if y is not None:
            raise ValueError(
                f"The formula has the response {' + '.join(self.left_part.columns)!r} on its left, and y is given "
                "too; leave y out, or the left side."
            )
        columns = self._read(X, self.left_part.reads)
        for name, values in columns.items():
            check_numeric(values, f"the response, {name},")
        Gaps.of(columns, row_labels(X, len(X))).refuse(REMEDY)
        values = self.left_part.matrix(X)
        return values[:, 0] if values.shape[1] == 1 else values

    def content(self):
        parts = {"response": self.left_part, "experts": self.expert_part, "gate": self.gate_part}
        return {
            "gate": self.gate.tolist(),
            "experts": self.experts.tolist(),
            "formula": {
                name: None if part is None else part_content(part, self.places) for name, part in parts.items()
            },
            "columns": list(self.matrix_columns),
            "places": self.places,
        }

    @classmethod
    def of(cls, parts, columns: Sequence[str], places: dict[str, int]) -> "ByTerms":
        """Return the design of three parts: of the response (or None), of the experts, of the gate."""
        left, experts, gate = parts
        seen = [np.array([columns.index(name) for name in part.columns], dtype=np.intp) for part in (gate, experts)]
        return cls(tuple(map(_shown, columns)), seen[0], seen[1], left, experts, gate, tuple(columns), places)

    def _read(self, X, names):
        known = column_names(X)
        if known is None:
            raise TypeError(f"The fit is by a formula and needs a data frame, got {type(X).__name__}.")
        check_known(sorted(names), known, "The formula")
        return {f"column {name!r}": X[name] for name in sorted(names)}


def _shown(name):
    """``species[T.Gentoo]`` as ``species[Gentoo]``: which coding it is, the formula says."""
    return re.sub(r"\[[TS]\.", "[", name)
