"""200 requests, 50 at once, each of which executes one statement; once for each driver that the arguments name."""

from __future__ import annotations

import asyncio
import importlib
import os
import queue
import sys
from concurrent.futures import ThreadPoolExecutor

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

REQUESTS, AT_ONCE = 200, 50
POSTGRESQL = {"host": "127.0.0.1", "port": int(os.environ.get("POSTGRESQL", 0)), "user": "census", "dbname": "postgres"}
MARIADB = {"host": "127.0.0.1", "port": int(os.environ.get("MARIADB", 0)), "user": "census", "database": "census"}


def in_request(name):
    """Start the span of a request."""
    return Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span(name=name)


def in_threads(name, driver, options):
    """Serve requests on the threads of a pool, each of which has a connection."""
    connections = queue.SimpleQueue()
    for _ in range(AT_ONCE):
        connections.put(driver.connect(**options))

    def serve(number):
        with in_request(f"{name}, request {number}"):
            connection = connections.get()
            cursor = connection.cursor()
            cursor.execute(f"SELECT '{name}, request {number}'")
            assert cursor.fetchall()[0][0] == f"{name}, request {number}"
            cursor.close()
            connections.put(connection)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(serve, range(REQUESTS)))
    for _ in range(AT_ONCE):
        connections.get().close()


async def in_tasks(name, execute):
    """Serve requests in tasks."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def serve(number):
        async with limit:
            with in_request(f"{name}, request {number}"):
                await execute(f"SELECT '{name}, request {number}'")

    await asyncio.gather(*(serve(number) for number in range(REQUESTS)))


async def psycopg_tasks(name):
    """Asynchronous connections."""
    import psycopg

    connections = [await psycopg.AsyncConnection.connect(**POSTGRESQL) for _ in range(AT_ONCE)]

    async def execute(statement):
        connection = connections.pop()
        cursor = await connection.execute(statement)
        await cursor.fetchall()
        connections.append(connection)

    await in_tasks(name, execute)
    for connection in connections:
        await connection.close()


async def sqlalchemy_tasks(name):
    """An engine for all. Its driver is not traced yet: both would make a span."""
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine("postgresql+psycopg://census@127.0.0.1:%(port)s/postgres" % POSTGRESQL, pool_size=AT_ONCE)

    async def execute(statement):
        async with engine.connect() as connection:
            await connection.execute(text(statement))

    config_integration.trace_integrations(["sqlalchemy"])
    await in_tasks(name, execute)
    await engine.dispose()


INTEGRATIONS = {"mysql.connector": "mysql", "pymysql": "pymysql"}
for way in sys.argv[1:]:
    if way == "tasks of sqlalchemy":
        asyncio.run(sqlalchemy_tasks(way))
    elif way == "tasks of psycopg":
        asyncio.run(psycopg_tasks(way))
    else:
        config_integration.trace_integrations([INTEGRATIONS.get(way, "postgresql")])
        in_threads(way, importlib.import_module(way), MARIADB if way in INTEGRATIONS else POSTGRESQL)
