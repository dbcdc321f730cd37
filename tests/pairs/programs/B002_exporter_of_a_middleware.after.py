import asyncio

import httpx
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.legacy_exporters import LegacyExporterProcessor
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route


# census-compat: B002 Does it change items, choose among them, or send them elsewhere? A function for `add_telemetry_processor` does the first two; write a `SpanExporter` for the third.
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
        provider = TracerProvider(sampler=ALWAYS_ON)
        trace.set_tracer_provider(provider)
        self.exporter = ShopExporter()
        provider.add_span_processor(LegacyExporterProcessor(self.exporter))
        self.exporter.add_telemetry_processor(processor)
        self.sampler = sampler

    async def dispatch(self, request, call_next):
        tracer = trace.get_tracer(__name__)
        with tracer.start_as_current_span(request.url.path, context=propagate.extract(dict(request.headers)), kind=trace.SpanKind.SERVER) as span:
            span.set_attribute("http.method", request.method)
            return await call_next(request)


async def order(request):
    return PlainTextResponse("order")


app = Starlette(
    routes=[Route("/orders", order)],
    middleware=[Middleware(Tracing, sampler=ALWAYS_ON, processor=role)],
)


async def main():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        await client.get("/orders")
        await client.get("/orders", headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})


asyncio.run(main())
