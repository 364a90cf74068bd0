"""The nearest model with fewer experts, or another gate or experts, to a given one."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from gmoe._validation import check_integer
from gmoe.edit._edited import Edited, Rows
from gmoe.edit._experts import others, pick
from gmoe.edit.merge import merged
from gmoe.experts import BaseExperts, as_experts
from gmoe.gates import BaseGate, as_gate
from gmoe.metrics._quadrature import MARKS, panels
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.solvers.fit import fit

# Nodes of each panel: a Gaussian density is integrated to 1e-9 where panels end at these multiples of its standard
# deviation, beyond the last of which lies 1e-11 of it.
NODES, LAST = 7, 7.0
# Part of the least variance of the model that is the bound of a projection's: of tighter experts the nodes, which are
# dense in units of the model's own, would say nothing but that they fit a node.
LEAST_VARIANCE = 0.1
# Observations whose density is below this beside the largest of their row say nothing.
NOTHING = 1e-13


def project(
    model: GMoE, X: Any, n_experts: int | None = None, *, gate: BaseGate | str | None = None,
    experts: BaseExperts | str | None = None, weight: Any = None, space: ParameterSpace | None = None, n_init: int = 5,
) -> Edited:  # fmt: skip
    """Find the model that is nearest to a given one in Kullback-Leibler divergence, averaged over rows of X.

    It maximises the expected log-likelihood ``sum_i int p(y | x_i) log q(y | x_i) dy``, p the given model, as a fit to
    all responses that p gives to x_i, each with its probability (nodes of a quadrature in y): expectation steps on
    responsibilities of expected responses, then Newton. So it comes with the certificate of a fit. With the same number
    of experts it is the model itself. It is also the limit of a misspecified fit to data from the model.

    Parameters
    ----------
    model : GMoE
        Of one response.
    X : array-like, shape (n, n_features)
    n_experts : int, optional
        Those of the model by default, and at most.
    gate : BaseGate or str, optional
        That of the model by default.
    experts : BaseExperts or str, optional
        Those of the model by default.
    weight : array-like, shape (n,), optional
    space : ParameterSpace, optional
        By default without bounds on ratios of variances and on rows; no variance is below a tenth of the model's least.
    n_init : int, default 5
        Effort of a search, which is made where gate or experts are others, or experts have places, as in a tree.

    Returns
    -------
    Edited
        Its log-likelihoods are expected ones, and its ``loss`` is the sum over the rows of the Kullback-Leibler
        divergence.

    Raises
    ------
    ValueError
        For several responses, more experts than the model has, and where the gate does not suit so many.
    """
    k = model.n_experts if n_experts is None else check_integer(n_experts, "n_experts", 1)
    if k > model.n_experts:
        raise ValueError(f"The model has {model.n_experts} experts, {k} are no fewer; use gmoe.edit.add.")
    if model.n_outputs > 1:
        raise ValueError(
            f"A projection integrates over one response, the model has {model.n_outputs}; fit draws of model.sample."
        )
    target = model.gate if gate is None else as_gate(gate), model.experts if experts is None else as_experts(experts)
    rows = expected_rows(model, X, weight)
    space = _space(model, X) if space is None else space
    kept = target == (model.gate, model.experts)
    if kept and (k == model.n_experts or _resizes(model)):
        small = reduced(model, rows, k, space)
        result = rows.refit(small, small.parameters, space)
    else:
        result = fit(
            rows.X,
            rows.y,
            rows.weight,
            gate=target[0],
            gate_columns=np.array(model.gate_columns, dtype=np.intp),
            expert_columns=np.array(model.expert_columns, dtype=np.intp),
            n_experts=k,
            n_init=n_init,
            space=space,
            experts=target[1],
        )
    what = f"projected onto {k} experts, gate {result.model.gate!r}, {result.model.experts!r}"
    values = rows.log_likelihood(result.model), rows.log_likelihood(model)
    X = np.asarray(X, dtype=float)
    return Edited(what, result.model, model, *values, X, float(rows.weight.sum()), result)


def expected_rows(model: GMoE, X: Any, weight: Any = None) -> Rows:
    """Responses that a model gives to each row of X, weighted by their probability."""
    X = np.asarray(X, dtype=float)
    given = Rows.of(X, np.zeros(len(X)), weight)
    means, variances = model.expert_means(X), model.expert_variances(X)
    spread = np.where(np.isfinite(variances), variances, 1.0)
    row, low, high = panels(np.nan_to_num(means), spread, MARKS[MARKS <= LAST])
    node, share = np.polynomial.legendre.leggauss(NODES)
    half = 0.5 * (high - low)
    y = low[:, None] + half[:, None] * (1.0 + node)
    at = np.repeat(row, NODES)
    density = np.exp(model.log_density(X[at], y.ravel()))
    mass = density * (half[:, None] * share).ravel()
    # Sums to 1 in each row, whatever the tails beyond the last panel hold.
    mass *= (given.weight / np.bincount(at, mass, len(X)))[at]
    seen = mass > NOTHING * mass.max()
    return Rows(X[at[seen]], y.ravel()[seen], mass[seen])


def reduced(model: GMoE, rows: Rows, n_experts: int, space: ParameterSpace) -> GMoE:
    """Leave out or join experts, each time what costs least, until so many are left."""
    while model.n_experts > n_experts:
        free = range(model.n_experts - model.experts.n_given)
        candidates = [pick(model, others(model, j)) for j in free]
        candidates += [merged(model, rows, *pair) for pair in combinations(free, 2)]
        best = max(candidates, key=rows.log_likelihood)
        model = replace(best, parameters=rows.refit(best, best.parameters, space).model.parameters)
    return model


def _space(model, X):
    variances = model.expert_variances(np.asarray(X, dtype=float))
    least = LEAST_VARIANCE * variances[:, : model.n_experts - model.experts.n_given].min()
    least = float(least) if np.isfinite(least) else 0.0
    return ParameterSpace(variance_ratio=0.0, rows_per_parameter=0.0, interior_first=False, min_variance=least)


def _resizes(model):
    try:
        model.gate.resized(model.n_experts)
    except ValueError:
        return False
    return True
