"""What OpenTelemetry's envelopes change (``OPENCENSUS_COMPAT_ENVELOPES=otel``), by the id of its row in ``migration_guide/shape.md``: the
differences that the step itself makes between two recordings of one program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from . import conditions
from .known import Known
from .model import ABSENT, PRESENT, ROW, Accepted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model import Condition

_SPANS = "requests", "dependencies"
_LOGS = "traces", "exceptions"
_RECORDS = (*_LOGS, "customEvents")
_OF_A_SPAN = {"severityLevel": "", "customDimensions.logger_name": ""}
"""What tells an event of a span from a log record."""

_Rule: TypeAlias = "tuple[tuple[str, ...], str, str | None, str | None] | tuple[tuple[str, ...], str, str | None, str | None, Condition]"
"""Tables, columns, value before, value after; what must hold besides."""


def _row(row: str, *rules: _Rule, where: dict[str, str] | None = None) -> Known:
    return Known(row, entries(row, "shape.md", rules, where))


def entries(row: str, guide: str, rules: Iterable[_Rule], where: dict[str, str] | None = None) -> tuple[Accepted, ...]:
    """Return what a row accepts.

    Args:
        row: Its id.
        guide: The page that has it.
        rules: What may differ.
        where: Columns of the item, and what they must be.
    """
    return tuple(
        Accepted(f"known: {row}", table, column, where, before, after, source=guide, known=row, only_if=condition[0] if condition else None)
        for tables, column, before, after, *condition in rules
        for table in tables
    )


def properties(*names: str) -> str:
    """Return the columns that properties of some names are, each a regular expression."""
    return f"re:customDimensions\\.({'|'.join(names)})"


KNOWN_SHAPE: tuple[Known, ...] = (
    _row(
        "type", (("dependencies",), "type", "INPROC", None), (("dependencies",), "type", "re:(?!InProc|INPROC).*", "re:(?!InProc|INPROC).+")
    ),
    _row("result-code", (_SPANS, "resultCode", "re:1?[0-9]", "0")),
    _row(
        "without-method",
        (_SPANS, "re:url|data|target|customDimensions.request.url", None, ABSENT, conditions.stays_unread("http.url")),
        (_SPANS, "resultCode", None, "0", conditions.stays_unread("http.status_code")),
        (_SPANS, "success", None, None, conditions.has("customDimensions.http.status_code")),
    ),
    _row("success", (("requests",), "success", "True", "False", conditions.has_error)),
    _row(
        "names",
        (("requests",), "name", None, None, conditions.request_name),
        (("dependencies",), "name", None, None, conditions.path_parameters),
        (("dependencies",), "name", None, None, conditions.call_name),
        (("requests",), "operation_Name", None, None, conditions.operation_name),
    ),
    _row("secrets-in-urls", (_SPANS, "re:url|data", "re:.*=.*", "re:.*=REDACTED.*", conditions.redacted)),
    _row(
        "columns",
        (("dependencies",), "re:target|data", ABSENT, None, conditions.of_properties),
        (("dependencies",), "target", None, None, conditions.plain_host),
        (_SPANS, "re:url|data|target|customDimensions.request.url", "", ABSENT),
        (_SPANS, "re:user_(Id|AuthenticatedId)|session_Id", ABSENT, None, conditions.of_properties),
        (_SPANS, "client_Browser", None, "re:(?!<absent>).*", conditions.of_a_property("user_agent.original")),
        (_SPANS, "operation_SyntheticSource", ABSENT, "True"),
        (
            _SPANS,
            properties(r"(db|rpc|messaging|net|network|server|client|peer|url|user_agent|enduser|session)\..*", "az.namespace"),
            None,
            ABSENT,
            conditions.in_a_column,
        ),
        # The usual port of a scheme or a database is not named.
        (("dependencies",), properties(r"(net\.|network\.)?(peer|server)\.port"), None, ABSENT, conditions.has("target")),
    ),
    _row("http-properties", (_SPANS, r"re:customDimensions\.(http|db|rpc)\..*|customDimensions\.error\.type", ABSENT, None)),
    _row(
        "request-properties",
        (("requests",), "customDimensions.request.name", None, ABSENT, conditions.has("name")),
        (("requests",), "customDimensions.request.url", None, ABSENT, conditions.has("url")),
    ),
    _row("links", (_SPANS, r"customDimensions._MS.links", None, None, conditions.same_value)),
    _row("status-description", (_SPANS, "customDimensions.otel.status_description", ABSENT, None)),
    _row("annotations", (("traces",), ROW, ABSENT, PRESENT, conditions.below_a_counterpart), where=_OF_A_SPAN),
    _row(
        "exceptions-of-spans",
        (("exceptions",), ROW, ABSENT, PRESENT, conditions.of_a_failure),
        (("exceptions",), ROW, ABSENT, PRESENT, conditions.of_a_stack),
        (("exceptions",), ROW, PRESENT, ABSENT, conditions.stays_a_property),
        (("exceptions",), r"re:details\..*|method|outerMethod", ABSENT, None),
        (("exceptions",), "operation_Name", ABSENT, None),
        (("exceptions",), "details.rawStack", None, None, conditions.frames_stay),
        (("exceptions",), "re:innermost.*", None, None, conditions.had_no_cause),
        (("exceptions",), "problemId", None, "re:.* at .*"),
        (("exceptions",), "customDimensions.exception.escaped", ABSENT, None),
        where=_OF_A_SPAN,
    ),
    _row(
        "source",
        (_LOGS, "customDimensions.fileName", None, ABSENT, conditions.is_column("customDimensions.code.file.path")),
        (_LOGS, "customDimensions.lineNumber", None, ABSENT, conditions.is_column("customDimensions.code.line.number")),
        (_RECORDS, r"re:customDimensions\.code\..*", ABSENT, None),
    ),
    _row(
        "outside-spans",
        (_RECORDS, "operation_Id", "re:<operation of .*>", ABSENT, conditions.has_no("operation_ParentId")),
        (_RECORDS, "operation_ParentId", "<id of no item here>", ABSENT),
    ),
    _row("logger", (_RECORDS, "customDimensions.logger_name", ABSENT, None)),
    _row("module-process-level", (_LOGS, properties("module", "process", "level"), None, ABSENT)),
    _row(
        "severity",
        *((_LOGS, "severityLevel", str(level), str(level - 1)) for level in range(1, 5)),
        (_LOGS, "severityLevel", "0", ABSENT),
    ),
    _row("blank-message", (("traces",), "message", r"re:\s+", "n/a")),
    _row(
        "exception-text",
        (("exceptions",), "re:message|outerMessage|innermostMessage|details.message|problemId", None, None, conditions.without_traceback),
        (("exceptions",), "details.rawStack", ABSENT, None),
        (("exceptions",), "customDimensions.exception.message", ABSENT, None),
    ),
    _row("metric-totals", (("customMetrics",), "re:value.+", None, None, conditions.is_per_interval)),
    _row("metric-namespace", (("customMetrics",), "metricNamespace", None, ABSENT, conditions.is_column("name"))),
    _row(
        "text",
        (("*",), "customDimensions.*", r"re:-?[\d.]+(e[+-]?\d+)?", r're:"?-?[\d.]+(e[+-]?\d+)?"?', conditions.same_value),
        (("*",), "customDimensions.*", "re:int|float|bool|list|dict", "str"),
        (("*",), "customDimensions.*", "true", "True"),
        (("*",), "customDimensions.*", "false", "False"),
        (("*",), "customDimensions.*", "null", ABSENT),
        (("*",), "customDimensions.*", r're:"?[\[{].*', r're:"[\[{].*', conditions.same_value),
    ),
    _row("long-keys", (("*",), r"re:customDimensions\..{150}", None, ABSENT)),
    _row("machine", (("*",), "client_OS", None, ABSENT), (("*",), "tags.ai.internal.nodeName", ABSENT, None)),
)
"""In the guide's order."""


def accepted() -> tuple[Accepted, ...]:
    """Return what the step accepts, in the guide's order."""
    return tuple(entry for row in KNOWN_SHAPE for entry in row.accepts)
