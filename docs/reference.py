"""The pages of the reference: which names they show, in which order."""

from __future__ import annotations

import ast
import json
from pathlib import Path

_ADDRESS_BOOKS = {
    "appinsights_exporter": ("src/exporter", ["envelope", "performance_counters", "sampling", "testing"]),
    "opencensus_compat": ("src", ["auto", "legacy_exporters", "legacy_stats_exporters", "propagators", "tags_and_baggage"]),
}
"""Package to where it is, and to those of its modules that programs name. What the package offers itself is not shown again there."""
_FACADES = {
    "trace": ("opencensus.trace", ["trace"]),
    "stats": ("opencensus.stats", ["stats"]),
    "tags": ("opencensus.tags", ["tags"]),
    "metrics": ("opencensus.metrics", ["metrics"]),
    "common": ("opencensus.log, opencensus.common", ["log", "common"]),
    "azure": ("opencensus.ext.azure, opencensus.extension", ["ext/azure", "extension"]),
    "integrations": ("Integrations: opencensus.ext", ["ext"]),
}
"""Page to its title, and to the folders of the facade that it shows; a folder of an earlier page is not shown again."""


def pages(repository: Path) -> dict[str, str]:
    """Return the text of each page by its place in the site, such as ``reference/opencensus_compat.md``."""
    found = {f"reference/{name}.md": _of_package(name, repository / root, more) for name, (root, more) in _ADDRESS_BOOKS.items()}
    facade = repository / "src/opencensus_compat"
    shown: set[Path] = set()
    for page, (title, folders) in _FACADES.items():
        files = [file for folder in folders for file in modules(facade / folder) if file not in shown]
        shown.update(files)
        found[f"reference/opencensus/{page}.md"] = _of_modules(title, files, facade)
    return found


def modules(folder: Path) -> list[Path]:
    """Return the files of a folder's public modules, those first that stand in the folder itself."""
    files = [file for file in folder.rglob("*.py") if not any(_is_private(part) for part in file.relative_to(folder.parent).parts)]
    return sorted((file for file in files if _defines_something(file)), key=lambda file: (file.parent, file))


def _of_package(name: str, root: Path, more: list[str]) -> str:
    book = root / name / "__init__.py"
    names = "\n\n".join(f"::: {name}.{each}" for each in _offered(book) if not each.startswith("_"))
    parts = "\n\n".join(_of_module(f"{name}.{each}", f"{name}.{each}", _shown_already(book, each)) for each in more)
    return f"# {name}\n\n::: {name}\n    options: {{members: false, show_root_heading: false, show_root_toc_entry: false}}\n\n## Names\n\n{names}\n\n{parts}\n"


def _of_modules(title: str, files: list[Path], facade: Path) -> str:
    parts = []
    for file in files:
        path = file.relative_to(facade.parent).with_suffix("").as_posix().removesuffix("/__init__").replace("/", ".")
        parts.append(_of_module(path, path.replace("opencensus_compat", "opencensus", 1)))
    return f"# {title}\n\n" + "\n\n".join(parts) + "\n"


def _of_module(path: str, shown: str, without: list[str] | None = None) -> str:
    filters = json.dumps(["!^_", *(f"!^{name}$" for name in without or [])])
    return f"## {shown}\n\n::: {path}\n    options: {{show_root_heading: false, show_root_toc_entry: false, filters: {filters}}}"


def _shown_already(book: Path, module: str) -> list[str]:
    """Return the names of a package that one of its modules has, too: those that the package offers of it, and those of other modules."""
    tree = ast.parse((book.parent / f"{module}.py").read_text(encoding="utf-8"))
    own = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    nodes = ast.walk(ast.parse(book.read_text(encoding="utf-8")))
    of_it = {each.name for node in nodes if isinstance(node, ast.ImportFrom) and node.module == module for each in node.names}
    return [name for name in _offered(book) if name not in own or name in of_it]


def _is_private(name: str) -> bool:
    return name.startswith("_") and name != "__init__.py"


def _defines_something(file: Path) -> bool:
    """Return whether a module has names of its own, as packages without code do not."""
    return any(isinstance(node, ast.ClassDef | ast.FunctionDef | ast.Assign) for node in ast.parse(file.read_text(encoding="utf-8")).body)


def _offered(module: Path) -> list[str]:
    """Return what a module has in ``__all__``."""
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["__all__"]:
            return list(ast.literal_eval(node.value))
    raise ValueError(f"{module} has no __all__, which says what the reference shows")
