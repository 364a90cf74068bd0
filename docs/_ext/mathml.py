"""Formulas as MathML: every browser shows them, without a script and without a network."""

import re
import unicodedata

from docutils import nodes
from latex2mathml.converter import convert

# Environments whose rows latex2mathml has under another name.
NAMES = {"aligned": "align*", "gathered": "align*", "gather": "align*", "equation": "align*"}
# Browsers know alphabets by their characters only, and not by the attribute that MathML once had for them.
ALPHABETS = {"script": "SCRIPT CAPITAL", "double-struck": "DOUBLE-STRUCK CAPITAL"}
LETTER = re.compile(r'<mi mathvariant="(script|double-struck)">([A-Z])</mi>')
WORD = re.compile(r'(?:<mi mathvariant="monospace">[^<]+</mi>|<mo[^>]*>&#x0005F;</mo>)+')


def formula(text: str, display: str) -> str:
    """Return the MathML of a formula in LaTeX; one that cannot be converted ends the build."""
    for old, new in NAMES.items():
        text = re.sub(rf"\\(begin|end)\{{{old}\}}", rf"\\\1{{{new}}}", text)
    try:
        found = convert(text.strip(), display=display)
    except Exception as error:  # the converter's errors have no class in common
        raise ValueError(f"This formula has no MathML: {text}") from error
    if "<mi>&</mi>" in found:
        raise ValueError(f"The rows of this formula are not known as such: {text}")
    return WORD.sub(_word, LETTER.sub(_letter, found))


def _letter(match):
    """Return a letter of another alphabet as the character that it is."""
    name = f"{ALPHABETS[match[1]]} {match[2]}"
    for known in (f"MATHEMATICAL {name}", name):
        try:
            return f"<mi>{unicodedata.lookup(known)}</mi>"
        except KeyError:
            continue
    raise ValueError(f"There is no letter {name}.")


def _word(match):
    """Return a name of the code as one word."""
    letters = re.sub(r"<[^>]+>", "", match[0]).replace("&#x0005F;", "_")
    return f'<mtext class="name">{letters}</mtext>'


def inline(self, node):
    """Write a formula in a line."""
    self.body.append(formula(node.astext(), "inline"))
    raise nodes.SkipNode


def block(self, node):
    """Write a formula of its own, which scrolls where the page is narrow."""
    self.body.append(f'<div class="formula">{formula(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def setup(app):
    """Offer the renderer ``mathml``."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
