"""What OpenTelemetry's envelopes change (``OPENCENSUS_COMPAT_ENVELOPES=otel``), by the id of its row in section 4 of
``migration_guide/README.md``: the differences that the step itself makes between two recordings of one program.
"""

from __future__ import annotations

from typing import TypeAlias

from .known import Known
from .model import ABSENT, PRESENT, ROW, Accepted

_SPANS = "requests", "dependencies"
_LOGS = "traces", "exceptions"
_RECORDS = (*_LOGS, "customEvents")
_OF_A_SPAN = {"severityLevel": "", "customDimensions.logger_name": ""}
"""What tells an event of a span from a log record."""

_Rule: TypeAlias = "tuple[tuple[str, ...], str, str | None, str | None]"
"""Tables, columns, value before, value after."""


def _row(row: str, *rules: _Rule, where: dict[str, str] | None = None) -> Known:
    return Known(row, _entries(row, rules, where))


def _entries(row: str, rules: tuple[_Rule, ...], where: dict[str, str] | None) -> tuple[Accepted, ...]:
    return tuple(
        Accepted(f"known: {row}", table, column, where, before, after, source="README.md", known=row)
        for tables, column, before, after in rules
        for table in tables
    )


def _properties(*names: str) -> str:
    return f"re:customDimensions\\.({'|'.join(names)})"


KNOWN_SHAPE: tuple[Known, ...] = (
    _row(
        "type", (("dependencies",), "type", "INPROC", None), (("dependencies",), "type", "re:(?!InProc|INPROC).*", "re:(?!InProc|INPROC).+")
    ),
    _row("result-code", (_SPANS, "resultCode", None, "0")),
    _row("names", (_SPANS, "name", None, None), (("requests",), "operation_Name", ABSENT, None)),
    _row("secrets-in-urls", (_SPANS, "re:url|data", "re:.*=.*", "re:.*=REDACTED.*")),
    _row(
        "columns",
        (("dependencies",), "re:target|data", ABSENT, None),
        (
            _SPANS,
            "re:user_(Id|AuthenticatedId)|session_Id|client_Browser|operation_SyntheticSource",
            None,
            None,
        ),
        (
            _SPANS,
            _properties(
                r"(db|rpc|messaging|net|network|server|client|peer|url|user_agent|enduser|session)\..*", "http.user_agent", "az.namespace"
            ),
            None,
            ABSENT,
        ),
    ),
    _row("http-properties", (_SPANS, r"re:customDimensions\.(http|db|rpc)\..*|customDimensions\.error\.type", ABSENT, None)),
    _row("request-properties", (("requests",), _properties(r"request\.name", r"request\.url"), None, ABSENT)),
    _row("links", (_SPANS, r"customDimensions._MS.links", None, None)),
    _row(
        "text",
        (("*",), "customDimensions.*", r"re:-?[\d.]+(e[+-]?\d+)?", r're:"?-?[\d.]+(e[+-]?\d+)?"?'),
        (("*",), "customDimensions.*", "true", "True"),
        (("*",), "customDimensions.*", "false", "False"),
        (("*",), "customDimensions.*", "null", ABSENT),
        (("*",), "customDimensions.*", r're:"?[\[{].*', r're:"[\[{].*'),
    ),
    _row("status-description", (_SPANS, "customDimensions.otel.status_description", ABSENT, None)),
    _row("annotations", (("traces",), ROW, ABSENT, PRESENT), where=_OF_A_SPAN),
    _row(
        "exceptions-of-spans",
        (("exceptions",), ROW, ABSENT, PRESENT),
        (("exceptions",), ROW, PRESENT, ABSENT),
        (("exceptions",), r"re:details\..*|method|outerMethod|innermost.*", None, None),
        (("exceptions",), "problemId", None, "re:.* at .*"),
        (("exceptions",), "customDimensions.exception.escaped", ABSENT, None),
        where=_OF_A_SPAN,
    ),
    _row(
        "source",
        (_LOGS, _properties("fileName", "lineNumber"), None, ABSENT),
        (_RECORDS, r"re:customDimensions\.code\..*", ABSENT, None),
    ),
    _row("outside-spans", (_RECORDS, "operation_Id", "re:<operation of .*>", ABSENT), where={"operation_ParentId": ""}),
    _row("logger", (_RECORDS, "customDimensions.logger_name", ABSENT, None)),
    _row("module-process-level", (_LOGS, _properties("module", "process", "level"), None, ABSENT)),
    _row("severity", *((_LOGS, "severityLevel", str(level), str(level - 1)) for level in range(1, 5))),
    _row(
        "exception-text",
        (("exceptions",), "re:message|outerMessage|innermostMessage|details.message|problemId", "re:.*Traceback.*", None),
        (("exceptions",), "details.rawStack", ABSENT, None),
        (("exceptions",), "customDimensions.exception.message", ABSENT, None),
    ),
    _row("metric-namespace", (("customMetrics",), "metricNamespace", None, ABSENT)),
    _row("machine", (("*",), "client_OS", None, ABSENT), (("*",), "tags.ai.internal.nodeName", ABSENT, None)),
)
"""In the guide's order."""


def accepted() -> tuple[Accepted, ...]:
    """Return what the step accepts, in the guide's order."""
    return tuple(entry for row in KNOWN_SHAPE for entry in row.accepts)
