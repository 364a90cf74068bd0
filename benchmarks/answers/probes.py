"""Probes: no small move of a certified fit has a higher likelihood.

Data from random truths of every kind of gate. Where a fit is certified, random moves of its raw parameters, up to 1e-3
in standardised units, that stay in the set and keep the selection of a sparse gate must not raise the log-likelihood by
more than rounding. Most random moves of a fit whose selection is tied at some row flip it, so there moves along the
ties, and moves that open them to the right side, are probed as well.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.answers._fits import default_fit, in_set
from benchmarks.answers._gates import DATA, N, draw, kinds, representatives
from benchmarks.answers._moves import Moves
from benchmarks.answers._run import close, measured, table

COUNT = 2
PROBES = 200
LARGEST, SMALLEST = 1e-3, 1e-6
RISE = 1e-9  # for each row


@dataclass(frozen=True)
class Probed:
    """What came of one fit: probes kept and their largest rise, random and by ties, and how far the value is off."""

    status: str
    held: bool
    certified: bool
    seconds: float
    inside: bool = True
    random: int = 0
    by_ties: int = 0
    n_ties: int = 0
    random_rise: float = 0.0
    tied_rise: float = 0.0
    off: float = 0.0

    @property
    def rise(self):
        return max(self.random_rise, self.tied_rise)


def measure(name, kind, repeat, **settings):
    """Fit one data set, and probe."""
    gates = representatives()
    gate, k = gates[name]
    seed = list(gates).index(name), DATA.index(kind), repeat
    X, y = draw(gate, k, kind, seed)
    fit = default_fit(X, y, k, gate, **settings)
    base = Probed(fit.status, fit.held, fit.certified, fit.seconds)
    if not fit.certified:
        return base
    moves, rng = Moves(fit.model, X, y), np.random.default_rng([20270107, *seed])
    own = fit.model.log_density(X, y).sum()
    random = _rises(moves, [(_random(rng, moves), _length(rng)) for _ in range(PROBES)], fit.value)
    by_ties = []
    if len(moves.ties):
        turns = moves.along_ties, moves.opening_ties
        by_ties = _rises(moves, [(turns[i % 2](_random(rng, moves)), _length(rng)) for i in range(PROBES)], fit.value)
    return Probed(
        fit.status, fit.held, True, fit.seconds, in_set(fit.model, X), len(random), len(by_ties), len(moves.ties),
        max(random, default=0.0) / N, max(by_ties, default=0.0) / N, (own - fit.value) / N,
    )  # fmt: skip


def _length(rng):
    return np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST)))


def _random(rng, moves):
    """A direction: of everything, or in every fourth case each of one entry and of one expert's row."""
    move, kind = np.zeros(moves.size), rng.integers(4)
    if kind == 0:
        move[rng.integers(moves.size)] = rng.choice([-1.0, 1.0])
    elif kind == 1:
        first = rng.integers(moves.k) * moves.width
        move[first : first + moves.width] = rng.normal(size=moves.width)
    else:
        move = rng.normal(size=moves.size)
    return move


def _rises(moves, probes, value):
    """Rises of the log-likelihood by the moves that are kept; one that flips a selection is tried ten times smaller."""
    rises = []
    for move, length in probes:
        size = np.linalg.norm(move)
        while size > 1e-12 and length >= SMALLEST:
            model = moves.moved(move * (length / size))
            if moves.holds(model):
                if in_set(model, moves.X):
                    rises.append(model.log_density(moves.X, moves.y).sum() - value)
                break
            length /= 10
    return rises


def run(options):
    """Fit, probe, print."""
    gates = representatives()
    tasks = [
        (name, kind, i) for i in range(options.count) for name, (gate, k) in gates.items() for kind in kinds(gate, k)
    ]
    results = measured("probes", tasks, options)
    chosen = enumerate(tasks) if not options.only else [(i, tasks[i]) for i in options.only if i < len(tasks)]
    found = [(number, task, probed) for (number, task), probed in zip(chosen, results, strict=True)]
    rows, offenders = [], []
    for name in gates:
        own = [(number, task, probed) for number, task, probed in found if task[0] == name]
        sure = [probed for *_, probed in own if probed.certified]
        bad = [entry for entry in own if entry[2].rise > RISE or abs(entry[2].off) > RISE]
        offenders += bad
        if own:
            rows.append([
                name, len(own), len(sure), sum(p.held for p in sure), sum(not p.inside for p in sure),
                sum(p.random for p in sure), sum(p.by_ties for p in sure),
                f"{max([0.0, *(p.rise for p in sure)]):.1e}", f"{max((abs(p.off) for p in sure), default=0):.1e}",
                len(bad), f"{sum(p.seconds for *_, p in own):.0f}",
            ])  # fmt: skip
    table(
        ["gate", "fits", "certified", "held", "outside", "random kept", "by ties", "rise / n", "off / n", "bad", "s"],
        rows,
    )
    for number, (name, kind, i), p in offenders:
        print(
            f"  number {number}: {name}, {kind}, {i}: rise / n {p.random_rise:.1e} random, {p.tied_rise:.1e} by ties, "
            f"off / n {p.off:.1e}, {'held, ' if p.held else ''}{p.n_ties} ties"
        )
    certified = sum(p.certified for *_, p in found)
    worst = max([0.0, *(p.rise for *_, p in found)])
    close(
        "probes",
        f"{len(offenders)} of {certified} certified fits ({len(found)} in all) that a probe or their own model belies, "
        f"largest rise / n {worst:.1e}",
        f"0 above {RISE}",
        not offenders,
    )
