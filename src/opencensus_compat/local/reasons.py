"""Why nothing has arrived, as far as it can be seen from outside. Pure, but for reading the file of notes.

The processes that a command starts note what they made (`_bridge/notes.py`); the rest is in the environment, in the requests and
in the exit code.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .bodies import JsonObject

_SAMPLES_NOTHING = re.compile(r"(ParentBased\{root:)?(AlwaysOffSampler|TraceIdRatioBased\{0(\.0+)?\})")
"""Descriptions of OpenTelemetry's samplers."""
_NOTHING_EXPORTED = (
    "An exporter was made, and nothing was exported: no span ended, no log record reached the handler (loggers are at WARNING unless their "
    "level is set), or a filter or telemetry processor dropped all of it."
)
_ON = ("1", "true", "yes", "on")


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a command that has ended."""

    exit_code: int
    environment: Mapping[str, str]
    notes: Sequence[JsonObject]
    """Of its Python processes, in order of time."""
    refused: Sequence[str] = ()
    """Messages of the check."""
    requests: int = 0
    """Telemetry requests that arrived, whatever came of them."""
    misbehaves: bool = False
    """Whether rules of misbehaviour were given."""
    pass_through: bool = False
    python: str = field(default="python")
    """The Python that census-compat is installed in."""


def read_notes(path: str) -> list[JsonObject]:
    """Return the notes in a file; what cannot be read is left out."""
    found = []
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.readlines()
    except OSError:
        return []
    for line in lines:
        try:
            note = json.loads(line)
        except ValueError:
            continue
        if isinstance(note, dict):
            found.append(note)
    return found


def reasons(seen: Seen) -> list[str]:
    """Return sentences that say why nothing may have arrived and what to do, the surest first."""
    found = [*_from_exit_code(seen), *_from_environment(seen), *_from_requests(seen), *_from_processes(seen)]
    return found or [_NOTHING_EXPORTED]


def _from_exit_code(seen: Seen) -> Iterable[str]:
    if seen.exit_code > 128:
        yield f"The program was ended by signal {seen.exit_code - 128}: what it had not sent by then is lost."
    elif seen.exit_code:
        yield f"The program failed with status {seen.exit_code}: its own output says why."


def _from_environment(seen: Seen) -> Iterable[str]:
    def value(name: str) -> str:
        said = [note.get("switches", {}).get(name) for note in seen.notes if note.get("event") == "end"]
        return str(next(filter(None, said), seen.environment.get(name, ""))).strip().lower()

    if value("OPENCENSUS_COMPAT_DISABLED") in _ON:
        yield (
            "OPENCENSUS_COMPAT_DISABLED is set: `import opencensus` gives the retired SDK, and fails where that is not installed. To run on "
            "census-compat, remove the variable."
        )
    if value("OTEL_SDK_DISABLED") == "true":
        yield "OTEL_SDK_DISABLED=true switches OpenTelemetry off, and all telemetry with it. Remove the variable."
    if value("OPENCENSUS_COMPAT_SEND") == "providers":
        yield (
            "OPENCENSUS_COMPAT_SEND=providers, or configure(send='providers'): OpenCensus exporters send nothing themselves. Remove it, or "
            "give the OpenTelemetry providers an exporter."
        )
    if seen.pass_through:
        yield "--pass-through: exporters that are given another connection string send there. Leave the option out to redirect them."


def _from_requests(seen: Seen) -> Iterable[str]:
    if seen.refused:
        yield f"The check refused every item ({len(seen.refused)}), the first one with: {seen.refused[0]}."
    elif seen.requests and seen.misbehaves:
        yield f"Telemetry requests arrived ({seen.requests}), and --misbehave let none of their items in."
    elif seen.requests:
        yield f"Telemetry requests arrived ({seen.requests}), and none had an item that could be read."


def _from_processes(seen: Seen) -> Iterable[str]:
    if seen.requests or seen.pass_through:
        return
    started = {note.get("pid") for note in seen.notes if note.get("event") == "start"}
    ended = [note for note in seen.notes if note.get("event") == "end"]
    if not started:
        yield (
            f"No Python with census-compat was started. It is installed for {seen.python}: run the program with that one. Where .pth files "
            "are not read (pip install --target, python -S), put `python -m opencensus_compat run --` before the program, or make `import "
            "opencensus_compat.auto` its first import."
        )
        return
    cut = started - {note.get("pid") for note in ended}
    if cut and seen.exit_code <= 128:
        yield (
            f"Python processes ended without exit hooks, by os._exit or a signal ({len(cut)} of {len(started)}): call "
            "opencensus_compat.flush() before that."
        )
    if ended and not cut:
        yield from _from_exporters(ended)


def _from_exporters(ended: Sequence[JsonObject]) -> Iterable[str]:
    endpoints = {endpoint for note in ended for endpoint in note.get("endpoints", ())}
    samplers = {str(note.get("sampler", "")) for note in ended}
    sampled_out = any(note.get("unsampled") for note in ended)
    off = any(_SAMPLES_NOTHING.match(sampler) for sampler in samplers)
    if not endpoints:
        imported = any(note.get("opencensus") for note in ended)
        yield (
            "No exporter was made. The program imported `opencensus`, but created no AzureExporter, log or event handler, metrics exporter, "
            "or OpenTelemetry exporter of this package."
            if imported
            else "No exporter was made: the program imported nothing of `opencensus`."
        )
    if sampled_out:
        yield (
            "Spans were not sampled. A Tracer without a sampler keeps one trace in 10,000: give it sampler=AlwaysOnSampler() to see all of them."
        )
    if off:
        yield "The sampler of the OpenTelemetry tracer provider samples nothing: look at OTEL_TRACES_SAMPLER and at the provider."
