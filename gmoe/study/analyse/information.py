"""What the Fisher information says of the losses of regular fits: the limit law, constant and all."""

from collections.abc import Sequence

import numpy as np

from gmoe.inference.chart import Chart
from gmoe.model import GMoE
from gmoe.solvers.problem.layout import structure_of
from gmoe.study.describe.spec import Study
from gmoe.study.losses.base import Fits, Loss, Setting
from gmoe.study.losses.together import measured

# Observations over which the information is averaged: some 0.3 % of each standard deviation.
N_ROWS = 200_000
# Eigenvalues below this, relative to the largest of a matrix with ones on its diagonal, are rounding.
NOTHING = 1e-9


def limit_losses(
    study: Study, n: int, losses: Sequence[Loss] | None = None, *, n_draws: int = 2000, random_state: int = 0
) -> dict[str, np.ndarray]:
    """Losses of the normal law that maximum likelihood fits have in the limit: centre the truth, information n times I.

    The estimator of a regular model is asymptotically normal with the inverse Fisher information as its covariance
    (van der Vaart, 1998, theorem 5.39), which no regular estimator goes below. So not only the exponent of a loss is
    known but its size: of a study of maximum likelihood fits the median loss over the one here goes to 1.

    Parameters
    ----------
    study : Study
        Of a truth that stays.
    n : int
        Size of the data.
    losses : sequence of Loss, optional
        Those of the study by default.
    n_draws : int, default 2000
        Of the normal law.
    random_state : int, default 0

    Returns
    -------
    dict of str to ndarray, shape (n_draws,)
        Losses by number.

    Raises
    ------
    ValueError
        Where the information is singular at the truth, or the truth moves with n: there is no such law.

    Notes
    -----
    The information is the average outer product of the scores of 200 000 observations.
    """
    if study.drifts:
        raise ValueError("The truth moves with n; the limit law is of a truth that stays.")
    rng, truth = np.random.default_rng(random_state), study.truth
    chart = Chart(truth)
    one = deviations(chart, study.law.draw(N_ROWS, rng), rng)
    points = chart.point + rng.normal(size=(n_draws, one.shape[1])) @ one.T / np.sqrt(n)
    setting = Setting("limit", truth, truth.gate, truth.n_experts, study.law, truth.experts)
    ends = {"limit": {(n, i): (chart.model_at(point), 0.0) for i, point in enumerate(points)}}
    found = measured(study.losses if losses is None else losses, Fits.of(setting, ends, list(ends["limit"])))
    return {name: np.array([each.numbers[name] for each in found]) for name in found[0].numbers}


def deviations(chart: Chart, X, rng: np.random.Generator) -> np.ndarray:
    """Directions (C, r) of one standard deviation of an estimate from one observation, independent of each other.

    What the density does not depend on stays where it is.
    """
    model = chart.model
    scores = chart.scores(X, model.sample(X, rng)[0])
    information = scores.T @ scores / len(X)
    size = np.sqrt(np.diag(information))
    unit = np.divide(1.0, size, out=np.zeros_like(size), where=size > NOTHING * size.max())
    values, vectors = np.linalg.eigh(unit[:, None] * information * unit)
    some = values > NOTHING * values[-1]
    if np.sum(some) < n_free(model):
        raise ValueError("The information is singular at the truth: no fit of such data has a normal limit law.")
    return unit[:, None] * vectors[:, some] / np.sqrt(values[some])


def n_free(model: GMoE) -> int:
    """Parameters that the density determines."""
    structure = structure_of(model.gate, model.experts, *model.sizes)
    return structure.symmetry.n_free + model.n_experts * structure.q_expert + structure.s_expert
