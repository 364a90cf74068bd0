"""The table of a fit in the languages of documents: HTML and LaTeX."""

import html
import math
import re
from collections.abc import Sequence
from typing import Any

from gmoe._printable import printable

# What LaTeX takes for a command.
LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
# Columns of numbers and their titles; those that the rows have.
NUMBERS = {"estimate": "estimate", "std_error": "std. error", "z": "z", "p": "p", "lower": "lower", "upper": "upper"}


def html_page(head: Sequence[str], rows: Sequence[dict[str, Any]], level: float, certificate: Sequence[str]) -> str:
    """Table between lines above it and the certificate below it; names of columns are shown, never obeyed."""
    titles = "".join(f"<th>{title}</th>" for title in _titles(rows, level))
    body = "".join(
        f"<tr><th>{_text(row['parameter'])}</th>" + "".join(f"<td>{_text(cell)}</td>" for cell in _cells(row)) + "</tr>"
        for row in rows
    )
    above, below = (f"<pre>{_text(lines)}</pre>" for lines in (head, certificate))
    return f"<div>{above}<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>{below}</div>"


def latex_table(rows: Sequence[dict[str, Any]], level: float) -> str:
    """Tabular of the rows."""
    titles = [_latex(title) for title in _titles(rows, level)]
    lines = [[_latex(row["parameter"]), *map(_latex, _cells(row))] for row in rows]
    table = [" & ".join(cells) + r" \\" for cells in (titles, *lines)]
    head = [rf"\begin{{tabular}}{{l{'r' * (len(titles) - 2)}l}}", r"\hline", table[0], r"\hline"]
    return "\n".join([*head, *table[1:], r"\hline", r"\end{tabular}"])


def _titles(rows, level):
    ends = {name: f"{name} {100 * level:g}%" for name in ("lower", "upper")}
    return ["parameter", *(ends.get(name, title) for name, title in NUMBERS.items() if name in rows[0]), "note"]


def _cells(row):
    numbers = [f"{row[name]:.6g}" if math.isfinite(row[name]) else "" for name in NUMBERS if name in row]
    return [*numbers, row["note"]]


def _text(value):
    lines = [value] if isinstance(value, str) else value
    return "\n".join(html.escape(printable(line)) for line in lines)


def _latex(text):
    return re.sub(r"[&%$#_{}\\~^]", lambda found: LATEX[found[0]], printable(text))
