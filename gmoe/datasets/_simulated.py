"""Simulated data with known parameters."""

import numpy as np

from gmoe._validation import check_integer
from gmoe.model import GMoE
from gmoe.parameters import Parameters


def make_gmoe(
    n_samples=1000,
    n_features=1,
    n_experts=2,
    *,
    gate_scale=2.0,
    expert_scale=3.0,
    noise=0.4,
    gate="softmax",
    temperature=1.0,
    random_state=0,
):
    """Draw a random Gaussian mixture of experts and data from it.

    Parameters
    ----------
    n_samples, n_features, n_experts : int
    gate_scale : float, default 2
        Standard deviation of the gate parameters.
    expert_scale : float, default 3
        Standard deviation of the experts' coefficients and intercepts.
    noise : float, default 0.4
        Standard deviation of each expert's errors (the model holds its square).
    gate : str or Gate, default "softmax"
        As in :class:`gmoe.GaussianMoERegressor`.
    temperature : float, default 1
        Of a gate that estimates it.
    random_state : int or numpy.random.Generator, default 0

    Returns
    -------
    X : ndarray, shape (n_samples, n_features)
        Uniform on [-1, 1].
    y : ndarray, shape (n_samples,)
    model : GMoE
        The truth, in canonical form.
    expert : ndarray of int, shape (n_samples,)
        The expert of each observation.

    Raises
    ------
    ValueError
        For sizes below 1, scales that are not positive, and gates that do not suit so many experts.
    """
    for name, size in {"n_samples": n_samples, "n_features": n_features, "n_experts": n_experts}.items():
        check_integer(size, name, 1)
    for name, value in {
        "gate_scale": gate_scale,
        "expert_scale": expert_scale,
        "noise": noise,
    }.items():
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value}.")
    rng = np.random.default_rng(random_state)
    parameters = Parameters(
        gate_intercept=rng.normal(0.0, gate_scale, n_experts),
        gate_coef=rng.normal(0.0, gate_scale, (n_experts, n_features)),
        intercept=rng.normal(0.0, expert_scale, n_experts),
        coef=rng.normal(0.0, expert_scale, (n_experts, n_features)),
        variance=np.full(n_experts, noise**2),
        temperature=temperature,
    )
    model = GMoE(parameters, gate).canonical()
    X = rng.uniform(-1.0, 1.0, (n_samples, n_features))
    y, expert = model.sample(X, rng)
    return X, y, model, expert
