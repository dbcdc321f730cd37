"""Ids of the current span on log records."""

from __future__ import annotations

import logging

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from appinsights_exporter import trace_ids_in_records

_FORMAT = logging.Formatter("%(traceId)s %(spanId)s %(traceSampled)s %(message)s")


@pytest.fixture(autouse=True)
def records(monkeypatch) -> list[str]:
    """What a logger wrote, which has the ids."""
    monkeypatch.setattr(logging.Logger, "makeRecord", logging.Logger.makeRecord)
    trace_ids_in_records()
    return []


@pytest.fixture
def logger(records):
    """A logger whose handler formats with the ids."""
    logger, handler = logging.getLogger("trace ids"), logging.Handler()
    handler.emit = lambda record: records.append(_FORMAT.format(record))
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


def test_ids_of_the_current_span(logger, records):
    """A record has the ids of the span that is current where it is made, and zeros outside."""
    span = NonRecordingSpan(SpanContext(trace_id=10, span_id=11, is_remote=False, trace_flags=TraceFlags(1)))
    logger.warning("before")
    with trace.use_span(span):
        logger.warning("inside")
    assert records == [f"{'0' * 32} {'0' * 16} False before", f"{'0' * 31}a {'0' * 15}b True inside"]


def test_what_a_program_gives_stays(logger, records):
    """`extra` may have the same names, and its values stay."""
    logger.warning("own", extra={"traceId": "order-7"})
    assert records == [f"order-7 {'0' * 16} False own"]


def test_once():
    """Calling it again changes nothing."""
    make = logging.Logger.makeRecord
    trace_ids_in_records()
    assert logging.Logger.makeRecord is make


def test_ids_are_no_properties(logger):
    """What was put on a record is no `extra` of the program's, and what `extra` has is."""
    from appinsights_exporter.logging_handlers import ProviderHandler

    handler = ProviderHandler(None)
    record = logger.makeRecord("a", logging.INFO, "a.py", 1, "text", (), None, extra={"spanId": "mine"})
    assert handler._extras(record) == {"spanId": "mine"}
