"""The predictions as a table for people."""

from collections.abc import Mapping, Sequence

from gmoe.gates import Gate
from gmoe.theory._rates import predict


def markdown_table(cases: Mapping[str, tuple[Gate, Sequence[int]]]) -> str:
    """Predictions of several cases as a Markdown table.

    Parameters
    ----------
    cases : mapping of str to (Gate, pattern)
        Label of each case, and what :func:`predict` takes.

    Returns
    -------
    str
        One row per distinct statement: cells of one size share theirs.
    """
    lines = ["| gate | pattern | quantity | cell of | rate | | source | |", "|---|---|---|---|---|---|---|---|"]
    for label, (gate, pattern) in cases.items():
        rows: dict[tuple[str, ...], dict[str, None]] = {}
        for p in predict(gate, pattern):
            size = "" if p.cell_size is None else str(p.cell_size)
            key = (size, p.rate, p.bound, p.source, p.mark)
            rows.setdefault(key, {})[p.quantity] = None
        cells = ", ".join(map(str, pattern))
        for (size, rate, bound, source, mark), quantities in rows.items():
            names = ", ".join(f"`{name}`" for name in quantities)
            lines.append(f"| {label} | ({cells}) | {names} | {size} | {rate} | {bound} | {source} | {mark} |")
    return "\n".join(lines) + "\n"
