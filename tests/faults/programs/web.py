"""A WSGI application that makes a span for each request, named as its query says."""

import json
import os

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

exporter = AzureExporter(**json.loads(os.environ["OPTIONS"]))
tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())


def app(environ, start_response):
    with tracer.span(name="item " + environ["QUERY_STRING"]):
        start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
