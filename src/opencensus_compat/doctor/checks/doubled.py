"""Double configuration, as the running program shows it."""

from __future__ import annotations

from collections.abc import Iterator

from opencensus_compat.doctor import record_way
from opencensus_compat.doctor.check import SKIPPED, WARNING, Finding, check
from opencensus_compat.doctor.checks.messages import about
from opencensus_compat.doctor.facts import Absent, Facts


@check("D028", group="wiring", title="one handler of Application Insights for each record")
def handlers(facts: Facts) -> Iterator[Finding]:
    """Handlers of both kinds for one resource on one chain."""
    if isinstance(facts.wiring, Absent):
        yield Finding(SKIPPED, facts.wiring.absent_because)
        return
    tree = facts.wiring.logging
    for logger in tree.loggers:
        met = [(on, each) for on, each in record_way.reached(record_way.ancestors(tree, logger.name)) if each.key]
        legacy = next((pair for pair in met if pair[1].kind == "azure"), None)
        other = next((pair for pair in met if pair[1].kind == "otel" and legacy is not None and pair[1].key == legacy[1].key), None)
        if legacy is not None and other is not None and logger.handlers:
            yield Finding(
                WARNING,
                f"{_class(legacy[1].name)} of {record_way.shown(legacy[0].name)} and {_class(other[1].name)} of {record_way.shown(other[0].name)} send "
                f"the same records to the resource with the key {other[1].key}: each is sent once.",
                f"nothing, or take the {_class(legacy[1].name)} out",
            )
            return
    yield from about(facts, "D028")


def _class(name: str) -> str:
    return name.rpartition(".")[2]


@check("D029", group="wiring", title="each library is traced once")
def libraries(facts: Facts) -> Iterator[Finding]:
    """Integrations and instrumentations of one library."""
    if isinstance(facts.wiring, Absent):
        yield Finding(SKIPPED, facts.wiring.absent_because)
        return
    found = list(about(facts, "D029"))
    yield from found
    for each in facts.wiring.instrumented if not found else ():
        if each.integration and each.instrumentation:
            yield Finding(
                WARNING,
                f"The integration {each.library!r} of OpenCensus and opentelemetry-instrumentation-{each.instrumentation} trace the same library: "
                "each call or request is sent once.",
                "nothing, or take one of the two out",
            )


@check("D027", group="wiring", title="one exporter for each resource and signal")
def exporters(facts: Facts) -> Iterator[Finding]:
    """Exporters of OpenTelemetry providers to a resource that OpenCensus exporters send to."""
    if isinstance(facts.wiring, Absent):
        yield Finding(SKIPPED, facts.wiring.absent_because)
        return
    found = list(about(facts, "D027"))
    yield from found
    sent = {(each.key, signal) for each in facts.wiring.destinations if each.is_direct for signal in each.signals}
    for provider in facts.wiring.providers if not found else ():
        for processor in provider.processors:
            if processor.key and not processor.is_own and (processor.key, provider.signal) in sent and "azure." in processor.exporter:
                yield Finding(
                    WARNING,
                    f"{processor.exporter} and an OpenCensus exporter send {provider.signal} to the resource with the key {processor.key}: each item is "
                    "sent once.",
                    "nothing, or take one of the two out",
                )
