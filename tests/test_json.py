"""Models and fits as JSON: the same to the last bit, whatever gate and experts, and refused in one line."""

import json
import math
import warnings
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from own import ACTIVATIONS, KEYS
from problems import all_gates
from sklearn.exceptions import ConvergenceWarning
from test_expert_contract import CASES, point
from test_expert_contract import D as D_EXPERT
from test_expert_contract import data as expert_data
from test_gate_contract import SETTINGS, SIZES, D
from test_gate_contract import parameters as gate_parameters

from gmoe import (
    FitResult,
    Gate,
    GaussianMoERegressor,
    GMoE,
    Parameters,
    ParameterSpace,
    TopKGate,
    as_gate,
    gates,
)
from gmoe import _json as codec
from gmoe.cli import main
from gmoe.datasets import load_penguins
from gmoe.design import CODINGS
from gmoe.frames import Frame, ResponseFrame


def same_arrays(one, other):
    assert one.parameters.arrays.keys() == other.parameters.arrays.keys()
    for name, value in one.parameters.arrays.items():
        there = other.parameters.arrays[name]
        assert value.shape == there.shape and value.tobytes() == there.tobytes(), name


def model_of(gate, k, d=D, seed=0):
    rng = np.random.default_rng(seed)
    arrays = gate.to_raw(*gate_parameters(gate, k, d), Frame.identity(d))
    means = {"intercept": rng.normal(size=k), "coef": rng.normal(size=(k, 1)), "variance": rng.uniform(0.3, 1.0, k)}
    return GMoE(Parameters(**means, **arrays), gate, None, (2,))


def test_every_gate_comes_back():
    models = [model_of(gate, k) for gate, k in SIZES.values()]
    models += [model_of(gate, 3) for gate in all_gates(3).values()]
    for model in models:
        back = GMoE.from_json(model.to_json())
        assert (back.gate, back.experts) == (model.gate, model.experts)
        assert (back.gate_columns, back.expert_columns) == (model.gate_columns, model.expert_columns)
        same_arrays(model, back)
    assert len(models) > 200 and {type(as_gate(text)) for text in SETTINGS} <= {type(model.gate) for model in models}


@pytest.mark.parametrize(("experts", "p"), CASES)
def test_every_family_of_experts_comes_back(experts, p):
    own, shared = point(experts, p)
    arrays = experts.to_raw(own, shared, ResponseFrame.identity(D_EXPERT, p))
    model = GMoE(Parameters(gate_intercept=np.zeros(3), gate_coef=np.eye(3, D_EXPERT), **arrays), experts=experts)
    back = GMoE.from_json(model.to_json(indent=2))
    assert back.experts == model.experts
    same_arrays(model, back)
    x, y = expert_data(p)
    y = y[0] if p == 1 else y.T
    np.testing.assert_array_equal(back.log_density(x.T, y), model.log_density(x.T, y))


def test_numbers_to_the_last_bit():
    rng = np.random.default_rng(0)
    # All exponents; among them what is denormal, and the sign of 0.
    bits = rng.integers(0, 2**63, 20_000, dtype=np.uint64) | (rng.integers(0, 2, 20_000, dtype=np.uint64) << 63)
    values = np.append(bits.view(float), [0.0, -0.0, 5e-324, -1.7976931348623157e308, math.inf, -math.inf, math.nan])
    text = codec.dumps({"values": codec.numbers(values)})
    back = codec.array(codec.loads(text)["values"], "values")
    known = ~np.isnan(values)
    assert values[known].tobytes() == back[known].tobytes() and np.isnan(back[~known]).all()
    assert codec.array(codec.numbers(np.empty((0, 2))), "x").shape == (0, 2)


@pytest.fixture(scope="module")
def frame():
    X, y = load_penguins(return_X_y=True)
    sizes = {"depth": X[:, 0], "flipper": X[:, 1], "size": np.where(X[:, 2] > 4200, "large", "small")}
    return pd.DataFrame(sizes), y


def fitted_of(X, y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMoERegressor(2, n_init=1, random_state=0, **options).fit(X, y)


def test_a_fit_comes_back_whole(frame):
    X, y = frame[0][::4], frame[1][::4]
    numbers = X[["depth", "flipper"]]
    space = ParameterSpace(variance_ratio=0.01, max_coef=50.0)
    for given, options in (
        (numbers.to_numpy(), {"gate": "topk:n_active=1", "parameter_space": space, "solver": "em", "max_iter": 5}),
        (numbers, {"gate_features": ["flipper"], "experts": "student:df=estimate"}),
        (numbers, {"gate": as_gate("tree:tree=0+1")}),
        (X, {"gate_features": ["size"], "expert_features": ["depth", "size"], "coding": "sum"}),
    ):
        fitted = fitted_of(given, y, **options)
        back = GaussianMoERegressor.from_json(fitted.to_json())
        assert back.to_json() == fitted.to_json()
        same_arrays(fitted.model_, back.model_)
        assert str(back.summary()) == str(fitted.summary())
        for name in (field.name for field in fields(FitResult)):
            value, there = (getattr(result, name) for result in (fitted.fit_result_, back.fit_result_))
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(there, value)
            elif name not in ("model", "other_maxima"):
                assert type(there) is type(value) and there == value, name
        np.testing.assert_array_equal(back.predict(given), fitted.predict(given))
        np.testing.assert_array_equal(back.responsibilities(given, y), fitted.responsibilities(given, y))
        assert back.converged_ == fitted.converged_ and back.n_features_in_ == fitted.n_features_in_
    with pytest.raises(ValueError, match="unknown level 'huge'"):
        back.predict(X.assign(size="huge"))


def test_what_a_fit_by_the_command_kept_predicts(frame, tmp_path, capsys):
    X, y = frame
    table = X.assign(y=y)
    table.to_csv(tmp_path / "t.csv", index=False)
    argv = ["fit", str(tmp_path / "t.csv"), "--y", "y", "--expert-features", "depth", "--gate-features", "size"]
    assert main([*argv, "--categories", "size", "--n-init", "1", "--json"]) in (0, 1)
    text = capsys.readouterr().out
    (tmp_path / "fit.json").write_text(text)
    fitted = GaussianMoERegressor.from_json(text)
    assert {"target", "parameters", "certificate"} <= json.loads(text).keys()
    assert (fitted.gate_features, fitted.expert_features) == (["size"], ["depth"])
    same_arrays(fitted.model_, GMoE.from_json(text))
    # More columns, in another order; the response is not there.
    new = pd.DataFrame({"more": ["x", "y", "z"], "size": X["size"][:3], "depth": X["depth"][:3]})
    new.to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / "p.csv"
    argv = ["predict", str(tmp_path / "fit.json"), str(tmp_path / "new.csv")]
    assert main([*argv, "--quantiles", "0.05", "0.95", "--out", str(out)]) == 0
    found = pd.read_csv(out, dtype=str).astype(float)
    assert list(found) == ["mean", "std", "quantile_0.05", "quantile_0.95", "gate_0", "gate_1"]
    mean, std = fitted.predict(new, return_std=True)
    np.testing.assert_array_equal(found["mean"], mean)
    np.testing.assert_array_equal(found["std"], std)
    np.testing.assert_array_equal(found["quantile_0.95"], fitted.predict_quantiles(new, 0.95))
    new.assign(y=[1.0, None, 3.0]).to_csv(tmp_path / "new.csv", index=False)
    assert main([*argv, "--y", "y", "--drop-missing"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("line,y,mean,std,log_density,expert,gate_0") and len(lines) == 3
    new.assign(size="huge").to_csv(tmp_path / "new.csv", index=False)
    assert main(argv) == 2
    assert "unknown level 'huge'" in capsys.readouterr().err
    assert main(["predict", str(tmp_path / "t.csv"), str(tmp_path / "t.csv")]) == 2
    assert "no JSON" in capsys.readouterr().err
    assert main([*argv, "--quantiles", "5"]) == 2


def changed(content, path, value):
    *way, last = path.split(".")
    content = json.loads(json.dumps(content))
    place = content
    for name in way:
        place = place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return json.dumps(content)


BAD = {
    "format": (None, "no 'format'"),
    "format ": (99, "format 99, and gmoe .* reads format 1"),
    "model": (None, "'model' of the JSON is missing"),
    "model.gate": ("sofmax", "Unknown gate 'sofmax'"),
    "model.gate ": (3, "'gate' of the JSON is 3"),
    "model.experts": ("gaussian:df=3", "do not take"),
    "model.arrays.variance": (None, "variance"),
    "model.arrays.variance ": ([1.0, -1.0], "positive"),
    "model.arrays.variance  ": ([1.0, "x"], "no array of numbers"),
    "model.arrays.coef": ([[1.0]], "coef"),
    "model.gate_columns": ([0.5, 1], "whole numbers"),
    "result": (None, "'result'"),
    "result.spread": ([[1.0]], "length"),
    "result.notes": ([1], "type str"),
    "result.status": (1, "'status'"),
    "result.space": ({"volume": 1}, "space"),
    "settings.n_trees": (5, "n_trees"),
    "design.gate": ([1], "differ"),
    "design": (None, "by a formula"),
    "features": (["a"], "names of features"),
}


@pytest.mark.parametrize("path", BAD)
def test_what_is_refused(path, frame):
    value, words = BAD[path]
    content = json.loads(test_what_is_refused.text or text_of(frame))
    with pytest.raises(ValueError, match=words) as error:
        GaussianMoERegressor.from_json(changed(content, path.strip(), value))
    assert "\n" not in str(error.value)


def text_of(frame):
    test_what_is_refused.text = fitted_of(frame[0][["depth", "flipper"]].to_numpy(), frame[1]).to_json()
    return test_what_is_refused.text


test_what_is_refused.text = ""


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"format": 1, "model": NaN}', '{"format": true}'])
def test_what_is_no_json_of_a_model(text):
    with pytest.raises(ValueError, match="JSON"):
        GMoE.from_json(text)


def test_parts_without_a_name_are_refused(monkeypatch):
    gate = Gate(ACTIVATIONS["softsign"], temperature=1.0)
    model = model_of(gate, 3)
    with pytest.raises(ValueError, match="cannot be written: .*register"):
        model.to_json()
    with pytest.raises(ValueError, match="cannot be written"):
        model_of(TopKGate(2, KEYS["distance"]), 3).to_json()
    # Registered, it is found by its name.
    monkeypatch.setattr(gates.activations, "_REGISTRY", gates.activations._REGISTRY.copy())
    gates.register(ACTIVATIONS["softsign"])
    assert GMoE.from_json(model.to_json()).gate == gate


def test_levels_of_every_coding(frame):
    X, y = frame
    for coding in CODINGS:
        fitted = fitted_of(
            X.assign(size=np.where(X["size"] == "small", 1, 2)).astype({"size": "category"}), y, coding=coding
        )
        back = GaussianMoERegressor.from_json(fitted.to_json())
        (term,) = (term for term in back.design_.terms if term.name == "size")
        assert term.levels == (1, 2) and term.coding == coding
