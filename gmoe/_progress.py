"""How a search goes, told to a logger that can be heard without further ado."""

import logging
import time


class Progress:
    """Tells the logger "gmoe" about a search; one without handlers gets the standard error.

    Parameters
    ----------
    every : float, default 1.0
        Seconds between two lines, at least.
    """

    def __init__(self, every: float = 1.0):
        self.logger = logging.getLogger("gmoe")
        if not self.logger.hasHandlers():
            self.logger.addHandler(logging.StreamHandler())
            self.logger.setLevel(logging.INFO)
        self.every, self.began, self.last = every, time.monotonic(), -float("inf")

    def __call__(self, n_experts: int, n_starts: int, log_likelihood: float):
        """Say where the search is: experts, starts for this number of them, and the best log-likelihood so far."""
        now = time.monotonic()
        if now - self.last >= self.every:
            self.last = now
            self.tell(
                f"{now - self.began:6.1f} s   {n_experts} experts   {n_starts} starts   best {log_likelihood:.4f}"
            )

    def tell(self, text: str):
        """Hand one text to the logger."""
        self.logger.info("%s", text)
