"""Compiled code on disk: every trouble with the cache ends in a working, at worst slower, run.

The tests run, in processes of their own, a package of one kernel and one helper around the real
``_jit.py`` and ``_cache.py``, so that they do not depend on what the real kernels cost to compile.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gmoe

HELPER = """
from gmoe._jit import elementary

@elementary
def helper(x):
    return 2.0 * x
"""

KERNEL = """
from gmoe._jit import kernel
from gmoe.kernels.helper import helper

@kernel
def total(values):
    result = 0.0
    for i in range(values.size):
        result += helper(values[i])
    return result
"""

# Prints the folder, the number of cache misses, the answer, then one line per warning.
RUN = """
import warnings
import numpy as np
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from gmoe._jit import cache_folder
    from gmoe.kernels.total import total
    answer = total(np.arange(5.0))
    print(cache_folder(), sum(getattr(total, "_cache_misses", {}).values()), answer, sep="\\n")
for warning in caught:
    print(f"{warning.category.__name__}: {warning.message}")
"""


class Sandbox:
    """A small package in a folder of its own, with a home and a temporary folder of its own."""

    def __init__(self, root):
        self.package, self.home, self.tmp = root / "lib" / "gmoe", root / "home", root / "tmp"
        (self.package / "kernels").mkdir(parents=True)
        self.home.mkdir()
        self.tmp.mkdir()
        for name in ("_jit.py", "_cache.py"):
            shutil.copy(Path(gmoe.__file__).parent / name, self.package)
        for name, text in {
            "__init__": "",
            "_arrays": "",
            "kernels/__init__": "",
            "kernels/helper": HELPER,
            "kernels/total": KERNEL,
        }.items():
            (self.package / f"{name}.py").write_text(text)

    def start(self, code=RUN, *, before="", **variables):
        """Start a process; ``before`` is a shell command that runs first, in its own mounts."""
        cleared = ("NUMBA_", "XDG_", "COVERAGE_", "PYTHON")
        env = {k: v for k, v in os.environ.items() if not k.startswith(cleared)}
        env |= {
            "PYTHONPATH": str(self.package.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self.home),
            "TMPDIR": str(self.tmp),
        }
        env |= {name: str(value) for name, value in variables.items()}
        command = [sys.executable, "-c", code]
        if before:
            command = ["unshare", "-m", "sh", "-ec", f'{before}; exec "$@"', "sh", *command]
        return subprocess.Popen(
            command,
            env=env,
            cwd=self.package.parent,  # first on the path of python -c
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, **kwargs):
        """Run to the end; check the answer and return (folder, misses, warnings)."""
        return self.finish(self.start(**kwargs))

    def finish(self, process, answer=20.0):
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert err == ""
        folder, misses, result, *warned = out.splitlines()
        assert float(result) == answer
        return (None if folder == "None" else Path(folder)), int(misses), warned

    @property
    def user_cache(self):
        if sys.platform == "darwin":
            return self.home / "Library" / "Caches" / "gmoe"
        return self.home / ".cache" / "gmoe"


@pytest.fixture
def sandbox(tmp_path):
    return Sandbox(tmp_path)


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def snapshot(folder):
    return {path: path.read_bytes() for path in files(folder)}


def can_mount():
    if not shutil.which("unshare"):
        return False
    done = subprocess.run(["unshare", "-m", "sh", "-c", "mount --bind / /mnt"], capture_output=True)
    return done.returncode == 0


def read_only(*folders):
    """A shell command that makes folders read-only, for root too, which ignores file modes."""
    return "; ".join(f"mount --bind {f} {f}; mount -o remount,bind,ro {f}" for f in folders)


needs_mounts = pytest.mark.skipif(
    not can_mount(), reason="read-only mounts need root and unshare; the next test goes without"
)


def test_a_warm_run_compiles_nothing_and_adds_no_files(sandbox):
    folder, misses, warned = sandbox.run()
    assert (folder.parent, misses, warned) == (sandbox.user_cache, 1, [])
    before = snapshot(sandbox.home)
    assert len(before) == 2  # the kernel, and the helper by itself
    assert sandbox.run() == (folder, 0, [])
    assert snapshot(sandbox.home) == before
    assert files(sandbox.package.parent) == files(sandbox.package)
    assert not [path for path in files(sandbox.package) if path.suffix != ".py"]
    assert files(sandbox.tmp) == []


def cut(data):
    return data[: len(data) // 2]


def emptied(data):
    return b""


def zeroed_page(data):
    """What a power failure leaves: the right length, with a hole in the machine code."""
    middle = len(data) // 2
    return data[:middle] + bytes(512) + data[middle + 512 :]


def garbage(data):
    return np.random.default_rng(0).bytes(len(data))


@pytest.mark.parametrize("damage", [cut, emptied, zeroed_page, garbage])
def test_a_damaged_file_is_compiled_anew(sandbox, damage):
    folder, _, _ = sandbox.run()
    for path in files(folder):
        path.write_bytes(damage(path.read_bytes()))
    assert sandbox.run() == (folder, 1, [])
    assert sandbox.run() == (folder, 0, [])  # and repaired


def test_an_impossible_requested_folder_is_replaced_with_one_warning(sandbox):
    blocked = sandbox.tmp / "file"
    blocked.touch()
    folder, misses, warned = sandbox.run(NUMBA_CACHE_DIR=blocked / "below")
    assert (folder.parent, misses) == (sandbox.user_cache, 1)
    assert len(warned) == 1
    assert str(blocked) in warned[0] and "Set NUMBA_CACHE_DIR" in warned[0]
    assert sandbox.run(NUMBA_CACHE_DIR=blocked / "below")[1] == 0


def test_a_requested_folder_is_used_and_cleared_without_touching_others(sandbox):
    requested = sandbox.tmp / "requested"
    folder, _, warned = sandbox.run(NUMBA_CACHE_DIR=requested)
    assert (folder.parent, warned) == (requested, [])
    assert files(sandbox.home) == []
    size = sum(map(len, snapshot(folder).values()))
    old, other = requested / "gmoe-0123456789abcdef", requested / "gmoe-of-a-neighbour"
    for path in (old, other):
        path.mkdir()
        (path / "file").write_bytes(bytes(100))
    code = "from gmoe._jit import clear_cache; print(clear_cache(), clear_cache())"
    process = sandbox.start(code, NUMBA_CACHE_DIR=requested)
    assert process.communicate()[0].split() == [str(size + 100), "0"]
    assert list(requested.iterdir()) == [other]


def test_other_packages_keep_their_cache_folder(sandbox):
    code = RUN + "import numba; assert numba.config.CACHE_DIR == ''"
    folder, _, _ = sandbox.finish(sandbox.start(code))
    assert folder.parent == sandbox.user_cache


def test_an_unusable_home_leads_to_a_private_temporary_folder(sandbox):
    sandbox.home.rmdir()
    sandbox.home.touch()
    folder, misses, warned = sandbox.run()
    assert (folder.parent.parent, misses, warned) == (sandbox.tmp, 1, [])
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert sandbox.run()[1] == 0
    # Open to others, anyone could have put code there.
    folder.parent.chmod(0o777)
    folder, misses, warned = sandbox.run()
    assert (folder, misses, len(warned)) == (None, 1, 1)


@needs_mounts
def test_read_only_package_and_home(sandbox):
    folder, misses, warned = sandbox.run(before=read_only(sandbox.package, sandbox.home))
    assert (folder.parent.parent, misses, warned) == (sandbox.tmp, 1, [])


@needs_mounts
def test_everything_read_only(sandbox):
    standard = [folder for folder in ("/tmp", "/var/tmp", "/usr/tmp") if Path(folder).is_dir()]
    folder, misses, warned = sandbox.run(before=read_only(sandbox.tmp.parent, *standard))
    assert (folder, misses, len(warned)) == (None, 1, 1)
    assert warned[0].startswith("RuntimeWarning: ") and "read-only" in warned[0].lower()


def test_no_folder_at_all_even_where_warnings_are_errors(sandbox):
    sandbox.home.rmdir()
    sandbox.home.touch()
    (sandbox.tmp / f"gmoe-cache-{os.getuid()}").symlink_to(sandbox.tmp)  # set as a trap
    folder, misses, warned = sandbox.run()
    assert (folder, misses, len(warned)) == (None, 1, 1)
    code = """
import numpy as np
from gmoe.kernels.total import total
print(None, 1, total(np.arange(5.0)), sep="\\n")
"""
    sandbox.finish(sandbox.start("import warnings; warnings.simplefilter('error')" + code))


@needs_mounts
def test_a_full_disk(sandbox):
    # Room to make folders, none for the code.
    before = f"mount -t tmpfs -o size=4k tmpfs {sandbox.home}"
    folder, misses, warned = sandbox.run(before=before)
    assert (folder.parent, misses, warned) == (sandbox.user_cache, 1, [])


def test_four_processes_at_once(sandbox):
    processes = [sandbox.start() for _ in range(4)]
    folders = {sandbox.finish(process)[0] for process in processes}
    assert len(folders) == 1
    assert not [path for path in files(sandbox.home) if path.suffix == ".tmp"]
    assert sandbox.run()[1] == 0


def test_argument_types_do_not_share_a_file(sandbox):
    code = RUN.replace("np.arange(5.0)", "np.arange(5.0, dtype=np.float32)")
    assert sandbox.finish(sandbox.start(code))[1] == 1
    assert sandbox.run()[1] == 1
    assert sandbox.finish(sandbox.start(code))[1] == 0
    assert sandbox.run()[1] == 0


def test_an_edited_helper_in_another_file_is_seen(sandbox):
    folder, _, _ = sandbox.run()
    (sandbox.package / "kernels" / "helper.py").write_text(HELPER.replace("2.0", "3.0"))
    edited, misses, _ = sandbox.finish(sandbox.start(), answer=30.0)
    assert edited.parent == folder.parent and edited != folder
    assert misses == 1


def test_without_compilation(sandbox):
    folder, misses, warned = sandbox.run(NUMBA_DISABLE_JIT=1)
    assert (misses, warned) == (0, [])
    assert files(sandbox.home) == []
    # An overflow is as silent as in compiled code.
    code = RUN.replace("np.arange(5.0)", "np.full(2, 1e308)")
    for compiled in ({}, {"NUMBA_DISABLE_JIT": 1}):
        assert sandbox.finish(sandbox.start(code, **compiled), answer=np.inf)[2] == []


def test_importing_writes_nothing_and_compiles_nothing(sandbox):
    code = """
import gmoe.kernels.helper, gmoe.kernels.total
print(*(len(each.overloads) for each in (gmoe.kernels.helper.helper, gmoe.kernels.total.total)))
"""
    assert sandbox.start(code).communicate()[0] == "0 0\n"
    assert [*sandbox.home.iterdir(), *sandbox.tmp.iterdir()] == []
