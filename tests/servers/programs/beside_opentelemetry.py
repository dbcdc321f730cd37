"""Statements that an integration and an OpenTelemetry instrumentation trace, which is switched on before it or after it."""

from __future__ import annotations

import importlib
import os
import sys

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

DRIVERS = {
    "psycopg2": ("postgresql", "Psycopg2Instrumentor"),
    "psycopg": ("postgresql", "PsycopgInstrumentor"),
    "mysql.connector": ("mysql", "MySQLInstrumentor"),
    "MySQLdb": ("mysql", "MySQLClientInstrumentor"),
    "pymysql": ("pymysql", "PyMySQLInstrumentor"),
}
MODULES = {"mysql.connector": "mysql", "MySQLdb": "mysqlclient"}
POSTGRESQL = {"host": "127.0.0.1", "port": int(os.environ.get("POSTGRESQL", 0)), "user": "census", "dbname": "postgres"}
MARIADB = {"host": "127.0.0.1", "port": int(os.environ.get("MARIADB", 0)), "user": "census", "database": "census"}


def instrument(module, name):
    """Switch an instrumentation on."""
    getattr(importlib.import_module(f"opentelemetry.instrumentation.{module}"), name)().instrument()


order, *drivers = sys.argv[1:]
for name in drivers:
    integration, instrumentor = DRIVERS[name]
    if order == "before":
        instrument(MODULES.get(name, name), instrumentor)
    config_integration.trace_integrations([integration])
    if order == "after":
        instrument(MODULES.get(name, name), instrumentor)

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
for name in drivers:
    with tracer.span(name=name):
        connection = importlib.import_module(name).connect(**(POSTGRESQL if "psycopg" in name else MARIADB))
        cursor = connection.cursor()
        cursor.execute(f"SELECT '{name}'")
        cursor.fetchall()
        try:
            cursor.execute(f"SELECT * FROM `{name}`" if "psycopg" not in name else f'SELECT * FROM "{name}"')
        except Exception as error:
            print(type(error).__name__)
        connection.close()
