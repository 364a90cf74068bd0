"""Ctrl-C on the command line: code 130 and one line, whenever it comes and however often."""

import os
import signal
import subprocess
import sys
import time

import pytest

from gmoe import _files, _interrupt

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture(autouse=True)
def in_the_foreground():
    """In the background of a shell Ctrl-C is ignored, which processes inherit: the suite may run there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before or signal.SIG_DFL)


# Interrupts itself as soon as a module of that name is looked for.
WATCH = """
import os, signal, sys
module, sys.argv[1:] = sys.argv[1], sys.argv[2:]
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Watch())
from gmoe.__main__ import main
raise SystemExit(main())
"""


@pytest.mark.parametrize("module", ["numpy", "scipy", "gmoe.kernels", "gmoe.cli.fit"])
def test_while_modules_load(module):
    done = subprocess.run([sys.executable, "-c", WATCH, module, "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "gmoe: error: interrupted\n")


def test_importing_the_package_loads_nothing_else():
    code = "import gmoe.__main__, sys; assert 'numpy' not in sys.modules; print(gmoe.__main__.main)"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


LONG = """
name = "long"
seed = 1
replications = 3000
sizes = [5000]
truth = "softmax_paper"
[[protocol]]
kind = "mle"
"""


@pytest.mark.parametrize("times", [1, 2])
def test_a_run_with_workers(tmp_path, times):
    """All processes of the terminal hear it, and the workers stay silent."""
    pytest.importorskip("pyarrow")
    (tmp_path / "s.toml").write_text(LONG)
    command = [sys.executable, "-m", "gmoe", "rates", "run", "s.toml", "--jobs", "2"]
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (tmp_path / "s-results" / "manifest.json").exists():
        time.sleep(0.01)
    time.sleep(0.2)  # the workers are starting
    for _ in range(times):
        os.killpg(run.pid, signal.SIGINT)
        time.sleep(0.02)
    said = run.communicate()[1]
    assert run.returncode == 130
    assert said.startswith(("gmoe: interrupted: what is finished is saved", "gmoe: error: interrupted"))
    # At the second one Python's own tracker of semaphores may add that it cleans up after us.
    assert "Traceback" not in said and (times == 2 or said.count("\n") == 1)


def test_the_first_lets_work_be_saved():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), _interrupt.saving(signal.SIGINT):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        finally:
            assert signal.getsignal(signal.SIGINT) is _interrupt.leave  # a second one ends at once
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_that_a_library_makes_of_an_interrupt_is_one():
    with pytest.raises(KeyboardInterrupt), _interrupt.saving(signal.SIGINT):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        except KeyboardInterrupt:
            raise ImportError("numpy could not be loaded") from None
    with pytest.raises(ImportError), _interrupt.saving(signal.SIGINT):
        raise ImportError("no interrupt")


def test_leaving_removes_what_is_half_written(tmp_path, monkeypatch):
    ended = []
    monkeypatch.setattr(_interrupt.os, "_exit", ended.append)
    monkeypatch.setattr(_interrupt.os, "write", lambda *_: None)
    aside = _files.Aside(tmp_path / "file")
    assert list(tmp_path.iterdir()) == [aside.path]
    _interrupt.leave()
    assert ended == [130] and not list(tmp_path.iterdir())
