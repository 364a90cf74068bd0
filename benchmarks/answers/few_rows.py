"""Few rows: many experts on few rows take seconds, or are refused.

Ten and thirty experts on 60 rows, and four on 2000 rows of 8 features. With ``--against FOLDER`` the package of that
checkout fits the same in turn; the ratio is of processor time, which a busy machine changes less.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import gmoe
from benchmarks.answers._run import close, table

COUNT = 1
# Name, arguments of the timed fit, and the most seconds.
CASES = [
    ("60 rows, k = 10", ("few", 10), 10.0),
    ("60 rows, k = 30", ("few", 30), 60.0),
    ("2000 rows, 8 features, k = 4", ("features", 4), None),
]
# A fit that takes longer has failed.
LONGEST = 900.0


def timed(folder, arguments):
    """Seconds of the clock and of the processor, and the words, of one fit by the package in a folder."""
    script = Path(__file__).with_name("_few_rows_fit.py")
    # -P: without it the script's own folder, full of names of lines, would come first.
    command = [sys.executable, "-P", str(script), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.path.abspath(folder)}
    try:
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return np.inf, np.inf, "given up"
    except subprocess.CalledProcessError as error:
        return np.inf, np.inf, f"error: {error.stderr.strip().splitlines()[-1]}"
    seconds, cpu, words = done.stdout.strip().splitlines()[-1].split(" ", 2)
    return float(seconds), float(cpu), words


def run(options):
    """Time, print: best of the repeats, in turn with those of the other checkout."""
    own = Path(gmoe.__file__).parent.parent
    folders = [own] + ([options.against] if options.against else [])
    rows, met = [], []
    for i, (name, arguments, bar) in enumerate(CASES):
        if options.only and i not in options.only:
            continue
        runs = [[timed(folder, arguments) for folder in folders] for _ in range(options.count)]
        best = [min(run[j] for run in runs) for j in range(len(folders))]
        seconds, cpu, words = best[0]
        # A refusal has a time as well, and it is short.
        good = bar is None or (seconds <= bar and not words.startswith("error"))
        met.append(good and np.isfinite(seconds))
        row = [name, f"{seconds:.2f}", "" if bar is None else f"{bar:.0f}", words]
        if options.against:
            other, other_cpu, other_words = best[1]
            row += [f"{other:.2f}", f"{cpu / other_cpu:.2f}", other_words]
        rows.append(row)
        print(f"  {name}: {seconds:.2f} s", file=sys.stderr, flush=True)
    table(["fit", "s", "bar", "end"] + (["other s", "ratio", "other end"] if options.against else []), rows)
    close("few_rows", f"{sum(met)} of {len(met)} within their time", "all", all(met))
