"""The integration with logging: ids on the records of every logger."""

from __future__ import annotations

import logging
import logging.config
import logging.handlers
import queue
import threading

import pytest
from opentelemetry import trace as trace_api

from opencensus_compat import log as trace_log
from opencensus_compat.ext.logging import trace
from opencensus_compat.trace import config_integration, execution_context, integrations
from opencensus_compat.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer

FORMAT = "%(traceId)s %(spanId)s %(traceSampled)s %(message)s"
NO_SPAN = f"{'0' * 16} False"
OTHER_TRACE = "0af7651916cd43dd8448eb211c80319c"

before = logging.getLogger("tests.logging.before")


class Kept(logging.Handler):
    """Keeps what the format makes of each record."""

    def __init__(self):
        super().__init__()
        self.setFormatter(logging.Formatter(FORMAT))
        self.records, self.lines = [], []

    def emit(self, record):
        """Keep a record and its line."""
        self.records.append(record)
        self.lines.append(self.format(record))


@pytest.fixture(autouse=True)
def integrated(monkeypatch):
    """Switch the integration on for the time of a test."""
    monkeypatch.setattr(logging.Logger, "makeRecord", logging.Logger.makeRecord)
    monkeypatch.setattr(logging.Logger, "handle", logging.Logger.handle)
    factory, cls = logging.getLogRecordFactory(), logging.getLoggerClass()
    assert config_integration.trace_integrations(["logging"]) == ["logging"]
    yield
    logging.setLogRecordFactory(factory)
    logging.setLoggerClass(cls)


@pytest.fixture
def kept():
    """A handler on the parent of the tests' loggers."""
    handler = Kept()
    parent = logging.getLogger("tests.logging")
    parent.addHandler(handler)
    parent.propagate = False
    yield handler
    parent.removeHandler(handler)
    parent.propagate = True


def tracer(kept_spans, sampler=None):
    """A tracer whose spans go to the given exporter."""
    return Tracer(exporter=kept_spans, sampler=sampler or AlwaysOnSampler())


def ids(span):
    """What a record of the span's time says."""
    return f"{span.context_tracer.trace_id} {span.span_id} True"


@pytest.fixture
def spans(otel):
    """An exporter that drops spans: their ids are all that counts here."""
    from opencensus_compat.trace.tracers.context_tracer import PROVIDER

    return PROVIDER


def _fresh_class():
    class Own(logging.Logger):
        def makeRecord(self, *args, **kwargs):  # noqa: N802 -- logging's name
            return super().makeRecord(*args, **kwargs)

    return Own


def _class_without_super():
    class Own(logging.Logger):
        def makeRecord(self, name, level, fn, lno, msg, args, exc_info, *_, **__):  # noqa: N802 -- logging's name
            return logging.LogRecord(name, level, fn, lno, msg, args, exc_info)

    return Own


LOGGERS = {
    "made before": lambda: before,
    "made after": lambda: logging.getLogger("tests.logging.after"),
    "of a class of the program's own": lambda: _attached(_fresh_class()("tests.logging.own")),
    "of a class that makes records itself": lambda: _attached(_class_without_super()("tests.logging.itself")),
    "of OpenCensus's class": lambda: _attached(trace_log.TraceLogger("tests.logging.census")),
    "an adapter": lambda: logging.LoggerAdapter(before, {"tenant": "t7"}),
    "OpenCensus's adapter": lambda: trace_log.TraceLoggingAdapter(before),
}


def _attached(logger):
    logger.parent = logging.getLogger("tests.logging")
    return logger


@pytest.mark.parametrize("logger", LOGGERS.values(), ids=LOGGERS)
def test_every_logger_has_the_ids(logger, kept, spans):
    """Of the span around, whoever made the logger and when; without a tracer the trace is nobody's, as in OpenCensus."""
    made = logger()
    made.warning("without a tracer")
    with tracer(spans).span(name="outer") as outer:
        made.warning("in the span")
        inside = ids(outer)
    assert kept.lines == [f"{kept.records[0].traceId} {NO_SPAN} without a tracer", f"{inside} in the span"]
    assert kept.records[0].traceId not in inside


def test_the_root_logger_has_them(spans):
    """It was there before anything else."""
    handler = Kept()
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with tracer(spans).span(name="outer") as outer:
            logging.warning("in the span")  # noqa: LOG015 -- the root logger is what is tested
            assert handler.lines == [f"{ids(outer)} in the span"]
    finally:
        root.removeHandler(handler)


def test_spans_of_opentelemetry_count(kept, otel):
    """A record inside a span of OpenTelemetry code has that span's ids, with no OpenCensus tracer anywhere."""
    with otel.tracer.start_as_current_span("new") as span:
        before.warning("in the span")
    context = span.get_span_context()
    assert kept.lines == [f"{context.trace_id:032x} {context.span_id:016x} True in the span"]


def test_the_innermost_span_counts(kept, otel, spans):
    """Whichever API opened it."""
    with tracer(spans).span(name="outer") as outer:
        with otel.tracer.start_as_current_span("inner") as inner:
            before.warning("inner")
        before.warning("outer")
        expected = [f"{inner.get_span_context().span_id:016x}", outer.span_id]
    assert [record.spanId for record in kept.records] == expected
    assert len({record.traceId for record in kept.records}) == 1


def test_an_unsampled_trace_says_so(kept, spans):
    """The ids are there, and the decision is False."""
    with tracer(spans, AlwaysOffSampler()).span(name="outer"):
        current = trace_api.get_current_span().get_span_context()
        before.warning("unsampled")
    assert kept.lines == [f"{current.trace_id:032x} {current.span_id:016x} False unsampled"]


@pytest.mark.parametrize("order", ["earlier", "later"])
def test_record_factories_of_the_program_stay(kept, spans, order):
    """A factory that is set before or after the integration makes the records, and they have the ids."""
    plain = logging.getLogRecordFactory()

    def factory(*args, **kwargs):
        record = plain(*args, **kwargs)
        record.build = "b1"
        return record

    logging.setLogRecordFactory(factory)
    if order == "earlier":
        trace.trace_integration()
    with tracer(spans).span(name="outer") as outer:
        logging.getLogger("tests.logging.after").warning("made")
        assert kept.lines == [f"{ids(outer)} made"]
    assert kept.records[0].build == "b1"


def test_a_factory_that_sets_the_ids_itself_wins(kept):
    """It is asked first, and its ids stay, also on loggers of OpenCensus's class."""
    plain = logging.getLogRecordFactory()

    def factory(*args, **kwargs):
        record = plain(*args, **kwargs)
        record.traceId = OTHER_TRACE
        return record

    logging.setLogRecordFactory(factory)
    before.warning("plain")
    _attached(trace_log.TraceLogger("tests.logging.census")).warning("census")
    assert [record.traceId for record in kept.records] == [OTHER_TRACE] * 2


def test_ids_in_extra_win(kept):
    """Programs hand on the ids of other processes so; logging refuses keys that a record has already."""
    before.warning("given", extra={"traceId": OTHER_TRACE, "spanId": "b7ad6b7169203331", "traceSampled": True})
    logging.LoggerAdapter(before, {"traceId": OTHER_TRACE}).warning("adapted")
    assert kept.lines == [f"{OTHER_TRACE} b7ad6b7169203331 True given", f"{OTHER_TRACE} {NO_SPAN} adapted"]


def test_records_of_other_processes_keep_their_ids(kept, spans):
    """A record that comes with ids keeps them; one that comes without has what formats ask for."""
    with tracer(spans).span(name="outer"):
        for ids_of in ({"traceId": OTHER_TRACE, "spanId": "b7ad6b7169203331"}, {}):
            before.handle(logging.makeLogRecord({"msg": "theirs", "levelno": 30, "levelname": "WARNING", **ids_of}))
    assert [record.traceId == OTHER_TRACE for record in kept.records] == [True, False]


def test_records_in_a_queue_have_the_ids_of_where_they_were_made(spans):
    """A QueueHandler's listener runs elsewhere."""
    waiting = queue.SimpleQueue()
    logger = logging.getLogger("tests.logging.queued")
    handler = logging.handlers.QueueHandler(waiting)
    logger.addHandler(handler)
    logger.propagate = False
    kept = Kept()
    with tracer(spans).span(name="outer") as outer:
        logger.warning("queued")
        expected = f"{ids(outer)} queued"
    logger.removeHandler(handler)
    listener = threading.Thread(target=lambda: kept.handle(waiting.get()))
    listener.start()
    listener.join()
    assert kept.lines == [expected]


def test_a_class_that_the_program_set_stays(kept):
    """OpenCensus's class takes the place of logging's own only."""

    class Own(logging.Logger):
        pass

    assert logging.getLoggerClass() is trace_log.TraceLogger
    logging.setLoggerClass(Own)
    trace.trace_integration()
    assert logging.getLoggerClass() is Own
    logging.getLogger("tests.logging.set_later").warning("made")
    assert kept.lines == [f"{kept.records[0].traceId} {NO_SPAN} made"]


def test_again_changes_nothing():
    """Nothing is wrapped twice, also where another tool has wrapped ours, and the integration is noted as one bit."""
    wrapped = logging.Logger.makeRecord
    trace.trace_integration()
    assert logging.Logger.makeRecord is wrapped
    assert integrations.get_integrations() & integrations._Integrations.LOGGING


def test_the_given_tracer_becomes_current(kept, spans):
    """Records get the ids of the tracer that the integration was given, where no other is current."""
    given = tracer(spans)
    execution_context.clean()
    config_integration.trace_integrations(["logging"], tracer=given)
    before.warning("given")
    assert kept.records[0].traceId == given.span_context.trace_id != "0" * 32


def test_a_tracer_that_logs_is_asked_once(kept):
    """What it logs while it is asked has no ids, instead of asking it for ever."""

    class Chatty:
        @property
        def span_context(self):
            before.warning("asked")
            raise RuntimeError("no context")

    execution_context.set_opencensus_tracer(Chatty())
    before.warning("outer")
    assert kept.lines == [f"{'0' * 32} {NO_SPAN} asked", f"{'0' * 32} {NO_SPAN} outer"]


def test_places_of_calls_stay_right(kept):
    """File, line and function of a record are the caller's."""
    before.warning("here")
    record = kept.records[0]
    assert (record.filename, record.funcName) == ("test_logging.py", "test_places_of_calls_stay_right")


def test_ours_come_before_installed_ones(run_program, tmp_path):
    """An installed `opencensus-ext-…` of the same name stays unused, whichever name is imported first."""
    for name in ("logging", "threading", "requests", "httplib"):
        module = tmp_path / "installed" / "opencensus" / "ext" / name / "trace.py"
        module.parent.mkdir(parents=True)
        module.with_name("__init__.py").touch()
        module.write_text("raise AssertionError('the installed one')\n", encoding="utf-8")
    program = """
        from opencensus.trace import config_integration
        print(config_integration.trace_integrations(["logging", "threading", "requests", "httplib"]))
        import opencensus.ext.logging.trace
        print(opencensus.ext.logging.trace.__name__)
    """
    printed = run_program(program, PYTHONPATH=str(tmp_path / "installed"))
    assert printed.splitlines() == ["['logging', 'threading', 'requests', 'httplib']", "opencensus_compat.ext.logging.trace"]
