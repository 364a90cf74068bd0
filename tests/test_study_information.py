"""The limit law of losses of regular fits."""

import numpy as np
import pytest
import scipy

pytest.importorskip("pyarrow")

from gmoe.study import Study, limit_losses, run, table

TEXT = """
name = "limit"
seed = 5
replications = 100
sizes = [4000]
{truth}

[x]
law = "uniform"
low = -1.0
high = 1.0

[[protocol]]
kind = "mle"
starts = "near_truth"

[[loss]]
kind = "exact"

[[loss]]
kind = "arrays"
"""
TWO = """
[truth]
gate = "softmax"
gate_intercept = [0.3, 0.0]
gate_coef = [[2.0], [0.0]]
intercept = [1.0, -1.0]
coef = [[1.0], [2.0]]
variance = [0.2, 0.3]
"""
ONE = """
[truth]
gate = "softmax"
gate_intercept = [0.0]
gate_coef = [[0.0]]
intercept = [1.0]
coef = [[1.0]]
variance = [0.5]
"""


def test_one_expert_is_least_squares():
    """Standard errors by hand: sigma / sqrt(n), sigma / sqrt(n / 3) as E x^2 = 1/3, sqrt(2) sigma^2 / sqrt(n)."""
    limit = limit_losses(Study.from_toml(TEXT.format(truth=ONE)), 10_000, n_draws=4000)
    deviation = {"intercept": np.sqrt(0.5), "coef": np.sqrt(1.5), "variance": np.sqrt(2.0) * 0.5}
    for name, size in deviation.items():
        # 4000 draws: 1.1 % is one standard error of a root mean square; the information is averaged to 0.3 %.
        assert np.sqrt(np.mean(limit[f"arrays: {name}"] ** 2)) == pytest.approx(size / 100.0, rel=0.04)


def test_a_study_has_the_losses_that_the_information_predicts(tmp_path):
    study = Study.from_toml(TEXT.format(truth=TWO))
    run(study, tmp_path, engine="serial")
    found, limit = table(tmp_path), limit_losses(study, 4000)
    for name in ("exact", "arrays: gate_coef", "arrays: coef", "arrays: variance"):
        # False alarm in one of 250, were all exact.
        assert scipy.stats.ks_2samp(found[f"loss:{name}"], limit[name]).pvalue > 1e-3


def test_there_is_no_limit_law_of_a_moving_truth_or_without_information():
    moving = TWO.replace("[[2.0], [0.0]]", "{value = [[2.0], [0.0]], direction = [[1.0], [0.0]], power = -0.5}")
    with pytest.raises(ValueError, match="moves with n"):
        limit_losses(Study.from_toml(TEXT.format(truth=moving)), 100)
    same = TWO.replace("[1.0, -1.0]", "[1.0, 1.0]").replace("[[1.0], [2.0]]", "[[1.0], [1.0]]")
    same = same.replace("[0.2, 0.3]", "[0.2, 0.2]")
    with pytest.raises(ValueError, match="singular"):
        limit_losses(Study.from_toml(TEXT.format(truth=same)), 100)
