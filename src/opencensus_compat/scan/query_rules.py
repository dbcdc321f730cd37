"""The rows of the rule table for saved queries, which change when items take OpenTelemetry's shape."""

from __future__ import annotations

from opencensus_compat.scan.rule import Rule

QUERY_RULES: tuple[Rule, ...] = (
    Rule(
        "Q001",
        "file of a log record, in a query",
        "shape",
        "`customDimensions['code.file.path']`",
        arrives="traces, exceptions: customDimensions.code.file.path",
    ),
    Rule(
        "Q002",
        "line of a log record, in a query",
        "shape",
        "`customDimensions['code.line.number']`",
        arrives="traces, exceptions: customDimensions.code.line.number",
    ),
    Rule(
        "Q003",
        "module, process or level of a log record, in a query",
        "decide",
        "`severityLevel` for the level, `customDimensions['code.file.path']` for the module",
        "What does the query tell apart by it? The name of the process has no counterpart.",
        arrives="traces, exceptions: severityLevel, customDimensions.code.file.path",
    ),
    Rule(
        "Q004",
        "type of a dependency inside the process, in a query",
        "shape",
        "`type == 'InProc'`",
        arrives="dependencies: type",
    ),
    Rule(
        "Q005",
        "name or url of a request as a property, in a query",
        "shape",
        "the columns `name` and `url`",
        arrives="requests: name, url",
    ),
    Rule(
        "Q006",
        "operating system of the client, in a query",
        "decide",
        "none: the column is empty",
        "What does the query need it for?",
        arrives="all: client_OS",
    ),
    Rule(
        "Q007",
        "parent of a log record by its prefix, in a query",
        "shape",
        "compare with the span's id, which has no prefix",
        arrives="traces, exceptions, customEvents: operation_ParentId",
    ),
    Rule(
        "Q008",
        "code of a status, in a query",
        "shape",
        "`resultCode == '0'`; `success` says whether it failed",
        arrives="requests, dependencies: resultCode",
    ),
    Rule(
        "Q009",
        "attribute of a database, a peer, a user or a session as a property, in a query",
        "shape",
        "the columns `data`, `target`, `user_AuthenticatedId`, `user_Id`, `session_Id`",
        arrives="dependencies: target, data; requests, dependencies: user_Id, user_AuthenticatedId, session_Id",
    ),
    Rule(
        "Q010",
        "message of an exception, in a query",
        "shape",
        "the message without the traceback, which `details` has; the exception's own text is `customDimensions['exception.message']`",
        arrives="exceptions: outerMessage, innermostMessage, customDimensions.exception.message",
    ),
    Rule(
        "Q011",
        "role that is named as a script, in a query",
        "decide",
        "the same, where `configure` or `service.name` sets it",
        "Which `service.name` will the rewritten service have?",
        arrives="all: cloud_RoleName",
    ),
    Rule(
        "Q012",
        "difference of a metric's values, in a query",
        "decide",
        "the value itself, for counters: OpenTelemetry's shape has what each interval adds",
        "Is it a count or a sum of OpenCensus, which grows as long as the process runs?",
        arrives="customMetrics: valueSum, valueMin, valueMax",
    ),
)
