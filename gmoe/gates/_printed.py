"""How gates by scores are printed: as the named one whose settings suffice."""

from dataclasses import fields

from gmoe.gates.keys import BY_SCORE

# By which of the named gates a gate is printed: the first whose own settings suffice.
_NAMES = {
    "SoftmaxGate": set(),
    "TopKGate": {"n_active", "select_on"},
    "ThresholdGate": {"threshold"},
    "DenseToSparseGate": {"temperature"},
    "ActivationGate": {"activation", "temperature", "intercept"},
}
# What a setting is unless it is said.
_UNSAID = {"select_on": BY_SCORE.name}


def printed(gate) -> str:
    """Return text from which the gate can be made again."""
    given = {f.name: getattr(gate, f.name) for f in fields(gate) if getattr(gate, f.name) != f.default}
    if given.pop("selection", None) is not None:
        said = sorted(gate.selection.settings().items())
        given |= {key: value for key, value in said if value != _UNSAID.get(key)}
    name = next((name for name, own in _NAMES.items() if set(given) <= own), "Gate")
    if name == "ActivationGate":
        # Its default is to estimate it.
        given["temperature"] = gate.temperature
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in given.items())})"
