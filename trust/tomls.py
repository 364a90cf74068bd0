"""Descriptions of studies with anything in them changed: a study that reads back the same, or one line."""

import tomllib
from pathlib import Path

import numpy as np

from gmoe.study import SpecError, Study
from trust._run import need, one_line

TEXT = """\
name = "tiny"
seed = 1
replications = 3
sizes = [40, 60]
truth = "softmax_paper"

[[protocol]]
kind = "mle"
starts = "near_truth"

[[loss]]
kind = "over"
points = 10
"""
GIVEN = """\
name = "given"
seed = 3
replications = 2
sizes = {spacing = "log", start = 50, stop = 200, count = 3}
[truth]
gate = "softmax"
gate_intercept = [-8.0, 0.0]
gate_coef = [[25.0], [0.0]]
intercept = [15.0, -5.0]
coef = [[-20.0], [20.0]]
variance = {value = [0.09, 0.16], direction = [0.1, 0.2], power = -0.5}
[x]
law = "uniform"
low = 0
high = 1
[[protocol]]
kind = "em"
n_experts = 3
stop = "relative"
tol = 1e-6
max_iter = 50
[[protocol]]
name = "paper"
kind = "published_softmax"
tries = 2
[[loss]]
kind = "power"
power = 2.0
name = "squared"
[[loss]]
kind = "hellinger"
points = 20
[[loss]]
kind = "smallest_share"
"""
DESIGNS = sorted((Path(__file__).parents[1] / "sims" / "designs").glob("*.toml"))
ODD = (
    "", "0", "-1", "1.5", "nan", "inf", "-inf", "1e308", "5e-324", "1e400", "9" * 30, "9" * 5000, "true", "[]", "{}",
    "[[]]",
    "[1, [2]]", '""', '"x"', '"\\u001b[31m"', '"\\u0000"', "'''a\nb'''", "[true]", "{a = 1}", "1979-05-27",
    "[" * 3000, '"softmax"',
    '"topk:n_active=2"', '"tree"', '"groups:sizes=1+1"', '"tree:tree=' + "(" * 2000 + '"', '"laplace"',
    '"student:df=4"', "[40]",
    "[1000000000]", "[-1]", "[40, 40]", "[0.5, 0.5]", "[[1.0], [2.0]]", "1000000000000", '"multivariate"', '"exact"',
    '"blocks"',
    '["no_such_module"]', '"arrays"', '"gate_boundary"', '"temperature"', '"data"', '"near_truth+data"', '"grid"',
    "300", "30",
)  # fmt: skip
KEYS = (
    "n_experts", "gate", "experts", "points", "n_init", "n_near", "tries", "rbar", "import", "temperature", "power",
    "name",
    "kind", "gate_features", "expert_features", "\"\\u001b\"", "min_variance", "df", "scale", "x", "loss",
    "replications",
)  # fmt: skip


def case(rng: np.random.Generator) -> tuple[str, int]:
    """Read a changed description."""
    texts = [TEXT, GIVEN, GIVEN, *(file.read_text(encoding="utf-8") for file in DESIGNS)]
    text = texts[int(rng.integers(3 if rng.random() < 0.8 else len(texts)))]
    for _ in range(1 + rng.poisson(0.15)):
        text = _changed(rng, text)
    try:
        study = Study.from_toml(text + "\n")
    except SpecError as error:
        raise one_line(error) from error
    same = Study.from_dict(study.to_dict()).to_dict()
    need(repr(same) == repr(study.to_dict()), f"reads back as another study: {text!r}")
    tomllib.loads(text)
    return "study", 1


def _changed(rng, text: str) -> str:
    lines = text.splitlines()
    at = int(rng.integers(len(lines)))
    key, equals, _ = lines[at].partition("=")
    kind = rng.integers(7)
    if kind <= 2 and equals:
        lines[at] = f"{key}= {rng.choice(ODD)}"
    elif kind == 3:
        lines.insert(at + 1, f"{rng.choice(KEYS)} = {rng.choice(ODD)}")
    elif kind == 4:
        del lines[at]
    elif kind == 5:
        lines.insert(int(rng.integers(len(lines))), lines[at])
    else:
        content = bytearray("\n".join(lines).encode())
        content[int(rng.integers(len(content)))] = int(rng.integers(128))
        return content.decode(errors="replace")
    return "\n".join(lines) or "\n"
