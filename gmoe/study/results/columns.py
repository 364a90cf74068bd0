"""Columns of the result table."""

from functools import lru_cache
from typing import Any

from gmoe.model import GMoE
from gmoe.parameters import PER_EXPERT
from gmoe.study.describe.spec import Study
from gmoe.study.losses.together import numbers_of

Row = dict[str, Any]
FAILED, KILLED = "failed", "killed"
LOSS, PARAMETER = "loss:", "param:"
SLOPES = ("gate_coef", "coef")


@lru_cache(maxsize=8)
def columns(study: Study) -> dict[str, type]:
    """Names and types of the columns, in order: those of the table that :mod:`gmoe.study.results.store` documents."""
    kinds: dict[str, type] = {"study": str, "protocol": str, "n": int, "replication": int}
    for protocol in study.protocols:
        kinds |= {f"{LOSS}{name}": float for name in numbers_of(study.losses, study.setting(protocol))}
    kinds |= {"cells": str, "log_likelihood": float, "gradient": float, "status": str, "certified": bool}
    kinds |= {"n_starts": int, "n_agreeing": int, "n_iter": int, "error": str, "seed": str, "seconds": float}
    return kinds | dict.fromkeys(parameter_columns(study), float)


@lru_cache(maxsize=8)
def parameter_columns(study: Study) -> list[str]:
    """Columns of the parameters of the protocol with most experts."""
    k = max(protocol.n_experts for protocol in study.protocols)
    names = [key for name in PER_EXPERT for key in names_of(name, k, features_of(study.truth, name))]
    return [*names, f"{PARAMETER}temperature"]


def parameters_of(model: GMoE) -> Row:
    """Parameters of a model by column."""
    p = model.parameters
    found: Row = {}
    for name in PER_EXPERT:
        keys = names_of(name, p.n_experts, features_of(model, name))
        found |= zip(keys, getattr(p, name).ravel().tolist(), strict=True)
    return found | {f"{PARAMETER}temperature": p.temperature}


def features_of(model: GMoE, name: str) -> tuple[int, ...]:
    """Columns of x that a field of the parameters has coefficients for."""
    return tuple({"gate_coef": model.gate_columns, "coef": model.expert_columns}.get(name) or ())


@lru_cache(maxsize=64)
def names_of(name: str, k: int, features: tuple[int, ...]) -> list[str]:
    """Columns of one field of :class:`Parameters`, expert by expert."""
    if name in SLOPES:
        return [f"{PARAMETER}{name}[{j},{c}]" for j in range(k) for c in features]
    return [f"{PARAMETER}{name}[{j}]" for j in range(k)]
