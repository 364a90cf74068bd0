"""What README.md shows is what the package prints."""

import contextlib
import io
import re
from importlib import resources
from pathlib import Path

import pytest

from gmoe.cli import main

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language):
    return re.search(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)[1]


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


def test_python_example():
    printed, namespace = io.StringIO(), {}
    with contextlib.redirect_stdout(printed):
        exec(block("python"), namespace)
    shown, found = block("text"), printed.getvalue()
    assert numbers(shown)[0] == pytest.approx(namespace["fitted"].log_likelihood_, abs=5.1e-5)  # four decimals shown
    # Half a unit of the coarsest rounding shown, twice.
    assert numbers(found) == pytest.approx(numbers(shown), abs=0.011)
    pytest.importorskip("matplotlib").use("Agg")
    exec(block("py"), namespace)
    import matplotlib.pyplot as plt

    assert len(plt.get_fignums()) == 2
    plt.close("all")


def test_command_line_example(monkeypatch, capsys):
    command, shown = block("console").split("\n", 1)
    with resources.as_file(resources.files("gmoe.datasets").joinpath("data")) as folder:
        monkeypatch.chdir(folder)
        assert main(command.removeprefix("$ gmoe ").split()) == 0
    found = capsys.readouterr().out
    # Down to the certificate: what follows counts iterations, which differ between processors.
    shown, found = (text.partition("\ncertificate: converged")[0] for text in (shown, found))
    assert numbers(found) == pytest.approx(numbers(shown), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", TEXT))
def test_links_lead_somewhere(link):
    assert (ROOT / link).is_file()


def test_the_changelog_names_pages_and_does_not_link_them():
    """It is a page of the documentation too, where paths from the root lead nowhere."""
    assert "](docs/" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
