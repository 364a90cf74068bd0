"""A climb inside of the parameter space as one compiled call: EM, then Newton's method in a trust region.

It repeats gmoe/solvers/ascent/em.py and newton.py where no wall is near, for blocks in memory.  What it cannot do it
leaves to them: at a wall, or where matrices break down, it stops at its last point.  A point that it calls a maximum is
certified there too.
"""

from collections.abc import Callable
from typing import NamedTuple

from gmoe.kernels.climb.ascend import ascend
from gmoe.kernels.climb.settle import settle


class Climb(NamedTuple):
    """The compiled functions of a family of experts, under gates whose log-weights are affine in the features."""

    settle: Callable
    ascend: Callable


gaussian = Climb(settle, ascend)
