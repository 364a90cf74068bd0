"""Errors, warnings and notes as lines on the standard error."""

import contextlib
import sys

from gmoe._printable import LAYOUT, printable


class UsageError(Exception):
    """Wrong usage or wrong input; ends the command with its message and code 2."""


class WorkError(Exception):
    """Work that could not be done; ends the command with its message and code 1."""


def tell(kind: str, message: object) -> None:
    """Print ``gmoe: kind: message`` in one line on the standard error."""
    with contextlib.suppress(OSError):  # a full standard error leaves nowhere to say so
        print(f"gmoe: {kind}: {printable(' '.join(str(message).split()))}", file=sys.stderr)


def say(text: object, end: str = "\n") -> None:
    """Print results on the standard output; all commands do it here, as they show other people's text."""
    print(printable(str(text), LAYOUT), end=end, flush=True)
