"""What the theory says of each number of a study."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gmoe.study.describe.spec import Study
from gmoe.study.losses.base import Loss, Quantity
from gmoe.study.losses.together import numbers_of
from gmoe.theory import Prediction, predict, required_n_active

# A quantity of the theory, and the cell size that a statement is about (None: the same for all cells).
Key = tuple[str, int | None]


def exponents(study: Study, losses: Sequence[Loss] | None = None) -> dict[tuple[str, str], float]:
    """Predicted exponents by protocol and number, for :func:`gmoe.study.estimate_rates`.

    They are the maximum likelihood estimator's, and stand beside other protocols for comparison. What the theory does
    not cover is not among them, nor is a loss that does not say which quantity it is.

    Parameters
    ----------
    study : Study
    losses : sequence of Loss, optional
        Those of the study by default.
    """
    stated = predictions(study, losses)
    return {key: p.exponent for key, p in stated.items() if p.exponent is not None}


def predictions(study: Study, losses: Sequence[Loss] | None = None) -> dict[tuple[str, str], Prediction]:
    """Look up what the theory says of each number, by protocol and number; see :func:`exponents`."""
    found = {}
    for protocol in study.protocols:
        said = predicted(study, protocol.name)
        for number, quantity in numbers_of(losses or study.losses, study.setting(protocol)).items():
            prediction = None if quantity is None else _look_up(quantity, said)
            if prediction is not None:
                found[protocol.name, number] = prediction
    return found


def predicted(study: Study, protocol: str) -> dict[Key, Prediction]:
    """Statements of the theory about a protocol's fits, for all ways to share the fitted experts among the true ones.

    By quantity and cell size, and by quantity alone for what is the same in all cells. Empty where the truth is not
    within the fitted family, moves with n, or has a gate that the theory does not cover.
    """
    setting = study.setting(study.protocol(protocol))
    gate = study.truth.gate
    if study.drifts or setting.extra < 0 or _family(setting.gate) != _family(gate):
        return {}
    n_active = setting.gate.n_active
    found: dict[Key, Prediction] = {}
    for pattern in _patterns(setting.n_experts, study.truth.n_experts):
        # Other patterns do not converge.
        if n_active is None or gate.n_active is None or required_n_active(pattern, gate.n_active) <= n_active:
            try:
                said = predict(gate, pattern, fitted_n_active=n_active)
            except ValueError:  # a gate that the theory does not cover
                return {}
            for p in said:
                found.setdefault((p.quantity, p.cell_size), p)
                found.setdefault((p.quantity, None), p)
    return found


def _look_up(quantity: Quantity, said: dict[Key, Prediction]) -> Prediction | None:
    found = said.get((quantity.name, quantity.cell_size))
    if found is None:
        other = said.get((quantity.otherwise or "", quantity.cell_size))
        found = other if other is not None and other.exponent is not None else None
    if found is None or found.exponent is None or quantity.power == 1.0:
        return found
    return replace(found, exponent=quantity.power * found.exponent, rate=f"({found.rate})^{quantity.power:g}")


def _patterns(total: int, parts: int, least: int = 1) -> Iterator[tuple[int, ...]]:
    """Yield the ways to share ``total`` fitted experts among ``parts`` true ones, small cells first."""
    if parts == 1:
        yield (total,)
        return
    for first in range(least, total // parts + 1):
        for rest in _patterns(total - first, parts - 1, first):
            yield (first, *rest)


def _family(gate):
    """Return what must agree for the truth to be within the fitted family."""
    return gate.activation, gate.intercept, gate.estimated, gate.selection.limited(1)
