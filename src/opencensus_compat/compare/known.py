"""Differences between the retired SDK and this package that `migration_guide/differences.md` tells, by the id of their row.

Where values alone say that a difference is one of a row's, the row accepts it. Where they do not (a whole item that the retired SDK lost
looks like any other new item), the row is only named beside the difference, for a person to judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .accepted import fits
from .model import ABSENT, PRESENT, ROW, Accepted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model import Difference

_SPANS = ("requests", "dependencies")
_RECORDS = ("traces", "exceptions", "customEvents")
_IDS = ("operation_Id", "operation_ParentId")
_NO_PARENT = "re:\\|(0{32}|<operation>)\\.0{16}\\."
_NO_OPERATION = "re:0{32}"
_AN_ID = "re:<id of .*>"
_AN_OPERATION = "re:<operation of .*>"


@dataclass(frozen=True, slots=True)
class Known:
    """One row of the guide."""

    id: str
    accepts: tuple[Accepted, ...] = ()
    """Differences that are this row's and no other's."""
    suggests: tuple[Accepted, ...] = ()
    """Differences that may be this row's."""
    elsewhere: str = ""
    """Why no recording shows it: ``request``, ``program`` or ``time``; empty where one does."""


def accepted(*ids: str) -> tuple[Accepted, ...]:
    """Return what rows accept, all rows where none is given, in the guide's order.

    Raises:
        KeyError: An id that no row has.

    """
    rows = [BY_ID[wanted] for wanted in ids] if ids else KNOWN
    return tuple(entry for row in rows for entry in row.accepts)


def suggested(difference: Difference, rows: Iterable[Known] | None = None) -> tuple[str, ...]:
    """Return the ids of the rows that may explain a difference, in the guide's order; of the rows here, where no other ones are given."""
    return tuple(
        row.id
        for row in (KNOWN if rows is None else rows)
        if any(
            fits(entry, difference.table, difference.column, change.before, change.after, dict)
            for entry in row.suggests
            for change in difference.changes
        )
    )


def _row(
    row: str, *rules: tuple[str | tuple[str, ...], str | tuple[str, ...], str | None, str | None], where: dict[str, str] | None = None
) -> Known:
    return Known(row, _entries(row, rules, where))


def _maybe(row: str, *rules: tuple[str | tuple[str, ...], str | tuple[str, ...], str | None, str | None]) -> Known:
    return Known(row, suggests=_entries(row, rules, None))


def _entries(
    row: str, rules: tuple[tuple[str | tuple[str, ...], str | tuple[str, ...], str | None, str | None], ...], where: dict[str, str] | None
) -> tuple[Accepted, ...]:
    return tuple(
        Accepted(f"known: {row}", table, column, where, before, after, source="differences.md", known=row)
        for tables, columns, before, after in rules
        for table in ([tables] if isinstance(tables, str) else tables)
        for column in ([columns] if isinstance(columns, str) else columns)
    )


def _new(*tables: str) -> tuple[tuple[str, ...], str, str, str]:
    return tables, ROW, ABSENT, PRESENT


def _gone(*tables: str) -> tuple[tuple[str, ...], str, str, str]:
    return tables, ROW, PRESENT, ABSENT


_FAILURES = ((_SPANS, "success", None, None), (_SPANS, "resultCode", None, None))
_OTHER_PLACES = ((*_SPANS, *_RECORDS), _IDS, None, None)

KNOWN: tuple[Known, ...] = (
    _row("sdk-version", ("*", "sdkVersion", r"re:py3[\d.]+:oc[\d.]+:ext[\d.]+", r"re:py3[\d.]+:otel\S+:cc\S+")),
    _row("sample-rate", ((*_SPANS, "exceptions"), "itemCount", "1", r"re:\d+")),
    Known(
        "in-process-success",
        _entries("in-process-success", (("dependencies", "success", "True", "False"),), {"type": "INPROC"}),
        _entries("in-process-success", (("dependencies", "success", "True", "False"),), None),
    ),
    _maybe("no-errors", (_SPANS, "success", "False", "True"), (_SPANS, "resultCode", "2", "0")),
    _row("exception-parent", ("exceptions", "operation_ParentId", "re:<absent>|<id of .*>", "re:<id of (another )?requests .*>")),
    _maybe("shared-tags", ("exceptions", "re:(user|session|cloud|application|client|operation)_.*", None, None)),
    _row("stack-levels", ("exceptions", "details.parsedStack.level", r"re:\d+", r"re:\d+")),
    _row(
        "stack-text",
        ("exceptions", r"re:details\.parsedStack.*", None, ABSENT),
        ("exceptions", "details.rawStack", ABSENT, None),
    ),
    Known(
        "error-details",
        _entries("error-details", (("exceptions", ("details.message", "details.type"), r"re:[^\"].*", r're:".*"'),), None),
        _entries("error-details", (_new("exceptions"),), None),
    ),
    _maybe("text-status-code", _new(*_SPANS)),
    _maybe("not-finite", _new(*_SPANS, *_RECORDS)),
    _maybe("keys-that-are-no-text", _new(*_SPANS)),
    _row("empty-name", _new("dependencies"), where={"name": "n/a"}),
    Known(
        "limits",
        _entries(
            "limits",
            (
                ("*", "name", "re:.{1025,}", "re:.{1024}"),
                ("customEvents", "name", "re:.{513,}", "re:.{512}"),
                ("*", "metricNamespace", "re:.{257,}", "re:.{256}"),
                ("*", ("message", "outerMessage", "innermostMessage", "details.message"), "re:.{32769,}", "re:.{32768}"),
                ("*", "customDimensions.*", "re:.{8193,}", "re:.{8192}"),
                ("*", "customDimensions.*", "re:.*[\ud800-\udfff].*", "re:.*\ufffd.*"),
                ("*", r"re:customDimensions\..{151,}", None, ABSENT),
                ("*", r"re:customDimensions\..{150}", ABSENT, None),
                ("*", "re:customDimensions\\.", None, ABSENT),
                ("*", "customDimensions.*", r"re:-?\d{19,}", r're:"-?\d{19,}"'),
            ),
            None,
        ),
        _entries("limits", (("exceptions", "re:details\\.parsedStack\\..*", None, None),), None),
    ),
    _row("structured-attributes", (_SPANS, "customDimensions.*", r"re:[\[{].*", r're:"[\[{].*')),
    _row("none-attributes", ("*", "customDimensions.*", "null", ABSENT)),
    _row(
        "null-values",
        ("*", "tags.ai.device.locale", "null", ABSENT),
        (_RECORDS, r"re:customDimensions\.(level|process|module|fileName|lineNumber)", "null", ABSENT),
    ),
    _row(
        "credentials-in-urls",
        (_SPANS, ("url", "data", "customDimensions.request.url"), r"re:\w+://[^/@]+@.*", r"re:\w+://[^/@]+(/[^@]*)?"),
        ("dependencies", "target", "re:[^/@]+@[^/@]+", "re:[^/@]+"),
    ),
    _row(
        "log-correlation",
        (_RECORDS, "operation_Id", _NO_OPERATION, _AN_OPERATION),
        (_RECORDS, "operation_ParentId", _NO_PARENT, _AN_ID),
    ),
    _row(
        "no-operation",
        (_RECORDS, "operation_Id", _NO_OPERATION, ABSENT),
        (_RECORDS, "operation_ParentId", _NO_PARENT, ABSENT),
    ),
    _row("log-parent-id", (_RECORDS, "operation_ParentId", r"re:\|<operation>\.<id of .*>\.", _AN_ID)),
    _row("severity-above-critical", (_RECORDS, "severityLevel", r"re:[5-9]|\d\d+", "4")),
    Known(
        "empty-message",
        _entries("empty-message", (_new("traces"),), {"message": "n/a"})
        + _entries("empty-message", (_new("customEvents"),), {"name": "n/a"}),
    ),
    _row("structured-dimensions", (_RECORDS, "customDimensions.*", r"re:[\[{].*", r're:"[\[{].*')),
    _maybe("mapping-dimensions", (_RECORDS, "customDimensions.*", ABSENT, None)),
    _row("none-keys", (_RECORDS, "customDimensions.null", None, ABSENT), (_RECORDS, "customDimensions.None", ABSENT, None)),
    _row(
        "measurements",
        ("customEvents", "customMeasurements.*", r're:"-?[\d.]+"', r"re:-?[\d.]+"),
        ("customEvents", "customMeasurements.*", "re:[^-\\d].*", ABSENT),
    ),
    _row(
        "exception-causes",
        ("exceptions", "details.*", ABSENT, None),
        ("exceptions", ("innermostType", "innermostMessage", "innermostMethod", "innermostAssembly"), None, None),
    ),
    Known("metric-time", elsewhere="time"),
    _maybe("distributions", _new("customMetrics")),
    _maybe("every-point", ("customMetrics", "re:value.*", None, None), _new("customMetrics")),
    _maybe("one-bad-point", _new("customMetrics")),
    _maybe("closed-thread", ("customMetrics", "re:value.*", None, None), _gone("customMetrics")),
    _maybe("trace-per-root", (_SPANS, "operation_Id", _AN_OPERATION, _AN_OPERATION)),
    _maybe("concurrent-spans", (_SPANS, _IDS, None, None)),
    _maybe("nested-tracers", (_SPANS, _IDS, None, None)),
    _maybe("assigned-contexts", (_SPANS, _IDS, None, None)),
    _maybe("leaked-inner-spans", _new(*_SPANS), _OTHER_PLACES),
    _maybe("trace-decorator", _new(*_SPANS), _OTHER_PLACES, *_FAILURES),
    _maybe("grpc-failed", _new(*_SPANS), _OTHER_PLACES, *_FAILURES, ("dependencies", "customDimensions.error.message", ABSENT, None)),
    _maybe("grpc-futures", ("dependencies", "operation_ParentId", None, None)),
    _maybe("grpc-server-code", ("requests", ("resultCode", "success"), None, None)),
    _maybe("grpc-caller", ((*_SPANS, *_RECORDS), _IDS, None, None)),
    _maybe("mongodb-overlap", *_FAILURES),
    _maybe("mongodb-twice", _gone("dependencies")),
    _row("google-targets", ("dependencies", "customDimensions.grpc.host_port", "null", None)),
    _maybe("google-twice", _gone("dependencies")),
    _maybe("timers", _new(*_SPANS)),
    _row("jobs-outside-spans", ("dependencies", "operation_ParentId", "re:<id of no item here>|0{16}", ABSENT)),
    _maybe("after-the-end", (_SPANS, "customDimensions.*", None, ABSENT)),
    _row("links-to-other-ids", (_SPANS, "customDimensions._MS.links", None, None)),
    _maybe("functions-that-raise", _new(*_SPANS, "exceptions"), _OTHER_PLACES),
    Known("decorated-name", elsewhere="program"),
    _maybe("unsampled-context", (_RECORDS, "operation_ParentId", None, "<id of no item here>")),
    Known("key-and-endpoint", elsewhere="program"),
    Known("connection-strings", elsewhere="program"),
    Known("bad-options", elsewhere="program"),
    _row("role-from-service-name", ("*", "cloud_RoleName", r"re:.*\.py", None)),
    Known("module-names", elsewhere="program"),
    _maybe("httpx-headers", (_SPANS, _IDS, None, None)),
    _maybe("httpx-urls", _new("dependencies")),
    _maybe("httpx-base-url", ("dependencies", ("name", "data", "target"), None, None)),
    _maybe("httpx-async", _new("dependencies")),
    _maybe("failed-statements", _new(*_SPANS), _OTHER_PLACES, *_FAILURES),
    Known("refused-connections", elsewhere="program"),
    _row("rows-of-sqlalchemy", ("dependencies", "customDimensions.sqlalchemy.query.parameters", r"re:\(\(.*", r're:"?\[\(.*')),
    _maybe("fastapi-streams", ("requests", ("resultCode", "success", "customDimensions.*"), None, None), _new("exceptions")),
    _maybe("fastapi-cancelled", _new("requests")),
    _maybe("fastapi-stacks", ("*", ("customDimensions.stacktrace", "details.rawStack"), None, None)),
    _maybe("fastapi-next-request", ("requests", "operation_ParentId", None, None)),
    _maybe("fastapi-failing-methods", _new("requests")),
    _maybe("logged-exceptions", _gone("exceptions"), ("exceptions", "*", None, None)),
    _maybe("open-children", _OTHER_PLACES, (_SPANS, "*", None, None), _new("exceptions")),
    _maybe("inner-requests", _new("requests"), _OTHER_PLACES),
    _maybe("flask-streams", _OTHER_PLACES, _new("exceptions")),
    _maybe("flask-next-requests", _gone("dependencies"), (_RECORDS, _IDS, None, None)),
    _maybe("pyramid-exceptions", _new("requests", "exceptions"), ("requests", ("resultCode", "operation_ParentId"), None, None)),
    Known("batch-size", elsewhere="request"),
    Known("gzip", elsewhere="request"),
    Known("request-path", elsewhere="request"),
    _row("user-agent", ("*", "client_Browser", r"re:python-requests/[\d.]+", "census-compat")),
    _maybe("django-queries", _new("dependencies"), _gone("dependencies")),
    _maybe("django-requests", _new("requests", "exceptions")),
    _maybe("django-streams", _OTHER_PLACES, _new("exceptions"), ("requests", "customDimensions.*", ABSENT, None)),
    _maybe("django-exclusions", _gone("requests", "dependencies")),
)
"""The rows, in the guide's order."""

BY_ID = {row.id: row for row in KNOWN}
