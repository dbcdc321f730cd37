"""Print the outcome of a table of calls into the pure OpenCensus modules, as JSON.

    python pure_calls.py opencensus           # in an environment with the real package
    python pure_calls.py opencensus_compat    # in ours

Uses nothing but the standard library, the package under test, and `metrics_calls.py` and `stats_calls.py` beside it. The random
numbers are seeded before each call, so that generated ids can be compared too.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import logging
import os
import random
import sys
import tempfile
from collections import OrderedDict
from datetime import date, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import metrics_calls
import stats_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Case = tuple[str, Callable[[], Any]]

ROOT = sys.argv[1]

TRACE_ID = "6e0c63257de34c92bf9efcd03927272e"
SPAN_ID = "00f067aa0ba902b7"
MOMENT = datetime(2024, 9, 30, 8, 15, 0, 250, tzinfo=timezone.utc)


def module(name: str) -> Any:
    """Return a module of the package under test."""
    return importlib.import_module(f"{ROOT}.{name}")


def plain(value: Any) -> Any:
    """Return a value as JSON that tells types and the order of dict items, and an object as its public attributes."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, dict):
        return {type(value).__name__: [[plain(key), plain(item)] for key, item in value.items()]}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, tuple):
        return {type(value).__name__: [plain(item) for item in value]}
    if isinstance(value, logging.LogRecord):
        return {key: plain(value.__dict__.get(key)) for key in ("msg", "levelname", "traceId", "spanId", "traceSampled", "own")}
    if type(value).__module__.startswith(ROOT + "."):
        # Names with an underscore are each package's own business.
        public = {key: plain(item) for key, item in sorted(vars(value).items()) if not key.startswith("_")}
        return {"object": type(value).__name__, "attributes": public}
    return {"repr": repr(value)}


class Levels(logging.Handler):
    """Notes the levels of the records that reach the root logger."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Note one record."""
        self.seen.append(record.levelname)


def outcome(name: str, call: Callable[[], Any], levels: Levels) -> dict[str, Any]:
    """Return what a call gave back or which exception it raised, the levels of what it logged, and what its exceptions said."""
    random.seed(name)
    levels.seen = []
    metrics_calls.MESSAGES.clear()
    try:
        result: dict[str, Any] = {"value": plain(call())}
    except Exception as error:  # noqa: BLE001 -- the exceptions are what is compared
        result = {"raises": metrics_calls.note(error)}
    result["logged"] = levels.seen
    result["said"] = [*metrics_calls.MESSAGES]
    return result


def contexts() -> list[tuple[str, Any]]:
    """Return span contexts of every kind, by name."""
    span_context = module("trace.span_context").SpanContext
    options = module("trace.trace_options").TraceOptions
    tracestate = module("trace.tracestate").Tracestate(a="1", b="2")
    return [
        ("sampled", span_context(TRACE_ID, SPAN_ID, options("1"), from_header=True)),
        ("unsampled", span_context(TRACE_ID, SPAN_ID, options("0"))),
        ("by-default", span_context(TRACE_ID, SPAN_ID)),
        ("number", span_context(TRACE_ID, SPAN_ID, options(255))),
        ("bool", span_context(TRACE_ID, SPAN_ID, options(True))),
        ("two-digits", span_context(TRACE_ID, SPAN_ID, options("01"))),
        ("tracestate", span_context(TRACE_ID, SPAN_ID, options("1"), tracestate)),
        ("long-ids", span_context(TRACE_ID + "ab", SPAN_ID + "cd", options("1"))),
        ("no-span", span_context(TRACE_ID, None, options("1"))),
    ]


TRACEPARENTS: list[tuple[str, Any]] = [
    ("sampled", f"00-{TRACE_ID}-{SPAN_ID}-01"),
    ("unsampled", f"00-{TRACE_ID}-{SPAN_ID}-00"),
    ("random-flag", f"00-{TRACE_ID}-{SPAN_ID}-03"),
    ("flags-10", f"00-{TRACE_ID}-{SPAN_ID}-10"),
    ("flags-99", f"00-{TRACE_ID}-{SPAN_ID}-99"),
    ("flags-letter", f"00-{TRACE_ID}-{SPAN_ID}-0b"),
    ("flags-ff", f"00-{TRACE_ID}-{SPAN_ID}-ff"),
    ("flags-upper-case", f"00-{TRACE_ID}-{SPAN_ID}-0B"),
    ("blanks", f" \t00-{TRACE_ID}-{SPAN_ID}-01\t "),
    ("line-end", f"00-{TRACE_ID}-{SPAN_ID}-01\n"),
    ("two-lines", f"00-{TRACE_ID}-{SPAN_ID}-01\n00"),
    ("version-1", f"01-{TRACE_ID}-{SPAN_ID}-01"),
    ("version-1-longer", f"01-{TRACE_ID}-{SPAN_ID}-01-what-the-future-brings"),
    ("version-1-glued", f"01-{TRACE_ID}-{SPAN_ID}-01.what"),
    ("version-0-longer", f"00-{TRACE_ID}-{SPAN_ID}-01-more"),
    ("version-0-dash", f"00-{TRACE_ID}-{SPAN_ID}-01-"),
    ("version-ff", f"ff-{TRACE_ID}-{SPAN_ID}-01"),
    ("no-trace", f"00-{'0' * 32}-{SPAN_ID}-01"),
    ("no-span", f"00-{TRACE_ID}-{'0' * 16}-01"),
    ("word-none", f"00-{TRACE_ID}-None-01"),
    ("upper-case", f"00-{TRACE_ID.upper()}-{SPAN_ID}-01"),
    ("short", f"00-{TRACE_ID[:-1]}-{SPAN_ID}-01"),
    ("empty", ""),
    ("garbage", "\x00\u00e9-\u0660"),
    ("huge", "0" * 100_000),
    ("number", 1),
    ("bytes", f"00-{TRACE_ID}-{SPAN_ID}-01".encode()),
]

TRACESTATES: list[tuple[str, Any]] = [
    ("one", "foo=1"),
    ("two", "foo=1,bar=2"),
    ("blanks", "foo=1 \t , \t bar=2"),
    ("blank-before", " foo=1"),
    ("blank-behind", "foo=1 "),
    ("tenant", "fw529a3039@dt=FfFfFf"),
    ("tenant-digit", "1a@dt=1"),
    ("all-signs", "a_-*/9=!#$%&'()*+-./:;<>?@[\\]^_`{|}~ x"),
    ("twice", "foo=1,foo=2"),
    ("empty", ""),
    ("empty-member", "foo=1,,bar=2"),
    ("comma-behind", "foo=1,"),
    ("no-value", "foo="),
    ("no-key", "=1"),
    ("no-equals", "foo"),
    ("two-equals", "foo=1=2"),
    ("upper-case", "Foo=1"),
    ("32-members", ",".join(f"k{i}=v" for i in range(32))),
    ("33-members", ",".join(f"k{i}=v" for i in range(33))),
    ("key-256", "k" * 256 + "=v"),
    ("key-257", "k" * 257 + "=v"),
    ("value-256", "k=" + "v" * 256),
    ("value-257", "k=" + "v" * 257),
    ("line-end", "foo=1\n"),
    ("unicode", "foo=\u00e9"),
    ("number", 1),
]

B3_HEADERS: list[tuple[str, Any]] = [
    ("none", None),
    ("empty", {}),
    ("many-1", {"x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID, "x-b3-sampled": "1"}),
    ("many-0", {"x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID, "x-b3-sampled": "0"}),
    ("many-true", {"x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID, "x-b3-sampled": "True"}),
    ("many-d", {"x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID, "x-b3-sampled": "d"}),
    ("many-word", {"x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID, "x-b3-sampled": "yes"}),
    ("many-deferred", {"x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID}),
    ("many-64", {"x-b3-traceid": TRACE_ID[:16], "x-b3-spanid": SPAN_ID, "x-b3-sampled": "1"}),
    ("many-odd-length", {"x-b3-traceid": TRACE_ID[:20], "x-b3-spanid": SPAN_ID, "x-b3-sampled": "1"}),
    ("many-not-hex", {"x-b3-traceid": "z" * 32, "x-b3-spanid": "y" * 16, "x-b3-sampled": "1"}),
    ("many-no-trace", {"x-b3-spanid": SPAN_ID, "x-b3-sampled": "1"}),
    ("many-no-span", {"x-b3-traceid": TRACE_ID, "x-b3-sampled": "1"}),
    ("many-empty", {"x-b3-traceid": "", "x-b3-spanid": "", "x-b3-sampled": ""}),
    ("many-zero-trace", {"x-b3-traceid": "0" * 32, "x-b3-spanid": SPAN_ID, "x-b3-sampled": "1"}),
    ("many-zero-span", {"x-b3-traceid": TRACE_ID, "x-b3-spanid": "".join(["0"] * 16), "x-b3-sampled": "1"}),
    ("many-other-case", {"X-B3-TraceId": TRACE_ID, "X-B3-SpanId": SPAN_ID, "X-B3-Sampled": "1"}),
    ("many-numbers", {"x-b3-traceid": 1, "x-b3-spanid": 2, "x-b3-sampled": "1"}),
    ("many-sampled-number", {"x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID, "x-b3-sampled": 1}),
    ("one-0", {"b3": "0"}),
    ("one-1", {"b3": "1"}),
    ("one-d", {"b3": "d"}),
    ("one-deferred", {"b3": f"{TRACE_ID}-{SPAN_ID}"}),
    ("one-sampled", {"b3": f"{TRACE_ID}-{SPAN_ID}-1"}),
    ("one-unsampled", {"b3": f"{TRACE_ID}-{SPAN_ID}-0"}),
    ("one-parent", {"b3": f"{TRACE_ID}-{SPAN_ID}-d-{SPAN_ID}"}),
    ("one-64", {"b3": f"{TRACE_ID[:16]}-{SPAN_ID}-1"}),
    ("one-five-fields", {"b3": f"{TRACE_ID}-{SPAN_ID}-1-{SPAN_ID}-x"}),
    ("one-seven-fields", {"b3": "a-b-c-d-e-f-g"}),
    ("one-dashes", {"b3": "---"}),
    ("one-empty", {"b3": "", "x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID, "x-b3-sampled": "1"}),
    ("one-wins", {"b3": "0", "x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID, "x-b3-sampled": "1"}),
]

GOOGLE_HEADERS: list[tuple[str, Any]] = [
    ("none", None),
    ("sampled", f"{TRACE_ID}/67667974448284343;o=1"),
    ("unsampled", f"{TRACE_ID}/67667974448284343;o=0"),
    ("no-options", f"{TRACE_ID}/67667974448284343"),
    ("no-span", f"{TRACE_ID};o=1"),
    ("empty-span", f"{TRACE_ID}/;o=1"),
    ("trace-only", TRACE_ID),
    ("zero-span", f"{TRACE_ID}/0;o=1"),
    ("zero-trace", f"{'0' * 32}/1;o=1"),
    ("20-digits", f"{TRACE_ID}/{'9' * 20};o=1"),
    ("21-digits", f"{TRACE_ID}/{'9' * 21};o=1"),
    ("options-2", f"{TRACE_ID}/1;o=2"),
    ("options-255", f"{TRACE_ID}/1;o=255"),
    ("options-256", f"{TRACE_ID}/1;o=256"),
    ("options-word", f"{TRACE_ID}/1;o=x"),
    ("inside", f"what {TRACE_ID}/1;o=1 ever"),
    ("33-digits", f"a{TRACE_ID}/1;o=1"),
    ("upper-case", TRACE_ID.upper()),
    ("other-digits", f"{TRACE_ID}/\u0661\u0662;o=\u0661"),
    ("empty", ""),
    ("garbage", "\x00\u00e9"),
    ("bytes", TRACE_ID.encode()),
    ("number", 1),
]

BINARY_HEADERS: list[tuple[str, Any]] = [
    ("none", None),
    ("sampled", bytes.fromhex(f"0000{TRACE_ID}01{SPAN_ID}0201")),
    ("unsampled", bytes.fromhex(f"0000{TRACE_ID}01{SPAN_ID}0200")),
    ("options-255", bytes.fromhex(f"0000{TRACE_ID}01{SPAN_ID}02ff")),
    ("other-version", bytes.fromhex(f"0700{TRACE_ID}01{SPAN_ID}0201")),
    ("other-fields", bytes.fromhex(f"0009{TRACE_ID}09{SPAN_ID}0901")),
    ("zero-span", bytes.fromhex(f"0000{TRACE_ID}01{'0' * 16}0201")),
    ("zeros", bytes(29)),
    ("short", bytes(28)),
    ("long", bytes(30)),
    ("empty", b""),
    ("bytearray", bytearray.fromhex(f"0000{TRACE_ID}01{SPAN_ID}0201")),
    ("text", "0" * 29),
    ("number", 29),
]

CARRIERS: list[tuple[str, Any]] = [
    ("empty", {}),
    ("all", {"opencensus-trace-traceid": TRACE_ID, "opencensus-trace-spanid": SPAN_ID, "opencensus-trace-traceoptions": "1"}),
    ("options-0", {"opencensus-trace-traceid": TRACE_ID, "opencensus-trace-spanid": SPAN_ID, "opencensus-trace-traceoptions": "0"}),
    ("options-empty", {"opencensus-trace-traceid": TRACE_ID, "opencensus-trace-traceoptions": ""}),
    ("no-options", {"opencensus-trace-traceid": TRACE_ID, "opencensus-trace-spanid": SPAN_ID}),
    ("no-trace", {"opencensus-trace-spanid": SPAN_ID}),
    ("upper-case", {"OpenCensus-Trace-TraceId": TRACE_ID, "OpenCensus-Trace-SpanId": SPAN_ID, "OpenCensus-Trace-TraceOptions": "1"}),
    ("others", {"host": "example.org"}),
    ("not-hex", {"opencensus-trace-traceid": "x", "opencensus-trace-spanid": "y"}),
    ("number", {"opencensus-trace-traceid": 1}),
    ("number-key", {1: 2}),
    ("none", None),
]


def propagation() -> Iterator[Case]:
    """Every format, read and written, with good, odd and broken input."""
    w3c = module("trace.propagation.trace_context_http_header_format").TraceContextPropagator()
    b3 = module("trace.propagation.b3_format").B3FormatPropagator()
    google = module("trace.propagation.google_cloud_format").GoogleCloudFormatPropagator()
    binary = module("trace.propagation.binary_format").BinaryFormatPropagator()
    text = module("trace.propagation.text_format").TextFormatPropagator()
    formatter = module("trace.propagation.tracestate_string_format").TracestateStringFormatter()

    yield "w3c.no-headers", lambda: w3c.from_headers(None)
    yield "w3c.no-header", lambda: w3c.from_headers({})
    yield "w3c.other-case", lambda: w3c.from_headers({"Traceparent": TRACEPARENTS[0][1]})
    for name, header in TRACEPARENTS:
        yield f"w3c.{name}", lambda h=header: w3c.from_headers({"traceparent": h})
    for name, header in TRACESTATES:
        yield f"tracestate.{name}", lambda h=header: formatter.from_string(h)
        yield f"w3c.tracestate.{name}", lambda h=header: w3c.from_headers({"traceparent": TRACEPARENTS[0][1], "tracestate": h})
    for name, headers in B3_HEADERS:
        yield f"b3.{name}", lambda h=headers: b3.from_headers(h)
    for name, header in GOOGLE_HEADERS:
        yield f"google.header.{name}", lambda h=header: google.from_header(h)
        yield f"google.{name}", lambda h=header: google.from_headers({"X-Cloud-Trace-Context": h})
    yield "google.no-headers", lambda: google.from_headers(None)
    for name, header in BINARY_HEADERS:
        yield f"binary.{name}", lambda h=header: binary.from_header(h)
    for name, carrier in CARRIERS:
        yield f"text.{name}", lambda c=carrier: text.from_carrier(c)
    for name, context in contexts():
        yield f"w3c.write.{name}", lambda c=context: w3c.to_headers(c)
        yield f"b3.write.{name}", lambda c=context: b3.to_headers(c)
        yield f"google.write.{name}", lambda c=context: google.to_headers(c)
        yield f"binary.write.{name}", lambda c=context: binary.to_header(c)
        yield f"text.write.{name}", lambda c=context: text.to_carrier(c, {"host": "example.org"})
    binary_constants = vars(module("trace.propagation.binary_format"))
    yield "binary.constants", lambda: {k: v for k, v in sorted(binary_constants.items()) if k.isupper()}
    yield "binary.header-fields", lambda: binary_constants["Header"]._fields


def mutated(rng: random.Random, text: str, alphabet: str) -> str:
    """Return a text with one to three characters replaced, removed or inserted."""
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(text) + 1)
        text = text[:place] + rng.choice(["", rng.choice(alphabet), rng.choice(alphabet) * 2]) + text[place + rng.randint(0, 1) :]
    return text


def hostile_propagation() -> Iterator[Case]:
    """Headers with random changes, the same in each run."""
    w3c = module("trace.propagation.trace_context_http_header_format").TraceContextPropagator()
    b3 = module("trace.propagation.b3_format").B3FormatPropagator()
    google = module("trace.propagation.google_cloud_format").GoogleCloudFormatPropagator()
    binary = module("trace.propagation.binary_format").BinaryFormatPropagator()
    formatter = module("trace.propagation.tracestate_string_format").TracestateStringFormatter()
    rng = random.Random(1)
    for number in range(150):
        header = mutated(rng, f"00-{TRACE_ID}-{SPAN_ID}", "0af-g \t\n") + rng.choice(["-00", "-01", "-03", "-1", "-011", "-01-"])
        yield f"hostile.w3c.{number}", lambda h=header: w3c.from_headers({"traceparent": h})
        header = mutated(rng, f"{TRACE_ID}-{SPAN_ID}-1-{SPAN_ID}", "0af-dg \n")
        yield f"hostile.b3.{number}", lambda h=header: b3.from_headers({"b3": h})
        header = mutated(rng, f"{TRACE_ID}/67667974448284343;o=1", "0a/;o=g \n")
        yield f"hostile.google.{number}", lambda h=header: google.from_header(h)
        octets = bytes(rng.randrange(256) for _ in range(rng.choice([28, 29, 29, 29, 30])))
        yield f"hostile.binary.{number}", lambda h=octets: binary.from_header(h)
        header = mutated(rng, "foo=1, bar@baz=2,*=3", "ab@=, \t\n_9A")
        yield f"hostile.tracestate.{number}", lambda h=header: formatter.from_string(h)


def identity() -> Iterator[Case]:
    """Span contexts, trace options and trace states."""
    contexts_module = module("trace.span_context")
    span_context = contexts_module.SpanContext
    options = module("trace.trace_options").TraceOptions
    tracestate = module("trace.tracestate").Tracestate

    yield "context.new", span_context
    yield "context.generate-trace-id", contexts_module.generate_trace_id
    yield "context.generate-span-id", contexts_module.generate_span_id
    for name, context in contexts():
        yield f"context.{name}", lambda c=context: c
        if context.tracestate is None:  # whose repr depends on the Python version
            yield f"context.repr.{name}", lambda c=context: repr(c)
    for name, value in [
        ("empty", ""), ("short", "ab"), ("upper-case", TRACE_ID.upper()), ("not-hex", "g" * 32), ("long", TRACE_ID * 2),
        ("zeros", "".join(["0"] * 32)), ("number", 1), ("bytes", TRACE_ID.encode()),
    ]:  # fmt: skip
        yield f"context.trace-id.{name}", lambda v=value: span_context(v, SPAN_ID, from_header=True)
        yield f"context.span-id.{name}", lambda v=value: span_context(TRACE_ID, v, from_header=True)
    yield "context.invalid-span-id", lambda: span_context(TRACE_ID, contexts_module.INVALID_SPAN_ID, from_header=True)
    yield (
        "context.patterns",
        lambda: [
            [bool(p.match(t)) for t in ("", "0" * 15, "0" * 16, "0" * 40, "A" * 32)]
            for p in (contexts_module.TRACE_ID_PATTERN, contexts_module.SPAN_ID_PATTERN)
        ],
    )

    def switched(byte: Any, enabled: Any) -> list[Any]:
        made = options(byte)
        made.set_enabled(enabled)
        return [made, made.get_enabled(), repr(made)]

    for byte in ["0", "1", "2", "01", "00", "254", "255", "256", "-1", "", "x", "0x1", " 1", "1_0", 0, 1, 3, 255, 256, -1, True, False, None,
                 1.9, b"1", [], "\u0661"]:  # fmt: skip
        yield f"options.{byte!r}", lambda b=byte: [options(b), repr(options(b)), options(b).get_enabled()]
        for enabled in (True, False, 1, None):
            yield f"options.{byte!r}.set.{enabled}", lambda b=byte, e=enabled: switched(b, e)

    def put(key: Any, value: Any) -> Any:
        state = tracestate()
        state[key] = value
        return state

    for key in ["a", "ab1_-*/", "a@b", "A", "1a", "", "a b", "a=b", "\u00e9", "a\n", "k" * 300, 1, None, b"a"]:
        yield f"tracestate.key.{key!r}", lambda k=key: put(k, "v")
    for value in ["v", "v w", " v", "v ", "", "a,b", "a=b", "\u00e9", "v\n", "v\nw", "v" * 256, "v" * 257, 1, None]:
        yield f"tracestate.value.{value!r}", lambda v=value: put("k", v)

    def changed(*steps: tuple[str, str, str]) -> list[Any]:
        state = tracestate(a="1", b="2", c="3")
        for method, key, value in steps:
            getattr(state, method)(key, value)
        return [state, state.is_valid()]

    yield "tracestate.append.new", lambda: changed(("append", "d", "4"))
    yield "tracestate.append.old", lambda: changed(("append", "a", "4"))
    yield "tracestate.append.bad", lambda: changed(("append", "a", "="))
    yield "tracestate.prepend.new", lambda: changed(("prepend", "d", "4"))
    yield "tracestate.prepend.old", lambda: changed(("prepend", "c", "4"))
    yield "tracestate.set.old", lambda: changed(("__setitem__", "b", "4"))
    for size in (0, 1, 32, 33):
        yield f"tracestate.valid.{size}", lambda s=size: tracestate((f"k{i}", "v") for i in range(s)).is_valid()
    yield "tracestate.bad-from-dict", lambda: tracestate({"A": "1"})


def samplers() -> Iterator[Case]:
    """Rates and decisions."""
    samplers_module = module("trace.samplers")
    span_context = module("trace.span_context").SpanContext
    options = module("trace.trace_options").TraceOptions
    trace_ids = [TRACE_ID, "a" * 16 + "0" * 16, "a" * 16 + "f" * 16, "a" * 16 + "7" + "f" * 15, "a" * 16 + "8" + "0" * 15]

    yield "sampler.base", lambda: samplers_module.Sampler().should_sample(span_context())
    for rate in [None, 0, 0.0, 1e-4, 0.25, 0.5, 1, 1.0, True, -0.1, -0.0, 1.0001, 5, float("nan"), float("inf"), "0.5", b"1", [], 1j]:
        yield f"sampler.rate.{rate!r}", lambda r=rate: samplers_module.ProbabilitySampler(r)
    yield "sampler.rate.keyword", lambda: samplers_module.ProbabilitySampler(rate=0.5).rate
    yield "sampler.rate.default", lambda: samplers_module.DEFAULT_SAMPLING_RATE
    for trace_id in trace_ids:
        for byte in "01":
            context = span_context(trace_id, None, options(byte))
            chosen = [samplers_module.ProbabilitySampler(rate) for rate in (0, 1e-4, 0.25, 0.5, 0.75, 1)]
            chosen += [samplers_module.AlwaysOnSampler(), samplers_module.AlwaysOffSampler()]
            yield f"sampler.decide.{trace_id}.{byte}", lambda s=chosen, c=context: [sampler.should_sample(c) for sampler in s]
    for trace_id in [*trace_ids, TRACE_ID + "ab", "", "0" * 16, "x" * 32]:
        yield f"sampler.lower-long.{trace_id}", lambda t=trace_id: samplers_module.get_lower_long_from_trace_id(t)


LONG = "x" * 127 + "\u00e9"  # 129 bytes, the last two of them one character


def spans() -> list[Any]:
    """Return span data with everything, with nothing, and with an empty stack trace."""
    time_event = module("trace.time_event")
    attributes = module("trace.attributes").Attributes
    span_data = module("trace.span_data").SpanData
    stack_trace = module("trace.stack_trace")
    frame = stack_trace.StackFrame("f", "f", "/app/a.py", 12, 0, "/app/a.py", "unknown", "unknown").format_stack_frame_json()
    context = module("trace.span_context").SpanContext(TRACE_ID, SPAN_ID, from_header=True)
    full = span_data(
        name=LONG,
        context=context,
        span_id=SPAN_ID,
        parent_span_id="1" * 16,
        attributes={"text": LONG, "bool": True, "int": 2**70, "float": 1.5, "none": None, "list": [1], LONG: "k"},
        start_time="2024-09-30T08:15:00.000250Z",
        end_time="2024-09-30T08:15:01.000250Z",
        child_span_count=3,
        stack_trace=stack_trace.StackTrace([frame], 7),
        annotations=[time_event.Annotation(MOMENT, "note", attributes({"a": 1})), time_event.Annotation(MOMENT, LONG)],
        message_events=[time_event.MessageEvent(MOMENT, 5, 1, 10, 8), time_event.MessageEvent(MOMENT, "6")],
        links=[module("trace.link").Link(TRACE_ID, SPAN_ID, 1, {"l": 1}), module("trace.link").Link(TRACE_ID, SPAN_ID)],
        status=module("trace.status").Status(2, "bad", [{"@type": "t"}]),
        same_process_as_parent_span=True,
        span_kind=1,
    )
    bare = span_data("bare", None, SPAN_ID, None, {}, None, None, 0, None, [], [], [], None, None, 0)
    unstacked = full._replace(stack_trace=stack_trace.StackTrace([], 8), annotations=None, message_events=None, links=None, attributes=None)
    return [full, bare, unstacked]


def formatting() -> Iterator[Case]:
    """The JSON form of span data and its parts."""
    attributes = module("trace.attributes").Attributes
    status_module = module("trace.status")
    status = status_module.Status
    span_data = module("trace.span_data")
    stack_trace = module("trace.stack_trace")
    time_event = module("trace.time_event")
    link = module("trace.link")

    for code in (0, 2, 16, 99, None):
        yield f"status.{code}", lambda c=code: [status(c, "m", [1]), status(c, "m", [1]).format_status_json(), status(c).is_ok]
    yield "status.bare", lambda: [status(1).format_status_json(), status(1).canonical_code, status(1).description]
    yield "status.from-exception", lambda: status.from_exception(ValueError("why"))
    yield "status.as-ok", lambda: [status.as_ok(), status.as_ok() is status.as_ok()]
    for name in ("CANCELLED", "INVALID_URL", "TIMEOUT"):
        yield f"status.{name}", lambda n=name: getattr(module("trace.exceptions_status"), n)
    yield "status.unknown", lambda: module("trace.exceptions_status").unknown(KeyError("k"))
    yield (
        "attributes.names",
        lambda: [module("trace.attributes_helper").COMMON_ATTRIBUTES, module("trace.attributes_helper").GRPC_ATTRIBUTES],
    )

    shared = {"a": 1}
    yield "attributes.kept", lambda: attributes(shared).attributes is shared
    yield "attributes.empty-not-kept", lambda: [attributes(e).attributes is e for e in ({}, None)]

    def edited() -> Any:
        made = attributes()
        made.set_attribute("a", 1)
        made.set_attribute("b", 2)
        made.delete_attribute("a")
        made.delete_attribute("missing")
        return [made, made.get_attribute("b"), made.get_attribute("a")]

    yield "attributes.edited", edited
    for name, value in [
        ("bool", True), ("int", -5), ("float", float("inf")), ("text", "t"), ("long-text", LONG), ("empty", ""), ("none", None),
        ("list", ["a"]), ("dict", {"a": 1}), ("bytes", b"b"), ("date", MOMENT),
    ]:  # fmt: skip
        yield f"attributes.format.{name}", lambda v=value: attributes({"k": v}).format_attributes_json()
    yield "attributes.format.number-key", lambda: attributes({1: 2}).format_attributes_json()
    yield "attributes.format.long-keys", lambda: attributes({LONG: 1, LONG + "2": 2}).format_attributes_json()

    yield "annotation", lambda: [time_event.Annotation(MOMENT, "d"), time_event.Annotation(MOMENT, "d").format_annotation_json()]
    yield "annotation.attributes", lambda: time_event.Annotation(MOMENT, "d", attributes({"a": LONG})).format_annotation_json()
    yield "annotation.no-text", lambda: time_event.Annotation(MOMENT, None).format_annotation_json()
    for sizes in [(None, None), (1, None), (None, 2), (1, 2), (0, 0)]:
        for kind in (None, 0, 1, 2, 9):
            yield (
                f"message.{kind}.{sizes}",
                lambda k=kind, s=sizes: [
                    time_event.MessageEvent(MOMENT, 1, k, *s),
                    time_event.MessageEvent(MOMENT, 1, k, *s).format_message_event_json(),
                ],
            )
    yield "link.bare", lambda: [link.Link(TRACE_ID, SPAN_ID), link.Link(TRACE_ID, SPAN_ID).format_link_json()]
    yield "link.full", lambda: link.Link(TRACE_ID, SPAN_ID, link.Type.PARENT_LINKED_SPAN, {"a": 1}).format_link_json()
    yield "link.empty-attributes", lambda: link.Link(TRACE_ID, SPAN_ID, None, {}).format_link_json()

    def frame(number: int) -> Any:
        return stack_trace.StackFrame(f"f{number}", LONG, LONG, number, 0, "m", "b", "s")

    def filled(given: int, added: int) -> Any:
        trace = stack_trace.StackTrace([frame(i).format_stack_frame_json() for i in range(given)], 7)
        for number in range(added):
            trace.add_stack_frame(frame(1000 + number))
        kept = [f["line_number"] for f in trace.stack_frames]
        return [trace.dropped_frames_count, kept, trace.format_stack_trace_json()]

    yield "stack.frame", lambda: frame(1).format_stack_frame_json()
    for given, added in [(0, 0), (1, 1), (128, 0), (129, 0), (130, 2), (127, 3)]:
        yield f"stack.{given}.{added}", lambda g=given, a=added: filled(g, a)
    yield "stack.random-id", lambda: [stack_trace.StackTrace(), stack_trace.generate_hash_id()]

    def from_traceback() -> Any:
        try:
            int("x")
        except ValueError as error:
            trace = stack_trace.StackTrace.from_traceback(error.__traceback__)
        # The hash covers the text of the traceback, which depends on the Python version.
        return [trace.stack_frames, trace.dropped_frames_count, 0 <= trace.stack_trace_hash_id < 2**48]

    yield "stack.from-traceback", from_traceback
    yield "stack.from-no-traceback", lambda: stack_trace.StackTrace.from_traceback(None)

    yield "span-data.fields", lambda: span_data.SpanData._fields
    yield "span-data.repr", lambda: repr(spans()[1])
    yield "span-data.tuple", lambda: list(spans()[1])
    yield "span-data.missing", lambda: span_data.SpanData("n")
    yield "span-data.assigned", lambda: setattr(spans()[1], "name", "x")
    full, bare, unstacked = spans()
    yield "span-data.none", lambda: span_data.format_legacy_trace_json([])
    yield "span-data.full", lambda: span_data.format_legacy_trace_json([full])
    yield "span-data.all", lambda: span_data.format_legacy_trace_json([full, bare, unstacked])
    yield "span-data.no-context", lambda: span_data.format_legacy_trace_json([bare])
    yield "span-data.no-span", lambda: span_data.format_legacy_trace_json(["x"])


def exporters() -> Iterator[Case]:
    """The exporters that need no service."""
    transports = module("common.transports.base")
    base = module("trace.base_exporter").Exporter
    full, bare, _ = spans()

    yield "exporter.base.emit", lambda: base().emit([])
    yield "exporter.base.export", lambda: base().export([])
    yield "exporter.transport.export", lambda: transports.Transport().export([])
    yield "exporter.transport.flush", lambda: transports.Transport().flush()

    def printed() -> str:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            module("trace.print_exporter").PrintExporter().export([bare, bare])
        return out.getvalue()

    def written(mode: dict[str, str]) -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "spans.json")
            exporter = module("trace.file_exporter").FileExporter(path, **mode)
            exporter.export([full])
            exporter.export([full, bare])
            with open(path, encoding="utf-8") as file:
                return file.read()

    def logged() -> list[Any]:
        kept = []
        handler = logging.Handler()
        handler.emit = kept.append  # type: ignore[method-assign]
        exporter = module("trace.logging_exporter").LoggingExporter(handler)
        root = logging.getLogger()
        try:
            exporter.export([full])
            return [kept, exporter.logger is root, root.level, handler in root.handlers]
        finally:
            root.removeHandler(handler)
            root.setLevel(logging.WARNING)

    def own_transport() -> Any:
        class Transport(transports.Transport):
            def __init__(self, exporter: Any) -> None:
                self.exporter = exporter

            def export(self, datas: Any) -> None:
                self.exporter.got = ("exported", datas)

        exporter = module("trace.print_exporter").PrintExporter(transport=Transport)
        exporter.export([1])
        return exporter.got

    yield "exporter.print", printed
    yield "exporter.file", lambda: written({})
    yield "exporter.file.append", lambda: written({"file_mode": "a"})
    yield "exporter.file.bad-mode", lambda: written({"file_mode": "q"})
    yield "exporter.logging", logged
    yield "exporter.own-transport", own_transport


def bounded() -> Iterator[Case]:
    """The bounded collections of a span."""
    span = module("trace.span")

    def filled_list(size: int, *items: Any) -> list[Any]:
        made = span.BoundedList(size)
        for item in items:
            made.append(item)
        return [list(made), made.dropped, len(made), repr(made)]

    def extended_list(size: int, *batches: list[Any]) -> list[Any]:
        made = span.BoundedList(size)
        for batch in batches:
            made.extend(batch)
        return [list(made), made.dropped, made[0], made[-1]]

    def filled_dict(size: int, *items: tuple[Any, Any]) -> list[Any]:
        made = span.BoundedDict(size)
        for key, value in items:
            made[key] = value
        return [list(made.items()), made.dropped, len(made), repr(made)]

    yield "bounded.list", lambda: filled_list(2, 1, 2, 3)
    yield "bounded.list.room", lambda: filled_list(2, 1)
    yield "bounded.list.extended", lambda: extended_list(3, [1, 2], [3, 4, 5, 6])
    yield "bounded.list.from", lambda: list(span.BoundedList.from_seq(2, (1, 2)))
    yield "bounded.list.from-too-many", lambda: span.BoundedList.from_seq(2, (1, 2, 3))
    yield "bounded.list.index", lambda: span.BoundedList(2)[0]
    yield "bounded.list.unmeasured", lambda: span.BoundedList(2).extend(iter([1]))
    yield "bounded.dict", lambda: filled_dict(2, ("a", 1), ("b", 2), ("c", 3))
    yield "bounded.dict.again", lambda: filled_dict(2, ("a", 1), ("b", 2), ("a", 3), ("c", 4))
    yield "bounded.dict.from", lambda: dict(span.BoundedDict.from_map(2, {"a": 1}))
    yield "bounded.dict.from-too-many", lambda: span.BoundedDict.from_map(1, {"a": 1, "b": 2})
    yield "bounded.dict.missing", lambda: span.BoundedDict(1)["a"]
    yield "bounded.dict.delete-missing", lambda: span.BoundedDict(1).__delitem__("a")
    yield "bounded.dict.pop", lambda: [span.BoundedDict.from_map(2, {"a": 1}).pop("a"), span.BoundedDict(1).pop("b", 5)]


@contextlib.contextmanager
def environment(**variables: str | None) -> Iterator[None]:
    """Set environment variables, or unset those given as None, inside a `with` statement."""
    before = {name: os.environ.get(name) for name in variables}
    for name, value in [*variables.items()]:
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


LABELS = [
    "", " ", "k=v", " k = v ", "k1=v1,k2=v2", "k1=v1, k2=v2", "k=v,", ",k=v", "k=v,,l=w", "k", "k=", "=v", "k=v=w", "k v=w",
    "k='v1,=z1'", 'k="v"', "'k 1'=\"v 1\"", "k='v", "k=v'", "k='a'b", "'a'b=c", "k=\"a'b'c\"", "k=''", "''=v", "k=1,k=2", "k=v\n", "k=\u00e9",
    "k='a\nb'", 'a="b",c=\'d\' , e=f',
]  # fmt: skip


def resources() -> Iterator[Case]:
    """Resources from arguments and from the environment."""
    resource = module("common.resource")

    for name, arguments in [
        ("none", ()), ("type", ("t",)), ("empty-type", ("",)), ("labels", ("t", {"a": "b"})), ("empty-key", ("t", {"": "b"})),
        ("no-value", ("t", {"a": None})), ("empty-value", ("t", {"a": ""})), ("long-type", ("t" * 257,)), ("type-256", ("t" * 256,)),
        ("bad-type", ("t\u00e9",)), ("bad-key", ("t", {"a\n": "b"})), ("bad-value", ("t", {"a": "\x7f"})), ("long-value", ("t", {"a": "b" * 257})),
        ("number-value", ("t", {"a": 1})), ("number-type", (1,)),
    ]:  # fmt: skip
        yield f"resource.{name}", lambda a=arguments: resource.Resource(*a)
    labels = {"a": "b"}
    yield (
        "resource.copies",
        lambda: [
            resource.Resource("t", labels).labels is labels,
            resource.Resource("t", labels).get_labels() == labels,
            resource.Resource("t").get_type(),
        ],
    )
    every = [
        resource.Resource(None, {"a": "1", "b": "1"}),
        resource.Resource("t2", {"b": "2", "c": "2"}),
        resource.Resource("t3", {"c": "3", "d": "3"}),
    ]
    yield "resource.merge", lambda: resource.merge_resources(every)
    yield "resource.merge.one", lambda: resource.merge_resources(every[:1])
    yield "resource.merge.none", lambda: resource.merge_resources([])
    yield "resource.merge.method", lambda: every[2].merge(every[1])
    for number, text in enumerate([None, "", "a", " ~", "\x1f", "\x7f", "a" * 256, "a" * 257, "\u00e9", 5]):
        yield f"resource.ascii.{number}", lambda t=text: resource.check_ascii_256(t)
    for text in ["", "a", '"', '""', "''", '"a"', "'a'", "\"a'", "'a\"b'", '"a"b"', "a'b'", '"a', '"\n"', '"a"\n', '"\x01"', "''a''"]:
        yield f"resource.unquote.{text!r}", lambda t=text: resource.unquote(t)
    for text in LABELS:
        yield f"resource.labels.{text!r}", lambda t=text: resource.parse_labels(t)

    def from_environment(type_: str | None, labels: str | None) -> Any:
        with environment(OC_RESOURCE_TYPE=type_, OC_RESOURCE_LABELS=labels):
            return resource.get_from_env()

    for type_ in (None, "", " ", "t", " t "):
        for text in (None, "", "a=b", "a='b c'", "broken"):
            yield f"resource.environment.{type_!r}.{text!r}", lambda t=type_, x=text: from_environment(t, x)

    rng = random.Random(2)
    for number in range(400):
        text = "".join(rng.choices("ab=,'\" \t", weights=[4, 4, 4, 3, 2, 2, 2, 1], k=rng.randint(1, 14)))
        yield f"hostile.labels.{number}", lambda t=text: resource.parse_labels(t)
        yield f"hostile.unquote.{number}", lambda t=text: resource.unquote(t)


AWS_DOCUMENT = b'{"region": "eu-west-1", "accountId": "123", "instanceId": "i-1", "imageId": "ami-1", "kernelId": null}'
GOOGLE_REPLIES = {"instance/id": b"42", "project/project-id": b"my-project", "instance/zone": b"projects/7/zones/us-east1-b"}


def clouds() -> Iterator[Case]:
    """What is asked of metadata services and made of their replies."""
    aws = module("common.monitored_resource.aws_identity_doc_utils")
    google = module("common.monitored_resource.gcp_metadata_config")
    kubernetes = module("common.monitored_resource.k8s_utils")
    monitored = module("common.monitored_resource.monitored_resource")

    def asked(function: Callable[[], Any], *, google_replies: dict[str, bytes], aws_reply: bytes | None = None, **variables: str) -> Any:
        requests = []

        def reply(url: str, headers: Any = None) -> bytes | None:
            requests.append([url, headers])
            if "169.254" in url:
                return aws_reply
            return google_replies.get(url.partition("computeMetadata/v1/")[2])

        aws.get_request = google.get_request = reply
        aws.AwsIdentityDocumentUtils.inited = aws.AwsIdentityDocumentUtils.is_running = False
        google.GcpMetadataConfig.inited = google.GcpMetadataConfig.is_running = False
        aws.aws_metadata_map.clear()
        # The map is filled once for the life of a process; a new one stands for a new process.
        for name in ("_GCP_METADATA_MAP", "_metadata"):
            getattr(google, name, {}).clear()
        unset: dict[str, str | None] = dict.fromkeys(
            ("OC_RESOURCE_TYPE", "OC_RESOURCE_LABELS", "KUBERNETES_SERVICE_HOST", "CONTAINER_NAME", "NAMESPACE", "HOSTNAME")
        )
        with environment(**{**unset, **variables}):
            return [function(), requests]

    in_cluster = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "CONTAINER_NAME": "c", "NAMESPACE": "n", "HOSTNAME": "pod"}
    cluster = {**GOOGLE_REPLIES, "instance/attributes/cluster-name": b"my-cluster"}
    yield "cloud.nothing", lambda: asked(monitored.get_instance, google_replies={})
    yield "cloud.google", lambda: asked(monitored.get_instance, google_replies=GOOGLE_REPLIES)
    yield (
        "cloud.google.partly",
        lambda: asked(monitored.get_instance, google_replies={k: v for k, v in GOOGLE_REPLIES.items() if k != "project/project-id"}),
    )
    yield "cloud.google.no-zone", lambda: asked(monitored.get_instance, google_replies={"instance/id": b"42"})
    yield (
        "cloud.google.zone",
        lambda: asked(lambda: google.GcpMetadataConfig.get_attribute("instance/zone"), google_replies={"instance/zone": b"us-east1-b"}),
    )
    yield "cloud.aws", lambda: asked(monitored.get_instance, google_replies={}, aws_reply=AWS_DOCUMENT)
    yield "cloud.aws.partly", lambda: asked(monitored.get_instance, google_replies={}, aws_reply=b'{"region": "x"}')
    yield "cloud.aws.no-document", lambda: asked(monitored.get_instance, google_replies={}, aws_reply=b"<html>")
    yield "cloud.aws.list", lambda: asked(monitored.get_instance, google_replies={}, aws_reply=b"[]")
    yield "cloud.kubernetes", lambda: asked(monitored.get_instance, google_replies={}, **in_cluster)
    yield "cloud.kubernetes.google", lambda: asked(monitored.get_instance, google_replies=cluster, **in_cluster)
    yield "cloud.kubernetes.aws", lambda: asked(monitored.get_instance, google_replies={}, aws_reply=AWS_DOCUMENT, **in_cluster)
    yield (
        "cloud.environment",
        lambda: asked(monitored.get_instance, google_replies=cluster, OC_RESOURCE_TYPE="mine", OC_RESOURCE_LABELS="zone=z", **in_cluster),
    )
    yield "cloud.is-kubernetes", lambda: asked(kubernetes.is_k8s_environment, google_replies={}, **in_cluster)
    yield "cloud.is-google", lambda: asked(monitored.is_gce_environment, google_replies={})
    yield "cloud.is-aws", lambda: asked(monitored.is_aws_environment, google_replies={}, aws_reply=AWS_DOCUMENT)
    yield "cloud.twice", lambda: asked(lambda: [monitored.is_gce_environment(), monitored.is_gce_environment()], google_replies={})
    yield "cloud.metadata", lambda: asked(lambda: aws.AwsIdentityDocumentUtils().get_aws_metadata(), google_replies={})


def helpers() -> Iterator[Case]:
    """Helpers for texts, times, URLs, statuses, integrations and settings."""
    utils = module("common.utils")
    trace_utils = module("trace.utils")
    integrations = module("trace.integrations")
    configuration = module("common.configuration")

    for moment in [
        MOMENT, MOMENT.replace(tzinfo=None), datetime(1000, 1, 1, tzinfo=timezone.utc),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc),
        datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))), date(2024, 1, 2),
        "2024", 5,
    ]:  # fmt: skip
        yield f"utils.iso.{moment}", lambda m=moment: utils.to_iso_str(m)
    yield "utils.iso.now", lambda: [len(utils.to_iso_str()), utils.to_iso_str()[10::16]]
    for text in ["2024-09-30T08:15:00.000250Z", "1970-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.5Z", "2024-09-30T08:15:00Z", "", "x", None,
                 "2024-02-30T00:00:00.000000Z", "2024-09-30T08:15:00.000250+00:00", "9999-12-31T23:59:59.999999Z"]:  # fmt: skip
        yield f"utils.microseconds.{text}", lambda t=text: utils.timestamp_to_microseconds(t)
    yield "utils.constants", lambda: [utils.UTF8, utils.MAX_LENGTH, utils.ISO_DATETIME_REGEX]
    for text in ["", "abc", LONG, "\u20ac" * 43, "\U0001f600" * 40, "\ud800", None, b"x", 5]:
        yield (
            f"utils.truncate.{text!r:.30}",
            lambda t=text: [utils.get_truncatable_str(t), utils.check_str_length(t, 5), utils.check_str_length(t)],
        )
    yield "utils.limit.0", lambda: [utils.check_str_length("abc", 0), utils.check_str_length("", 0)]
    yield "utils.limit.negative", lambda: utils.check_str_length("abc", -1)
    yield "utils.uniq", lambda: [utils.uniq([3, 1, 3, 2, 1]), list(utils.iuniq("abca")), utils.uniq([1, True, 1.0])]
    yield "utils.uniq.unhashable", lambda: utils.uniq([[]])
    for length in (1, 2, 5, 9, 0, -1):
        yield f"utils.window.{length}", lambda n=length: list(utils.window(range(5), n))
    yield "utils.window.lazy", lambda: next(utils.window(iter([1, 2, 3]), 2))
    yield "utils.window.not-yet", lambda: bool(utils.window([1], 0))

    class Thing:
        def method(self) -> str:
            return "method"

    thing = Thing()
    yield "utils.weakref.function", lambda: utils.get_weakref(spans)() is spans
    yield "utils.weakref.method", lambda: [utils.get_weakref(thing.method)()()]
    yield "utils.weakref.gone", lambda: [utils.get_weakref(Thing().method)()]
    yield "utils.weakref.none", lambda: utils.get_weakref(None)
    weak_method = module("common.backports").WeakMethod
    yield "backports.equal", lambda: [weak_method(thing.method) == weak_method(thing.method), weak_method(thing.method)()()]
    yield "backports.function", lambda: weak_method(spans)

    for code in [
        0,
        99,
        100,
        199,
        200,
        302,
        399,
        400,
        401,
        403,
        404,
        405,
        418,
        429,
        499,
        500,
        501,
        502,
        503,
        504,
        505,
        599,
        1000,
        -1,
        404.0,
        "200",
    ]:
        yield f"trace-utils.status.{code!r}", lambda c=code: trace_utils.status_from_http_code(c)
    for url in [
        "http://h/_ah/health",
        "https://h:80/_ah/health/x",
        "ftp://h/a",
        "/_ah/health",
        "h/_ah",
        "h/",
        "//x",
        "http://h",
        "",
        "HTTP://h/_ah/health",
    ]:
        for paths in (None, [], ["a"], [""], ("x", "_ah")):
            yield f"trace-utils.url.{url}.{paths}", lambda u=url, p=paths: trace_utils.disable_tracing_url(u, p)

    def made_up() -> Any:
        parts = ("http", "https", "ftp", "HTTP", ":", "/", "//", "://", "h", "h:80", "_ah/health", "a", "?", "#", "\n", "é", " ", "")
        urls = ["".join(random.choices(parts, k=random.randint(0, 9))) + "/" + "".join(random.choices(parts, k=3)) for _ in range(5000)]
        return [
            (url, trace_utils.disable_tracing_url(url, paths))
            for url in urls
            # What the scheme leaves has a path; see the rows without one.
            if "/" in url.removeprefix("http://").removeprefix("https://").removeprefix("ftp://")
            for paths in (None, random.choices(parts, k=2))
        ]

    def other_pattern() -> Any:
        before = trace_utils.URL_PATTERN
        trace_utils.URL_PATTERN = "^/base"
        try:
            return [trace_utils.disable_tracing_url(url, ["a"]) for url in ("/base/a", "/based/a", "http://a", "a/a")]
        finally:
            trace_utils.URL_PATTERN = before

    yield "trace-utils.url-made-up", made_up
    yield "trace-utils.url-other-pattern", other_pattern
    yield "trace-utils.url-bytes", lambda: trace_utils.disable_tracing_url(b"http://h/a")
    for hosts in ([], ["h:80"], ("h:80", "i"), "h:80,i"):
        yield f"trace-utils.host.{hosts}", lambda h=hosts: trace_utils.disable_tracing_hostname("h:80", h)
    execution_context = module("trace.execution_context")

    def host_of_exporter(exporter: Any) -> Any:
        before = execution_context.get_opencensus_tracer()
        execution_context.set_opencensus_tracer(SimpleNamespace(exporter=exporter))
        try:
            return [trace_utils.disable_tracing_hostname("h:80"), trace_utils.disable_tracing_hostname("i:80")]
        finally:
            execution_context.set_opencensus_tracer(before)

    yield "trace-utils.host.exporter", lambda: host_of_exporter(SimpleNamespace(host_name="h", port=80))
    yield "trace-utils.host.no-port", lambda: host_of_exporter(SimpleNamespace(host_name="h"))
    yield "trace-utils.host.no-exporter", lambda: trace_utils.disable_tracing_hostname("h:80")
    for name, function in [
        ("function", json.dumps), ("class", OrderedDict), ("method", json.JSONDecoder().decode), ("object", SimpleNamespace(__module__="m")),
        ("no-module", SimpleNamespace(__module__=None, __name__="n")), ("bare", 5),
    ]:  # fmt: skip
        yield f"trace-utils.name.{name}", lambda f=function: trace_utils.get_func_name(f)
    yield "trace-utils.constants", lambda: [trace_utils.DEFAULT_EXCLUDELIST_PATHS, trace_utils.URL_PATTERN]

    def counted() -> list[int]:
        start = integrations.get_integrations()
        integrations.add_integration(integrations._Integrations.FLASK)
        integrations.add_integration(integrations._Integrations.FLASK)
        integrations.add_integration(integrations._Integrations.SQLALCHEMY)
        both = integrations.get_integrations()
        integrations.remove_intregration(integrations._Integrations.FLASK)
        rest = integrations.get_integrations()
        integrations.remove_intregration(rest)
        return [start, both, rest]

    yield "integrations.bits", lambda: {k: v for k, v in sorted(vars(integrations._Integrations).items()) if k.isupper()}
    yield "integrations.counted", counted

    namespace = configuration.Namespace
    yield "configuration.text", lambda: [str(namespace("a")), str(namespace("a").b.c), namespace("a").b.name, str(namespace("a").b.parent)]
    for expression in [
        "opencensus.trace.samplers.ProbabilitySampler(rate=0.25)", "opencensus.trace.samplers.AlwaysOnSampler()", "opencensus.trace.Span", "{'a': 1}",
        "opencensus.trace.samplers.Missing()", "opencensus.missing.Thing()", "opencensus()", "other", "1 +", "opencensus.trace.samplers.ProbabilitySampler(2)",
        "opencensus.trace.propagation.b3_format.B3FormatPropagator()",
    ]:  # fmt: skip
        yield f"configuration.{expression}", lambda e=expression: configuration.load(e)

    fake = SimpleNamespace(trace_integration=lambda tracer: tracer)
    sys.modules["opencensus.ext.parity_fake.trace"] = fake  # type: ignore[assignment]
    broken = SimpleNamespace(trace_integration=lambda tracer: tracer.missing)
    sys.modules["opencensus.ext.parity_broken.trace"] = broken  # type: ignore[assignment]
    trace_integrations = module("trace.config_integration").trace_integrations
    for names in (["parity_fake"], ["missing"], ["parity_broken", "parity_fake"], [], ["parity_fake", "parity_fake"], None):
        yield f"integrations.switched-on.{names}", lambda n=names: trace_integrations(n)
    yield "version", lambda: module("common.version").__version__


def schedule() -> Iterator[Case]:
    """Queues and periodic tasks."""
    schedule_module = module("common.schedule")

    def queue_of(capacity: int, *items: Any) -> Any:
        made = schedule_module.Queue(capacity)
        for item in items:
            made.put(item, block=False)
        return made

    def batches(queue: Any, *counts: int) -> list[Any]:
        return [queue.gets(count, 0.001) for count in counts]

    event = schedule_module.QueueEvent("mark")
    yield "queue.empty", lambda: [queue_of(5).is_empty(), batches(queue_of(5), 1), queue_of(5).flush(), queue_of(5).flush(timeout=1)]
    yield "queue.batches", lambda: batches(queue_of(9, 1, 2, 3, 4, 5), 2, 2, 2, 2)
    yield "queue.none-asked", lambda: batches(queue_of(9, 1), 0)
    yield "queue.full", lambda: batches(queue_of(2, 1, 2, 3), 5)
    yield "queue.full.wait", lambda: [q := queue_of(1, 1), q.put(2, timeout=0.001), batches(q, 5)][2]
    yield "queue.unbounded", lambda: len(batches(queue_of(0, *range(100)), 200)[0])
    yield "queue.puts", lambda: [q := queue_of(3), q.puts([1, 2, 3, 4], block=False), batches(q, 5)][2]
    yield "queue.puts.timeout", lambda: [q := queue_of(2), q.puts([1, 2, 3], timeout=0.001), batches(q, 5)][2]
    yield "queue.puts.zero", lambda: [q := queue_of(1), q.puts([1, 2], timeout=0), batches(q, 5)][2]
    yield "queue.event", lambda: [[type(i).__name__ for i in b] for b in batches(queue_of(9, 1, event, 2, event), 5, 5, 5)]
    yield "queue.exit-event", lambda: [repr(queue_of(1).EXIT_EVENT), isinstance(queue_of(1).EXIT_EVENT, schedule_module.QueueEvent)]
    yield "queue.flush.timeout", lambda: [q := queue_of(9, 1), q.flush(timeout=0.001), [repr(i) for i in batches(q, 5)[0]]][1:]
    yield "queue.flush.zero", lambda: [q := queue_of(9, 1), q.flush(timeout=0), [repr(i) for i in batches(q, 5)[0]]][1:]
    yield "queue.flush.full", lambda: queue_of(1, 1).flush(timeout=0.001)
    yield "queue.event.wait", lambda: [e := schedule_module.QueueEvent("e"), e.wait(0.001), e.set(), e.wait(), repr(e)][1:]

    def task() -> Any:
        calls = []

        def call(*args: Any, **kwargs: Any) -> None:
            calls.append([args, kwargs])
            made.cancel()

        made = schedule_module.PeriodicTask(0.001, call, args=[1], kwargs={"k": 2}, name="n")
        made.start()
        made.join()
        return [calls, made.interval, made.name, made.daemon, made.finished.is_set()]

    yield "task.calls", task
    yield "task.defaults", lambda: [t := schedule_module.PeriodicTask(1, print), t.args, t.kwargs, t.function is print][1:]


def transports() -> Iterator[Case]:
    """The synchronous and the asynchronous transport."""
    execution_context = module("trace.execution_context")
    sync = module("common.transports.sync")
    async_ = module("common.transports.async_")

    class Exporter:
        def __init__(self, fail: bool = False) -> None:
            self.batches: list[Any] = []
            self.marks: list[bool] = []
            self.fail = fail

        def emit(self, batch: Any) -> None:
            self.batches.append(batch)
            self.marks.append(execution_context.is_exporter())
            if self.fail:
                raise ValueError("no")

    def synchronous(exporter: Exporter) -> Any:
        transport = sync.SyncTransport(exporter)
        try:
            transport.export([1, 2])
            error = None
        except ValueError as raised:
            error = str(raised)
        mark_after = execution_context.is_exporter()
        execution_context.set_is_exporter(False)
        return [error, exporter.batches, exporter.marks, mark_after]

    def background(exporter: Exporter, **options: Any) -> Any:
        transport = async_.AsyncTransport(exporter, wait_period=0, **options)
        transport.export([1, 2])
        transport.flush()
        transport.export([3])
        transport.export((4,))
        transport.flush()
        transport.worker._event.set()
        stopped = transport.worker.stop()
        merged = [item for batch in exporter.batches for item in batch]
        return [
            stopped,
            transport.worker.is_alive,
            merged,
            sorted(set(exporter.marks)),
            transport.exporter is exporter,
            transport.worker.stop(),
        ]

    class Forwarding(Exporter):
        def emit(self, batch: Any) -> None:
            sync.SyncTransport(Exporter()).export(batch)
            super().emit(batch)

    yield "transport.sync", lambda: synchronous(Exporter())
    yield "transport.sync.forwarded", lambda: synchronous(Forwarding())
    yield "transport.sync.fails", lambda: synchronous(Exporter(fail=True))
    yield "transport.async", lambda: background(Exporter())
    yield "transport.async.fails", lambda: background(Exporter(fail=True))
    yield "transport.async.options", lambda: background(Exporter(), grace_period=1.0, max_batch_size=1)

    def queued(count: int, size: int) -> Any:
        worker = async_._Worker(Exporter(), max_batch_size=size)
        for number in range(count):
            worker.enqueue([number])
        return [worker._get_items(), worker._queue.qsize(), worker.is_alive, worker.stop()]

    yield "transport.worker.batch", lambda: queued(3, 2)
    yield (
        "transport.worker.defaults",
        lambda: [
            w := async_._Worker(None),
            w._grace_period,
            w._max_batch_size,
            w._wait_period,
            async_._WORKER_THREAD_NAME,
            type(async_._WORKER_TERMINATOR).__name__,
        ][1:],
    )


def logs() -> Iterator[Case]:
    """Ids on log records."""
    log = module("log")
    execution_context = module("trace.execution_context")
    span_context = module("trace.span_context").SpanContext
    options = module("trace.trace_options").TraceOptions

    class Failing:
        @property
        def span_context(self) -> Any:
            raise ValueError("no")

    tracers: list[tuple[str, Any]] = [
        ("sampled", SimpleNamespace(span_context=span_context(TRACE_ID, SPAN_ID, options("1")))),
        ("no-span", SimpleNamespace(span_context=span_context(TRACE_ID, None, options("0")))),
        ("nothing", SimpleNamespace(span_context=SimpleNamespace(trace_id=None, span_id=None, trace_options=options("1")))),
        ("no-options", SimpleNamespace(span_context=SimpleNamespace(trace_id="t", span_id="s"))),
        (
            "undecided",
            SimpleNamespace(
                span_context=SimpleNamespace(trace_id="t", span_id="s", trace_options=SimpleNamespace(get_enabled=lambda: None))
            ),
        ),
        ("failing", Failing()),
        ("none", None),
    ]

    def inside(tracer: Any, call: Callable[[], Any]) -> Any:
        before = execution_context.get_opencensus_tracer()
        execution_context.set_opencensus_tracer(tracer)
        try:
            return call()
        finally:
            execution_context.set_opencensus_tracer(before)

    yield "log.constants", lambda: [log.TRACE_ID_KEY, log.SPAN_ID_KEY, log.SAMPLING_DECISION_KEY, log.ATTR_DEFAULTS, log.LogAttrs._fields]
    for name, tracer in tracers:
        yield f"log.attrs.{name}", lambda t=tracer: inside(t, log.get_log_attrs)
    sampled = tracers[0][1]
    logger = log.TraceLogger("parity")
    for name, extra in [("none", None), ("empty", {}), ("own", {"own": 1}), ("own-id", {"traceId": "mine"})]:
        head = ("n", logging.INFO, "f.py", 1, "message", (), None)
        yield f"log.record.positional.{name}", lambda e=extra, h=head: inside(sampled, lambda: logger.makeRecord(*h, "func", e))
        yield (
            f"log.record.positional-all.{name}",
            lambda e=extra, h=head: inside(sampled, lambda: logger.makeRecord(*h, "func", e, "sinfo")),
        )
        yield f"log.record.keyword.{name}", lambda e=extra, h=head: inside(sampled, lambda: logger.makeRecord(*h, extra=e))
    yield "log.record.no-extra", lambda: inside(sampled, lambda: logger.makeRecord("n", logging.INFO, "f.py", 1, "message", (), None))

    def mutated_extra() -> Any:
        extra = {"own": 1}
        inside(sampled, lambda: logger.makeRecord("n", logging.INFO, "f.py", 1, "message", (), None, None, extra))
        return extra

    yield "log.record.caller-extra", mutated_extra
    for name, adapter_extra, keywords in [
        ("bare", None, {}), ("adapter", {"own": 1}, {}), ("call", {"own": 1}, {"extra": {"own": 2, "b": 3}}), ("other", {}, {"exc_info": True}),
        ("own-id", {"traceId": "mine"}, {"extra": {"spanId": "s"}}), ("null", {}, {"extra": None}),
    ]:  # fmt: skip
        yield (
            f"log.adapter.{name}",
            lambda a=adapter_extra, k=keywords: inside(sampled, lambda: [log.TraceLoggingAdapter(logger, a).process("m", k), a, k]),
        )


def protocol() -> Iterator[Case]:
    """The wire types that telemetry processors change."""
    types = module("ext.azure.common.protocol")
    fields = {
        "BaseObject": ["x"],
        "Data": ["baseData", "baseType", "x"],
        "DataPoint": ["ns", "name", "kind", "value", "count", "min", "max", "stdDev", "x"],
        "Envelope": ["ver", "name", "time", "sampleRate", "seq", "iKey", "flags", "tags", "data", "x"],
        "Event": ["ver", "name", "properties", "measurements", "x"],
        "ExceptionData": ["ver", "exceptions", "severityLevel", "problemId", "properties", "measurements", "x"],
        "Message": ["ver", "message", "severityLevel", "properties", "measurements", "x"],
        "MetricData": ["ver", "metrics", "properties", "x"],
        "RemoteDependency": [
            "ver",
            "name",
            "id",
            "resultCode",
            "duration",
            "success",
            "data",
            "type",
            "target",
            "properties",
            "measurements",
            "x",
        ],
        "Request": ["ver", "id", "duration", "responseCode", "success", "source", "name", "url", "properties", "measurements", "x"],
    }

    def read(made: Any, names: list[str]) -> list[Any]:
        return [[name, getattr(made, name, "no such field"), name in made] for name in names]

    for name, names in fields.items():
        cls = getattr(types, name)
        yield f"protocol.{name}.new", lambda c=cls: [dict(c()), json.dumps(c())]
        yield f"protocol.{name}.fields", lambda c=cls, n=names: read(c(), n)
        yield f"protocol.{name}.given", lambda c=cls, n=names: dict(c(**{n[-2 % len(n)]: 1, "own": 2}))
        yield f"protocol.{name}.missing", lambda c=cls: c()["missing"]
        yield f"protocol.{name}.missing-attribute", lambda c=cls: c().missing

    def changed() -> Any:
        envelope = types.Envelope(
            name="n", tags={"a": 1}, data=types.Data(baseType="MessageData", baseData=types.Message(message="m", properties={}))
        )
        envelope.tags["ai.cloud.role"] = "role"
        envelope.tags.pop("a")
        envelope.data.baseData.properties["k"] = "v"
        envelope["data"]["baseData"]["message"] = "changed"
        envelope.own = 1
        return [json.dumps(envelope), types.Envelope(**envelope) == envelope]

    yield "protocol.changed", changed


SECTIONS: dict[str, Callable[[], Iterator[Case]]] = {
    "propagation": propagation,
    "hostile_propagation": hostile_propagation,
    "identity": identity,
    "samplers": samplers,
    "formatting": formatting,
    "exporters": exporters,
    "bounded": bounded,
    "resources": resources,
    "clouds": clouds,
    "helpers": helpers,
    "schedule": schedule,
    "transports": transports,
    "logs": logs,
    "protocol": protocol,
    "tags": lambda: stats_calls.tags(module),
    "binary_tags": lambda: stats_calls.binary_tags(module),
    "measures": lambda: stats_calls.measures(module),
    "aggregated": lambda: stats_calls.aggregated(module),
    "recording": lambda: stats_calls.recording(module),
    "views": lambda: stats_calls.views(module),
    "metrics_values": lambda: metrics_calls.metrics_values(module),
    "gauges": lambda: metrics_calls.gauges(module),
    "metric_transport": lambda: metrics_calls.metric_transport(module),
    "standard_metrics": lambda: metrics_calls.standard_metrics(module),
}


def main() -> None:
    """Make every call and print the outcomes, by section and name."""
    if ROOT == "opencensus_compat":
        importlib.import_module(ROOT).install()
    levels = Levels()
    logging.getLogger().addHandler(levels)
    calls = [(section, name, call) for section, cases in SECTIONS.items() for name, call in cases()]
    names = [name for _, name, _ in calls]
    assert len(set(names)) == len(names), f"names used twice: {sorted({name for name in names if names.count(name) > 1})}"
    results: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for section, name, call in calls:
        results[section][name] = outcome(name, call, levels)
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
