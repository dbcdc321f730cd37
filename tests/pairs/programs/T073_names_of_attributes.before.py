from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import attributes_helper
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

HTTP_METHOD = attributes_helper.COMMON_ATTRIBUTES["HTTP_METHOD"]
HTTP_URL = attributes_helper.COMMON_ATTRIBUTES["HTTP_URL"]
HTTP_STATUS_CODE = attributes_helper.COMMON_ATTRIBUTES["HTTP_STATUS_CODE"]

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="[GET] /orders") as span:
    span.span_kind = SpanKind.SERVER
    span.add_attribute(HTTP_METHOD, "GET")
    span.add_attribute(HTTP_URL, "http://shop/orders?page=2")
    span.add_attribute(HTTP_STATUS_CODE, 404)
