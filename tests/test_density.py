"""Densities, probabilities and moments of the model against 50-digit arithmetic and closed forms."""

import mpmath
import numpy as np
import pytest
import reference
from problems import assert_close, random_model
from scipy import stats

from gmoe import GMoE, Parameters


def exact(model, x, y=None):
    """Gate probabilities, and the log-densities log(pi_j N_j) of one observation, in mpmath numbers."""
    p = model.parameters
    number = np.vectorize(lambda v: mpmath.mpf(float(v)), otypes=[object])
    xg, xe = number(x[list(model.gate_columns)]), number(x[list(model.expert_columns)])
    logit = number(p.gate_intercept) + [mpmath.fdot(zip(c, xg, strict=True)) for c in number(p.gate_coef)]
    top = max(logit)
    weight = [mpmath.exp(v - top) for v in logit]
    proba = [w / mpmath.fsum(weight) for w in weight]
    mean = number(p.intercept) + [mpmath.fdot(zip(c, xe, strict=True)) for c in number(p.coef)]
    if y is None:
        return proba, mean
    variance = number(p.variance)
    return [
        mpmath.log(q) - (mpmath.mpf(float(y)) - m) ** 2 / (2 * v) - mpmath.log(2 * mpmath.pi * v) / 2
        for q, m, v in zip(proba, mean, variance, strict=True)
    ]


def exact_log_density(model, X, y):
    with mpmath.workdps(50):
        values = []
        for x, response in zip(X, y, strict=True):
            terms = exact(model, x, response)
            top = max(terms)
            values.append(float(top + mpmath.log(mpmath.fsum(mpmath.exp(t - top) for t in terms))))
        return np.array(values)


def responses(model, X, rng):
    """Near one of the means (by its standard deviation), between the means, and far from all."""
    n, k = len(X), model.n_experts
    means, sd = model.expert_means(X), np.sqrt(model.parameters.variance)
    j = rng.integers(k, size=n)
    near = means[np.arange(n), j] + sd[j] * rng.normal(0, 2, n)
    return np.where(rng.random(n) < 0.6, near, rng.normal(0, 30, n))


@pytest.mark.parametrize("sd", [(1.0,), (1e-8,), (1e8,), (1e-8, 1.0, 1e8, 1e-3)], ids=str)
@pytest.mark.parametrize("logit_size", [1.0, 700.0])
@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_log_density_in_fifty_digits(k, d, logit_size, sd):
    rng = np.random.default_rng([k, d, int(logit_size)])
    model = random_model(rng, k, d, logit_size, sd)
    X = rng.uniform(-1, 1, (12, d))
    X[:4] = 1.0
    y = responses(model, X, rng)
    assert_close(model.log_density(X, y), exact_log_density(model, X, y))


def test_log_density_of_data_with_an_offset():
    # Years and the like: x = 2000 +- 1, y = 1e6 +- 1, intercepts that cancel, and a gate far from its canonical form:
    # logits are differences of terms of 4e6, which plain arithmetic knows to 1e-9.
    rng = np.random.default_rng(11)
    coef = rng.normal(0, 3, (3, 2))
    gate_coef = 1000 + 3 * rng.normal(size=(3, 2))
    model = GMoE(Parameters(-2000 * gate_coef.sum(1), gate_coef, 1e6 - 2000 * coef.sum(1), coef, [1e-8, 1e-4, 1.0]))
    X = 2000 + rng.uniform(-1, 1, (60, 2))
    y = responses(model, X, rng)
    assert_close(model.log_density(X, y), exact_log_density(model, X, y))


def test_gate_responsibilities_and_moments_in_fifty_digits():
    rng = np.random.default_rng(12)
    for logit_size in (1.0, 700.0):
        model = random_model(rng, 4, 2, logit_size)
        X = rng.uniform(-1, 1, (40, 2))
        y = responses(model, X, rng)
        gate, posterior, mean, variance = (
            model.gate_proba(X),
            model.responsibilities(X, y),
            model.mean(X),
            model.variance(X),
        )
        for i in range(len(X)):
            with mpmath.workdps(50):
                proba, means = exact(model, X[i])
                joint = [mpmath.exp(t) for t in exact(model, X[i], y[i])]
                center = mpmath.fdot(proba, means)
                spread = mpmath.fsum(
                    q * (mpmath.mpf(float(v)) + (m - center) ** 2)
                    for q, m, v in zip(proba, means, model.parameters.variance, strict=True)
                )
                share = [float(v / mpmath.fsum(joint)) for v in joint]
            assert_close(gate[i], np.array(proba, dtype=float))
            assert_close(posterior[i], np.array(share))  # exponents z^2 / 2 of up to 5e3, rounded at 1e-16 of that
            assert_close(mean[i], float(center))
            assert_close(variance[i], float(spread))


def test_probabilities_and_moments_agree_with_the_reference_for_other_columns():
    rng = np.random.default_rng(13)
    p = Parameters(rng.normal(size=3), rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=(3, 1)), [1, 2, 3])
    model = GMoE(p, "softmax", gate_columns=(2, 0), expert_columns=(1,))
    assert model.n_features == 3
    X, y = rng.normal(size=(9000, 5)), rng.normal(size=9000)  # more rows than a block, columns that nobody uses
    theta = np.column_stack([p.gate, p.expert, np.log(p.variance)]).ravel()
    slow = reference.Problem(X[:, [2, 0]], X[:, [1]], y, np.ones(9000))
    assert_close(model.gate_proba(X), reference.gate_proba(slow, theta))
    assert_close(model.responsibilities(X, y), reference.responsibilities(slow, theta))
    assert_close(model.log_density(X, y).mean(), reference.log_likelihood(slow, theta))
    assert model.log_density(X, y).shape == (9000,)


def test_one_expert_is_a_normal_distribution():
    model = GMoE(Parameters([3.0], [[5.0]], [1.0], [[2.0]], [0.25]))
    X, y = np.linspace(-2, 2, 9)[:, None], np.linspace(-3, 5, 9)
    assert_close(model.log_density(X, y), stats.norm.logpdf(y, 1 + 2 * X[:, 0], 0.5))
    assert np.array_equal(model.gate_proba(X), np.ones((9, 1)))
    assert np.array_equal(model.responsibilities(X, y), np.ones((9, 1)))
    assert_close(model.mean(X), 1 + 2 * X[:, 0])
    assert_close(model.variance(X), np.full(9, 0.25))
    assert model.n_free_parameters == 3


def test_constant_gate_and_constant_experts():
    p = Parameters(np.log([0.2, 0.8]), np.empty((2, 0)), [0.0, 1.0], np.empty((2, 0)), [1.0, 4.0])
    model = GMoE(p)
    assert model.n_features == 0
    assert model.n_free_parameters == 5  # one proportion, two means, two variances
    X = np.empty((7, 0))
    assert np.allclose(model.gate_proba(X), [0.2, 0.8], rtol=0, atol=1e-15)
    y = np.linspace(-3, 3, 7)
    expected = np.log(0.2 * stats.norm.pdf(y, 0, 1) + 0.8 * stats.norm.pdf(y, 1, 2))
    assert_close(model.log_density(X, y), expected)
