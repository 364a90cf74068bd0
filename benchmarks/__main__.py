"""Run the benchmarks, all or the named ones, and set each figure beside its target."""

import argparse
import json
import os
from importlib import import_module
from pathlib import Path

# Before NumPy is imported, by a benchmark: one thread everywhere but in the benchmark of threads.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

NAMES = ("score", "gates", "fit", "default", "growth", "em", "threads", "memory", "start", "losses", "rates", "study")
# Ten minutes and more each: only by name.
LONG = ("published", "select")
FOLDER = Path(__file__).parent
HEAD = ["# Results of one run", "", "`make bench ARGS=--save`; one thread, all ratios taken within the run.", ""]


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="name",
        help=f"any of {', '.join(NAMES + LONG)}; all but {' and '.join(LONG)} by default",
    )
    parser.add_argument("--save", action="store_true", help="write the table to benchmarks/results.md as well")
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES + LONG)
    if unknown:
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; known: {', '.join(NAMES + LONG)}")
    figures = {}
    for name in options.names or NAMES:
        module = import_module(f"benchmarks.{name}")
        print(f"{name}: {module.__doc__.splitlines()[0]}", flush=True)
        figures[name] = []
        for figure in module.run():
            figures[name].append(figure)
            print(f"  {_mark(figure):7} {figure.name}: {figure.shown}   {figure.target}   {figure.detail}", flush=True)
    lines = table(figures)
    print("", *lines, sep="\n")
    content = {name: [vars(f) | {"met": f.met} for f in found] for name, found in figures.items()}
    (FOLDER / "results.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    if options.save:
        if "growth" in figures:
            import_module("benchmarks.growth").draw(figures["growth"])
        # Without the last column, which is about the machine.
        lines = [line.rsplit("|", 2)[0] + "|" for line in lines]
        (FOLDER / "results.md").write_text("\n".join([*HEAD, *lines, ""]), encoding="utf-8")


def table(figures):
    """Lines of a Markdown table."""
    lines = ["| benchmark | figure | value | target | | |", "|---|---|---|---|---|---|"]
    for name, found in figures.items():
        lines += [f"| {name} | {f.name} | {f.shown} | {f.target} | {_mark(f)} | {f.detail} |" for f in found]
    return lines


def _mark(figure):
    return {None: "", True: "met", False: "NOT MET"}[figure.met]


if __name__ == "__main__":
    main()
