"""``gmoe doctor``: what is installed, where compiled code is kept, and how fast a fit is."""

import argparse
import importlib.metadata
import json
import os
import platform
import sys

import joblib
from threadpoolctl import threadpool_info

from gmoe import __version__
from gmoe._cache import base_folder, own_folders
from gmoe._jit import cache_folder, clear_cache
from gmoe.cli._messages import say
from gmoe.cli._probe import probe

HELP = "report versions, threads, the cache and compile times"
DESCRIPTION = "Report versions, threads, where compiled code is kept, and what the first fits of a process cost."
PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "numba",
    "llvmlite",
    "joblib",
    "threadpoolctl",
    "matplotlib",
    "pandas",
    "formulaic",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``gmoe doctor``."""
    parser.add_argument("--clear-cache", action="store_true", help="remove gmoe's compiled code, and do nothing else")
    parser.add_argument("--cold", action="store_true", help="time a process with an empty cache too (10 to 20 s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the report; code 1 where a fit fails in a fresh process."""
    if arguments.clear_cache:
        return _clear(arguments.json)
    report = {"versions": _versions(), "threads": _threads(), "cache": _cache(), "warm": probe(cold=False)}
    if arguments.cold:
        report["cold"] = probe(cold=True)
    if arguments.json:
        say(json.dumps(report, indent=2))
    else:
        for section, values in report.items():
            say(section)
            for name, value in values.items():
                say(f"  {name:<28}{'none' if value is None else value}")
    return 1 if any("error" in values for values in report.values()) else 0


def _clear(as_json):
    base, removed = _text(base_folder()), clear_cache()
    say(json.dumps({"base": base, "bytes_removed": removed}) if as_json else f"{removed} bytes removed from {base}")
    return 0


def _versions():
    versions = {"gmoe": __version__, "Python": platform.python_version(), "platform": platform.platform()}
    return versions | {package: _version(package) for package in PACKAGES}


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _threads():
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pools = {f"{pool['user_api']} ({pool['internal_api']})": pool["num_threads"] for pool in threadpool_info()}
    return {"cores": os.cpu_count(), "usable by this process": usable, "joblib": joblib.cpu_count()} | {
        f"threads of {name}": count for name, count in pools.items()
    }


def _cache():
    base = base_folder()
    folders = own_folders()
    files = [file for folder in folders for file in folder.glob("*.nbc")]
    current = cache_folder()
    return {
        "base": _text(base),
        "writable": base is not None,
        "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR"),
        "folder of this version": _text(current),
        "compiled kernels": len([file for file in files if file.parent == current]),
        "bytes, all versions": sum(file.stat().st_size for file in files),
        "JIT disabled": os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"),
        "interpreter": sys.executable,
    }


def _text(path):
    return None if path is None else str(path)
