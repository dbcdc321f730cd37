"""Exporters of other vendors, as they are installed, and a program's own: the same program on the facade and on the real SDK.

Those that bring much with them (the OpenCensus agent's, Stackdriver's, Datadog's) are in `vendors.py`, which `make vendors` runs.
"""

from __future__ import annotations

import sys


def _spans(found, parent, name):
    """Return name and parent's name of spans, by ordinals that the programs put in the place of ids."""
    names = {span["id"]: span["name"] for span in found}
    return [(span[name], names.get(span.get(parent))) for span in found]


def test_zipkin(both):
    """The real Zipkin exporter sends the same spans, one request for each, in the same order."""
    old, new = both("zipkin.py")
    assert new == old
    (requests,) = new
    assert [path for path, _ in requests] == ["/api/v2/spans"] * 3
    spans = [span for _, sent in requests for span in sent]
    assert _spans(spans, "parentId", "name") == [("SELECT", "GET /orders"), ("price", "GET /orders"), ("GET /orders", None)]


def test_jaeger(both):
    """The real Jaeger exporter sends the same Thrift structures, to a collector and to an agent."""
    old, new = both("jaeger.py")
    assert new == old
    collector, agent = new
    calls = [(path, name, [span["operationName"] for span in arguments["batches"][0]["spans"]]) for path, (name, arguments) in collector]
    names = [["SELECT"], ["price"], ["GET /orders"]]
    assert calls == [("/api/traces", "submitBatches", each) for each in names]
    assert [(name, [span["operationName"] for span in arguments["batch"]["spans"]]) for name, arguments in agent] == [
        ("emitBatch", each) for each in names
    ]


def test_prometheus(both, result, legacy_packages):
    """The real Prometheus exporter shows the same counts and distributions, and on the facade sums and last values, at which it failed."""
    old, new = both("prometheus.py", "count", "spread")
    assert new == old
    (lines,) = new
    assert 'shop_shop_count_total{route="/a"} 3.0' in lines
    assert 'shop_shop_spread_bucket{le="10.0",route="/a"} 2.0' in lines
    (lines,) = result(sys.executable, "prometheus.py", "sum", "last", lent=legacy_packages)
    assert [line for line in lines if not line.startswith("#")] == ['shop_shop_sum{route="/a"} 55.5', 'shop_shop_last{route="/a"} 50.0']


def test_classes_of_a_program(both):
    """A program's own exporter, alone and behind each transport, stats exporter, sampler and propagator are called with the same."""
    old, new = both("own.py")
    assert new == old
    *traces, views, (headers, requests) = new
    assert [[span["json"]["spans"][0]["displayName"]["value"] for span in spans] for spans in traces] == [
        ["SELECT", "price", "GET /orders"]
    ] * 3
    assert [name for name, *_ in views[-4:]] == ["shop/count", "shop/sum", "shop/last", "shop/spread"]
    assert headers == [{"x-shop": "#0/#1"}, None]
    assert [(span["json"]["spans"][0]["spanId"], span["remote"]) for span in requests] == [("#1", True)]
