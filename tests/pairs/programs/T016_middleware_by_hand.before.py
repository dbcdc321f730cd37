import asyncio

import httpx
from fastapi import FastAPI, Request
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.attributes_helper import COMMON_ATTRIBUTES
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

HTTP_URL = COMMON_ATTRIBUTES["HTTP_URL"]
HTTP_STATUS_CODE = COMMON_ATTRIBUTES["HTTP_STATUS_CODE"]

app = FastAPI()


@app.middleware("http")
async def traced(request: Request, call_next):
    tracer = Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(1.0))
    with tracer.span("main") as span:
        span.span_kind = SpanKind.SERVER

        response = await call_next(request)

        tracer.add_attribute_to_current_span(attribute_key=HTTP_STATUS_CODE, attribute_value=response.status_code)
        tracer.add_attribute_to_current_span(attribute_key=HTTP_URL, attribute_value=str(request.url))

    return response


@app.get("/orders/{number}")
async def order(number: int):
    return {"number": number}


async def main():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        for path in ("/orders/7", "/nothing"):
            await client.get(path)


asyncio.run(main())
