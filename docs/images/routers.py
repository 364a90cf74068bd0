"""All gates fitted to one data set, side by side, ``routers.png`` beside this file, and a table of the fits.

    python docs/images/routers.py

Three experts, two features, 600 rows. The truth is none of the gates: which expert speaks follows a mixture of three
normal densities, one of them wider than the others, whose probabilities are thus quadratic in the features.
"""

import time
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor

GATES = [
    "softmax", "normalised_sigmoid", "probit", "entmax", "entmax:alpha=1.25", "tree", "smooth_tree", "groups:sizes=2+1",
    "topk:n_active=1", "topk:n_active=2", "threshold:threshold=0.2", "top_p", "entropy", "expert_choice", "laplace",
    "cosine", "quadratic",
]  # fmt: skip
# Red, green and blue would be bright where two experts mix; these are as dark.
COLOURS = np.array([[0.85, 0.37, 0.01], [0.11, 0.47, 0.70], [0.46, 0.70, 0.19]])
SIDE = 3.0


def shares(X):
    """True probabilities of the experts, (n, 3)."""
    centres, widths = np.array([[-1.2, -0.8], [1.2, -0.6], [0.0, 1.2]]), np.array([0.7, 0.9, 1.3])
    log_p = -0.5 * np.sum((X[:, None] - centres) ** 2, axis=2) / widths**2 - 2.0 * np.log(widths)
    p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def data(n=600):
    """Features, responses."""
    rng = np.random.default_rng(3)
    X = rng.uniform(-SIDE, SIDE, (n, 2))
    expert = (rng.random(n)[:, None] > np.cumsum(shares(X), axis=1)[:, :-1]).sum(axis=1)
    mean = np.array([-3.0, 0.0, 3.0])[expert] + np.array([0.5, -0.5, 0.0])[expert] * X[:, 0]
    return X, mean + 0.6 * rng.normal(size=n)


def order(coef_intercept):
    """Experts by their level, so that colours agree between gates."""
    return np.argsort(coef_intercept)


def main():
    X, y = data()
    axis = np.linspace(-SIDE, SIDE, 161)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    figure, panels = plt.subplots(3, 6, figsize=(15, 8.2), layout="constrained")
    panels = panels.ravel()
    draw(panels[0], shares(grid), "truth")
    print("| gate | parameters | log-likelihood | status | seconds |\n|---|---|---|---|---|")
    for panel, name in zip(panels[1:], GATES, strict=True):
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = GaussianMoERegressor(3, name, n_init=3, random_state=0).fit(X, y)
        result = fitted.fit_result_
        spent = time.process_time() - start
        p = fitted.model_.gate_proba(grid)[:, order(fitted.intercept_)]
        draw(panel, p, f"{name}\n{result.log_likelihood:.1f}, df {result.n_free_parameters}")
        print(
            f"| `{name}` | {result.n_free_parameters} | {result.log_likelihood:.1f} | {result.status} | {spent:.1f} |",
            flush=True,
        )
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=75)


def draw(panel, p, title):
    """Colours of the experts in proportion to their probabilities, and where one is inactive, a line."""
    side = round(len(p) ** 0.5)
    panel.imshow(np.clip(p @ COLOURS, 0.0, 1.0).reshape(side, side, 3), origin="lower", extent=[-SIDE, SIDE] * 2)
    for j in range(p.shape[1]):
        inactive = (p[:, j] == 0.0).reshape(side, side).astype(float)
        if 0.0 < inactive.mean() < 1.0:
            panel.contour(inactive, [0.5], extent=[-SIDE, SIDE] * 2, colors="black", linewidths=0.6)
    panel.set_title(title, fontsize=9)
    panel.set_xticks([])
    panel.set_yticks([])


if __name__ == "__main__":
    main()
