"""docs/extend.md as a stranger uses it: files in a folder of their own, run by Python, and workers that find them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy

pytest.importorskip("pyarrow")

import gmoe
from gmoe import LocationScaleExperts, as_experts, as_gate
from gmoe.experts import _named as named_experts
from gmoe.experts import experts_text, register_experts
from gmoe.gates import _named as named_gates
from gmoe.gates import gate_text, register_gate, selections
from gmoe.part import Part, Size

ROOT = Path(gmoe.__file__).parents[1]
PAGE = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
# Each block begins with the name of its file.
FILES = {
    re.match(r"# (\S+)\n", text)[1]: text
    for text in re.findall(r"^```(?:python|toml)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("stranger")
    for name, text in FILES.items():
        (place / name).write_text(text, encoding="utf-8")
    return place


def python(folder, *arguments):
    """Run Python in the stranger's folder; what it printed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def parts(monkeypatch):
    """The page's modules, forgotten at the end."""
    monkeypatch.setattr(named_gates, "NAMED", named_gates.NAMED.copy())
    monkeypatch.setattr(named_experts, "NAMED", named_experts.NAMED.copy())
    monkeypatch.setattr(selections, "_REGISTRY", selections._REGISTRY.copy())
    made = {}
    for name in ("power_gate", "logistic_experts", "above_average"):
        monkeypatch.setitem(sys.modules, name, module := type(sys)(name))
        exec(FILES[f"{name}.py"], module.__dict__)
        made |= vars(module)
    return made


def test_fits_are_certified(folder):
    shown = python(folder, "fit.py")
    assert "LogisticExperts(): mixture of 2 experts, gate PowerGate(power=1.5)" in shown
    assert "certificate: converged" in shown and shown.rstrip().endswith("converged")
    # The page says so of the gate alone: the experts have formulas.
    (line,) = re.findall(r"^curvature by differences.*$", PAGE, re.MULTILINE)
    assert f"  {line}\n" in shown


def test_studies_with_two_workers(folder):
    python(folder, "run.py")
    check = """
import json, sys
from gmoe.study import Study, replay, run, table
found = {name: table(f"{name}-results") for name in ("parts", "rule")}
run("parts.toml", "again")
numbers = [c for c in found["parts"] if c != "seconds"]
again = replay("parts-results", "mle", 400, 1).losses["hellinger"]
print(json.dumps({
    "status": {name: frame["status"].tolist() for name, frame in found.items()},
    "errors": sum(((f["error"] != "").sum() for f in found.values()), 0).item(),
    "columns": [c for c in found["parts"] if c.startswith("param:")],
    "same": found["parts"][numbers].equals(table("again")[numbers]),
    "replayed": again == float(found["parts"]["loss:hellinger"].iloc[-1]),
    "import": Study.from_toml(__import__("pathlib").Path("parts.toml")).to_dict()["import"],
}))
"""
    found = json.loads(python(folder, "-c", check))
    assert found["errors"] == 0 and found["same"] and found["replayed"]
    assert found["import"] == ["power_gate", "logistic_experts"]
    # Both protocols' arrays, each with the names that its parts declare.
    ends = ["gate_intercept[{}]", "gate_location[{},0]", "intercept[{}]", "coef[{},0]", "scale[{}]", "variance[{}]"]
    assert sorted(found["columns"]) == sorted(f"param:{end.format(j)}" for end in ends for j in range(2))
    assert found["status"]["parts"][4:] == ["converged"] * 4 and found["status"]["rule"] == ["converged"] * 4
    runs = json.loads((folder / "parts-results" / "manifest.json").read_text())["runs"]
    assert runs[0]["n_jobs"] == 2 and len(list((folder / "parts-results" / "results").iterdir())) == 4


def test_the_gate_of_the_page(parts):
    gate, rng = as_gate("power:power=1.3"), np.random.default_rng(0)
    assert gate == parts["PowerGate"](1.3) and gate_text(gate) == "power:power=1.3" and not gate.has_exact_curvature
    own, x = rng.normal(size=(3, 3)), rng.uniform(-2, 2, (2, 50))
    step = 1e-6
    for t in range(3):
        ends = [gate.value(own + s * step * np.eye(3)[t], np.empty(0), x) for s in (1, -1)]
        # Rounding of numbers of size 10 over the step.
        np.testing.assert_allclose(
            gate.jacobian(own, np.empty(0), x)[:, t], (ends[0] - ends[1]) / (2 * step), atol=1e-8
        )
    assert gate.symmetry_of(Size(3, 2)).n_free == 8  # nine, and one number for all intercepts


def test_the_experts_of_the_page(parts):
    experts, rng = as_experts("logistic"), np.random.default_rng(0)
    assert experts == parts["LogisticExperts"]() and experts_text(experts) == "logistic"
    own, x, y = rng.normal(size=(3, 4)), rng.normal(size=(2, 40)), rng.normal(0.0, 3.0, (1, 40))
    location, scale = own[:, :1] + own[:, 1:3] @ x, np.exp(0.5 * own[:, 3:])
    expected = scipy.stats.logistic.logpdf(y, location, scale)
    np.testing.assert_allclose(experts.value(own, np.empty(0), x, y), expected, rtol=1e-12)
    weight = rng.random((3, 40))
    found = experts.curvature(own, np.empty(0), weight, x, y)
    assert experts.has_exact_curvature and isinstance(experts, LocationScaleExperts)
    differences = Part.curvature(experts, own, np.empty(0), weight, x, y)
    # Central differences with a step of 1e-5.
    np.testing.assert_allclose(found, differences, atol=1e-7 * np.abs(found).max())
    drawn = experts.draw(own, np.empty(0), np.zeros((2, 40_000)), np.zeros(40_000, dtype=int), rng)[0]
    spread = experts.covariance(own, np.empty(0), np.zeros((2, 1)))[0, 0, 0, 0]
    # Variance of a variance of kurtosis 4.2: five standard errors.
    assert abs(drawn.var() / spread - 1.0) < 5 * np.sqrt(3.2 / 40_000)


def test_names_are_registered_once(parts):
    for register, cls, other in (
        (register_gate, parts["PowerGate"], type(as_gate("laplace"))),
        (register_experts, parts["LogisticExperts"], type(as_experts("student"))),
    ):
        name = {register_gate: "power", register_experts: "logistic"}[register]
        assert register(name, cls) is cls
        with pytest.raises(ValueError, match=f"'{name}' already; give this one another name"):
            register(name, other)
        with pytest.raises(ValueError, match="must be letters, digits, '_' and '-', got 'a:b'"):
            register("a:b", cls)
        with pytest.raises(TypeError, match="Only a subclass of Base"):
            register("c", cls())
