"""An order and names of experts that a user has chosen, and that refits follow."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from gmoe import _json
from gmoe._names import near
from gmoe.inference.relabelled import matching_order, relabelled
from gmoe.model import GMoE
from gmoe.solvers.evidence.result import FitResult
from gmoe.table import declared, flat, parameter_names
from gmoe.written import model_content, model_settings


@dataclass(frozen=True, eq=False, repr=False)
class ExpertLabels:
    """Experts in the order of a model, with names: what :meth:`GaussianMoERegressor.relabel` makes.

    A later fit with this setting has its experts matched to those of the model, by the observations that they explain.

    Attributes
    ----------
    model : GMoE
    names : tuple of int or str
    """

    model: GMoE
    names: tuple[int | str, ...]

    def __repr__(self):
        return f"ExpertLabels({', '.join(map(repr, self.names))})"

    def of(self, result: FitResult, X, y) -> FitResult:
        """Return a fit with its experts in this order and under these names.

        Raises
        ------
        ValueError
            For a fit of another number of experts or of other columns, and for a selection by which experts that tie
            would change.
        """
        for what in ("n_experts", "gate_columns", "expert_columns"):
            own, other = getattr(self.model, what), getattr(result.model, what)
            if own != other:
                raise ValueError(
                    f"expert_labels are of a fit with {what} = {own}, this one has {other}; set expert_labels=None, "
                    "and relabel this fit."
                )
        found = relabelled(result, matching_order(result.model, self.model, X, y), self.names)
        if result.model.gate.is_sparse(result.model.n_experts):
            before, after = (one.model.log_density(X, y).sum() for one in (result, found))
            if abs(after - before) > 1e-9 * (1.0 + abs(before)):  # rounding of two sums
                raise ValueError(
                    "The selection gives ties to the lower number, so that this fit is another one in the order of "
                    "expert_labels; set expert_labels=None."
                )
        return found

    def content(self) -> dict[str, Any]:
        """Return the labels in JSON's types."""
        return {"model": model_content(self.model), "names": list(self.names)}

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """Return the labels that a content describes."""
        names = _json.entry(content, "names", list)
        return cls(GMoE(**model_settings(_json.entry(content, "model", dict))), tuple(names))


class Labelled:
    """The method of an estimator that has ``fit_result_`` and the setting ``expert_labels``."""

    expert_labels: Any
    fit_result_: FitResult
    _adopt: Any

    def relabel(self, names: Sequence[str] | None = None, order: Sequence[int] | str | None = None) -> Self:
        """Return this fit with its experts in another order, under other names, and itself as it is.

        Summary, tables, figures and inference have the order and the names. So have later fits: the setting
        ``expert_labels`` keeps the model, to whose experts theirs are matched by the observations that they explain.

        Parameters
        ----------
        names : sequence of str, optional
            Of the experts in their new order; by default those that they have, or numbers.
        order : sequence of int or str, optional
            The present numbers of the experts in the new order, or a parameter by which they shall rise: ``intercept``,
            ``variance``, ``coef[x]`` and so on. The first one is the reference of the gate. As they are by default.

        Raises
        ------
        ValueError
            For what is no order of all experts, or one that the gate cannot have, unknown parameters, names that are
            not one for each expert, or twice the same.

        Examples
        --------
        >>> from gmoe import GaussianMoERegressor
        >>> from gmoe.datasets import load_penguins
        >>> X, y = load_penguins(return_X_y=True)
        >>> fitted = GaussianMoERegressor(2, expert_features=[0], random_state=0).fit(X, y)
        >>> named = fitted.relabel(["short", "long"], order="intercept")
        >>> named.fit_result_.parameter_names[-1]
        'variance (long)'
        """
        check_is_fitted(self)
        result: Any = self.fit_result_
        k = result.model.n_experts
        wanted = _rising(result.model, result.column_names, order) if isinstance(order, str) else order
        wanted = list(range(k)) if wanted is None else list(wanted)
        if not all(isinstance(j, int | np.integer) for j in wanted) or sorted(wanted) != list(range(k)):
            raise ValueError(f"order must hold each of the {k} experts once, as {list(range(k))}; got {wanted}.")
        if wanted != list(range(k)) and result.model.gate.is_sparse(k):
            raise ValueError(
                f"{result.model.gate!r} gives ties to the lower number, so that its experts keep their order; give "
                "names alone."
            )
        found = relabelled(result, wanted, _kept(result, wanted) if names is None else _checked(names, k))
        if not np.array_equal(found.shares, result.shares[wanted]):
            raise ValueError(
                f"{result.model.gate!r} gives each expert a place among the others, and cannot have the order "
                f"{wanted}; give names alone."
            )
        named = copy(self)
        named.expert_labels = ExpertLabels(found.model, found.expert_names)
        named._adopt(found)
        return named


def _kept(result, wanted):
    """Names that go along with their experts; numbers do not."""
    names = result.expert_names
    return () if isinstance(names[0], int) else tuple(names[j] for j in wanted)


def _checked(names, k):
    names = (names,) if isinstance(names, str) else tuple(names)
    if len(names) != k or not all(isinstance(name, str) and name.strip() for name in names):
        raise ValueError(f"names must be {k} texts, one for each expert; got {list(names)}.")
    if len(set(names)) < k:
        raise ValueError(f"names must differ, got {list(names)}.")
    return names


def _rising(model, columns, parameter):
    """Order of the experts by a parameter that each has."""
    values, _ = flat(model.parameters.arrays, declared(model), model.n_experts)
    own = [name.removesuffix(" (0)") for name in parameter_names(model, columns)[: values.shape[1]]]
    if parameter not in own:
        raise ValueError(f"order={parameter!r} is no parameter of an expert; {near(parameter, own, 'there are')}.")
    return np.argsort(values[:, own.index(parameter)], kind="stable")
