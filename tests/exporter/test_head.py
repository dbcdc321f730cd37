"""One function writes the head of every envelope."""

from __future__ import annotations

import ast
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.metrics.export import NumberDataPoint
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind

from appinsights_exporter import _sdk_logs
from appinsights_exporter.convert import head, legacy_logs, legacy_metrics, legacy_spans, logs, metrics, spans
from appinsights_exporter.envelope import Envelope
from opencensus_compat.local.shapes import ENVELOPE

KEY = "00000000-0000-0000-0000-000000000001"
TAGS = {"ai.cloud.role": "shop"}
NS = 1_700_000_000_123_456_789
CONVERT = Path(head.__file__).parent
RATE = {"_MS.sampleRate": 25.0}


def _span(kind, attributes=None, events=()):
    context = SpanContext(1, 2, is_remote=False)
    return ReadableSpan("work", context, kind=kind, attributes={**RATE, **(attributes or {})}, events=events, start_time=NS, end_time=NS)


def _record(**attributes):
    return _sdk_logs.new_record(timestamp_ns=NS, body="text", attributes={**RATE, **attributes})


def _log(**attributes):
    return logs.envelope(_record(**attributes), "my.logger", instrumentation_key=KEY, context_tags=TAGS)


def _legacy_log(**attributes):
    return legacy_logs.envelope(_record(**attributes), instrumentation_key=KEY, context_tags=TAGS)


def _metric():
    return metrics.envelope(NumberDataPoint({}, NS, NS, 1), "orders", instrumentation_key=KEY, context_tags=TAGS)


def _legacy_metric():
    point = SimpleNamespace(
        value=SimpleNamespace(value=1), timestamp=datetime.fromtimestamp(NS // 10**9, timezone.utc).replace(microsecond=123456)
    )
    series = SimpleNamespace(label_values=[], points=[point])
    metric = SimpleNamespace(descriptor=SimpleNamespace(name="orders", label_keys=[]), time_series=[series])
    return legacy_metrics.envelopes(metric, KEY, TAGS)[0][0]


EVENTS = (Event("exception", timestamp=NS), Event("note", timestamp=NS))
SERVER, CLIENT = SpanKind.SERVER, SpanKind.CLIENT

ITEMS = {
    "request": lambda: spans.envelopes(_span(SERVER), KEY, TAGS)[0],
    "dependency": lambda: spans.envelopes(_span(CLIENT), KEY, TAGS)[0],
    "exception of a span": lambda: spans.envelopes(_span(CLIENT, events=EVENTS), KEY, TAGS)[1],
    "message of a span": lambda: spans.envelopes(_span(CLIENT, events=EVENTS), KEY, TAGS)[2],
    "legacy exception": lambda: legacy_spans.envelopes(_span(SERVER, {"error.message": "no"}), KEY, TAGS)[0],
    "legacy request": lambda: legacy_spans.envelopes(_span(SERVER), KEY, TAGS)[0],
    "legacy dependency": lambda: legacy_spans.envelopes(_span(CLIENT), KEY, TAGS)[0],
    "message": _log,
    "exception": lambda: _log(**{"exception.type": "ValueError"}),
    "event": lambda: _log(**{"microsoft.custom_event.name": "sold"}),
    "availability": lambda: _log(**dict.fromkeys((f"microsoft.availability.{n}" for n in ("id", "name", "duration", "success")), "1")),
    "legacy message": _legacy_log,
    "legacy log exception": lambda: _legacy_log(**{"exception.type": "ValueError"}),
    "legacy event": lambda: _legacy_log(**{"microsoft.custom_event.name": "sold"}),
    "metric": _metric,
    "legacy metric": _legacy_metric,
}


@pytest.mark.parametrize("make", ITEMS.values(), ids=ITEMS)
def test_every_item_has_the_head(make):
    """Whatever an item is made of, its head has the same fields in the same order, and its kind under both names."""
    item = make()
    rate = [] if item["data"]["baseType"] == "MetricData" else ["sampleRate"]
    assert list(item) == ["name", "iKey", "tags", "time", "data", *rate]
    assert item["name"] == f"Microsoft.ApplicationInsights.{item['data']['baseType'].removesuffix('Data')}"
    assert (item["iKey"], item["tags"]["ai.cloud.role"]) == (KEY, "shop")
    assert (item["time"], item.get("sampleRate", 25.0)) == ("2023-11-14T22:13:20.123456Z", 25.0)


@pytest.mark.parametrize("make", ITEMS.values(), ids=ITEMS)
def test_types_processors_and_the_local_endpoint_know_every_field(make):
    """The type names each field of an item, the local endpoint warns of none, and one that items may lack has a default for processors."""
    assert make().keys() <= head.Item.__annotations__.keys() <= ENVELOPE.fields.keys()
    assert {name for name in head.Item.__optional_keys__ if not hasattr(Envelope(), name)} == set()


def test_an_item_that_was_not_sampled_has_no_rate():
    """At 100 percent the field is absent."""
    assert head.envelope_head("Message", KEY, TAGS, "2023-11-14T22:13:20.123456Z", {"ver": 2}) == {
        "name": "Microsoft.ApplicationInsights.Message",
        "iKey": KEY,
        "tags": TAGS,
        "time": "2023-11-14T22:13:20.123456Z",
        "data": {"baseType": "MessageData", "baseData": {"ver": 2}},
    }


@pytest.mark.parametrize("path", sorted(set(CONVERT.glob("*.py")) - {Path(head.__file__)}), ids=lambda path: path.stem)
def test_one_file_writes_the_head(path):
    """A field that all envelopes shall have is added in one file of the conversion: no other writes a field of the head."""
    written = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Dict):
            written |= {key.value for key in node.keys if isinstance(key, ast.Constant)}
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(node.slice, ast.Constant):
            written.add(node.slice.value)
    assert written & {"iKey", "sampleRate", "baseType", "time"} == set()
