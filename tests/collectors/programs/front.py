"""Takes orders, and calls the next service for each: spans by hand, and the integration with requests."""

import sys

import requests
import telemetry
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

URL, ORDERS = sys.argv[1], int(sys.argv[2])

thread = telemetry.start_metrics()
config_integration.trace_integrations(["requests"])
tracer = Tracer(sampler=AlwaysOnSampler(), exporter=telemetry.exporter)
with tracer.span("front") as day, requests.Session() as session:
    day.span_kind = SpanKind.SERVER
    for order in range(ORDERS):
        with tracer.span(f"front {order}"):
            telemetry.work(tracer, order)
            session.get(f"{URL}/orders/{order}").raise_for_status()
        telemetry.say(order)
