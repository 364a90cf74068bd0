"""What fits share: structure that is made once, and no data."""

import gc
import weakref

import numpy as np
import pytest

from gmoe import GaussianMoERegressor
from gmoe.datasets import make_gmoe
from gmoe.experts import GAUSSIAN
from gmoe.frames import Frame
from gmoe.gates import SoftmaxGate, TopKGate
from gmoe.part import Size
from gmoe.solvers.problem.layout import beside, structure_of


def test_equal_parts_share_a_structure():
    sizes = Size(3, 2), Size(3, 2)
    assert structure_of(SoftmaxGate(), GAUSSIAN, *sizes) is structure_of(SoftmaxGate(), GAUSSIAN, *sizes)
    assert structure_of(SoftmaxGate(), GAUSSIAN, *sizes) is not structure_of(TopKGate(), GAUSSIAN, *sizes)


def test_what_is_shared_holds_no_data():
    X, y, _, _ = make_gmoe(200, 2, 2, random_state=0)
    data = weakref.ref(X)
    fitted = GaussianMoERegressor(2, n_init=1, random_state=0).fit(X, y)
    assert fitted.fit_result_.n_rows == 200
    del X
    gc.collect()
    assert data() is None


def test_directions_beside_others():
    given = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 2)))[0]
    others = beside(given)
    # Orthogonal matrices of five rows, to rounding.
    assert np.abs(np.hstack([given, others]).T @ np.hstack([given, others]) - np.eye(5)).max() < 1e-14
    assert np.array_equal(beside(given[:, :0]), np.eye(5))


@pytest.mark.parametrize("rank", [3, 2])
def test_inverse_of_a_frame(rank):
    transform = np.random.default_rng(0).normal(size=(rank, 3))
    # Condition numbers below 100: a hundred roundings.
    assert np.abs(Frame(np.zeros(3), transform).inverse - np.linalg.pinv(transform)).max() < 1e-13
