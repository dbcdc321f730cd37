"""SQLAlchemy on SQLite, and the integration that those of the MySQL drivers are made of, on SQLite's driver."""

import sqlite3

import sqlalchemy
from opencensus.ext.dbapi import trace as dbapi
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from shop import Recorder, plain, show

recorder = Recorder()
tracer = Tracer(exporter=recorder, sampler=AlwaysOnSampler())
config_integration.trace_integrations(["sqlalchemy"], tracer=tracer)
with tracer.span("order"):
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection:
        connection.execute("CREATE TABLE orders (number INTEGER)")
        connection.execute("INSERT INTO orders VALUES (?)", [(7,), (8,)])
        assert connection.execute("SELECT count(*) FROM orders").scalar() == 2
show(plain(recorder.spans))

recorder = Recorder()
tracer = Tracer(exporter=recorder, sampler=AlwaysOnSampler())
connect = dbapi.wrap_conn(sqlite3.connect)


class Connection(sqlite3.Connection):
    """One whose methods can be replaced, as those of the drivers can."""


class Cursor(sqlite3.Cursor):
    """The same."""


with tracer.span("order"):
    cursor = connect(":memory:", factory=Connection).cursor(Cursor)
    cursor.execute("CREATE TABLE orders (number INTEGER)")
    cursor.executemany("INSERT INTO orders VALUES (?)", [(7,), (8,)])
    cursor.execute("SELECT count(*) FROM orders")
    assert cursor.fetchone() == (2,)
show(plain(recorder.spans))
