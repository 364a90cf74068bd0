"""The reference measurement: the estimator of each theorem, on truths and over sets that were fixed before any run.

A study is a theorem and a truth: ``python sims/run.py softmax_over.plane`` runs one, or goes on where it was stopped;
``paper_figs/theorems.py`` makes the table and the figures.

The truths: that of the papers' code, and random ones, the first draw of each seed in which every expert has a share of
0.15 or more. The sets, by one rule: coefficients up to half again as far as the truth's and one more (those of the gate
as differences between experts), variances and temperature from a third to three times the truth's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from gmoe import GMoE, Parameters
from gmoe.study import Study

SEED, LEAST_SHARE = 20261128, 0.15
#: More replications at fewer sizes; the last one for exact-specified fits alone.
SIZES = [1_000, 3_160, 10_000, 31_600, 100_000, 316_000]
#: Starts in corners of the set, for each expert too many and without: surplus experts are at an edge more often.
CORNERS = 20, 6


@dataclass(frozen=True)
class Theorem:
    """What is claimed, and of what.

    Attributes
    ----------
    claim : str
    gate : str
        Of the truth, and of the fit unless ``fitted`` is given.
    truths : tuple of str
        Names in ``TRUTHS``.
    extra : int
        Experts that the truth does not have.
    temperature : float
        Of the truth.
    fitted : str or None
    replications : int
    losses : tuple of dict
    """

    claim: str
    gate: str
    truths: tuple[str, ...]
    extra: int = 0
    temperature: float = 1.0
    fitted: str | None = None
    replications: int = 400
    losses: tuple[dict[str, Any], ...] = ()

    @property
    def sizes(self) -> list[int]:
        """Of the data sets."""
        return SIZES[:-1] if self.extra else SIZES

    @property
    def n_corners(self) -> int:
        """Starts in corners of the set."""
        return CORNERS[0] if self.extra else CORNERS[1]


def random_truth(d: int, k: int, gate: str, temperature: float) -> dict[str, Any]:
    """First draw in which every expert has its share of the observations."""
    rng = np.random.default_rng([SEED, d, k])
    x = np.random.default_rng([SEED, d]).uniform(-1.0, 1.0, (4096, d))
    while True:
        values = {
            "gate_intercept": rng.normal(0.0, 0.5, k), "gate_coef": rng.normal(0.0, 2.0, (k, d)),
            "intercept": rng.normal(0.0, 1.0, k), "coef": rng.normal(0.0, 2.0, (k, d)),
            "variance": rng.uniform(0.1, 0.5, k),
        }  # fmt: skip
        for name in ("gate_intercept", "gate_coef"):
            values[name] = temperature * (values[name] - values[name][-1])
        rounded = {name: np.round(value, 2).tolist() for name, value in values.items()}
        model = GMoE(Parameters(**rounded, temperature=temperature), gate)
        if model.gate_proba(x).mean(axis=0).min() >= LEAST_SHARE:
            return rounded


def paper_truth(gate: str, temperature: float) -> dict[str, Any]:
    """Two experts that cross, of the code of the papers on softmax and top-K gates."""
    return {
        "gate_intercept": [-8.0 * temperature, 0.0], "gate_coef": [[25.0 * temperature], [0.0]],
        "intercept": [15.0, -5.0], "coef": [[-20.0], [20.0]], "variance": [0.09, 0.16],
    }  # fmt: skip


def drawn(d: int, k: int) -> tuple[Callable, dict[str, Any]]:
    """Random truth of k experts in d features, and the law of x."""
    return (lambda gate, temperature: random_truth(d, k, gate, temperature)), {
        "law": "uniform", "low": [-1.0] * d, "high": [1.0] * d,
    }  # fmt: skip


TRUTHS: dict[str, tuple[Callable, dict[str, Any]]] = {
    "paper": (paper_truth, {"law": "uniform", "low": 0.0, "high": 1.0}),
    "line": drawn(1, 2),
    "plane": drawn(2, 2),
    "five": drawn(5, 2),
    "line_three": drawn(1, 3),
    "plane_three": drawn(2, 3),
    "five_three": drawn(5, 3),
    "line_four": drawn(1, 4),
    "plane_four": drawn(2, 4),
}
DENSE = ("paper", "line", "plane", "five", "line_three", "plane_three")
SPARSE = ("line_three", "plane_three", "five_three", "line_four", "plane_four")
HELLINGER, BLOCKS = {"kind": "hellinger", "points": 25}, {"kind": "blocks"}
EXACT = ({"name": "voronoi", "kind": "exact"}, HELLINGER, BLOCKS)
# Cells of four atoms and more leave true experts empty; of their power only "at least 7" is known.
OVER = ({"name": "voronoi", "kind": "over", "rbar": {"4": 7.0, "5": 7.0}}, HELLINGER, BLOCKS)
FREE = {"name": "free", "scale": "free"}
LINEAR, SIGMOID = "dense_to_sparse", "activation:activation=sigmoid,temperature=estimate"
TWO, THREE = "topk:n_active=2,select_on=score", "topk:n_active=3,select_on=score"

UP_TO = "the Voronoi loss at n^-1/2"
OF_SCALE = "the loss of what is identified at n^-1/2"
OVER_RBAR = {"kind": "over", "rbar": OVER[0]["rbar"]}
THEOREMS = {
    "softmax_exact": Theorem(f"softmax, exact: {UP_TO}", "softmax", DENSE, losses=EXACT),
    "softmax_over": Theorem(
        f"softmax, one expert too many: {UP_TO}", "softmax", DENSE, 1, replications=200, losses=OVER
    ),
    "topk_exact": Theorem(f"top-2, exact: {UP_TO}", TWO, SPARSE, replications=100, losses=EXACT),
    "topk_over": Theorem(
        f"top-2, one expert too many, three active: {UP_TO}", TWO, SPARSE, 1, fitted=THREE, replications=50, losses=OVER
    ),
    "topk_few": Theorem(
        "top-2, one expert too many, two active, fewer than K-bar: does the density converge?", TWO, SPARSE, 1,
        replications=50, losses=OVER,
    ),
    "linear_exact": Theorem(
        f"estimated temperature, linear, exact: {OF_SCALE}", LINEAR, DENSE, temperature=0.5,
        losses=(*EXACT, FREE | {"kind": "exact"}),
    ),
    "linear_over": Theorem(
        f"estimated temperature, linear, one expert too many: {OF_SCALE}", LINEAR, DENSE, 1, 0.5, replications=200,
        losses=(*OVER, FREE | OVER_RBAR),
    ),
    "sigmoid_exact": Theorem(
        f"estimated temperature, sigmoid, exact: {UP_TO}", SIGMOID, DENSE, temperature=0.25, losses=EXACT
    ),
    "sigmoid_over": Theorem(
        f"estimated temperature, sigmoid, one expert too many: {UP_TO}", SIGMOID, DENSE, 1, 0.25, replications=200,
        losses=OVER,
    ),
}  # fmt: skip
NAMES = tuple(f"{theorem}.{truth}" for theorem, said in THEOREMS.items() for truth in said.truths)


@cache
def study_of(name: str) -> Study:
    """Study of that name."""
    theorem, _, truth = name.partition(".")
    said = THEOREMS[theorem]
    make, law = TRUTHS[truth]
    values = make(said.gate, said.temperature)
    estimated = {"temperature": said.temperature} if said.temperature != 1.0 else {}
    fit = {
        "name": "mle", "kind": "mle", "n_experts": len(values["variance"]) + said.extra, "n_corners": said.n_corners,
        "space": space_of(values, said.temperature),
    }  # fmt: skip
    return Study.from_dict(
        {
            "name": name,
            "seed": SEED,
            "replications": said.replications,
            "sizes": said.sizes,
            "truth": {"gate": said.gate, **estimated, **values},
            "x": law,
            "protocol": [fit | ({"gate": said.fitted} if said.fitted else {})],
            "loss": list(said.losses),
        }  # fmt: skip
    )


def space_of(values: dict[str, Any], temperature: float) -> dict[str, float]:
    """Bounds of the set by the rule above."""
    arrays = {name: np.array(value) for name, value in values.items()}
    for name in ("gate_intercept", "gate_coef"):
        arrays[name] = arrays[name][:, None] - arrays[name][None]
    bounds = {f"max_{name}": 1.5 * np.abs(array).max() + 1.0 for name, array in arrays.items() if name != "variance"}
    variance = {"min_variance": arrays["variance"].min() / 3.0, "max_variance": 3.0 * arrays["variance"].max()}
    estimated = {"min_temperature": temperature / 3.0, "max_temperature": 3.0 * temperature}
    every = bounds | variance | (estimated if temperature != 1.0 else {})
    return {name: float(f"{bound:.3g}") for name, bound in every.items()}
