"""Files other than Python's: their requirements, handlers and loggers, as parts of changes."""

from __future__ import annotations

import codecs
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite.edits import Change, Edit, Part
from opencensus_compat.rewrite.texts import configurations, requirements

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_CONFIGURATIONS = (".cfg", ".conf", ".ini", ".json", ".toml", ".yaml", ".yml")
_INSTRUMENTATION = re.compile(rb"^[ \t]*from opentelemetry\.instrumentation\.(\w+) import\b", re.MULTILINE)
_NO_DISTRIBUTIONS = frozenset(
    {b"auto_instrumentation", b"bootstrap", b"dependencies", b"distro", b"environment_variables", b"instrumentor"}
    | {b"propagators", b"sqlcommenter_utils", b"utils", b"version"}
)
"""Modules of opentelemetry-instrumentation itself."""
_MAKERS = re.compile(rb"\bopencensus\.ext\.(\w+)|\bopencensus\.ext[ \t]+import[ \t]+([^#\r\n;]+)")
_EXPORTERS = {
    b"from opentelemetry.exporter.cloud_trace import CloudTraceSpanExporter": "opentelemetry-exporter-gcp-trace",
    b"from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter": "opentelemetry-exporter-otlp-proto-http",
    b"from opentelemetry.exporter.prometheus import PrometheusMetricReader": "opentelemetry-exporter-prometheus",
    b"from opentelemetry.exporter.zipkin.json import ZipkinExporter": "opentelemetry-exporter-zipkin-json",
}
"""Import that a run writes -> the distribution that has it."""
_OURS = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(?:opencensus|opencensus_compat|appinsights_exporter)\b", re.MULTILINE)
_COMMENT = re.compile(rb"^[ \t]*#.*$", re.MULTILINE)
_LISTED = re.compile(rb"\binstrumentations=\[([^\]]*)\]")
_TEXT = re.compile(rb"""["']([\w-]+)["']""")


class Left(NamedTuple):
    """What stays in a file, with the reason."""

    line: int
    rule: str
    symbol: str
    reason: str
    is_generated: bool = False
    """A tool makes the file."""


def concerns(data: bytes) -> bool:
    """Return whether a file may have something to change."""
    lowered = data.lower()
    return b"opencensus" in lowered or requirements.NEW.encode() in lowered


def needed(sources: Iterable[bytes]) -> set[str]:
    """Return the distributions of the instrumentations and exporters of OpenTelemetry that Python files import."""
    found = set()
    for source in sources:
        names = [name for name in _INSTRUMENTATION.findall(source) if name not in _NO_DISTRIBUTIONS]
        if b"appinsights_exporter" in source:
            # What a marker says to write is not there yet.
            names += [name for listed in _LISTED.findall(_COMMENT.sub(b"", source)) for name in _TEXT.findall(listed)]
        found |= {f"opentelemetry-instrumentation-{name.decode().replace('_', '-')}" for name in names}
        found |= {distribution for line, distribution in _EXPORTERS.items() if line in source}
    return found


def is_ours(sources: Iterable[bytes]) -> bool:
    """Return whether Python files import OpenCensus, or what a run writes in its place; others asked for what they import before."""
    return any(_OURS.search(source) for source in sources)


def named(sources: Iterable[bytes]) -> set[str]:
    """Return the distributions below ``opencensus.ext`` whose modules code and settings name."""
    found = set()
    for source in sources:
        for module, listed in _MAKERS.findall(source):
            names = [module] if module else [name.split()[0] for name in listed.strip(b" ()").split(b",") if name.strip()]
            found |= {f"opencensus-ext-{name.decode().replace('_', '-')}" for name in names}
    return found


def asks(path: str, data: bytes) -> bool:
    """Return whether a file that no tool makes asks for census-compat."""
    text = _text(data)
    return not requirements.is_lock(path, text) and any(
        requirements.normalized(one.name) == requirements.NEW for one in requirements.read(path, text)
    )


def too_old(path: str, data: bytes) -> list[Left]:
    """Return where a file beside a requirement of census-compat is for an older Python."""
    text = _text(data)
    return [Left(_line(text, one.start), "R001", one.name, one.reason) for one in requirements.too_old(path, text)]


set_by_code = configurations.set_by_code


def required(path: str, data: bytes) -> set[str]:
    """Return the distributions that a file with OpenTelemetry's or OpenCensus's asks for; none for lock files and constraints."""
    text = _text(data)
    if (
        not (b"opentelemetry" in data or b"opencensus" in data)
        or requirements.is_lock(path, text)
        or os.path.basename(path).startswith("constraints")
    ):
        return set()
    return {requirements.normalized(one.name) for one in requirements.read(path, text)}


def _text(data: bytes) -> str:
    """Return a character for each byte, and blanks for a byte-order mark."""
    return (b"   " + data[3:] if data.startswith(codecs.BOM_UTF8) else data).decode("latin-1")


def changes(
    path: str,
    data: bytes,
    wanted: Iterable[str] = (),
    used: Collection[str] = (),
    makers: Collection[str] | None = None,
    set_later: Collection[str] = (),
) -> tuple[list[Change], list[Left]]:
    """Return what becomes of the uses in a file, and what stays.

    Args:
        path: Its path; the name tells its form.
        data: Its bytes, in any encoding that has ASCII's.
        wanted: Distributions that the code imports, and that no file asks for.
        used: All instrumentations that the code imports.
        makers: Distributions of OpenCensus that code and settings name; None where these are not known.
        set_later: Options of log handlers that code sets in dictionaries.
    """
    text = _text(data)
    splices, lasting = requirements.edits(path, text, wanted, used, makers)
    scopes: dict[int, list[Part]] = {}
    for splice in splices:
        symbol = requirements.normalized(splice.name) if splice.name else splice.text.strip(" \t\r\n,\"'\\")
        scopes.setdefault(splice.scope, []).append(_part(path, text, "R001", symbol, [splice]))
    found = [Change(tuple(parts)) for parts in scopes.values()]
    is_lock = requirements.is_lock(path, text)
    left = [Left(_line(text, one.start), "R001", one.name, one.reason, is_lock) for one in lasting]
    if path.endswith(_CONFIGURATIONS):
        names, staying = configurations.read(path, text, set_later)
        found += [Change((_part(path, text, one.rule, one.name, one.edits),)) for one in names]
        left += [Left(_line(text, one.start), one.rule, one.name, one.reason) for one in staying]
    return sorted(found, key=lambda change: change.line), left


def _part(path: str, text: str, rule: str, symbol: str, splices: Sequence[requirements.Edit | configurations.Edit]) -> Part:
    edits = tuple(Edit(splice.start, splice.end, splice.text.encode("latin-1")) for splice in splices)
    return Part(path, rule, _line(text, splices[0].start), symbol, edits)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
