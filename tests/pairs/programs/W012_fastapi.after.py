import asyncio

import httpx
from appinsights_exporter import configure
from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

app = FastAPI()
configure(signals=["traces"], sampler=ALWAYS_ON)
FastAPIInstrumentor.instrument_app(app, excluded_urls="^https?://[^/]+/health", exclude_spans=["receive", "send"])


@app.get("/orders/{number}")
async def order(number: int):
    return {"number": number}


@app.get("/health")
async def health():
    return "ok"


async def main():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        for path in ("/orders/7", "/health", "/nothing"):
            await client.get(path)


asyncio.run(main())
