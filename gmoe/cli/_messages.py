"""Errors and warnings as lines on the standard error."""

import sys


class UsageError(Exception):
    """Wrong usage or wrong input; ends the command with its message and code 2."""


class WorkError(Exception):
    """Work that could not be done; ends the command with its message and code 1."""


def tell(kind: str, message: object) -> None:
    """Print ``gmoe: kind: message`` in one line on the standard error."""
    print(f"gmoe: {kind}: {' '.join(str(message).split())}", file=sys.stderr)
