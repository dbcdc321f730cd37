"""A span's way: samplers, providers, exporters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opencensus_compat.doctor.check import PROBLEM, SKIPPED, WARNING, Finding, check
from opencensus_compat.doctor.checks.messages import about
from opencensus_compat.doctor.facts import Absent, Facts
from opencensus_compat.doctor.sections.wiring import Provider, Roots, Tracing, Wiring

_DEFAULT_RATE = 1e-4
_SAMPLES_NOTHING = re.compile(r"(ParentBased\{root:)?(AlwaysOffSampler|TraceIdRatioBased\{0(\.0+)?\})")
"""Descriptions of OpenTelemetry's samplers."""
_OWN_SAMPLERS = "opencensus.trace.samplers."
_PRINTS = "opencensus.trace.print_exporter.PrintExporter"
_CALLS = {"traces": "spans", "logs": "log records", "metrics": "metrics"}


@check("D034", group="wiring", title="samplers keep traces")
def samplers(facts: Facts) -> Iterator[Finding]:
    """Samplers of tracers, and the decisions of callers."""
    if isinstance(facts.wiring, Absent):
        yield Finding(SKIPPED, facts.wiring.absent_because)
        return
    tracing = facts.wiring.tracing
    for roots in tracing.roots:
        if roots.unsampled:
            yield from _of_roots(roots, tracing)
    if tracing.inside_unsampled and not any(_SAMPLES_NOTHING.match(each.sampler) for each in facts.wiring.providers):
        yield Finding(
            WARNING,
            f"{tracing.inside_unsampled} spans are inside spans of OpenTelemetry code that are not sampled: they follow that decision.",
            "OTEL_TRACES_SAMPLER=always_on, or a sampler of the tracer provider that samples whatever the caller's headers say",
        )
    if tracing.without_tracer and not tracing.roots:
        place, spans = tracing.without_tracer[0]
        yield Finding(
            PROBLEM,
            f"No Tracer was made: the {spans} spans that {place or 'the program'} starts come from the tracer of code that has made none, and go "
            "nowhere.",
            "Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(1.0)), in each thread that starts spans outside a request",
        )
    yield from about(facts, "D034")


def _of_roots(roots: Roots, tracing: Tracing) -> Iterator[Finding]:
    total = roots.sampled + roots.unsampled
    lost = f"{roots.unsampled} of {total} traces were not sampled"
    name = roots.sampler.rpartition(".")[2]
    evidence = (f"The caller's headers say: {roots.parent}",) if roots.parent else ()
    if roots.rate == _DEFAULT_RATE:
        at = f" (made at {', '.join(tracing.without_sampler[:3])})" if tracing.without_sampler else ""
        yield Finding(
            PROBLEM,
            f"{lost}: a Tracer{at} or middleware without a sampler keeps one trace in 10,000.",
            "sampler=ProbabilitySampler(1.0)",
            evidence,
        )
    elif roots.sampled:
        return
    elif roots.rate == 0 or roots.sampler == f"{_OWN_SAMPLERS}AlwaysOffSampler":
        yield Finding(
            PROBLEM, f"{lost}: {name}{'(0.0)' if roots.rate == 0 else '()'} keeps none.", "sampler=ProbabilitySampler(1.0)", evidence
        )
    elif roots.rate is not None and roots.sampler.startswith(_OWN_SAMPLERS):
        yield Finding(WARNING, f"{lost}: {name}({roots.rate:g}) kept none of them.", "a higher rate, or more traces", evidence)
    else:
        yield Finding(PROBLEM, f"{lost}: the sampler {roots.sampler} kept none of them.", "look at its should_sample()", evidence)


@check("D035", group="wiring", title="OpenTelemetry providers hand on what they get")
def providers(facts: Facts) -> Iterator[Finding]:
    """Providers without exporters, their samplers, and when they were set."""
    if isinstance(facts.wiring, Absent):
        yield Finding(SKIPPED, facts.wiring.absent_because)
        return
    wiring = facts.wiring
    for provider in wiring.providers:
        if _SAMPLES_NOTHING.match(provider.sampler):
            yield Finding(
                PROBLEM,
                f"The sampler of the tracer provider ({provider.name}) samples nothing: {provider.sampler}.",
                "OTEL_TRACES_SAMPLER=always_on, or another sampler of the provider",
            )
    if wiring.sends == "providers":
        yield from _without_exporter(wiring)
    yield from about(facts, "D035")


def _without_exporter(wiring: Wiring) -> Iterator[Finding]:
    """Yield the signals of which exporters send nothing themselves, and whose provider has nobody who does."""
    used = {signal for each in wiring.destinations for signal in each.signals} | ({"metrics"} if wiring.metrics.exporting else set())
    if any(
        handler.kind in ("azure", "event") and not handler.is_direct for logger in wiring.logging.loggers for handler in logger.handlers
    ):
        used.add("logs")
    found = {provider.signal: provider for provider in wiring.providers}
    by = "OPENCENSUS_COMPAT_SEND=providers" if wiring.sends_from == "environment" else "configure(send='providers')"
    for signal, what in _CALLS.items():
        provider = found.get(signal, Provider(signal, ""))
        if signal in used and provider.can_be_seen and not any(not each.is_own and each.exporter for each in provider.processors):
            has = (
                f"the {provider.name} has no exporter"
                if provider.name and provider.whose != "census-compat"
                else "no OpenTelemetry provider is set"
            )
            yield Finding(
                PROBLEM,
                f"{by}: OpenCensus exporters send no {what} themselves, and {has}, so that they go nowhere.",
                "start the program by opentelemetry-instrument, set a provider with an exporter, or take the setting out",
            )


@check("D036", group="wiring", title="spans go to Application Insights")
def spans(facts: Facts) -> Iterator[Finding]:
    """Tracers without an exporter, requests that are left out."""
    if isinstance(facts.wiring, Absent):
        yield Finding(SKIPPED, facts.wiring.absent_because)
        return
    tracing = facts.wiring.tracing
    printed = sum(roots.sampled for roots in tracing.roots if roots.exporter == _PRINTS)
    # Many programs make a tracer for nothing but the ids that it gives their log records.
    for_ids = any(each.library == "logging" and each.integration for each in facts.wiring.instrumented)
    has_handlers = any(handler.kind for logger in facts.wiring.logging.loggers for handler in logger.handlers)
    if printed and tracing.without_exporter and not (for_ids and has_handlers):
        yield Finding(
            WARNING if has_handlers else PROBLEM,
            f"{printed} traces were printed, and sent nowhere: a Tracer (made at {', '.join(tracing.without_exporter[:3])}) has no exporter.",
            "Tracer(exporter=AzureExporter(), …)" + ("; nothing, where it is there for the ids of log records" if has_handlers else ""),
        )
    excluded = sum(times for _, times in tracing.excluded)
    if excluded and not tracing.roots:
        paths = ", ".join(path for path, _ in tracing.excluded[:3])
        yield Finding(
            PROBLEM,
            f"All {excluded} requests are on the list of paths that are not traced ({paths}).",
            "excludelist_paths (EXCLUDELIST_PATHS, BLACKLIST_PATHS): a path is left out where it begins with one of them, without the first slash",
        )
    yield from about(facts, "D036")
