"""Span contexts, trace options and trace states."""

from __future__ import annotations

import copy
import logging
import pickle

import pytest

from opencensus_compat.trace.span_context import INVALID_SPAN_ID, SpanContext, generate_span_id, generate_trace_id
from opencensus_compat.trace.trace_options import TraceOptions
from opencensus_compat.trace.tracestate import Tracestate

TRACE_ID = "6e0c63257de34c92bf9efcd03927272e"
SPAN_ID = "00f067aa0ba902b7"


def zeros(count):
    """Return a text of zeros that is no constant, as one from a request is."""
    return "".join(["0"] * count)


def test_a_new_context_has_a_trace_and_no_span():
    """Without arguments there is a new trace id, no parent span, and the sampler decides."""
    context = SpanContext()
    assert len(context.trace_id) == 32
    assert int(context.trace_id, 16) > 0
    assert (context.span_id, context.trace_options.enabled, context.tracestate, context.from_header) == (None, False, None, False)
    assert SpanContext().trace_id != context.trace_id


def test_ids_keep_leading_zeros():
    """Generated ids always have their full length."""
    assert {len(generate_span_id()) for _ in range(500)} == {16}
    assert {len(generate_trace_id()) for _ in range(500)} == {32}


def test_a_context_is_plain_data():
    """Programs assign to its attributes, copy and pickle it."""
    context = SpanContext(TRACE_ID, SPAN_ID, TraceOptions("1"), Tracestate(a="1"), from_header=True)
    context.span_id = "program-s own"
    context.note = "more"
    for twin in (copy.deepcopy(context), pickle.loads(pickle.dumps(context))):
        assert repr(twin) == repr(context)
        assert (twin.from_header, twin.note) == (True, "more")


def test_repr_shows_all():
    """The text of a context is that of OpenCensus."""
    assert repr(SpanContext(TRACE_ID, SPAN_ID)) == (
        f"SpanContext(trace_id={TRACE_ID}, span_id={SPAN_ID}, trace_options=TraceOptions(enabled=False), tracestate=None)"
    )


@pytest.mark.parametrize(
    "bad", [zeros(32), TRACE_ID.upper(), TRACE_ID[:-1], "", "g" * 32], ids=["zeros", "upper case", "short", "empty", "not hex"]
)
def test_a_bad_trace_id_is_replaced(bad, caplog):
    """The trace starts anew, no longer counts as the request's, and one warning names the id."""
    context = SpanContext(bad, SPAN_ID, from_header=True)
    assert len(context.trace_id) == 32
    assert context.trace_id != bad
    assert (context.span_id, context.from_header) == (SPAN_ID, False)
    assert [(record.name, record.levelname) for record in caplog.records] == [("opencensus.trace.span_context", "WARNING")]
    assert f"got {bad!r};" in caplog.text


def test_a_long_bad_trace_id_is_cut_in_the_log(caplog):
    """A header of 64 KiB does not fill the log, nor does it write lines of its own there."""
    SpanContext("x\n" * 32768, from_header=True)
    (record,) = caplog.records
    assert len(record.getMessage()) < 200
    assert "\n" not in record.getMessage()


@pytest.mark.parametrize("bad", [zeros(16), INVALID_SPAN_ID, "xyz", ""], ids=["zeros", "constant", "short", "empty"])
def test_a_bad_span_id_is_none(bad, caplog):
    """An id of zeros is no id, wherever its text comes from; neither is anything that is not hex."""
    context = SpanContext(TRACE_ID, bad, from_header=True)
    assert (context.trace_id, context.span_id, context.from_header) == (TRACE_ID, None, False)
    assert len(caplog.records) == 1


def test_warnings_leave_the_root_logger_alone(caplog):
    """A bad id does not set up logging for the program, as `logging.warning` would."""
    handlers = [*logging.getLogger().handlers]
    with caplog.at_level(logging.CRITICAL):
        SpanContext("", "", TraceOptions(256))
    assert logging.getLogger().handlers == handlers


@pytest.mark.parametrize(
    ("byte", "kept", "enabled"),
    [("0", "0", False), ("1", "1", True), ("2", "2", False), ("01", "01", True), (0, 0, False), (3, 3, True), (None, "1", True),
     ("255", "255", True)],
)  # fmt: skip
def test_options_keep_the_form_given(byte, kept, enabled):
    """The byte stays text or number; the lowest bit is the decision."""
    options = TraceOptions(byte)
    assert (options.trace_options_byte, options.enabled, options.get_enabled()) == (kept, enabled, enabled)
    assert repr(options) == f"TraceOptions(enabled={enabled})"


@pytest.mark.parametrize("byte", [256, "256", -1])
def test_options_out_of_range_are_the_default(byte, caplog):
    """A byte that is none counts as sampled, with a warning."""
    assert (TraceOptions(byte).trace_options_byte, len(caplog.records)) == ("1", 1)


@pytest.mark.parametrize(
    ("byte", "on", "off"), [("0", "1", "0"), ("1", "1", "0"), (0, "1", "0"), ("254", "251", "250"), (True, "1", "0"), (False, "1", "0")]
)
def test_options_can_be_switched(byte, on, off):
    """Switching replaces the last digit and keeps `enabled` in step."""
    options = TraceOptions(byte)
    options.set_enabled(True)
    assert (options.trace_options_byte, options.enabled) == (on, True)
    options.set_enabled(False)
    assert (options.trace_options_byte, options.enabled) == (off, False)


def test_tracestate_keeps_the_order_of_w3c():
    """What is prepended comes first, what is appended last, and setting keeps a key's place."""
    state = Tracestate([("a", "1"), ("b", "2")])
    state["a"] = "3"
    state.prepend("c", "4")
    state.append("a", "5")
    assert list(state.items()) == [("c", "4"), ("b", "2"), ("a", "5")]


@pytest.mark.parametrize(("key", "value"), [("A", "1"), ("", "1"), (1, "1"), ("a", ""), ("a", "b,c"), ("a", "b="), ("a", "b "), ("a", 1)])
def test_tracestate_refuses(key, value):
    """A bad member raises ValueError and says what came."""
    with pytest.raises(ValueError, match=r"(key|value) (must be an instance of str|provided: .*), got"):
        Tracestate()[key] = value


@pytest.mark.parametrize(("size", "valid"), [(0, False), (1, True), (32, True), (33, False)])
def test_tracestate_size(size, valid):
    """W3C allows 1 to 32 members."""
    assert Tracestate((f"k{number}", "v") for number in range(size)).is_valid() is valid
