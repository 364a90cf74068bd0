"""Rules that hold for all of gmoe/, checked on its syntax trees."""

import ast
import importlib
from pathlib import Path

import pytest

import gmoe
from gmoe import _jit

PACKAGE = Path(gmoe.__file__).parent

# From the bottom up; each module imports from lower layers and from its own package only.
# A new top-level module or package gets its place here.
LAYERS = [
    "gmoe._limits",
    "gmoe._names",
    "gmoe._validation",
    "gmoe._printable",
    "gmoe._files",
    "gmoe._interrupt",
    "gmoe._json",
    "gmoe._progress",
    "gmoe._cache",
    "gmoe._jit",
    "gmoe.kernels",
    "gmoe.frames",
    "gmoe._arrays",
    "gmoe.part",
    "gmoe.table",
    "gmoe.distributions",
    "gmoe.gates",
    "gmoe.experts",
    "gmoe.parameters",
    "gmoe.parameter_space",
    "gmoe.written",
    "gmoe.model",
    "gmoe.constraints",
    "gmoe.datasets",
    "gmoe.metrics",
    "gmoe.solvers._blas",
    "gmoe.solvers.problem",
    "gmoe.solvers.ascent",
    "gmoe.solvers.starts",
    "gmoe.solvers.search",
    "gmoe.solvers.evidence",
    "gmoe.solvers.constrained",
    "gmoe.solvers",
    "gmoe.inference",
    "gmoe.edit",
    "gmoe.diagnostics",
    "gmoe.design",
    "gmoe.estimator",
    "gmoe.model_selection",
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
    "gmoe._public",
    "gmoe",  # gmoe/__init__.py, which hands out what lies below
    "gmoe.cli",
    "gmoe.__main__",
]

# numba compiles in _jit.py only, where its options and the cache are looked after.
COMPILERS = {"njit", "jit", "vectorize", "guvectorize", "cfunc", "jitclass", "jit_module"}
# All else in np.random works on the hidden global state.
EXPLICIT_RANDOM = {"Generator", "default_rng", "SeedSequence", "BitGenerator", "RandomState"}
MAX_LINES = 300
# Who prints: on the standard output one place alone, as what is shown comes from other people's files.
PRINTERS = {"gmoe.cli._messages", "gmoe.cli._progress", "gmoe.cli.figures"}
# Who opens files to write: those that others then see whole or not at all, locks, and the compiler's cache.
WRITERS = {"gmoe._files", "gmoe._jit", "gmoe.cli._output"}


def module_name(path):
    parts = ("gmoe", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {
    module_name(path): ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    for path in sorted(PACKAGE.rglob("*.py"))
}


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


def none(complaints, advice):
    """Fail with all complaints of a rule at once, a line each."""
    lines = list(complaints)
    assert not lines, "\n".join([advice, *lines])


def nodes(kind, modules=TREES):
    """Every (module, node) of a kind of syntax node."""
    return [(module, node) for module in modules for node in ast.walk(TREES[module]) if isinstance(node, kind)]


def test_imports_go_downward():
    none(
        (
            f"{module}, line {line}: {layer_of(module)} imports {target}"
            for module in TREES
            for line, target in imports_from_gmoe(module)
            if layer_of(target) != layer_of(module) and LAYERS.index(layer_of(target)) > LAYERS.index(layer_of(module))
        ),
        "Imports go to lower layers only:",
    )


def test_compilation_only_in_jit():
    def compilers(node):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "numba":
            return [alias.name for alias in node.names if alias.name in COMPILERS]
        if isinstance(node, ast.Attribute) and dotted(node).startswith("numba."):
            return [node.attr] if node.attr in COMPILERS else []
        return ["fastmath="] if isinstance(node, ast.keyword) and node.arg == "fastmath" else []

    none(
        (
            f"{module}, line {node.lineno}: {found}"
            for module, node in nodes(ast.ImportFrom | ast.Attribute | ast.keyword, TREES.keys() - {"gmoe._jit"})
            for found in compilers(node)
        ),
        "Take kernel, elementary or strict of gmoe._jit:",
    )


def test_kernels_live_where_their_sources_name_the_cache():
    allowed = {"gmoe._jit", "gmoe.kernels", "gmoe._arrays", "gmoe.gates"}
    none(
        (
            f"{module}, line {node.lineno}: {alias.name}"
            for module, node in nodes(ast.ImportFrom)
            if node.module == "gmoe._jit" and layer_of(module) not in allowed
            for alias in node.names
            if alias.name in {"kernel", "elementary", "strict"}
        ),
        "Compiled functions belong into gmoe/kernels or gmoe/gates:",
    )


def test_no_print_outside_the_command_line():
    none(
        (
            f"{module}, line {node.lineno}"
            for module, node in nodes(ast.Call, TREES.keys() - PRINTERS)
            if isinstance(node.func, ast.Name) and node.func.id == "print"
        ),
        "Only the command line prints, by say and tell of gmoe.cli._messages, which escape what a terminal would obey:",
    )


def test_files_are_written_beside_and_renamed():
    def writes(node):
        name = dotted(node.func).rpartition(".")[2]
        modes = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
        opened = name == "open" and any(mode in ("w", "wb", "x", "xb", "a", "ab") for mode in modes)
        drawn = name == "savefig" and dotted(node.args[0]) != "stream"
        return opened or drawn or name in ("write_text", "write_bytes")

    none(
        (f"{module}, line {node.lineno}" for module, node in nodes(ast.Call, TREES.keys() - WRITERS) if writes(node)),
        "Write by gmoe._files.write_whole, so that a file is there whole or not at all:",
    )


def test_random_numbers_come_from_generators():
    def hidden(node):
        if isinstance(node, ast.Attribute):
            owner, _, name = dotted(node).rpartition(".")
            names = [name] if owner in ("np.random", "numpy.random") and name[:1].isalpha() else []
        else:
            names = [alias.name for alias in node.names] if node.module == "numpy.random" else []
        return [name for name in names if name not in EXPLICIT_RANDOM]

    none(
        (
            f"{module}, line {node.lineno}: {name}"
            for module, node in nodes(ast.Attribute | ast.ImportFrom)
            for name in hidden(node)
        ),
        "The global random state is used; take a Generator that is passed in:",
    )


def test_no_rule_or_activation_is_known_by_its_name():
    # Else one of a user's own would be taken for another: a value says what it is.
    def asks_name(node):
        sides = [node.left, *node.comparators]
        named = any(dotted(side).endswith(("select_on", ".by", ".by.name", "activation.name")) for side in sides)
        return named and any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in sides)

    none(
        (f"{module}, line {node.lineno}" for module, node in nodes(ast.Compare) if asks_name(node)),
        "A rule or an activation is compared with a string:",
    )


def test_public_names_have_docstrings():
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

    modules = (module for module, tree in TREES.items() if tree.body and not ast.get_docstring(tree))
    none(
        [*modules, *(name for module, tree in TREES.items() for name in missing(tree.body, f"{module}."))],
        "These have no docstring:",
    )


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


def test_files_are_short():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    none(
        (f"{path.relative_to(PACKAGE)}: {n} lines" for path, n in lines.items() if n > MAX_LINES),
        f"Split by idea what has more than {MAX_LINES} lines:",
    )


@pytest.mark.parametrize(
    ("decorator", "flags"),
    [
        (_jit.kernel, {"contract", "nsz", "arcp", "reassoc"}),
        (_jit.elementary, {"contract", "nsz", "arcp"}),
        (_jit.strict, set()),
    ],
)
def test_fast_arithmetic_never_assumes_finite_numbers(decorator, flags, monkeypatch):
    # What numba is asked for, also where NUMBA_DISABLE_JIT leaves no compiled function to look at.
    asked = {}
    monkeypatch.setattr(_jit.numba, "njit", lambda **options: asked.update(options) or (lambda function: function))
    decorator(lambda x: x)
    assert set(asked["fastmath"] or ()) == flags
    assert not {"nnan", "ninf", "fast", "afn"} & flags


def test_no_file_is_unpickled():
    # Data, results and manifests run no code when they are read; SECURITY.md says so.
    none(
        (
            f"{module}, line {node.lineno}: {name}"
            for module, node in nodes(ast.Import | ast.ImportFrom, TREES.keys() - {"gmoe._jit"})  # of its own cache
            for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            if name.split(".")[0] in {"pickle", "cloudpickle", "marshal", "shelve", "dill"}
        ),
        "Read files of text, Parquet or JSON:",
    )
