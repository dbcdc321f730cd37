"""Arrows point down: what each part of the two packages may import, read from the import statements."""

from __future__ import annotations

import ast
import functools
import importlib
import io
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).resolve().parents[1] / "src"
FACADE, EXPORTER = "opencensus_compat", "appinsights_exporter"
ROOTS = {FACADE: SOURCE, EXPORTER: SOURCE / "exporter"}

FACADE_LAYERS = [
    (
        "__main__",
        "_cli",
        "_pyinstaller",
        "_run",
        "auto",
        "compare",
        "doctor",
        "guide",
        "legacy_exporters",
        "legacy_stats_exporters",
        "local",
        "propagators",
        "rewrite",
        "scan",
        "steps",
        "tags_and_baggage",
    ),
    ("ext", "extension"),  # OpenCensus's own tree, from here
    ("log",),
    ("stats",),
    ("metrics",),
    ("trace", "tags"),
    ("common",),  # to here
    ("_bridge.providers",),
    ("_bridge.pipeline",),
    ("_bridge",),
    ("_alias", "_lookup", "_integrations"),  # the import finder, which the interpreter's start loads, and the table that it reads
]
"""From top to bottom; a module imports from its own layer and from those below, in any way: when it loads, inside functions, for types, by
name. Of several parts that fit, the longest counts. `guide`, `local` and `scan` are ways in of their own."""

LATE = {
    (FACADE, f"{FACADE}._bridge.providers.lifecycle"),  # what programs call, at the first call: the interpreter's start imports the package
    (f"{FACADE}._alias", f"{FACADE}._bridge.notes"),  # where a variable asks for notes of the process
}
"""The two ways in that must import late, and so stand below what they import."""

EXPORTER_PARTS = {
    "convert": {"convert", "envelope", "errors", "foreign"},
    "delivery": {"delivery", "counts", "errors", "foreign", "forks", "notices", "reasons", "settings"},
    "spelling": set(),
    "connection_string": {"errors", "spelling"},
    "settings": {"connection_string", "errors", "redirect", "spelling"},
    "redirect": {"errors", "spelling"},
    "counts": {"forks", "notices", "reasons"},
    "reasons": set(),
    "forks": set(),
    "notices": set(),
    "envelope": set(),
    "errors": set(),
}
"""Part of the exporter -> the parts that it may import; a part that is not named may import any."""

LOCAL_LAYERS = [
    {"start"},  # run by the interpreters of a program
    {"__main__"},
    {"cli"},  # arguments
    {"commands"},  # what prints
    {"endpoint"},
    {"server", "control", "ingestion", "pages"},  # HTTP; what is answered
    {"replies", "arrivals", "script"},
    {"framing", "same_machine", "recording", "remote", "reasons", "render", "rule_texts", "queries", "charts", "application_map"},
    {"transaction", "store", "exchange", "kql"},
    {"call_sites", "filters"},
    {"tables", "schema"},
    {"bodies", "misbehave", "shapes", "times"},  # values
]
"""The local endpoint from top to bottom; a module imports from lower rows only."""

SIDE_EFFECTS = {"asyncio", "logging", "os", "random", "requests", "secrets", "socket", "subprocess", "threading", "time"}
"""What a pure module does without: time, ids and resource come in as arguments."""

PURE_NAMES = {"time.gmtime"}
"""Names of such modules that read no clock."""


_COMMANDS = ("compare", "doctor", "local", "rewrite", "scan", "steps")
_MAP_WIDTH = 126
"""Characters of a line of the map at most: a window of a terminal, and GitHub's page, show it whole."""


@dataclass(frozen=True)
class Import:
    """One imported name, and how it was imported."""

    importer: str
    target: str
    """Dotted name of the module, or of a name in it."""
    relative: bool
    when: str
    """``load`` as the module loads, ``call`` inside a function, ``types`` for the type checker only."""

    def __str__(self) -> str:
        return f"{self.importer} imports {self.target}"

    @property
    def part(self) -> str:
        """First component below the package of the importing module; empty for the package itself."""
        return self.importer.partition(".")[2].partition(".")[0]

    @property
    def target_part(self) -> str:
        """First component below the package of what is imported."""
        return self.target.partition(".")[2].partition(".")[0]


def _modules(package: str) -> dict[str, Path]:
    paths = sorted((ROOTS[package] / package).rglob("*.py"))
    return {".".join(path.relative_to(ROOTS[package]).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


@functools.cache
def _imports(package: str) -> list[Import]:
    found = []
    for module, path in _modules(package).items():
        home = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for node, when in _statements(ast.parse(path.read_text(encoding="utf-8")), "load"):
            if isinstance(node, ast.Import):
                found += [Import(module, alias.name, relative=False, when=when) for alias in node.names]
            else:
                above = home.split(".")[: len(home.split(".")) - node.level + 1] if node.level else []
                base = ".".join([*above, *filter(None, [node.module])])
                found += [Import(module, f"{base}.{alias.name}", relative=bool(node.level), when=when) for alias in node.names]
    return found


def _statements(node: ast.AST, when: str) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, when
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _statements(child, "call")
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from _statements(child, "types")
        else:
            yield from _statements(child, when)


def _names(package: str) -> list[tuple[str, str]]:
    """Return the modules of the package that a module names in a string, as `import_module` takes it."""
    modules = _modules(package)
    return [
        (module, node.value)
        for module, path in modules.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value and node.value in modules
    ]


@functools.cache
def _arrows(package: str) -> dict[str, set[str]]:
    """Return module -> modules of the package that it imports, in any way; ``from package import module`` counts for that module alone."""
    modules = _modules(package)
    graph: dict[str, set[str]] = {module: set() for module in modules}
    named = [(found.importer, found.target) for found in _imports(package)] + _names(package)
    for importer, name in named:
        target = name if name in modules else name.rpartition(".")[0]
        # What stands in a package's own face is no tie to what it hands out.
        if target in modules and target != importer and not importer.startswith(f"{target}."):
            graph[importer].add(target)
    return graph


def _root(name: str) -> str:
    return name.partition(".")[0]


def test_the_exporter_never_imports_the_facade():
    """At the end of a migration the facade is deleted and the exporter stays."""
    assert [str(found) for found in _imports(EXPORTER) if _root(found.target) in {FACADE, "opencensus"}] == []


def test_imports_inside_the_exporter_are_relative():
    """The exporter names itself nowhere."""
    assert [str(found) for found in _imports(EXPORTER) if _root(found.target) == EXPORTER and not found.relative] == []


def test_the_facade_reaches_the_exporter_through_one_module():
    """Only ``_bridge.exporter`` imports the exporter package."""
    assert {found.importer for found in _imports(FACADE) if _root(found.target) == EXPORTER} <= {f"{FACADE}._bridge.exporter"}


def test_the_facade_imports_itself_by_its_own_name():
    """No module of ours imports another by the legacy name: the finder's locks are taken in one order only."""
    assert [str(found) for found in _imports(FACADE) if _root(found.target) == "opencensus"] == []


@pytest.mark.parametrize(("package", "part"), [(FACADE, "_bridge.convert"), (EXPORTER, "convert")])
def test_conversion_is_pure(package, part):
    """Converters import nothing that has a clock, a lock, a file or a socket, when they load or later."""
    own = [found for found in _imports(package) if f"{found.importer}.".startswith(f"{package}.{part}.")]
    wrong = [found for found in own if _root(found.target) in SIDE_EFFECTS]
    assert [str(found) for found in wrong if found.target not in PURE_NAMES] == []


def _layer(module: str) -> int | None:
    """Return the place of a module of the facade in its layers, from the top; None for the package itself, which names its version."""
    below = f"{module}.".removeprefix(f"{FACADE}.")
    fits = [(len(part), depth) for depth, parts in enumerate(FACADE_LAYERS) for part in parts if below.startswith(f"{part}.")]
    return max(fits)[1] if fits else None


def test_arrows_point_down_in_the_facade():
    """A module imports from its own layer or a lower one."""
    assert [module for module in _modules(FACADE) if module != FACADE and _layer(module) is None] == []
    up = [
        (importer, target)
        for importer, targets in _arrows(FACADE).items()
        for target in targets
        if (_layer(target) is not None) and ((_layer(importer) or 0) > _layer(target) or importer == FACADE)
    ]
    assert [arrow for arrow in up if arrow not in LATE and arrow[1] != f"{FACADE}._alias"] == []


def test_the_map_names_every_part():
    """The map in CONTRIBUTING.md names what lies right below a package, in the bridge or in delivery, and the folders of the commands."""
    text = (SOURCE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    area = text.partition("```\nsrc/")[2].partition("```")[0]
    named = set(re.findall(r"[\w/]+\.py|\w+/", area))
    below = {path for package, root in ROOTS.items() for path in (root / package).iterdir()}
    below |= {*(SOURCE / FACADE / "_bridge").rglob("*"), *(ROOTS[EXPORTER] / EXPORTER / "delivery").iterdir()}
    below |= {path for command in _COMMANDS for path in (SOURCE / FACADE / command).rglob("*") if path.is_dir()}
    parts = {path.name if path.is_file() else f"{path.name}/" for path in below if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert parts - {"__init__.py"} - named == set()
    files = [f"/{path.relative_to(root)}" for package, root in ROOTS.items() for path in (root / package).rglob("*.py")]
    assert [name for name in named if name.endswith(".py") and not any(path.endswith(f"/{name}") for path in files)] == []
    assert [line for line in area.splitlines() if len(line) > _MAP_WIDTH] == []


@pytest.mark.parametrize("part", ["local", "scan"])
def test_tools_import_neither_half(part):
    """The local endpoint and the scan know the wire and source text, not the packages."""
    wrong = [found for found in _imports(FACADE) if found.part == part and _root(found.target) in {FACADE, EXPORTER}]
    others = {"compare"} if part == "scan" else set()  # which reads recordings
    assert [str(found) for found in wrong if found.target_part not in {part, "__version__", *others}] == []


def test_arrows_point_down_in_the_local_endpoint():
    """Commands stand on queries and rendering, which do not know each other's insides; what judges a request knows no HTTP."""
    inside = f"{FACADE}.local."
    rank = {module: depth for depth, modules in enumerate(LOCAL_LAYERS) for module in modules}
    own = [found for found in _imports(FACADE) if found.importer.startswith(inside) and found.target.startswith(inside)]
    ends = [(found.importer.split(".")[2], found.target.split(".")[2]) for found in own]
    assert {module.split(".")[2] for module in _modules(FACADE) if module.startswith(inside)} == rank.keys()
    assert [f"{importer} imports {target}" for importer, target in ends if importer != target and rank[importer] >= rank[target]] == []


def test_arrows_point_down_in_the_exporter():
    """Conversion knows no delivery, delivery knows no conversion, and the leaves know nothing."""
    own = [found for found in _imports(EXPORTER) if _root(found.target) == EXPORTER and found.part in EXPORTER_PARTS]
    assert [str(found) for found in own if found.target_part not in EXPORTER_PARTS[found.part] | {found.part}] == []


@pytest.mark.parametrize("package", [FACADE, EXPORTER])
def test_no_circles(package):
    """No module needs one that needs it, whenever and however it is imported: each can be read, and changed, after those below it."""
    graph = _arrows(package)
    done: set[str] = set()
    circles = []

    def visit(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            circles.append(" -> ".join([*path[path.index(module) :], module]))
        elif module not in done:
            for target in sorted(graph[module]):
                visit(target, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())
    assert circles == []


@pytest.mark.parametrize("package", [FACADE, EXPORTER])
def test_only_public_opentelemetry_names(package):
    """No underscore name of OpenTelemetry is imported; the logs API, which wears one, has one shim module, which the facade uses too."""
    private = [found for found in _imports(package) if re.search(r"^opentelemetry\b.*\._(?!_)", found.target)]
    assert [str(found) for found in private if found.importer != f"{EXPORTER}._sdk_logs"] == []


def _private_names(path: Path, *, reads_only: bool) -> set[str]:
    """Return the private names, in full, of attributes and in strings of a file; with `reads_only` not those of its own objects and classes."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and not (reads_only and ast.unparse(node.value) in {"self", "cls"}):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not reads_only:
            found.add(node.name)
    return {name for name in found if re.fullmatch(r"_[a-z]\w*", name)}


def _names_of_opentelemetry() -> set[str]:
    """Return the private names that OpenTelemetry's API and SDK give to attributes, methods and modules, as far as the facade gives them to none."""
    folders = {
        Path(path)
        for package in ("opentelemetry.sdk", "opentelemetry.trace", "opentelemetry.metrics", "opentelemetry.context")
        for path in importlib.import_module(package).__path__
    }
    theirs = {name for folder in folders for path in folder.rglob("*.py") for name in _private_names(path, reads_only=False)}
    own = {
        name for path in _modules(FACADE).values() for name in re.findall(r"(?:def|class|self\.) ?(_\w+)", path.read_text(encoding="utf-8"))
    }
    return theirs - own


def test_private_names_of_opentelemetry_stand_in_one_file():
    """A release that renames a private name of OpenTelemetry's is answered in one file of the facade, in which every such name stands."""
    home = f"{FACADE}._bridge.otel_private"
    of_home = _private_names(_modules(FACADE)[home], reads_only=True) | {"_on_ending", "_kind", "_parent"}
    theirs = _names_of_opentelemetry() | of_home
    read = {module: _private_names(path, reads_only=True) & theirs for module, path in _modules(FACADE).items() if module != home}
    assert {module: names for module, names in read.items() if names} == {}


@pytest.mark.parametrize(("package", "registry"), [(FACADE, "_bridge.process"), (EXPORTER, "forks")])
def test_a_package_is_called_at_forks_in_one_place(package, registry):
    """Only the registry asks Python to be called when the process forks, so that what a child restarts has an order.

    The doctor's file that runs in the interpreters of programs stands alone: this package may be missing there.
    """
    calling = [module for module, path in _modules(package).items() if "os.register_at_fork(" in path.read_text(encoding="utf-8")]
    assert [module for module in calling if module != f"{FACADE}.doctor.inside"] == [f"{package}.{registry}"]


_MOST_LINES = 450
"""Lines of code of a file, without those that are blank, comment or docstring."""


def test_each_file_is_of_one_idea():
    """No file is too long to be read at once."""
    long = {str(path.relative_to(SOURCE)): lines for path in SOURCE.rglob("*.py") if (lines := _lines_of_code(path)) > _MOST_LINES}
    assert long == {}


def _lines_of_code(path: Path) -> int:
    """Return how many lines hold code, 0 where the file is short enough with all its lines."""
    text = path.read_text(encoding="utf-8")
    if text.count("\n") <= _MOST_LINES:
        return 0  # whatever they are, they are few enough; to take each file apart took six seconds
    left_out = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in left_out]
    lines = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str):
                lines -= set(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
    return len(lines)


def test_what_the_type_checker_is_told_to_ignore_has_a_reason():
    """Behind each of these stands why."""
    told = [
        f"{path.relative_to(SOURCE)}:{number}: {line.strip()}"
        for path in SOURCE.rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "type: ignore" in line and not re.search(r"type: ignore\[[a-z, -]+\]\s+# \S", line)
    ]
    assert told == []


def test_the_start_of_the_interpreter_loads_two_small_modules():
    """The package and the finder import, as they load, only what the interpreter has loaded already."""
    started = {FACADE, f"{FACADE}._alias"}
    assert {found.target for found in _imports(FACADE) if found.importer in started and found.when == "load"} == {"os", "sys"}


def test_files_that_are_copied_alone_have_one_text():
    """What runs first in a program's interpreters imports nothing of ours, so that two files have a function of the same text."""
    texts = set()
    for path in (SOURCE / FACADE / "doctor" / "inside.py", SOURCE / FACADE / "rewrite" / "verify" / "inside.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        [function] = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "_let_others_begin"]
        texts.add("\n".join(map(ast.unparse, function.body[1:])))  # without the docstring, which names the other
    assert len(texts) == 1
