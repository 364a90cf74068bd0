"""The temperature paper's contrast: linear against activation gates, raw errors and errors of slopes / temperature."""

from _common import caption, main
from _errors import with_temperature
from _panels import DOTTED, DRAWN, Line, rate_figure

ERRORS = {
    "temperature": "error of the temperature",
    "voronoi": "Voronoi loss, raw",
    "free": "loss of slopes/temperature",
}
DESIGNS = {
    "exact": "k = 2, exact",
    "over3": "k = 3",
}
GATES = ("linear", "sigmoid", "tanh", "gelu", "relu")
# There is no over-specified design with relu.
STUDIES = tuple(f"temperature_{gate}_{design}" for design in DESIGNS for gate in GATES)[:-1]
TEXT = """Certified maximum likelihood with an estimated temperature. A linear score leaves the common scale of
temperature and gate free, and so does relu: their raw errors show what representative of equal densities a fit
happens to be, and the loss of slopes / temperature is the one that can fall. Sigmoid, tanh and gelu fix the scale."""


def draw(results):
    """Return the figure and its caption."""
    results = {name: with_temperature(found) for name, found in results.items()}
    contents = [
        (f"{title}: {label}", [Line(gate, f"temperature_{gate}_{design}", "mle", error) for gate in GATES])
        for error, label in ERRORS.items()
        for design, title in DESIGNS.items()
    ]
    figure, rows = rate_figure(contents, len(DESIGNS), 9.2, results, "median error")
    return figure, caption("temperature", f"{TEXT} {DRAWN} {DOTTED}", rows, results)


if __name__ == "__main__":
    main("temperature", STUDIES, draw)
