"""Orders of the Hellinger distance in the error of each block, gate by gate: ``python sims/orders.py [--jobs 2]``.

Writes ``sims/results/orders.csv``. Deterministic; the truths are the softmax paper's and those of fixed seeds, named
before anything was measured.
"""

import argparse
import csv
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from gmoe import GMoE, Parameters, as_gate
from gmoe.theory import list_blocks, order, predict

OUT = Path(__file__).parent / "results" / "orders.csv"
#: Softmax paper: its truth and its features.
PAPER = GMoE(Parameters([-8, 0], [[25], [0]], [15, -5], [[-20], [20]], [0.09, 0.16]))


def legendre(low, high, n=12):
    """Nodes and weights in x, uniform on an interval."""
    node, weight = np.polynomial.legendre.leggauss(n)
    return (0.5 * (low + high) + 0.5 * (high - low) * node)[:, None], weight


def random_truth(seed, k=2, d=1, gate="softmax", **more):
    """Gates with slopes of size 2 and overlapping experts."""
    rng = np.random.default_rng(seed)
    gates = {"gate_intercept": rng.normal(0, 0.5, k), "gate_coef": rng.normal(0, 2, (k, d))}
    experts = {
        "intercept": rng.normal(0, 1.5, k),
        "coef": rng.normal(0, 1.5, (k, d)),
        "variance": rng.uniform(0.2, 0.5, k),
    }
    return GMoE(Parameters(**gates, **experts, **more), gate)


def by_location(gate, **more):
    """Return the truth of seed 1 with locations in place of gate slopes."""
    p = random_truth(1).parameters
    arrays = {name: p.arrays[name] for name in ("gate_intercept", "intercept", "coef", "variance")}
    return GMoE(Parameters(**arrays, gate_location=np.array([[-0.4], [0.3]]), **more), gate)


def graded(centres, n=10):
    """Nodes on [-1, 1] that are dense about kinks: halves, quarters, ... of what is left on both sides."""
    ends = sorted({-1.0, 1.0, *centres, *(c + s * 2.0**-k for c in centres for s in (-1, 1) for k in range(1, n))})
    parts = [legendre(a, b, 3) for a, b in zip(ends, ends[1:], strict=False) if -1 <= a and b <= 1]
    lengths = np.diff([end for end in ends if -1 <= end <= 1])
    weight = np.concatenate([w * length for (_, w), length in zip(parts, lengths, strict=True)])
    return np.concatenate([x for x, _ in parts]), weight


UNIT, BOTH = legendre(0.0, 1.0), legendre(-1.0, 1.0)
SQUARE = (
    np.array([[a, b] for a in BOTH[0][::2, 0] for b in BOTH[0][::2, 0]]),
    np.outer(BOTH[1][::2], BOTH[1][::2]).ravel(),
)
OVER = ((1, 1), (2, 1), (3, 1), (2, 2))


def cases():
    """(name, truth, features, pattern, gate of the fit or None), in the order of the table."""
    for name, truth, x in (
        ("softmax, paper", PAPER, UNIT),
        *((f"softmax, seed {s}", random_truth(s), BOTH) for s in (1, 2)),
    ):
        yield from ((name, truth, x, pattern, None) for pattern in OVER)
    for pattern in ((1, 1, 1), (2, 1, 1), (2, 2, 1)):
        yield "softmax of 3, seed 3", random_truth(3, 3), BOTH, pattern, None
    for pattern in ((1, 1), (2, 1)):
        yield "softmax, 2 features, seed 4", random_truth(4, 2, 2), SQUARE, pattern, None
    for activation in ("sigmoid", "tanh", "gelu"):
        gate = f"activation:activation={activation}"
        yield from ((f"{activation}, seed 5", random_truth(5, gate=gate, temperature=0.7), BOTH, p, None) for p in OVER)
    linear = random_truth(6, gate="dense_to_sparse", temperature=0.5)
    yield from (("temperature, linear, seed 6", linear, BOTH, pattern, None) for pattern in OVER)
    # Score 0 at x = 0 for all: boundaries stand still. The middle slope is active on both sides.
    two = random_truth(7, 3, gate="topk:n_active=2")
    for pattern, n_active in (((1, 1, 1), 2), ((2, 2, 2), 4)):
        yield "top-2 of 3 by score, seed 7", two, SIDES, pattern, f"topk:n_active={n_active}"
    middle = int(np.argsort(two.parameters.gate_coef[:, 0])[1])
    for m in (2, 3):
        pattern = tuple(m if j == middle else 1 for j in range(3))
        yield "top-2 of 3 by score, seed 7", two, SIDES, pattern, f"topk:n_active={m + 1}"
    one = random_truth(8, 2, gate="topk:n_active=1")
    for pattern in ((1, 1), (2, 2), (3, 3)):
        yield "top-1 of 2 by score, seed 8", one, SIDES, pattern, f"topk:n_active={pattern[0]}"
    for gate in ("activation:activation=relu", "activation:intercept=inside", "normalised_sigmoid"):
        truth = random_truth(9, gate=gate, **({} if "normalised" in gate else {"temperature": 0.7}))
        yield f"{gate}, seed 9", truth, graded([0.0], 4), (1, 1), None
    yield (
        "relu, seed 9",
        random_truth(9, gate="activation:activation=relu", temperature=0.7),
        graded([0.0], 4),
        (2, 1),
        None,
    )
    p = random_truth(10).parameters.arrays
    quadratic = GMoE(Parameters(**p, gate_quadratic=np.array([[[1.0]], [[-0.5]]])), "quadratic")
    cosine = random_truth(11, gate="cosine:tau=0.5")
    laplace = by_location("laplace:scale=1.0")
    for pattern in ((1, 1), (2, 1), (2, 2)):
        yield "quadratic, seed 10", quadratic, BOTH, pattern, None
        yield "cosine, seed 11", cosine, graded([0.0], 4), pattern, None
    yield from (("laplace, seed 1", laplace, graded([-0.4, 0.3], 7), pattern, None) for pattern in ((1, 1), (2, 1)))
    yield "softmax, seed 1", random_truth(1), BOTH, (4, 1), None


SIDES = tuple(np.concatenate(part) for part in zip(legendre(-1.0, 0.0, 8), legendre(0.0, 1.0, 8), strict=True))


def measure(case):
    """Rows of the table, one for each block of the largest cell."""
    name, truth, (x, weight), pattern, gate = case
    fit = truth.gate.resized(sum(pattern)) if gate is None else as_gate(gate)
    cell, rows = int(np.argmax(pattern)), []
    for block in list_blocks(truth, pattern, cell=cell, gate=fit):
        start = time.process_time()
        found = order(truth, pattern, x, block, cell=cell, gate=fit, x_weights=weight)
        rows.append(
            {
                "case": name,
                "pattern": "+".join(map(str, pattern)),
                "cell size": pattern[cell],
                "block": block,
                "order": f"{found.order:.3f}",
                "settled": "yes" if found.settled else "no",
                "total variation": f"{found.total_variation_order:.3f}",
                "local slopes": " ".join(f"{s:.2f}" for s in found.slopes) if np.isfinite(found.order) else "",
                "smallest distance": f"{found.hellinger[-1]:.1e}",
                "largest distance": f"{found.hellinger[0]:.1e}",
                "agreeing starts": " ".join(map(str, found.agreeing)),
                "stationarity": f"{found.stationarity:.0e}",
                "quadrature error": f"{found.quadrature_error:.0e}",
                "seconds": f"{time.process_time() - start:.1f}",
            }
        )
    return rows


BLOCKS = ("gate_intercept", "gate_coef", "coef", "intercept", "variance", "temperature")


def expected(gate, sizes, cell):
    """Orders by gmoe.theory.predict, block by block; empty for a gate of which it knows nothing."""
    try:
        rows = predict(gate, sizes)
    except ValueError:
        return {}
    found = {}
    for row in rows:
        if row.cell in (cell, None):
            # What a scale with the temperature leaves is measured over the temperature, as the parameters are natural.
            found[row.quantity.removesuffix("/temperature")] = row.order
    return found


def shown_order(value, is_open):
    """Two digits; with a question mark where slopes have not settled."""
    return ("∞" if np.isinf(value) else f"{value:.2f}") + "?" * is_open


def table(path=OUT):
    """Markdown table of the rows: orders of a largest cell's blocks, and where they differ from what is predicted."""
    gates = {case[0]: case[1].gate for case in cases()}
    with path.open() as file:
        rows = list(csv.DictReader(file))
    names = " | ".join(f"`{block}`" for block in BLOCKS)
    lines = [f"| gate and truth | pattern | {names} | `predict` |", "|---" * (len(BLOCKS) + 3) + "|"]
    for name, pattern in dict.fromkeys((row["case"], row["pattern"]) for row in rows):
        found = {r["block"]: float(r["order"]) for r in rows if (r["case"], r["pattern"]) == (name, pattern)}
        open_ends = {r["block"]: r["settled"] == "no" for r in rows if (r["case"], r["pattern"]) == (name, pattern)}
        for of_row in (found, open_ends):
            if "gate_location" in of_row:
                of_row["gate_coef"] = of_row.pop("gate_location")
        sizes = tuple(map(int, pattern.split("+")))
        said = expected(gates[name], sizes, int(np.argmax(sizes)))
        stated = {block: r for block, r in found.items() if said.get(block) is not None}
        off = [block for block, r in stated.items() if not (r == said[block] or abs(r - said[block]) <= 0.05)]
        verdict = ", ".join(f"{b}: {said[b]:g}" for b in off) or ("agrees" if said else "nothing stated")
        shown = (shown_order(found[b], open_ends[b]) if b in found else "" for b in BLOCKS)
        lines.append(f"| {name} | {pattern} | {' | '.join(shown)} | {verdict} |")
    return "\n".join(lines) + "\n"


def main():
    """Measure all cases and write their rows as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print the table of the rows that are there")
    parser.add_argument("--only", default="", help="cases whose name has this")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    if options.table:
        print(table(options.out))
        return
    chosen = [case for case in cases() if options.only in case[0]]
    writer = None
    with ProcessPoolExecutor(options.jobs) as pool, options.out.open("w", newline="") as file:
        for rows in pool.map(measure, chosen):
            if writer is None:
                writer = csv.DictWriter(file, rows[0], lineterminator="\n")
                writer.writeheader()
            writer.writerows(rows)
            file.flush()


if __name__ == "__main__":
    main()
