"""Kinds of losses: what a study asks for them by."""

from typing import TypeVar

from gmoe.study.losses.arrays import Arrays
from gmoe.study.losses.base import Loss
from gmoe.study.losses.blocks import Blocks
from gmoe.study.losses.distances import Distance
from gmoe.study.losses.gates import GateBoundary, SmallestShare, Temperature
from gmoe.study.losses.voronoi import Voronoi

KINDS: dict[str, type[Loss]] = {}
LossClass = TypeVar("LossClass", bound=type[Loss])


def register_loss(cls: LossClass) -> LossClass:
    """Let studies ask for a loss of one's own by its ``kinds``; also a decorator of its class.

    Workers find the class by the module that it is in; a module that reads a study, or the results of one, has to
    import it.

    Raises
    ------
    ValueError
        Without kinds, or where another class has one of them.
    """
    if not cls.kinds:
        raise ValueError(f"{cls.__name__} has no kinds; give it the name that a study asks for it by.")
    for kind in cls.kinds:
        if KINDS.setdefault(kind, cls) is not cls:
            raise ValueError(f"There is a loss of kind {kind!r} already; give {cls.__name__} another one.")
    return cls


def kind_of(loss: Loss) -> str:
    """Kind by which a study asks for a loss."""
    return getattr(loss, "kind", loss.kinds[0] if loss.kinds else type(loss).__name__)


for _cls in (Voronoi, Distance, Blocks, Arrays, Temperature, GateBoundary, SmallestShare):
    register_loss(_cls)
