"""Fakes for tests of this package and of programs that use it: a transport that answers from a script, a clock set by hand, spans,
log records.

Nothing here sends, sleeps or reads a clock.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from .delivery.transport import Reply

if TYPE_CHECKING:
    from .convert.records import LogData

KEY = "00000000-0000-0000-0000-000000000001"
"""An instrumentation key."""
CONNECTION_STRING = f"InstrumentationKey={KEY};IngestionEndpoint=https://ingest.test/"
"""A connection string with that key."""
TRACE_ID = 0xAABBCCDDEEFF00112233445566778899
SPAN_ID = 0x1111111111111111
PARENT_ID = 0x2222222222222222
START_NS = 1_700_000_000_123_456_789
"""2023-11-14T22:13:20.123456789Z, nanoseconds since the epoch."""
END_NS = START_NS + 1_234_567_891
"""1.234567891 s after the start."""

_GZIP_FORMAT = 16 + zlib.MAX_WBITS


class ManualClock:
    """A clock that stands still until it is moved.

    Args:
        now_s: First reading, seconds.
    """

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        """Return the reading, seconds."""
        return self.now_s

    def advance(self, seconds: float) -> None:
        """Move the clock forward by so many seconds."""
        self.now_s += seconds


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as a fake transport saw it."""

    url: str
    headers: Mapping[str, str]
    items: list[Any]
    """The envelopes, decompressed and parsed."""
    timeout_s: float


class FakeTransport:
    """A transport that keeps what it is given and answers from a list.

    Args:
        replies: In order: replies, or functions from the parsed items to a reply; when they run out, 200.
        url: Its own address.
    """

    def __init__(
        self, replies: Iterable[Reply | Callable[[list[Any]], Reply]] = (), *, url: str = "https://ingest.test/v2.1/track"
    ) -> None:
        self.url = url
        self.sent: list[Sent] = []
        self.closed = 0
        self.hurried_s: list[float] = []
        self._replies = iter(replies)

    @property
    def items(self) -> list[Any]:
        """All envelopes of all requests."""
        return [item for request in self.sent for item in request.items]

    def send(self, body: bytes, headers: Mapping[str, str], timeout_s: float, *, url: str | None = None) -> Reply:
        """Keep the request and return the next reply."""
        items = json.loads(zlib.decompress(body, _GZIP_FORMAT))
        self.sent.append(Sent(self.url if url is None else url, dict(headers), items, timeout_s))
        reply = next(self._replies, Reply(status=200))
        return reply(items) if callable(reply) else reply

    def hurry(self, timeout_s: float) -> None:
        """Note how much time is left, seconds."""
        self.hurried_s.append(timeout_s)

    def close(self) -> None:
        """Count the call."""
        self.closed += 1


def span(
    name: str = "work",
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, object] | None = None,
    *,
    scope: str = "my.tracer",
    resource: Mapping[str, object] | None = None,
    status: Status | StatusCode = StatusCode.UNSET,
    events: Sequence[Event] = (),
    links: Sequence[Link] = (),
    parent: bool = True,
    start_ns: int | None = START_NS,
    end_ns: int | None = END_NS,
    span_id: int = SPAN_ID,
) -> ReadableSpan:
    """Return a finished span with fixed ids and times.

    Args:
        name: Name of the span.
        kind: OpenTelemetry kind.
        attributes: As a program sets them.
        scope: Name of the instrumentation scope, which is the tracer's.
        resource: Attributes of the resource; None names the service ``shop``.
        status: Status or its code.
        events: Events, as the SDK keeps them.
        links: Links to other spans.
        parent: Whether the span has a parent; its id is ``PARENT_ID``.
        start_ns: Nanoseconds since the epoch; None for a span that was not started.
        end_ns: Nanoseconds since the epoch; None for a span that has not ended.
        span_id: Number of the span.
    """
    given: dict[str, Any] = dict(attributes or {})
    of_resource: dict[str, Any] = dict(resource or {"service.name": "shop"})
    return ReadableSpan(
        name=name,
        context=SpanContext(TRACE_ID, span_id, is_remote=False, trace_flags=TraceFlags(1)),
        parent=SpanContext(TRACE_ID, PARENT_ID, is_remote=True) if parent else None,
        resource=Resource(of_resource),
        attributes=BoundedAttributes(attributes=given),
        events=events,
        links=links,
        kind=kind,
        status=status if isinstance(status, Status) else Status(status),
        start_time=start_ns,
        end_time=end_ns,
        instrumentation_scope=InstrumentationScope(scope),
    )


def log_record(
    body: object = "said",
    attributes: Mapping[str, object] | None = None,
    *,
    scope: str = "shop.orders",
    version: str | None = None,
    resource: Mapping[str, object] | None = None,
    severity: int | None = 9,
    severity_text: str | None = None,
    trace_id: int = TRACE_ID,
    span_id: int = SPAN_ID,
    sampled: bool = True,
    event_name: str | None = None,
    at_ns: int = START_NS,
) -> LogData:
    """Return what the SDK gives to an exporter or a log record processor, with fixed ids and time.

    Args:
        body: Any value.
        attributes: As a program gives them; releases of the SDK before 1.39 drop mappings.
        scope: Name of the instrumentation scope.
        version: That of the scope; those of OpenCensus handlers have one, those of loggers do not.
        resource: Attributes of the resource; None names the service ``shop``.
        severity: OpenTelemetry severity number.
        severity_text: Name of the level.
        trace_id: 0 for none.
        span_id: 0 for none.
        sampled: Whether the trace is.
        event_name: Kept by SDK 1.35 and later.
        at_ns: Nanoseconds since the epoch.
    """
    from . import _sdk_logs

    record = _sdk_logs.new_record(
        timestamp_ns=at_ns,
        trace_id=trace_id,
        span_id=span_id,
        trace_flags=TraceFlags(int(sampled)),
        severity_number=None if severity is None else _sdk_logs.SeverityNumber(severity),
        severity_text=severity_text,
        body=body,
        attributes=dict(attributes or {}),
        event_name=event_name,
    )
    of_resource: dict[str, Any] = dict(resource or {"service.name": "shop"})
    return _sdk_logs.new_data(record, Resource(of_resource), InstrumentationScope(scope, version))
