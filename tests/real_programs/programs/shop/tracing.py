"""A middleware that makes a span of each request, as the OpenCensus one does."""

import os

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

config_integration.trace_integrations(["logging"])


class TracingMiddleware(object):
    def __init__(self, get_response):
        self.get_response = get_response
        self.exporter = AzureExporter(connection_string=os.environ["SHOP_CONNECTION_STRING"])
        self.propagator = TraceContextPropagator()

    def __call__(self, request):
        context = self.propagator.from_headers({"traceparent": request.META.get("HTTP_TRACEPARENT")})
        tracer = Tracer(span_context=context, exporter=self.exporter, sampler=AlwaysOnSampler(), propagator=self.propagator)
        with tracer.span(name=request.path) as span:
            span.span_kind = SpanKind.SERVER
            tracer.add_attribute_to_current_span("http.method", request.method)
            tracer.add_attribute_to_current_span("http.url", request.build_absolute_uri())
            response = self.get_response(request)
            tracer.add_attribute_to_current_span("http.route", str(request.resolver_match.route))
            tracer.add_attribute_to_current_span("http.status_code", response.status_code)
        return response
