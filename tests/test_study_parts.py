"""Studies of gates and experts that are not the standard ones: described, drawn, fitted, stored and read again."""

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from gmoe import GMoE, Parameters
from gmoe.metrics import hellinger
from gmoe.study import Arrays, SpecError, Study, draw, measure, model_of, run, table
from gmoe.study.protocols.near_truth import NearTruth, Noise

SOFTMAX = {"gate_intercept": [0.0, 0.0], "gate_coef": [[3.0], [0.0]]}
LINES = {"intercept": [3.0, -3.0], "coef": [[1.0], [-1.0]]}
GAUSSIAN = LINES | {"variance": [0.1, 0.2]}
PLANES = {"intercept": [[3.0, 0.0], [-3.0, 1.0]], "coef": [[[1.0], [0.0]], [[0.0], [1.0]]]}
COVARIANCE = {"covariance": [[[0.2, 0.1], [0.1, 0.3]], [[0.1, 0.0], [0.0, 0.1]]]}
TRUTHS = {
    "laplace": {"gate": "laplace", "gate_intercept": [0.0, 0.0], "gate_location": [[-1.0], [1.0]], "gate_scale": 0.5}
    | GAUSSIAN,
    "tree": {"gate": "tree", "gate_node_intercept": [0.5], "gate_node_coef": [[2.0]]} | GAUSSIAN,
    "student": {"experts": "student:df=4"} | SOFTMAX | LINES | {"scale_squared": [0.1, 0.2]},
    "noise": {"experts": "noise:low=-9,high=9"}
    | {"gate_intercept": [0.0, 0.0, -1.0], "gate_coef": [[3.0], [0.0], [1.5]]}
    | {"intercept": [3.0, -3.0, 0.0], "coef": [[1.0], [-1.0], [0.0]], "variance": [0.1, 0.2, 1.0]},
    "multivariate": {"experts": "multivariate"} | SOFTMAX | PLANES | COVARIANCE,
}
COLUMNS = {
    "laplace": ["gate_scale", "gate_location[1,0]", "variance[1]"],
    "tree": ["gate_node_intercept[0]", "gate_node_coef[0,0]"],
    "student": ["scale_squared[1]", "gate_coef[0,0]", "temperature"],
    "noise": ["variance[2]", "gate_coef[2,0]"],
    "multivariate": ["coef[1,0,0]", "covariance[0,1,0]"],
}
each = pytest.mark.parametrize("name", TRUTHS)


def study(truth, **changes):
    values = {
        "name": "parts", "seed": 3, "replications": 2, "sizes": [150], "truth": truth,
        "x": {"law": "uniform", "low": -2.0, "high": 2.0},
        "protocol": [{"kind": "mle", "starts": "near_truth", "n_near": 2}],
        "loss": [{"kind": "hellinger", "points": 3}],
    }  # fmt: skip
    return Study.from_dict(values | changes)


@each
def test_run_and_read_again(name, tmp_path):
    made = study(TRUTHS[name])
    assert Study.from_dict(made.to_dict()).to_dict() == made.to_dict()
    run(made, tmp_path)
    frame = table(tmp_path)
    assert frame["error"].tolist() == ["", ""] and {f"param:{c}" for c in COLUMNS[name]} <= set(frame)
    for row in frame.to_dict("records"):
        model, data = model_of(made, row), draw(made, 150, made.seed_of(150, row["replication"]))
        # The stored model is the fitted one: its log-likelihood is that of the row, to rounding of sums.
        assert model.log_density(data.X, data.y).sum() == pytest.approx(row["log_likelihood"], rel=1e-9)
        # From beside the truth a fit ends above it.
        assert row["log_likelihood"] >= made.truth.log_density(data.X, data.y).sum()


@each
def test_starts_beside_the_truth(name):
    made, rng = study(TRUTHS[name]), np.random.default_rng(0)
    truth, protocol = made.truth, made.protocols[0]
    parts = protocol.gate_for(truth), protocol.experts_for(truth)
    X = np.linspace(-2, 2, 9)[:, None]
    y = truth.sample(X, rng)[0]
    for extra in (0, 1):
        if extra and name == "tree":
            with pytest.raises(ValueError, match=r"TreeGate\(\) of 2 experts is no start for 3; use kind = 'mle'"):
                NearTruth(truth, parts, 3)
            continue
        beside = NearTruth(truth, parts, truth.n_experts + extra)
        for way in beside.ways:
            same = GMoE(beside.placed(way), truth.gate, experts=truth.experts)
            # Doubled experts share one's weight.
            np.testing.assert_allclose(same.log_density(X, y), truth.log_density(X, y), rtol=1e-11)
            near = GMoE(beside.start(way, 150, rng, Noise()), truth.gate, experts=truth.experts)
            # Noise of 0.005 in each coordinate, and densities of residuals of a few standard deviations.
            assert 0.0 < np.abs(near.log_density(X, y) - truth.log_density(X, y)).max() < 2.0


def test_standard_starts_are_the_papers():
    made = study(SOFTMAX | GAUSSIAN)
    truth = made.truth
    start = NearTruth(truth, (truth.gate, truth.experts), 2).start((0, 1), 100, np.random.default_rng(1), Noise())
    rng, scale = np.random.default_rng(1), 0.005 * 100**-0.083
    assert np.array_equal(start.gate_intercept, truth.parameters.gate_intercept + rng.normal(0.0, scale, 2))


def test_protocols_of_other_parts(tmp_path):
    other = {"kind": "mle", "experts": "gaussian", "name": "gaussian", "starts": "data", "n_init": 1}
    made = study(TRUTHS["student"], protocol=[{"kind": "em", "max_iter": 30}, other])
    run(made, tmp_path)
    frame = table(tmp_path)
    assert (frame["error"] == "").all()
    assert frame.loc[frame["protocol"] == "em", "param:variance[0]"].isna().all()
    assert frame.loc[frame["protocol"] == "gaussian", "param:variance[0]"].notna().all()


def test_errors_of_arrays(tmp_path):
    made = study(TRUTHS["laplace"], sizes=[2000])
    run(made, tmp_path)
    found = measure(tmp_path, [Arrays()])
    (row, _) = table(tmp_path).to_dict("records")
    # By hand: in the canonical form of the truth's order expert 0 has intercept 0.
    model = model_of(made, row)
    order = np.argsort(-model.parameters.intercept)
    location = np.abs(model.parameters.others["gate_location"][order, 0] - [-1.0, 1.0]).max()
    assert found["loss:arrays: gate_location"].iloc[0] == pytest.approx(location, rel=1e-12)
    assert found["loss:arrays: gate_scale"].iloc[0] == pytest.approx(abs(row["param:gate_scale"] - 0.5), rel=1e-12)
    intercept = np.diff(model.parameters.gate_intercept[order])[0]
    assert found["loss:arrays: gate_intercept"].iloc[0] == pytest.approx(abs(intercept), rel=1e-12)


def test_arrays_that_move():
    moving = TRUTHS["laplace"] | {"gate_scale": {"value": 0.5, "direction": 1.0, "power": -0.5}}
    made = study(moving, sizes=[100, 400])
    assert made.truth_at(100).parameters.gate_scale == pytest.approx(0.6)
    assert made.to_dict()["truth"]["gate_scale"] == moving["gate_scale"]


@pytest.mark.parametrize(
    ("truth", "changes", "message"),
    [
        (TRUTHS["student"] | {"experts": "studnt"}, {}, "truth.experts: Unknown experts 'studnt'; known: gaussian"),
        (TRUTHS["student"] | {"experts": "gaussian"}, {}, "truth.scale_squared: unknown key; .*known keys: .*variance"),
        (TRUTHS["laplace"] | {"gate_scale": -1.0}, {}, "truth.gate_scale: must be positive, got -1.0: not the logs"),
        (TRUTHS["laplace"] | {"temperature": 2.0}, {}, "truth.temperature: unknown key"),
        (
            {key: value for key, value in TRUTHS["laplace"].items() if key != "gate_scale"}, {},
            "truth: the key 'gate_scale' is missing; a truth needs gate_intercept, gate_location, intercept, coef, var",
        ),
        (TRUTHS["laplace"], {"loss": [{}]}, r"loss\[0\]: Voronoi losses and rates are known for gates by scores"),
        (TRUTHS["student"], {"loss": [{}]}, r"loss\[0\]: Voronoi losses .* not for StudentExperts"),
        (TRUTHS["laplace"], {"loss": [{"kind": "temperature"}]}, r"loss\[0\]: LaplaceGate\(.*\) has no temperature"),
        (TRUTHS["tree"], {"loss": [{"kind": "arrays"}]}, r"loss\[0\]: the experts of TreeGate\(\) have no rows"),
        (
            TRUTHS["student"], {"protocol": [{"kind": "mle", "experts": "gaussian"}]},
            r"protocol\[0\].kind: the truth has no variance to start .* use kind = 'mle' with starts = 'data'",
        ),
        (
            TRUTHS["student"], {"protocol": [{"kind": "published_softmax"}]},
            r"protocol\[0\].kind: published_softmax needs Gaussian experts, not StudentExperts",
        ),
        (
            TRUTHS["multivariate"], {"protocol": [{"kind": "mle", "experts": "student", "starts": "data"}]},
            r"protocol\[0\].experts: .* y has 2 columns",
        ),
        (TRUTHS["student"], {"import": ["no_such"]}, "import: cannot import 'no_such' .*; its file must be in "),
        (TRUTHS["student"], {"import": "os"}, "import: must be a list of names of modules"),
    ],
)  # fmt: skip
def test_messages(truth, changes, message):
    with pytest.raises(SpecError, match=message):
        study(truth, **changes)


def test_distances_of_other_experts():
    def model(experts, intercept, **scale):
        arrays = SOFTMAX | {"coef": LINES["coef"], "intercept": intercept} | scale
        return GMoE(Parameters(**arrays), experts=experts)

    X = np.linspace(-1, 1, 5)[:, None]
    t = [model("student:df=3", c, scale_squared=[0.1, 0.2]) for c in ([3.0, -3.0], [3.2, -3.0])]
    drawn = hellinger(*t, X, method="monte_carlo", rng=np.random.default_rng(0), n_draws=20_000)
    assert abs(float(hellinger(*t, X)) - float(drawn)) < 5 * drawn.standard_error
    # Of 1e9 degrees of freedom Student's densities are Gaussian, to 1e-9.
    t = [model("student:df=1e9", c, scale_squared=[0.1, 0.2]) for c in ([3.0, -3.0], [3.2, -3.0])]
    g = [model("gaussian", c, variance=[0.1, 0.2]) for c in ([3.0, -3.0], [3.2, -3.0])]
    assert float(hellinger(*t, X)) == pytest.approx(float(hellinger(*g, X)), abs=1e-7)
