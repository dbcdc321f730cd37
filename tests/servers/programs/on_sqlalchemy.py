"""Statements of SQLAlchemy, with the integration of its driver switched on as well."""

from __future__ import annotations

import contextlib
import os

import sqlalchemy
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from sqlalchemy import text

INTEGRATED = config_integration.trace_integrations(["sqlalchemy", "postgresql"])
_URL = "postgresql+psycopg2://census@127.0.0.1:%s/postgres" % os.environ["POSTGRESQL"]


@contextlib.contextmanager
def _connected():
    """A connection, and a span. What an engine asks of a database when it first connects differs between its releases."""
    execution_context.clean()
    engine = sqlalchemy.create_engine(_URL)
    with engine.begin():
        pass
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name="outer"), engine.begin() as connection:
        yield connection
    engine.dispose()


def names():
    """What was integrated."""
    return INTEGRATED


def statement():
    """A span in another."""
    with _connected() as connection:
        return [list(row) for row in connection.execute(text("SELECT 1 WHERE 'a' = 'a'"))]


def parameter():
    """With a value."""
    with _connected() as connection:
        return [
            list(row)
            for row in connection.execute(text("SELECT 1 FROM (SELECT 2 AS number) AS numbers WHERE number = :number"), {"number": 2})
        ]
