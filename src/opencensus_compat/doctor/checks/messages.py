"""What this package, and the exporter, said in the log of the program: each message that means something is lost, doubled or without effect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from opencensus_compat.doctor.check import PROBLEM, SKIPPED, WARNING, Finding, Verdict, check
from opencensus_compat.doctor.facts import Absent, Facts
from opencensus_compat.doctor.sections.wiring import Wiring

__all__ = ["about"]

_SAID_ONCE = " (said once)"
_NOBODY = "."
"""In the place of a check: messages that say nothing is wrong, or what another section knows better."""
_SETTING = "D102"
_REST = "D103"


@dataclass(frozen=True, slots=True)
class Message:
    """A message, and what is to be done."""

    pattern: str
    """Regular expression that the text begins with."""
    check: str
    """The check that says it."""
    verdict: Verdict
    step: str


MESSAGES = (
    # Losses and the way to the service: counters, network and storage have checks of their own.
    Message(r"Telemetry was lost|Telemetry cannot be sent|Telemetry is sent to", _NOBODY, SKIPPED, ""),
    Message(
        r"environment variable .* (is not known|: expected)|Environment variables whose values|OTEL_SDK_DISABLED switches",
        _SETTING,
        WARNING,
        "correct the variable, or take it out: the program sets it itself",
    ),
    # What wiring shows by itself.
    Message(r"A different measure with the name|Measurements are dropped|Values below 0|Nothing is recorded from", _NOBODY, SKIPPED, ""),
    Message(
        r"exporters send to the OpenTelemetry providers only .*(has no processor|no OpenTelemetry meter provider)", _NOBODY, SKIPPED, ""
    ),
    Message(
        r"a (tracer|logger|meter) provider was set after",
        "D035",
        WARNING,
        "set the providers before the first OpenCensus exporter or handler is made",
    ),
    Message(
        r"OpenTelemetry (traces|logs|metrics): the application's provider has no exporter",
        "D035",
        WARNING,
        "put an exporter on the provider, or say which you want: OPENCENSUS_COMPAT_ADOPT_PROVIDERS=1, or 0",
    ),
    Message(
        r"OpenTelemetry (traces|logs|metrics): left to the application's provider",
        "D035",
        WARNING,
        "OPENCENSUS_COMPAT_ADOPT_PROVIDERS=1 sends them to Application Insights, too; 0 says that they are not wanted there",
    ),
    Message(
        r"this release of OpenTelemetry adds no readers",
        "D035",
        WARNING,
        "give the meter provider a reader with appinsights_exporter.ApplicationInsightsMetricExporter",
    ),
    Message(
        r"exporters send to the OpenTelemetry providers only", "D035", WARNING, "take out what has no effect, or OPENCENSUS_COMPAT_SEND"
    ),
    Message(r"install_shim\(\)", "D036", WARNING, "take the call of install_shim(), and opentelemetry-opencensus-shim, out"),
    Message(r"a span is exported without", "D036", WARNING, "correct what the program puts on the span"),
    Message(r"sampler .* failed, the trace is not sampled", "D034", PROBLEM, "correct the sampler"),
    Message(r"both .* trace the same (calls|requests)", "D029", WARNING, "nothing, or take one of the two out: each is sent once"),
    Message(r"a request that an OpenTelemetry instrumentation traces, too", "D029", WARNING, "look at the class that the message names"),
    Message(r"both .* and an OpenCensus exporter send", "D027", WARNING, "nothing, or take one of the two out: each item is sent once"),
    Message(
        r"a handler of OpenTelemetry's and an AzureLogHandler",
        "D028",
        WARNING,
        "nothing, or take the AzureLogHandler out: each record is sent once",
    ),
    Message(r"A different view with the name", "D037", PROBLEM, "register measures and views once, where modules are loaded"),
    Message(r"a metric point is skipped on every export", "D039", PROBLEM, "correct the producer that the message names"),
    Message(r"the function of a derived metric failed|a metric producer could not be read", "D039", PROBLEM, "correct the function"),
    Message(r"The custom measurement .* is skipped", "D033", WARNING, "put it into custom_dimensions"),
    Message(r"the Azure exporters have no option", "D102", WARNING, "correct the option: census-compat guide settings has all of them"),
    Message(
        r"another exporter for this resource was created with different settings",
        "D102",
        WARNING,
        "give the same options to all exporters of the resource, or give them to the first",
    ),
    Message(
        r"an instrumentation key without a connection string", "D102", WARNING, "the connection string of the resource's overview page"
    ),
    Message(
        r"An exporter was created without storage",
        "D102",
        WARNING,
        "give enable_local_storage to all exporters of the resource, or to none",
    ),
    Message(
        r".* has no effect: the first exporter is made in another thread",
        "D101",
        WARNING,
        "make the first exporter in the main thread, before SIGTERM has a handler",
    ),
)


def about(facts: Facts, id: str) -> Iterator[Finding]:
    """Yield what the messages say that are for one check."""
    if isinstance(facts.wiring, Absent):
        return
    for text, times in _texts(facts.wiring):
        message = next((each for each in MESSAGES if re.match(each.pattern, text, re.DOTALL)), None)
        if message is not None and message.check == id and not _is_of_environment(text, facts):
            yield _finding(text, times, message.verdict, message.step)


def _is_of_environment(text: str, facts: Facts) -> bool:
    """Return whether a message is about a variable that is set for the program from outside: other checks say so."""
    if isinstance(facts.settings, Absent) or not re.match(r"environment variable|Environment variables|OTEL_", text):
        return False
    names = re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", text)
    return any(variable.name in names for variable in facts.settings.variables)


def _texts(wiring: Wiring) -> Iterator[tuple[str, int]]:
    """Yield each message, and how often it was logged; without its values where it was not logged."""
    for each in wiring.said:
        yield each.text, each.times
    for text in wiring.reported:
        form = re.sub(r"%[a-z]", ".*", re.escape(text), flags=re.DOTALL)
        if not any(re.match(form, each.text, re.DOTALL) for each in wiring.said):
            yield text, 0


def _finding(text: str, times: int, verdict: Verdict, step: str) -> Finding:
    shown = text.replace(_SAID_ONCE, "").strip()
    seen = f"logged {times} times" if times > 1 else "logged once" if times else "not logged, for the level of its logger"
    return Finding(verdict, f"{shown[:1].upper()}{shown[1:]}{'' if shown.endswith('.') else '.'}", step, (seen,))


@check("D102", group="wiring", title="options of exporters and handlers have an effect")
def options(facts: Facts) -> Iterator[Finding]:
    """What exporters say of their options."""
    if isinstance(facts.wiring, Absent):
        yield Finding(SKIPPED, facts.wiring.absent_because)
    yield from about(facts, "D102")


@check(_REST, group="wiring", title="what this package said in the log")
def rest(facts: Facts) -> Iterator[Finding]:
    """Every other warning and error."""
    if isinstance(facts.wiring, Absent):
        yield Finding(SKIPPED, facts.wiring.absent_because)
        return
    for each in facts.wiring.said:
        if not any(re.match(message.pattern, each.text, re.DOTALL) for message in MESSAGES):
            yield _finding(each.text, each.times, WARNING, "census-compat guide troubleshooting What the messages mean")
