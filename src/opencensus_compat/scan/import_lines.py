"""Which files of a program a file imports, or names in text, as far as lines of its text say: files are not parsed for that."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^#\n\\]*(?:\\\r?\n[^#\n\\]*)*)|import[ \t]+([^#\n]+))", re.MULTILINE
)
_DOTTED = re.compile(rb"""["']([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?::\w+)?["']""")
_BY_NAME = re.compile(rb"""(?:import_module|__import__)\(\s*["']([A-Za-z_]\w*)["']""")
_COMMENT = re.compile(rb"#[^\n]*")


def named(path: str, source: bytes, find: Callable[[str, int, str], str | None], words: Collection[str] | None = None) -> set[str]:
    """Return the files whose modules a file imports, or names in text.

    Args:
        path: The file.
        source: Its code.
        find: The file of a module that an import statement in another names.
        words: Last parts of the names of modules that are looked for; None for all.
    """
    names: set[tuple[int, str]] = set()
    source = source.removeprefix(codecs.BOM_UTF8)
    for dots, module, imported, modules in _IMPORT.findall(source):
        if modules:
            names.update((0, part.split()[0]) for part in modules.decode("utf-8", "replace").split(",") if part.strip())
            continue
        level, base = len(dots), module.decode("utf-8", "replace")
        names.add((level, base))
        for part in _COMMENT.sub(b"", imported).strip(b"() \t\r\n;").decode("utf-8", "replace").replace("\\", " ").split(","):
            if part.split():
                names.add((level, f"{base}.{part.split()[0]}" if base else part.split()[0]))
    names.update((0, text.decode()) for text in _DOTTED.findall(source) if b"." in text)
    names.update((0, text.decode()) for text in _BY_NAME.findall(source))
    found = {
        find(path, level, ".".join(parts[:end]))
        for level, name in names
        for parts in [name.split(".") if name else []]
        for end in _ends(level, parts)
        # Without a name it is the package around, whatever that is called.
        if words is None or not end or parts[end - 1] in words
    }
    return {each for each in found if each is not None}


def _ends(level: int, parts: list[str]) -> range:
    return range(0 if level else 1, len(parts) + 1)
