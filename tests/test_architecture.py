"""Rules that hold for all of gmoe/, checked on its syntax trees."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import gmoe
from gmoe import _jit

PACKAGE = Path(gmoe.__file__).parent

# From the bottom up; each module imports from lower layers and from its own package only.
# A new top-level module or package gets its place here.
LAYERS = [
    "gmoe._validation",
    "gmoe._progress",
    "gmoe._cache",
    "gmoe._jit",
    "gmoe.kernels",
    "gmoe.frames",
    "gmoe._arrays",
    "gmoe.part",
    "gmoe.table",
    "gmoe.gates",
    "gmoe.experts",
    "gmoe.parameters",
    "gmoe.parameter_space",
    "gmoe.model",
    "gmoe.datasets",
    "gmoe.metrics",
    "gmoe.solvers",
    "gmoe.inference",
    "gmoe.estimator",
    "gmoe.plotting",
    "gmoe.theory",
    "gmoe.study.errors",
    "gmoe.study.checks",
    "gmoe.study.data",
    "gmoe.study.losses",
    "gmoe.study.protocols",
    "gmoe.study.describe",
    "gmoe.study.results",
    "gmoe.study.compute",
    "gmoe.study.analyse",
    "gmoe.study.show",
    "gmoe.study",
    "gmoe",  # gmoe/__init__.py, which hands out what lies below
    "gmoe.cli",
    "gmoe.__main__",
]

# numba compiles in _jit.py only, where its options and the cache are looked after.
COMPILERS = {"njit", "jit", "vectorize", "guvectorize", "cfunc", "jitclass", "jit_module"}
# All else in np.random works on the hidden global state.
EXPLICIT_RANDOM = {"Generator", "default_rng", "SeedSequence", "BitGenerator", "RandomState"}
MAX_LINES = 400


def module_name(path):
    parts = ("gmoe", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {
    module_name(path): ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    for path in sorted(PACKAGE.rglob("*.py"))
}
each_module = pytest.mark.parametrize("module", TREES)


def layer_of(module):
    """Return the layer whose name begins the module's; ``gmoe`` itself is only the package file."""
    for layer in LAYERS:
        if module == layer or (layer != "gmoe" and module.startswith(layer + ".")):
            return layer
    raise AssertionError(f"{module} has no layer: give it its place in LAYERS of {__file__}")


def imports_from_gmoe(module):
    """Yield the (line, module) of every import of gmoe, also inside functions."""
    is_package = any(name.startswith(module + ".") for name in TREES) or module == "gmoe"
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                anchor = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*anchor, *filter(None, [node.module])])
            full = {alias.name: f"{base}.{alias.name}" for alias in node.names}
            # The version is set before anything is imported, so any module may have it.
            names = [full[name] if full[name] in TREES else base for name in full if full[name] != "gmoe.__version__"]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name == "gmoe" or name.startswith("gmoe."))


def dotted(node):
    """Return ``a.b.c`` of an attribute chain, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (value := dotted(node.value)):
        return f"{value}.{node.attr}"
    return ""


@each_module
def test_imports_go_downward(module):
    own = layer_of(module)
    upward = [
        f"line {line} imports {target}"
        for line, target in imports_from_gmoe(module)
        if (layer := layer_of(target)) != own and LAYERS.index(layer) > LAYERS.index(own)
    ]
    assert not upward, f"{module} ({own}): {upward}"


@each_module
def test_compilation_only_in_jit(module):
    if module == "gmoe._jit":
        return
    found = []
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "numba":
            found += [alias.name for alias in node.names if alias.name in COMPILERS]
        elif isinstance(node, ast.Attribute) and dotted(node).startswith("numba."):
            found += [node.attr] if node.attr in COMPILERS else []
        elif isinstance(node, ast.keyword) and node.arg == "fastmath":
            found.append("fastmath=")
    assert not found, f"{module} uses {found}: take kernel, elementary or strict of gmoe._jit"


@each_module
def test_kernels_live_where_their_sources_name_the_cache(module):
    if layer_of(module) in {"gmoe._jit", "gmoe.kernels", "gmoe._arrays", "gmoe.gates"}:
        return
    names = {"kernel", "elementary", "strict"}
    found = [
        name
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.ImportFrom) and node.module == "gmoe._jit"
        for name in names & {alias.name for alias in node.names}
    ]
    assert not found, f"{module} compiles with {found}: move it to gmoe/kernels or gmoe/gates"


@each_module
def test_no_print_outside_the_command_line(module):
    if module == "gmoe.cli" or module.startswith("gmoe.cli."):
        return
    calls = [n for n in ast.walk(TREES[module]) if isinstance(n, ast.Call)]
    lines = [n.lineno for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"]
    assert not lines, f"{module} prints in lines {lines}"


@each_module
def test_random_numbers_come_from_generators(module):
    found = []
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Attribute):
            owner, _, name = dotted(node).rpartition(".")
            if owner in ("np.random", "numpy.random") and name[:1].isalpha():
                found += [] if name in EXPLICIT_RANDOM else [f"{owner}.{name}"]
        elif isinstance(node, ast.ImportFrom) and node.module == "numpy.random":
            found += [a.name for a in node.names if a.name not in EXPLICIT_RANDOM]
    assert not found, f"{module} uses the global random state: {found}"


@each_module
def test_no_rule_or_activation_is_known_by_its_name(module):
    # Else one of a user's own would be taken for another: a value says what it is.
    def asks_name(node):
        sides = [node.left, *node.comparators]
        named = any(dotted(side).endswith(("select_on", ".by", ".by.name", "activation.name")) for side in sides)
        return named and any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in sides)

    lines = [n.lineno for n in ast.walk(TREES[module]) if isinstance(n, ast.Compare) and asks_name(n)]
    assert not lines, f"{module} compares a rule or an activation with a string in lines {lines}"


@each_module
def test_public_names_have_docstrings(module):
    def missing(body, prefix):
        for node in body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if ast.get_docstring(node) is None and not is_overload(node):
                yield prefix + node.name
            # A subclass inherits the docstrings of what it overrides.
            if isinstance(node, ast.ClassDef) and not node.bases:
                yield from missing(node.body, f"{prefix}{node.name}.")

    def is_overload(node):
        names = [dotted(decorator) for decorator in node.decorator_list]
        return any(name.endswith((".setter", "overload")) for name in names)

    tree = TREES[module]
    undocumented = [] if ast.get_docstring(tree) or not tree.body else ["the module"]
    undocumented += missing(tree.body, "")
    assert not undocumented, f"{module} lacks docstrings: {undocumented}"


# What the figures and simulations of the papers may use: what any user has.
PUBLIC = ("gmoe", "gmoe.datasets", "gmoe.gates", "gmoe.metrics", "gmoe.plotting", "gmoe.study", "gmoe.theory")
SCRIPTS = sorted(path for room in ("sims", "paper_figs") for path in (PACKAGE.parent / room).glob("*.py"))


def private_imports(tree):
    """Yield what a script imports from gmoe and its documentation does not name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (
                alias.name for alias in node.names if alias.name.startswith("gmoe.") and alias.name not in PUBLIC
            )
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gmoe":
            known = importlib.import_module(node.module).__all__ if node.module in PUBLIC else ()
            names = [alias.name for alias in node.names if f"{node.module}.{alias.name}" not in PUBLIC]
            yield from (f"{node.module}.{name}" for name in names if name not in known)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_figures_and_simulations_use_public_names(path):
    pytest.importorskip("pyarrow")
    found = list(private_imports(ast.parse(path.read_text(encoding="utf-8"))))
    assert not found, f"{path.name} imports {found}: give what is missing a public home"


def test_private_imports_are_seen():
    script = (
        "import gmoe.kernels\nfrom gmoe.study.analyse.rates import Rate\nfrom gmoe.study import Rate, _x, analyse\n"
    )
    script += "from gmoe import GMoE, study\nimport numpy, gmoe.study\n"
    expected = ["gmoe.kernels", "gmoe.study.analyse.rates.Rate", "gmoe.study._x", "gmoe.study.analyse"]
    assert list(private_imports(ast.parse(script))) == expected


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=module_name)
def test_files_are_short(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{path.name} has {lines} lines: split it by idea"


@pytest.mark.parametrize(
    ("decorator", "flags"),
    [
        (_jit.kernel, {"contract", "nsz", "arcp", "reassoc"}),
        (_jit.elementary, {"contract", "nsz", "arcp"}),
        (_jit.strict, set()),
    ],
)
def test_fast_arithmetic_never_assumes_finite_numbers(decorator, flags):
    def function(x):
        return x

    compiled = decorator(function)
    if compiled is function:
        pytest.skip("NUMBA_DISABLE_JIT is set, so there are no options to read")
    chosen = compiled.targetoptions["fastmath"] or set()
    assert set(chosen) == flags
    assert not {"nnan", "ninf", "fast", "afn"} & set(chosen)
    assert "fastmath=True" not in inspect.getsource(_jit)
