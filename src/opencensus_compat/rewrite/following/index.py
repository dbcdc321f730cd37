"""Where names stand in the files of a program."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from opencensus_compat.rewrite.following.bindings import Bindings, Slot


class _File(Protocol):
    path: str
    kinds: dict[type[ast.AST], list[Any]]
    bindings: Bindings


AnyFile = TypeVar("AnyFile", bound=_File)


class Files(dict[str, AnyFile]):
    """The files of one program by path, and where names stand in them."""

    def __init__(self, *files: AnyFile) -> None:
        super().__init__((file.path, file) for file in files)
        self._places: dict[type[ast.AST], dict[str, list[tuple[AnyFile, Any]]]] = {}
        """Class of nodes -> name -> where it stands, until a file is read anew."""
        self._members: dict[str, list[tuple[AnyFile, Slot]]] = {}

    def __setitem__(self, path: str, file: AnyFile) -> None:
        super().__setitem__(path, file)
        self._places.clear()
        self._members.clear()

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

    def _named(self, kind: type[ast.AST], field: str) -> dict[str, list[tuple[AnyFile, Any]]]:
        if kind not in self._places:
            self._places[kind] = defaultdict(list)
            for file in self.values():
                for node in file.kinds[kind]:
                    self._places[kind][getattr(node, field)].append((file, node))
        return self._places[kind]
