"""Let ``python -m gmoe`` do what the ``gmoe`` command does."""

from gmoe.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
