"""Families of experts by name."""

from collections.abc import Callable
from inspect import signature

from gmoe.experts._densities import NormalDensity, UniformDensity
from gmoe.experts.base import BaseExperts
from gmoe.experts.gaussian import GaussianExperts
from gmoe.experts.heteroscedastic import HeteroscedasticExperts
from gmoe.experts.multivariate import MultivariateGaussianExperts
from gmoe.experts.noise import NoiseExperts
from gmoe.experts.student import StudentExperts


def noise(experts: str | BaseExperts = "gaussian", **density: float) -> NoiseExperts:
    """Noise over a range, ``low`` and ``high``, or Gaussian of a ``mean`` and ``sd``, and other experts."""
    for kind in (UniformDensity, NormalDensity):
        if density.keys() == signature(kind).parameters.keys():
            return NoiseExperts(kind(**density), as_experts(experts))
    given = ", ".join(sorted(density)) or "neither"
    raise ValueError(f"Experts 'noise' need low and high, the range of y, or mean and sd; got {given}.")


NAMED: dict[str, Callable[..., BaseExperts]] = {
    "gaussian": GaussianExperts,
    "heteroscedastic": HeteroscedasticExperts,
    "multivariate": MultivariateGaussianExperts,
    "noise": noise,
    "student": StudentExperts,
}


def list_experts() -> list[str]:
    """Names that the estimator's ``experts`` argument accepts."""
    return sorted(NAMED)


def as_experts(experts: str | BaseExperts) -> BaseExperts:
    """Return the family of that name, or the family itself.

    A name may carry settings, the arguments of the family: ``"student:df=4"``, ``"noise:low=0,high=20"``,
    ``"noise:low=0,high=20,experts=student:df=4"``.

    Raises
    ------
    ValueError
        For an unknown name or setting; the message lists the known ones.
    TypeError
        For anything that is neither a name nor a family of experts.
    """
    if isinstance(experts, BaseExperts):
        return experts
    known = ", ".join(list_experts())
    if not isinstance(experts, str):
        raise TypeError(f"experts must be a name or BaseExperts, got {type(experts).__name__}; names: {known}.")
    name, _, text = experts.partition(":")
    if name not in NAMED:
        raise ValueError(f"Unknown experts {name!r}; known: {known}. Others: pass a subclass of BaseExperts.")
    settings = dict(_setting(item.strip(), name) for item in text.split(",") if item.strip())
    try:
        return NAMED[name](**settings)
    except TypeError as error:
        raise ValueError(f"Experts {name!r} do not take the settings {sorted(settings)}: {error}.") from error


def _setting(item, name):
    key, equals, value = item.partition("=")
    if not equals:
        raise ValueError(f"Setting {item!r} of experts {name!r} must be name=value.")
    for number in (int, float):
        try:
            return key, number(value)
        except ValueError:
            continue
    return key, value
