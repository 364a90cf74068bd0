"""Two-level gates: groups of experts, experts within a group, and an expert that all observations share."""

from dataclasses import dataclass
from operator import index
from typing import cast

import numpy as np

from gmoe._validation import check_positive
from gmoe.gates._gate import ESTIMATE, Gate
from gmoe.gates._link import Bend, LinkGate
from gmoe.gates.symmetry import Exchange, Symmetry
from gmoe.part import Array, Axis

# Weight of a label: of a group without observations any gate is as good.
LEAST = 1e-12


@dataclass(frozen=True)
class GroupGate(LinkGate):
    """Softmax over groups, times softmax within each group; and, if wanted, one shared expert, the last.

    The weight of expert j of group g is ``softmax_g(gate_group_intercept + gate_group_coef . x)`` times the softmax of
    ``gate_intercept_j + gate_coef_j . x`` over the experts of its group: a hierarchical mixture of experts of two
    levels (Jordan and Jacobs, Neural Computation 1994). A shared expert has the weight ``gate_shared_weight`` at every
    x, all others together the rest (DeepSeekMoE: Dai et al., ACL 2024; with weight 1/2 Nguyen et al., arXiv
    2505.10860).

    Parameters
    ----------
    sizes : tuple of int, int or str, optional
        Numbers of experts of the groups, which hold the experts in turn, without the shared one: ``(2, 3)``, or as a
        text ``"2+3"``. By default two groups, of equal size or the first one larger by 1.
    shared_weight : float or "estimate", optional
        Weight of the shared expert, between 0 and 1, or to be estimated. By default no expert is shared.

    Raises
    ------
    ValueError
        For sizes that are not positive integers and a weight that is not between 0 and 1.

    Notes
    -----
    With one group, or with groups of one expert each, the two levels are a softmax gate. Otherwise they are not, though
    they have as many identified parameters: log-ratios of weights within a group are affine in x, those of two groups
    are not.
    """

    sizes: tuple[int, ...] | int | str | None = None
    shared_weight: float | str | None = None

    def __post_init__(self):
        sizes, weight = self.sizes, self.shared_weight
        if sizes is not None:
            try:
                sizes = tuple(map(int, str(sizes).split("+")) if isinstance(sizes, int | str) else map(index, sizes))
            except (TypeError, ValueError):
                sizes = ()
            if not sizes or min(sizes) < 1:
                raise ValueError(
                    f"sizes must be numbers of experts of each group, as (2, 3) or '2+3'; got {self.sizes!r}."
                )
        if weight is not None and weight != ESTIMATE:
            if isinstance(weight, str) or check_positive(weight, "shared_weight") >= 1.0:
                raise ValueError(
                    f"shared_weight must be a number between 0 and 1 or {ESTIMATE!r}, got {weight!r}. Without a shared "
                    "expert leave it out."
                )
            weight = float(weight)
        object.__setattr__(self, "sizes", sizes)
        object.__setattr__(self, "shared_weight", weight)

    def __repr__(self):
        given = [repr(self.sizes)] * (self.sizes is not None)
        given += [f"shared_weight={self.shared_weight!r}"] * (self.shared_weight is not None)
        return f"GroupGate({', '.join(given)})"

    def settings(self):
        """Return the sizes as a text."""
        sizes = {} if self.sizes is None else {"sizes": "+".join(map(str, cast(tuple, self.sizes)))}
        return sizes | ({} if self.shared_weight is None else {"shared_weight": self.shared_weight})

    @property
    def n_common(self) -> int:
        """Number of experts that are in no group: 1 if there is a shared expert."""
        return int(self.shared_weight is not None)

    def check(self, n_experts, n_features):
        least, most = (1, n_experts) if self.sizes is None else (sum(cast(tuple, self.sizes)),) * 2
        if not least <= n_experts - self.n_common <= most:
            raise ValueError(
                f"{self!r} has {'' if self.sizes else 'at least '}{least + self.n_common} experts, "
                f"{'the shared one among them, ' * self.n_common}but there are {n_experts}: use n_experts="
                f"{least + self.n_common}, or other sizes; without sizes there are two groups."
            )

    def with_experts(self, n_experts):
        """Fill the groups in turn; one expert alone is in a group."""
        shared = self.shared_weight if n_experts > 1 else None
        routed = n_experts - (shared is not None)
        ends = np.minimum(np.cumsum(self.sizes or ()), routed)
        sizes = None if self.sizes is None else tuple(n for n in np.diff(ends, prepend=0).tolist() if n > 0)
        return GroupGate(sizes, shared)

    def groups(self, n_experts: int) -> list[np.ndarray]:
        """Experts of each group, indices."""
        routed = n_experts - self.n_common
        sizes = self.sizes or [n for n in ((routed + 1) // 2, routed // 2) if n > 0]
        return np.split(np.arange(routed), np.cumsum(sizes)[:-1])

    def n_scores(self, n_experts):
        return len(self.groups(n_experts)) + n_experts, int(self.shared_weight == ESTIMATE)

    def _levels(self, n_experts):
        """Softmaxes of which weights are products: places of the scores, and the experts of each."""
        groups = self.groups(n_experts)
        n = len(groups)
        yield np.arange(n), groups
        for members in groups:
            yield n + members, members[:, None]
        if self.n_common:
            yield n + n_experts + np.arange(2), (np.array([n_experts - 1]), np.arange(n_experts - 1))

    def link(self, score, n_experts):
        (n_affine, n_constant), levels = self.n_scores(n_experts), list(self._levels(n_experts))
        scores = np.zeros((n_affine + 2, score.shape[1]))
        scores[: len(score)] = score
        if self.n_common and not n_constant:
            scores[n_affine] = _log_odds(self.shared_weight)
        log_p = [_log_softmax(scores[places]) for places, _ in levels]
        logit = np.zeros((n_experts, score.shape[1]))
        for own, (_, options) in zip(log_p, levels, strict=True):
            for log_weight, experts in zip(own, options, strict=True):
                logit[experts] += log_weight
        yield logit
        slope, p = np.zeros((len(scores), *logit.shape)), [np.exp(own) for own in log_p]
        for own, (places, options) in zip(p, levels, strict=True):
            for place, weight, experts in zip(places, own, options, strict=True):
                slope[place, np.concatenate(options)] -= weight
                slope[place, experts] += 1.0
        yield slope[: len(score)]
        yield [
            Bend(places[a], places[b], np.concatenate(options), own[a] * (own[b] - (a == b)))
            for own, (places, options) in zip(p, levels, strict=True)
            for a in range(len(places)) for b in range(a + 1) if max(places[a], places[b]) < len(score)
        ]  # fmt: skip

    def guess(self, x, r):
        """At each level multinomial logistic regression; the shared weight that of its labels."""
        k, q = r.shape[1], 1 + len(x)
        groups, rows = self.groups(k), np.zeros((k, q))
        sums = np.column_stack([r[:, members].sum(axis=1) for members in groups])
        for members in groups:
            rows[members] = Gate().start(x, np.maximum(r[:, members], LEAST))[0]
        above = Gate().start(x, np.maximum(sums, LEAST))[0]
        odds = np.log((r[:, -1].sum() + LEAST) / (sums.sum() + LEAST))
        return np.empty((k, 0)), np.concatenate([above.ravel(), rows.ravel(), [odds] * self.n_scores(k)[1]])

    def arrays(self, size):
        shared = (Array("gate_shared_weight", (), positive=True),) * self.n_scores(size.n_experts)[1]
        return (
            Array("gate_intercept", (Axis.EXPERT,)),
            Array("gate_coef", (Axis.EXPERT, Axis.FEATURE)),
            Array("gate_group_intercept", (Axis.NODE,)),
            Array("gate_group_coef", (Axis.NODE, Axis.FEATURE)),
            *shared,
        )

    def to_raw(self, own, shared, frame):
        rows, constants = self.coefficients(shared, len(own), 1 + len(frame.transform))
        intercept, coef = frame.raw_rows(rows)
        n = len(rows) - len(own)
        result = {
            "gate_intercept": intercept[n:], "gate_coef": coef[n:],
            "gate_group_intercept": intercept[:n], "gate_group_coef": coef[:n],
        }  # fmt: skip
        if len(constants):
            result["gate_shared_weight"] = 1.0 / (1.0 + np.exp(-constants[0]))
        return result

    def from_raw(self, arrays, frame):
        rows = [frame.scaled_rows(arrays[f"{n}_intercept"], arrays[f"{n}_coef"]) for n in ("gate_group", "gate")]
        k, constants = len(rows[1]), []
        if self.shared_weight == ESTIMATE:
            constants = [_log_odds(float(arrays["gate_shared_weight"]))]
        return np.empty((k, 0)), np.concatenate([*(part.ravel() for part in rows), constants])

    def symmetry_of(self, size):
        """State the translations of each level; equal groups, and experts within a group, may change places."""
        n_experts, q = size.n_experts, 1 + size.n_features
        groups, (n_affine, n_constant) = self.groups(n_experts), self.n_scores(n_experts)
        n = len(groups)
        sets = [range(n), *(n + members for members in groups), *[[n_affine - 1]] * self.n_common]
        moved = [tuple(int(i) * q + c for i in members) for members in sets for c in range(q)]
        exchanges = []
        for g, members in enumerate(groups):
            exchanges += [_swap([i], [i + 1], [], n, n_experts, q, n_constant) for i in members[:-1]]
            equal = [other for other in range(g + 1, n) if len(groups[other]) == len(members)]
            exchanges += [_swap(members, groups[o], [g, o], n, n_experts, q, n_constant) for o in equal[:1]]
        return Symmetry(
            n_experts, 0, n_affine * q + n_constant, tuple(m for m in moved if len(m) > 1),
            tuple(m[0] for m in moved if len(m) == 1), exchanges=tuple(exchanges),
        )  # fmt: skip


def _swap(ones, others, groups, n_groups, n_experts, n_columns, n_constant) -> Exchange:
    """Experts, and groups if any, that change places."""
    experts, order = np.arange(n_experts), np.arange(n_groups + n_experts)
    experts[[*ones, *others]] = [*others, *ones]
    order[n_groups:] = n_groups + experts
    order[groups] = groups[::-1]
    places = np.add.outer(order * n_columns, np.arange(n_columns)).ravel().tolist()
    places += range(len(places), len(places) + n_constant)
    return Exchange(tuple(experts.tolist()), tuple(places), (1.0,) * len(places))


def _log_odds(weight):
    return np.log(weight) - np.log1p(-weight)


def _log_softmax(score):
    shifted = score - score.max(axis=0)
    return shifted - np.log(np.exp(shifted).sum(axis=0))
