"""Print the lowest versions that pyproject.toml allows, as requirements for pip: ``lowest.py [EXTRA ...]``."""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
groups = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in sys.argv[1:])]
requirements = [requirement for group in groups for requirement in group]
unbounded = [requirement for requirement in requirements if not re.fullmatch(r"[\w\[\]-]+>=[\d.]+", requirement)]
if unbounded:
    sys.exit(f"Each requirement must be NAME>=VERSION, which has a lowest version; got {', '.join(unbounded)}.")
print(*(requirement.replace(">=", "==") for requirement in requirements), sep="\n")
