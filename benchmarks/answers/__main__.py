"""Run one line: ``python -m benchmarks.answers LINE [--count N] [--jobs 2]``."""

import argparse
import os
from importlib import import_module

# Before NumPy is imported, and for the workers too.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

from benchmarks.answers import _run  # noqa: E402

LINES = ("penguins", "simulated", "predictions", "probes", "bent", "few_rows")


def main():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.answers", description=import_module(__package__).__doc__
    )
    parser.add_argument("line", choices=LINES)
    parser.add_argument("--count", type=int, help="seeds, data sets (bent: of each gate), rounds or repeats")
    parser.add_argument("--jobs", type=int, default=2, help="processes, of one thread each (few_rows takes one)")
    parser.add_argument("--only", type=int, nargs="+", metavar="NUMBER", help="these data sets alone, in place of all")
    parser.add_argument("--n-init", type=int, help="starts of a fit; the default of gmoe without it")
    parser.add_argument("--gmoe", metavar="FOLDER", help="measure the package in another checkout")
    parser.add_argument("--against", metavar="FOLDER", help="few_rows: an older checkout to compare the time with")
    options = parser.parse_args()
    _run.use(options.gmoe)
    module = import_module(f"benchmarks.answers.{options.line}")
    options.count = options.count or module.COUNT
    print(f"{options.line}: {module.__doc__.splitlines()[0]}", flush=True)
    module.run(options)


if __name__ == "__main__":
    main()
