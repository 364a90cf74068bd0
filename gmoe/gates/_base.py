"""What every gate answers; solvers, model and inference ask these questions and nothing else."""

from abc import ABC, abstractmethod

import numpy as np

from gmoe.kernels.affine import affine_rows


class Gate(ABC):
    """A gate: from the features of an observation to the log-weights of the experts.

    A gate is an immutable value: comparable, printable, picklable.  Its parameters are not part of it: they come as
    an array ``coef`` of shape (n_experts, 1 + n_features), gate intercept first.  Arrays of observations are
    feature-major: ``x`` has shape (n_features, >= m), of which the first ``m`` observations count.
    """

    #: Whether the logit is an affine function of the score, so that slopes are 1 and curvatures 0.
    affine: bool = False
    #: Whether the model class is unchanged when a constant is subtracted from x.
    allows_centring: bool = False

    @abstractmethod
    def fill(self, coef, x, m, logit, slope, curve, affine=affine_rows):
        """Write logits, and for a non-affine gate their first and second derivative in the score, (n_experts, >= m).

        ``slope`` and ``curve`` have shape (0, 0) where they are not wanted.  ``affine`` computes the scores: the fast
        kernel in fits, the one in twice the working precision in the model.
        """

    @abstractmethod
    def invariances(self, n_experts: int, n_columns: int) -> np.ndarray:
        """Orthonormal directions of ``coef.ravel()`` along which no gate probability changes.

        Parameters
        ----------
        n_experts, n_columns : int
            Shape of ``coef``.

        Returns
        -------
        ndarray of shape (n_experts * n_columns, n_flat)
        """

    @abstractmethod
    def canonical(self, coef: np.ndarray, reference: int = 0) -> np.ndarray:
        """Return the representative of ``coef``'s class with the same gate probabilities everywhere.

        Parameters
        ----------
        coef : ndarray of shape (n_experts, 1 + n_features)
        reference : int
            The expert whose parameters are pinned, where the gate pins one.
        """

    def canonical_map(self, n_experts: int, n_columns: int, reference: int = 0) -> np.ndarray:
        """Jacobian of :meth:`canonical` at a canonical point, for the covariance of the canonical parameters."""
        identity = np.eye(n_experts * n_columns)
        images = [self.canonical(row.reshape(n_experts, n_columns), reference).ravel() for row in identity]
        return np.array(images).T
