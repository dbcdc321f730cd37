"""Trace and span ids on log records."""

from __future__ import annotations

import logging
import threading
from types import SimpleNamespace

import pytest

from opencensus_compat import log
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.trace_options import TraceOptions
from opencensus_compat.trace.tracer import Tracer

TRACE_ID = "6e0c63257de34c92bf9efcd03927272e"
OTHER_TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "00f067aa0ba902b7"


@pytest.fixture
def trace():
    """Make a tracer with the given trace current, for the time of a test."""

    def enter(trace_id):
        execution_context.set_opencensus_tracer(SimpleNamespace(span_context=SpanContext(trace_id, SPAN_ID, TraceOptions("1"))))

    yield enter
    execution_context.clear()


@pytest.fixture
def logger():
    """A logger of the class under test that keeps its records in `records`."""
    made = log.TraceLogger("test")
    made.records = []
    handler = logging.Handler()
    handler.emit = made.records.append
    made.addHandler(handler)
    return made


def ids(record):
    """Return what the trace put on a record."""
    return record.traceId, record.spanId, record.traceSampled


def test_records_of_the_logger_have_the_ids(trace, logger):
    """With and without extra attributes, the ids are on the record."""
    trace(TRACE_ID)
    logger.warning("bare")
    logger.warning("extra", extra={"own": 1})
    assert [ids(record) for record in logger.records] == [(TRACE_ID, SPAN_ID, True)] * 2
    assert logger.records[1].own == 1


def test_ids_that_the_program_gives_win(trace, logger):
    """A record about another trace keeps that trace's id."""
    trace(TRACE_ID)
    logger.warning("other", extra={"traceId": OTHER_TRACE_ID})
    assert ids(logger.records[0]) == (OTHER_TRACE_ID, SPAN_ID, True)


def test_a_dict_used_for_many_records_stays_clean(trace, logger):
    """Each record gets the ids of its own trace, also when adapter or program reuse one dict."""
    shared = {"own": 1}
    adapter = logging.LoggerAdapter(logger, shared)
    for trace_id in (TRACE_ID, OTHER_TRACE_ID):
        trace(trace_id)
        adapter.warning("adapted")
        logger.warning("direct", extra=shared)
    assert [record.traceId for record in logger.records] == [TRACE_ID, TRACE_ID, OTHER_TRACE_ID, OTHER_TRACE_ID]
    assert shared == {"own": 1}


def test_adapter_puts_ids_on_records(trace):
    """The adapter's and the call's extra attributes are kept, the call's win."""
    trace(TRACE_ID)
    adapter = log.TraceLoggingAdapter(logging.getLogger("adapted"), {"own": 1, "both": 1})
    assert adapter.process("message", {"extra": {"both": 2}, "stacklevel": 2}) == (
        "message",
        {"extra": {"own": 1, "both": 2, "traceId": TRACE_ID, "spanId": SPAN_ID, "traceSampled": True}, "stacklevel": 2},
    )


def test_without_a_tracer_there_are_zeros(trace, caplog):
    """A missing tracer is told in the log, and the record has ids all the same."""
    trace(TRACE_ID)
    execution_context.set_opencensus_tracer(None)
    assert log.get_log_attrs() == ("0" * 32, "0" * 16, False)
    assert [(record.name, record.levelname) for record in caplog.records] == [("opencensus.log", "ERROR")]


@pytest.mark.parametrize(
    "sampler", [None, samplers.AlwaysOnSampler(), samplers.AlwaysOffSampler()], ids=["no tracer", "sampled", "unsampled"]
)
def test_what_is_read_at_once_is_what_there_is(sampler, logger, otel):
    """Outside spans, in one, after it, in a thread that got the tracer meanwhile and with assigned ids, a record has what `get_log_attrs` returns."""

    def check():
        for _ in range(2):
            logger.warning("line")
            assert ids(logger.records[-1]) == tuple(log.get_log_attrs())
        return ids(logger.records[-1])

    def elsewhere():
        execution_context.set_opencensus_tracer(tracer)
        found.append(check())

    execution_context.clear()
    tracer = (
        execution_context.get_opencensus_tracer() if sampler is None else Tracer(sampler=sampler, exporter=SimpleNamespace(export=list))
    )
    found = [check()]
    with tracer.span("outer"):
        found.append(check())
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    found.append(check())
    assert found[3] == found[0]
    # Where there is no tracer, all code of the process shares one context.
    if sampler is not None:
        assert found[2] == found[1]
        tracer.span_context.trace_id = OTHER_TRACE_ID
        tracer.span_context.span_id = SPAN_ID
        assert check()[:2] == (OTHER_TRACE_ID, SPAN_ID)
    execution_context.clear()
