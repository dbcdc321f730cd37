"""Where names stand in the files of a program."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable

    from opencensus_compat.rewrite.following.bindings import Bindings, Slot
    from opencensus_compat.scan.python_uses import Found


class _File(Protocol):
    path: str
    kinds: dict[type[ast.AST], list[Any]]
    bindings: Bindings
    uses: list[Found]
    source: bytes
    tree: ast.Module
    parents: dict[ast.AST, ast.AST]

    def start(self, node: Any) -> int: ...

    def module_file(self, level: int, name: str) -> Any: ...

    def all_reads(self) -> dict[str, list[ast.Name | ast.Attribute]]: ...


AnyFile = TypeVar("AnyFile", bound=_File)
Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def of_program(question: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """Answer a question about a whole program once, until one of its files is read anew: rules ask it at each use.

    Args:
        question: Its last argument is a file of the program, and the answer is the same for each of these.
    """

    @wraps(question)
    def answer(*given: Given.args, **named: Given.kwargs) -> Answer:
        *rest, file = given
        answers: dict[Hashable, Answer] = file.files.answers  # type: ignore[attr-defined] # a file of the program
        key = (question, *rest)
        if key not in answers:
            answers[key] = question(*given, **named)
        return answers[key]

    return answer


class Files(dict[str, AnyFile]):
    """The files of one program by path, and where names stand in them."""

    def __init__(self, *files: AnyFile) -> None:
        super().__init__((file.path, file) for file in files)
        self._places: dict[type[ast.AST], dict[str, list[tuple[AnyFile, Any]]]] = {}
        """Class of nodes -> name -> where it stands, until a file is read anew."""
        self._members: dict[str, list[tuple[AnyFile, Slot]]] = {}
        self.answers: dict[Hashable, Any] = {}
        """What `of_program` was asked."""
        self._reads: dict[str, list[AnyFile]] = {}
        self._uses: dict[str, list[tuple[AnyFile, Found]]] | None = None
        self._imported: dict[str, list[tuple[int, str]]] = {}
        self._imports: dict[bool, dict[str, list[str]]] = {}
        """Back or not -> file -> the files which its import runs, or whose import runs it, at the first step."""
        self._reached: dict[tuple[str, bool], frozenset[str]] = {}

    def __setitem__(self, path: str, file: AnyFile) -> None:
        super().__setitem__(path, file)
        for each in (self.answers, self._places, self._members, self._reads, self._imported, self._imports, self._reached):
            each.clear()
        self._uses = None

    def attributes(self, name: str) -> list[tuple[AnyFile, ast.Attribute]]:
        """Return what reads and sets attributes of a name."""
        return self._named(ast.Attribute, "attr").get(name, [])

    def aliases(self, name: str) -> list[tuple[AnyFile, ast.alias]]:
        """Return what imports a name."""
        return self._named(ast.alias, "name").get(name, [])

    def classes(self, name: str) -> list[tuple[AnyFile, ast.ClassDef]]:
        """Return the classes of a name."""
        return self._named(ast.ClassDef, "name").get(name, [])

    def members(self, name: str) -> list[tuple[AnyFile, Slot]]:
        """Return the variables of a name that the bodies of classes bind."""
        if not self._members:
            self._members = defaultdict(list)
            for file in self.values():
                for slot in file.bindings.of_classes():
                    self._members[slot.name].append((file, slot))
        return self._members.get(name, [])

    def functions(self, name: str) -> list[tuple[AnyFile, ast.FunctionDef | ast.AsyncFunctionDef]]:
        """Return the functions and methods of a name."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [each for kind in kinds for each in self._named(kind, "name").get(name, ())]

    def reads(self, name: str) -> list[tuple[AnyFile, ast.Name | ast.Attribute]]:
        """Return what reads a name, as a variable or as an attribute."""
        if not self._reads:
            self._reads = defaultdict(list)
            for file in self.values():
                for each in file.all_reads():
                    self._reads[each].append(file)
        return [(file, node) for file in self._reads.get(name, ()) for node in file.all_reads()[name]]

    def uses(self, *rules: str) -> list[tuple[AnyFile, Found]]:
        """Return the uses of OpenCensus of some rules, rule by rule."""
        return [each for rule in rules for each in self._by_rule().get(rule, ())]

    def has(self, rules: Collection[str]) -> bool:
        """Return whether there is a use of one of some rules."""
        return not self._by_rule().keys().isdisjoint(rules)

    def _by_rule(self) -> dict[str, list[tuple[AnyFile, Found]]]:
        if self._uses is None:
            self._uses = defaultdict(list)
            for file in self.values():
                for use in file.uses:
                    self._uses[use.rule].append((file, use))
        return self._uses

    def imports_of(self, file: AnyFile) -> list[tuple[int, str]]:
        """Return the files that statements of a module's own import, each after the byte at which that stands."""
        if file.path not in self._imported:
            found = self._imported[file.path] = []
            for node in [*file.kinds[ast.ImportFrom], *file.kinds[ast.Import]]:
                if file.parents.get(node) is file.tree:
                    level, module = (node.level, node.module or "") if isinstance(node, ast.ImportFrom) else (0, "")
                    names = [f"{module}.{each.name}" if module else each.name for each in node.names]
                    homes = (file.module_file(level, name) for name in ([module, *names] if isinstance(node, ast.ImportFrom) else names))
                    found += [(file.start(node), home.path) for home in homes if home is not None]
        return self._imported[file.path]

    def run_by(self, path: str) -> frozenset[str]:
        """Return the files that the import of a file always runs, also through others; the file itself only where they import it."""
        return self._reach(path, back=False)

    def running(self, path: str) -> frozenset[str]:
        """Return the files whose import always runs a file, also through others."""
        return self._reach(path, back=True)

    def _reach(self, path: str, *, back: bool) -> frozenset[str]:
        if not self._imports:
            self._imports = {False: defaultdict(list), True: defaultdict(list)}
            for file in self.values():
                for _, other in self.imports_of(file):
                    self._imports[False][file.path].append(other)
                    self._imports[True][other].append(file.path)
        if (path, back) not in self._reached:
            steps, found, pending = self._imports[back], set[str](), [path]
            while pending:
                more = [each for each in steps.get(pending.pop(), ()) if each not in found]
                found.update(more)
                pending += more
            self._reached[path, back] = frozenset(found)
        return self._reached[path, back]

    def _named(self, kind: type[ast.AST], field: str) -> dict[str, list[tuple[AnyFile, Any]]]:
        if kind not in self._places:
            self._places[kind] = defaultdict(list)
            for file in self.values():
                for node in file.kinds[kind]:
                    self._places[kind][getattr(node, field)].append((file, node))
        return self._places[kind]
