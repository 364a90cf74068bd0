"""From users' arrays to scaled blocks: layouts, block by block conversion, threads, weights."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from problems import data, designs, draw, parameters, problem

from gmoe import _arrays
from gmoe._arrays import BLOCK, Blocks, block_length
from gmoe.gates import ActivationGate, SoftmaxGate
from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.problem.passes import GROUPS

COLUMNS = (0, 2), (1, 2)


def objective(X, y, weight, gate=None, executor=None, seed=0):
    """The same designs for the same seed."""
    blocks, _ = problem(X, y, weight, *designs(np.random.default_rng(seed), *COLUMNS))
    return Objective(blocks, gate or SoftmaxGate(), 2, executor=executor)


def evaluate(made):
    theta = parameters(np.random.default_rng(1), 2, 3, 3)
    evaluation = made.evaluate(theta)
    product = made.product(evaluation, np.cos(np.arange(theta.size)))
    return [evaluation.value, evaluation.gradient, evaluation.hessian, product]


def assert_same_bits(a, b):
    for x, y in zip(a, b, strict=True):
        assert np.array_equal(x, y)


def single_precision(rng, n):
    """Data that float32 holds exactly, so that every layout and type is the same data."""
    return [a.astype(np.float32).astype(float) for a in data(rng, n)]


def read_only(X, y, w):
    for a in (X, y, w):
        a.flags.writeable = False
    return X, y, w


def memory_mapped(folder, *arrays):
    for name, a in zip("Xyw", arrays, strict=True):
        np.save(folder / f"{name}.npy", a.astype(np.float32))
    return [np.load(folder / f"{name}.npy", mmap_mode="r") for name in "Xyw"]


LAYOUTS = {
    "float32": lambda X, y, w, folder: (X.astype(np.float32), y.astype(np.float32), w.astype(np.float32)),
    "fortran": lambda X, y, w, folder: (np.asfortranarray(X), y, w),
    "read-only": lambda X, y, w, folder: read_only(X.copy(), y.copy(), w.copy()),
    "memory-mapped": lambda X, y, w, folder: memory_mapped(folder, X, y, w),
    "strided": lambda X, y, w, folder: (np.repeat(X, 2, axis=0)[::2], np.repeat(y, 3)[::3], w[::-1].copy()[::-1]),
    "columns of more": lambda X, y, w, folder: (np.hstack([X, X])[:, :3], y, w),
}


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "converted in each pass"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_does_not_matter(layout, kept, tmp_path, monkeypatch):
    monkeypatch.setattr(_arrays, "KEEP_LIMIT", 10**9 if kept else 0)
    arrays = single_precision(np.random.default_rng(2), BLOCK + 300)
    plain = evaluate(objective(*arrays))
    assert_same_bits(evaluate(objective(*LAYOUTS[layout](*arrays, tmp_path))), plain)


def test_integers_and_booleans_are_numbers():
    rng = np.random.default_rng(3)
    X, y, w = rng.integers(-3, 4, (50, 3)), rng.integers(0, 2, 50).astype(bool), rng.integers(0, 3, 50)
    assert_same_bits(evaluate(objective(X, y, w)), evaluate(objective(*(a.astype(float) for a in (X, y, w)))))


@pytest.mark.parametrize("gate", [SoftmaxGate(), ActivationGate("tanh", 1.0)])
def test_blocks_are_the_same_kept_or_converted_anew(gate, monkeypatch):
    arrays = data(np.random.default_rng(4), 2 * BLOCK + 77)
    monkeypatch.setattr(_arrays, "KEEP_LIMIT", 0)
    anew = objective(*arrays, gate)
    assert anew.blocks.buffer() is not None
    monkeypatch.undo()
    kept = objective(*arrays, gate)
    assert kept.blocks.buffer() is None  # so the two roads are really taken
    assert_same_bits(evaluate(anew), evaluate(kept))
    # Buffers are used again in the second pass; nothing of the first may be left in them.
    assert_same_bits(evaluate(anew), evaluate(kept))


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "converted in each pass"])
@pytest.mark.parametrize("n_blocks", [2, GROUPS + 3])
def test_threads_give_the_same_bits(n_blocks, kept, monkeypatch):
    monkeypatch.setattr(_arrays, "KEEP_LIMIT", 10**9 if kept else 0)
    arrays = data(np.random.default_rng(5), n_blocks * BLOCK - 5)
    serial = evaluate(objective(*arrays))
    for n_threads in (2, 5):
        with ThreadPoolExecutor(n_threads) as executor:
            assert_same_bits(evaluate(objective(*arrays, executor=executor)), serial)


def test_an_evaluation_does_not_depend_on_those_before():
    # Workspaces are handed from pass to pass; kernels must not read what another pass left there.
    arrays = data(np.random.default_rng(6), BLOCK + 10)
    used = objective(*arrays)
    for seed in range(3):
        used.evaluate(parameters(np.random.default_rng(100 + seed), 2, 3, 3) * 3)
    assert_same_bits(evaluate(used), evaluate(objective(*arrays)))


def test_weights_mean_repetition_and_zero_means_absence():
    rng = np.random.default_rng(7)
    X, y, _ = data(rng, 900)
    weight = rng.integers(0, 4, len(y))
    rows = np.repeat(np.arange(len(y)), weight)
    for a, b in zip(evaluate(objective(X, y, weight)), evaluate(objective(X[rows], y[rows], None)), strict=True):
        # Sums of some thousand terms in another order.
        assert np.allclose(a, b, rtol=0, atol=1e-13 * np.abs(b).max())


def test_a_row_without_weight_may_be_anything_finite():
    X, y, weight = data(np.random.default_rng(8), 300)
    weight[5] = 0.0
    before = evaluate(objective(X, y, weight))
    X[5], y[5] = -1e5, 1e6
    for a, b in zip(evaluate(objective(X, y, weight)), before, strict=True):
        assert np.allclose(a, b, rtol=0, atol=1e-13 * np.abs(b).max())


def test_block_lengths():
    # Rows of a block start at cache lines (8 numbers) and, once they are long enough to matter, are never a power of
    # two apart: from 512 numbers on such rows share the sets of a first-level cache.
    lengths = {n: block_length(n) for n in [*range(1, BLOCK + 100), 10**6]}
    assert all(min(n, BLOCK) <= length and length % 8 == 0 for n, length in lengths.items())
    assert [n for n, length in lengths.items() if length >= 512 and length & (length - 1) == 0] == []


def test_blocks_read_only_the_rows_of_a_pass():
    # Extra memory must not grow with n: no more than one block is ever asked for.
    class Watched:
        ndim, asked = 2, []

        def __init__(self, X):
            self.X, self.shape = X, X.shape

        def __getitem__(self, rows):
            self.asked.append(rows.stop - rows.start)
            return self.X[rows]

    X, y, weight = data(np.random.default_rng(9), 3 * BLOCK + 1)
    watched = Watched(X)
    blocks = Blocks(watched, y, weight, *designs(np.random.default_rng(0), *COLUMNS))
    assert sum(watched.asked) == blocks.n
    assert max(watched.asked) == BLOCK


def test_same_columns_share_one_converted_array():
    same, _, _ = draw(10, 100, 2, (0, 1), (0, 1))
    x_gate, x_expert, *_ = same.blocks.designs(0, None)
    assert x_gate is x_expert
    other, _, _ = draw(10, 100, 2, (0, 1), (1, 0))
    x_gate, x_expert, *_ = other.blocks.designs(0, None)
    assert x_gate is not x_expert
