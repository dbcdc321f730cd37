"""Statements of SQLAlchemy on SQLite, traced by the integration."""

from __future__ import annotations

import contextlib
import threading

import sqlalchemy
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from sqlalchemy import event, text
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import StaticPool

_BEFORE = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool)
INTEGRATED = config_integration.trace_integrations(["sqlalchemy"])


def _tracer(**options):
    execution_context.clean()
    return Tracer(**{"exporter": AzureExporter(), "sampler": AlwaysOnSampler(), **options})


def _engine():
    return sqlalchemy.create_engine("sqlite://", poolclass=StaticPool)


def _orders():
    metadata = sqlalchemy.MetaData()
    return metadata, sqlalchemy.Table(
        "orders", metadata, sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True), sqlalchemy.Column("sku", sqlalchemy.String(10))
    )


def names():
    """What was integrated."""
    return INTEGRATED


def one_statement():
    """Text with a parameter, inside a span."""
    tracer = _tracer()
    with tracer.span(name="outer"), _engine().begin() as connection:
        return [list(row) for row in connection.execute(text("SELECT 1 + :more"), {"more": 2})]


def alone():
    """Outside any span."""
    _tracer()
    with _engine().begin() as connection:
        connection.execute(text("SELECT 1"))


def without_a_tracer():
    """No tracer was made."""
    execution_context.clean()
    with _engine().begin() as connection:
        connection.execute(text("SELECT 1"))


def unsampled():
    """A trace that is not sampled."""
    tracer = _tracer(sampler=AlwaysOffSampler())
    with tracer.span(name="outer"), _engine().begin() as connection:
        connection.execute(text("SELECT 1"))


def several_rows():
    """`executemany`, and what comes after it."""
    tracer = _tracer()
    with tracer.span(name="outer"), _engine().begin() as connection:
        connection.execute(text("CREATE TABLE orders (id INTEGER, sku TEXT)"))
        connection.execute(text("INSERT INTO orders VALUES (:id, :sku)"), [{"id": 1, "sku": "a1"}, {"id": 2, "sku": "b2"}])
        return [list(row) for row in connection.execute(text("SELECT sku FROM orders"))]


def expressions():
    """Tables, not text."""
    tracer = _tracer()
    metadata, orders = _orders()
    engine = _engine()
    with tracer.span(name="outer"), engine.begin() as connection:
        metadata.create_all(connection, checkfirst=False)
        connection.execute(orders.insert(), {"id": 1, "sku": "a1"})
        connection.execute(orders.update().where(orders.c.id == 1).values(sku="b2"))
        return [list(row) for row in connection.execute(orders.select())]


def session():
    """The ORM's session."""
    tracer = _tracer()
    with tracer.span(name="outer"):
        own = sessionmaker(bind=_engine())()
        own.execute(text("SELECT 1"))
        own.commit()
        own.close()


def engine_made_before():
    """An engine that there was before the integration was switched on."""
    tracer = _tracer()
    with tracer.span(name="outer"), _BEFORE.begin() as connection:
        connection.execute(text("SELECT 1"))


def one_engine():
    """Of one engine, which is traced in any case."""
    from opencensus.ext.sqlalchemy import trace

    tracer = _tracer()
    engine = _engine()
    first = event.contains(engine, "before_cursor_execute", trace._before_cursor_execute)
    with tracer.span(name="outer"), engine.begin() as connection:
        connection.execute(text("SELECT 1"))
    return first


def several_engines():
    """Two at the same time."""
    tracer = _tracer()
    with tracer.span(name="outer"), _engine().begin() as one, _engine().begin() as other:
        one.execute(text("SELECT 1"))
        other.execute(text("SELECT 2"))
        one.execute(text("SELECT 3"))


def statement_in_a_statement():
    """A listener of the program's executes another one."""
    tracer = _tracer()
    engine = _engine()
    done = []

    @event.listens_for(engine, "before_cursor_execute")
    def before(connection, cursor, statement, parameters, context, executemany):
        if not done:
            done.append(statement)
            connection.execute(text("SELECT 'inner'"))

    with tracer.span(name="outer"), engine.begin() as connection:
        connection.execute(text("SELECT 'statement'"))


def failing():
    """A statement that the database refuses, and one after it."""
    tracer = _tracer()
    with tracer.span(name="outer"):
        engine = _engine()
        with contextlib.suppress(sqlalchemy.exc.OperationalError), engine.begin() as connection:
            connection.execute(text("SELECT * FROM nothing"))
        with engine.begin() as connection:
            connection.execute(text("SELECT 1"))


def threads():
    """A tracer for each thread."""

    def work(number):
        tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
        with tracer.span(name=f"request {number}"), _engine().begin() as connection:
            connection.execute(text("SELECT :number"), {"number": number})

    for number in range(3):
        thread = threading.Thread(target=work, args=(number,))
        thread.start()
        thread.join()
