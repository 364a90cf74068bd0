"""What any family of experts of one response has to satisfy, by differences, quadrature and random frames."""

import numpy as np
from problems import data, design
from scipy.differentiate import jacobian as differences
from scipy.integrate import quad

from gmoe._arrays import Blocks
from gmoe.frames import Frame, ResponseFrame
from gmoe.gates import SoftmaxGate
from gmoe.part import Size
from gmoe.solvers.problem.objective import SCORE, Objective


def relative(values, expected):
    """Largest difference, relative to the largest entry: entries cancel to any size."""
    return np.max(np.abs(values - expected)) / np.max(np.abs(expected))


def differentiate(function, point):
    """Derivatives of function(point) -> (n,) by central differences of 8th order, (n, len(point)): exact to 1e-9."""
    apply = lambda points: np.apply_along_axis(function, 0, points)  # noqa: E731
    return differences(apply, point, tolerances={"rtol": 1e-10, "atol": 1e-11}, initial_step=0.05).df


def draw(experts, k=3, d=2, m=7, seed=0):
    """Own and shared parameters and data of standard size."""
    rng = np.random.default_rng(seed)
    size = Size(k, d)
    own = rng.normal(0.0, 0.6, (k, experts.own_parameters(size)))
    shared = rng.normal(0.0, 0.6, experts.shared_parameters(size))
    return own, shared, rng.normal(size=(d, m)), rng.normal(0.0, 1.5, (1, m))


def check_derivatives(experts, **settings):
    """Jacobian to 1e-7 of differences of the value, curvature to 1e-5 of differences of the Jacobian."""
    own, shared, x, y = draw(experts, **settings)
    q = own.shape[1]
    rows = experts.jacobian(own, shared, x, y)
    weight = np.random.default_rng(1).uniform(0.2, 1.0, (len(own), x.shape[1]))
    bends = experts.curvature(own, shared, weight, x, y)
    assert experts.has_exact_curvature
    for j in range(len(own)):

        def at(parameters, j=j):
            moved = own.copy()
            moved[j] = parameters[:q]
            return moved, parameters[q:]

        point = np.append(own[j], shared)
        slope = differentiate(lambda p: experts.value(*at(p), x, y)[j], point)  # noqa: B023
        bend = differentiate(lambda p: experts.jacobian(*at(p), x, y)[j] @ weight[j], point)  # noqa: B023
        if j < len(own) - experts.n_given:
            assert relative(rows[j].T, slope) < 1e-7
            assert relative(bends[j], bend) < 1e-5
        else:
            assert not rows[j].any() and not bends[j].any() and np.abs(slope).max() < 1e-12


def check_density(experts, low=-np.inf, high=np.inf, **settings):
    """Densities integrate to 1: quad is asked for, and reaches, 1e-10."""
    own, shared, x, _ = draw(experts, m=1, **settings)
    for j in range(len(own)):
        density = lambda y: float(np.exp(experts.value(own, shared, x, np.array([[y]]))[j, 0]))  # noqa: E731, B023
        assert abs(quad(density, low, high, epsabs=1e-11, epsrel=1e-11, limit=200)[0] - 1.0) < 1e-9


def random_frame(d, seed=0):
    """A frame that shifts, turns and stretches features and response."""
    rng = np.random.default_rng(seed)
    features = Frame(rng.normal(0.0, 3.0, d), rng.normal(size=(d, d)) + 2.0 * np.eye(d))
    return ResponseFrame(features, rng.normal(0.0, 5.0, 1), rng.normal(size=(1, d)), np.array([[0.3]]))


def check_frame(experts, **settings):
    """Raw arrays and back; densities in both coordinates differ by the Jacobian alone, to 1e-10 (seen: 1e-13)."""
    own, shared, x, z = draw(experts, **settings)
    own[len(own) - experts.n_given :] = 0.0
    frame = random_frame(len(x))
    raw = experts.to_raw(own, shared, frame)
    assert {array.name for array in experts.arrays(Size(len(own), len(x)))} == set(raw)
    again, shared_again = experts.from_raw(raw, frame)
    np.testing.assert_allclose(again, own, rtol=0, atol=1e-12)
    np.testing.assert_allclose(shared_again, shared, rtol=0, atol=1e-12)
    x_raw = frame.features.inverse @ x + frame.features.centre[:, None]
    y_raw = frame.colour @ z + frame.centre_y[:, None] + frame.slope @ x
    scaled = experts.scaled(frame)
    density = scaled.value(own, shared, x, z) + np.log(frame.whiten[0, 0])
    np.testing.assert_allclose(experts.raw_log_density(raw, x_raw, y_raw), density, rtol=0, atol=1e-10)
    # Moments and draws in scaled coordinates are those of the data.
    factor, rows = frame.colour[0, 0], experts.from_raw(raw, ResponseFrame.identity(len(x)))
    line = frame.centre_y[:, None] + frame.slope @ x
    np.testing.assert_allclose(experts.mean(*rows, x_raw), factor * scaled.mean(own, shared, x) + line, atol=1e-10)
    np.testing.assert_allclose(
        experts.covariance(*rows, x_raw), factor**2 * scaled.covariance(own, shared, x), rtol=1e-10
    )
    which = np.arange(x.shape[1]) % len(own)
    y = [
        part.draw(*parameters, at, which, np.random.default_rng(5))[0]
        for part, parameters, at in ((experts, rows, x_raw), (scaled, (own, shared), x))
    ]
    np.testing.assert_allclose(y[0], factor * y[1] + line[0], atol=1e-10)


def objective_of(experts, k=3, d=2, n=700, seed=3, weighted=True, length=512, gate=None):
    """Objective on random data of more than one strip and block, and a parameter vector."""
    rng = np.random.default_rng(seed)
    X, y, weight = data(rng, n, d, weighted)
    frame = design(rng, tuple(range(d)))
    blocks = Blocks(X, y, weight, frame, frame, np.array([4.5]), None, np.array([[0.6]]), length=length)
    scaled = experts.scaled(
        ResponseFrame(Frame(frame.centre, frame.transform), np.array([4.5]), np.zeros((1, d)), np.array([[0.6]]))
    )
    objective = Objective(blocks, SoftmaxGate() if gate is None else gate, k, experts=scaled)
    return objective, rng.normal(0.0, 0.5, objective.n_parameters)


def check_objective(experts, **settings):
    """Score to 1e-7 and Hessian to 1e-5 of differences, Hessian-vector products to 1e-10 of the Hessian's."""
    objective, theta = objective_of(experts, **settings)
    at = objective.evaluate(theta)
    slope = differentiate(lambda t: np.array([objective.evaluate(t, SCORE).value]), theta)[0]
    assert relative(at.gradient, slope) < 1e-7
    bend = differentiate(lambda t: objective.evaluate(t, SCORE).gradient, theta)
    assert relative(at.hessian, bend) < 1e-5
    direction = np.random.default_rng(4).normal(size=len(theta))
    assert relative(objective.product(at, direction), at.hessian @ direction) < 1e-10
