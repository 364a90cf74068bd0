"""Which columns of a table are features, which are left out, and why."""

import argparse

import numpy as np

from gmoe.cli._messages import UsageError
from gmoe.cli._table import UNNAMED, Column, Kind, Table


def check_lists(arguments: argparse.Namespace) -> None:
    """Raise where an option names a column twice."""
    lists = ("--x", "--expert-features", "--gate-features", "--categories")
    for option in lists:
        names = getattr(arguments, option.strip("-").replace("-", "_")) or []
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"{option} names column {twice!r} twice; name each column once")


def choose_features(
    table: Table, arguments: argparse.Namespace, left_out: dict[str, str], notes: list[str]
) -> tuple[list[str], list[str]]:
    """Return the names of the features of experts and gate; where none are given, also why others are left out."""
    expert, gate = arguments.expert_features or arguments.x, arguments.gate_features or arguments.x
    gate = [] if arguments.no_gate_features else gate
    if expert is None or gate is None:
        default = _default_features(table, arguments, left_out, notes)
        expert, gate = (default if chosen is None else chosen for chosen in (expert, gate))
    unused = [name for name in arguments.categories or [] if name not in (*expert, *gate)]
    if unused:
        table.column(unused[0], "--categories")
        raise UsageError(f"--categories names column {unused[0]!r}, which is no feature; name it in --x too")
    return expert, gate


def _default_features(table: Table, arguments, left_out, notes) -> list[str]:
    """All columns of numbers, truths and named categories; what is left out is said."""
    nameless = "it has no name, as row numbers and row names have none; to use it, name it in the file"
    left_out |= dict.fromkeys(table.unnamed, nameless)
    notes += [f"{column} is left out: {nameless}" for column in table.unnamed]
    chosen = []
    for name in table.names:
        if name in (arguments.y, arguments.weights):
            continue
        column = table.column(name, "--x")
        reason = None if name in (arguments.categories or []) else _reason(table, column)
        if reason is None:
            chosen.append(name)
        else:
            left_out[name] = reason
            notes.append(f"column {name!r} is left out: {reason}")
    if not chosen:
        raise UsageError(f"{table.file} has no numeric column besides {arguments.y!r}; a fit needs a feature")
    for name in chosen:
        column = table.column(name, "--x")
        if column.kind is Kind.TRUTHS:
            notes.append(f"column {name!r} is taken as 1 (true) and 0 (false)")
        elif _counts_rows(column):
            notes.append(
                f"column {name!r} is taken, though it counts the rows; if it says no more, leave it out by --x"
            )
    return chosen


def _reason(table: Table, column: Column) -> str | None:
    """Why a column is no feature unless asked for; None where it is one."""
    if UNNAMED.fullmatch(column.name):
        return "it was written without a name, as row numbers are; to use it, name it in --x"
    if column.kind is Kind.EMPTY:
        return "it has no values"
    if column.kind is Kind.TEXT:
        return f"it holds text, {table.example(column)}; {column.advice(feature=True)}"
    return None


def _counts_rows(column: Column) -> bool:
    with np.errstate(invalid="ignore"):  # of infinities, which are refused later
        steps = np.diff(column.numbers)
    return len(steps) > 1 and column.numbers[0] in (0, 1) and bool(np.all(steps == 1))


def option_of(name: str, arguments: argparse.Namespace) -> str:
    """Return the option that asked for a column; a default column is always known."""
    options = {"--gate-features": arguments.gate_features, "--expert-features": arguments.expert_features}
    return next((option for option, columns in options.items() if name in (columns or [])), "--x")
