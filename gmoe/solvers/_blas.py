"""One thread in BLAS while any fit runs: matrices are small, and results must not depend on the machine's cores."""

import threading
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_state: dict = {"running": 0}


@contextmanager
def single_threaded():
    """Limit BLAS to one thread; the first of several concurrent fits sets the limit, the last one lifts it."""
    with _lock:
        if "controller" not in _state:
            # Looking for the libraries takes milliseconds, so once.
            _state["controller"] = ThreadpoolController()
        if _state["running"] == 0:
            _state["limit"] = _state["controller"].limit(limits=1)
        _state["running"] += 1
    try:
        yield
    finally:
        with _lock:
            _state["running"] -= 1
            if _state["running"] == 0:
                _state.pop("limit").restore_original_limits()
