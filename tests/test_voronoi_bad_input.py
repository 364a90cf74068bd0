"""Bad input to the Voronoi losses: every message says what was given, what was expected and what to do."""

from dataclasses import replace

import numpy as np
import pytest

from gmoe import GMoE, Parameters
from gmoe.gates import ActivationGate, SoftmaxGate, TopKGate
from gmoe.metrics import ParameterStack, voronoi_cells, voronoi_loss

TRUE = Parameters([0.0, 0.0], [[0.0], [2.0]], [0.0, 0.0], [[1.0], [-1.0]], [1.0, 1.0])


def stack(**changes):
    return replace(ParameterStack.of([TRUE] * 2), **changes)


def test_messages():
    wide = Parameters([0, 0], [[0, 1], [1, 0]], [0, 1], [[0, 1], [1, 0]], [1, 1])
    four = Parameters(np.zeros(4), np.zeros((4, 1)), np.zeros(4), np.ones((4, 1)), np.ones(4))
    gates = {"fitted": GMoE(TRUE, ActivationGate("tanh")), "true": GMoE(TRUE, ActivationGate("sigmoid"))}
    many = GMoE(TRUE, TopKGate(1))
    for match, call in [
        (r"gate_coef has 2 features in fitted and 1 in true.*same", lambda: voronoi_loss(wide, TRUE)),
        (r"gate_coef has 2 features", lambda: voronoi_cells(wide, TRUE)),
        (r"'tanh' \(fitted\) and 'sigmoid' \(true\).*hellinger", lambda: voronoi_loss(gates["fitted"], gates["true"])),
        (r"dense and a sparse.*n_active is None of 2.*1 of 2", lambda: voronoi_loss(GMoE(TRUE, SoftmaxGate()), many)),
        (
            r"has the selection TopK.n=1, by='logit'., true TopK.n=1, by='score'.",
            lambda: voronoi_loss(GMoE(TRUE, TopKGate(1, "logit")), many),
        ),
        (r"inside.*outside", lambda: voronoi_loss(TRUE, TRUE, gate=ActivationGate(intercept="inside"))),
        (r"'sigmoid' is not.*scale='raw'", lambda: voronoi_loss(TRUE, TRUE, gate=ActivationGate(), scale="free")),
        (r"fit 0 needs rbar of a cell of 4 atoms.*rbar=\{4: value\}", lambda: voronoi_loss(four, TRUE)),
        (r"cell of 4 atoms", lambda: voronoi_loss([four] * 2, TRUE, translation="none")),
        (r"rbar maps sizes.*4: -1", lambda: voronoi_loss(TRUE, TRUE, rbar={4: -1})),
        (r"true must be one model, got 2", lambda: voronoi_loss(TRUE, [TRUE] * 2)),
        (r"pass them as X", lambda: voronoi_loss(TRUE, TRUE, weights="gate_probability")),
        (r"Unknown kind 'both'; known: 'exact', 'over', 'power'", lambda: voronoi_loss(TRUE, TRUE, kind="both")),
        (r"variance must be positive; fit 1", lambda: stack(variance=[[1, 1], [1, 0.0]])),
        (r"temperature must be positive; fit 0", lambda: stack(temperature=[0.0, 1.0])),
        (r"intercept must be finite; fit 1", lambda: stack(intercept=[[0, 0], [np.nan, 0]])),
        (r"coef must have shape \(n_fits, k, n_features\).*got \(2, 3, 1\)", lambda: stack(coef=np.zeros((2, 3, 1)))),
        (r"temperature must be one number or have shape \(2,\)", lambda: stack(temperature=[1.0] * 3)),
        (r"Got no fits", lambda: voronoi_loss([], TRUE)),
        (r"need gate_coef of one shape", lambda: voronoi_loss([TRUE, wide], TRUE)),
        (
            r"sees the columns.*\(1,\)",
            lambda: voronoi_loss(GMoE(TRUE, gate_columns=[1]), GMoE(TRUE, gate_columns=[0])),
        ),
    ]:
        with pytest.raises(ValueError, match=match):
            call()
    with pytest.raises(TypeError, match=r"fitted must be a GMoE.*got \['float'\].*model_"):
        voronoi_loss(1.0, TRUE)
