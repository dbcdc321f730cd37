"""What is fuzzed: functions of arbitrary bytes that raise for a finding, and for nothing else.

``run.py`` gives them what atheris makes up; ``tests/exporter/test_fuzz_targets.py`` gives them a little of it in the usual tests.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import ipaddress
import json
import zlib
from random import Random

from opentelemetry.context import Context

from appinsights_exporter import connection_string
from appinsights_exporter.convert import exceptions, incoming, urls
from appinsights_exporter.convert.spans import threshold_percent
from appinsights_exporter.delivery import classify, decode, encode, legacy_envelopes, proxies
from appinsights_exporter.delivery.backoff import Backoff
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.delivery.packing import packed, unpacked
from appinsights_exporter.delivery.transport import Reply
from appinsights_exporter.errors import ConfigurationError, ConnectionStringError, EncodingError
from appinsights_exporter.settings import resolve
from appinsights_exporter.testing import KEY, FakeTransport, ManualClock
from opencensus_compat import propagators
from opencensus_compat.ext.azure.common import parse_connection_string
from opencensus_compat.local import bodies, schema, tables
from opencensus_compat.tags.propagation.binary_serializer import BinarySerializer
from opencensus_compat.trace.propagation.b3_format import B3FormatPropagator
from opencensus_compat.trace.propagation.binary_format import BinaryFormatPropagator
from opencensus_compat.trace.propagation.google_cloud_format import GoogleCloudFormatPropagator
from opencensus_compat.trace.propagation.text_format import TextFormatPropagator
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.propagation.tracestate_string_format import TracestateStringFormatter

NOW_S = 1_700_000_000.0
ITEMS = 3
BODY_LIMIT_BYTES = 4096
SAID_OF_PROXIES = {
    str(proxies.unusable(proxies.Proxy("", "S"))),
    "S cannot be used: encode special characters of the password, as in %23 for #",
    "S cannot be used: a SOCKS proxy needs the package PySocks",
}


def connection_strings(data: bytes) -> None:
    """Read as a connection string: it is one, or it is our error, which quotes no key."""
    text = data.decode("utf-8", "surrogateescape")
    for given in (text, f"InstrumentationKey={KEY};{text}"):
        with contextlib.suppress(ConnectionStringError):
            parsed = connection_string.parse(given, source="fuzz")
            assert parsed.ingestion_endpoint.startswith(("http://", "https://"))
        with contextlib.suppress(ConfigurationError):
            repr(resolve(given, environ={}))
        with contextlib.suppress(ValueError):
            parse_connection_string(given)


def replies(data: bytes) -> None:
    """Judge and obey as a reply: a status, headers a line each, and a body. Every item is sent, lost and counted, or kept."""
    status = int.from_bytes(data[:2], "big") % 700
    lines = data[2:].split(b"\n", 3)
    names = ("retry-after", "location", "cache-control")
    headers = {name: line.decode("latin-1") for name, line in zip(names, lines, strict=False)}
    reply = Reply(status=status, headers=headers, body=lines[3] if len(lines) > 3 else b"")
    for count in (1, ITEMS):
        outcome = classify.classify(reply, count, NOW_S)
        if isinstance(outcome, classify.PartlyAccepted):
            named = [*outcome.retry, *(rejection.index for rejection in outcome.rejected)]
            assert len(set(named)) == len(named)
            assert all(0 <= index < count for index in named)
    wait_s = classify.retry_after_s(headers.get("retry-after"), NOW_S)
    assert wait_s is None or 0 <= wait_s <= classify.MAX_RETRY_AFTER_S
    clock = ManualClock()
    delivery = Delivery(
        FakeTransport([reply] * 30),
        backoff=Backoff(Random(1), clock),
        background=False,
        clock=clock,
        wall_clock=lambda: NOW_S,
    )
    delivery.deliver([b'{"n":%d}' % number for number in range(ITEMS)])
    for _ in range(3):
        clock.advance(delivery.drain_step() or 0)
    counts = delivery.counts.snapshot()
    assert counts.sent + sum(counts.dropped.values()) + delivery.kept() == ITEMS


def reply_bodies(data: bytes) -> None:
    """Decode as the body of a reply, in the encodings that its first line names: no more than the limit comes out, or our error."""
    encodings, _, body = data.partition(b"\n")
    for content in (body, gzip.compress(body, 1), zlib.compress(gzip.compress(body, 1))):
        for encoding in (encodings.decode("latin-1"), "gzip", "deflate", "gzip, deflate"):
            with contextlib.suppress(decode.DecodeError):
                assert len(decode.decoded(content, encoding, BODY_LIMIT_BYTES)) <= BODY_LIMIT_BYTES


def proxy_settings(data: bytes) -> None:
    """Take as the URL of a proxy: nothing is wrong with it, or the error names its setting and nothing of it."""
    text = data.decode("utf-8", "surrogateescape")
    said = ""
    try:
        proxies.check(proxies.Proxy(text, "S"))
    except proxies.ProxySettingError as error:
        said = str(error)
    assert said in ("", *SAID_OF_PROXIES)


def envelopes(data: bytes) -> None:
    """Encode what JSON says, and what is wrapped around it: the result is JSON that the service takes, or our error."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = data.decode("utf-8", "surrogateescape")
    fields = {"ver": 2, "properties": {"value": value, value if isinstance(value, str) else 1: data}, "message": str(data) * 100}
    for envelope in (value, {"data": {"baseData": fields}}, {"data": {"baseData": value}, "tags": {None: {1}, b"x": 1j}}):
        if isinstance(envelope, dict):
            with contextlib.suppress(EncodingError):
                encoded = encode.item(envelope)
                assert len(encoded) <= encode.MAX_ITEM_BYTES
                assert b"\n" not in encoded
                json.loads(encoded)


def legacy_lines(data: bytes) -> None:
    """Take over as lines of a blob: each is an item or has a reason."""
    head = b'{"iKey":"%s","time":"2023-11-14T22:13:20.0Z","data":{"baseType":"MessageData","baseData":' % KEY.encode()
    for line in (*data.split(b"\n"), head + data + b"}}"):
        item = legacy_envelopes.normalised_item(line, NOW_S, KEY)
        if isinstance(item, legacy_envelopes.Dropped):
            assert item.reason.text.startswith("legacy: ")
        else:
            json.loads(item)
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(data)
        envelope = {"iKey": KEY, "time": "2023-11-14T22:13:20Z", "tags": value, "data": {"baseType": "MetricData", "baseData": value}}
        legacy_envelopes.normalised(envelope, NOW_S, KEY)
        legacy_envelopes.normalised({**envelope, "time": value}, NOW_S, KEY)


def stored_files(data: bytes) -> None:
    """Read as the content of a file of the store, plain, packed, and cut or changed in the middle."""
    packed_data = packed([line for line in data.split(b"\n") if line] or [b"{}"])
    middle = len(packed_data) // 2
    broken = packed_data[:middle] + data[:8] + packed_data[middle + 8 :]
    for content in (data, gzip.compress(data, 1), packed_data, packed_data[:middle], broken):
        items, whole = unpacked(content)
        assert all(isinstance(item, bytes) and b"\n" not in item for item in items)
        if not whole:
            assert all(isinstance(json.loads(item), dict) for item in items)


def local_bodies(data: bytes) -> None:
    """Receive as a request's body: each item is judged, and what is accepted has a row."""
    for encoding in ("", "gzip", "deflate"):
        items = []
        with contextlib.suppress(bodies.BodyError):
            items = bodies.split(bodies.decode(data, encoding, max_bytes=2**20))
        for item in items:
            if schema.check(item.value, size_bytes=item.size_bytes, now_s=NOW_S).status == 200:
                tables.row(item.value, 1)


def trace_headers(data: bytes) -> None:
    """Continue as a trace context in every format, and hand it on."""
    text = data.decode("latin-1")
    parts = [*text.split("\n", 2), "", ""][:3]
    for key in ("traceparent", "b3", "X-Cloud-Trace-Context"):
        headers = {key: parts[0], "tracestate": parts[1]}
        for propagator in (TraceContextPropagator(), B3FormatPropagator(), GoogleCloudFormatPropagator()):
            propagator.from_headers(headers)
    B3FormatPropagator().from_headers({"x-b3-traceid": parts[0], "x-b3-spanid": parts[1], "x-b3-sampled": parts[2]})
    BinaryFormatPropagator().from_header(data)
    names = ("traceid", "spanid", "traceoptions")
    TextFormatPropagator().from_carrier({f"opencensus-trace-{name}": part for name, part in zip(names, parts, strict=True)})
    for propagator in (TraceContextPropagator(), B3FormatPropagator(), GoogleCloudFormatPropagator()):
        for headers in ({"traceparent": text}, {"b3": text}, {"X-Cloud-Trace-Context": text}):
            propagator.to_headers(propagator.from_headers(headers))


def trace_states(data: bytes) -> None:
    """Read as a trace state, which is written as it was read; and hand it to whatever OpenTelemetry is configured with."""
    text = data.decode("latin-1")
    parent = "00-6e0c63257de34c92bf9efcd03927272e-00f067aa0ba902b7-01"
    with contextlib.suppress(ValueError):
        state = TracestateStringFormatter().from_string(text)
        assert TracestateStringFormatter().from_string(TracestateStringFormatter().to_string(state)) == state
    for headers in ({"traceparent": parent, "tracestate": text}, {"traceparent": parent, "baggage": text}, {"traceparent": text}):
        for propagator in (TraceContextPropagator(), propagators.OpenTelemetryPropagator()):
            propagator.to_headers(propagator.from_headers(headers))
    percent = threshold_percent({"ot": text})
    assert percent is None or 0 < percent <= 100


def tags(data: bytes) -> None:
    """Read as binary tags, which are written as they were read."""
    with contextlib.suppress(ValueError):
        found = list(BinarySerializer().from_byte_array(data))
        written = BinarySerializer().to_byte_array(found)
        assert written is None or list(BinarySerializer().from_byte_array(written)) == found


def extracted(data: bytes) -> None:
    """Read as every header of the OpenTelemetry propagators of ours, as text, as base64 and as bytes."""
    texts = (data.decode("latin-1"), base64.b64encode(data).decode("ascii"))
    for made in (
        propagators.OpenCensusB3Propagator(),
        propagators.OpenCensusCloudTracePropagator(),
        propagators.OpenCensusTextPropagator(),
        propagators.OpenCensusBinaryPropagator(),
        propagators.OpenCensusTagsPropagator(),
    ):
        for text in texts:
            names = {*getattr(made, "_names", ()), *made.fields}
            carrier: dict[str, str] = {}
            made.inject(carrier, made.extract(dict.fromkeys(names, text), Context()))


def hosts(data: bytes) -> None:
    """Read as host, client and URL of a request: what comes out is a host, an address, and a URL without secrets."""
    text = data.decode("latin-1")
    for port in ("", "8080", text):
        host = urls.authority(text, port, "80")
        assert "/" not in host
    address = incoming.client_address(text)
    assert not address or ipaddress.ip_address(address)
    urls.mended(text, "8080")
    assert "s3cret" not in urls.redacted(text.replace("s3cret", "") + "&sig=s3cret")


def tracebacks(data: bytes) -> None:
    """Read as a traceback's text: type, message and frames are within the limits, and numbers point back."""
    text = data.decode("utf-8", "surrogateescape")
    for with_text in (True, False):
        found = exceptions.details("", "", text, with_text=with_text)
        assert 1 <= len(found) <= exceptions.MAX_EXCEPTIONS
        for number, entry in enumerate(found, 1):
            assert entry["typeName"]
            assert entry["message"]
            assert 0 <= entry.get("outerId", 0) < number
            frames = entry.get("parsedStack", [])
            assert len(frames) <= exceptions.MAX_FRAMES
            assert all(len(frame["method"]) <= 1024 and 0 <= frame["line"] < 2**31 for frame in frames)


TARGETS = {
    function.__name__: function
    for function in (
        connection_strings,
        replies,
        reply_bodies,
        proxy_settings,
        envelopes,
        legacy_lines,
        stored_files,
        local_bodies,
        trace_headers,
        trace_states,
        tags,
        extracted,
        hosts,
        tracebacks,
    )
}
SEEDS = {
    "connection_strings": [
        f"InstrumentationKey={KEY};IngestionEndpoint=https://h.test/;AADAudience=a;".encode(),
        b"EndpointSuffix=x.y;Location=a",
    ],
    "replies": [
        b"\x00\xce10\nhttps://h.test/\nmax-age=5\n"
        + json.dumps({"itemsReceived": 3, "itemsAccepted": 1, "errors": [{"index": 0, "statusCode": 500, "message": "x"}]}).encode(),
        b"\x014Tue, 14 Nov 2023 22:32:00 GMT\n/v2/track\n\n{}",
    ],
    "reply_bodies": [b"gzip, x-gzip, deflate, identity\n" + gzip.compress(gzip.compress(b"0" * 100_000)), b"br\n{}"],
    "proxy_settings": [b"http://user:p%2Fx@proxy.test:8080", b"socks5h://user:p#x@[::1]:1080/"],
    "envelopes": [b'{"a":[1,null,"x",{"b":1e400}]}', b'{"exceptions":[{"parsedStack":[{"level":0}]}]}'],
    "legacy_lines": [b'{"properties":{"a":1},"metrics":[{"value":1}],"severityLevel":9,"exceptions":[{"parsedStack":["x"]}]}'],
    "stored_files": [b'{"a":1}\n{"b":2}'],
    "local_bodies": [
        b'[{"ver":1,"name":"x","time":"2023-11-14T22:13:20Z","iKey":"k","data":{"baseType":"MessageData","baseData":{"ver":2,"message":"m"}}}]'
    ],
    "trace_states": [b"a=1,b@c= 2 , d=3", b"ot=th:c;rv:0123456789abcd", b"cc-6e0c63257de34c92bf9efcd03927272e-00f067aa0ba902b7-01-what"],
    "tags": [b"\x00\x00\x01k\x01v\x00\x02ab\x00"],
    "extracted": [b"6e0c63257de34c92bf9efcd03927272e-00f067aa0ba902b7-1", b"6e0c63257de34c92bf9efcd03927272e/1;o=1", b"\x00\x00\x01k\x01v"],
    "hosts": [b"203.0.113.9:80, [::1]:8080", b"https://u:p@h:8080:5000/p?token=x#y", b"fe80::1%eth0", b"ipv6:%5B::1%5D:1"],
    "trace_headers": [
        b"00-6e0c63257de34c92bf9efcd03927272e-00f067aa0ba902b7-01\na=1,b=2",
        b"6e0c63257de34c92bf9efcd03927272e-00f067aa0ba902b7-d",
        b"6e0c63257de34c92bf9efcd03927272e/67667974448284343;o=1",
    ],
    "tracebacks": [
        b"""Traceback (most recent call last):
  File "a.py", line 3, in f
    g()
KeyError: 1

During handling of the above exception, another exception occurred:

ValueError: b
""",
        b"""  + Exception Group Traceback (most recent call last):
  |   File "a.py", line 3, in f
  | ExceptionGroup: g (1 sub-exception)
  +-+---------------- 1 ----------------
    | TypeError: t
    +------------------------------------
""",
    ],
}
"""Inputs to begin with, by target."""
