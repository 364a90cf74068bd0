"""What sums over the data say of experts with several responses: second derivatives, and residual moments.

All second derivatives of a Gaussian log-density are linear in the weighted sums of x x', z x' and z z', with x the
design and z the standardised innovations; and the last two are in the sums of the first derivatives.
"""

from typing import NamedTuple

import numpy as np

from gmoe.experts._innovations import Innovations


class Moments(NamedTuple):
    """Sums of weight times product, by expert.

    Attributes
    ----------
    design : ndarray, shape (k, q, q)
        Of x x'.
    cross : ndarray, shape (k, p, q)
        Of z x'.
    square : ndarray, shape (k, p, p)
        Of z z'; diagonal where the covariance is.
    """

    design: np.ndarray
    cross: np.ndarray
    square: np.ndarray


def from_slopes(at: Innovations, design, mean_slopes, square, mix_slopes) -> Moments:
    """Moments from sums of first derivatives.

    Parameters
    ----------
    at : Innovations
    design : ndarray, shape (k, q, q)
    mean_slopes : ndarray, shape (k, p, q)
        Sums of the derivatives in the means.
    square : ndarray, shape (k, p)
        Sums of the squared innovations.
    mix_slopes : ndarray, shape (k, p, p)
        Sums of the derivatives in the coefficients of innovations, strictly lower triangles.
    """
    whiten = at.whiten
    cross = np.linalg.solve(np.swapaxes(whiten, 1, 2), mean_slopes)
    # The derivative in T_ab is z_a e_b / sd_a, and z_b is a combination of e_c with c <= b.
    below = np.tril(np.exp(at.log_sd)[:, :, None] * mix_slopes @ np.swapaxes(whiten, 1, 2), -1)
    return Moments(design, cross, below + np.swapaxes(below, 1, 2) + square[:, :, None] * np.eye(square.shape[1]))


def second_derivatives(at: Innovations, moments: Moments, embedding, out):
    """Write sums of second derivatives to ``out`` (k, b, b): means, response by response, then covariance parameters.

    Parameters
    ----------
    at : Innovations
    moments : Moments
    embedding : ndarray, shape (entries, covariance parameters)
        Of the parameters in the entries of the innovations.
    out : ndarray
    """
    k, p, q = moments.cross.shape
    whiten, inverse_sd = at.whiten, np.exp(-at.log_sd)
    precision = np.swapaxes(whiten, 1, 2) @ whiten
    colour = at.colour
    residual = colour @ moments.cross
    scatter = colour @ moments.square @ np.swapaxes(colour, 1, 2)
    # Sums of z_a e_b / sd_a.
    mixed = inverse_sd[:, :, None] * (moments.square @ np.swapaxes(colour, 1, 2))
    n = len(embedding)
    own, means = np.zeros((k, n, n)), np.zeros((k, n, p, q))
    entry = p
    for a in range(p):
        own[:, a, a] = -0.5 * moments.square[:, a, a]
        means[:, a] = -whiten[:, a, :, None] * moments.cross[:, a, None, :]
        mix = slice(entry, entry + a)
        own[:, mix, a] = own[:, a, mix] = -mixed[:, a, :a]
        own[:, mix, mix] = -(inverse_sd[:, a] ** 2)[:, None, None] * scatter[:, :a, :a]
        by = inverse_sd[:, a, None, None, None]
        means[:, mix] = -by * whiten[:, a, None, :, None] * residual[:, :a, None, :]
        for b in range(a):
            means[:, entry + b, b] -= inverse_sd[:, a, None] * moments.cross[:, a]
        entry += a
    size = p * q
    out[:, :size, :size] = -np.einsum("jab,jtu->jatbu", precision, moments.design).reshape(k, size, size)
    out[:, size:, :size] = np.einsum("es,jem->jsm", embedding, means.reshape(k, n, size))
    out[:, :size, size:] = np.swapaxes(out[:, size:, :size], 1, 2)
    out[:, size:, size:] = embedding.T @ own @ embedding
