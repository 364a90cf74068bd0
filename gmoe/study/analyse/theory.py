"""The theory's exponent of each loss of a study."""

from gmoe.study.describe.spec import Study
from gmoe.study.losses.losses import DISTANCES, Loss
from gmoe.study.protocols.protocols import Protocol
from gmoe.theory import predict

# Losses of the order of the square of a distance of densities.
SQUARED = {"kl_divergence": 2.0}


def exponents(study: Study) -> dict[tuple[str, str], float]:
    """Predicted exponents by protocol and loss; what the theory does not cover is not among them.

    They are the maximum likelihood estimator's, and stand beside other protocols for comparison.
    """
    found = {}
    for protocol in study.protocols:
        for loss in study.losses:
            exponent = _exponent(study, protocol, loss)
            if exponent is not None:
                found[protocol.name, loss.name] = exponent
    return found


def _exponent(study: Study, protocol: Protocol, loss: Loss) -> float | None:
    true, gate = study.truth, study.truth.gate
    extra = protocol.n_experts - true.n_experts
    if extra < 0 or _family(protocol.gate_for(true)) != _family(gate):
        return None
    # Shared out evenly: of all patterns this one needs the fewest active experts, and those exponents that belong to no
    # cell are the same for all.
    pattern = [len(range(j, protocol.n_experts, true.n_experts)) for j in range(true.n_experts)]
    if loss.kind not in DISTANCES:
        # The raw form without an infimum compares translates once a cell holds several atoms.
        stated = loss.kind == "over" or (loss.kind == "exact" and extra == 0)
        if not stated or (extra and loss.translation == "none"):
            return None
    try:
        predictions = predict(gate, pattern, fitted_n_active=protocol.gate_for(true).n_active)
    except ValueError:  # a gate that the theory does not cover
        return None
    by_quantity = {p.quantity: p.exponent for p in predictions if p.cell is None}
    if loss.kind in DISTANCES:
        density = by_quantity["density"]
        return None if density is None else SQUARED.get(loss.kind, 1.0) * density
    free = by_quantity.get("voronoi_loss (free)") if loss.scale == "free" else None
    return by_quantity["voronoi_loss"] if free is None else free


def _family(gate):
    """Return what must agree for the truth to be within the fitted family."""
    return gate.activation, gate.intercept, gate.estimated, gate.n_active is None, gate.select_on
