"""A model as JSON: gate and experts by their names and settings, the parameter arrays as numbers."""

from collections.abc import Mapping
from typing import Any, Self

from gmoe import _json
from gmoe.experts import as_experts, experts_text
from gmoe.gates import as_gate, gate_text
from gmoe.parameters import Parameters
from gmoe.table import declared


class Written:
    """Methods of a model that write and read it."""

    def to_json(self, indent: int | None = None) -> str:
        """Text from which :meth:`from_json` makes the same model, to the last bit.

        Parameters
        ----------
        indent : int, optional
            Spaces by which nested lines are moved in; by default all is one line.

        Raises
        ------
        ValueError
            For a gate or experts of one's own, and parts of these, that are not registered by a name.
        """
        return _json.dumps({"model": model_content(self)}, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the model that a text holds: one of :meth:`to_json`, of an estimator's, or of ``gmoe fit --json``.

        No code is run: gates, activations and experts are looked up by name, so those of one's own must be registered.

        Raises
        ------
        ValueError
            For what is no JSON of a model, one of a later format, unknown names, and arrays that do not fit together.
        """
        return cls(**model_settings(_json.entry(_json.loads(text), "model", dict)))


def model_content(model: Any) -> dict[str, Any]:
    """Return a model in JSON's types."""
    return {
        "gate": _named(model.gate, gate_text, as_gate, "register_gate"),
        "experts": _named(model.experts, experts_text, as_experts, "register_experts"),
        "gate_columns": list(model.gate_columns),
        "expert_columns": list(model.expert_columns),
        "arrays": {array.name: _json.numbers(model.parameters.arrays[array.name]) for array in declared(model)},
    }


def model_settings(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the model that a content describes."""
    arrays = _json.entry(content, "arrays", dict)
    try:
        parameters = Parameters(**{name: _json.array(value, name) for name, value in arrays.items()})
    except TypeError as error:
        raise ValueError(f"The arrays of the JSON are no parameters: {error}; {_json.SOURCE}.") from error
    return {
        "parameters": parameters,
        "gate": as_gate(_json.entry(content, "gate", str)),
        "experts": as_experts(_json.entry(content, "experts", str)),
        "gate_columns": _columns(content, "gate_columns"),
        "expert_columns": _columns(content, "expert_columns"),
    }


def _named(part, text, make, register):
    """Text of a part, if the part can be made of it again."""
    said = text(part)
    try:
        same = make(said) == part
    except (TypeError, ValueError):
        same = False
    if not same:
        raise ValueError(
            f"{part!r} cannot be written: JSON holds names, and it, or an activation, key or selection in it, has "
            f"none; register it (gmoe.{register}, gmoe.gates.register), or use pickle."
        )
    return said


def _columns(content, name):
    columns = _json.entry(content, name, list)
    if not all(type(column) is int for column in columns):
        raise ValueError(f"Entry {name!r} of the JSON must be a list of whole numbers; {_json.SOURCE}.")
    return columns
