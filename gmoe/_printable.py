"""Text from outside: names of columns, cells, files and errors, as a terminal may show it."""

# A table needs them, and a terminal does nothing else with them.
LAYOUT = "\n\t"


def printable(text: str, kept: str = "") -> str:
    """Escape what a terminal would obey rather than show, but for the characters that are ``kept``."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c in kept else ascii(c)[1:-1] for c in text)
