"""Every claim of the theory that the studies test: predicted exponent, measured slopes, verdict.

The rule, written when softmax_exact alone had ended (the rows of averages came after a look at part of
softmax_over3; that no other exponent may be inside, after all runs: it only takes agreements away). For mean and
median each, take the range that the 95 % intervals of the slope on log n and on log(n / log n) cover together (the
bounds are powers of log n / n, and which power of log n a finite range shows is not known), and widen it by 0.05 on
both sides:

- *undecided*: no slope, or an interval on log n wider than 0.25, the gap between n^-1/2 and n^-1/4; or inside is,
  beside the predicted exponent, another one that the theory has in this study, or 0, so that the range tells nothing;
- *agrees*: the predicted exponent is inside;
- *faster than the bound*: the range is steeper, and the prediction is an upper bound only;
- *does not agree: faster*: the range is steeper, and the prediction is sharp;
- *does not agree: slower*: the range is less steep.

Where the theory says "slower than polynomial" or "not identified" there is no exponent: *agrees* if the interval on
log n, widened by 0.05, reaches 0 (no decay is seen), else *does not agree: decays*. In part that is by construction:
of the values that the density leaves open a fit returns one by a convention, whatever the truth's. The raw gate
intercept has no row there, as errors of it are measured in log weights, gate intercept / temperature (left out after
the first linear results had shown one). A verdict is about the sizes at hand, and about maximum likelihood alone, as
that is what the theory is about.

Where more than 1 % of the fits have no certificate, because the likelihood has no maximum inside of the parameters or
none was reached, the losses of the certified ones stand beside those of all: a selection.
"""

from dataclasses import replace

import numpy as np
from _common import SEARCHED, caption, interval, main
from _errors import stated, with_blocks

from gmoe.study import predicted

# Losses of the studies that are claimed of; the others are published forms and variants.
LOSSES = ("voronoi", "free", "hellinger")
WITHOUT_EXPONENT = ("slower than polynomial", "not identified")
TOLERANCE, WIDEST = 0.05, 0.25
UNCERTIFIED = 0.01
GATES = ("linear", "sigmoid", "tanh", "gelu")
STUDIES = (
    *(f"softmax_{k}{suffix}" for suffix in ("", "_paper") for k in ("exact", "over3", "over4")),
    *(f"topk_{name}" for name in ("exact_score", "exact_logit", "over3", "over4", "two_of_four")),
    *(f"temperature_{gate}_exact" for gate in (*GATES, "relu")),
    *(f"temperature_{gate}_over3" for gate in GATES),
    *(f"{name}_search" for name in SEARCHED),
)
HEAD = (
    "| study | error | predicted | | source | median: on n | on n/log n | mean: on n | on n/log n "
    "| verdict, median | verdict, mean |"
)


def draw(results):
    """Return no figure, and the table."""
    rows = []
    for name, found in results.items():
        rows += claims(name, with_blocks(found))
        certified = found.fits["certified"] | (found.fits["protocol"] != "mle")
        if certified.mean() < 1.0 - UNCERTIFIED:
            some = replace(found, fits=found.fits[certified])
            rows += claims(f"{name}, certified fits", some)
    rule = __doc__.partition("\n\n")[2].strip()
    text = "Certified maximum likelihood against the theory."
    return None, caption("claims", text, rows, results, HEAD).replace("\n\n|", f"\n\n{rule}\n\n|", 1)


def claims(name, found):
    """Yield the rows of a study."""
    said = predicted(found.study, "mle").values()
    known = {0.0} | {p.exponent for p in said if p.exponent is not None}
    own = [loss.name for loss in found.study.losses]
    for number, p in stated(found).items():
        silent = p.exponent is None and p.rate not in WITHOUT_EXPONENT
        if silent or (number in own and number not in LOSSES) or found.rate("mle", number) is None:
            continue
        rates = [found.rate("mle", number, s, x) for s in ("median", "mean") for x in ("n", "n/log n")]
        verdicts = [verdict(p, *rates[i : i + 2], known - {p.exponent}) for i in (0, 2)]
        error = p.quantity if number in own else number
        cells = [name, error, p.rate, p.bound, p.mark, *map(interval, rates), *verdicts]
        yield f"| {' | '.join(cells)} |"


def verdict(prediction, on_n, on_n_log_n, others=()):
    """Judge the slopes of one statistic by the rule above; ``others`` are exponents that it must be told from."""
    if not np.isfinite(on_n.slope) or on_n.high - on_n.low > WIDEST:
        return "undecided"
    if prediction.exponent is None:
        return "agrees" if on_n.high + TOLERANCE >= 0.0 else "does not agree: decays"
    low = min(on_n.low, on_n_log_n.low) - TOLERANCE
    high = max(on_n.high, on_n_log_n.high) + TOLERANCE
    if low <= prediction.exponent <= high:
        return "undecided" if any(low <= other <= high for other in others) else "agrees"
    if prediction.exponent < low:
        return "does not agree: slower"
    return "faster than the bound" if prediction.bound == "upper bound" else "does not agree: faster"


if __name__ == "__main__":
    main("claims", STUDIES, draw)
