"""The report's page and the plots of rates."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from gmoe.study import Study, estimate_rates, run, table
from gmoe.study.analyse.theory import exponents

matplotlib = pytest.importorskip("matplotlib")

from matplotlib.figure import Figure  # noqa: E402

from gmoe.plotting import RatePlotDisplay, RateSeries  # noqa: E402
from gmoe.study.show.figures import figure_of, sizes_figure_of  # noqa: E402
from gmoe.study.show.report import report_page  # noqa: E402

SPEC = {
    "name": "page",
    "seed": 1,
    "replications": 3,
    "sizes": [60, 120, 240],
    "truth": "softmax_paper",
    "protocol": [{"kind": "mle", "starts": "near_truth"}, {"kind": "em", "name": "em<1>"}],
    "loss": [{"kind": "exact", "name": "voronoi"}, {"kind": "hellinger", "points": 5}],
}


def synthetic(protocols=("mle",), loss="d"):
    n, replication = np.meshgrid([100, 1000, 10_000], range(20), indexing="ij")
    rng = np.random.default_rng(0)
    frames = []
    for protocol in protocols:
        values = n**-0.5 * np.exp(0.3 * rng.standard_normal(n.shape))
        columns = {"n": n.ravel(), "replication": replication.ravel(), f"loss:{loss}": values.ravel()}
        frames.append(pd.DataFrame({"protocol": protocol, **columns}))
    return pd.concat(frames)


class Page(HTMLParser):
    """Collects headings, and fails on tags that do not close."""

    def __init__(self, text):
        super().__init__()
        self.open, self.headings, self.sources = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.sources += [value for key, value in attributes if key in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    spec = SPEC | {"protocol": [SPEC["protocol"][0], {"kind": "em"}]}
    run(Study.from_dict(spec), out)
    return out


def test_page_stands_alone_and_has_its_parts(folder):
    rates = estimate_rates(table(folder), theory={"voronoi": -0.5}, n_boot=99)
    text = report_page(folder, rates)
    page = Page(text)
    expected = ["page", "Rates", "Plots", "Certificates", "Failures", "Losses", "Study", "Environment"]
    assert page.headings == expected
    assert len(page.sources) == 3 and all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    assert all(b"<svg" in base64.b64decode(source.partition(",")[2]) for source in page.sources)
    assert "18 of 18 fits done, 0 failed" in text
    slope = rates.rates[0].slope
    assert f"{slope:.4g}".replace("-", "\N{MINUS SIGN}") in text
    assert "numpy" in text and "replications = 3" in text


def test_page_lists_failures_and_escapes_them(folder, monkeypatch):
    failed = table(folder)
    failed.loc[0, ["error", "status"]] = ["ValueError: <b> & so on", "failed"]
    failed.loc[0, "loss:voronoi"] = np.nan
    monkeypatch.setattr("gmoe.study.show.report.table", lambda folder: failed)
    text = report_page(folder, estimate_rates(failed, n_boot=99))
    Page(text)
    assert "ValueError: &lt;b&gt; &amp; so on" in text and "gmoe rates replay" in text


def test_display_draws_the_tables():
    rates = estimate_rates(synthetic(), theory={"d": -0.5})
    display = RatePlotDisplay.from_rates(rates, loss="d", ax=Figure().subplots())
    (points,) = display.points_
    np.testing.assert_array_equal(points.get_xdata(), [100, 1000, 10_000])
    np.testing.assert_array_equal(points.get_ydata(), rates.to_frame("levels")["mean"])
    rate = rates.rates[0]
    (line,) = display.lines_
    x, y = np.log(line.get_xdata()), np.log(line.get_ydata())
    assert np.diff(y) / np.diff(x) == pytest.approx(rate.slope, rel=1e-12)
    x, y = np.log(display.reference_.get_xdata()), np.log(display.reference_.get_ydata())
    assert np.diff(y) / np.diff(x) == pytest.approx(-0.5, rel=1e-12)
    labels = [text.get_text() for text in display.legend_.get_texts()]
    assert labels[0].startswith("mle: slope \N{MINUS SIGN}0.") and labels[1] == "theory: slope \N{MINUS SIGN}1/2"
    numbers = [float(f.replace("\N{MINUS SIGN}", "-")) for f in re.findall(r"\N{MINUS SIGN}[\d.]+", labels[0])]
    assert numbers == pytest.approx([rate.slope, rate.low, rate.high], abs=5e-4)  # three decimals shown


def test_protocols_look_different_without_colour():
    rates = estimate_rates(synthetic(("a", "b", "c")))
    display = RatePlotDisplay.from_rates(rates, loss="d", statistic="median", ax=Figure().subplots())
    assert len({line.get_linestyle() for line in display.lines_}) == 3
    assert len({points.get_marker() for points in display.points_}) == 3
    assert display.reference_ is None
    chosen = RatePlotDisplay.from_rates(rates, loss="d", protocols=["b"], ax=Figure().subplots())
    assert [series.label for series in chosen.series] == ["b"]
    with pytest.raises(ValueError, match="no protocol 'x'"):
        RatePlotDisplay.from_rates(rates, loss="d", protocols=["x"])
    with pytest.raises(ValueError, match="no mean of loss 'e'"):
        RatePlotDisplay.from_rates(rates, loss="e")


def test_panels_of_a_page():
    rates = estimate_rates(synthetic(("a", "b")), theory={"d": -0.5})
    series = [RateSeries.of(rates, "b", "d", label="second", look=1)]
    display = RatePlotDisplay(series=series, each=True, digits=2, brief=True, scale=1.0).plot(Figure().subplots())
    both = RatePlotDisplay.from_rates(rates, loss="d", statistic="median", ax=Figure().subplots())
    # A series looks the same whichever others are drawn.
    for part in ("lines_", "points_"):
        alone, second = getattr(display, part)[0], getattr(both, part)[1]
        assert alone.get_color() == second.get_color() and alone.get_linestyle() == second.get_linestyle()
    [label] = [text.get_text() for text in display.legend_.get_texts()]
    pattern = r"second -0\.\d\d \[-0\.\d\d, -0\.\d\d\] \(-1/2\)"
    assert re.fullmatch(pattern, label.replace("\N{MINUS SIGN}", "-")) and display.reference_ is None
    [level] = [v for v in rates.levels if (v.protocol, v.n) == ("b", 1000)]
    low, high = np.array(display.bars_[0].get_segments())[1, :, 1]
    # Two standard errors on the logarithmic axis, relative to the median.
    spread = 2.0 * level.median_mcse / level.median
    assert [low, high] == pytest.approx(level.median * np.exp([-spread, spread]), rel=1e-12)
    thin = [line for line in display.ax_.get_lines() if line.get_linewidth() == 0.6]
    means = [v.mean for v in rates.levels if v.protocol == "b"]
    assert [line.get_ydata().tolist() for line in thin] == [means]
    with pytest.raises(ValueError, match="no median of loss 'd' of protocol 'c'"):
        RateSeries.of(rates, "c", "d")


def test_a_single_size_is_drawn_without_a_slope():
    table = synthetic()
    rates = estimate_rates(table[table["n"] == 100])
    display = RatePlotDisplay.from_rates(rates, loss="d", ax=Figure().subplots())
    assert display.lines_ == [] and display.legend_.get_texts()[0].get_text() == "mle: no slope"
    for n in (100, 500, 1000):  # at 500, matplotlib's own limits are the same number
        one = table[table["n"] == 100].assign(n=n)
        for rates in (estimate_rates(one), estimate_rates(one, theory={"d": -0.5}), estimate_rates(one[:1])):
            ax = figure_of(rates).axes[0]
            (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
            assert left < 0.7 * n and right > 1.4 * n and high > 1.1 * low


@pytest.mark.parametrize("value", [np.nan, 0.0, -1.0])
def test_a_protocol_without_losses_to_draw_leaves_the_others(value):
    table = synthetic(("mle", "em"))
    dead = table.assign(**{"loss:d": table["loss:d"].where(table["protocol"] == "mle", value)})
    rates = estimate_rates(dead, theory={"d": -0.5})
    display = RatePlotDisplay.from_rates(rates, loss="d", ax=Figure().subplots())
    assert [text.get_text().partition(":")[0] for text in display.legend_.get_texts()] == ["em", "mle", "theory"]
    alone = estimate_rates(dead[dead["protocol"] == "em"], theory={"d": -0.5})
    for figure in (figure_of(alone), sizes_figure_of(alone)):
        figure.savefig(io.BytesIO())
    assert len(figure_of(alone).axes[0].get_legend().get_texts()) == 1


def test_figures_have_a_panel_for_each_loss():
    table = synthetic(("mle", "em"))
    rates = estimate_rates(table.assign(**{"loss:e": table["loss:d"] ** 2, "loss:f": 1.0 + table["loss:d"]}))
    assert len(figure_of(rates).axes) == 3
    assert len(sizes_figure_of(rates, "median").axes) == 6


def test_exponents_of_the_theory():
    def of(truth="softmax_paper", losses=({"kind": "over"},), **protocol):
        spec = SPEC | {"truth": truth, "protocol": [{"kind": "mle", **protocol}], "loss": list(losses)}
        return {loss: exponent for (_, loss), exponent in exponents(Study.from_dict(spec)).items()}

    distances = [{"kind": kind} for kind in ("exact", "over", "hellinger", "kl_divergence", "power")]
    assert of(losses=distances) == {"exact": -0.5, "over": -0.5, "hellinger": -0.5, "kl_divergence": -1.0}
    assert of(n_experts=3) == {"over": -0.5}
    assert of(n_experts=3, losses=[{"kind": "exact"}]) == {}
    assert of(n_experts=3, losses=[{"kind": "over", "translation": "none"}]) == {}
    # One active expert: the gate part of the loss is not identified, the density is.
    assert of("topk_paper", [{"kind": "over"}, {"kind": "hellinger"}]) == {"hellinger": -0.5}
    # Two experts of four can stand for either true one if each has two.
    fit = {"n_experts": 4, "gate": "topk:n_active=2,select_on=logit"}
    assert of("topk_paper", [{"kind": "hellinger"}], **fit) == {"hellinger": -0.5}
    # Another family than the truth's.
    assert of(gate="topk:n_active=1", losses=[{"kind": "hellinger"}]) == {}
