"""Ctrl-C on the command line: it ends a command at once, or where there is work to save, once that is saved."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from gmoe import _files

INTERRUPTED = 130


def answer() -> None:
    """From now on let Ctrl-C end the process with code 130 and one line, also while modules load and as Python ends."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # in the background of a shell it is to be ignored
        signal.signal(signal.SIGINT, leave)
        sys.unraisablehook = _unraisable


def ignore() -> None:
    """Let no more Ctrl-C change how the process ends: Python, which ends without handlers, would die of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def saving(*signals: signal.Signals) -> Iterator[None]:
    """Within, the first of these signals is a KeyboardInterrupt, so that work is saved; a second one ends at once."""
    if threading.current_thread() is not threading.main_thread():  # only that may handle signals
        yield
        return
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> NoReturn:
        heard.append(number)
        for each in before:
            signal.signal(each, leave)
        raise KeyboardInterrupt

    before = {each: signal.getsignal(each) for each in signals}
    before = {each: handler for each, handler in before.items() if handler is not signal.SIG_IGN}
    try:
        for each in before:
            signal.signal(each, hear)
        yield
    except Exception as error:
        if heard:  # a module that was loading makes an ImportError of it
            raise KeyboardInterrupt from error
        raise
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Keep Ctrl-C from the processes that are started within: it reaches all of a terminal, and is the driver's."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave(*_: object) -> NoReturn:
    """End the process at once, with nothing half written left behind."""
    _files.discard_unfinished()
    with contextlib.suppress(OSError):
        os.write(2, b"gmoe: error: interrupted\n")
    os._exit(INTERRUPTED)


def _unraisable(info: "sys.UnraisableHookArgs") -> None:
    """Answer an interrupt that came where Python cannot raise."""
    if issubclass(info.exc_type, KeyboardInterrupt):
        leave()
    sys.__unraisablehook__(info)
