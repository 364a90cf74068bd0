"""``gmoe figures``: draw the papers' figures, in a checkout of the repository."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import gmoe
from gmoe._printable import LAYOUT, printable
from gmoe.cli._messages import UsageError, WorkError, say
from gmoe.cli._options import jobs
from gmoe.cli._rates_view import need_matplotlib
from gmoe.cli.rates import need_packages

HELP = "draw the papers' figures from the results in a checkout, or from small runs"
DESCRIPTION = """\
Draw the figures of the papers' simulations, all or the named ones: from the results in the repository, or with --quick
from small versions of the studies that they read, which are run first (minutes).
"""
CHECKOUT = Path(gmoe.__file__).resolve().parents[1]
# sims/run.py ends with 3 where some replications failed; the others can be drawn.
DONE = (0, 3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``gmoe figures``."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures, such as softmax (default: all)")
    parser.add_argument("--quick", action="store_true", help="run small versions of the studies, and draw those")
    parser.add_argument("--jobs", type=jobs, default=-1, metavar="N", help="processes of --quick (default: all cores)")
    parser.add_argument(
        "--out", metavar="DIR", help="folder of the figures (default: the repository's; with --quick figures-quick)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Draw; return the exit code."""
    scripts = _scripts()
    unknown = [name for name in arguments.names if name not in scripts]
    if unknown:
        raise UsageError(f"there is no figure {unknown[0]!r}; there are {', '.join(scripts)}")
    need_packages()
    need_matplotlib()
    chosen = [scripts[name] for name in arguments.names or scripts]
    if not arguments.quick:
        return _draw(chosen, [] if arguments.out is None else ["--out", str(Path(arguments.out).resolve())])
    with tempfile.TemporaryDirectory() as folder:
        results = str(Path(folder, "results"))
        studies = dict.fromkeys(study for script in chosen for study in _call(script, "--studies").stdout.split())
        options = ["--quick", "--results", results, "--jobs", str(arguments.jobs)]
        code = _call(CHECKOUT / "sims" / "run.py", *studies, *options, stdout=None, stderr=None).returncode
        if code not in DONE:
            raise WorkError(f"the simulations ended with code {code}, see above")
        out = Path(arguments.out or "figures-quick").resolve()
        return _draw(chosen, ["--results", results, "--out", str(out)])


def _scripts() -> dict[str, Path]:
    scripts = {file.stem: file for file in sorted((CHECKOUT / "paper_figs").glob("[!_]*.py"))}
    if not scripts or not (CHECKOUT / "sims" / "run.py").is_file():
        raise WorkError(
            "the figures' scripts and results are in the repository of gmoe, not in the installed package; "
            "run 'make figures' in a checkout of it"
        )
    return scripts


def _draw(scripts, options) -> int:
    """Draw what can be drawn; an error then names the rest."""
    failed = []
    for script in scripts:
        say(script.stem)
        done = _call(script, *options)
        say(done.stdout, end="")
        if done.returncode:
            failed.append((done.stderr.strip() or f"code {done.returncode}").splitlines()[-1])
        else:
            print(printable(done.stderr, LAYOUT), end="", file=sys.stderr)
    if failed:
        raise WorkError("; ".join(failed))
    return 0


def _call(script, *options, stdout=subprocess.PIPE, stderr=subprocess.PIPE):
    """Run a script with this gmoe, wherever it is run from."""
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, str(script), *options]
    return subprocess.run(command, stdout=stdout, stderr=stderr, text=True, env=os.environ | {"PYTHONPATH": path})
