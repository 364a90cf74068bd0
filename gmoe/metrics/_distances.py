"""Distances between the conditional densities of two models, averaged over x."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gmoe._validation import check_choice, check_integer
from gmoe.experts import GAUSSIAN
from gmoe.kernels.gaussian import LOG_2_PI
from gmoe.metrics._quadrature import FAR_MARKS, MARKS, integrate, panels
from gmoe.metrics._stack import check_models
from gmoe.model import GMoE

METHODS = ("quadrature", "monte_carlo")
#: x at a time, so that the panels of one block stay within some tens of megabytes.
BLOCK = 256
#: Standard deviation over mean below which nodes are rounded by more than 1e-8 of the standard deviation.  Experts of
#: a smaller probability than this are not seen either.
RESOLUTION = 1e-8
Law = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True, eq=False)
class Distance:
    """A distance between two models; ``float(distance)`` is its value.

    Attributes
    ----------
    value : float
        Weighted mean of ``by_row``.
    standard_error : float
        Of the Monte Carlo parts: 0 for quadrature at given points.
    by_row : ndarray, shape (n,)
        Distance at each x.
    """

    value: float
    standard_error: float
    by_row: np.ndarray

    def __float__(self):
        return self.value


_OPTIONS = """
    Parameters
    ----------
    fitted, true : GMoE
        On the same X.
    X : array-like, shape (n, n_features), or callable
        Points to average over, or a law of x: a function of (rng, size) that returns ``size`` rows.
    x_weights : array-like, shape (n,), optional
        Of the points, for instance those of a quadrature in x; equal by default.
    method : {"quadrature", "monte_carlo"}
        In y.
    n_points : int, default 1000
        Rows drawn from a law of x.
    n_draws : int, default 10000
        Responses drawn per row by Monte Carlo, half from each model; at least 4, for a standard error.
    rng : numpy.random.Generator, optional
        Required by a law of x and by Monte Carlo.

    Returns
    -------
    Distance

    Raises
    ------
    ValueError
        For models with different numbers of features, wrong shapes, a missing rng, or experts too narrow for
        quadrature: of a standard deviation below 1e-8 of their mean.

    Notes
    -----
    Quadrature is deterministic; its absolute error is below 1e-8 (or 1e-12 of the value where that is more), for
    standard deviations down to 1e-7 of the means' size, where rounding of the means themselves sets in.  Monte Carlo's
    Hellinger distance has a bias of order ``1 / n_draws`` from the square root."""


def _documented(function):
    function.__doc__ = function.__doc__.replace("@OPTIONS", _OPTIONS.strip("\n").removeprefix("    "))
    return function


@_documented
def hellinger(fitted: GMoE, true: GMoE, X, **options) -> Distance:
    """Hellinger distance ``E_x sqrt(1/2 int (sqrt p - sqrt q)^2 dy)``, between 0 and 1.

    @OPTIONS
    """
    return _distance(_hellinger, fitted, true, X, **options)


@_documented
def total_variation(fitted: GMoE, true: GMoE, X, **options) -> Distance:
    """Total variation distance ``E_x 1/2 int |p - q| dy``, between 0 and 1.

    @OPTIONS
    """
    return _distance(_total_variation, fitted, true, X, **options)


@_documented
def kl_divergence(fitted: GMoE, true: GMoE, X, **options) -> Distance:
    """Kullback-Leibler divergence of the fit from the truth, ``E_x int q log(q / p) dy`` with q the true density.

    @OPTIONS
    """
    return _distance(_kullback_leibler, fitted, true, X, **options)


@dataclass(frozen=True)
class _Kind:
    """Integrand from log p and log q, the map from integral to distance with its slope, and the error of a panel."""

    integrand: Callable
    value: Callable
    slope: Callable
    tolerance: Callable


def _root_gap(log_p, log_q):
    # (sqrt p - sqrt q)^2 / 2 without cancellation where the densities are nearly equal.
    return 0.5 * np.exp(np.maximum(log_p, log_q)) * np.expm1(-0.5 * np.abs(log_p - log_q)) ** 2


def _gap(log_p, log_q):
    return -0.5 * np.exp(np.maximum(log_p, log_q)) * np.expm1(-np.abs(log_p - log_q))


def _relative_entropy(log_p, log_q):
    # With p - q added, which integrates to 0: no term is negative, and near p = q nothing cancels.
    ratio = log_p - log_q
    with np.errstate(over="ignore"):
        excess = np.where(ratio < 1.0, np.exp(log_q) * (np.expm1(np.minimum(ratio, 1.0)) - ratio), 0.0)
    return np.where(ratio < 1.0, excess, np.exp(log_p) - np.exp(log_q) * (1.0 + ratio))


# Some hundreds of panels add up: 1e-12 each is 1e-9 in all.  The square root of the Hellinger distance h multiplies
# errors by 1 / 2h, so that its panels need more where h is small.
_hellinger = _Kind(
    _root_gap,
    lambda s: np.sqrt(np.clip(s, 0.0, 1.0)),
    lambda s: np.where(s > 0.0, 0.5 / np.sqrt(np.maximum(s, 1e-300)), 0.0),
    lambda total: 1e-12 * np.sqrt(np.maximum(total, 1e-22)),
)
_total_variation = _Kind(_gap, lambda s: np.clip(s, 0.0, 1.0), np.ones_like, lambda total: np.full_like(total, 1e-12))
_kullback_leibler = _Kind(_relative_entropy, lambda s: s, np.ones_like, lambda total: 1e-12 + 1e-15 * np.abs(total))


def _distance(
    kind: _Kind, fitted: GMoE, true: GMoE, X, *, x_weights=None, method="quadrature", n_points=1000, n_draws=10_000,
    rng: np.random.Generator | None = None,
) -> Distance:  # fmt: skip
    check_choice(method, "method", METHODS)
    check_models(fitted=fitted, true=true)
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, as of numpy.random.default_rng(seed); got {rng!r}.")
    if rng is None and (callable(X) or method == "monte_carlo"):
        raise ValueError("Monte Carlo and a law of x draw random numbers; pass rng=numpy.random.default_rng(seed).")
    drawn = callable(X)
    X = np.asarray(X(rng, check_integer(n_points, "n_points", 2)) if drawn else X, dtype=float)
    if drawn and len(np.atleast_1d(X)) != n_points:
        raise ValueError(f"The law of x must return {n_points} rows, as many as it is asked for; got shape {X.shape}.")
    if X.ndim != 2 or not len(X) or max(fitted.n_features, true.n_features) > X.shape[1]:
        raise ValueError(
            f"X must have shape (n, >={max(fitted.n_features, true.n_features)}), got {X.shape}; pass models and "
            "observations of the same columns."
        )
    weight = np.full(len(X), 1.0 / len(X)) if x_weights is None else np.asarray(x_weights, dtype=float)
    if weight.shape != (len(X),) or not np.all(weight >= 0.0) or not 0.0 < weight.sum() < np.inf:
        raise ValueError(f"x_weights must be {len(X)} non-negative numbers, one per row of X; got {weight}.")
    weight = weight / weight.sum()
    if method == "quadrature":
        by_row, error = _quadrature(kind, fitted, true, X), 0.0
    else:
        by_row, error = _monte_carlo(kind, fitted, true, X, weight, check_integer(n_draws, "n_draws", 4), rng)
    value = float(weight @ by_row)
    if drawn:
        # The spread over rows holds that of the draws in y already.
        error = float(np.sqrt(np.sum(weight**2 * (by_row - value) ** 2)))
    return Distance(value, error, by_row)


def _quadrature(kind, fitted, true, X):
    out = np.empty(len(X))
    for start in range(0, len(X), BLOCK):
        block = X[start : start + BLOCK]
        models = [_Conditional.of(model, block) for model in (fitted, true)]
        for m in models:
            m.check_resolution(start)
        means, variance = (np.hstack([getattr(m, name) for m in models]) for name in ("means", "variance"))
        far = MARKS if all(m.experts is None for m in models) else FAR_MARKS
        first = panels(means, variance, far)

        def integrand(row, y, models=models):
            return kind.integrand(*(m.log_density(row, y) for m in models))

        out[start : start + BLOCK] = kind.value(integrate(integrand, *first, len(block), kind.tolerance))
    return out


def _monte_carlo(kind, fitted, true, X, weight, n_draws, rng):
    """Sample from the equal mixture of both, under which the ratios of hellinger and TV are bounded."""
    by_row, variance = np.empty(len(X)), np.empty(len(X))
    half = (n_draws + 1) // 2
    for i, x in enumerate(X):
        rows = np.broadcast_to(x, (half, len(x)))
        y = np.stack([model.sample(rows, rng)[0] for model in (fitted, true)], axis=1)
        drawn = y.reshape(-1, *y.shape[2:])
        log_p, log_q = (model.log_density(np.repeat(rows, 2, axis=0), drawn) for model in (fitted, true))
        log_mix = np.logaddexp(log_p, log_q) - np.log(2.0)
        # One draw of each model makes a pair, and pairs are independent and alike.
        pair = kind.integrand(log_p - log_mix, log_q - log_mix).reshape(half, 2).mean(axis=1)
        mean, square = pair.mean(), pair.var(ddof=1) / half
        by_row[i] = kind.value(np.array(mean))
        variance[i] = square * kind.slope(np.array(mean)) ** 2
    return by_row, float(np.sqrt(np.sum(weight**2 * variance)))


@dataclass(frozen=True)
class _Conditional:
    """A model at given x: log gate probabilities, means and variances (n, k).

    ``experts`` gives log-densities (k, p) of rows (p,) and responses (p,); None for Gaussian ones.
    """

    log_gate: np.ndarray
    means: np.ndarray
    variance: np.ndarray
    experts: Callable | None = None

    @classmethod
    def of(cls, model: GMoE, X):
        log_gate, means = model.log_gate_proba(X), model.expert_means(X)
        if model.experts == GAUSSIAN:
            return cls(log_gate, means, np.broadcast_to(model.parameters.variance, means.shape))
        if model.n_outputs > 1:
            raise ValueError("Quadrature is for one response; pass method='monte_carlo'.")
        variance = model.expert_variances(X)
        # Of an infinite variance, or no mean, any finite one marks where to look first.
        spread, means = np.where(np.isfinite(variance), variance, 1.0), np.nan_to_num(means)
        return cls(log_gate, means, spread, lambda row, y: model.expert_log_density(X[row], y))

    def check_resolution(self, start):
        """Raise where an active expert is so narrow that its mean's rounding is seen."""
        lost = np.sqrt(self.variance) < RESOLUTION * np.abs(self.means)
        lost &= self.log_gate > np.log(RESOLUTION)
        if lost.any():
            row, expert = np.argwhere(lost)[0]
            sd = np.sqrt(self.variance[row, expert])
            raise ValueError(
                f"Expert {expert} has mean {self.means[row, expert]:.3g} and standard deviation "
                f"{sd:.3g} at row {start + row} of X: too narrow for quadrature in double "
                "precision. Subtract a constant from the response in both models, or pass method='monte_carlo'."
            )

    def log_density(self, row, y):
        top = np.full(y.shape, -np.inf)
        terms = []
        given = None if self.experts is None else self.experts(np.repeat(row, y.shape[1]), y.ravel())
        for j, variance in enumerate(self.variance[0]):
            if given is None:
                z = np.clip((y - self.means[row, j, None]) / np.sqrt(variance), -1e150, 1e150)
                density = -0.5 * (z * z + np.log(variance) + LOG_2_PI)
            else:
                density = given[:, j].reshape(y.shape)
            terms.append(self.log_gate[row, j, None] + density)
            top = np.maximum(top, terms[-1])
        total = np.zeros(y.shape)
        for term in terms:
            total += np.exp(term - top)
        return top + np.log(total)
