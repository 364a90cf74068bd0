"""How much a slope depends on the smallest size kept: both protocols, mean and median, the paper's designs."""

from _common import caption, main
from _panels import Line, caption_rows
from _style import absent, letter, panels

from gmoe.plotting import log_ticks

DESIGNS = {"softmax_exact_paper": "k = 2", "softmax_over3_paper": "k = 3", "softmax_over4_paper": "k = 4"}
ROWS = (
    ("published", "published_form", "published, as published"),
    ("published", "voronoi", "published, translated"),
    ("mle", "voronoi", "certified, translated"),
)
STATISTICS = {"median": ("#0072B2", "-"), "mean": ("#D55E00", "--")}
STUDIES = tuple(DESIGNS)
LIMITS = (-3.0, 1.0)
# A slope over few of the largest sizes says nothing: the interval would fill the panel.
MIN_RATIO = 2.0
TEXT = """Slope of the log loss on log n without the sizes below the one on the axis, with 95 % intervals (bands),
up to half of the largest size. First row: published protocol, published form of the loss; second: the same fits,
the loss smallest over translations of the gate; third: certified maximum likelihood on the same data. Dotted: the
theory's exponent, which is stated for the loss over translations. Slopes outside of the panels are cut off. A rate
would show as a horizontal line."""


def draw(results):
    """Return the figure and its caption."""
    figure, axes = panels(len(ROWS), len(DESIGNS), 6.2, sharey=True)
    rows = []
    for i, (row, name) in enumerate((row, name) for row in ROWS for name in DESIGNS):
        protocol, loss, label = row
        title = f"{letter(i)} {DESIGNS[name]}: {label}"
        if name not in results:
            absent(axes.flat[i], title)
            continue
        kept(axes.flat[i], title, results[name], protocol, loss)
        rows += caption_rows(letter(i), [Line(label, name, protocol, loss)], results)
    handles, labels = next(((h, t) for h, t in (ax.get_legend_handles_labels() for ax in axes.flat) if h), ([], []))
    figure.legend(handles, labels, loc="outside upper left", ncols=3, frameon=False)
    figure.supxlabel("smallest size kept (n)")
    figure.supylabel("slope")
    return figure, caption("sizes_kept", TEXT, rows, results)


def kept(ax, title, results, protocol, loss):
    """Draw the slopes of mean and median with their bands."""
    for statistic, (colour, style) in STATISTICS.items():
        rate = results.rate(protocol, loss, statistic)
        slopes = [s for s in rate.kept if s.smallest * MIN_RATIO <= s.largest] if rate else []
        n, slope, low, high = ([getattr(s, key) for s in slopes] for key in ("smallest", "slope", "low", "high"))
        marker = "." if len(n) < 3 else ""  # a line of one point would not show
        ax.plot(n, slope, color=colour, linestyle=style, linewidth=1.2, marker=marker, label=statistic)
        ax.fill_between(n, low, high, color=colour, alpha=0.2, linewidth=0.0)
    theory = results.rate("mle", "voronoi").theory
    if theory is not None:
        ax.axhline(theory, color="0.25", linestyle=":", linewidth=1.3, label="theory")
    ax.set(ylim=LIMITS, xscale="log")
    log_ticks(ax.xaxis)
    ax.set_title(title, loc="left", pad=3.0, fontsize=8.0)


if __name__ == "__main__":
    main("sizes_kept", STUDIES, draw)
