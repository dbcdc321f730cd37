from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import attributes_helper
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

import stock

HTTP_METHOD = attributes_helper.COMMON_ATTRIBUTES['HTTP_METHOD']
HTTP_ROUTE = attributes_helper.COMMON_ATTRIBUTES['HTTP_ROUTE']
HTTP_STATUS_CODE = attributes_helper.COMMON_ATTRIBUTES['HTTP_STATUS_CODE']


def handle(sku, headers, warehouse):
    context = TraceContextPropagator().from_headers(headers)
    tracer = Tracer(span_context=context, exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name='GET /order') as span:
        span.span_kind = SpanKind.SERVER
        span.add_attribute(HTTP_METHOD, 'GET')
        span.add_attribute(HTTP_ROUTE, '/order')
        span.add_attribute('sku', sku)
        stock.reserve(sku, warehouse)
        span.add_attribute(HTTP_STATUS_CODE, 200)
