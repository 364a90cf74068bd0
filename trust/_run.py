"""Runs one case under a limit of processor time, and says how it ended."""

import contextlib
import enum
import io
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

import numpy as np

# Seconds of the processor's time, which a busy machine does not lengthen; the longest honest case takes a tenth of it.
LIMIT = 120.0


class End(enum.StrEnum):
    """How a case ended; all but the first two are defects."""

    GOOD = "good"
    REFUSED = "refused"
    WRONG = "wrong"
    CRASH = "crash"
    HANG = "hang"
    SILENT = "silent"


class WrongError(Exception):
    """An answer is not what it must be."""


class SilentError(Exception):
    """Something was lost or changed, and nobody said so."""


class RefusedError(Exception):
    """The case was refused as it should be: in one line that says why."""


class _HangError(BaseException):
    """Not an Exception: the code under test must not catch it."""


@dataclass(frozen=True)
class Found:
    """One case: how it ended, what it was, and what went wrong."""

    seed: int
    end: End
    kind: str = ""
    detail: str = ""
    n_tried: int = 1


def run(case: Callable[[np.random.Generator], tuple[str, int]], seed: int) -> Found:
    """Run a case, which returns its kind and how many things it tried, or raises."""
    try:
        with _limited(), warnings.catch_warnings():
            kind, tried = case(np.random.default_rng(seed))
        return Found(seed, End.GOOD, kind, n_tried=tried)
    except RefusedError as error:
        return Found(seed, End.REFUSED, detail=str(error))
    except WrongError as error:
        return Found(seed, End.WRONG, detail=str(error))
    except SilentError as error:
        return Found(seed, End.SILENT, detail=str(error))
    except _HangError:
        return Found(seed, End.HANG, detail=_place(sys.exc_info()[2]))
    except (Exception, SystemExit) as error:  # whatever else comes out is a crash
        return Found(seed, End.CRASH, detail=f"{type(error).__name__}: {error} {_place(error.__traceback__)}")


def several(part: str, seeds: range) -> list[Found]:
    """Run cases of a part."""
    case = import_module(f"trust.{part}").case
    return [run(case, seed) for seed in seeds]


def need(true: object, message: str) -> None:
    """Raise a WrongError where something is not true."""
    if not true:
        raise WrongError(message)


def one_line(error: Exception) -> RefusedError:
    """Refusal by an error, which must say what is wrong in one line that shows no control character."""
    text = str(error)
    need(text.strip() and "\n" not in text, f"the refusal is not one line: {type(error).__name__}: {text!r}")
    return RefusedError(text)


@contextlib.contextmanager
def captured() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """Keep what is printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield out, err


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def stop(*_):
        raise _HangError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def _place(trace) -> str:
    frames = traceback.extract_tb(trace)
    ours = [frame for frame in frames if "/gmoe/" in frame.filename] or frames
    return f"({ours[-1].filename.rpartition('/gmoe/')[2]}:{ours[-1].lineno} {ours[-1].name})" if ours else ""
