"""Losses that the studies did not take as they ran: by block of parameters, and of the temperature."""

from _common import Results

from gmoe.study import Blocks, GateBoundary, SmallestShare, Temperature, predicted, predictions
from gmoe.theory import Prediction

AVERAGE, SMALLEST = ", average", SmallestShare.name


def _symmetry(study):
    return study.truth.gate.symmetry(*study.truth.parameters.gate.shape)


def with_blocks(results: Results, protocol: str = "mle") -> Results:
    """Add the errors of every block that the theory speaks of, and the smallest average gate probability."""
    study = results.study
    bounded = ("gate boundary", None) in predicted(study, protocol) and not _symmetry(study).void_rows[:, 0].any()
    losses = [Blocks(), SmallestShare(), *([GateBoundary()] if bounded else [])]
    return results.measured(*losses, protocol=protocol)


def with_temperature(results: Results) -> Results:
    """Add the absolute error of the temperature."""
    return results.measured(Temperature())


def stated(results: Results, protocol: str = "mle") -> dict[str, Prediction]:
    """Return what the theory says of each number, in its own order, averages last.

    Nothing of the raw gate intercept under a gate whose scale is free: its error is that of the log weight,
    ``gate_intercept/temperature``.
    """
    order = list(predicted(results.study, protocol))
    found = {
        number: p for (name, number), p in predictions(results.study, results.all_losses).items() if name == protocol
    }
    if "gate_intercept/temperature" in found:
        del found["gate_intercept"]

    def place(number):
        return AVERAGE in number, order.index((found[number].quantity, found[number].cell_size))

    return {number: found[number] for number in sorted(found, key=place)}
