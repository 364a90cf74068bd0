"""Families of experts by name."""

from gmoe._names import enter, with_settings
from gmoe.experts.base import BaseExperts
from gmoe.experts.gaussian import GaussianExperts
from gmoe.experts.heteroscedastic import HeteroscedasticExperts
from gmoe.experts.multivariate import MultivariateGaussianExperts
from gmoe.experts.noise import NoiseExperts
from gmoe.experts.student import StudentExperts

NAMED: dict[str, type[BaseExperts]] = {
    "gaussian": GaussianExperts,
    "heteroscedastic": HeteroscedasticExperts,
    "multivariate": MultivariateGaussianExperts,
    "noise": NoiseExperts,
    "student": StudentExperts,
}


def register_experts(name: str, experts: type[BaseExperts]) -> type[BaseExperts]:
    """Make a family of experts available by name, to the estimator, the model, the command line and study files.

    Its settings are those of :meth:`BaseExperts.named`, by default the arguments of the class.

    Raises
    ------
    ValueError
        For a name that cannot stand before settings, or that another family has.
    TypeError
        For anything but a subclass of :class:`BaseExperts`.
    """
    if not (isinstance(experts, type) and issubclass(experts, BaseExperts)):
        raise TypeError(f"Only a subclass of BaseExperts can be registered as experts, got {experts!r}.")
    return enter(NAMED, name, experts, "a family of experts")


def experts_text(experts: BaseExperts) -> str:
    """Text from which :func:`as_experts` makes the same family, where its class has a name."""
    name = next((name for name, family in NAMED.items() if family is type(experts)), "")
    settings = experts.settings()
    others = {key: experts_text(value) for key, value in settings.items() if isinstance(value, BaseExperts)}
    return with_settings(name, settings | others)


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
    if "experts" in settings:
        settings["experts"] = as_experts(settings["experts"])
    try:
        return NAMED[name].named(**settings)
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
