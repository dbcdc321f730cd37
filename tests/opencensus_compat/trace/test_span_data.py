"""Span data and its parts: status, stack trace, and the JSON form; `tests/parity` compares them with the real package."""

from __future__ import annotations

import hashlib
import logging
import pickle
import traceback

import pytest

from opencensus_compat.trace import _grpc_codes, exceptions_status, stack_trace, status, utils
from opencensus_compat.trace.file_exporter import FileExporter
from opencensus_compat.trace.logging_exporter import LoggingExporter
from opencensus_compat.trace.print_exporter import PrintExporter
from opencensus_compat.trace.span import Span
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.span_data import SpanData, format_legacy_trace_json
from opencensus_compat.trace.stack_trace import StackFrame, StackTrace, generate_hash_id_from_traceback

TRACE_ID = "6e0c63257de34c92bf9efcd03927272e"
SPAN_ID = "00f067aa0ba902b7"


@pytest.fixture
def span_data():
    """A finished span."""
    return SpanData(
        name="work",
        context=SpanContext(TRACE_ID, SPAN_ID),
        span_id=SPAN_ID,
        parent_span_id=None,
        attributes={"answer": 42},
        start_time="2024-09-30T08:15:00.000250Z",
        end_time="2024-09-30T08:15:01.000250Z",
        child_span_count=0,
        stack_trace=None,
        annotations=[],
        message_events=[],
        links=[],
        status=status.Status(2, "bad"),
        same_process_as_parent_span=None,
        span_kind=1,
    )


AS_JSON = {
    "traceId": TRACE_ID,
    "spans": [
        {
            "displayName": {"value": "work", "truncated_byte_count": 0},
            "spanId": SPAN_ID,
            "startTime": "2024-09-30T08:15:00.000250Z",
            "endTime": "2024-09-30T08:15:01.000250Z",
            "childSpanCount": 0,
            "kind": 1,
            "attributes": {"attributeMap": {"answer": {"int_value": 42}}},
            "status": {"code": 2, "message": "bad"},
        }
    ],
}


def test_json_form(span_data):
    """A span has its times, count and kind always, and its other parts where there are any."""
    assert format_legacy_trace_json([span_data]) == AS_JSON


def test_file_exporter_writes_the_last_list(span_data, tmp_path):
    """Each export replaces the file."""
    exporter = FileExporter(str(tmp_path / "spans.json"))
    exporter.export([span_data, span_data])
    exporter.export([span_data])
    assert (tmp_path / "spans.json").read_text().startswith(f'{{"traceId": "{TRACE_ID}", "spans": [{{"displayName"')
    assert (tmp_path / "spans.json").read_text().count('"displayName"') == 1


def test_print_exporter_prints_the_list(span_data, capsys):
    """The list is printed as it is, one line."""
    PrintExporter().export([span_data])
    printed = capsys.readouterr().out
    assert printed == f"[{span_data!r}]\n"
    assert printed.startswith(f"[SpanData(name='work', context=SpanContext(trace_id={TRACE_ID}, span_id={SPAN_ID}, trace_options=")


def test_logging_exporter_logs_a_dict(span_data):
    """The record of the root logger has the JSON form as its message."""
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    root = logging.getLogger()
    level = root.level
    try:
        LoggingExporter(handler).export([span_data])
        assert root.level == logging.INFO
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert [(record.name, record.levelname, record.msg) for record in records] == [("root", "INFO", AS_JSON)]


def test_span_data_is_a_tuple_that_pickles(span_data):
    """Transports of other processes pickle it; nobody changes it."""
    twin = pickle.loads(pickle.dumps(span_data._replace(status=None, context=None)))
    assert twin == span_data._replace(status=None, context=None)
    with pytest.raises(AttributeError):
        span_data.name = "other"


def test_codes_are_those_of_grpc():
    """The seventeen codes have their numbers, as plain ints, and no protobuf module is shown."""
    codes = {name: value for name, value in vars(_grpc_codes).items() if name.isupper()}
    assert list(codes.values()) == list(range(17))
    assert [*codes][::4] == ["OK", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "UNAUTHENTICATED"]
    assert {type(value) for value in codes.values()} == {int}
    assert [module for module in (status, exceptions_status, utils) if hasattr(module, "code_pb2")] == []


def test_each_ok_is_its_own():
    """Programs change a span's status in place, so no two spans share one."""
    first, second = status.Status.as_ok(), status.Status.as_ok()
    first.code = 2
    assert (first.is_ok, second.is_ok) == (False, True)


@pytest.mark.parametrize(
    ("http", "code"),
    [(199, 2), (200, 0), (399, 0), (400, 3), (401, 16), (403, 7), (404, 5), (429, 8), (500, 2), (501, 12), (503, 14), (504, 4)],
)
def test_status_of_http_codes(http, code):
    """Success and redirects are OK; errors have the code that the OpenCensus specification gives them."""
    assert utils.status_from_http_code(http).code == code


def test_stack_trace_of_an_exception():
    """Frames go from the outermost inwards, and equal tracebacks have equal ids of 48 bits."""
    try:
        int("no number")
    except ValueError as error:
        caught = error.__traceback__
    stack = StackTrace.from_traceback(caught)
    assert [frame["function_name"]["value"] for frame in stack.stack_frames] == ["test_stack_trace_of_an_exception"]
    assert stack.stack_frames[0]["line_number"] == caught.tb_lineno
    text = "".join(traceback.format_tb(caught))
    assert stack.stack_trace_hash_id == generate_hash_id_from_traceback(caught) == int(hashlib.md5(text.encode()).hexdigest()[:12], 16)


def fail():
    """Raise an exception that another one led to."""
    try:
        int("no number")
    except ValueError as error:
        raise KeyError("order") from error


def test_frames_of_an_exception_are_printed_once(monkeypatch):
    """A span that an exception leaves has its stack trace, with an id, and its text; frames, and those of what led to it, are printed once each."""
    printed = []
    print_frames = traceback.StackSummary.format
    monkeypatch.setattr(traceback.StackSummary, "format", lambda frames, **options: printed.append(1) or print_frames(frames, **options))
    span = Span("work")
    span.finish = bool
    with pytest.raises(KeyError) as caught, span:
        fail()
    assert len(printed) == 2
    same = StackTrace.from_traceback(caught.value.__traceback__)
    assert span.stack_trace.stack_frames == same.stack_frames
    assert span.stack_trace.stack_trace_hash_id == same.stack_trace_hash_id
    assert span._exception.stack == "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("name", ["StackTrace.from_traceback", "generate_hash_id_from_traceback"])
def test_what_a_program_replaces_makes_the_stack_trace(monkeypatch, name):
    """A program's own function in the place of OpenCensus's is called when an exception leaves a span."""
    given = []
    owner, _, attribute = name.rpartition(".")
    monkeypatch.setattr(getattr(stack_trace, owner) if owner else stack_trace, attribute, lambda tb: given.append(tb) or 7)
    span = Span("work")
    span.finish = bool
    with pytest.raises(ValueError, match="no number") as caught, span:
        int("no number")
    assert len(given) == 1
    assert given[0] in (caught.value.__traceback__, caught.value.__traceback__.tb_next)
    assert span.stack_trace == 7 or span.stack_trace.stack_trace_hash_id == 7


def test_a_stack_trace_keeps_128_frames():
    """Frames beyond 128 are counted: the oldest of a list that is given, the latest of those that are added."""
    frames = [StackFrame("f", "f", "f.py", number, 0, "m", "b", "s") for number in range(131)]
    given = StackTrace([frame.format_stack_frame_json() for frame in frames])
    added = StackTrace()
    for frame in frames:
        added.add_stack_frame(frame)
    assert (given.dropped_frames_count, given.stack_frames[0]["line_number"], given.stack_frames[-1]["line_number"]) == (3, 3, 130)
    assert (added.dropped_frames_count, added.stack_frames[0]["line_number"], added.stack_frames[-1]["line_number"]) == (3, 0, 127)
