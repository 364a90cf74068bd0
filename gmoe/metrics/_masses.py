"""The weights of atoms, and what else of a gate has equal representatives."""

from dataclasses import replace
from itertools import product

import numpy as np

from gmoe.metrics._family import log_weight, symmetry_of
from gmoe.metrics._stack import Given
from gmoe.model import GMoE


def masses(left: Given, right: Given, weights: str, translated: bool, hard: bool, X):
    """Weights (n_fits, k) and (l,), and by how much the fit's logs were lowered against the truth's, (n_fits,).

    ``hard``: the true intercepts are no logs of masses, and neither are those of a hard fit.
    """
    if weights == "gate_probability":
        if X is None or not np.size(X):
            raise ValueError("weights='gate_probability' averages the gate over observations; pass them as X.")
        fitted, true = (np.array([_shares(given, i, X) for i in range(given.stack.n_fits)]) for given in (left, right))
        return fitted, true[0], np.zeros(len(fitted))
    fitted, true = log_weight(left.stack), log_weight(right.stack)[0]
    if hard:
        known = 0.0 if symmetry_of(left).hard else 1.0
        return np.exp(known * (fitted - fitted.max(axis=1)[:, None])), np.ones_like(true), np.zeros(len(fitted))
    with np.errstate(over="ignore"):
        if not translated:
            return np.exp(fitted), np.exp(true), np.zeros(len(fitted))
        log_factor = _log_total(fitted) - _log_total(true[None])
        return np.exp(fitted - true.max() - log_factor[:, None]), np.exp(true - true.max()), log_factor


def _log_total(log_mass):
    # Sorted, so that relabelled measures have equal totals to the last bit.
    ordered = np.sort(log_mass, axis=1)
    top = ordered[:, -1]
    return top + np.log(np.exp(ordered - top[:, None]).sum(axis=1))


def _shares(given: Given, i: int, X):
    assert given.gate is not None
    return GMoE(given.stack[i], given.gate, *(given.columns or (None, None))).gate_proba(X).mean(axis=0)


def has_mirror(given: Given) -> bool:
    """Whether exchanging the gate slopes of the two experts with changed sign leaves the density unchanged."""
    return bool(symmetry_of(given).mirrors)


def mirror(given: Given, where=True) -> Given:
    """Return the mirror images of the fits ``where`` asks for it."""
    return replace(given, stack=replace(given.stack, gate_coef=exchanged(given.stack.gate_coef, where)))


def exchanged(coef, where):
    """Gate slopes (n_fits, 2, d), exchanged with changed sign ``where`` it is asked for."""
    return np.where(np.reshape(where, (-1, 1, 1)), -coef[:, ::-1], coef)


def images(left: Given, right: Given) -> list[tuple[bool, bool]]:
    """Which of fit and truth to mirror, for all pairs of images but the measures themselves."""
    sides = [(False, True) if has_mirror(given) else (False,) for given in (left, right)]
    # The fit's image first: where several are nearest it is the one that counts.
    return [(of_fit, of_truth) for of_truth, of_fit in product(*sides[::-1]) if of_fit or of_truth]
