"""How the benchmarks measure: best of several, interleaved, so that a busy machine harms both sides alike."""

import json
import operator
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parent.parent

_COMPARE = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, "=": operator.eq}


@dataclass(frozen=True)
class Figure:
    """One measured number beside its target, such as ``"<= 4"``; an empty target is for information."""

    name: str
    value: float | bool
    target: str = ""
    unit: str = ""
    detail: str = ""

    @property
    def met(self) -> bool | None:
        if not self.target:
            return None
        sign, bound = self.target.split()
        return bool(_COMPARE[sign](self.value, {"yes": True}.get(bound) or float(bound)))

    @property
    def shown(self) -> str:
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        return f"{self.value:.3g} {self.unit}".rstrip()


def best_of(repeats, *functions, run=1):
    """Least seconds and last result of each function, in ``repeats`` turns of ``run`` calls in a row."""
    seconds, results = [float("inf")] * len(functions), [None] * len(functions)
    for _ in range(repeats):
        for i, function in chain.from_iterable([pair] * run for pair in enumerate(functions)):
            start = time.perf_counter()
            results[i] = function()
            seconds[i] = min(seconds[i], time.perf_counter() - start)
    return list(zip(seconds, results, strict=True))


def child(code, *arguments, **environment):
    """Wall seconds of a fresh interpreter that runs ``code``, and the JSON it printed last (None without any)."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, **environment}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    seconds = time.perf_counter() - start
    return seconds, json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None
