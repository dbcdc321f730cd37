"""Columns and values in saved queries that change when items take OpenTelemetry's shape (`OPENCENSUS_COMPAT_ENVELOPES=otel`).

A query stands in a file of its own, or as text in a workbook, a dashboard, a template of ARM, Bicep or Terraform.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES = (".csl", ".kql", ".kusto")
"""Files that hold nothing but queries."""

WORDS = (b"customdimensions", b"inproc", b"client_os", b"operation_parentid")
"""A file without any of these, in small letters, has no such column."""


def _dimension(*names: str) -> re.Pattern[str]:
    """Return a pattern of properties, in any way that KQL has to name one, also inside a string of JSON."""
    either = "|".join(map(re.escape, names))
    return re.compile(rf"""\bcustomDimensions(?:\.(?:{either})(?![\w.])|\[\s*\\*["'](?:{either})\\*["']\s*\])""")


_PATTERNS = (
    ("Q001", _dimension("fileName")),
    ("Q002", _dimension("lineNumber")),
    ("Q003", _dimension("module", "process", "level")),
    ("Q004", re.compile(r"""\btype\b[^|]*?\\*["']INPROC\\*["']""")),
    ("Q005", _dimension("request.name", "request.url")),
    ("Q006", re.compile(r"\bclient_OS\b")),
    ("Q007", re.compile(r"""\boperation_ParentId\b\s*(?:startswith|has|contains|matches regex)\w*\s*\(?\\*["'][^"']*\|""")),
)


def in_line(line: str) -> Iterator[tuple[int, str, str]]:
    """Yield the uses in a line: the column from 0, the rule, and what was found."""
    for rule, pattern in _PATTERNS:
        for match in pattern.finditer(line):
            yield match.start(), rule, match[0].replace("\\", "")
