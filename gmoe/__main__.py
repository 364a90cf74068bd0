"""The command ``gmoe``, also as ``python -m gmoe``: an interrupt is answered before anything else is loaded."""

from gmoe import _interrupt


def main() -> int:
    """Run the command line of the process; return the exit code."""
    _interrupt.answer()
    from gmoe.cli import main

    try:
        return main()
    finally:
        _interrupt.ignore()


if __name__ == "__main__":
    raise SystemExit(main())
