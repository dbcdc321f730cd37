"""One file as the rules see it: its tree, the uses of OpenCensus in it, and the splices that they make."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from opencensus_compat.rewrite.comments import comments, is_pragma
from opencensus_compat.rewrite.edits import Edit, Need, line_starts
from opencensus_compat.rewrite.following.bindings import Bindings, Slot, parents
from opencensus_compat.rewrite.following.index import Files
from opencensus_compat.scan import notebooks, python_uses, strings
from opencensus_compat.scan.rules import BY_ID
from opencensus_compat.scan.values import OTHER, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opencensus_compat.rewrite.files import Source
    from opencensus_compat.scan.flow import Given
    from opencensus_compat.scan.names import Modules
    from opencensus_compat.scan.python_uses import Found
    from opencensus_compat.scan.readings import Reading

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DONE = "trace.tracer.Tracer.start_as_current_span"
_COMPOUND = re.compile(rb"[ \t]*(?:import|from)\b")


@dataclass(frozen=True, slots=True)
class Ask:
    """A person must decide: a marker goes above the line."""

    question: str


@dataclass(frozen=True, slots=True)
class Keep:
    """The use stays as it is, and the report says why."""

    reason: str


Outcome: TypeAlias = "Sequence[Edit] | Ask | Keep | None"
"""What a rule makes of a use. No edits at all: the use may stay where what it belongs to changes. None: another use's rule sees to it."""

Rewriter: TypeAlias = "Callable[[Found, File], Outcome]"


class Refused(Exception):
    """Something inside an expression cannot change."""

    def __init__(self, outcome: Ask | Keep) -> None:
        self.outcome = outcome


class Around(Protocol):
    """The files around, of which most never name OpenCensus."""

    def has_formats_with_ids(self) -> bool:
        """Return whether a file has formats of log lines with `traceId` or `spanId`."""

    def makes_engines(self, but: str) -> bool:
        """Return whether another file of the program of one makes engines of SQLAlchemy's, or has a library that does."""

    def required(self, path: str, names: re.Pattern[bytes]) -> set[str]:
        """Return which of some names the files of requirements say that stand above a file or beside it."""

    def is_configured(self, name: str) -> bool:
        """Return whether a file of settings names a class of the program."""


class File:
    """One Python file."""

    def __init__(
        self,
        path: str,
        source: Source,
        modules: Modules,
        processors: set[str],
        rules: Mapping[str, Rewriter],
        tree: ast.Module | None = None,
        given: Given | None = None,
        reading: Reading | None = None,
    ) -> None:
        """Read the file, where it was not read before.

        Raises:
            SyntaxError, ValueError, RecursionError, MemoryError: Python cannot parse it.
        """
        self.path = path
        self.source = source.text
        self.line_end = source.line_end.decode()
        self.tree = source.tree() if tree is None else tree
        self._values: dict[ast.expr, Value] = reading.values if reading is not None else {}
        known = reading.module if reading is not None else None
        self.module = known or python_uses.read(self.tree, modules, processors, given=given, values=self._values)
        # What only OpenTelemetry's tracers have is done, also where a function that nothing calls would hand over one of OpenCensus's.
        self.uses: list[Found] = [use for use in self.module.uses if use.symbol != _DONE]
        self._rules = rules
        self._starts = line_starts(source.text)
        self.parents = parents(self.tree)
        self.bindings = Bindings(path, self.tree)
        self.kinds: dict[type[ast.AST], list[Any]] = defaultdict(list)
        """Nodes by their class."""
        for node in self.parents:
            self.kinds[node.__class__].append(node)
        self._modules = modules
        self.files: Files[File] = Files(self)
        """All files of its program, by path."""
        self.by_node: dict[ast.AST, list[Found]] = defaultdict(list)
        self.by_symbol: dict[str, list[Found]] = defaultdict(list)
        for use in self.uses:
            self.by_node[use.node].append(use)
            self.by_symbol[use.symbol].append(use)
        self.set_ups: list[Any] | None = None
        """What `rules.setups` read of the file."""
        self.records: Any = None
        """What `rules.metrics.recording` found of the file."""
        self.needs: list[Need] = []
        self.covered: set[Found] = set()
        self.elsewhere: list[tuple[File, ast.stmt, list[Edit], list[Need]]] = []
        """What a use changes in other files: at which statement, how, and what that imports."""
        self._files_imported: frozenset[str] | None = None
        self._read: set[tuple[str, str]] | None = None
        self._reads: dict[str, list[ast.Name | ast.Attribute]] | None = None
        self._attributes: dict[str, list[ast.Attribute]] | None = None
        self._results: dict[ast.AST | None, list[ast.Return | ast.Yield]] | None = None
        self._comments: list[tuple[int, bytes]] | None = None
        self._taken = set(self._identifiers())
        self.around: Around | None = None
        """What is known of all files around."""
        self.accepted: frozenset[str] = frozenset()
        """Rules whose question somebody has answered with their counterpart."""
        self._first_import: ast.stmt | bool | None = False

    # Places.
    def start(self, node: Any) -> int:
        """Return the byte at which a node begins; only nodes that have a place are asked for."""
        line: int = node.lineno
        column: int = node.col_offset
        return self._starts[line - 1] + column

    def end(self, node: Any) -> int:
        """Return the byte after a node."""
        line: int = node.end_lineno
        column: int = node.end_col_offset
        return self._starts[line - 1] + column

    def place(self, use: Found) -> int:
        """Return the byte at which a use begins; 0 for one that has no place."""
        return self.start(use.node) if hasattr(use.node, "lineno") else 0

    def text(self, node: ast.AST) -> str:
        """Return the source of a node."""
        return self.source[self.start(node) : self.end(node)].decode("utf-8")

    def line_start(self, node: Any) -> int:
        """Return the byte at which the first line of a node begins."""
        line: int = node.lineno
        return self._starts[line - 1]

    def line_after(self, node: Any) -> int:
        """Return the byte at which the line after a node begins."""
        line: int = node.end_lineno
        return self._starts[line] if line < len(self._starts) else len(self.source)

    def indentation(self, node: ast.AST) -> str:
        """Return the blanks before the first line of a node."""
        line = self.source[self.line_start(node) :]
        return line[: len(line) - len(line.lstrip(b" \t\x0c"))].decode()

    # Relatives.
    def up(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what a node stands in, from the inside to the module."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the innermost statement that a node is or stands in."""
        if isinstance(node, ast.stmt):
            return node
        return next(each for each in self.up(node) if isinstance(each, ast.stmt))

    def owner(self, node: ast.AST) -> ast.AST:
        """Return the function, class or module that a node stands in."""
        return next((each for each in self.up(node) if isinstance(each, (*_FUNCTIONS, ast.ClassDef))), self.tree)

    def function(self, node: ast.AST) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
        """Return the function that a node stands in; None for none."""
        return next((each for each in self.up(node) if isinstance(each, _FUNCTIONS)), None)

    def class_around(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the innermost class that a node stands in, also inside a function of it; None for none."""
        return next((each for each in self.up(node) if isinstance(each, ast.ClassDef)), None)

    def call(self, node: ast.AST) -> ast.Call | None:
        """Return the call of a node; None for one that is not called."""
        parent = self.parents.get(node)
        return parent if isinstance(parent, ast.Call) and parent.func is node else None

    def body_of(self, statement: ast.AST) -> list[ast.stmt]:
        """Return the block that a statement stands in; in a notebook, those of its cell."""
        parent = self.parents.get(statement)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(parent, name, None)
            if isinstance(block, list) and statement in block:
                return block if parent is not self.tree else self.of_cell(statement, block)
        return []

    def of_cell(self, statement: ast.AST, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Return those of some statements that stand in the cell of one; all in a file that is no notebook."""
        cells = notebooks.cell_starts(self.source)
        if not cells:
            return statements
        cell = bisect_right(cells, self.start(statement))
        return [each for each in statements if bisect_right(cells, self.start(each)) == cell]

    def is_annotation(self, node: ast.AST) -> bool:
        """Return whether an expression is a type for a checker."""
        below = node
        for each in self.up(node):
            if isinstance(each, ast.Subscript) and each.slice is below and strings.tail(each.value) == "Annotated":
                return True
            if isinstance(each, ast.arg) or (isinstance(each, ast.AnnAssign) and each.annotation is below):
                return True
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and each.returns is below:
                return True
            if isinstance(each, (ast.stmt, ast.Call)):
                return False
            below = each
        return False

    def is_for_types(self, node: ast.AST) -> bool:
        """Return whether all that reads an import are annotations, so that another class can have its name."""
        slot = self.slot(node)
        return slot is not None and all(isinstance(store, ast.alias) for store in slot.stores) and all(map(self.is_annotation, slot.loads))

    def cover(self, node: ast.expr) -> None:
        """Note that another use's edits see to all uses in an expression."""
        for each in ast.walk(node):
            self.covered.update(self.by_node.get(each, ()))

    def is_alone(self, node: ast.AST) -> bool:
        """Return whether a call or name is a statement by itself."""
        return isinstance(self.parents.get(node), ast.Expr)

    # Meanings.
    def slot(self, node: ast.AST) -> Slot | None:
        """Return the variable that a name, parameter or import binds or reads."""
        return self.bindings.slots.get(node)

    def taken(self) -> Iterator[tuple[int, str, str]]:
        """Yield what is imported from modules, as level, module and name."""
        for node in self.kinds[ast.ImportFrom]:
            yield from ((node.level, node.module or "", alias.name) for alias in node.names)

    def imported(self) -> frozenset[str]:
        """Return the paths of the files of the run that this one imports."""
        if self._files_imported is None:
            names = {(0, alias.name) for node in self.kinds[ast.Import] for alias in node.names}
            names |= {(node.level, node.module or "") for node in self.kinds[ast.ImportFrom]}
            names |= {(level, f"{module}.{name}" if module else name) for level, module, name in self.taken()}
            found = (self.module_file(level, name) for level, name in names)
            self._files_imported = frozenset(home.path for home in found if home is not None)
        return self._files_imported

    def read_of_modules(self) -> set[tuple[str, str]]:
        """Return what is read of the program's other modules, as file and name."""
        if self._read is None:
            found = ((self.value(node.value), node.attr) for node in self.kinds[ast.Attribute])
            self._read = {(value.name, name) for value, name in found if value.meaning == "module"}
        return self._read

    def reads(self, name: str) -> list[ast.Name | ast.Attribute]:
        """Return what reads a name in the file, as a variable or as an attribute."""
        return self.all_reads().get(name, [])

    def all_reads(self) -> dict[str, list[ast.Name | ast.Attribute]]:
        """Return name -> what reads it in the file, as a variable or as an attribute."""
        if self._reads is None:
            self._reads = defaultdict(list)
            for node in [*self.kinds[ast.Name], *self.kinds[ast.Attribute]]:
                if isinstance(node.ctx, ast.Load):
                    self._reads[node.id if isinstance(node, ast.Name) else node.attr].append(node)
        return self._reads

    def attributes(self, name: str) -> list[ast.Attribute]:
        """Return what reads and sets attributes of a name in the file."""
        if self._attributes is None:
            self._attributes = defaultdict(list)
            for node in self.kinds[ast.Attribute]:
                self._attributes[node.attr].append(node)
        return self._attributes.get(name, [])

    def results(self, function: ast.AST) -> list[ast.Return | ast.Yield]:
        """Return what a function of the file returns with, and then what it yields with."""
        if self._results is None:
            self._results = defaultdict(list)
            for node in [*self.kinds[ast.Return], *self.kinds[ast.Yield]]:
                self._results[self.function(node)].append(node)
        return self._results.get(function, [])

    def words(self) -> set[str]:
        """Return what the file reads, by name or as attribute."""
        return {node.id for node in self.kinds[ast.Name]} | {node.attr for node in self.kinds[ast.Attribute]}

    def value(self, node: ast.expr) -> Value:
        """Return what an expression stands for."""
        return self._values.get(node, OTHER)

    def symbol(self, node: ast.AST) -> str:
        """Return the dotted name below ``opencensus`` of a use, or of the function of a call; empty for another node."""
        if isinstance(node, ast.Call):
            node = node.func
        for use in self.by_node.get(node, ()):
            if use.rule[0] != "I":
                return use.symbol
        return ""

    def only_value(self, slot: Slot | None) -> ast.expr | None:
        """Return what a variable is bound to, where that is at one place; None for one that is bound elsewhere or in other ways."""
        if slot is None or len(slot.stores) != 1:
            return None
        store = slot.stores[0]
        parent = self.parents.get(store)
        if isinstance(parent, ast.withitem) and parent.optional_vars is store:
            return parent.context_expr
        if isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
            is_target = store in parent.targets if isinstance(parent, ast.Assign) else parent.target is store
            return parent.value if is_target else None
        return None

    def import_of(self, node: ast.expr) -> ast.alias | None:
        """Return the import that the first name of an expression comes from; None for another name."""
        first = node
        while isinstance(first, ast.Attribute):
            first = first.value
        slot = self.slot(first) if isinstance(first, ast.Name) else None
        store = slot.only_store if slot is not None else None
        return store if isinstance(store, ast.alias) else None

    def origin(self, alias: ast.alias) -> tuple[File, Slot] | None:
        """Return the variable of another file of the run that an import names; None for another import."""
        statement = self.parents.get(alias)
        other = self.module_file(statement.level, statement.module or "") if isinstance(statement, ast.ImportFrom) else None
        return other.variable(alias.name) if other is not None else None

    def variable(self, name: str) -> tuple[File, Slot] | None:
        """Return the variable that a name of the module stands for; None where nothing of these files binds it."""
        slot = self.bindings.module.get(name)
        return (self, slot) if slot is not None else self.starred(name)

    def starred(self, name: str, depth: int = 8) -> tuple[File, Slot] | None:
        """Return the variable that `from module import *` binds to a name which nothing else binds, also through several modules."""
        for statement in self.kinds[ast.ImportFrom] if depth else ():
            other = self.module_file(statement.level, statement.module or "") if statement.names[0].name == "*" else None
            slot = other.bindings.module.get(name) if other is not None else None
            found = (
                (other, slot) if other is not None and slot is not None else other.starred(name, depth - 1) if other is not None else None
            )
            if found is not None:
                return found
        return None

    def module_file(self, level: int, name: str) -> File | None:
        """Return the file of the run that an import of a name means; None for a module that is none of them."""
        path = self._modules.find(level, name)
        return self.files.get(path) if path is not None else None

    def is_own(self, name: str) -> bool:
        """Return whether an import of a name means a module of the program."""
        return self._modules.find(0, name) is not None

    # Arguments.
    @staticmethod
    def argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
        """Return an argument by its place or name; None for one that is not given."""
        if position < len(call.args):
            return call.args[position]
        return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)

    @staticmethod
    def has_stars(call: ast.Call) -> bool:
        """Return whether a call has `*args` or `**kwargs`."""
        return any(isinstance(each, ast.Starred) for each in call.args) or any(keyword.arg is None for keyword in call.keywords)

    # Edits.
    def replace(self, node: ast.AST, text: str) -> Edit:
        """Put a text in the place of a node.

        Raises:
            Refused: This Python does not know where the node is.
        """
        return self.splice(self.start(node), self.end(node), text, node)

    def splice(self, start: int, end: int, text: str, node: ast.AST) -> Edit:
        """Put a text in the place of some bytes of what a node stands in.

        Raises:
            Refused: This Python does not know where the node is.
        """
        if any(isinstance(each, ast.JoinedStr) for each in self.up(node)) and not self._is_in_place(node):
            raise Refused(Keep("inside an f-string, of which only Python 3.12 and later know the places"))
        return Edit(start, end, text.encode("utf-8"))

    def _is_in_place(self, node: ast.AST) -> bool:
        try:
            found = ast.parse(f"({self.text(node)})", mode="eval").body
        except (SyntaxError, ValueError, UnicodeDecodeError):
            return False
        return ast.dump(found) == ast.dump(node)

    def in_quotes(self, use: Found, name: str) -> Edit | None:
        """Return the edit that gives a class in an annotation in quotes another name; None for another use."""
        node, source = use.node, ""
        if isinstance(node, ast.Constant) and self.is_annotation(node):
            source = self.text(node)
        for other in self.uses if source else ():
            if isinstance(other.node, ast.alias) and other.symbol == use.symbol:
                old = other.node.asname or other.node.name
                text, count = re.subn(rf"(?<![\w.]){re.escape(old)}(?![\w.])", name, source)
                if count:
                    return self.replace(node, text)
        return None

    def rename(self, node: ast.AST, name: str) -> Edit:
        """Give a name, or the last part of a dotted one, another name."""
        if isinstance(node, ast.Attribute):
            return self.splice(self.end(node) - len(node.attr.encode()), self.end(node), name, node)
        return self.replace(node, name)

    def positional(self, call: ast.Call, names: Mapping[str, str]) -> list[Edit]:
        """Give the arguments of a call by place where they stand in that order, else by their new names.

        Args:
            call: The call.
            names: Old name -> new name, in the order of the new function's parameters.

        Raises:
            Refused: It has `**`, in which old names may be.
        """
        if any(keyword.arg is None for keyword in call.keywords) and any(old != new for old, new in names.items()):
            raise Refused(Ask("Which arguments are in `**`? Their names are others. Write them by name, and run `rewrite` again."))
        order = [*[None] * len(call.args), *(keyword.arg for keyword in call.keywords)]
        is_in_order = not self.has_stars(call) and order[len(call.args) :] == list(names)[len(call.args) : len(order)]
        edits = []
        for keyword in call.keywords:
            if keyword.arg in names and keyword.arg is not None:
                end = (
                    self.start(keyword.value)
                    if is_in_order and not self._is_wrapped(keyword)
                    else self.start(keyword) + len(keyword.arg.encode())
                )
                edits.append(self.splice(self.start(keyword), end, "" if end == self.start(keyword.value) else names[keyword.arg], call))
        return edits

    def _is_wrapped(self, keyword: ast.keyword) -> bool:
        """Return whether a keyword's value stands in parentheses or after a comment, of which the tree says nothing."""
        return b"(" in (between := self.source[self.start(keyword) : self.start(keyword.value)]) or b"#" in between

    def insert_before(self, statement: ast.stmt, line: str) -> Edit:
        """Put a statement on a line of its own before another."""
        at = self.line_start(statement)
        if not self.begins_line(statement):
            return Edit(self.start(statement), self.start(statement), f"{line}; ".encode())
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            at = self._above_comments(self.line_start(next(iter(statement.decorator_list), statement)), self.indentation(statement))
            return Edit(at, at, f"{self.indentation(statement)}{line}{self.line_end * 3}".encode())
        return Edit(at, at, f"{self.indentation(statement)}{line}{self.line_end}".encode())

    def _above_comments(self, at: int, indentation: str) -> int:
        """Return where the comments begin that stand right above a line; its own beginning where there are none."""
        start = f"{indentation}#".encode()
        while (before := self.source.rfind(b"\n", 0, max(0, at - 1)) + 1) < at and self.source.startswith(start, before):
            at = before
        return at

    def insert_after(self, statement: ast.stmt, line: str) -> Edit:
        """Put a statement on a line of its own after a simple one."""
        at = self.line_after(statement)
        rest = self.source[self.end(statement) : at].strip()
        if not self.begins_line(statement) or (rest and not rest.startswith(b"#")):
            return Edit(self.end(statement), self.end(statement), f"; {line}".encode())
        before = "" if at == 0 or self.source[at - 1 : at] in {b"\n", b"\r"} else self.line_end
        return Edit(at, at, f"{before}{self.indentation(statement)}{line}{self.line_end if not before else ''}".encode())

    def lost_comments(self, edit: Edit) -> list[str]:
        """Return the comments in what an edit replaces that its replacement has not, but for those to tools."""
        old = self.source[edit.start : edit.end]
        if b"#" not in old or not line_starts(old)[1:]:
            return []
        if self._comments is None:
            self._comments = comments(self.source)
        found = [text for at, text in self._comments if edit.start <= at < edit.end]
        return [text.decode() for text in found if text not in edit.replacement and not is_pragma(text)]

    def begins_line(self, statement: ast.AST) -> bool:
        """Return whether nothing stands before a statement on its line."""
        return not self.source[self.line_start(statement) : self.start(statement)].strip()

    def delete(self, statement: ast.stmt) -> Edit:
        """Take a simple statement away; a comment on its line stays."""
        start, end, after = self.start(statement), self.end(statement), self.line_after(statement)
        rest = self.source[end:after]
        tail = rest.strip()
        if not self.begins_line(statement):
            # After another statement of its line, or in the line of `if`.
            before = self.source[self.line_start(statement) : start].rstrip()
            if before.endswith(b";"):
                return Edit(self.line_start(statement) + len(before) - 1, end, b"")
            return Edit(start, end, b"pass")
        if tail.startswith(b";"):
            skip = rest.index(b";") + 1
            return Edit(start, end + skip + len(rest[skip:]) - len(rest[skip:].lstrip(b" \t")), b"")
        if tail.startswith(b"#") and not is_pragma(tail):
            return Edit(start, end + rest.index(b"#"), b"")
        return Edit(self.line_start(statement), after, b"")

    def render(self, node: ast.expr) -> str:
        """Return the source of an expression after what its uses become; they are done with by that.

        Raises:
            Refused: One of them cannot change.
        """
        start = self.start(node)
        edits: list[Edit] = []
        for each in ast.walk(node):
            for use in self.by_node.get(each, ()):
                edits += self.outcome(use) or []
                self.covered.add(use)
        text = self.source[start : self.end(node)]
        for edit in sorted(edits, reverse=True):
            text = text[: edit.start - start] + edit.replacement + text[edit.end - start :]
        return text.decode("utf-8")

    def outcome(self, use: Found) -> Sequence[Edit] | None:
        """Return the edits of a use; None where those of another one see to it.

        Raises:
            Refused: It cannot change.
        """
        node = use.node
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and self.value(node.value).meaning == "name":
            raise Refused(Keep("the program puts something of its own in this place"))
        rewriter = self._rules.get(use.rule)
        found = rewriter(use, self) if rewriter is not None else default(use)
        if isinstance(found, (Ask, Keep)):
            raise Refused(found)
        return found

    # Imports.
    def need(self, statement: str, node: ast.AST, *, takes_over: bool = False, of_program: bool = False) -> str:
        """Return what the file calls a name that it gets from elsewhere.

        Args:
            statement: Such as ``from opentelemetry import trace``.
            node: The place that needs it.
            takes_over: It gets its own name, though the import that goes has that.
            of_program: The module is one of the program.

        Raises:
            Refused: A module of the program takes the place of the one that is needed.
        """
        module, _, name = statement.removeprefix("from ").partition(" import ")
        if not of_program and self.is_own(top := module.partition(".")[0]):
            raise Refused(Ask(f"What is the program's own module `{top}` to be called? It hides the one that rewritten code needs."))
        known = self._imported(module, name, node)
        if known:
            return known
        alias = name
        number = 1
        while alias in self._taken and not takes_over:
            alias = f"otel_{name}" if number == 1 else f"otel_{name}_{number}"
            number += 1
        self.needs.append(Need(module, name, alias, self.start(self._use_import(node) or node) if self._use_import(node) else -1))
        return alias

    def free_name(self, wanted: str) -> str:
        """Return a name that nothing in the file has yet."""
        return next(name for name in (wanted, *(f"{wanted}_{number}" for number in range(2, 1000))) if name not in self._taken)

    def _imported(self, module: str, name: str, node: ast.AST) -> str:
        scope = self.owner(node)
        while True:
            for found in self._imports_in(scope):
                for alias in found.names:
                    same = (
                        found.module == module and not found.level and alias.name == name
                        if isinstance(found, ast.ImportFrom)
                        else alias.asname is not None and alias.name == f"{module}.{name}"
                    )
                    slot = self.slot(alias)
                    here = alias.asname or alias.name
                    if same and slot is not None and slot.stores == [alias] and self.bindings.find(here, self.owner(node)) is slot:
                        return here
            if scope is self.tree:
                return ""
            scope = self.owner(scope)

    def _imports_in(self, scope: ast.AST) -> list[ast.Import | ast.ImportFrom]:
        body = getattr(scope, "body", [])
        return [each for each in body if isinstance(each, (ast.Import, ast.ImportFrom))] if isinstance(body, list) else []

    def _use_import(self, node: ast.AST) -> ast.stmt | None:
        """Return the import of OpenCensus beside which what takes its place is imported; None where there is none."""
        root = node
        while isinstance(root, (ast.Attribute, ast.Call)):
            root = root.value if isinstance(root, ast.Attribute) else root.func
        slot = self.slot(root)
        store = slot.stores[0] if slot is not None and slot.stores else None
        if isinstance(store, ast.alias):
            statement = self.statement(store)
            if self.parents.get(statement) is not self.tree:
                return self._first_beside(statement)
        if self._first_import is False:
            self._first_import = self._first_of_module()
        if isinstance(self._first_import, ast.stmt):
            return self._first_import
        function = self.owner(node)
        while function is not self.tree:
            for use in self.uses:
                if isinstance(use.node, ast.alias) and self.owner(use.node) is function:
                    statement = self.statement(use.node)
                    if self.start(statement) < self.start(node):
                        return self._first_beside(statement)
            function = self.owner(function)
        return None

    def _first_beside(self, statement: ast.stmt) -> ast.stmt:
        """Return the first import of OpenCensus in the block of one."""
        aliases = {self.statement(use.node) for use in self.uses if isinstance(use.node, ast.alias)}
        return next(each for each in self.body_of(statement) if each in aliases or each is statement)

    def _first_of_module(self) -> ast.stmt | None:
        found = [
            statement
            for use in self.uses
            if isinstance(use.node, (ast.alias, ast.ImportFrom)) and self.parents.get(statement := self.statement(use.node)) is self.tree
        ]
        return min(found, key=self.start, default=None)

    def _identifiers(self) -> Iterator[str]:
        for slot in {id(slot): slot for slot in self.bindings.slots.values()}.values():
            yield slot.name
        yield from (node.id for node in self.kinds[ast.Name])


def default(use: Found) -> Ask | Keep | None:
    """Return what becomes of a use for which no function stands in the tables."""
    rule = BY_ID[use.rule]
    if rule.id[0] == "I":
        return None
    if rule.kind == "decide":
        return Ask(rule.question)
    return Keep(f"no counterpart: {rule.counterpart}" if rule.kind == "keep" else f"by hand: {rule.counterpart}")
