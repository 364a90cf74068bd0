"""Orders of the Hellinger distance, their residuals against the package's distances, and rbar by algebra."""

import importlib.util
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from gmoe import GMoE, Parameters
from gmoe.metrics import cell_loss, hellinger, total_variation, voronoi_loss
from gmoe.theory import order
from gmoe.theory.orders.cells import Cells
from gmoe.theory.orders.polynomial_system import coefficients, rbar, solution
from gmoe.theory.orders.quadrature import nodes
from gmoe.theory.orders.residuals import Residuals

ROOT = Path(__file__).parents[1]
EXPERTS = {"intercept": [1.0, -1.0], "coef": [[-2.0], [2.0]], "variance": [0.3, 0.4]}
TRUTH = GMoE(Parameters([0.0, 0.1], [[2.0], [0.0]], **EXPERTS))
TANH = GMoE(Parameters([0.0, 0.1], [[2.0], [0.5]], **EXPERTS, temperature=0.7), "activation:activation=tanh")
TOP = GMoE(Parameters([0.0, 0.1], [[2.0], [-1.0]], **EXPERTS), "topk:n_active=1")
X, WEIGHT = np.polynomial.legendre.leggauss(8)
X = X[:, None]


@pytest.mark.parametrize("truth", [TRUTH, TANH, TOP], ids=["softmax", "tanh", "top-1"])
def test_residuals_are_the_difference_of_root_densities(truth):
    gate = truth.gate.resized(4) if truth.gate.n_active is None else TOP.gate.selecting(TOP.gate.selection)
    pattern = (2, 2) if truth.gate.n_active is None else (1, 1)
    cells = Cells(truth, pattern, gate)
    residuals = Residuals(cells, nodes(truth, X, WEIGHT / 2.0, finer=4))
    z = np.random.default_rng(0).normal(0, 0.1, cells.size)
    z[cells.fixed] = 0.0
    model = cells.model(z)
    by_row = hellinger(model, truth, X, x_weights=WEIGHT).by_row
    # Nodes end where the densities are 1e-11 of their masses: far below 1e-6 of the distance.
    assert residuals.hellinger(z) == pytest.approx(np.sqrt(WEIGHT / 2.0 @ by_row**2), rel=1e-6)
    # Gauss's rule converges slowly at the kinks of |f - g|.
    assert residuals.total_variation(z) == pytest.approx(
        total_variation(model, truth, X, x_weights=WEIGHT).value, rel=1e-3
    )
    steps = 1e-5 * np.eye(cells.size)
    differences = np.array([(residuals(z + step) - residuals(z - step)) / 2e-5 for step in steps]).T
    # Central differences: 1e-10 of third derivatives below 1, and rounding of residuals below 1 over the step.
    assert residuals.jacobian(z) == pytest.approx(differences, abs=1e-9)


def test_a_tiny_distance_has_digits():
    """Atoms at intercepts +-e with variances less e^2: the distance falls like e^4, also where its square drowns."""
    cells = Cells(TRUTH, (2, 1), TRUTH.gate.resized(3))
    residuals = Residuals(cells, nodes(TRUTH, X, WEIGHT / 2.0))
    found = []
    for error in (2e-3, 1e-3):
        z = np.zeros(cells.size)
        z[cells.slices["expert"][:2, 0]], z[cells.slices["expert"][:2, 2]] = (error, -error), -error * error
        found.append(residuals.hellinger(z))
    assert found[1] < 1e-12
    # The next term is e^2 of the first, 4e-6, and rounding some 1e-3 of 1e-13.
    assert found[0] / found[1] == pytest.approx(16.0, rel=1e-2)


@pytest.mark.parametrize(
    ("truth", "pattern", "block", "expected"),
    [
        (TRUTH, (1, 1), "coef", 1.0),
        (TRUTH, (2, 1), "gate_coef", 2.0),
        (TRUTH, (2, 1), "intercept", 4.0),
        (TRUTH, (2, 2), "gate_coef", np.inf),
        (TANH, (2, 1), "coef", 2.0),
    ],
)
def test_orders(truth, pattern, block, expected):
    found = order(truth, pattern, X, block, x_weights=WEIGHT)
    # Local slopes differ by less than 0.01 in a row, and approach their limit by a factor of 0.6 each.
    assert float(found) == pytest.approx(expected, abs=0.05)
    assert found.exponent == pytest.approx(-0.5 / expected, abs=0.01)
    if np.isfinite(expected):
        assert found.total_variation_order == pytest.approx(expected, abs=0.1)
        assert found.quadrature_error < 1e-2
    else:
        # The family of equal densities, of which the last measure is one.
        assert hellinger(found.worst, truth, X).value < 1e-12


def test_blocks_by_name():
    with pytest.raises(ValueError, match=r"'gate_coef' has no free parameter in cell 1; it is one of gate_interc|coef"):
        order(TRUTH, (2, 1), X, "gate_coef", cell=1)


@pytest.mark.parametrize("m", [2, 3, 4, 5])
def test_rbar_by_algebra(m):
    share, intercept, variance = solution(m, 1.0)
    found = coefficients(share, intercept, variance, 2 * m)
    # Sums of m terms below 1; the last is s^m m! / (2 m)! with s = 1 / (largest node)^2.
    assert np.abs(found[:-1]).max() < 1e-15
    largest = np.polynomial.hermite_e.hermegauss(m)[0][-1]
    assert abs(found[-1]) == pytest.approx(
        largest ** (-2.0 * m) * np.prod(1.0 / np.arange(m + 1.0, 2 * m + 1)), rel=1e-3
    )
    assert rbar(m) == 2 * m


def test_coefficients_are_those_of_the_generating_function():
    rng = np.random.default_rng(0)
    share, b, v = rng.dirichlet(np.ones(3)), rng.normal(size=3), rng.normal(size=3)
    t = 1e-2
    series = 1.0 + coefficients(share, b, v, 8) @ t ** np.arange(1.0, 9.0)
    # The next term is of the order t^9.
    assert series == pytest.approx(share @ np.exp(b * t + v * t * t / 2.0), abs=1e-15)


def split(error):
    """Atoms of both cells with gate slopes +-error: a common factor."""
    p = TRUTH.parameters
    rows = np.repeat([0, 1], 2)
    slopes = p.gate_coef[rows] + np.array([[error], [-error]] * 2)
    return GMoE(Parameters(p.gate_intercept[rows], slopes, p.intercept[rows], p.coef[rows], p.variance[rows]))


def test_the_loss_of_cells_is_zero_where_densities_agree():
    fitted = split(1.0)
    assert hellinger(fitted, TRUTH, X).value < 1e-15
    # The Voronoi loss is not: the fourth power of 1, times weights that sum to 2.
    assert voronoi_loss(fitted, TRUTH).value > 1.0
    assert cell_loss(fitted, TRUTH, X).value < 1e-14
    assert cell_loss(fitted, TRUTH, X, kind="exact").value < 1e-14
    moved = split(0.0)
    errors = dict(moved.parameters.arrays) | {"intercept": moved.parameters.intercept + [0.1, -0.1, 0.0, 0.0]}
    moved = GMoE(Parameters(**errors))
    share = TRUTH.gate_proba(X).mean(axis=0)[0]
    assert cell_loss(moved, TRUTH, X).value == pytest.approx(share * 0.1**4, rel=1e-12)
    assert cell_loss(moved, TRUTH, X, kind="exact").value == pytest.approx(share * 0.1, rel=1e-12)


def test_an_idle_expert_costs_nothing():
    arrays = {name: np.concatenate([value, value[:1]]) for name, value in TOP.parameters.arrays.items() if value.ndim}
    arrays["gate_coef"] = np.array([[2.0], [-1.0], [0.3]])
    arrays["intercept"][2] = 5.0
    fitted = GMoE(Parameters(**arrays), TOP.gate)
    assert hellinger(fitted, TOP, X).value == cell_loss(fitted, TOP, X).value == 0.0
    with pytest.raises(ValueError, match=r"x_weights must be 8 non-negative"):
        cell_loss(fitted, TOP, X, x_weights=[1.0])


def test_the_loss_is_the_least_over_all_mirror_images():
    rng = np.random.default_rng(3)
    gate = "activation:activation=tanh,temperature=1"

    def draw():
        scale = rng.normal(0, 2.0, (2, 3))
        return Parameters(scale[0, :2], rng.normal(0, 2, (2, 1)), scale[1, :2], rng.normal(0, 1, (2, 1)), [0.3, 0.5])

    def image(p):
        return Parameters(**dict(p.arrays) | {"gate_coef": -p.gate_coef[::-1]})

    for _ in range(20):
        fitted, true = draw(), draw()
        loss = voronoi_loss(fitted, true, gate=gate, kind="exact")
        # The loss of one pair alone is that of an activation that is not odd: it sees no other of the activation.
        pairs = product((fitted, image(fitted)), (true, image(true)))
        values = [voronoi_loss(f, t, gate=gate.replace("tanh", "sigmoid"), kind="exact").value for f, t in pairs]
        assert loss.value == min(values)
        assert voronoi_loss(image(fitted), true, gate=gate, kind="exact").value == loss.value


def test_the_table_of_the_documentation_is_that_of_the_results():
    spec = importlib.util.spec_from_file_location("orders", ROOT / "sims" / "orders.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs" / "orders.md").read_text(encoding="utf-8")
    assert page.split("<!-- orders table -->\n")[1].split("\n\n")[0] + "\n" == module.table()
