import asyncio

import httpx
from appinsights_exporter import configure
from fastapi import FastAPI, Request
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

HTTP_URL = "http.url"
HTTP_STATUS_CODE = "http.status_code"

app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})


@app.middleware("http")
async def traced(request: Request, call_next):
    configure(signals=["traces"], sampler=ALWAYS_ON)
    tracer = trace.get_tracer(__name__)
    with tracer.start_as_current_span("main", kind=trace.SpanKind.SERVER) as span:
        response = await call_next(request)

        trace.get_current_span().set_attribute(HTTP_STATUS_CODE, response.status_code)
        trace.get_current_span().set_attribute(HTTP_URL, str(request.url))

    return response


@app.get("/orders/{number}")
async def order(number: int):
    return {"number": number}


async def main():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        for path in ("/orders/7", "/nothing"):
            await client.get(path)


asyncio.run(main())
