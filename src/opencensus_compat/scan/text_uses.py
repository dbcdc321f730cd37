"""The uses of OpenCensus in files other than Python's, line by line: requirements, lock files, configuration, images, pipelines."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.scan import query_uses
from opencensus_compat.scan.rules import rule_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SUFFIXES = (".bicep", ".cfg", ".conf", ".env", ".in", ".ini", ".json", ".lock", ".ps1", ".sh", ".tf", ".tfvars", ".toml", ".yaml", ".yml")
_NAMES = re.compile(
    r"(?:requirements|constraints)[\w.-]*\.(?:txt|in|pip)|Pipfile|[\w.-]*(?:Docker|Container)file[\w.-]*|Makefile|Jenkinsfile"
)
_BILLS = re.compile(r"sbom|cyclonedx|spdx|\bc?bom\.json$", re.IGNORECASE)
"""Bills of materials are made anew, not edited."""
_FOREIGN = re.compile(
    r"(?:package|package-lock|npm-shrinkwrap|composer)\.(?:json|lock)|(?:cargo|gemfile|yarn|pubspec|mix)\.lock", re.IGNORECASE
)
"""What other languages require has packages of OpenCensus of its own."""
WORDS = (b"opencensus", b"python_enable_worker_extensions", *query_uses.WORDS)
"""A line without any of these, in small letters, has no use."""

_PACKAGE = re.compile(r"(?<![\w./-])opencensus(?:[-_](?:ext|extension|context)(?:[-_][a-z0-9]+)*)(?![\w-])(?!\.[a-z])", re.IGNORECASE)
_BARE = re.compile(
    r"""(?<![\w./@-])opencensus(?=\s*(?:\[[\w,\s]*\])?\s*(?:[~=!<>]=|[<>]))   # with a version
    |(?<=["'])opencensus(?=["'])                                              # in quotes
    |^\s*-?\s*opencensus\s*(?=$|=\s*["{*\d])                                  # alone on its line, or a key with a version
    |(?<=install\s)opencensus(?=\s|$)""",
    re.VERBOSE,
)
_DOTTED = re.compile(r"(?<![\w/.@-])opencensus((?:\.[A-Za-z_]\w*)+)(\s*\()?")
_COMMENT = re.compile(r"(?:^|\s)(?:#|//|;).*")
_FACTORY = re.compile(r"""["']?(?:class|\(\)|factory)["']?\s*[:=]""")


class TextUse(NamedTuple):
    """A use by its place in a file."""

    line: int
    column: int
    """From 0, in characters."""
    rule: str
    symbol: str
    text: str


def is_read(path: str) -> bool:
    """Return whether a file is one of those that may name OpenCensus or its packages."""
    folder, name = os.path.split(path)
    if _BILLS.search(name) or _FOREIGN.fullmatch(name):
        return False
    # `requirements/base.txt` is a common form.
    return (
        name.lower().endswith((*_SUFFIXES, *query_uses.SUFFIXES))
        or _NAMES.fullmatch(name) is not None
        or (name.endswith(".txt") and "requirements" in os.path.basename(folder))
    )


def read(lines: Iterable[bytes], *, has_comments: bool = True) -> Iterator[TextUse]:
    """Yield the uses in the lines of a file.

    Args:
        lines: The file's lines.
        has_comments: `#`, `//` and `;` begin comments.
    """
    for number, raw in enumerate(lines, 1):
        lowered = raw.lower()
        if not any(word in lowered for word in WORDS):
            continue
        line = raw.decode("utf-8", "replace").rstrip("\r\n").removeprefix("\ufeff")
        searched = _COMMENT.sub("", line) if has_comments else line
        yield from (TextUse(number, column, rule, symbol, line) for column, rule, symbol in sorted(set(_line(searched))))


def read_magic(lines: Iterable[bytes]) -> Iterator[TextUse]:
    """Yield the packages in those lines of a notebook that are no Python: `%pip install`, `!pip install`."""
    return read(line if line.lstrip()[:1] in {b"%", b"!"} else b"" for line in lines)


def _line(line: str) -> Iterator[tuple[int, str, str]]:
    for match in _PACKAGE.finditer(line):
        yield match.start(), "R001", match[0].lower().replace("_", "-")
    for match in _BARE.finditer(line):
        yield match.start() + match[0].index("opencensus"), "R001", "opencensus"
    for match in _DOTTED.finditer(line):
        name = match[1][1:]
        rule = rule_of(name)
        if rule is not None:
            yield match.start(), _rule_of_name(line[: match.start()], rule.id, is_called=bool(match[2])), name
    at = line.find("PYTHON_ENABLE_WORKER_EXTENSIONS")
    if at >= 0:
        yield at, "R002", "PYTHON_ENABLE_WORKER_EXTENSIONS"
    yield from query_uses.in_line(line)


def _rule_of_name(before: str, rule: str, *, is_called: bool) -> str:
    if is_called:
        return "N005"
    if rule == "W011":
        return rule
    if _FACTORY.search(before):
        return "N003"
    return "N004" if re.search(r"qualname\s*=\s*$", before) or not before.strip("\"' \t-") else "N001"
