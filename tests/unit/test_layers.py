"""Who may import whom: the folders of the architecture stay apart, and no modules import each other in a circle."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

ALLOWED: Mapping[str, frozenset[str]] = {
    "schemas": frozenset(),
    "runtime": frozenset({"schemas"}),
    "ingress": frozenset({"schemas", "runtime"}),
    "processors": frozenset({"schemas", "runtime"}),
    "egress": frozenset({"schemas", "runtime"}),
    "sandbox": frozenset({"schemas", "runtime"}),
    "relevo": frozenset({"schemas", "runtime", "ingress", "processors", "egress", "sandbox"}),
    "bench": frozenset({"schemas", "runtime", "ingress", "processors", "egress", "sandbox", "relevo", "tests"}),
}
OURS = frozenset({*ALLOWED, "tests"})

# Schemas are pure: whatever else could open a file, a socket or a thread has no place in them.
PURE = frozenset(
    {
        "__future__",
        "base64",
        "binascii",
        "collections",
        "dataclasses",
        "datetime",
        "enum",
        "functools",
        "hashlib",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "string",
        "types",
        "typing",
        "zoneinfo",
        "msgspec",
        "orjson",
    }
)


class Import(NamedTuple):
    module: str
    line: int
    names: str  # the module that is imported
    for_types: bool  # under `if TYPE_CHECKING`


def modules(root: Path) -> dict[str, Path]:
    """Every module of the folders, by its dotted name."""
    found = {}
    for folder in ALLOWED:
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(root: Path) -> list[Import]:
    """All imports of all modules, also those inside functions, with names resolved to modules of ours."""
    known = modules(root)
    found: list[Import] = []
    for module, path in known.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for_types = _under_type_checking(tree)
        for node in ast.walk(tree):
            for target in _targets(node, package, known):
                found.append(Import(module, getattr(node, "lineno", 0), target, node in for_types))
    return found


def _under_type_checking(tree: ast.Module) -> set[ast.AST]:
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test).endswith("TYPE_CHECKING")]
    return {node for block in blocks for statement in block.body for node in ast.walk(statement)}


def _targets(node: ast.AST, package: str, known: Mapping[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*parents, base] if base else parents)
        for alias in node.names:
            submodule = f"{base}.{alias.name}"
            yield submodule if submodule in known else base


def layer_violations(root: Path) -> list[str]:
    """Imports that the architecture forbids, `module:line imports other`."""
    bad = []
    for found in imports(root):
        folder, other = found.module.split(".")[0], found.names.split(".")[0]
        foreign = other in OURS and other != folder and other not in ALLOWED[folder]
        impure = folder == "schemas" and other not in PURE | {folder}
        if foreign or impure:
            bad.append(f"{found.module}:{found.line} imports {found.names}")
    return bad


def cycles(root: Path) -> list[str]:
    """Circles of modules that import each other, each as `a -> b -> a`. Imports for types alone do not count."""
    graph: dict[str, set[str]] = {module: set() for module in modules(root)}
    for found in imports(root):
        if found.names in graph and not found.for_types:
            graph[found.module].add(found.names)
    circles: list[str] = []
    done: set[str] = set()
    for start in graph:
        circles += _circles_from(start, graph, done)
    return circles


def _circles_from(start: str, graph: Mapping[str, set[str]], done: set[str]) -> Iterator[str]:
    path: list[str] = []
    todo: list[tuple[str, bool]] = [(start, True)]
    while todo:
        module, entering = todo.pop()
        if not entering:
            done.add(path.pop())
        elif module in path:
            yield " -> ".join([*path[path.index(module) :], module])
        elif module not in done:
            path.append(module)
            todo.append((module, False))
            todo.extend((other, True) for other in sorted(graph[module]))


def test_folders_import_only_what_the_architecture_allows() -> None:
    assert layer_violations(ROOT) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert cycles(ROOT) == []


def test_the_modules_of_this_repository_are_seen() -> None:
    assert {"runtime.settings", "runtime.settings.area", "schemas.keys"} <= modules(ROOT).keys()
    assert any(i.module == "runtime.admin" and i.names == "runtime.health" for i in imports(ROOT))


def plant(root: Path, **files: str) -> Path:
    """A tree of modules: `runtime__x="import y"` is `runtime/x.py`."""
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("module", "text", "named"),
    [
        ("ingress__a", "import egress.b", "egress.b"),
        ("ingress__a", "from egress import b", "egress.b"),
        ("ingress__a", "from egress.b import thing", "egress.b"),
        ("processors__a", "def f():\n    import sandbox.b", "sandbox.b"),
        ("egress__a", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import processors.b", "processors.b"),
        ("sandbox__a", "import relevo", "relevo"),
        ("runtime__a", "from ingress import b", "ingress.b"),
        ("schemas__a", "import runtime", "runtime"),
        ("schemas__a", "import asyncio.events", "asyncio.events"),
        ("relevo__a", "import tests.builders", "tests.builders"),
        ("relevo__a", "import bench.inputs", "bench.inputs"),
        ("runtime__deep__a", "from ...egress import b", "egress.b"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, module: str, text: str, named: str) -> None:
    tree = plant(tmp_path, egress__b="", ingress__b="", processors__b="", sandbox__b="", **{module: text})
    (bad,) = layer_violations(tree)
    assert bad.startswith(module.replace("__", ".") + ":")
    assert bad.endswith(f" imports {named}")


def test_allowed_imports_are_not_reported(tmp_path: Path) -> None:
    tree = plant(
        tmp_path,
        schemas__a="import msgspec\nfrom . import b",
        schemas__b="",
        runtime__a="from schemas import a\nimport asyncio",
        ingress__a="from runtime.a import x\nfrom .b import y",
        ingress__b="",
        relevo__a="import ingress.a, egress.a, sandbox.a",
    )
    assert layer_violations(tree) == []
    assert cycles(tree) == []


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        ({"runtime__a": "import runtime.b", "runtime__b": "from runtime import a"}, {"runtime.a", "runtime.b"}),
        (
            {
                "runtime__a": "from .b import x",
                "runtime__b": "def f():\n    from .c import x",
                "runtime__c": "from . import a",
            },
            {"runtime.a", "runtime.b", "runtime.c"},
        ),
        ({"runtime__a": "import runtime.a"}, {"runtime.a"}),
    ],
)
def test_a_circle_is_found(tmp_path: Path, files: dict[str, str], circle: set[str]) -> None:
    (found,) = cycles(plant(tmp_path, **files))
    assert set(found.split(" -> ")) == circle


def test_a_circle_through_a_package_is_found(tmp_path: Path) -> None:
    tree = plant(tmp_path, runtime__p__a="from runtime.p import thing")
    (tree / "runtime/p/__init__.py").write_text("from runtime.p.a import other")
    assert cycles(tree) == ["runtime.p -> runtime.p.a -> runtime.p"]


def test_an_import_for_types_alone_makes_no_circle(tmp_path: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from runtime import a"
    assert cycles(plant(tmp_path, runtime__a="import runtime.b", runtime__b=text)) == []
