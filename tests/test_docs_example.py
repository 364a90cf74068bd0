"""What the documentation shows runs, and what it adds to the family keeps the family's contract."""

import doctest
import re
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, GMoE, Parameters, as_gate, list_activations
from gmoe.gates import activations, keys, selections

DOCS = Path(__file__).parents[1] / "docs"
GATES = (DOCS / "gates.md").read_text(encoding="utf-8")
FIRST, LAPLACE, ACTIVATION, ITS_USE, KEY, SELECTION = re.findall(
    r"^```python\n(.*?)^```", GATES, re.DOTALL | re.MULTILINE
)


@pytest.fixture
def family(monkeypatch):
    """Forget at the end what an example adds."""
    for module in (activations, keys, selections):
        monkeypatch.setattr(module, "_REGISTRY", module._REGISTRY.copy())


def run(code):
    module = types.ModuleType("example")
    exec(code, module.__dict__)
    return module


@pytest.mark.parametrize("page", [p.name for p in sorted(DOCS.glob("*.md")) if ">>>" in p.read_text(encoding="utf-8")])
def test_sessions_in_the_docs(page):
    # A blank line ends what a session shows, where Markdown has a fence.
    text = re.sub(r"^```.*$", "", (DOCS / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    test = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    result = doctest.DocTestRunner().run(test)
    assert result.attempted > 0 and result.failed == 0


def test_the_example_of_the_losses():
    codes = re.findall(r"^```python\n(.*?)^```", (DOCS / "losses.md").read_text(encoding="utf-8"), re.DOTALL | re.M)
    *code, density, voronoi, cells = "".join(codes).rstrip().split("\n")
    shown = [f"{name} = {line}" for name, line in (("h", density), ("v", voronoi), ("c", cells))]
    module = run("\n".join([*code, *shown]))
    # 0.10 with this seed; a missed expert would cost its weight of 1.
    assert 0.0 < module.loss.value < 0.5
    # Equal densities: rounding of log-densities; the fourth power of a split of 2, with weights of 1.
    assert module.h < 1e-12 and module.c < 1e-12 and module.v > 15.0


def test_the_page_on_routers(capsys):
    (code,) = re.findall(r"^```python\n(.*?)^```", (DOCS / "routers.md").read_text(encoding="utf-8"), re.DOTALL | re.M)
    assert 0.0 < run(code).found.loss < 1e5 and capsys.readouterr().out.startswith("[250 250]")


def test_the_page_on_edits(capsys):
    page = (DOCS / "edit.md").read_text(encoding="utf-8")
    run("".join(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.M)))
    printed = capsys.readouterr().out
    (shown,) = re.findall(r"^```text\n(.*?)^```", page, re.DOTALL | re.M)
    numbers = [[float(n) for n in re.findall(r"-?\d+\.\d+", text)] for text in (shown, printed)]
    # Maxima with gradients below 1e-8: as many digits as are shown, but for the last.
    assert numbers[1][: len(numbers[0])] == pytest.approx(numbers[0], abs=1e-4)
    assert "nats a row, converged" in printed and "mean_posterior" in printed


def test_the_first_example(capsys):
    shown = run(FIRST)
    # The truth's temperature; a fixed seed, and 1 seed in 20 would be outside.
    assert shown.lower < 0.2 < shown.upper
    assert capsys.readouterr().out.startswith("temperature 0.")


def test_the_example_of_a_distance(capsys):
    fitted = run(LAPLACE).fitted
    lower, upper = fitted.confidence_interval("gate_scale", level=0.999)
    # The truth's scale; a fixed seed, and 1 seed in 1000 would be outside.
    assert lower < 0.6 < upper and fitted.fit_result_.status == "converged"
    assert capsys.readouterr().out.startswith("[[")


def test_an_activation_of_ones_own(family, capsys):
    softsign = run(ACTIVATION).SOFTSIGN
    assert "softsign" in list_activations() and as_gate("activation:activation=softsign").activation == softsign
    z = np.linspace(-6.0, 6.0, 40)  # without 0, where the second derivative jumps
    h = 1e-5
    for order, values in enumerate(zip(*(softsign.derivatives(z + s) for s in (-h, 0.0, h)), strict=True)):
        if order < 2:
            below, at, above = values
            _, following, _ = [list(softsign.derivatives(z + s))[order + 1] for s in (-h, 0.0, h)]
            # Truncation h**2 and rounding 1e-16 / h.
            np.testing.assert_allclose((above - below) / (2 * h), following, atol=1e-9)
    np.testing.assert_allclose(softsign(z) + softsign(-z), 0.0, atol=1e-15)
    # The condition that it claims: 1, act and z act' are independent.
    value, slope, _ = softsign.derivatives(z)
    assert np.linalg.matrix_rank(np.column_stack([np.ones_like(z), value, z * slope])) == 3
    fitted = run(ITS_USE).fitted
    assert fitted.fit_result_.certified
    assert "temperature" in capsys.readouterr().out


def test_a_key_of_ones_own(family):
    gate = run(KEY).gate
    assert gate.selection.by.name == "distance" and as_gate("topk:n_active=2,select_on=distance") == gate
    rng = np.random.default_rng(0)
    k, d = 4, 2
    parameters = Parameters(
        rng.normal(size=k), rng.normal(size=(k, d)), rng.normal(0, 3, k), rng.normal(size=(k, d)), np.full(k, 0.2)
    )
    model = GMoE(parameters, gate)
    X = rng.normal(size=(500, d))
    proba = model.gate_proba(X)
    # The two experts farthest from the mean logit, by hand.
    logit = parameters.gate_intercept + X @ parameters.gate_coef.T
    active = np.argsort(-np.abs(logit - logit.mean(axis=1, keepdims=True)), axis=1)[:, :2]
    expected = np.zeros((500, k))
    np.put_along_axis(expected, active, np.exp(np.take_along_axis(logit, active, axis=1)), axis=1)
    np.testing.assert_allclose(proba, expected / expected.sum(axis=1, keepdims=True), atol=1e-13)
    y, _ = model.sample(X, rng)
    # What holds for rules on logits holds for this one.
    canonical = model.canonical()
    np.testing.assert_allclose(canonical.log_density(X, y), model.log_density(X, y), atol=1e-12)
    with warnings.catch_warnings():
        # From the truth of a random model of few observations: whether there is an interior maximum is another matter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = GaussianMoERegressor(k, gate, init=parameters).fit(X, y)
        from_data = GaussianMoERegressor(k, gate, n_init=1, random_state=0).fit(X[:200], y[:200])
    assert fitted.log_likelihood_ >= model.log_density(X, y).sum()
    # Sums of 200 terms in two coordinates.
    assert from_data.log_likelihood_ == pytest.approx(from_data.model_.log_density(X[:200], y[:200]).sum(), rel=1e-9)


def test_a_selection_of_ones_own(family):
    gate = run(SELECTION).gate
    assert as_gate("softmax:selection=near") == gate and repr(gate) == "Gate(selection='near')"
    assert gate.n_free(3, 3) == 6  # what the dense gate has
    rng = np.random.default_rng(2)
    k, d = 3, 2
    coef = 3.0 * rng.normal(size=(k, d))
    parameters = Parameters(rng.normal(size=k), coef, [-3, 0, 3], rng.normal(size=(k, d)), np.full(k, 0.2))
    model, X = GMoE(parameters, gate), rng.uniform(-1, 1, size=(1000, d))
    # Those with a fifth of the largest probability, by hand.
    dense = GMoE(parameters).gate_proba(X)
    expected = np.where(dense >= 0.2 * dense.max(axis=1, keepdims=True), dense, 0.0)
    np.testing.assert_allclose(model.gate_proba(X), expected / expected.sum(axis=1, keepdims=True), atol=1e-13)
    y, _ = model.sample(X, rng)
    np.testing.assert_allclose(model.canonical().log_density(X, y), model.log_density(X, y), atol=1e-12)
    fitted = GaussianMoERegressor(k, gate, random_state=0).fit(X, y)
    assert fitted.fit_result_.certified
    # Sums of 1000 terms in two coordinates; and a search that finds less than the truth is none.
    assert fitted.log_likelihood_ == pytest.approx(fitted.model_.log_density(X, y).sum(), rel=1e-12)
    assert fitted.log_likelihood_ > model.log_density(X, y).sum()
