"""An ASGI application that logs a line for each request, and flushes when its server has stopped."""

import asyncio
import contextlib
import logging

import opencensus_compat
from opencensus.ext.azure.log_exporter import AzureLogHandler

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)
logger.addHandler(AzureLogHandler())


@contextlib.asynccontextmanager
async def lifespan(app):
    yield
    await asyncio.to_thread(opencensus_compat.flush, 5)


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        async with lifespan(app):
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    logger.info("request %s", scope["query_string"].decode())
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})
