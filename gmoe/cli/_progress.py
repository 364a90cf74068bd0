"""One line on the standard error that says how far a study is."""

import math
import sys
from typing import Any

WIDTH = 30


class ProgressBar:
    """Callback of a run; silent where the standard error is not a terminal."""

    def __init__(self) -> None:
        self.drawn = False

    def __call__(self, progress: Any) -> None:
        """Draw the bar."""
        if not sys.stderr.isatty():
            return
        share = progress.n_done / max(progress.n_total, 1)
        bar = "█" * round(share * WIDTH)
        failed = f", {progress.n_failed} failed" if progress.n_failed else ""
        left = "" if math.isnan(progress.seconds_left) else f", {clock(progress.seconds_left)} left"
        line = f"{bar:·<{WIDTH}} {progress.n_done}/{progress.n_total}{failed}{left}"
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        self.drawn = True

    def close(self) -> None:
        """End the line."""
        if self.drawn:
            print(file=sys.stderr)
            self.drawn = False


def clock(seconds: float) -> str:
    """Write seconds as h:mm:ss, or m:ss below an hour."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
