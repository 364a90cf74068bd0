"""A fitted estimator as JSON: the model, the evidence, how X becomes numbers, and what was set."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from gmoe import _json
from gmoe.design import Design, check_formula, design_of
from gmoe.estimator.labels import ExpertLabels
from gmoe.experts import BaseExperts, experts_text
from gmoe.gates import BaseGate, gate_text
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.solvers.evidence.result import FitResult
from gmoe.solvers.evidence.written import (
    constraints_content,
    constraints_of,
    result_content,
    result_of,
    space_content,
    space_of,
)
from gmoe.written import model_content, model_settings


class WrittenFit:
    """Methods of an estimator that write and read a fit."""

    design_: Design
    model_: GMoE
    fit_result_: FitResult
    _adopt: Any

    def to_json(self, indent: int | None = None) -> str:
        """Text from which :meth:`from_json` makes the fitted estimator again, to the last bit.

        Of the settings numbers, texts and lists of them are kept, gate, experts and parameter space too; an array in
        ``init`` or a generator in ``random_state`` are not, and are the default again: a fit that is read needs them
        for nothing but another fit.

        Parameters
        ----------
        indent : int, optional
            Spaces by which nested lines are moved in; by default all is one line.

        Raises
        ------
        ValueError
            For a formula with functions that a file may not call, and for a gate or experts of one's own that are not
            registered by a name.
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        content = fit_content(self, self.fit_result_, self.design_.content(), names)
        return _json.dumps(content, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the fitted estimator that a text of :meth:`to_json` or ``gmoe fit --json`` holds; no code is run.

        Raises
        ------
        ValueError
            For what is no JSON of a fit, one of a later format, unknown names, and entries that do not fit together.
        ImportError
            For a fit by a formula without formulaic.
        """
        content = _json.loads(text)
        model = GMoE(**model_settings(_json.entry(content, "model", dict)))
        result = result_of(_json.entry(content, "result", dict), model)
        design, names = _designed(content, model)
        fitted: Any = cls(**_settings(_json.entry(content, "settings", dict), cls))
        if isinstance(fitted.formula, str):
            check_formula(fitted.formula, names or ())
        fitted._adopt(result)
        fitted.design_, fitted.n_dropped_ = design, _json.entry(content, "n_dropped", int)
        fitted.n_features_in_ = _json.entry(content, "n_features", int)
        if names is not None:
            fitted.feature_names_in_ = np.array(names, dtype=object)
        return fitted


def fit_content(
    estimator: Any, result: FitResult, design: Mapping[str, Any] | None, features: Sequence[str] | None
) -> dict[str, Any]:
    """Return a fitted estimator in JSON's types.

    Parameters
    ----------
    estimator : GaussianMoERegressor
    result : FitResult
        Of the estimator, perhaps with other names.
    design : mapping or None
        In JSON's types; None for what cannot be written, and then no estimator can be made of it again.
    features : sequence of str or None
        Names of the columns that the estimator is given.
    """
    return {
        "model": model_content(estimator.model_),
        "design": design,
        "n_features": estimator.n_features_in_ if features is None else len(features),
        "features": None if features is None else [str(name) for name in features],
        "n_dropped": estimator.n_dropped_,
        "settings": _settings_content(estimator),
        "result": result_content(result),
    }


def _settings_content(estimator):
    found = {}
    if estimator.constraints is not None:
        # What they came to: equations are constraints, too.
        found["constraints"] = constraints_content(estimator.fit_result_.held)
    for name, value in estimator.get_params(deep=False).items():
        for kind, write in WRITERS.items():
            if isinstance(value, kind):
                found[name] = write(value)
        plain = _is_plain(value) or (isinstance(value, list | tuple) and all(map(_is_plain, value)))
        if plain and name not in found:
            found[name] = _json.numbers(value)
    return found


# Settings that are values of this package.
WRITERS: dict[type, Any] = {
    BaseGate: gate_text,
    BaseExperts: experts_text,
    ParameterSpace: space_content,
    ExpertLabels: ExpertLabels.content,
}
# What reads those that are objects of JSON.
SETTING_READERS = {"parameter_space": space_of, "expert_labels": ExpertLabels.read}


def _is_plain(value):
    return value is None or isinstance(value, bool | int | float | str | np.bool_ | np.integer | np.floating)


def _settings(content: Mapping[str, Any], cls: Any):
    unknown = sorted(set(content) - set(cls._get_param_names()))
    if unknown:
        raise ValueError(f"{cls.__name__} has no setting {unknown[0]!r}, which the JSON gives; {_json.SOURCE}.")
    held = content.get("constraints")
    objects = {name: read for name, read in SETTING_READERS.items() if isinstance(content.get(name), dict)}
    values = {name: read(content[name]) for name, read in objects.items()}
    return {**content, **values, **({"constraints": list(constraints_of(held))} if isinstance(held, list) else {})}


def _designed(content, model):
    """Design and names of the features, which fit the model."""
    if content.get("design") is None:
        raise ValueError(
            "This JSON holds a fit by a formula that calls more than a file may call, and the formula was not written: "
            "read the model, GMoE.from_json, and give it the columns of the formula as numbers."
        )
    design = design_of(_json.entry(content, "design", dict))
    for columns, own, name in (
        (design.gate, model.gate_columns, "gate"), (design.experts, model.expert_columns, "experts"),
    ):  # fmt: skip
        if columns.tolist() != list(own):
            raise ValueError(f"Design and model of the JSON differ in the columns of the {name}; {_json.SOURCE}.")
    names = _json.entry(content, "features", (list, type(None)))
    if names is not None and len(names) != content.get("n_features"):
        raise ValueError(f"The JSON has {len(names)} names of features and n_features={content.get('n_features')}.")
    return design, names
