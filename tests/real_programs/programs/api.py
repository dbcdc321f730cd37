"""A FastAPI service, as written for OpenCensus: each request calls the service itself by both clients, logs a line, and some fail."""

import asyncio
import logging
import os

import fastapi
import httpx
import requests
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import ProbabilitySampler

config_integration.trace_integrations(["httpx", "requests"])
logger = logging.getLogger("api")
logger.setLevel(logging.INFO)
logger.addHandler(AzureLogHandler())

client = httpx.AsyncClient(trust_env=False, timeout=60, verify=False)
session = requests.Session()
session.trust_env = False

app = fastapi.FastAPI()
app.add_middleware(FastAPIMiddleware, exporter=AzureExporter(), sampler=ProbabilitySampler(1.0), excludelist_paths=["stock"])


@app.get("/stock/{number}")
async def stock(number: int):
    return number


@app.get("/task/{number}")
async def in_a_task(number: int, request: fastapi.Request):
    logger.info("request %d", number)
    await client.get(f"{request.base_url}stock/{number}")
    with execution_context.get_opencensus_tracer().span(f"price {number}"):
        await asyncio.sleep(0)
    return _end(number)


@app.get("/thread/{number}")
def in_a_thread(number: int, request: fastapi.Request):
    logger.info("request %d", number)
    session.get(f"{request.base_url}stock/{number}", timeout=60)
    with execution_context.get_opencensus_tracer().span(f"price {number}"):
        pass
    return _end(number)


def _end(number):
    if number % 10 >= 8:
        raise ValueError(f"no order {number}")
    return os.getpid()
