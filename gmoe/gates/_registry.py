"""Values by name: what gates, the command line and study files know activations, keys and selections by."""

from typing import Generic, TypeVar

Value = TypeVar("Value")


class Registry(Generic[Value]):
    """Named values of one kind.

    Parameters
    ----------
    kind : type
        Of the values, which have a ``name``.
    argument : str
        What asks for one, for messages.
    noun : str
        What one is called.
    advice : str, default ""
        Added where something else is given.
    """

    def __init__(self, kind: type[Value], argument: str, noun: str, advice: str = ""):
        self._kind, self._argument, self._noun, self._advice = kind, argument, noun, advice
        self._values: dict[str, Value] = {}

    def copy(self) -> "Registry[Value]":
        """Return a registry of its own with the same values."""
        result = Registry(self._kind, self._argument, self._noun, self._advice)
        result._values |= self._values
        return result

    def register(self, value: Value) -> Value:
        """Make a value available by its name; a ValueError where another one has it."""
        name = value.name  # type: ignore[attr-defined]
        if self._values.setdefault(name, value) != value:
            raise ValueError(f"There is {self._noun} {name!r} already; give this one another name.")
        return value

    def names(self) -> list[str]:
        """Names, sorted."""
        return sorted(self._values)

    def get(self, value: str | Value) -> Value:
        """Return the value of that name, or the value itself; a ValueError or TypeError lists the known names."""
        if isinstance(value, self._kind):
            return value
        known = ", ".join(self.names())
        kind = f"{'an' if self._kind.__name__[0] in 'AEIO' else 'a'} {self._kind.__name__}"
        if not isinstance(value, str):
            raise TypeError(f"{self._argument} must be a name or {kind}, got {value!r}; known: {known}.{self._advice}")
        if value not in self._values:
            raise ValueError(f"Unknown {self._argument} {value!r}; known: {known}. Others: pass {kind}.")
        return self._values[value]
