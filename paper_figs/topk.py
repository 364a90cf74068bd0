"""The top-K paper's figure, and one of ours: Voronoi loss and Hellinger distance against n."""

from _common import caption, main
from _panels import DOTTED, DRAWN, PROTOCOLS, Line, rate_figure

DESIGNS = {
    "topk_exact_score": "k = 2, score selects",
    "topk_exact_logit": "k = 2, logit selects",
    "topk_over3": "k = 3, two active",
    "topk_over4": "k = 4, two active",
    "topk_two_of_four": "k = 4, two active, exact",
}
LOSSES = {"voronoi": "Voronoi loss", "hellinger": "Hellinger distance"}
STUDIES = tuple(DESIGNS)
TEXT = """Errors of fits to data from top-K gates; distances are averages over x drawn once for all fits. First four
rows: the two experts of a code that is very probably the top-K paper's, one of them active; one active expert
identifies neither scale nor weights of the gate, and the Voronoi loss leaves these out. Last row: our truth, two of
four active. The published protocol (of the same code) starts beside the truth, selects by logit whatever the truth
does (first row), and cannot move the boundary between two experts of which one is active."""


def draw(results):
    """Return the figure and its caption."""
    contents = [
        (
            f"{title}: {label}",
            [Line(PROTOCOLS[protocol], name, protocol, loss) for protocol in protocols(results, name)],
        )
        for name, title in DESIGNS.items()
        for loss, label in LOSSES.items()
    ]
    figure, rows = rate_figure(contents, len(LOSSES), 9.2, results, "median error")
    return figure, caption("topk", f"{TEXT} {interior(results)}{DRAWN} {DOTTED}", rows, results)


def interior(results):
    """Say how many of the fits of three experts for two of which one is active end at an interior maximum."""
    if "topk_over3" not in results:
        return ""
    fits = results["topk_over3"].fits
    certified = fits[fits["protocol"] == "mle"].groupby("n")["certified"]
    some = f"{certified.sum().sum()} of {certified.size().sum()}"
    return f"Of three experts, two of them active (third row), {some} fits have an interior maximum. "


def protocols(results, name):
    """Protocols of a study, none where it is not run."""
    return [p.name for p in results[name].study.protocols] if name in results else []


if __name__ == "__main__":
    main("topk", STUDIES, draw)
