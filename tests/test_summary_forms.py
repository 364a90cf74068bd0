"""The table of a fit where it is shown: a prompt, a notebook, a document."""

import re
import warnings
from html.parser import HTMLParser

import numpy as np
import pytest
import scipy

from gmoe import GaussianMoERegressor, diagnose

NAMES = ["<b>x & y</b>", "a_b%"]


@pytest.fixture(scope="module")
def fitted():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 2)), columns=NAMES)
    y = np.where(rng.random(300) < 0.3, 4.0 + X[NAMES[0]], -X[NAMES[1]]) + 0.5 * rng.standard_normal(300)
    return GaussianMoERegressor(2, gate_features=[], n_init=1, random_state=0).fit(X, y), X, y


class Cells(HTMLParser):
    """The texts of all cells by row; fails on tags that do not close."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        assert tag in {"div", "pre", "table", "thead", "tbody", "tr", "th", "td"} and not attributes
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] in ("th", "td"):
            self.rows[-1][-1] += data


def test_typed_at_a_prompt_they_are_one_line(fitted):
    summary, result = fitted[0].summary(), fitted[0].fit_result_
    for text in (repr(summary), repr(result)):
        assert len(text) < 160 and "\n" not in text and result.status in text
        assert f"{result.log_likelihood:.6f}" in text


def test_html_is_the_table_and_obeys_no_name(fitted):
    summary = fitted[0].summary(0.9)
    cells = Cells(summary._repr_html_()).rows
    assert cells[0] == ["parameter", "estimate", "std. error", "z", "lower 90%", "upper 90%", "note"]
    for cell, row in zip(cells[1:], summary.rows(), strict=True):
        assert cell[0] == row["parameter"] and cell[-1] == row["note"]
        assert cell[1] == f"{row['estimate']:.6g}"
        assert cell[3] == (f"{row['z']:.6g}" if np.isfinite(row["z"]) else "")
    assert "certificate: converged" in summary._repr_html_()


def test_latex_escapes_names(fitted):
    lines = fitted[0].summary().to_latex().splitlines()
    rows = [line for line in lines if line.endswith(r" \\")]
    assert len(rows) == 1 + len(fitted[0].fit_result_.parameter_names)
    assert all(len(re.findall(r"(?<!\\)&", row)) == 6 for row in rows)
    assert any(r"coef[a\_b\%] (0)" in row for row in rows) and any(r"x \& y" in row for row in rows)
    assert not any(re.search(r"(?<!\\)[%_#$]", row) for row in rows)


def test_p_values_on_request(fitted):
    estimator, _, _ = fitted
    summary = estimator.summary(p_values=True)
    for row, plain in zip(summary.rows(), estimator.summary().rows(), strict=True):
        if np.isnan(row["z"]):
            assert np.isnan(row["p"])
        else:
            # Two codes for the normal distribution.
            assert row["p"] == pytest.approx(scipy.stats.chi2.sf(row["z"] ** 2, 1), rel=1e-9)
        assert set(row) - set(plain) == {"p"}
    table = summary.to_frame()
    assert table.loc["coef[a_b%] (0)", "p"] == pytest.approx(
        estimator.inference().wald_test("coef[a_b%] (0) = 0").p_value, rel=1e-9
    )
    lines = str(summary).splitlines()
    assert len({len(line) for line in lines if line.startswith(("parameter", "coef", "variance"))}) == 1
    assert f" {table.loc['coef[a_b%] (0)', 'p']:.3g} " in next(line for line in lines if "coef[a_b%] (0)" in line)
    assert Cells(summary._repr_html_()).rows[0][3:5] == ["z", "p"]
    assert summary.to_latex().startswith(r"\begin{tabular}{lrrrrrrl}") and "& p &" in summary.to_latex()


def test_an_index_of_kind_feature_and_expert(fitted):
    estimator, X, y = fitted
    table = estimator.summary().to_frame(split=True)
    assert table.index.names == ["kind", "feature", "expert"]
    assert table.loc[("coef", NAMES[0], 1), "estimate"] == estimator.coef_[1, 0]
    assert table.loc[("variance", "", 0), "estimate"] == estimator.variance_[0]
    slopes = table.xs("coef", level="kind")["estimate"].unstack("feature")[NAMES]
    assert slopes.to_numpy().tolist() == estimator.coef_.tolist()
    named = estimator.relabel(["[one] (1)", "two"]).summary().to_frame(split=True)
    assert named.loc[("coef", NAMES[1], "[one] (1)"), "estimate"] == estimator.coef_[0, 1]
    shared = GaussianMoERegressor(2, "dense_to_sparse", experts="student:df=estimate", n_init=1, max_iter=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the fit is like does not matter
        index = shared.fit(X, y).summary().to_frame(split=True).index
    assert ("temperature", "", "") in index and ("gate_coef", NAMES[0], 1) in index


def test_effective_rows_and_standard_deviations(fitted):
    estimator, X, y = fitted
    result = estimator.fit_result_
    # Sums over 300 rows in two coordinates.
    np.testing.assert_allclose(result.effective_rows, estimator.responsibilities(X, y).sum(axis=0), rtol=1e-9)
    found = diagnose(estimator.model_, X.to_numpy(), y)
    np.testing.assert_allclose(found.to_frame()["rows"], result.effective_rows, rtol=1e-9)
    head = estimator.summary().head()
    assert head[-2] == "effective rows: " + "  ".join(f"({j}) {v:.1f}" for j, v in enumerate(result.effective_rows))
    assert head[-1].endswith("  ".join(f"({j}) {v:.4g}" for j, v in enumerate(np.sqrt(estimator.variance_))))
    heavy = GaussianMoERegressor(1, experts="heteroscedastic", n_init=1).fit(X, y)
    assert "standard deviations" not in str(heavy.summary())
    weighted = GaussianMoERegressor(2, gate_features=[], n_init=1, random_state=0).fit(X, y, np.full(300, 4.0))
    np.testing.assert_allclose(weighted.fit_result_.effective_rows, 4.0 * result.effective_rows, rtol=1e-6)
