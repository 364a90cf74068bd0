"""The cosine gate: only the direction of the features counts."""

from dataclasses import dataclass

import numpy as np

from gmoe._validation import check_not_negative
from gmoe.frames import Change
from gmoe.gates._features import COEF, INTERCEPT, FeatureGate


@dataclass(frozen=True)
class CosineGate(FeatureGate):
    """Log-weight ``gate_intercept_j + gate_coef_j . x / (|x| + tau)``: a cosine times the length of ``gate_coef_j``.

    Parameters
    ----------
    tau : float, default 0.0
        At least 0, in the units of the features. Makes the gate smooth at the origin; 0 is the plain cosine, to which
        the origin itself has no direction: its log-weights are the intercepts.

    Raises
    ------
    ValueError, TypeError
        For a tau that is not a finite number of at least 0.

    Notes
    -----
    The perturbed cosine router of Nguyen, Akbarian, Pham, Nguyen, Zhang and Ho (ICLR 2025, arXiv:2405.14131) has the
    log-weights ``b_j + w_j . x / ((|w_j| + tau1) (|x| + tau2)) / temperature``. These are affine in
    ``x / (|x| + tau2)``, with the slope ``w_j / ((|w_j| + tau1) temperature)``, and of all slopes only differences
    count: so neither w_j nor a common temperature is identified, and what is, is what this gate has. With a free
    temperature and tau1 > 0 its set is exactly that of this gate: any slopes v_j lie within 1 / temperature for a
    temperature small enough, and ``w_j = tau1 v_j / (1 / temperature - |v_j|)``. With tau1 = 0, where the length of w_j
    is without effect, slopes lie on a sphere: the set is the same for up to n_features + 1 experts, through which there
    always is one, and a part of it for more. A fixed temperature bounds the slopes: they fit into a ball of radius
    1 / temperature.

    Features should vary about 0: far from it all directions are alike.
    """

    tau: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "tau", check_not_negative(self.tau, "tau"))

    def n_functions(self, n_features):
        return n_features

    def functions(self, x, out):
        length = np.sqrt(np.sum(x * x, axis=0))
        length += self.tau
        np.divide(x, np.where(length > 0.0, length, 1.0), out=out)

    def check(self, n_experts, n_features):
        if n_features == 0:
            raise ValueError("A cosine gate needs a feature to have a direction; add one, or use SoftmaxGate().")

    def follows(self, n_experts):
        """Directions keep under a common factor; ``tau`` is in the units of the data."""
        return Change.NONE if self.tau else Change.SCALE

    def arrays(self, size):
        return INTERCEPT, COEF

    def to_raw(self, own, shared, frame):
        # A common factor changes no direction.
        return {"gate_intercept": own[:, 0], "gate_coef": own[:, 1:]}

    def from_raw(self, arrays, frame):
        return np.column_stack([arrays["gate_intercept"], arrays["gate_coef"]]), np.empty(0)
