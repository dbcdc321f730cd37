"""A scan of files and folders: which files are read, and how names travel between their modules."""

from __future__ import annotations

import ast
import codecs
import os
import re
import sys
from collections import defaultdict
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from opencensus_compat.scan import import_lines, notebooks, python_uses, strings, text_uses
from opencensus_compat.scan.findings import Problem, Result, Use
from opencensus_compat.scan.names import subclass_named
from opencensus_compat.scan.readings import Reading
from opencensus_compat.scan.rules import RULES
from opencensus_compat.scan.seen import Seen
from opencensus_compat.scan.walk import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opencensus_compat.scan.flow import Given
    from opencensus_compat.scan.seen import Site
    from opencensus_compat.scan.values import Value

_PYTHON = (".py", ".pyi", ".pyw")
_CONFIGURATIONS = (".yaml", ".yml", ".json", ".ini", ".cfg", ".conf", ".toml")
_NAMED = (b"opencensus", b"OPENCENSUS")
_HINTS = (
    b"PYTHON_ENABLE_WORKER_EXTENSIONS",
    b"customDimensions",
    b"INPROC",
    b"client_OS",
    b"operation_ParentId",
    b"custom_dimensions",
    b"custom_measurements",
    b"ai.cloud.",
    b"baseData",
    b"%(traceId)",
    b"%(spanId)",
    b"InstrumentationKey=",
    b"resultCode",
    b"outerMessage",
    b"innermostMessage",
    b"cloud_RoleName",
    b"prev(value",
    b"min(value",
)
"""What programs with OpenCensus have in files that do not name it."""
_ENVELOPES = re.compile(rb"ai\.cloud\.|\bbaseData\b")
_IMPORT_LINE = re.compile(rb"^\s*(?:from\s+opencensus[.\w]*\s+import\b|import\s+[^#\n]*\bopencensus\b)", re.MULTILINE)
_LARGEST_BYTES = 2_000_000
"""Of a file that is parsed; a tree takes a hundred times as much memory as its text."""
_KEY = re.compile(
    r"((?:instrumentation|account|access)key=|password=)[^\s;&\"'{]{8,}|(?<![0-9a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
    re.IGNORECASE,
)
"""Keys as connection strings have them, and GUIDs."""
_IDS = re.compile(rb"%\((?:traceId|spanId)\)|\{(?:traceId|spanId)\b")
ENGINES = re.compile(rb"\b(?:create_(?:async_)?engine|engine_from_config)\(|\b(?:flask_sqlalchemy|sqlmodel)\b")
_PART_BYTES = 1 << 20
_NEEDED = frozenset({"appinsights_exporter", "opentelemetry", "opencensus"})
"""Modules that the telemetry of a program needs."""
_LONG = 55
"""Characters of a line that is shown whole; of a longer one, what stands from the use on."""
_ROUNDS = 8
"""How often names may travel on."""
_OWN_FOLDERS = frozenset({"common", "ext", "extension", "log", "metrics", "stats", "tags", "trace"})
_QUERY_RULES = frozenset(rule.id for rule in RULES if rule.id.startswith("Q"))
HINT_RULES = frozenset({"L004", "L005", "L006", "A003", "A007", "A008", *_QUERY_RULES})
"""Of what stays as it is where nothing of OpenCensus is imported any more."""
_NATIVE = b"appinsights_exporter"


def scan(
    paths: Sequence[str],
    *,
    exclude: Sequence[str] = (),
    sites: Sequence[Site] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Result:
    """Return what of OpenCensus the files below some paths use. Nothing is imported or run.

    Args:
        paths: Files and folders.
        exclude: Patterns of names, or of paths below a folder, that are left out.
        sites: Lines that called OpenCensus, of a recording.
        progress: Called with the number of files that have been looked at.
    """
    result = Result()
    program = Program(result)
    for found in walk(paths, exclude):
        if isinstance(found, Problem):
            result.problems.append(found)
            continue
        result.files += 1
        program.add(found)
        if progress is not None:
            progress(result.files)
    program.read(sites)
    result.uses.sort(key=lambda use: (use.path, use.cell, use.line, use.column, use.rule_id))
    result.problems.sort()
    return result


class _View:
    """The program's modules as one file imports them."""

    def __init__(self, program: Program, path: str) -> None:
        self._program = program
        self.here = path
        self.asked: dict[str, Mapping[str, Value]] = {}
        """File -> what it handed on when that was asked for."""

    def find(self, level: int, name: str) -> str | None:
        return self._program.find(self.here, level, name)

    def exports(self, path: str) -> Mapping[str, Value]:
        self.asked[path] = found = self._program.exports.get(path, {})
        return found


class Program:
    """The files of a scan."""

    def __init__(self, result: Result) -> None:
        self._result = result
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._stems: dict[str, str] = {}
        """File -> its place without its ending; that of its folder for the face of a package."""
        self._folders: dict[str, str] = {}
        self._known: dict[tuple[str, int, str], str | None] = {}
        """Folder of a file that imports, dots before a name, and the name -> the file of the module."""
        self._naming: list[str] = []
        self._hinting: list[str] = []
        self._others: list[str] = []
        self._copies: set[str] = set()
        self.processors: set[str] = set()
        self._unparsed: set[str] = set()
        self.readings: dict[str, Reading] | None = None
        """Of files that were read, for those who need them again; None where nobody does."""
        self._texts: list[str] = []
        self._seen: Seen | None = None
        self.exports: dict[str, dict[str, Value]] = {}
        self.given: dict[str, Given] = defaultdict(dict)
        """File -> what its functions are handed in others."""
        self._handed: set[str] = set()
        """Files of which that is new."""
        self._configurations: list[str] = []
        self._without_names: list[str] = []
        """Other files of text, such as requirements, that do not name OpenCensus."""
        self._engine_makers: list[str] | None = None
        """Once that is asked for."""

    @property
    def files(self) -> list[str]:
        """The Python files, and notebooks."""
        return [*self._naming, *self._hinting, *self._others]

    def add(self, path: str) -> None:
        """Look at a file's bytes."""
        name = os.path.basename(path)
        is_python, is_notebook, is_text = path.endswith(_PYTHON), path.endswith(notebooks.SUFFIX), text_uses.is_read(path)
        if not (is_python or is_notebook or is_text) and "." in name:
            return
        try:
            names, hints, is_script = _look(path)
        except OSError as error:
            self._result.problems.append(Problem(path, error.strerror or str(error)))
            return
        if is_text:
            if names or hints:
                self._texts.append(path)
            elif path.endswith(_CONFIGURATIONS):
                self._configurations.append(path)
            else:
                self._without_names.append(path)
            return
        if not (is_python or is_notebook or is_script):
            return
        copy = _copy_of_opencensus(path)
        if copy:
            if names and copy not in self._copies:
                self._copies.add(copy)
                self._result.uses.append(Use(path, 1, 1, "R003", copy, "a copy of OpenCensus"))
            return
        if not is_notebook:
            self._by_name[_word(path)].append(path)
            self._known.clear()
            self._stems[path] = os.path.splitext(os.path.abspath(path))[0].removesuffix(f"{os.sep}__init__")
        (self._naming if names else self._hinting if hints else self._others).append(path)

    def read(self, sites: Sequence[Site] | None) -> None:
        """Find the uses in all files, and what of them has run."""
        if sites is not None:
            self._seen = Seen(sites, [path for paths in self._by_name.values() for path in paths])
        self._read()
        if self._seen is not None:
            self._result.uses[:] = [replace(use, seen=self._seen.in_text(use)) for use in self._result.uses]
            self._result.recorded = self._seen.recorded(self._result.uses)

    def _read(self) -> None:
        naming, connected = self.connect()
        for path in [*naming, *sorted(connected)]:
            self._report(path)
        for path in self._texts:
            self._text(path)
        classes = self._subclasses(self.exports)
        for path in [*self._texts, *self._configurations] if classes else ():
            self._configuration(path, classes)
        if self._result.uses:
            for path in self._hinting:
                if path not in connected:
                    # What a rewritten file still has, the native exporter takes as it is.
                    self._report(path, only=_QUERY_RULES if _NATIVE in _bytes(path) else HINT_RULES)
        else:
            return
        if all(use.rule_id == "R002" for use in self._result.uses):
            # The setting serves extensions of any maker.
            self._result.uses.clear()

    def connect(self) -> tuple[list[str], set[str]]:
        """Return the files that name OpenCensus, and those that get something of it from these."""
        self._collect(self._naming)
        return self._naming, self._travel()

    def has_formats_with_ids(self) -> bool:
        """Return whether a file has a format of log lines with the ids that OpenCensus's integration with `logging` sets."""
        return any(_IDS.search(_bytes(path)) for path in [*self._naming, *self._hinting, *self._texts])

    def engine_makers(self) -> list[str]:
        """Return the Python files that make engines of SQLAlchemy's, or have a library that does."""
        if self._engine_makers is None:
            self._engine_makers = [path for path in self.files if ENGINES.search(_bytes(path))]
        return self._engine_makers

    def required(self, path: str, names: re.Pattern[bytes]) -> set[str]:
        """Return which of some names stand in files of requirements and configuration, in a folder above a file or one folder below such.

        Args:
            path: The file.
            names: The pattern, whose group 1 is the name.
        """
        above = [os.path.dirname(os.path.abspath(path))]
        while (folder := os.path.dirname(above[-1])) != above[-1]:
            above.append(folder)
        found = set()
        for each in [*self._texts, *self._configurations, *self._without_names]:
            folder = os.path.dirname(os.path.abspath(each))
            if folder in above or os.path.dirname(folder) in above:
                found |= {name.decode() for name in names.findall(_bytes(each))}
        return found

    def is_configured(self, name: str) -> bool:
        """Return whether a file of settings names a class of the program, by a dotted name."""
        pattern = re.compile(rb"[\w.]\." + re.escape(name).encode() + rb"(?!\w)")
        return any(pattern.search(_bytes(path)) for path in [*self._texts, *self._configurations])

    def _collect(self, paths: Sequence[str]) -> set[str]:
        """Note what some files hand on; return those where that is new."""
        changed = set()
        for path in paths:
            module = self._module(path)
            if module is not None:
                self.processors |= module.processors
                for home, given in module.handed.items():
                    new = {key: value for key, value in given.items() if key not in self.given[home]}
                    self.given[home].update(new)
                    if new:
                        self._handed.add(home)
            if module is not None and module.is_connected and module.exports != self.exports.get(path, {}):
                self.exports[path] = module.exports
                changed.add(path)
        return changed

    def _travel(self) -> set[str]:
        """Follow names from module to module; return the files that get some and do not name OpenCensus themselves."""
        naming = set(self._naming)
        connected: set[str] = set()
        changed = set(self.exports)
        for _ in range(_ROUNDS):
            if not changed and not self._handed:
                break
            handed, self._handed = self._handed, set()
            reached = self._reached(changed, handed)
            connected.update(path for path in reached if path not in naming)
            changed = self._collect(reached)
        return connected

    def _reached(self, changed: set[str], handed: set[str]) -> list[str]:
        """Return the files that may get something from some modules, or are handed something."""
        every = self.files
        if not changed:
            return [path for path in every if path in handed]
        imports, modules = _imports(changed), _module_lines(changed)
        names = [name.encode() for path in changed for name in self.exports[path]]
        classes = self._subclasses(changed)
        return [path for path in every if path in handed or self._gets(path, changed, imports, modules, names, classes)]

    def _gets(
        self,
        path: str,
        changed: set[str],
        imports: Callable[[bytes], bool],
        modules: re.Pattern[bytes],
        names: Sequence[bytes],
        classes: Sequence[bytes],
    ) -> bool:
        """Return whether a file may get something from some modules.

        Args:
            path: The file.
            changed: The modules.
            imports: Says whether source imports one of them, or from one of them.
            modules: Finds lines that import one of them as a module, which the file may hand on.
            names: What they have.
            classes: Texts of which each is enough.
        """
        try:
            if os.path.getsize(path) > _LARGEST_BYTES and not path.endswith(notebooks.SUFFIX):
                return False
            source = _bytes(path)
        except OSError:
            return False
        if any(name in source for name in classes):
            return True
        try:
            code = notebooks.code(path, source).removeprefix(codecs.BOM_UTF8)
        except ValueError:
            return False
        if not imports(code):
            return False
        if b"import *" not in source and not any(name in source for name in names) and not modules.search(code):
            return False
        # Many modules have one name, such as `settings`: which one is meant takes longer to find out.
        return not changed.isdisjoint(import_lines.named(path, code, self.find, {_word(each) for each in changed}))

    def _subclasses(self, paths: Iterable[str]) -> list[bytes]:
        """Return the ends of the dotted names of classes that stand on one of OpenCensus."""
        named = [(path, name) for path in paths for name, value in self.exports[path].items() if value.meaning == "subclass"]
        return [f"{_word(path)}.{name}".encode() for path, name in named]

    def _configuration(self, path: str, classes: Sequence[bytes]) -> None:
        """Report the classes of the program that a file of settings names, where these stand on one of OpenCensus."""
        try:
            source = _bytes(path) if os.path.getsize(path) <= _LARGEST_BYTES else b""
        except OSError:
            return
        if not any(name in source for name in classes):
            return
        view = _View(self, path)
        for number, line in enumerate(source.decode("utf-8", "replace").splitlines(), 1):
            for match in strings.DOTTED.finditer(line):
                base = subclass_named(match[0], view)
                if base:
                    self._result.uses.append(Use(path, number, match.start() + 1, "I007", base, _shown(line)))

    def _module(self, path: str) -> python_uses.Module | None:
        try:
            source = b"" if path in self._unparsed else notebooks.code(path, _bytes(path))
            if len(source) > _LARGEST_BYTES or path in self._unparsed:
                return None
            known = (self.readings or {}).get(path)
            reading = Reading(source, known.tree if known is not None and known.source == source else python_uses.parse(source))
            view, reading.has_envelopes = _View(self, path), _ENVELOPES.search(source) is not None
            if self.readings is not None:
                self.readings[path] = reading
                reading.asked, reading.processors, reading.given = view.asked, frozenset(self.processors), dict(self.given.get(path, {}))
            reading.module = python_uses.read(
                reading.tree,
                view,
                self.processors,
                has_envelopes=reading.has_envelopes,
                given=self.given.get(path),
                values=None if self.readings is None else reading.values,
            )
            return reading.module
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            self._unparsed.add(path)
            return None

    def _report(self, path: str, only: frozenset[str] | None = None) -> None:
        if path.endswith(notebooks.SUFFIX):
            self._notebook(path)
            return
        module = self._module(path)
        if module is None:
            if only is None:
                self._by_lines(path)
            return
        uses = self._uses(path, module, _bytes(path).removeprefix(codecs.BOM_UTF8).splitlines(), only)
        self._result.uses += uses

    def _uses(self, path: str, module: python_uses.Module, lines: list[bytes], only: frozenset[str] | None = None) -> list[Use]:
        """Return the uses in a file, and how often they ran."""
        if only is None and not module.is_connected and not module.uses:
            return []
        uses = [found for found in module.uses if only is None or found.rule in only]
        marks = self._seen.marks(path, module.tree, uses) if self._seen is not None and uses else [None] * len(uses)
        return [replace(_use(path, found, lines), seen=seen) for found, seen in zip(uses, marks, strict=True)]

    def _by_lines(self, path: str) -> None:
        """Report a file that no parser reads: once, with its first import of OpenCensus."""
        try:
            is_large = os.path.getsize(path) > _LARGEST_BYTES
            first, count, text = 0, 0, b""
            with open(path, "rb") as file:
                for number, line in enumerate(file, 1):
                    if _IMPORT_LINE.match(line):
                        first, text = first or number, text if first else line
                        count += 1
        except OSError as error:
            self._result.problems.append(Problem(path, error.strerror or str(error)))
            return
        if first or not is_large:
            symbol = f"{count} import lines"
            self._result.uses.append(Use(path, first or 1, 1, "F002" if is_large else "F001", symbol, _text(text)))

    def _notebook(self, path: str) -> None:
        try:
            notebook = notebooks.read(_bytes(path))
        except (OSError, ValueError) as error:
            self._result.problems.append(Problem(path, f"no notebook: {error}"))
            return
        code = [notebooks.leading(line) for line in notebook.text.split(b"\n")]
        lines, module = [line for line, _ in code], self._module(path)
        uses = self._uses(path, module, lines) if module is not None else []
        kept = notebooks.kept_lines(notebook.text)
        uses += [Use(path, use.line, use.column + 1, use.rule, use.symbol, _shown(use.text)) for use in text_uses.read_magic(kept)]
        codes = notebook.cells()
        for start, cell in notebook.starts:
            if cell in notebook.broken and "opencensus" in codes[cell]:
                uses.append(Use(path, start + 1, 1, "F001", "a cell", _shown(codes[cell].partition("\n")[0])))
        for use in uses:
            cell_number, line = notebook.place(use.line)
            self._result.uses.append(replace(use, cell=cell_number, line=line, column=use.column + code[use.line - 1][1]))

    def _text(self, path: str) -> None:
        try:
            with open(path, "rb") as file:
                for use in text_uses.read(file, has_comments=not path.endswith((".json", ".lock"))):
                    shown = use.text.strip()
                    shown = shown if len(shown) <= _LONG else use.text[use.column :]
                    self._result.uses.append(Use(path, use.line, use.column + 1, use.rule, use.symbol, _shown(shown)))
        except OSError as error:
            self._result.problems.append(Problem(path, error.strerror or str(error)))

    def find(self, importer: str, level: int, name: str) -> str | None:
        """Return the file of a module that an import statement in another names."""
        folder = self._folders.get(importer)
        if folder is None:
            folder = self._folders[importer] = os.path.dirname(os.path.abspath(importer))
        key = (folder, level, name)
        if key not in self._known:
            self._known[key] = self._found(folder, level, name.split(".") if name else [])
        return self._known[key]

    def _found(self, folder: str, level: int, parts: list[str]) -> str | None:
        if level:
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            base = os.path.join(folder, *parts)
            return next((path for path in self._by_name.get(os.path.basename(base), ()) if self._stems[path] == base), None)
        if not parts or parts[-1] not in self._by_name:
            return None
        tail = os.sep + os.path.join(*parts)
        fits = [path for path in self._by_name[parts[-1]] if self._stems[path].endswith(tail)]
        if fits and parts[0] in sys.stdlib_module_names:
            # A module of a package never takes the place of the standard library's; one beside a script does.
            here = folder + tail
            fits = [path for path in fits if self._stems[path] == here and not _is_in_package(path)]
        elif parts[0] in _NEEDED:
            # Inside a package it is imported by the package's name.
            fits = [path for path in fits if folder.startswith(home := os.path.dirname(self._stems[path])) and not _is_package(home)]
        if len(fits) < 2:
            return fits[0] if fits else None
        steps = folder.split(os.sep)

        def nearness(path: str) -> int:
            return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(steps, self._stems[path].split(os.sep), strict=False)))

        return max(fits, key=nearness)


def _is_in_package(path: str) -> bool:
    return _is_package(os.path.dirname(path))


def _is_package(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, "__init__.py"))


def _look(path: str) -> tuple[bool, bool, bool]:
    """Return whether a file names OpenCensus, whether it may belong to a program that does, and whether it is a script of Python."""
    names = hints = is_script = False
    with open(path, "rb") as file:
        before = b""
        while part := file.read(_PART_BYTES):
            if not before:
                is_script = part.startswith(b"#!") and b"python" in part[:100].partition(b"\n")[0]
                if b"\0" in part[:1000]:
                    return False, False, False
            text = before + part if before else part
            names = names or any(word in text for word in _NAMED)
            hints = hints or any(word in text for word in _HINTS)
            if names:
                break
            before = part[-30:]
    return names, hints, is_script


def _imports(paths: set[str]) -> Callable[[bytes], bool]:
    """Return a function that says whether source imports one of some modules, or a package that one is the face of."""
    words = [_word(path) for path in paths]
    either = b"|".join(re.escape(word.encode()) for word in sorted(set(words)))
    lines = [
        rb"(?:from|import)\b[^\n]*\b(?:%s)\b" % either,
        # A name may stand on a line of its own, inside parentheses.
        rb"(?:%s)[ \t]*(?:as[ \t]+\w+[ \t]*)?,?\r?$" % either,
    ]
    if any(os.path.basename(path).startswith("__init__.") for path in paths):
        lines.append(rb"from[ \t]+\.+[ \t]+import\b")
    in_lines = re.compile(rb"^[ \t]*(?:%s)" % b"|".join(lines), re.MULTILINE)
    # Within a line, which one pattern for both would look through sign by sign: nine tenths of the time.
    in_text = re.compile(rb"(?:import_module|__import__)\([ \t]*[\"'](?:[\w.]*\.)?(?:%s)[\"']" % either)
    calls = (b"import_module(", b"__import__(")
    return lambda source: bool(in_lines.search(source) or (any(call in source for call in calls) and in_text.search(source)))


def _module_lines(paths: set[str]) -> re.Pattern[bytes]:
    """Return a pattern of lines that bind one of some modules to a name."""
    either = b"|".join(re.escape(word.encode()) for word in sorted(set(map(_word, paths))))
    lines = (rb"(?:from\b[^\n]*[ \t.])?import\b[^\n]*\b(?:%s)\b" % either, rb"(?:%s)[ \t]*(?:as[ \t]+\w+[ \t]*)?,?\r?$" % either)
    return re.compile(rb"^[ \t]*(?:%s)" % b"|".join(lines), re.MULTILINE)


def _word(path: str) -> str:
    """Return the last part of the dotted name of a file's module."""
    stem = os.path.splitext(os.path.basename(path))[0]
    return os.path.basename(os.path.dirname(os.path.abspath(path))) if stem == "__init__" else stem


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _copy_of_opencensus(path: str) -> str:
    """Return the folder of a copy of OpenCensus that a file belongs to; empty for none."""
    parts = os.path.abspath(path).split(os.sep)
    for at, part in enumerate(parts[:-1]):
        if part == "opencensus" and parts[at + 1] in _OWN_FOLDERS and at + 2 < len(parts):
            return os.sep.join(parts[: at + 1])
    return ""


def _use(path: str, found: python_uses.Found, lines: list[bytes]) -> Use:
    node = found.node
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    if isinstance(node, ast.Attribute):
        # What a call returned, or a chain over several lines, is told where its name stands.
        end = node.end_col_offset or 0
        if node.end_lineno != line or isinstance(node.value, ast.Call):
            line, column = node.end_lineno or line, end - len(node.attr.encode())
    text = lines[line - 1] if line <= len(lines) else b""
    whole = _text(text)
    shown = whole if len(whole) <= _LONG or isinstance(node, ast.alias) else _text(text[column:])
    return Use(path, line, len(text[:column].decode("utf-8", "replace")) + 1, found.rule, found.symbol, shown)


def _text(line: bytes) -> str:
    return _shown(line.decode("utf-8", "replace"))


def masked(text: str) -> str:
    """Return a text with ``<key>`` in place of keys and passwords."""
    return _KEY.sub(lambda match: f"{match[1] or ''}<key>", text)


def _shown(line: str) -> str:
    """Return a line as it is shown: without indentation, without keys, and without what would do something to a terminal."""
    text = masked(line.removeprefix("\ufeff").strip()[:1000])
    return "".join(char if char.isprintable() else " " for char in text)[:200]
