"""``gmoe rates``: Monte Carlo studies of how fast estimates converge."""

import argparse
from importlib.util import find_spec
from pathlib import Path

from gmoe.cli._messages import UsageError, WorkError
from gmoe.cli._rates_run import add_run
from gmoe.cli._rates_view import add_view

HELP = "run Monte Carlo studies of convergence, and look at their rates"
DESCRIPTION = "Simulate, fit and measure at many sizes, as a TOML file describes; stop and go on at any time."
EPILOG = """\
examples:
  gmoe rates run study.toml --out results
  gmoe rates status results
  gmoe rates table results
  gmoe rates report results

Exit codes: 0 done, 1 failed work, 2 wrong usage or input, 3 done with failed replications, 130 interrupted; what is
finished is saved then, and the message says how to go on.
"""
NEEDED = ("pandas", "pyarrow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands of ``gmoe rates``."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add_run(commands)
    add_view(commands)
    for command in commands.choices.values():
        command.set_defaults(work=command.get_default("run"), run=run)


def need_packages() -> None:
    """Raise a WorkError with the remedy where a package that studies need is absent."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise WorkError(f"studies need {' and '.join(missing)}; install what is missing: pip install gmoe[study]")


def run(arguments: argparse.Namespace) -> int:
    """Run a command; its errors become the command line's."""
    need_packages()
    folder = getattr(arguments, "folder", None)
    if folder is not None and not Path(folder).is_dir():
        raise UsageError(f"there is no folder {folder}; give the folder of a run's results")
    from gmoe.study import ChangedStudyError, SpecError, StudyError

    try:
        return arguments.work(arguments)
    except (ChangedStudyError, SpecError, ValueError) as error:
        raise UsageError(str(error)) from error
    except (StudyError, ImportError) as error:
        raise WorkError(str(error)) from error
