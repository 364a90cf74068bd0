"""Work in processes, and the closing line."""

import os
import sys
import time
from importlib import import_module

from joblib import Parallel, delayed


def use(folder):
    """Import gmoe from another checkout; the benchmarks stay those that run."""
    if folder and "gmoe" not in sys.modules:
        sys.path.insert(0, os.path.abspath(folder))
        import_module("gmoe")
        del sys.path[0]


def measured(line, tasks, options):
    """Results of ``measure(*task)`` of a line, in the order of the tasks."""
    if options.only:
        tasks = [tasks[i] for i in options.only if i < len(tasks)]
    settings = {} if options.n_init is None else {"n_init": options.n_init}
    # By name: a worker must have chosen its gmoe before the line's module imports one.
    calls = [delayed(_measure)(options.gmoe, line, task, settings) for task in tasks]
    results, begin = [], time.perf_counter()
    for result in Parallel(n_jobs=options.jobs, return_as="generator", batch_size=1)(calls):
        results.append(result)
        if len(results) * 10 // len(tasks) > (len(results) - 1) * 10 // len(tasks):
            seconds = time.perf_counter() - begin
            print(f"  {len(results)} of {len(tasks)}, {seconds:.0f} s", file=sys.stderr, flush=True)
    return results


def _measure(folder, line, task, settings):
    use(folder)
    return import_module(f"benchmarks.answers.{line}").measure(*task, **settings)


def table(head, rows):
    """Print columns of equal width."""
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def close(line, figure, bar, met):
    """The last line of a run."""
    print(f"{line}: {figure}; bar: {bar}: {'met' if met else 'NOT MET'}", flush=True)
