"""Held and tied parameters: against an independent constrained optimiser, and through all that reads a fit."""

import json

import numpy as np
import pytest
import scipy
from likelihood import fit_arrays, value_and_gradient
from problems import draw

from gmoe import GaussianMoERegressor, GMoE, Parameters, ParameterSpace, SoftmaxGate, edit
from gmoe.constraints import (
    Columns,
    EqualProportions,
    Equation,
    Held,
    HeldExpert,
    HeldModel,
    Linear,
    Offset,
    Ridge,
    Shares,
    Tied,
)
from gmoe.constraints.places import Places
from gmoe.constraints.system import resolved
from gmoe.inference import bootstrap, infer, likelihood_ratio_test, n_experts_test
from gmoe.solvers.ascent.em import em
from gmoe.solvers.ascent.face import Face, follow
from gmoe.solvers.problem.terms import Terms
from gmoe.solvers.problem.walls import EqualWall
from gmoe.solvers.search.labelled import labelled
from gmoe.table import parameter_names, parameter_values

K, D = 2, 2
# A space that bounds nothing near the maximum: SciPy's optimisers know of none.
WIDE = ParameterSpace(variance_ratio=1e-8, rows_per_parameter=0.0)
TRUTH = GMoE(Parameters([0.0, -0.4], [[0.0, 0.0], [1.5, 0.5]], [1.0, -0.5], [[-1.0, 0.4], [1.0, 0.3]], [0.25, 0.36]))
PUBLISHED = GMoE(Parameters([0.0], [[0.0, 0.0]], [1.1], [[-0.9, 0.35]], [0.3]))


def data(n=400, seed=5):
    """Draws of the truth, features of other units and offsets."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2.0, 2.0, (n, 2)) * [1.0, 0.5] + [0.3, 1.0]
    return X, TRUTH.sample(X, rng)[0]


X, Y = data()
LABELS = ("x", "z")


def fitted(constraints, k=K, **options):
    return fit_arrays(X, Y, k, constraints=constraints, column_names=LABELS, **{"space": WIDE, "n_init": 5, **options})


@pytest.fixture(scope="module")
def plain():
    return fitted(())


def oracle(equations, start):
    """Maximise the likelihood of tests/likelihood.py under equations on the table, by SciPy's SLSQP.

    The first expert's gate is 0; variances are in logs.
    """
    names = parameter_names(TRUTH, LABELS)
    rows = np.zeros((len(equations), len(names)))
    for row, equation in zip(rows, equations, strict=True):
        for name, factor in equation.terms:
            row[names.index(name)] += factor
    level = np.array([equation.level for equation in equations])
    width = len(names) // K
    last, pinned = np.arange(1, K + 1) * width - 1, np.arange(1 + D)
    free = np.setdiff1d(np.arange(len(names)), pinned)

    def table(z):
        full = np.zeros(len(names))
        full[free] = z
        full[last] = np.exp(full[last])
        return full.reshape(K, width)

    def loss(z):
        value, gradient = value_and_gradient(table(z), X, X, Y)
        return -value / len(Y), -gradient.ravel()[free] / len(Y)

    begin = start.copy()
    begin[last] = np.log(begin[last])
    constraint = {"type": "eq", "fun": lambda z: rows[:, free] @ z - level, "jac": lambda z: rows[:, free]}
    found = scipy.optimize.minimize(
        loss, begin[free], jac=True, method="SLSQP", constraints=constraint, options={"ftol": 1e-15, "maxiter": 1000}
    )
    return -found.fun * len(Y), table(found.x).ravel()


CASES = {
    "held": [Held("coef[x] (0)", -0.7)],
    "held by entry": [Held("coef[z]", 0.3)],
    "held gate": [Held("gate_coef[z] (1)", 0.0), Held("variance (1)", 0.5)],
    "tied slopes": [Tied("coef")],
    "tied variances": [Tied("variance")],
    "equation": [Linear("coef[x] (0) + 2 * coef[z] (1) = 0.1"), Linear("variance (0) = 0.5 * variance (1)")],
    "equal proportions": [EqualProportions()],
    "columns": [Columns(0, ["x"]), Columns(1, ["z"])],
    "expert": [HeldExpert(1, PUBLISHED, of=0)],
    "mixed": [Held("intercept (0)", 1.2), Tied("coef[z]"), Linear("coef[x] (0) + coef[x] (1) = 0")],
}


@pytest.mark.parametrize("name", CASES)
def test_fits_are_those_of_an_independent_optimiser(name, plain):
    result = fitted(CASES[name])
    names = result.parameter_names
    values = parameter_values(result.model)
    # It is a local optimiser. Where constraints treat experts alike, the order by shares is had from a start near it.
    shift = 1.0 + 0.05 * np.random.default_rng(0).standard_normal(len(values))
    ends = [oracle(result.constraints, start) for start in map(parameter_values, (TRUTH, plain.model, result.model))]
    near, table = oracle(result.constraints, values * shift)
    value = max(near, *(end for end, _ in ends))
    assert result.status == "converged"
    # SLSQP ends where the average value moves by less than 1e-15: 1e-7 in the parameters, 1e-12 in the value.
    assert result.log_likelihood == pytest.approx(value, abs=1e-6)
    assert values == pytest.approx(table, abs=1e-6)
    assert result.log_likelihood < plain.log_likelihood
    assert result.n_free_parameters == plain.n_free_parameters - len(result.constraints)
    for equation in result.constraints:
        if equation.holds is not None:  # to the last bit
            assert values[names.index(equation.holds)] == equation.value
        if equation.ties is not None:
            first, other = (values[names.index(one)] for one in equation.ties)
            assert first == other


def test_standard_errors_are_those_of_the_free_directions(plain):
    result = fitted([Held("coef[x] (0)", -1.0), Tied("coef[z]")])
    names = result.parameter_names
    notes = dict(zip(names, result.notes, strict=True))
    assert notes["coef[x] (0)"] == "held" and notes["coef[z] (1)"] == "" and notes["gate_coef[x] (0)"] == "pinned"
    # Second differences of the plain likelihood in what is free, of step 1e-4: their error is 1e-5 relative.
    free = [i for i, name in enumerate(names) if notes[name] == "" and name != "coef[z] (1)"]
    at = parameter_values(result.model)
    units = result.standard_errors

    def gradient(z):
        full = at.copy()
        full[free] = z
        full[names.index("coef[z] (1)")] = full[names.index("coef[z] (0)")]
        found = value_and_gradient(full.reshape(K, -1), X, X, Y)[1].ravel()
        found[[i for i, name in enumerate(names) if name.startswith("variance")]] /= full.reshape(K, -1)[:, -1]
        found[names.index("coef[z] (0)")] += found[names.index("coef[z] (1)")]
        return found[free]

    steps = 1e-4 * np.diag(units[free])
    information = -np.array([(gradient(at[free] + s) - gradient(at[free] - s)) / (2 * s.max()) for s in steps])
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    assert units[free] == pytest.approx(errors, rel=1e-4)
    assert units[names.index("coef[z] (1)")] == pytest.approx(units[names.index("coef[z] (0)")], rel=1e-9)


def test_tied_variances_are_those_of_the_parameter_space():
    tied, space = fitted([Tied("variance")]), fitted((), space=ParameterSpace(variance_ratio=1.0))
    assert tied.log_likelihood == pytest.approx(space.log_likelihood, abs=1e-9)  # two climbs to gradients below 1e-8
    assert tied.n_free_parameters == space.n_free_parameters
    both = fitted([Tied("variance")], space=ParameterSpace(variance_ratio=1.0))
    assert both.n_free_parameters == tied.n_free_parameters


def test_experts_keep_the_numbers_that_constraints_name():
    # The expert of the smaller share is named first.
    for j in range(2):
        result = fitted([HeldExpert(j, PUBLISHED, of=0)])
        assert result.model.parameters.coef[j].tolist() == [-0.9, 0.35]
    # A constraint that treats all alike leaves the order to the shares.
    assert np.all(np.diff(fitted([Tied("coef[z]")]).shares) < 0.0)


def test_a_whole_model_is_held_to_the_last_bit(plain):
    result = fitted([HeldModel(plain.model)], k=3)
    old, new = parameter_values(plain.model), parameter_values(result.model)
    names = {name: value for name, value in zip(result.parameter_names, new.tolist(), strict=True)}
    assert [names[name] for name in plain.parameter_names] == old.tolist()
    # One more expert: gate (3), mean (3) and variance.
    assert result.n_free_parameters == 7 and result.log_likelihood >= plain.log_likelihood - 1e-9


def test_likelihood_ratios_know_what_is_nested(plain):
    one, both = fitted([Tied("coef[z]")]), fitted([Tied("coef[z]"), Held("coef[z] (0)", 0.3)])
    test = likelihood_ratio_test(both, one)
    assert test.df == 1 and test.statistic == pytest.approx(2 * (one.log_likelihood - both.log_likelihood))
    assert "coef[z] (0) = 0.3" in str(test)
    assert likelihood_ratio_test(both, plain).df == 2
    # What is held at two equal values is tied, too.
    assert likelihood_ratio_test(fitted([Held("coef[z]", 0.3)]), one).df == 1
    with pytest.raises(ValueError, match=r"not nested: the large one holds coef\[z\] \(0\)"):
        likelihood_ratio_test(fitted([Tied("variance"), Held("coef[x] (0)", -1.0)]), one)


def test_inference_stays_on_the_constraints():
    result = fitted([Tied("coef"), Held("intercept (0)", 1.0)])
    robust = infer(result, X, Y, cov_type="robust").parameters
    # The model generated the data: n = 400 tells both by some 10 %.
    used = np.array(result.notes) == ""
    assert robust.standard_errors[used] == pytest.approx(result.standard_errors[used], rel=0.3)
    draws = bootstrap(result, X, Y, rng=np.random.default_rng(0), n_boot=3)
    for model in draws.models:
        assert model.parameters.coef[0].tolist() == model.parameters.coef[1].tolist()
        assert model.parameters.intercept[0] == 1.0
    with pytest.raises(ValueError, match="constraints name experts"):
        n_experts_test(result, X, Y, rng=np.random.default_rng(0))


def test_what_is_tied_is_not_tested():
    found = GaussianMoERegressor(2, constraints=Tied("coef[1]"), n_init=1, random_state=0).fit(X, Y)
    for text in ("coef[1] (0) = coef[1] (1)", "coef[1] (0) = coef[1] (1) + 1"):
        with pytest.raises(ValueError, match="decided by the constraints"):
            found.inference().wald_test(text)
    assert found.inference().wald_test("coef[1] (0) + coef[1] (1) = 0").df == 1


def test_an_estimator_writes_and_reads_its_constraints():
    model = GaussianMoERegressor(2, constraints=["coef[x0] (0) = -1", Tied("variance")], n_init=5, random_state=0)
    import pandas as pd

    frame = pd.DataFrame(X, columns=["x0", "x1"])
    model.fit(frame, Y)
    text = model.to_json()
    again = GaussianMoERegressor.from_json(text)
    assert str(again.summary()) == str(model.summary())
    assert "held: coef[x0] (0) = -1; variance (0) = variance (1)" in str(model.summary())
    assert again.fit_result_.constraints == model.fit_result_.constraints
    refitted = again.fit(frame, Y)
    assert refitted.coef_[0, 0] == -1.0
    content = json.loads(text)
    content["result"]["constraints"] = [{"kind": "Equation", "terms": [["x"]], "value": 1.0, "positive": False}]
    with pytest.raises(ValueError, match="pairs of a name and a number"):
        GaussianMoERegressor.from_json(json.dumps(content))


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        (Held("coef[xx]", 1.0), r"did you mean 'coef\[x\]'"),
        (Held("coef[x] (7)", 1.0), r"did you mean 'coef\[x\] \("),
        (Held("coef", 1.0, experts=[2]), "There is no expert 2"),
        (Held("gate_coef[x] (0)", 1.0), "reference, expert 0"),
        (Held("variance", -1.0), "at a positive number"),
        (Held("coef", [1.0, 2.0, 3.0]), "stands for 4 parameters, and 3 values"),
        (Held("temperature", 1.0), "no parameter 'temperature'"),
        (Tied("coef[x]", [1]), "two experts or more"),
        (Columns(0, ["zz"]), "did you mean 'z'"),
        ([Held("coef[x] (0)", 1.0), Held("coef[x] (1)", 2.0), Tied("coef")], r"coef\[x\] \(0\) = coef.* contradicts"),
        ("variance (0) + variance (1) = 2", "not linear in the logarithms"),
        (HeldExpert(0, TRUTH, of=4), "no expert 4 in the model"),
        (HeldModel(GMoE(Parameters([0.0] * 3, [[0.0]] * 3, [1.0] * 3, [[0.0]] * 3, [1.0] * 3))), "3 experts"),
    ],
)
def test_what_cannot_be_held_is_named(constraints, message):
    import pandas as pd

    frame = pd.DataFrame(X, columns=LABELS)
    with pytest.raises(ValueError, match=message):
        GaussianMoERegressor(2, constraints=constraints, n_init=1).fit(frame, Y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "em"}, "solver='mle'"),
        ({"gate": "topk:n_active=1"}, "dense gates"),
        ({"gate": "activation:activation=tanh,temperature=estimate", "constraints": Held("gate_intercept (1)", 1.0)},
         "no affine function"),
        ({"constraints": 3}, "must be values as Held"),
        ({"constraints": [Held("variance (0)", 1.0), Held("intercept", 0.0)],
          "parameter_space": ParameterSpace(max_variance=0.5)}, "ended|converged"),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_with_constraints(options, message):
    if "ended" in message:
        # What is held is held, whatever the space says of it.
        found = GaussianMoERegressor(2, n_init=1, random_state=0, **options).fit(X, Y)
        assert found.variance_[0] == 1.0 and found.variance_[1] <= 0.5 * (1.0 + 1e-9)
        return
    with pytest.raises((ValueError, TypeError), match=message):
        GaussianMoERegressor(2, n_init=1, **{"constraints": Held("coef[0]", 0.0), **options}).fit(X, Y)


def test_columns_that_say_nothing_cannot_be_held():
    wide = np.column_stack([X, X[:, 0]])
    with pytest.raises(ValueError, match="collinear|nothing moves"):
        fit_arrays(wide, Y, 2, constraints=[Held("coef[0] (0)", 1.0), Held("coef[2] (0)", 0.0)])


def test_equations_that_follow_from_others_are_left_out():
    names = parameter_names(TRUTH, LABELS)
    still, all_true = np.zeros(len(names), bool), np.ones(len(names), bool)
    places = Places(names, still, still, all_true, LABELS, ("gate_intercept", "gate_coef"), 2)
    found = resolved([Held("coef[x]", 1.0), Tied("coef[x]"), Linear("coef[x] (0) + coef[x] (1) = 2")], places)
    assert found == (Equation((("coef[x] (0)", 1.0),), 1.0), Equation((("coef[x] (1)", 1.0),), 1.0))
    assert [str(e) for e in Linear("2 * coef[x] (0) - coef[z] (1) = 3").equations(places)] == [
        "2 * coef[x] (0) - coef[z] (1) = 3"
    ]


@pytest.mark.parametrize("experts", ["student", "heteroscedastic"])
def test_other_experts_are_held(experts):
    found = GaussianMoERegressor(2, experts=experts, constraints=Held("coef[0] (0)", -1.0), n_init=5).fit(X, Y)
    assert found.coef_[0, 0] == -1.0 and found.converged_


def test_other_gates_are_held():
    settings = {"gate": "activation:activation=tanh", "n_init": 1, "random_state": 0}
    found = GaussianMoERegressor(2, constraints=Tied("coef[1]"), **settings).fit(X, Y)
    plain = GaussianMoERegressor(2, **settings).fit(X, Y)
    assert found.coef_[0, 1] == found.coef_[1, 1]
    assert plain.log_likelihood_ - 20.0 < found.log_likelihood_ < plain.log_likelihood_


def test_a_search_over_numbers_needs_one():
    from gmoe.solvers.fit import fit_path

    columns = np.arange(2)
    with pytest.raises(ValueError, match="one number"):
        fit_path(X, Y, gate=SoftmaxGate(), gate_columns=columns, expert_columns=columns, numbers=(1, 2),
                 constraints=[Held("coef", 0.0)])  # fmt: skip


def test_a_published_model_gets_one_expert_for_rows_of_ones_own():
    rng = np.random.default_rng(3)
    whole = GMoE(
        Parameters(
            [0.0, -0.4, -2.0], [[0.0], [1.5], [0.5]], [1.0, -0.5, 4.0], [[-1.0], [1.0], [0.5]], [0.25, 0.36, 0.16]
        )
    )
    published = edit.prune(whole, *_draws(whole, 50, rng), expert=2).model
    X, y = _draws(whole, 600, rng)
    found = edit.customise(published, X, y, n_init=5)
    old, new = published.parameters.arrays, found.model.parameters.arrays
    for name in ("intercept", "coef", "variance", "gate_intercept", "gate_coef"):
        assert new[name][:2].tobytes() == old[name].tobytes()
    # The fit of the new expert alone: within five of its standard errors of the truth, a false alarm in 1e-5.
    errors = found.result.standard_errors.reshape(3, -1)[2]
    truth = parameter_values(whole).reshape(3, -1)[2]
    assert found.result.status == "converged" and found.df == 5 and found.loss < -50.0
    assert np.all(np.abs(parameter_values(found.model).reshape(3, -1)[2] - truth) < 5.0 * errors)
    with pytest.raises(ValueError, match="X must have shape"):
        edit.customise(published, X[:, :0], y)
    with pytest.raises(ValueError, match="dense gates"):
        edit.customise(edit.activate(published, X, y, 1).model, X, y)


def _draws(model, n, rng):
    X = rng.uniform(-2.0, 2.0, (n, 1))
    return X, model.sample(X, rng)[0]


def test_an_offset_is_a_response_less_a_column():
    shift = 0.5 * np.sin(np.arange(len(Y)))
    wide = np.column_stack([X, shift])
    settings = {"n_init": 5, "space": WIDE, "expert_columns": np.arange(3)}
    found = fit_arrays(wide, Y + shift, K, constraints=[Offset(2)], **{**settings, "gate_columns": np.arange(2)})
    plain = fitted(())
    # Other scaled coordinates, and so another climb to the same maximum.
    assert found.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-7)
    assert found.model.parameters.coef[:, 2].tolist() == [1.0, 1.0]
    assert found.model.parameters.coef[:, :2] == pytest.approx(plain.model.parameters.coef, abs=1e-6)
    seen = fit_arrays(wide, Y + shift, K, constraints=[Offset(2)], **{**settings, "gate_columns": np.arange(3)})
    assert seen.model.parameters.gate_coef[:, 2].tolist() == [0.0, 0.0]
    assert seen.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-7)
    with pytest.raises(ValueError, match="needs experts that see the column"):
        fitted([Offset("x")], expert_columns=np.array([1]))


def test_given_shares_are_those_of_an_independent_optimiser():
    given = np.array([0.4, 0.6])
    result = fitted([Shares(given), Tied("coef[z]")])
    at = parameter_values(result.model)
    names, width = result.parameter_names, len(at) // K
    free, last = np.arange(1 + D, len(at)), np.arange(1, K + 1) * width - 1
    tied = [names.index(f"coef[z] ({j})") - 1 - D for j in range(K)]

    def table(z):
        full = np.concatenate([np.zeros(1 + D), z])
        full[last] = np.exp(full[last])
        return full.reshape(K, width)

    def loss(z):
        value, gradient = value_and_gradient(table(z), X, X, Y)
        return -value / len(Y), -gradient.ravel()[free] / len(Y)

    def share(z):
        logit = table(z)[1, 0] + X @ table(z)[1, 1 : 1 + D]
        return scipy.special.expit(logit).mean() - given[1]

    begin = at * (1.0 + 0.05 * np.random.default_rng(0).standard_normal(len(at)))
    begin[last] = np.log(begin[last])
    equal = [{"type": "eq", "fun": share}, {"type": "eq", "fun": lambda z: z[tied[0]] - z[tied[1]]}]
    found = scipy.optimize.minimize(
        loss, begin[free], jac=True, method="SLSQP", constraints=equal, options={"ftol": 1e-15, "maxiter": 1000}
    )
    assert result.status == "converged" and result.shares == pytest.approx(given, abs=1e-9)
    # The slope of the share is a difference of SciPy's, of step 1e-8: 1e-6 in the parameters.
    assert result.log_likelihood == pytest.approx(-found.fun * len(Y), abs=1e-6)
    assert at == pytest.approx(table(found.x).ravel(), abs=1e-5)
    assert result.n_free_parameters == 2 * 7 - 3 - 2 and result.given_shares == (0.4, 0.6)


def test_given_shares_of_a_constant_gate_hold_its_intercept():
    result = fitted([Shares([0.25, 0.75])], gate_columns=np.arange(0))
    assert result.model.parameters.gate_intercept[1] == pytest.approx(np.log(3.0), abs=1e-9)
    assert result.notes[result.parameter_names.index("gate_intercept (1)")] == "held"
    model = GaussianMoERegressor(2, constraints=Shares([0.4, 0.6]), n_init=5, random_state=0).fit(X, Y)
    again = GaussianMoERegressor.from_json(model.to_json())
    assert again.constraints == [Shares((0.4, 0.6))] and str(again.summary()) == str(model.summary())
    plain = GaussianMoERegressor(2, n_init=5, random_state=0).fit(X, Y)
    assert model.likelihood_ratio_test(plain).df == 1
    with pytest.raises(ValueError, match="positive numbers that sum to 1"):
        Shares([0.5, 0.6])
    with pytest.raises(ValueError, match="3 shares are given for 2 experts"):
        fitted([Shares([0.5, 0.25, 0.25])])
    with pytest.raises(ValueError, match="give one"):
        fitted([Shares([0.5, 0.5]), Shares([0.25, 0.75])])


def test_large_problems_and_threads_hold_constraints():
    # Beyond 120 parameters climbs go by conjugate gradients.
    rng = np.random.default_rng(1)
    many = rng.standard_normal((500, 31))
    y = np.where(rng.random(500) < 0.5, 2.0 + many[:, 0], -2.0 - many[:, 1]) + 0.5 * rng.standard_normal(500)
    constraints = [Tied("coef[3]"), Held("coef[4]", 0.0), EqualProportions()]
    runs = [fit_arrays(many, y, 2, constraints=constraints, n_init=2, n_jobs=jobs, max_iter=60) for jobs in (1, 2)]
    assert runs[0].status == "converged" and runs[0].log_likelihood == runs[1].log_likelihood
    coef = runs[0].model.parameters.coef
    assert coef[0, 3] == coef[1, 3] and coef[:, 4].tolist() == [0.0, 0.0]


def test_standard_errors_bend_with_given_shares():
    result = fitted([Shares([0.3, 0.7])])
    at, names = parameter_values(result.model), result.parameter_names
    width, place = len(at) // K, names.index("gate_intercept (1)")
    free = [i for i in range(1 + D, len(at)) if i != place]

    def log_likelihood(z):
        full = at.copy()
        full[free] += z * result.standard_errors[free]
        # The intercept that gives the shares.
        score = X @ full.reshape(K, width)[1, 1 : 1 + D]
        full[place] = scipy.optimize.brentq(lambda u: scipy.special.expit(u + score).mean() - 0.7, -50, 50, xtol=1e-14)
        return value_and_gradient(full.reshape(K, -1), X, X, Y)[0]

    # Second differences of step 0.01 standard errors: their error is 1e-4 relative, and 1e-13 * 448 / 1e-4 of rounding.
    step, units = 1e-2, np.eye(len(free))
    pairs = [(a, b) for a in range(len(free)) for b in range(a, len(free))]
    information = np.zeros((len(free), len(free)))
    for a, b in pairs:
        ends = [log_likelihood(step * (s * units[a] + t * units[b])) for s in (1, -1) for t in (1, -1)]
        information[a, b] = information[b, a] = -(ends[0] - ends[1] - ends[2] + ends[3]) / (4 * step**2)
    # In units of the standard errors: their squares are the diagonal of the inverse.
    assert np.diag(np.linalg.inv(information)) == pytest.approx(1.0, abs=2e-3)


def test_a_held_expert_needs_no_rows():
    # Three rows in 400 belong to a published expert, far fewer than the default space asks for.
    far = GMoE(Parameters([0.0], [[0.0, 0.0]], [12.0], [[0.0, 0.0]], [0.01]))
    y = Y.copy()
    y[:3] = 12.0
    result = fit_arrays(X, y, 3, constraints=[HeldExpert(2, far, of=0)], n_init=5)
    assert result.status == "converged" and result.effective_rows[2] == pytest.approx(3.0, abs=0.1)


def test_a_tie_decides_what_the_rows_of_an_expert_do_not():
    # A dummy where two other experts alone speak, far on either side: without the tie the choice of the first one's
    # slope is open, and the nearest to the regression on all data is taken.
    rng = np.random.default_rng(4)
    x = rng.uniform(-4.0, 2.0, 400)
    dummy = (x > 1.0).astype(float)
    which = np.where(dummy == 1.0, rng.integers(1, 3, 400), rng.choice(3, 400, p=[0.6, 0.2, 0.2]))
    y = np.array([0.0, 40.0, -40.0])[which] + 2.0 * dummy + 0.5 * rng.standard_normal(400)
    wide = np.column_stack([x, dummy])
    constraints, init = [Tied("coef[1]"), Held("coef[0]", 0.0)], np.eye(3)[which]
    result = fit_arrays(wide, y, 3, constraints=constraints, gate_columns=np.arange(1), init=init)
    coef = result.model.parameters.coef
    assert result.status == "converged" and coef[0, 1] == coef[1, 1] == coef[2, 1]
    # The mean of some 65 rows, standard deviation 0.5, less that of others: five standard errors are 0.4.
    assert coef[0, 1] == pytest.approx(2.0, abs=0.4) and result.notes.count("not identified") == 0


def test_starts_are_labelled_as_constraints_name_experts():
    objective, _, theta = draw(3, 400, 2, [0], [0, 1])
    end = em(objective, theta, 1e-6, 200)
    own = objective.split(end.evaluation.theta)[1]
    # Expert 0 is held at the intercept that expert 1 has.
    row = np.zeros((1, objective.size))
    row[0, objective.at_expert[0, 0]] = 1.0
    held = objective.holding(Terms(EqualWall(row, own[1, :1])))
    found = labelled(held, end)
    assert held.equations.values(found.evaluation.theta) == pytest.approx(0.0, abs=1e-12)
    # The same maximum under the other labels, which costs nothing.
    assert found.evaluation.value == pytest.approx(end.evaluation.value, abs=1e-12)


def test_columns_may_have_any_name():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a, b [m]", "c]"])
    settings = {"n_init": 1, "random_state": 0}
    found = GaussianMoERegressor(2, constraints=[Columns(0, ["a, b [m]"]), Columns(1, "c]")], **settings).fit(frame, Y)
    assert found.coef_[0, 0] != 0.0 and found.coef_[0, 1] == 0.0
    assert found.coef_[1, 0] == 0.0 and found.coef_[1, 1] != 0.0
    # A penalty is that of standardised columns, whatever they are called; the fit is the same one, bit for bit.
    fits = [
        GaussianMoERegressor(2, constraints=Ridge("coef", 9.0), **settings).fit(table, Y) for table in (frame, 1.0 * X)
    ]
    assert fits[0].fit_result_.penalty == fits[1].fit_result_.penalty > 0.0


def test_a_tie_leaves_out_experts_of_a_given_density():
    noisy = np.concatenate([Y, np.linspace(-9.0, 9.0, 40)])
    wide = np.concatenate([X, X[:40]])
    settings = {"experts": "noise:low=-10,high=10", "n_init": 1, "random_state": 0}
    found = GaussianMoERegressor(3, constraints=Tied("coef"), **settings).fit(wide, noisy)
    assert np.all(found.coef_[0] == found.coef_[1]) and np.all(found.coef_[0] != 0.0)
    with pytest.raises(ValueError, match="two experts whose parameters move"):
        GaussianMoERegressor(2, constraints=Tied("coef"), **settings).fit(wide, noisy)


def test_equal_proportions_of_other_gates():
    def model(gate):
        return GaussianMoERegressor(2, gate=gate, constraints=EqualProportions(), n_init=1, random_state=0)

    # A symmetric matrix has each entry beside the diagonal twice: one coordinate.
    quadratic, plain = (model(gate).fit(X, Y) for gate in ("quadratic", "softmax"))
    # Two climbs to one maximum, in other coordinates.
    assert quadratic.log_likelihood_ == pytest.approx(plain.log_likelihood_, abs=1e-6)
    assert quadratic.fit_result_.n_free_parameters == plain.fit_result_.n_free_parameters == 8
    assert not quadratic.model_.parameters.arrays["gate_quadratic"].any()
    for gate, k in (("tree", 2), ("groups:sizes=2+2", 4)):
        with pytest.raises(ValueError, match="a score for each expert"):
            model(gate).set_params(n_experts=k).fit(X, Y)
    # A tree has shares, which can be given.
    found = GaussianMoERegressor(2, gate="tree", constraints=Shares([0.4, 0.6]), n_init=1, random_state=0).fit(X, Y)
    assert found.fit_result_.shares == pytest.approx([0.4, 0.6], abs=1e-9)
    assert found.log_likelihood_ == pytest.approx(fitted([Shares([0.4, 0.6])]).log_likelihood, abs=1e-6)


def test_a_step_beyond_what_a_wall_can_say_is_too_far():
    # Shares of a Laplace gate whose scale has run away have no slope: NumPy's least squares would break down.
    class Far:
        equal = True

        def values(self, theta):
            return np.ones(1)

        def normals(self, theta, which):
            return np.full((2, 1), np.nan)

    assert follow(Face((Far(),), ((0, 0),), np.ones((2, 1)), np.zeros(1)), np.zeros(2)) is None
