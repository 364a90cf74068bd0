"""Bad input: a ValueError or TypeError that says what was given, what was expected and what to do."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, Parameters, TopKGate
from gmoe.inference import Summary

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 2)), RNG.normal(size=30)
FRAME = pd.DataFrame(X, columns=["width", "depth"])


def changed(values, index, value):
    values = np.array(values)
    values[index] = value
    return values


# Options, fit arguments, error, words that the message must hold.
CASES = {
    "NaN in X": ({}, (changed(X, (7, 1), np.nan), Y), ValueError, ["X", "NaN", "row 7", "drop"]),
    "inf in X": ({}, (changed(X, (3, 0), np.inf), Y), ValueError, ["X", "inf", "row 3"]),
    "float32 NaN in X": ({}, (changed(X, (5, 1), np.nan).astype(np.float32), Y), ValueError, ["row 5"]),
    "NaN in a frame": ({}, (pd.DataFrame(changed(X, (4, 1), np.nan)), Y), ValueError, ["X", "row 4"]),
    "NaN in y": ({}, (X, changed(Y, 9, np.nan)), ValueError, ["y", "NaN", "row 9"]),
    "inf in y": ({}, (X, changed(Y, 2, -np.inf)), ValueError, ["y", "inf", "row 2"]),
    "NaN in a list y": ({}, (X, changed(Y, 9, np.nan).tolist()), ValueError, ["y", "NaN", "row 9"]),
    "NaN in a series y": ({}, (X, pd.Series(changed(Y, 9, np.nan))), ValueError, ["y", "NaN", "row 9"]),
    "y missing": ({}, (X, None), ValueError, ["y"]),
    "X of one dimension": ({}, (X[:, 0], Y), ValueError, ["reshape"]),
    "lengths": ({}, (X, Y[:-1]), ValueError, ["30", "29"]),
    "no experts": ({"n_experts": 0}, (X, Y), ValueError, ["n_experts", ">= 1", "0"]),
    "negative experts": ({"n_experts": -2}, (X, Y), ValueError, ["n_experts", "-2"]),
    "half an expert": ({"n_experts": 2.5}, (X, Y), TypeError, ["n_experts", "integer", "2.5"]),
    "text as number": ({"n_experts": "2"}, (X, Y), TypeError, ["n_experts", "integer", "'2'"]),
    "true experts": ({"n_experts": True}, (X, Y), TypeError, ["n_experts", "True"]),
    "fewer rows than experts": ({"n_experts": 31}, (X, Y), ValueError, ["30", "31", "fewer experts"]),
    "fewer weighted rows": (
        {"n_experts": 4},
        (X, Y, (np.arange(30) < 3).astype(float)),
        ValueError,
        ["3", "4", "fewer experts"],
    ),
    "zero weights": ({}, (X, Y, np.zeros(30)), ValueError, ["weight", "zero"]),
    "negative weight": ({}, (X, Y, changed(np.ones(30), 3, -1.0)), ValueError, ["egative", "sample_weight"]),
    "NaN weight": ({}, (X, Y, changed(np.ones(30), 3, np.nan)), ValueError, ["sample_weight", "NaN"]),
    "weights' length": ({}, (X, Y, np.ones(29)), ValueError, ["sample_weight", "29"]),
    "gate": ({"gate": "sofmax"}, (X, Y), ValueError, ["gate", "'sofmax'", "softmax"]),
    "gate setting": ({"gate": "topk:n=1"}, (X, Y), ValueError, ["'n=1'", "n_active", "select_on", "topk:n_active=2"]),
    "gate setting without value": ({"gate": "topk:1"}, (X, Y), ValueError, ["'1'", "name=value"]),
    "active experts, none": ({"gate": "topk:n_active=0"}, (X, Y), ValueError, ["n_active", ">= 1", "0"]),
    "active experts, many": ({"gate": "topk:n_active=3"}, (X, Y), ValueError, ["n_active=3", "n_experts=2", "1 to 2"]),
    "active experts, text": ({"gate": "topk:n_active=two"}, (X, Y), TypeError, ["n_active", "integer", "'two'"]),
    "select_on": ({"gate": "topk:select_on=bias"}, (X, Y), ValueError, ["select_on", "'bias'", "logit, score"]),
    "temperature": ({"gate": "dense_to_sparse:temperature=-1"}, (X, Y), ValueError, ["temperature", "positive", "-1"]),
    "temperature name": (
        {"gate": "dense_to_sparse:temperature=free"},
        (X, Y),
        ValueError,
        ["temperature", "'free'", "'estimate'"],
    ),
    "activation": ({"gate": "activation:activation=tan"}, (X, Y), ValueError, ["'tan'", "sigmoid", "tanh", "gelu"]),
    "intercept": ({"gate": "activation:intercept=in"}, (X, Y), ValueError, ["intercept", "'in'", "'inside'"]),
    "inside the identity": (
        {"gate": "softmax:intercept=inside"},
        (X, Y),
        ValueError,
        ["inside", "identity", "leave it out"],
    ),
    "exp inside with a temperature": (
        {"gate": "activation:activation=exp,intercept=inside"},
        (X, Y),
        ValueError,
        ["exp", "fixed temperature"],
    ),
    "score without features": (
        {"gate": "topk", "gate_features": []},
        (X, Y),
        ValueError,
        ["gate feature", "drop n_active"],
    ),
    "inside without features": (
        {"gate": "activation:intercept=inside", "gate_features": []},
        (X, Y),
        ValueError,
        ["constant", "outside"],
    ),
    "schedule that rises": ({"schedule": (1, 2)}, (X, Y), ValueError, ["schedule", "fall", "[1.0, 2.0]", "Sort"]),
    "schedule that stays": ({"schedule": (1, 1)}, (X, Y), ValueError, ["schedule", "each once"]),
    "schedule of nothing": ({"schedule": ()}, (X, Y), ValueError, ["schedule", "None"]),
    "schedule to zero": ({"schedule": (1, 0)}, (X, Y), ValueError, ["schedule", "positive", "0"]),
    "schedule of text": ({"schedule": "4, 2"}, (X, Y), TypeError, ["schedule", "'4, 2'", "(4, 2, 1, 0.5)"]),
    "schedule as a number": ({"schedule": 4.0}, (X, Y), TypeError, ["schedule", "4.0"]),
    "gate type": ({"gate": 3}, (X, Y), TypeError, ["gate", "int", "softmax"]),
    "solver": ({"solver": "sgd"}, (X, Y), ValueError, ["solver", "'sgd'", "'mle'", "'em'"]),
    "init name": ({"init": "kmean"}, (X, Y), ValueError, ["init", "'kmean'", "'kmeans'", "'random'", "'split'"]),
    "init shape": ({"init": np.ones((30, 3)) / 3}, (X, Y), ValueError, ["init", "(30, 2)", "(30, 3)"]),
    "init rows": ({"init": np.ones((30, 2))}, (X, Y), ValueError, ["init", "sum to 1"]),
    "init sign": ({"init": np.tile([1.5, -0.5], (30, 1))}, (X, Y), ValueError, ["init", "non-negative"]),
    "init NaN": ({"init": np.full((30, 2), np.nan)}, (X, Y), ValueError, ["init"]),
    "init None": ({"init": None}, (X, Y), (TypeError, ValueError), ["init", "name"]),
    "init parameters": (
        {"init": Parameters([0, 0], np.zeros((2, 1)), [0, 1], np.zeros((2, 1)), [1, 1])},
        (X, Y),
        ValueError,
        ["init", "(2, 1, 1, 1)", "(2, 2, 2, 1)"],
    ),
    "tol": ({"tol": 0.0}, (X, Y), ValueError, ["tol", "positive"]),
    "tol type": ({"tol": "small"}, (X, Y), TypeError, ["tol", "'small'"]),
    "max_iter": ({"max_iter": 0}, (X, Y), ValueError, ["max_iter", ">= 1"]),
    "max_iter type": ({"max_iter": 1e3}, (X, Y), TypeError, ["max_iter", "integer", "1000.0"]),
    "n_init": ({"n_init": 0}, (X, Y), ValueError, ["n_init", ">= 1"]),
    "parameter_space": ({"parameter_space": 1e-4}, (X, Y), TypeError, ["parameter_space", "ParameterSpace(", "0.0001"]),
    "column out of range": ({"gate_features": [2]}, (X, Y), ValueError, ["gate_features", "[2]", "2 columns"]),
    "negative column": ({"expert_features": [-3]}, (X, Y), ValueError, ["expert_features", "[-3]"]),
    "column twice": ({"gate_features": [0, -2]}, (X, Y), ValueError, ["gate_features", "twice"]),
    "name twice": ({"gate_features": ["width", "width"]}, (FRAME, Y), ValueError, ["gate_features", "twice"]),
    "name without names": ({"gate_features": ["width"]}, (X, Y), ValueError, ["'width'", "DataFrame"]),
    "unknown name": ({"gate_features": ["wide"]}, (FRAME, Y), ValueError, ["'wide'", "'width'", "'depth'"]),
    "bare name": ({"gate_features": "width"}, (FRAME, Y), TypeError, ["gate_features", "['width']"]),
    "mask length": ({"gate_features": [True]}, (X, Y), ValueError, ["gate_features", "1 entries", "2 columns"]),
    "column type": ({"gate_features": [0.5]}, (X, Y), TypeError, ["gate_features", "0.5"]),
    "one number": ({"gate_features": 1}, (X, Y), TypeError, ["gate_features", "1"]),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_explained(name):
    options, arguments, error, words = CASES[name]
    with pytest.raises(error) as caught:
        GaussianMoERegressor(**{"n_init": 1, **options}).fit(*arguments)
    for word in words:
        assert re.search(re.escape(word), str(caught.value)), f"{word!r} not in: {caught.value}"


def test_bad_input_after_the_fit():
    fitted = GaussianMoERegressor(1).fit(X, Y)
    with pytest.raises(ValueError, match="row 7"):
        fitted.predict(changed(X, (7, 1), np.nan))
    with pytest.raises(ValueError, match="row 9"):
        fitted.score_samples(X, changed(Y, 9, np.nan))
    with pytest.raises(ValueError, match="3 features.*2 features"):
        fitted.predict(np.ones((2, 3)))
    with pytest.raises(ValueError, match="weight"):
        fitted.bic(X, Y, sample_weight=np.ones(3))
    for level in (0.0, 1.0, 95):
        with pytest.raises(ValueError, match="level"):
            fitted.summary(level)
    assert isinstance(fitted.summary(0.5), Summary)
    with pytest.raises(ValueError, match=r"parameter 'slope'; known: 'gate_intercept', 'gate_coef'"):
        fitted.confidence_interval("slope")
    with pytest.raises(ValueError, match="level"):
        fitted.confidence_interval("coef", level=95)
    with pytest.raises(ValueError, match=r"fixes it at 1.0; use a gate with temperature='estimate'"):
        fitted.confidence_interval("temperature")


@pytest.mark.parametrize(
    ("select_on", "parameter", "reason"),
    [
        ("score", "gate_intercept", "no effect"),
        ("score", "gate_coef", "change-point"),
        ("logit", "gate_intercept", "change-point"),
        ("logit", "gate_coef", "change-point"),
    ],
)
def test_no_intervals_for_regions(select_on, parameter, reason):
    fitted = GaussianMoERegressor(2, TopKGate(1, select_on), n_init=1, random_state=0)
    with warnings.catch_warnings():
        # Noise: what the fit is like does not matter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(X, Y)
    with pytest.raises(ValueError, match=f"{parameter} .*{reason}.*Use n_active >= 2"):
        fitted.confidence_interval(parameter)
    assert fitted.confidence_interval("coef")[0].shape == (2, 2)


def test_no_interval_for_a_mere_scale():
    with pytest.warns(ConvergenceWarning, match="temperature"):
        fitted = GaussianMoERegressor(1, "dense_to_sparse").fit(X, Y)
    with pytest.raises(ValueError, match="does not identify.*or a fixed temperature"):
        fitted.confidence_interval("temperature")


def test_parameters_explain_themselves():
    good = {
        "gate_intercept": [0, 0],
        "gate_coef": [[1], [2]],
        "intercept": [0, 1],
        "coef": [[1], [2]],
        "variance": [1, 1],
    }
    for name, value, words in [
        ("variance", [1, 0], "variance must be positive"),
        ("variance", [1, 1, 1], "gate_intercept must have shape"),
        ("coef", [1, 2], "coef must have shape"),
        ("gate_coef", [[1], [np.nan]], "gate_coef must be finite"),
    ]:
        with pytest.raises(ValueError, match=words):
            Parameters(**{**good, name: value})
