"""A certified fit against SciPy's BFGS on a vectorised NumPy likelihood, from the same starts.

All work in the same scaled coordinates to the same bound on the average gradient. The time of gmoe includes scaling,
certificate and standard errors, that of BFGS scaling and the climb. The target stands beside both NumPy likelihoods,
the plain one and the tuned one (``benchmarks._peer``).
"""

import numpy as np

from benchmarks._measure import Figure, best_of
from benchmarks._peer import Plain, Tuned
from gmoe import Parameters, SoftmaxGate
from gmoe.datasets import make_gmoe
from gmoe.experts import GaussianExperts
from gmoe.solvers.fit import fit
from gmoe.solvers.problem.scaling import scale

TOL = 1e-8
# n, d, k, target
AGAINST_BFGS = (
    *((1_000, d, k, ">= 20") for d, k in ((1, 2), (1, 3), (5, 4))),
    *((100_000, d, k, ">= 5") for d, k in ((1, 2), (1, 3), (5, 4))),
)
LARGE = (100_000, 10, 8)
STARTS = 3


def run():
    for problem in AGAINST_BFGS:
        yield from _against_bfgs(*problem)
    n, d, k = LARGE
    X, y, truth, _ = make_gmoe(n, d, k)
    [(seconds, result)] = best_of(1, lambda: _gmoe(X, y, near(truth.parameters, 0)))
    detail = f"{seconds:.2f} s, gradient {result.gradient:.0e}, {result.n_passes} passes, status {result.status}"
    yield Figure(f"finishes n={n}, d={d}, k={k}", bool(result.gradient <= TOL), "= yes", detail=detail)


def _against_bfgs(n, d, k, target):
    X, y, truth, _ = make_gmoe(n, d, k)
    spent, gradients, passes, gap = np.zeros(3), np.zeros(3), np.zeros(3, dtype=int), 0.0
    for seed in range(STARTS):
        start = near(truth.parameters, seed)
        (own, result), *peers = best_of(
            3,
            lambda s=start: _gmoe(X, y, s),
            lambda s=start: bfgs(Tuned, X, y, s),
            lambda s=start: bfgs(Plain, X, y, s),
        )
        spent += own, *(seconds for seconds, _ in peers)
        reached = [value for _, (_, value) in peers]
        gap = max(gap, *(abs(result.log_likelihood / value - 1.0) for value in reached))
        climbs = [climb for _, (climb, _) in peers]
        gradients = np.maximum(gradients, [result.gradient, *(np.abs(climb.jac).max() for climb in climbs)])
        passes += result.n_passes, *(climb.nfev for climb in climbs)
    where = f"n={n}, d={d}, k={k}"
    for i, peer in ((2, "plain"), (1, "tuned")):
        detail = (
            f"{STARTS} starts: {spent[0]:.3f} against {spent[i]:.2f} s, {passes[0]} against {passes[i]} passes, "
            f"gradients {gradients[0]:.0e} and {gradients[i]:.0e}"
        )
        yield Figure(f"times faster than BFGS, {peer} NumPy, {where}", spent[i] / spent[0], target, detail=detail)
    yield Figure(f"gradient, {where}", float(gradients[0]), f"<= {TOL:g}")
    yield Figure(f"relative difference of the log-likelihoods, {where}", float(gap), "<= 1e-6")


def near(truth, seed):
    """Start beside the truth: raw parameters moved by a tenth of their spread or 0.1, variances by a factor of two."""
    rng = np.random.default_rng([seed, truth.n_experts])

    def moved(values):
        return values + rng.normal(0.0, 0.1 * max(1.0, float(np.std(values))), values.shape)

    return Parameters(
        gate_intercept=moved(truth.gate_intercept),
        gate_coef=moved(truth.gate_coef),
        intercept=moved(truth.intercept),
        coef=moved(truth.coef),
        variance=truth.variance * 2.0 ** rng.uniform(-1.0, 1.0, truth.n_experts),
    )


def _gmoe(X, y, start):
    columns = {"gate_columns": np.arange(X.shape[1]), "expert_columns": np.arange(X.shape[1])}
    return fit(X, y, gate=SoftmaxGate(), n_experts=start.n_experts, init=start, tol=TOL, **columns)


def bfgs(peer, X, y, start, method="BFGS"):
    """Result of the climb, and the log-likelihood in the units of the data."""
    columns = np.arange(X.shape[1])
    scaling = scale(X, y, None, columns, columns)
    x = scaling.expert.transform @ (X - scaling.expert.centre).T
    residual = (y - scaling.centre_y[0] - scaling.slope_y[0] @ x) / scaling.scale_y
    gate_frame, expert_frame = scaling.frames
    gate, _ = SoftmaxGate().from_raw(start.arrays, gate_frame)
    own, _ = GaussianExperts().from_raw(start.arrays, expert_frame)
    climb = peer(x, residual, start.n_experts).climb(gate, own[:, :-1], np.exp(own[:, -1]), TOL, method)
    return climb, -len(y) * (climb.fun + np.log(scaling.scale_y))
