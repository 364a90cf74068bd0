"""Command lines of legal, odd and broken words: an exit code that is documented, and one line for every error."""

import gzip
import json
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from gmoe.cli import main
from gmoe.study import Study, run
from trust._run import captured, need
from trust.tomls import TEXT

CODES = (0, 1, 2, 3, 130)
ODD = (
    "", "-", "--", "nan", "inf", "-1", "0", "1e400", "9" * 40, "\x1b[31m", "..", "/", "/dev/null", "y", "x", "\udcff",
    "topk:n_active=99", "tree:tree=" + "(" * 2000, "softmax:", "a=b", "é", " ", "*", "student:df=-1", "groups:sizes=0",
)  # fmt: skip


def case(rng: np.random.Generator) -> tuple[str, int]:
    """Run a command line in this process, in a folder of files of every kind."""
    home = Path(tempfile.mkdtemp(prefix="gmoe-trust-"))
    before = Path.cwd()
    try:
        _furnish(home, rng)
        os.chdir(home)
        words = _words(rng)
        with captured() as (out, err):
            code = main(words)
        _check(words, code, out.getvalue(), err.getvalue())
        return words[0] if words else "", 1
    finally:
        os.chdir(before)
        shutil.rmtree(home)


def _check(words, code, out, err) -> None:
    said = f"{words!r}: code {code}, {err[:300]!r}"
    need(code in CODES, said)
    need("Traceback" not in err and "\x1b" not in out + err, said)
    lines = err.splitlines()
    need(all(line.startswith("gmoe: ") for line in lines), said)
    if code == 2:
        need(len(lines) == 1 and lines[0].startswith("gmoe: error: ") and not out, said)
    if code == 0 and "--json" in words and "--help" not in words and "-h" not in words:
        json.loads(out, parse_constant=lambda text: need(False, f"{text} in JSON: {words!r}"))


def _words(rng) -> list[str]:
    words = [str(rng.choice(["fit", "rates"], p=[0.6, 0.4]))]
    words += _fit(rng) if words[0] == "fit" else _rates(rng)
    for _ in range(rng.poisson(0.6)):
        place = int(rng.integers(len(words) + 1))
        change = rng.integers(4)
        if change == 0:
            words.insert(place, str(rng.choice(ODD)))
        elif change == 1 and len(words) > 1:
            words.pop(min(place, len(words) - 1))
        elif change == 2:
            words[min(place, len(words) - 1)] = str(rng.choice(ODD))
        else:
            words.append(str(rng.choice(["--help", "--json", "--out", "--experts", "--version", "-h", "--y"])))
    return words


def _fit(rng) -> list[str]:
    words = [str(rng.choice(FILES)), "--y", str(rng.choice(["y", "x", "z z", "nothing"], p=[0.8, 0.1, 0.05, 0.05]))]
    every = {
        "--x": ["x", "t"], "--experts": ["1", "2", "3", "50"], "--gate": ["softmax", "topk", "laplace", "no", "tanh"],
        "--expert-family": ["student:df=3", "noise:low=0,high=1", "multivariate"], "--n-init": ["1", "2",
        "1000000000000"],
        "--solver": ["em", "mle", "gd"], "--max-iter": ["1", "20"], "--weights": ["t", "y"], "--random-state": ["1",
        "-1"],
        "--variance-ratio": ["0.5", "1", "2"], "--rows-per-parameter": ["0", "5"], "--schedule": ["2", "0"],
        "--jobs": ["1", "-1", "0"], "--out": ["o.csv", "a.csv", "no/o.csv", ".", "link"], "--sep": [";", "tab", "ab"],
        "--decimal": [",", "."], "--comment": ["", "%"], "--encoding": ["latin-1", "hex", "utf-7"],
        "--categories": ["c"], "--gate-features": ["x", "q"], "--expert-features": ["x"], "--thousands": [",", "nbsp"],
    }  # fmt: skip
    for option in rng.choice(list(every), rng.poisson(1.5)):
        words += [str(option), str(rng.choice(every[str(option)]))]
    return words + [flag for flag in ("--json", "--drop-missing", "--no-gate-features") if rng.random() < 0.2]


def _rates(rng) -> list[str]:
    command = str(rng.choice(["run", "resume", "status", "merge", "replay", "table", "plot", "report"]))
    folder = str(rng.choice(["done", "done", "empty", "broken", "none", "a.csv"]))
    words = [
        command,
        str(rng.choice(["study.toml", "a.csv", "none.toml"], p=[0.8, 0.1, 0.1])) if command == "run" else folder,
    ]
    every = {
        "run": {"--out": ["done", "new", "a.csv"], "--max-time": ["1e-9", "nan", "-1"], "--shard": ["1/2", "3/2",
        "0/0", "1"],
                "--target-mcse": ["0.5", "0"], "--engine": ["serial", "gpu"]},
        "replay": {"--n": ["40", "41", "x"], "--rep": ["0", "99", "-1"], "--protocol": ["mle", "no"]},
        "table": {"--loss": ["over", "no"], "--min-size": ["41", "1000000"], "--confidence": ["0.9", "1", "2"]},
        "plot": {"--out": ["p.svg", "p.gif", "no/p.png", "link.svg"], "--statistic": ["mean", "mode"]},
        "report": {"--out": ["r.html", "no/r.html", "link"], "--confidence": ["0.5", "nan"]},
        "merge": {"--into": ["new", "done", "a.csv"]},
    }.get(command, {})  # fmt: skip
    given = list(every) if command in ("replay", "merge") else list(every)[: rng.integers(len(every) + 1)]
    for option in given:
        words += [option, str(rng.choice(every[option]))]
    words += ["--jobs", "1"] if command in ("run", "resume") else []
    parts = ["levels", "kept", "decay", "certificates", "failures", "fits"]
    return ["rates", *words, *([str(rng.choice(parts))] if command == "table" and rng.random() < 0.5 else [])][1:]


FILES = (
    "a.csv", "a.csv", "a.csv", "a.csv", "semicolons.csv", "missing.csv", "text.csv", "empty.csv", "header.csv",
    "bytes.csv",
    "packed.csv.gz", "escape.csv", "ragged.csv", "huge.csv", "-", "none.csv", "done", "nul.csv", "link",
)  # fmt: skip


def _furnish(home: Path, rng) -> None:
    n = int(rng.integers(8, 40))
    x, t = rng.normal(size=n), rng.integers(0, 5, n)
    y = 2 * x + rng.normal(size=n)
    rows = [f"{a!r},{b!r},{c},{'uvw'[c % 3]},7" for a, b, c in zip(y.tolist(), x.tolist(), t.tolist(), strict=True)]
    table = "\n".join(["y,x,t,c,z z", *rows, ""])
    texts = {
        "a.csv": table, "semicolons.csv": table.replace(",", ";").replace(".", ","), "empty.csv": "",
        "header.csv": "y,x\n",
        "missing.csv": table.replace("7", "NA", 3), "text.csv": table.replace("7", "seven"),
        "escape.csv": table.replace("x", "\x1b[31mx\x07"), "ragged.csv": table + "1,2\n",
        "huge.csv": table.replace("7", "1e308"),
        "nul.csv": table.replace("7", "\0"), "study.toml": TEXT,
    }  # fmt: skip
    for name, text in texts.items():
        (home / name).write_text(text, encoding="utf-8")
    (home / "bytes.csv").write_bytes(rng.bytes(300))
    (home / "packed.csv.gz").write_bytes(gzip.compress(table.encode())[: int(rng.choice([-1, 10**6]))])
    (home / "empty").mkdir()
    shutil.copytree(_study(), home / "done")
    shutil.copytree(_study(), home / "broken")
    (home / "broken" / "manifest.json").write_bytes(rng.bytes(50))
    (home / "link").symlink_to("a.csv")
    (home / "link.svg").symlink_to("a.csv")


@cache
def _study() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="gmoe-trust-")) / "done"
    run(Study.from_toml(TEXT), folder, engine="serial")
    return folder
