import asyncio

import httpx
from fastapi import FastAPI
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware
from opencensus.trace.samplers import AlwaysOnSampler

app = FastAPI()
app.add_middleware(FastAPIMiddleware, exporter=AzureExporter(), sampler=AlwaysOnSampler(), excludelist_paths=["health"])


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
