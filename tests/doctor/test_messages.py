"""What this package says in the log, as findings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opencensus_compat.doctor.check import SKIPPED, all_checks, run_checks
from opencensus_compat.doctor.facts import Facts
from opencensus_compat.doctor.sections.settings import Settings, Variable
from opencensus_compat.doctor.sections.wiring import Logging, Metrics, Said, Tracing, Wiring

WIRING = Wiring(1, "python app.py", 1.0, ("opencensus_compat",), "direct", "", None, Logging(()), (), (), Tracing(), Metrics(), (), ())
"""Of a program that has made nothing."""


def _found(wiring: Wiring) -> list[tuple[str, str]]:
    results = run_checks(Facts(wiring=wiring))
    return [(result.check.id, finding.text) for result in results for finding in result.findings if finding.verdict is not SKIPPED]


SAID = (
    ("D028", "a handler of OpenTelemetry's and an AzureLogHandler of the same resource take the same log records: …"),
    ("D029", "both opentelemetry.instrumentation.requests and the integration requests trace the same calls: each is sent once"),
    ("D029", "both opentelemetry.instrumentation.flask and OpenCensus code trace the same requests: each is sent once, as OpenCensus's"),
    ("D029", "a request that an OpenTelemetry instrumentation traces, too, could not be matched: KeyError"),
    (
        "D027",
        "both azure.monitor.X and an OpenCensus exporter send traces to the resource with the instrumentation key that ends in 1234: …",
    ),
    ("D033", "The custom measurement 'n' is skipped: it is not a finite number."),
    ("D034", "sampler <app.Sampler> failed, the trace is not sampled: KeyError()"),
    ("D035", "a tracer provider was set after this package had made one for OpenCensus code. …"),
    ("D035", "OpenTelemetry traces: the application's provider has no exporter, so they go to the Application Insights resource …"),
    ("D035", "OpenTelemetry logs: left to the application's provider. OPENCENSUS_COMPAT_ADOPT_PROVIDERS=1 sends them …"),
    ("D035", "this release of OpenTelemetry adds no readers to a meter provider: …"),
    ("D035", "exporters send to the OpenTelemetry providers only (OPENCENSUS_COMPAT_SEND=providers): telemetry processors have no effect"),
    ("D036", "install_shim() of opentelemetry-opencensus-shim has no effect: …"),
    ("D036", "a span is exported without the attribute 'x': …"),
    ("D037", "A different view with the name 'latency' is registered already"),
    ("D039", "a metric point is skipped on every export: metric 'queue': …"),
    ("D039", "the function of a derived metric failed, so that it has no value: …"),
    ("D101", "OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM=1 has no effect: the first exporter is made in another thread than the main one, or …"),
    ("D102", "the Azure exporters have no option 'x': it is accepted, as in OpenCensus, and has no effect"),
    (
        "D102",
        "another exporter for this resource was created with different settings (grace_period_s=1); the first exporter's settings are kept",
    ),
    ("D102", "an instrumentation key without a connection string is deprecated by Azure: use a connection string instead"),
    ("D102", "An exporter was created without storage on disk; …"),
    ("D103", "The process runs as another user now: …"),
)


@pytest.mark.parametrize(("id", "text"), SAID, ids=lambda each: each[:40])
def test_each_message_belongs_to_one_check(id, text):
    """A warning of this package's in the log of a program is said by one check."""
    found = _found(replace(WIRING, said=(Said("opencensus_compat", 30, f"{text} (said once)", 2),)))
    assert [each for each, _ in found] == [id]
    assert "(said once)" not in found[0][1]


def test_what_was_reported_where_the_level_let_nothing_pass():
    """What this package reports once is found also where the level of its logger lets no warning pass, and not twice where it was logged."""
    reported = "the Azure exporters have no option %r: it is accepted, as in OpenCensus, and has no effect (said once)"
    assert [id for id, _ in _found(replace(WIRING, reported=(reported,)))] == ["D102"]
    said = Said("opencensus_compat", 30, reported % "x")
    assert [id for id, _ in _found(replace(WIRING, said=(said,), reported=(reported,)))] == ["D102"]


def test_what_counters_say():
    """What counters and network tell is no second finding."""
    assert (
        _found(replace(WIRING, said=(Said("appinsights_exporter", 30, "Telemetry was lost: 3 x queue full: the oldest dropped."),))) == []
    )


@pytest.mark.parametrize(("variables", "ids"), [((), ["D102"]), ((Variable("OTEL_SDK_DISABLED", "true"),), [])])
def test_variables(variables, ids):
    """A variable that the program sets itself is found by what this package says of it; one of its environment by other checks."""
    said = (Said("opencensus_compat", 30, "OTEL_SDK_DISABLED switches OpenTelemetry off: …"),)
    [check] = [each for each in all_checks() if each.id == "D102"]
    facts = Facts(wiring=replace(WIRING, said=said), settings=Settings(variables))
    assert [result.check.id for result in run_checks(facts, [check]) if result.findings] == ids
