"""Random problems for fits: gates, experts, data of every size, dtype and container, weights."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gmoe import Gate, as_experts, as_gate, list_activations, list_experts, list_gates
from gmoe.experts import BaseExperts
from gmoe.gates import BaseGate, list_keys

SETTINGS = (
    "laplace:scale=1.5", "cosine:tau=0.3", "quadratic:monomial=true", "tree:tree=1+(2+0)", "groups:sizes=1+2",
    "groups:sizes=2,shared_weight=0.3", "groups:shared_weight=estimate", "threshold:threshold=0.25",
)  # fmt: skip
EXPERTS = (
    "student:df=4", "student:df=estimate", "heteroscedastic", "noise:low=-1e300,high=1e300",
    "multivariate:covariance=full", "multivariate:covariance=diagonal", "multivariate:covariance=tied",
    "multivariate:covariance=spherical",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Problem:
    """What a fit is asked: model, data and settings."""

    gate: BaseGate
    experts: BaseExperts
    k: int
    X: Any
    y: Any
    weight: Any = None
    options: dict[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()

    def __str__(self):
        shape = f"X {np.shape(self.X)}, y {np.shape(self.y)}"
        return f"{self.k} x {self.experts!r}, {self.gate!r}, {shape}, {', '.join(self.words)} {self.options}"

    def moved(self, **changes) -> "Problem":
        """Return the problem with some parts replaced."""
        return replace(self, **changes)


def problem(rng: np.random.Generator) -> Problem:
    """Draw a problem; most are legal, many are degenerate."""
    k = int(rng.choice([1, 2, 3, 4], p=[0.2, 0.55, 0.22, 0.03]))
    gate, experts = _gate(rng, k), _experts(rng)
    n = int(rng.choice([rng.integers(1, 12), rng.integers(12, 50), rng.integers(50, 120)], p=[0.15, 0.65, 0.2]))
    d = int(rng.choice([0, 1, 2, 3], p=[0.03, 0.5, 0.35, 0.12]))
    X, words = _features(rng, n, d)
    n_outputs = int(rng.integers(1, 4)) if experts.multi_output and rng.random() < 0.7 else 1
    y, more = _response(rng, X, max(k, 2), n_outputs)
    words += more
    if rng.random() < 0.35:
        unit = 10.0 ** rng.uniform(-150, 150, d)
        X, words = X * unit, [*words, "X of any size"]
    if rng.random() < 0.35:
        y, words = y * 10.0 ** rng.uniform(-150, 150), [*words, "y of any size"]
    if rng.random() < 0.1:
        y, words = y + 10.0 ** rng.uniform(0, 9) * np.abs(y).max(initial=0.0), [*words, "y far away"]
    weight, more = _weight(rng, n)
    options = {"n_init": int(rng.choice([1, 2, 5], p=[0.75, 0.23, 0.02])), "random_state": int(rng.integers(1000))}
    if rng.random() < 0.1:
        options["solver"] = "em"
    if d and rng.random() < 0.2:
        options["gate_features"] = sorted(rng.choice(d, rng.integers(0, d + 1), replace=False).tolist())
    X, y, words = _contained(rng, X, y, [*words, *more])
    return Problem(gate, experts, k, X, y, weight, options, tuple(words))


def _gate(rng, k) -> BaseGate:
    kind = rng.random()
    if kind < 0.3:
        return as_gate("softmax")
    if kind < 0.6:
        return as_gate(str(rng.choice([*list_gates(), *SETTINGS])))
    for _ in range(20):
        settings = {
            "activation": str(rng.choice(list_activations())), "intercept": str(rng.choice(["outside", "inside"])),
            "temperature": [1.0, 0.7, "estimate"][rng.integers(3)], "n_active": [None, None, 1, 2, k][rng.integers(5)],
            "select_on": str(rng.choice(list_keys())),
        }  # fmt: skip
        try:
            return Gate(**settings)
        except ValueError:
            continue
    return as_gate("softmax")


def _experts(rng) -> BaseExperts:
    return as_experts("gaussian" if rng.random() < 0.5 else str(rng.choice([*list_experts()[:1], *EXPERTS])))


def _features(rng, n, d):
    kind = str(rng.choice(["normal", "heavy tails", "few values", "duplicates", "collinear", "constant", "far away"]))
    X = rng.normal(size=(n, d))
    if kind == "heavy tails":
        X = rng.standard_cauchy((n, d)) ** 3
    elif kind == "few values":
        X = rng.integers(-2, 3, (n, d)).astype(float)
    elif kind == "duplicates":
        X = X[rng.integers(0, max(n // 3, 1), n)]
    elif kind == "collinear" and d > 1:
        X[:, -1] = 2.0 * X[:, 0] + 1.0
    elif kind == "constant" and d:
        X[:, 0] = 5.0
    elif kind == "far away":
        X = X + 10.0 ** rng.uniform(0, 8)
    return X, [f"X {kind}"]


def _response(rng, X, k, n_outputs):
    n, d = X.shape
    kind = str(rng.choice(["normal", "normal", "heavy tails", "rounded", "exact", "constant", "outlier", "spread"]))
    size = np.abs(X).max(axis=0, initial=0.0) + 1e-300
    mean = rng.normal(0, 2, (k, n_outputs, 1 + d)) @ np.vstack([np.ones(n), (X / size).T])
    which = rng.integers(k, size=n)
    y = mean[which, :, np.arange(n)]
    noise = {"heavy tails": rng.standard_cauchy((n, n_outputs)), "exact": 0.0, "spread": np.exp(3 * y / 2) * 0.1}
    y = y + noise.get(kind, 0.3) * rng.normal(size=(n, n_outputs))
    if kind == "rounded":
        y = np.rint(y)
    elif kind == "constant":
        y = np.full_like(y, rng.choice([0.0, 3.0, -1e5]))
    elif kind == "outlier":
        y[0] = 10.0 ** rng.uniform(2, 9)
    return (y if n_outputs > 1 else y[:, 0]), [f"y {kind}"]


def _weight(rng, n):
    kind = str(rng.choice(["none", "uniform", "zeros", "counts", "wide", "tiny"], p=[0.55, 0.1, 0.1, 0.1, 0.1, 0.05]))
    weight = {
        "none": None, "uniform": rng.uniform(0.5, 2.0, n), "zeros": rng.uniform(0, 2, n) * (rng.random(n) < 0.7),
        "counts": rng.integers(0, 4, n), "wide": 10.0 ** rng.uniform(-12, 12, n), "tiny": np.full(n, 1e-250),
    }[kind]  # fmt: skip
    return weight, [f"weights {kind}"]


def _contained(rng, X, y, words):
    """Put the numbers into some dtype and container; casts that lose them would make another problem of it."""
    kind = str(
        rng.choice(["plain", "float32", "fortran", "strided", "read-only", "frame", "integer"], p=[0.5, *[0.5 / 6] * 6])
    )
    if kind == "float32" and np.abs(X).max(initial=0.0) < 1e30 and np.abs(y).max(initial=0.0) < 1e30:
        X, y = X.astype(np.float32), y.astype(np.float32)
    elif kind == "fortran":
        X = np.asfortranarray(X)
    elif kind == "strided":
        X = np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2]
        y = y[::-1].copy()[::-1]
    elif kind == "read-only":
        X, y = X.copy(), y.copy()
        X.flags.writeable = y.flags.writeable = False
    elif kind == "frame":
        import pandas as pd

        X = pd.DataFrame(X, columns=[f"c{j}\x1b" for j in range(X.shape[1])])
    elif kind == "integer" and np.abs(X).max(initial=0.0) < 1e9:
        X = np.rint(X).astype(int)
    return X, y, [*words, kind]
