"""Dense-to-sparse training: a gate that starts hot, with nearly equal weights, and is cooled to its temperature."""

from dataclasses import replace

from gmoe.solvers.ascent.em import em
from gmoe.solvers.problem.objective import Objective

STEPS = 5


def cooled(objective: Objective, theta, schedule, tol):
    """Parameters after some EM steps at each temperature of the schedule.

    Parameters
    ----------
    objective : Objective
        Of a dense gate.
    theta : ndarray, shape (P,)
    schedule : sequence of float
        Temperatures are 1 + s times the target (1 where it is estimated) for each s. The gate's coefficients in the
        units of the data stay as they are from one temperature to the next, so that its weights sharpen.
    tol : float
    """
    target = 1.0 if objective.gate.estimated else objective.gate.temperature
    for softness in schedule:
        temperature = target * (1.0 + softness)
        stage = objective.under(replace(objective.gate, temperature=temperature))
        ascent = em(stage, _moved(objective, stage, theta, temperature), tol, STEPS)
        theta = _moved(stage, objective, ascent.evaluation.theta, target)
    return theta


def _moved(old, new, theta, temperature):
    """Parameters of another gate with the same coefficients in the units of the data, and this temperature."""
    gate, expert = old.split(theta)
    coef, _ = old.gate.raw(gate, old.shared(theta))
    natural, shared = new.gate.natural(coef, temperature)
    return new.join(natural, expert, shared, old.expert_shared(theta))
