"""Errors that tables of studies do not have: by block of parameters, and of the temperature."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from _common import Results

from gmoe.metrics import block_errors
from gmoe.study.losses.losses import Loss
from gmoe.study.results.rows import model_of
from gmoe.theory import Prediction, predict, required_n_active

AVERAGE, SMALLEST = ", average", "smallest probability"
KEYS = ["protocol", "n", "replication"]
PREFIX = "loss:"


def with_blocks(results: Results, protocol: str = "mle") -> Results:
    """Add the errors of every block that the theory speaks of, as ``loss:coef (cell of 2)``.

    The error of a fit is the largest over its cells of that size, nan where it has none; and ``coef, average (cell of
    2)`` the same with the average over each cell's atoms by gate probability, which is what the Voronoi loss bounds: an
    atom of vanishing probability may be anywhere. The gate is known up to a translation only, which the heaviest
    cells take up: so ``gate_intercept`` is the largest over all cells, and the gate slope of a single cell is left out
    where there is no other such cell. ``smallest probability`` is that of the fitted experts, averaged over x.
    """
    rows = fitted_rows(results, protocol)
    said = predictions(results, protocol)
    points = Loss("points", weights="gate_probability", points=25).points_of(results.study.law)
    models = [model_of(results.study, row) for row in rows.to_dict("records")]
    # exp(gate_intercept) as weights would align by the heaviest expert alone.
    errors = block_errors(models, results.study.truth, weights="gate_probability", X=points).to_frame()
    errors = errors[errors["cell_size"] > 0]
    if results.study.truth.gate.affine:
        alone = errors.groupby(["fit", "block", "cell_size"])["expert"].transform("size") == 1
        errors = errors[~(errors["block"].str.startswith("gate_coef") & (errors["cell_size"] == 1) & alone)]
    long = pd.concat([_keyed(errors, "error", ""), _keyed(errors[errors["cell_size"] > 1], "average", AVERAGE)])
    wide = long.groupby(["fit", "key"])["error"].max().unstack()
    wide = wide.reindex(range(len(rows)))[[key for key in said if key in wide]].add_prefix(PREFIX).set_axis(rows.index)
    wide[PREFIX + SMALLEST] = [model.gate_proba(points).mean(axis=0).min() for model in models]
    if "gate boundary" in said and results.study.truth.gate.select_on.sees_logit:
        wide[PREFIX + "gate boundary"] = [abs(boundary(model) - boundary(results.study.truth)) for model in models]
    theory = {key: p.exponent for key, p in said.items() if p.exponent is not None}
    return replace(results, extra=pd.concat([rows[KEYS], wide], axis=1), extra_theory=theory)


def boundary(model: Any) -> float:
    """Where the logits of two experts in one feature are equal."""
    gate = model.parameters
    return float(-np.diff(gate.gate_intercept)[0] / np.diff(gate.gate_coef[:, 0])[0])


def with_temperature(results: Results) -> Results:
    """Add the absolute error of the temperature as ``loss:temperature``."""
    error = (results.fits["param:temperature"] - results.study.truth.parameters.temperature).abs()
    exponent = predictions(results)["temperature"].exponent
    theory = {} if exponent is None else {"temperature": exponent}
    return replace(results, extra=results.fits[KEYS].assign(**{PREFIX + "temperature": error}), extra_theory=theory)


def key_of(block: str, size: int | None) -> str:
    """Name of the error of a block in cells of a size."""
    overall = size is None or block.startswith(("temperature", "gate_intercept", "gate boundary"))
    return block if overall else f"{block} (cell of {size})"


def predictions(results: Results, protocol: str = "mle") -> dict[str, Prediction]:
    """Return what the theory says of each error, for all ways to share the fitted experts among the true ones.

    Nothing of the raw gate intercept under a gate whose scale is free: its error here is that of the log weight,
    ``gate_intercept/temperature``.
    """
    study = results.study
    fitted = study.protocol(protocol)
    true, extra = study.truth.n_experts, fitted.n_experts - study.truth.n_experts
    patterns = [(1 + first, 1 + extra - first, *[1] * (true - 2)) for first in range(extra + 1)]
    n_active = fitted.gate_for(study.truth).n_active
    if n_active is not None:  # other patterns do not converge
        patterns = [p for p in patterns if required_n_active(p, study.truth.gate.n_active) <= n_active]
    said = [p for pattern in patterns for p in predict(study.truth.gate, pattern, fitted_n_active=n_active)]
    keyed = {key_of(p.quantity, p.cell_size): p for p in said}
    if "gate_intercept/temperature" in keyed:
        del keyed["gate_intercept"]
    several = [p for p in said if (p.cell_size or 1) > 1 and not p.quantity.startswith("gate_intercept")]
    return keyed | {key_of(p.quantity + AVERAGE, p.cell_size): p for p in several}


def _keyed(errors, column, suffix):
    names = errors["block"] + suffix
    keys = [key_of(name, size) for name, size in zip(names, errors["cell_size"], strict=True)]
    return pd.DataFrame({"fit": errors["fit"], "key": keys, "error": errors[column]})


def fitted_rows(results: Results, protocol: str) -> Any:
    """Rows of a protocol that hold a model."""
    rows = results.fits[results.fits["protocol"] == protocol]
    size = results.study.protocol(protocol).n_experts
    return rows[np.isfinite(rows[f"param:variance[{size - 1}]"])]
