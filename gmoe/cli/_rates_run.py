"""``gmoe rates run``, ``resume``, ``status``, ``merge`` and ``replay``: what works on results folders."""

import argparse
import os
import shlex
import signal
from pathlib import Path
from typing import Any

from gmoe._interrupt import INTERRUPTED, saving
from gmoe.cli._messages import UsageError, WorkError, say, tell
from gmoe.cli._options import jobs
from gmoe.cli._progress import ProgressBar, clock

FAILED = 3


def add_run(commands: Any) -> None:
    """Declare ``run``, ``resume``, ``status``, ``merge`` and ``replay``."""
    parser = commands.add_parser("run", help="run a study, or what is missing of it")
    parser.add_argument("study", help="TOML file that describes it")
    parser.add_argument("--out", metavar="DIR", help="folder of the results (default: the file's name and -results)")
    _add_options(parser)
    parser.set_defaults(run=run)

    parser = commands.add_parser("resume", help="complete a results folder; needs no TOML file")
    parser.add_argument("folder", help="folder of the results")
    _add_options(parser)
    parser.set_defaults(run=resume)

    parser = commands.add_parser("status", help="count what is done, failed and missing")
    parser.add_argument("folder", help="folder of the results")
    parser.set_defaults(run=status)

    parser = commands.add_parser("merge", help="bring the folders of shards together")
    parser.add_argument("folders", nargs="+", help="folders of results of one study")
    parser.add_argument("--into", required=True, metavar="DIR", help="folder to collect them in")
    parser.set_defaults(run=merge)

    parser = commands.add_parser("replay", help="run one replication again and show its fit, or its error")
    parser.add_argument("folder", help="folder of the results")
    parser.add_argument("--protocol", metavar="NAME", help="protocol (default: the first one)")
    parser.add_argument("--n", type=int, required=True, metavar="N", help="size")
    parser.add_argument("--rep", type=int, required=True, metavar="R", help="number of the replication, from 0")
    parser.set_defaults(run=replay)


def _add_options(parser) -> None:
    parser.add_argument("--jobs", type=jobs, default=-1, metavar="N", help="worker processes (default: one per core)")
    parser.add_argument("--engine", choices=("joblib", "serial", "dask"), default="joblib", help="(default: joblib)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="address of a dask scheduler, for --engine dask")
    parser.add_argument("--shard", type=_shard, metavar="I/N", help="the I-th of N parts, for job arrays")
    parser.add_argument("--max-time", type=float, metavar="SECONDS", help="begin no batch after so many seconds")
    parser.add_argument(
        "--target-mcse",
        type=float,
        metavar="SHARE",
        help="end a size when every mean loss has a Monte Carlo standard error below this share of it",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run a study; return the exit code."""
    from gmoe.study import Study

    file = Path(arguments.study)
    if not file.is_file():
        raise UsageError(f"there is no file {file}; give the TOML file of a study")
    folder = Path(arguments.out) if arguments.out else file.with_name(file.stem + "-results")
    return execute(Study.from_toml(file), folder, arguments)


def resume(arguments: argparse.Namespace) -> int:
    """Complete a results folder; return the exit code."""
    from gmoe.study import load_study

    return execute(load_study(arguments.folder), Path(arguments.folder), arguments)


def execute(study: Any, folder: Path, arguments: argparse.Namespace) -> int:
    """Run with a progress bar, and say how it ended."""
    from gmoe.study import run

    _make(folder, "--out")
    bar = ProgressBar()
    try:
        # Batch systems announce the end of the time by SIGTERM.
        with saving(signal.SIGINT, signal.SIGTERM):
            outcome = run(
                study,
                folder,
                n_jobs=arguments.jobs,
                engine=arguments.engine,
                scheduler=arguments.scheduler,
                shard=arguments.shard,
                max_time=arguments.max_time,
                target_mcse=arguments.target_mcse,
                progress=bar,
            )
    finally:
        bar.close()
    if outcome.n_quarantined:
        tell("warning", f"{outcome.n_quarantined} damaged files were moved to {folder / 'quarantine'}")
    say(f"{study.name}: {outcome.n_done} fits in {folder}, {outcome.n_failed} failed, {outcome.n_missing} to do")
    if outcome.interrupted:
        tell("interrupted", f"what is finished is saved; to go on: gmoe rates resume {_again(folder, arguments)}")
        return INTERRUPTED
    if outcome.n_failed:
        tell("warning", f"{outcome.n_failed} replications failed: gmoe rates table {_quoted(folder)} failures")
        return FAILED
    return 0


def _make(folder: Path, option: str) -> None:
    """Make a folder for results before the work for them, or raise with the option that named it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {error.strerror}; give another one to {option}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write into the folder {folder}; give another one to {option}")


def status(arguments: argparse.Namespace) -> int:
    """Print the counts; 3 as the exit code where replications failed."""
    from gmoe.study import status

    found = status(arguments.folder)
    say(f"{found.study}: {found.n_done} of {found.n_total} fits done, {found.n_failed} failed, {found.n_missing} to do")
    say(f"  {clock(found.seconds)} of computing time, {found.n_damaged} damaged files")
    if found.n_missing or found.n_damaged:
        say(f"  to go on: gmoe rates resume {_quoted(arguments.folder)}")
    return FAILED if found.n_failed else 0


def merge(arguments: argparse.Namespace) -> int:
    """Merge folders; return the exit code."""
    from gmoe.study import merge

    for folder in arguments.folders:
        if not Path(folder).is_dir():
            raise UsageError(f"there is no folder {folder}; give folders of results")
    _make(Path(arguments.into), "--into")
    found = merge(arguments.folders, arguments.into)
    say(f"{found.study}: {found.n_done} of {found.n_total} fits in {arguments.into}, {found.n_missing} to do")
    return FAILED if found.n_failed else 0


def replay(arguments: argparse.Namespace) -> int:
    """Run a replication again; return the exit code."""
    from gmoe.study import StudyError, load_study, replay

    study = load_study(arguments.folder)
    protocol = arguments.protocol or study.protocols[0].name
    study.protocol(protocol)
    try:
        found = replay(arguments.folder, protocol, arguments.n, arguments.rep)
    except StudyError as error:
        raise UsageError(str(error)) from error
    except Exception as error:  # what the replication itself raised is what was asked for
        raise WorkError(f"the replication fails: {type(error).__name__}: {error}") from error
    fitted = found.fitted
    say(f"{study.name}: {protocol}, n = {arguments.n}, replication {arguments.rep}")
    say(f"  {fitted.status}, {'certified' if fitted.certified else 'not certified'}")
    say(f"  log-likelihood {fitted.log_likelihood:.6f}, largest average gradient {fitted.gradient:.1e}")
    say(f"  {fitted.n_agreeing} of {fitted.n_starts} starts agree; {fitted.n_iter} iterations")
    for name, value in found.losses.items():
        say(f"  loss {name} = {value:.10g}")
    for name, array in fitted.model.parameters.arrays.items():
        say(f"  {name} = {array.tolist()}")
    return 0


def _shard(text: str) -> tuple[int, int]:
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no shard; give I/N, such as 3/50")
    return int(number), int(count)


def _again(folder, arguments) -> str:
    """Arguments with which to go on: all but the time limit."""
    words = [str(folder)]
    words += ["--jobs", str(arguments.jobs)] if arguments.jobs != -1 else []
    words += ["--engine", arguments.engine] if arguments.engine != "joblib" else []
    words += ["--scheduler", arguments.scheduler] if arguments.scheduler else []
    words += ["--shard", "{}/{}".format(*arguments.shard)] if arguments.shard else []
    words += ["--target-mcse", f"{arguments.target_mcse:g}"] if arguments.target_mcse else []
    return shlex.join(words)


def _quoted(folder) -> str:
    return shlex.quote(str(folder))
