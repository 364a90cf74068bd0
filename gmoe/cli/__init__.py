"""The command ``gmoe``: fits, choices of a model, predictions, studies, figures, the installation, a demonstration.

Exit codes: 0 done; 1 the work failed (a fit that did not converge is still printed); 2 wrong usage or input; 3 a study
is done but some replications failed; 130 interrupted. Results go to the standard output, warnings and errors to the
standard error, one line each.
"""

import argparse
import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from gmoe import __version__
from gmoe._interrupt import INTERRUPTED
from gmoe.cli import demo, doctor, figures, fit, predict, rates, select
from gmoe.cli._messages import UsageError, WorkError, tell

__all__ = ["main"]

DESCRIPTION = "Gaussian mixtures of experts, fitted to certified maximum likelihood."
EPILOG = "'gmoe COMMAND --help' explains a command. Exit codes: 0 done, 1 failed work, 2 wrong usage or input."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        The exit code.
    """
    if sys.stdout is None:
        return _fail("the standard output is closed; leave it open, or send it to a file", 1)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that the terminal's encoding lacks is no reason to fail
        sys.stdout.reconfigure(errors="backslashreplace")
    code = _run(argv)
    try:
        sys.stdout.flush()
    except OSError as error:
        return _lose_output(error)
    return code


def _run(argv) -> int:
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            arguments = _parser().parse_args(argv)
            return arguments.run(arguments)
    except SystemExit as stop:  # argparse, after --help, --version or an error
        return stop.code if isinstance(stop.code, int) else 2
    except UsageError as error:
        return _fail(error, 2)
    except WorkError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except MemoryError as error:
        return _fail(f"not enough memory: {error or 'none left'}; use fewer rows, experts or processes", 1)
    except OSError as error:
        if error.filename is not None:
            return _fail(f"cannot use {error.filename}: {error.strerror}", 1)
        return _lose_output(error)


def _lose_output(error: OSError) -> int:
    """Say that the standard output takes no more; a pipe whose reader left early is no fault."""
    # Python would complain once more at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 1
    return _fail(f"cannot write to the standard output: {error.strerror or error}; the results are incomplete", 1)


class _Parser(argparse.ArgumentParser):
    """Errors in one line, in the form of all the others."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see '{self.prog} --help'")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="gmoe", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"gmoe {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in (fit, select, predict, rates, demo, figures, doctor):
        command = commands.add_parser(
            module.__name__.rpartition(".")[2],
            help=module.HELP,
            description=module.DESCRIPTION,
            epilog=getattr(module, "EPILOG", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _fail(message: object, code: int) -> int:
    tell("error", message)
    return code


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    tell("warning", message)
