"""Columns and values in saved queries that change when items take OpenTelemetry's shape (`OPENCENSUS_COMPAT_ENVELOPES=otel`), or with
the rewritten code.

A query stands in a file of its own, or as text in a program, a workbook, a dashboard, a template of ARM, Bicep or Terraform.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES = (".csl", ".kql", ".kusto")
"""Files that hold nothing but queries."""

WORDS = (
    b"customdimensions", b"inproc", b"client_os", b"operation_parentid", b"resultcode", b"outermessage", b"innermostmessage",
    b"cloud_rolename", b"prev(value", b"min(value",
)  # fmt: skip
"""A file without any of these, in small letters, has no such column."""


def _dimension(*names: str) -> re.Pattern[str]:
    """Return a pattern of properties, in any way that KQL has to name one, also inside a string of JSON."""
    either = "|".join(map(re.escape, names))
    return re.compile(rf"""\bcustomDimensions(?:\.(?:{either})(?![\w.])|\[\s*\\*["'](?:{either})\\*["']\s*\])""")


_COLUMNS = ("db.name", "db.query.text", "db.statement", "db.system", "enduser.id", "enduser.pseudo.id", "peer.service", "session.id")
"""Attributes that fill columns, and are no properties then."""
_COMPARED = r"(?:==|!=|!?(?:in|has|contains|startswith|endswith|matches)\w*~?|=~|!~)"

_PATTERNS = (
    ("Q001", _dimension("fileName")),
    ("Q002", _dimension("lineNumber")),
    ("Q003", _dimension("module", "process", "level")),
    ("Q004", re.compile(r"""\btype\b[^|]*?\\*["']INPROC\\*["']""")),
    ("Q005", _dimension("request.name", "request.url")),
    ("Q006", re.compile(r"\bclient_OS\b")),
    # A code of gRPC, as statuses of OpenCensus have them. Those of HTTP have three digits.
    ("Q008", re.compile(rf"""\bresultCode\b\s*\)?\s*{_COMPARED}\s*\(?\s*\\*["']?(?:1[0-6]|\d)(?!\d)\\*["']?""")),
    ("Q009", _dimension(*_COLUMNS)),
    (
        "Q010",
        re.compile(
            rf"""\b(?:outer|innermost)Message\b\s*{_COMPARED}|\b(?:by|distinct|extract|parse|project|split|substring)\b[^|]*?\b(?:outer|innermost)Message\b"""
        ),
    ),
    ("Q011", re.compile(rf"""\bcloud_RoleName\b\s*{_COMPARED}\s*\(?\s*\\*["'][^"']*\.py\b""")),
    ("Q012", re.compile(r"\bprev\(value(?:Sum|Count|Max|Min)?\b|\bmax\(value\w*\)\s*-\s*min\(value\w*\)")),
    ("Q007", re.compile(r"""\boperation_ParentId\b\s*(?:startswith|has|contains|matches regex)\w*\s*\(?\\*["'][^"']*\|""")),
)


def in_line(line: str) -> Iterator[tuple[int, str, str]]:
    """Yield the uses in a line: the column from 0, the rule, and what was found."""
    for rule, pattern in _PATTERNS:
        for match in pattern.finditer(line):
            yield match.start(), rule, match[0].replace("\\", "")


def in_text(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield the uses in a text of several lines: the line from 0, the column in it, the rule, and what was found."""
    lowered = text.lower()
    if any(word.decode() in lowered for word in WORDS):
        for number, line in enumerate(text.splitlines()):
            for column, rule, found in in_line(line):
                yield number, column, rule, found
