"""Programs with exporters of other makers, after `census-compat rewrite`: the makers' servers get what they got on the real SDK.

`vendors.py` does it with Jaeger.
"""

from __future__ import annotations

import sys

from opencensus_compat.rewrite.rewriting import rewrite

_TRADE = '''\
"""A trace of three spans, with what both APIs keep."""

import json

from opencensus.ext.{name}.trace_exporter import {kind}
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.status import Status
from opencensus.trace.tracer import Tracer
from shop import listening, show


def trade(exporter):
    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
    with tracer.span(name="GET /orders") as request:
        request.span_kind = SpanKind.SERVER
        request.add_attribute("http.method", "GET")
        request.add_attribute("http.status_code", 200)
        request.add_annotation("cache missed", key="orders")
        with tracer.span(name="SELECT") as query:
            query.span_kind = SpanKind.CLIENT
            query.add_attribute("rows", 3)
            query.status = Status(2, "no such row")
        try:
            with tracer.span(name="price") as price:
                price.add_attribute("currency", "EUR")
                raise ValueError("no price")
        except ValueError:
            pass


with listening() as (port, taken):
    trade({kind}(service_name="shop", host_name="127.0.0.1", port=port, {more}))
    {shown}
'''
_JAEGER = """\
from opencensus.ext.jaeger.trace_exporter.gen.jaeger import jaeger
    from thrift.protocol.TBinaryProtocol import TBinaryProtocol
    from thrift.transport.TTransport import TMemoryBuffer

    def fields(found):
        if isinstance(found, list):
            return [fields(each) for each in found]
        return {key: fields(each) for key, each in vars(found).items()} if hasattr(found, "__dict__") else found

    for path, body in taken:
        protocol, found = TBinaryProtocol(TMemoryBuffer(body)), jaeger.submitBatches_args()
        protocol.readMessageBegin()
        found.read(protocol)
        show([path, fields(found)])"""
PROGRAMS = {
    "Zipkin": {
        "name": "zipkin",
        "kind": "ZipkinExporter",
        "more": 'ipv4="10.0.0.1"',
        "shown": 'show([[path, json.loads(body.replace(str(port).encode(), b"9411"))] for path, body in taken])',
    },
    "Jaeger": {"name": "jaeger", "kind": "JaegerExporter", "more": 'endpoint="/api/traces"', "shown": _JAEGER},
}


def moved(maker, folder, run_before, run_after):
    """Return what a maker gets of a program, and of the same program after `rewrite`.

    Args:
        maker: Its name in `PROGRAMS`.
        folder: Where the program is written.
        run_before: Runs the program on the real SDK, by its path.
        run_after: Runs it on this package.
    """
    program = folder / "app.py"
    program.write_text(_TRADE.format(**PROGRAMS[maker]), encoding="utf-8")
    before = run_before(str(program))
    (after,) = rewrite([str(program)]).after.values()
    program.write_bytes(after)
    assert b"from opencensus.trace" not in after
    return before, run_after(str(program))


def test_zipkin(result, legacy_python, legacy_packages, tmp_path):
    """The real exporter sends of the rewritten program what it sends of the program on the real SDK: names, ids, parents, kinds, tags."""
    old, new = moved(
        "Zipkin",
        tmp_path,
        lambda program: result(legacy_python, program),
        lambda program: result(sys.executable, program, lent=legacy_packages),
    )
    assert new == old
    (requests,) = new
    assert [[span["name"] for span in spans] for _, spans in requests] == [["SELECT"], ["price"], ["GET /orders"]]
