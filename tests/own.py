"""Activations and keys as a user writes them, in a module that other processes can import."""

import numpy as np

from gmoe import GMoE, Parameters
from gmoe.gates import Activation, Key


def linear(z):
    yield z
    yield np.ones_like(z)
    yield np.zeros_like(z)


def power_of_two(z):
    """Not cut off: it overflows at 1024."""
    value = 2.0**z
    yield value
    yield np.log(2.0) * value
    yield np.log(2.0) ** 2 * value


def softsign(z):
    size = 1.0 + np.abs(z)
    yield z / size
    yield 1.0 / size**2
    yield -2.0 * np.sign(z) / size**3


def cube(z):
    yield z**3
    yield 3.0 * z**2
    yield 6.0 * z


def by_score_again(score, logit):
    yield score
    yield 1.0
    yield 0.0


def by_distance(score, logit):
    """That of docs/gates.md."""
    off = logit - logit.mean(axis=0)
    yield np.abs(off)
    yield 0.0
    yield np.sign(off) * (1.0 - 1.0 / len(logit))


def by_sum(score, logit):
    yield score + logit
    yield 1.0
    yield 1.0


def by_mixture(score, logit):
    """Neither translation nor scale invariant."""
    bounded = np.tanh(logit)
    yield score + bounded
    yield 1.0
    yield 1.0 - bounded**2


def by_size(score, logit):
    yield np.abs(logit)
    yield 0.0
    yield np.sign(logit)


def by_product(score, logit):
    yield score * logit
    yield logit
    yield score


FREE = {"translation_invariant": True, "scale_invariant": True}
# By name, with nothing declared that need not be.
ACTIVATIONS = {
    function.__name__: Activation(function.__name__, function) for function in (linear, power_of_two, softsign, cube)
}
SCORE = Key("score2", by_score_again, sees_score=True, sees_logit=False, **FREE)
KEYS = {
    "score2": SCORE,
    "cautious score": Key("cautious score", by_score_again, sees_score=True, sees_logit=False),
    "distance": Key("distance", by_distance, sees_score=False, sees_logit=True, **FREE),
    "sum": Key("sum", by_sum, sees_score=True, sees_logit=True, translation_invariant=True),
    "mixture": Key("mixture", by_mixture, sees_score=True, sees_logit=True),
    "size": Key("size", by_size, sees_score=False, sees_logit=True, scale_invariant=True),
    "product": Key("product", by_product, sees_score=True, sees_logit=True, scale_invariant=True),
}


def log_density(gate):
    """What another process makes of a gate, and the gate itself."""
    rng = np.random.default_rng(0)
    k, d = 4, 2
    given = rng.normal(size=k), rng.normal(size=(k, d)), rng.normal(size=k), rng.normal(size=(k, d)), np.ones(k)
    return gate, GMoE(Parameters(*given), gate).log_density(rng.normal(size=(50, d)), rng.normal(size=50))
