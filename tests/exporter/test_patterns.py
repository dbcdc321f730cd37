"""What is written from patterns says what the plain conversion says."""

from __future__ import annotations

import ast
import inspect
import json
import re

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceState

from appinsights_exporter import ApplicationInsightsSpanExporter
from appinsights_exporter.convert import http, incoming, legacy_spans, outgoing, patterns, peers, spans, status
from appinsights_exporter.convert.ended import rows
from appinsights_exporter.delivery import encode
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.testing import CONNECTION_STRING, KEY, START_NS, FakeTransport, span

TAGS = {"ai.cloud.role": "shop", "ai.cloud.roleInstance": "web-1"}
REQUEST = {"http.method": "GET", "http.url": "https://h.com/a/1", "http.target": "/a/1", "http.host": "h.com", "http.status_code": 200}
CALL = {"http.request.method": "GET", "url.full": "https://h.com:8443/a/1", "server.address": "h.com", "server.port": 8443}
QUERY = {"component": "postgresql", "db.system": "postgresql", "db.name": "shop", "db.statement": "SELECT %s", "net.peer.name": "pg"}
SHAPES = ("otel", "legacy")


def both(shape):
    """Return a plain conversion and new patterns of it."""
    if shape == "legacy":
        return lambda made: legacy_spans.envelopes(made, KEY, TAGS), patterns.of_legacy_spans(KEY, TAGS)
    return lambda made: spans.envelopes(made, KEY, TAGS, "redact"), patterns.of_spans(KEY, "redact", False, TAGS)


def plain(convert, made):
    """Return the items of a span as they arrive without patterns."""
    return [json.loads(encode.item(envelope)) for envelope in convert(made)]


def written(known, *made):
    """Return the items of spans as they arrive by patterns, None for each that has none."""
    texts = known.texts(rows(made))
    return [None if text is None else json.loads(encode.written([text]).items()[0]) for text in texts]


def held(convert, known, made):
    """Assert that spans, written one by one and together, in both orders, are as the plain conversion makes them."""
    expected = [plain(convert, one) for one in made]
    by_one = [written(known, one)[0] for one in made]
    for found in (by_one, written(known, *made), written(known, *reversed(made))[::-1]):
        assert all(item is None or [item] == items for item, items in zip(found, expected, strict=True))


def like(kind, attributes, number=0, **options):
    """Return a span with ids and times of its own."""
    return span("work", kind, attributes, span_id=number + 1, start_ns=START_NS + number, end_ns=START_NS + number * 1_000_000, **options)


PATHS = st.sampled_from(
    ["/", "/a/1", "/a/2", "/h.com/x", "/é", "/a b", "/https", "/" + "p" * 600, '/"', "/a;b=1", "/%20", "/\x7f", "/\uf8ff"]
)
ORIGINS = st.sampled_from(
    ["https://h.com", "http://h.com:80", "https://u:p@h.com", "https://h.com:8443", "HTTPS://H.com", "https://[::1]:5"]
)
USUAL = [None, True, False, 0, 1, 1.0, 0.0, -0.0, 25.0, 200, 404, 8443, "", "1", "h.com", "GET", "https", "/a/1", "kafka", "postgresql"]
ODD = [2**70, float("nan"), "a%sb", 'say "x"', "\ud800", "http://h:abc", "x" * 1100, "\uf8fe0\uf8fe", "10.0.0.1, 10.0.0.2", "line\nbreak"]
SCALARS = st.sampled_from(USUAL + ODD)
VALUES = st.one_of(SCALARS, st.tuples(SCALARS), PATHS, st.builds(lambda origin, path: origin + path, ORIGINS, PATHS))
NAMES = st.one_of(
    st.sampled_from(sorted(patterns.READ | patterns.LEGACY_READ)),
    st.sampled_from(["tenant", "http.flavor", "x%sy", "request.name", "k" * 200]),
)
ATTRIBUTES = st.dictionaries(NAMES, VALUES, max_size=7)


@given(
    st.sampled_from(SHAPES),
    st.sampled_from([SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.INTERNAL]),
    st.sampled_from([StatusCode.UNSET, StatusCode.OK, StatusCode.ERROR]),
    ATTRIBUTES,
    st.lists(st.lists(VALUES, min_size=7, max_size=7), min_size=1, max_size=3),
)
@settings(max_examples=120)
def test_any_spans(shape, kind, code, attributes, others):
    """Whatever spans come with the same names of attributes, in whatever order: their items are those of the plain conversion."""
    convert, known = both(shape)
    given_attributes = [attributes, *(dict(zip(attributes, values, strict=False)) for values in others), attributes]
    held(convert, known, [like(kind, one, number, status=code) for number, one in enumerate(given_attributes)])


@given(st.sampled_from(SHAPES), st.sampled_from([REQUEST, CALL, QUERY]), st.sampled_from([SpanKind.SERVER, SpanKind.CLIENT]), st.data())
@settings(max_examples=90)
def test_spans_of_instrumentations(shape, usual, kind, data):
    """Where single attributes of usual spans, and their paths, are other ones, the items are those of the plain conversion."""
    convert, known = both(shape)
    made = []
    for number in range(3):
        path = data.draw(PATHS)
        attributes = {key: value.replace("/a/1", path) if isinstance(value, str) else value for key, value in usual.items()}
        attributes |= data.draw(st.dictionaries(st.sampled_from([*usual, "http.route", "tenant"]), VALUES, max_size=1))
        made.append(like(kind, attributes, number))
    held(convert, known, made)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("kind", "attributes"),
    [(SpanKind.SERVER, REQUEST), (SpanKind.CLIENT, CALL), (SpanKind.CLIENT, QUERY), (SpanKind.INTERNAL, {}), (SpanKind.INTERNAL, {"n": 1})],
    ids=["request", "call", "query", "without", "own"],
)
def test_usual_spans_have_a_pattern(shape, kind, attributes):
    """Ids, times, the path of a URL, and the program's own attributes make no new pattern."""
    convert, known = both(shape)
    asked = []
    for number in range(3):
        changed = {key: value.replace("/a/1", f"/a/{number}é") if isinstance(value, str) else value for key, value in attributes.items()}
        made = like(kind, {**changed, "tenant": f'"{number}"\n%s', "count": number, "member": True}, number)
        assert written(known, made) == plain(convert, made)
        asked.append(sum(len(group.patterns) for group in known._groups.values()))
    assert asked == [1, 1, 1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"http.method": "GET", "http.status_code": 1}, {"http.method": "GET", "http.status_code": True}),
        ({"http.method": "GET", "http.status_code": 200}, {"http.method": "GET", "http.status_code": 200.0}),
        ({"_MS.sampleRate": 25.0}, {"_MS.sampleRate": 25}),
        (
            {"http.method": "GET", "http.url": "https://h.com/a", "http.host": "other"},
            {"http.method": "GET", "http.url": "https://h.com/other", "http.host": "other"},
        ),
        (
            {"http.method": "GET", "http.url": "https://h.com/a", "http.target": "/a"},
            {"http.method": "GET", "http.url": "https://h.com/a/b", "http.target": "/a"},
        ),
        (
            {"http.method": "GET", "http.url": "https://h.com/a", "http.target": "/a"},
            {"http.method": "GET", "http.url": "https://h.com/b", "http.target": "/\uf8ff"},
        ),
    ],
    ids=["bool", "float", "int", "host in the path", "part of the path", "stand-in"],
)
@pytest.mark.parametrize("shape", SHAPES)
def test_spans_that_seem_alike(shape, first, second):
    """A pattern of one span is not used for another one that the conversion reads differently."""
    convert, known = both(shape)
    held(convert, known, [like(SpanKind.SERVER, attributes) for attributes in (first, second, first)])


@pytest.mark.parametrize(
    "options",
    [
        {"links": [Link(SpanContext(1, 2, is_remote=True))]},
        {"status": Status(StatusCode.ERROR, "why")},
        {"attributes": {"tenant": ("a", "b")}},
        {"attributes": {"tenant": "x" * 1025}},
        {"attributes": {"url.full": "https://h.com/a?sig=1"}},
        {"end_ns": None},
    ],
    ids=["links", "description", "tuple", "long", "query", "running"],
)
def test_left_to_the_conversion(options):
    """What no pattern can say is left to the conversion."""
    assert both("otel")[1].texts(rows([span(**options)])) == [None]


def test_a_trace_state_is_read():
    """A sampler's threshold in the trace state becomes the rate of the item, which is left to the conversion."""
    made = span()
    made._context = SpanContext(1, 2, is_remote=False, trace_state=TraceState([("ot", "th:8")]))
    assert both("otel")[1].texts(rows([made])) == [None]
    assert both("legacy")[1].texts(rows([made])) != [None]


def test_ever_new_combinations_are_left_to_the_conversion():
    """Spans that never repeat what the conversion reads do not fill the memory."""
    known = both("otel")[1]
    found = known.texts(rows([span(attributes={"db.statement": f"SELECT {number}", "db.system": "x"}) for number in range(200)]))
    assert [text is not None for text in found] == [True] * patterns.MAX_OF_A_GROUP + [False] * (200 - patterns.MAX_OF_A_GROUP)
    assert [group.patterns for group in known._groups.values()] == [None]


def test_all_patterns_have_a_limit():
    """Patterns of many kinds of spans are forgotten when they become too many, and come again."""
    known = both("otel")[1]
    for number in range(600):
        assert known.texts(rows([span(attributes={"db.statement": "x" * 8000, f"n{number}": 1})])) != [None]
        assert known._chars <= patterns.MAX_CHARS


def test_attributes_that_are_read():
    """The converters read no attribute that a pattern takes for one of the program's own."""
    others = {
        "otel.status_description",
        "request.name",
        "request.url",
        "oracle.db",
        "microsoft.sql_server",
        "census.event",
        "census.link.type",
    }

    def keys(*modules):
        for module in modules:
            for node in ast.walk(ast.parse(inspect.getsource(module))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[a-z_]+(\.[a-zA-Z_]+)+", node.value):
                    yield node.value

    tags = {"ai.operation.id", "ai.operation.parentId", "ai.operation.syntheticSource", "ai.location.ip", "ai.session.id"}
    tags |= {"ai.user.id", "ai.user.authUserId", "ai.user.userAgent"}
    assert set(keys(spans, incoming, outgoing, http, peers, status)) - others - tags <= patterns.READ
    read = {"component", "stacktrace", *keys(legacy_spans)} - others - tags - {"opencensus_compat"}
    assert read <= patterns.LEGACY_READ


def test_texts_that_are_no_unicode():
    """Lone surrogates are replaced, as where an item is encoded alone."""
    convert, known = both("otel")
    made = span(attributes={"tenant": "a\ud800b"})
    (text,) = known.texts(rows([made]))
    assert [json.loads(item) for item in encode.written([text]).items()] == plain(convert, made)


def test_items_that_hold_what_stands_between_items():
    """Items that were encoded together come apart as they were put together, whatever they hold."""
    odd = {"name": "Microsoft.ApplicationInsights.Event", "inner": [{"a": 1}, {"name": "Microsoft.ApplicationInsights.Event"}]}
    usual = {"name": "Microsoft.ApplicationInsights.Event", "text": '},{"name":"Microsoft.ApplicationInsights.'}
    for items in ([usual], [usual, usual, usual], [usual, odd, usual], [odd, odd]):
        assert [orjson.loads(item) for item in encode.together(items).items()] == items


def test_items_of_programs_come_apart():
    """Items that a program has made have any order of fields, and hold anything."""
    between = {"inner": [{"a": 1}, {"name": "Microsoft.ApplicationInsights.Event"}], "name": "Microsoft.ApplicationInsights.Event"}
    items = [between, {"name": "Microsoft.ApplicationInsights.Event"}, {"tags": {}}]
    [batch] = encode.batches(encode.brought([encode.item(item) for item in items]))
    assert [orjson.loads(item) for item in batch.items()] == items


def test_long_items_of_programs_stay_apart():
    """What would be too much for a part of a batch is handed on one by one."""
    items = [encode.item({"a": "x" * 60_000})] * 5
    assert encode.brought(items) == items
    assert encode.brought(items[:2])[0].number == 2


def test_long_items_are_not_encoded_together():
    """What is too long for one item, or too much for a part of a batch, is encoded one by one."""
    assert encode.together([{"a": "x" * 70_000}]) is None
    assert encode.together([{"a": "x" * 60_000}] * 5) is None
    assert encode.together([{"a": "x" * 40_000}] * 2).number == 2


def test_an_export_keeps_the_order():
    """Items from patterns and converted ones arrive in the order of their spans."""
    transport = FakeTransport()
    exporter = ApplicationInsightsSpanExporter(CONNECTION_STRING, delivery=Delivery(transport))
    made = [span(f"s{number}", attributes={"n": (1,)} if number % 3 else {}) for number in range(100)]
    exporter.export(made)
    assert [item["data"]["baseData"]["name"] for item in transport.items] == [f"s{number}" for number in range(100)]


class _Brought:
    """What the facade gives to the exporter where a program converts spans itself."""

    context = SpanContext(1, 2, is_remote=False)

    def to_envelopes(self):
        return [{"name": "Microsoft.ApplicationInsights.Event", "data": {"baseData": {"name": "brought"}}}]


def test_a_batch_of_spans_of_all_kinds():
    """Spans of several resources and scopes, of OpenCensus code, such as bring their items, and one that is none keep order and roles."""
    transport = FakeTransport()
    exporter = ApplicationInsightsSpanExporter(CONNECTION_STRING, delivery=Delivery(transport), legacy_context_tags=TAGS)
    made = [
        (span("s0", resource={"service.name": "a"}), "a"),
        (span("s1", resource={"service.name": "b"}, scope="other"), "b"),
        (_Brought(), None),
        (span("s2", scope="opencensus_compat"), "shop"),
        (span("s3", resource={"service.name": "a"}, attributes={"n": (1,)}), "a"),
        (span("s4", resource={"service.name": "a"}), "a"),
        (span("no span", start_ns="then"), "none"),
        (span("s5", resource={"service.name": "b"}), "b"),
    ]
    exporter.export([one for one, _ in made] * 2)
    arrived = [(item["data"]["baseData"]["name"], item.get("tags", {}).get("ai.cloud.role")) for item in transport.items]
    expected = [("brought" if role is None else one.name, role) for one, role in made if role != "none"]
    assert arrived == expected * 2
    assert exporter.counts.snapshot().dropped == {"a span could not be converted": 2}


def test_telemetry_processors_see_all():
    """With a telemetry processor, no item is written past it."""
    transport = FakeTransport()
    exporter = ApplicationInsightsSpanExporter(CONNECTION_STRING, delivery=Delivery(transport))
    exporter.export([span("before")])
    seen = []
    exporter.add_telemetry_processor(lambda envelope: seen.append(envelope.data.baseData.name))
    exporter.export([span("with")])
    exporter.clear_telemetry_processors()
    exporter.export([span("after")])
    assert (seen, len(transport.items)) == (["with"], 3)
