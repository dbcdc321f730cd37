"""Drivers of databases, traced by the integrations, where no server answers. `tests/servers` has servers."""

from __future__ import annotations

import logging

import mysql.connector
import psycopg2
import pymysql
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

logging.getLogger().addHandler(logging.NullHandler())
INTEGRATED = config_integration.trace_integrations(["postgresql", "mysql", "pymysql"])


def _refused(connect, **options):
    execution_context.clean()
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name="outer"):
        try:
            connect(host="127.0.0.1", port=9, user="census", **options)
        except Exception as error:
            return type(error).__name__


def names():
    """What was integrated."""
    return INTEGRATED


def refused_by_psycopg2():
    """The driver's own error."""
    return _refused(psycopg2.connect)


def refused_by_mysql_connector():
    """The driver's own error."""
    return _refused(mysql.connector.connect, use_pure=True)


def refused_by_pymysql():
    """The driver's own error."""
    return _refused(pymysql.connect)
