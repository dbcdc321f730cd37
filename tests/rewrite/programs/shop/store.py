"""Orders in a database."""

from opencensus.trace import execution_context
from opencensus.trace.span import SpanKind
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool
from telemetry import log, tracer

import settings

engine = create_engine(settings.DATABASE, poolclass=StaticPool, connect_args={"check_same_thread": False})
with engine.begin() as connection:
    connection.execute(text("CREATE TABLE orders (item TEXT, size INTEGER)"))


def save(item, size):
    """Save an order."""
    with tracer.span(name="save") as span:
        span.span_kind = SpanKind.CLIENT
        span.add_attribute("item", item)
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO orders VALUES (:item, :size)"), {"item": item, "size": size})
        log.info("saved %s", item, extra={"custom_dimensions": {"size": size}})


def check(size):
    """Refuse what the shop does not have."""
    with execution_context.get_opencensus_tracer().span(name="check"):
        tracer.add_attribute_to_current_span("size", size)
        if size > 10:
            raise ValueError("too many")
