"""What holds for every gate whose log-weights sum to one, with all of its parameters shared: the contract."""

import pickle

import numpy as np
from problems import data, designs, problem

from gmoe.frames import Frame
from gmoe.kernels.mixture import SCORE
from gmoe.part import Part, Size
from gmoe.solvers.problem.objective import Objective

STEP = 1e-5  # of central differences: error 1e-10, of the third derivatives and of rounding


def differences(function, theta):
    """Central ones of an array, (n_parameters, ...)."""
    return np.array([(function(theta + s) - function(theta - s)) / (2 * STEP) for s in STEP * np.eye(len(theta))])


def drawn(gate, k, d, seed=0, n=40):
    """No own parameters, shared ones, and features."""
    rng = np.random.default_rng(seed)
    return np.empty((k, 0)), rng.normal(size=gate.shared_parameters(Size(k, d))), rng.normal(size=(d, n))


def assert_weights_sum_to_one(gate, k, d):
    own, shared, x = drawn(gate, k, d)
    for size in (1.0, 100.0):
        value = gate.value(own, size * shared, x)
        assert np.all(np.isfinite(value))
        # The largest log-weights of weights that count are some 10, and rounded at 2e-15.
        np.testing.assert_allclose(np.exp(value).sum(axis=0), 1.0, rtol=0, atol=1e-14)
        np.testing.assert_allclose(gate.probabilities(own, size * shared, x), np.exp(value), rtol=1e-13)


def assert_derivatives(gate, k, d):
    own, shared, x = drawn(gate, k, d)
    jacobian = gate.jacobian(own, shared, x)
    assert jacobian.shape == (k, len(shared), x.shape[1])
    if len(shared):
        expected = differences(lambda theta: gate.value(own, theta, x), shared)
        np.testing.assert_allclose(jacobian, np.swapaxes(expected, 0, 1), rtol=0, atol=1e-7)
    weight = np.random.default_rng(1).normal(size=(k, x.shape[1]))
    # Differences of derivatives, as any part has them.
    expected = Part.curvature(gate, own, shared, weight, x)
    np.testing.assert_allclose(gate.curvature(own, shared, weight, x), expected, rtol=0, atol=1e-5)
    assert gate.has_exact_curvature


def assert_follows_frames(gate, k, d):
    """The same weights in the units of the data and scaled; and there and back."""
    own, shared, x = drawn(gate, k, d)
    rng = np.random.default_rng(2)
    frame = Frame(rng.normal(size=d), np.eye(d) + 0.3 * rng.normal(size=(d, d)))
    scaled = frame.transform @ (x - frame.centre[:, None])
    arrays = gate.to_raw(own, shared, frame)
    assert set(arrays) == {array.name for array in gate.arrays(Size(k, d))}
    assert [np.ndim(arrays[array.name]) for array in gate.arrays(Size(k, d))] == [
        len(array.axes) for array in gate.arrays(Size(k, d))
    ]
    # Scores of size 10, through a matrix and its inverse.
    np.testing.assert_allclose(gate.raw_log_weights(arrays, x), gate.value(own, shared, scaled), rtol=0, atol=1e-12)
    back = gate.from_raw(arrays, frame)
    assert back[0].shape == own.shape
    np.testing.assert_allclose(back[1], shared, rtol=0, atol=1e-12)


def assert_is_a_value(gate, same, other):
    assert gate == same and hash(gate) == hash(same) and gate != other
    again = pickle.loads(pickle.dumps(gate))
    assert again == gate and repr(again) == repr(gate)


def louis(objective, theta):
    """Score and Hessian by Louis' identity, observation by observation, from the parts' own derivatives."""
    gate, experts, k = objective.gate, objective.experts, objective.n_experts
    own, expert = objective.split(theta)
    own = own, objective.shared(theta)
    expert = np.ascontiguousarray(expert), objective.expert_shared(theta)
    score, hessian = np.zeros(theta.size), np.zeros((theta.size, theta.size))
    for x_gate, x_expert, y, weight, m in objective.blocks.all():
        x_gate, x_expert, y, weight = x_gate[:, :m], x_expert[:, :m], y[:, :m], weight[:m]
        joint = gate.value(*own, x_gate) + experts.value(*expert, x_expert, y)
        r = np.exp(joint - joint.max(axis=0))
        r /= r.sum(axis=0)
        rows = np.zeros((k, theta.size, m))
        for j in range(k):
            rows[j, objective.at_gate[j]] += gate.jacobian(*own, x_gate)[j]
            rows[j, objective.at_expert[j]] += experts.jacobian(*expert, x_expert, y)[j]
        mean = np.einsum("jm,jtm->tm", r, rows)
        score += mean @ weight
        hessian += np.einsum("m,jm,jtm,jum->tu", weight, r, rows, rows) - (weight * mean) @ mean.T
        bends = (
            (objective.at_gate, gate.curvature(*own, weight * r, x_gate)),
            (objective.at_expert, experts.curvature(*expert, weight * r, x_expert, y)),
        )
        for at, bend in bends:
            for j in range(k):
                hessian[np.ix_(at[j], at[j])] += bend[j]
    total = objective.blocks.total_weight
    return score / total, hessian / total


def assert_objective(gate, k, gate_columns=(0, 2), expert_columns=(1,), n=700):
    """Score and Hessian against differences and against the slow twin; products with the Hessian."""
    rng = np.random.default_rng(k)
    X, y, weight = data(rng, n)
    objective = Objective(problem(X, y, weight, *designs(rng, gate_columns, expert_columns))[0], gate, k)
    theta = rng.normal(0.0, 0.4, objective.n_parameters)
    evaluation = objective.evaluate(theta)
    value = differences(lambda t: objective.evaluate(t, SCORE).value, theta)
    np.testing.assert_allclose(evaluation.gradient, value, rtol=0, atol=1e-7)
    change = differences(lambda t: objective.evaluate(t, SCORE).gradient, theta)
    np.testing.assert_allclose(evaluation.hessian, change, rtol=0, atol=1e-5)
    score, hessian = louis(objective, theta)
    # Averages of 700 terms of size 10; the same formula with weights that are taken to sum to 1.
    np.testing.assert_allclose(evaluation.gradient, score, rtol=0, atol=1e-12)
    np.testing.assert_allclose(evaluation.hessian, hessian, rtol=0, atol=1e-12)
    along = rng.normal(size=theta.size)
    np.testing.assert_allclose(objective.product(evaluation, along), hessian @ along, rtol=0, atol=1e-11)
