"""Docstrings as Markdown: their roles for names become code, and links where the reference has the name."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Module, Object

_ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod|obj):`~?([^`]+)`")
_LITERAL = re.compile(r"::$", re.MULTILINE)


class Roles(Extension):
    """Rewrites the docstring of each object that is loaded."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite that of a module, class, function or attribute."""
        if obj.docstring:
            offered = set(obj.package.exports or ())
            obj.docstring.value = markdown(obj.docstring.value, obj.package.name, offered)

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Rewrite that of the package, which is no member of anything."""
        self.on_object(obj=pkg)


def markdown(text: str, package: str, offered: set[str]) -> str:
    """Return a docstring without reStructuredText's roles and colons; `offered` are the package's public names, which get links."""

    def code(role: re.Match[str]) -> str:
        shown = role[1].lstrip(".")
        name = shown.removeprefix(f"{package}.")
        return f"[`{name}`][{package}.{name}]" if name in offered else f"`{shown}`"

    return _LITERAL.sub(":", _ROLE.sub(code, text))
