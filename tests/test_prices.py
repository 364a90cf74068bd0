"""Balance by prices: one convex dual, and the assignments, updates and scalings that tend to its solution."""

import numpy as np
import pytest
import scipy

from gmoe import GMoE, Parameters, edit
from gmoe.gates.prices import prices


def keys(k, n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(k, 3)) @ rng.normal(size=(3, n)) + 2.0 * rng.normal(size=(k, 1))


def chosen(key, n_active=1):
    return np.argsort(-key, axis=0, kind="stable")[:n_active]


@pytest.mark.parametrize("k", [2, 4, 8])
@pytest.mark.parametrize("seed", range(3))
def test_loads_are_those_of_the_linear_assignment(k, seed):
    key = keys(k, 400, seed)
    price = prices(key)
    label = chosen(key + price[:, None])[0]
    assert np.bincount(label, minlength=k).tolist() == [400 // k] * k
    rows, places = scipy.optimize.linear_sum_assignment(-np.repeat(key.T, 400 // k, axis=1))
    best = key.T[rows, places // (400 // k)].sum()
    assert key[label, np.arange(400)].sum() == pytest.approx(best, rel=1e-12)
    assert price.sum() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("shares", "n_active"), [(None, 2), ([0.5, 0.2, 0.2, 0.1], 1), ([0.4, 0.3, 0.2, 0.1], 2)])
def test_given_shares_and_more_active_experts(shares, n_active):
    key = keys(4, 300)
    price = prices(key, shares, n_active)
    loads = np.bincount(chosen(key + price[:, None], n_active).ravel(), minlength=4)
    assert (
        loads.tolist()
        == (300 * n_active * np.full(4, 0.25) if shares is None else 300 * n_active * np.array(shares)).round().tolist()
    )
    # The transport problem, as SciPy has it: each row n_active experts, each of them once.
    rows = scipy.sparse.kron(scipy.sparse.eye(300), np.ones((1, 4)))
    columns = scipy.sparse.kron(np.ones((1, 300)), scipy.sparse.eye(4))
    result = scipy.optimize.linprog(
        -key.T.ravel(), A_eq=scipy.sparse.vstack([rows, columns]), b_eq=np.append(np.full(300, n_active), loads),
        bounds=(0.0, 1.0), method="highs",
    )  # fmt: skip
    value = np.take_along_axis(key, chosen(key + price[:, None], n_active), axis=0).sum()
    assert value == pytest.approx(-result.fun, rel=1e-9)


def test_slow_twins_tend_to_them():
    """Loss-free balancing's sign updates with falling steps, and Sinkhorn's scalings at a low temperature."""
    key, k = keys(4, 800), 4
    price = prices(key)
    sign, step = np.zeros(k), 0.5
    for t in range(5000):
        load = np.bincount(chosen(key + sign[:, None])[0], minlength=k)
        sign += step / (1 + t) ** 0.6 * np.sign(200 - load)
    scaled, temperature = np.zeros(k), 0.02
    for _ in range(2000):
        z = (key + scaled[:, None]) / temperature
        p = np.exp(z - z.max(axis=0))
        scaled += temperature * np.log(200 / (p / p.sum(axis=0)).sum(axis=1))
    # The last steps of the one are 0.003, the temperature of the other 0.02.
    np.testing.assert_allclose(sign - sign.mean(), price, rtol=0.0, atol=0.03)
    np.testing.assert_allclose(scaled - scaled.mean(), price, rtol=0.0, atol=0.05)


def model(gate):
    return GMoE(
        Parameters(
            gate_intercept=[0.0, 1.0, -1.0], gate_coef=[[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]],
            intercept=[-2.0, 0.0, 2.0], coef=[[1.0, 0.0], [0.0, -1.0], [-1.0, 1.0]], variance=[0.3, 0.3, 0.3],
        ),
        gate,
    )  # fmt: skip


@pytest.mark.parametrize("n_active", [1, 2])
def test_a_model_is_balanced_for_new_rows_too(n_active):
    before, rng = model(f"topk:n_active={n_active},select_on=logit"), np.random.default_rng(0)
    X = rng.normal(size=(600, 2))
    y, _ = before.sample(X, rng)
    found = edit.balance(before, X, y)
    assert np.count_nonzero(found.model.gate_proba(X), axis=0).tolist() == [200 * n_active] * 3
    assert found.loss > 0.0 and found.df == found.df_before
    fresh = np.count_nonzero(found.model.gate_proba(rng.normal(size=(20_000, 2))), axis=0) / 20_000
    # Loads of 600 rows have a deviation of 0.02.
    assert np.all(np.abs(fresh - n_active / 3) < 0.08)
    given = edit.balance(before, X, y, [0.5, 0.3, 0.2] if n_active == 1 else [0.4, 0.3, 0.3])
    assert np.count_nonzero(given.model.gate_proba(X), axis=0)[0] == (300 if n_active == 1 else 480)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([0.5, 0.3, 0.3], r"3 positive numbers that add up to 1, .* with the sum 1.1; divide them by their sum"),
        ([0.5, 0.5], "must be 3 positive numbers"),
        ([1.0, 0.0, 0.0], "must be 3 positive numbers"),
        ([0.6, 0.2, 0.2], "the largest possible is 0.5"),
    ],
)
def test_bad_shares(shares, message):
    with pytest.raises(ValueError, match=message):
        prices(keys(3, 30), shares, 2)


@pytest.mark.parametrize("gate", ["softmax", "topk:n_active=1", "probit", "top_p"])
def test_other_gates_have_no_prices(gate):
    with pytest.raises(ValueError, match="is none. For a gate by score give it a constant column"):
        edit.balance(model(gate), np.zeros((5, 2)), np.zeros(5))


def test_a_constant_column_makes_prices_of_its_slopes():
    """By score with a price of 0 it is the rule of the theory, with the intercept as the price that of the code."""
    X = np.column_stack([np.ones(400), np.random.default_rng(0).normal(size=(400, 2))])
    plain, arrays = model("topk:n_active=2"), dict(model("softmax").parameters.arrays)
    for prices_of, gate in ((0.0 * arrays["gate_intercept"], plain), (arrays["gate_intercept"], None)):
        own = arrays | {
            "gate_intercept": arrays["gate_intercept"] - prices_of,
            "gate_coef": np.column_stack([prices_of, arrays["gate_coef"]]),
            "coef": np.column_stack([np.zeros(3), arrays["coef"]]),
        }
        priced = GMoE(Parameters(**own), "topk:n_active=2")
        expected = model("topk:n_active=2,select_on=logit") if gate is None else gate
        np.testing.assert_allclose(priced.gate_proba(X), expected.gate_proba(X[:, 1:]), rtol=0.0, atol=1e-14)
