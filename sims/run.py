"""Run the papers' simulations: ``python sims/run.py NAME ... [--quick]``.

Also what to copy for a simulation of your own: read a study, run what is missing of it, keep its results as one file.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import reference_studies

from gmoe.study import Study, merge, run

HERE = Path(__file__).resolve().parent
DESIGNS = {file.stem: file for file in sorted((HERE / "designs").glob("*.toml"))}
NAMES = (*DESIGNS, *reference_studies.NAMES)
QUICK = {"sizes": (200, 400, 800), "replications": 2}


def study_of(name: str) -> Study:
    """Study of a file in ``designs``, or of a theorem and a truth in ``reference_studies.py``."""
    return Study.from_toml(DESIGNS[name]) if name in DESIGNS else reference_studies.study_of(name)


def simulate(name: str, results: Path, work: Path, n_jobs: int = -1, quick: bool = False) -> bool:
    """Run one design; whether all of its fits are there and none failed.

    Parameters
    ----------
    name : str
        One of ``NAMES``.
    results : path
        Gets ``NAME/``, one Parquet file and a manifest, once the study is complete.
    work : path
        Gets ``NAME/``, the files of the workers. What is there already is not computed again.
    n_jobs : int
        Worker processes, -1 for one per core.
    quick : bool
        Three small sizes with two replications, to see that a design works.
    """
    study = study_of(name)
    if quick:
        study = replace(study, **QUICK)
    outcome = run(study, work / name, n_jobs=n_jobs, progress=lambda progress: show(name, progress))
    print(f"\r{name}: {outcome.n_done} fits, {outcome.n_failed} failed, {outcome.n_missing} missing", file=sys.stderr)
    if outcome.interrupted:
        sys.exit(130)
    if outcome.n_missing:
        return False
    merge([work / name], results / name)
    return outcome.n_failed == 0


def show(name, progress):
    """Print how far it is, over the last such line."""
    print(f"\r{name}: {progress.n_done} of {progress.n_total} fits ", end="", file=sys.stderr, flush=True)


def main(arguments=None) -> int:
    """Run the designs that the command line names."""
    parser = argparse.ArgumentParser(description="Run the papers' simulations.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(NAMES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="three small sizes with two replications")
    parser.add_argument("--jobs", type=int, default=-1, metavar="N", help="worker processes (default: one per core)")
    parser.add_argument("--results", type=Path, metavar="DIR", help="default: sims/results, with --quick sims/quick")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in NAMES]
    if unknown:
        parser.error(f"no design {unknown[0]!r}; there are {', '.join(NAMES)}")
    results = given.results or HERE / ("quick" if given.quick else "results")
    work = results.with_name(results.name + "-work")
    good = [simulate(name, results, work, given.jobs, given.quick) for name in given.names or NAMES]
    return 0 if all(good) else 3


if __name__ == "__main__":  # the workers import this file
    sys.exit(main())
