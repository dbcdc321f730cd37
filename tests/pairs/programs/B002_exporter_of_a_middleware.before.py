import asyncio

import httpx
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route


class ShopExporter(AzureExporter):
    def span_data_to_envelope(self, span_data):
        for envelope in super().span_data_to_envelope(span_data):
            envelope.data.baseData.properties["shop"] = "Ghent"
            yield envelope


def role(envelope):
    envelope.tags["ai.cloud.role"] = "shop"
    return True


class Tracing(BaseHTTPMiddleware):
    def __init__(self, app, sampler, processor):
        super(Tracing, self).__init__(app)
        self.exporter = ShopExporter()
        self.exporter.add_telemetry_processor(processor)
        self.sampler = sampler

    async def dispatch(self, request, call_next):
        propagator = TraceContextPropagator()
        tracer = Tracer(
            exporter=self.exporter,
            sampler=self.sampler,
            span_context=propagator.from_headers(dict(request.headers)),
            propagator=propagator,
        )
        with tracer.span(name=request.url.path) as span:
            span.span_kind = SpanKind.SERVER
            span.add_attribute("http.method", request.method)
            return await call_next(request)


async def order(request):
    return PlainTextResponse("order")


app = Starlette(
    routes=[Route("/orders", order)],
    middleware=[Middleware(Tracing, sampler=ProbabilitySampler(rate=1.0), processor=role)],
)


async def main():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        await client.get("/orders")
        await client.get("/orders", headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})


asyncio.run(main())
