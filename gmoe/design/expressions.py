"""What a formula in a file may say: columns, numbers, arithmetic and known functions; nothing else is evaluated.

formulaic evaluates the factors of a formula as Python. One that comes with a fit in JSON may come from anywhere, so it
is looked through first, node by node of its syntax tree, and what is not listed here is refused by name.
"""

import ast
import re
from collections.abc import Collection

# Of formulaic and NumPy: they take columns and return columns, and touch nothing else.
FUNCTIONS = (
    "C", "I", "bs", "cc", "center", "cr", "cs", "exp", "exp2", "log", "log10", "log2", "poly", "scale", "standardize",
)  # fmt: skip
OF_NUMPY = (
    "abs", "arctan", "cbrt", "clip", "cos", "exp", "expm1", "log", "log10", "log1p", "log2", "maximum", "minimum",
    "sign", "sin", "sqrt", "square", "tan", "tanh",
)  # fmt: skip
CONTRASTS = ("SAS", "diff", "helmert", "poly", "sum", "treatment")
MODULES = {"np": OF_NUMPY, "contr": CONTRASTS}
# Letters of an expression; columns that a function makes, by these arguments; an exponent.
MOST_LETTERS, MOST_COLUMNS, MOST_POWER = 1000, 1000, 64
SIZES = ("df", "degree")
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
SIGNS = (ast.UAdd, ast.USub)
# Names in backticks, and the one that stands for them where Python reads the expression.
QUOTED, STAND_IN = r"`([^`]+)`", "_column_in_backticks"
# What may end a text, or start a name, somewhere else for formulaic than for Python: it writes texts into code.
ENDS = "'\"`\\\n\r"


def check_expression(text: str, columns: Collection[str]) -> None:
    """Raise a ValueError for an expression that may not be evaluated.

    Parameters
    ----------
    text : str
        A factor of a formula, names that Python would not read in backticks.
    columns : collection of str
    """
    if len(text) > MOST_LETTERS:
        raise ValueError(f"A factor of the formula has {len(text)} letters, and may have {MOST_LETTERS}.")
    for name in re.findall(QUOTED, text):
        # A name that ends a text for Python would hide what comes after it: formulaic skips backticks in texts.
        if name not in columns or any(letter in ENDS for letter in name):
            raise ValueError(f"{text!r} in the formula has the name {name!r}, which is no column or has a quote in it.")
    plain, known = re.sub(QUOTED, f" {STAND_IN} ", text).strip(), {*columns, STAND_IN}
    try:
        _Reader(text, known).read(ast.parse(plain, mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"Cannot read {text!r} in the formula: {error}.") from error


class _Reader:
    """Looks an expression through; knows the columns."""

    def __init__(self, text, columns):
        self.text, self.columns = text, columns

    def read(self, node) -> bool:
        """Whether there is a column in it."""
        match node:
            case ast.Name(id=name):
                if name not in self.columns:
                    self.refuse(f"the name {name!r}, which is no column")
                return True
            case ast.Constant(value=bool() | int() | float()):
                return False
            case ast.UnaryOp(op=op, operand=operand) if isinstance(op, SIGNS):
                return self.read(operand)
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                if not self.read(left):
                    self.refuse("a power of no column")
                if not (_is_number(right) and abs(ast.literal_eval(right)) <= MOST_POWER):
                    self.refuse(f"an exponent that is no number up to {MOST_POWER}")
                return True
            case ast.BinOp(op=op, left=left, right=right) if isinstance(op, OPERATORS):
                found = self.read(left), self.read(right)
                return any(found)
            case ast.Call():
                return self.call(node)
        return self.refuse(f"{ast.unparse(node)!r}")

    def call(self, node):
        name = self.function(node.func)
        first, *others = node.args or [None]
        if first is None or not self.read(first):
            self.refuse(f"a call of {name} without a column")
        # Its levels are those of a column, by which the design is made again.
        if name == "C" and not isinstance(first, ast.Name):
            self.refuse("C of what is no column")
        sizes = list(others) if isinstance(node.func, ast.Name) else []
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg.startswith("_"):
                self.refuse(f"the argument {keyword.arg!r} of {name}")
            sizes += [keyword.value] if keyword.arg in SIZES else []
        for value in (*others, *(keyword.value for keyword in node.keywords)):
            self.argument(value)
        for value in sizes:
            if _is_number(value) and abs(ast.literal_eval(value)) > MOST_COLUMNS:
                self.refuse(f"{ast.unparse(value)} for a number of columns, which may be {MOST_COLUMNS}")
        return True

    def function(self, node):
        match node:
            case ast.Name(id=name) if name in FUNCTIONS:
                return name
            case ast.Attribute(value=ast.Name(id="np"), attr=name) if name in OF_NUMPY:
                return name
        return self.refuse(f"the function {ast.unparse(node)!r}")

    def argument(self, node):
        """Look through what follows the column: numbers, texts, lists of them, contrasts, columns."""
        match node:
            case ast.List(elts=values) | ast.Tuple(elts=values):
                for value in values:
                    self.argument(value)
            case ast.Attribute(value=ast.Name(id="contr"), attr=name) if name in CONTRASTS:
                pass
            case ast.Call(func=ast.Attribute(value=ast.Name(id="contr"), attr=name), args=args) if name in CONTRASTS:
                for value in (*args, *(keyword.value for keyword in node.keywords)):
                    self.argument(value)
            case ast.Constant(value=str(text)):
                if any(letter in ENDS for letter in text):
                    self.refuse(f"a text with quotes, backticks or lines, {text!r}")
            case ast.Constant(value=None):
                pass
            case _:
                self.read(node)

    def refuse(self, what):
        raise ValueError(
            f"{self.text!r} in the formula has {what}. A file may hold columns, numbers, + - * / **, and the functions "
            f"{', '.join(FUNCTIONS)}, np.{', np.'.join(OF_NUMPY)}; make such a column before the fit, or use pickle."
        )


def _is_number(node):
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, SIGNS):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)
