"""Errors, warnings and notes as lines on the standard error."""

import contextlib
import sys


class UsageError(Exception):
    """Wrong usage or wrong input; ends the command with its message and code 2."""


class WorkError(Exception):
    """Work that could not be done; ends the command with its message and code 1."""


def tell(kind: str, message: object) -> None:
    """Print ``gmoe: kind: message`` in one line on the standard error."""
    with contextlib.suppress(OSError):  # a full standard error leaves nowhere to say so
        print(f"gmoe: {kind}: {shown(' '.join(str(message).split()))}", file=sys.stderr)


def shown(text: str) -> str:
    """Escape what a terminal would obey rather than show: names and cells come from other people's files."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
