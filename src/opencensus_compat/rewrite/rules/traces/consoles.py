"""The exporter that prints spans: OpenTelemetry's, where a provider hands spans to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep
from opencensus_compat.rewrite.rules.exporters import legacy

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

_PRINTER = "trace.print_exporter.PrintExporter"
_EXPORT = "opentelemetry.sdk.trace.export"
_TRANSPORTS = {"common.transports.sync.SyncTransport": "Simple", "common.transports.async_.AsyncTransport": "Batch"}


def exporter(use: Found, file: File) -> Outcome:
    """`LegacyExporterProcessor(PrintExporter())` → `SimpleSpanProcessor(ConsoleSpanExporter())`."""
    call = file.call(use.node)
    if call is None or use.symbol != _PRINTER:
        return Keep("stays, behind `LegacyExporterProcessor`: OpenTelemetry has no exporter that writes this form")
    adapter = legacy.adapter(call, file)
    if adapter is None and legacy.is_one_of_several(call, file):
        return Keep("stays, behind `LegacyExporterProcessor`, as one of several exporters")
    if adapter is None:
        return Ask("Which tracer has this exporter? A provider of OpenTelemetry's gets a `SimpleSpanProcessor(ConsoleSpanExporter())`.")
    transport = file.argument(call, 0, "transport")
    kind = _TRANSPORTS.get(file.symbol(transport)) if transport is not None else "Simple"
    if kind is None:
        return Ask("Which transport is it? A SpanProcessor of OpenTelemetry's takes its place.")
    if transport is not None:
        file.cover(transport)
    return [
        file.replace(adapter.func, file.need(f"from {_EXPORT} import {kind}SpanProcessor", use.node)),
        file.replace(call, f"{file.need(f'from {_EXPORT} import ConsoleSpanExporter', use.node)}()"),
    ]


REWRITERS: dict[str, Rewriter] = {"T070": exporter}
