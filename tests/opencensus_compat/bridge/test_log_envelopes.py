"""The envelopes that log records become without an OpenTelemetry record in between."""

from __future__ import annotations

import copy
import logging
import sys
from decimal import Decimal
from enum import Enum

import pytest

from appinsights_exporter.envelope import Data, Envelope, Event, ExceptionData, Message
from opencensus_compat._bridge.providers.logs import log_router
from opencensus_compat.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus_compat.ext.azure.log_exporter._conversion import otel_record
from opencensus_compat.ext.azure.log_exporter._ids import ids_of

NOWHERE = "InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=http://127.0.0.1:9"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Colour(str, Enum):
    """A value whose text is not its `str()`."""

    RED = "red"


class Refusing:
    """A value without a text."""

    def __str__(self):
        raise SystemExit


def _raised(make, cause=None):
    try:
        try:
            raise make() from cause
        except ValueError as inner:
            raise KeyError("outer") from inner
    except KeyError:
        return sys.exc_info()


def _record(msg="order %d", args=(7,), level=logging.INFO, exc_info=None, **fields):
    made = logging.LogRecord("shop", level, "/shop/orders.py", 12, msg, args, exc_info, "place")
    made.created = 1_700_000_000.123456
    made.__dict__.update(fields)
    return made


DIMENSIONS = {
    "text": "a",
    "number": 1,
    "large": 2**70,
    "fraction": 0.5,
    "nan": float("nan"),
    "yes": True,
    "none": None,
    "": "no name",
    "list": [1, 2],
    "mixed": [1, "a", None],
    "empty": [],
    "dict": {"a": (1, float("inf"))},
    "bytes": b"\xff",
    "decimal": Decimal("1.50"),
    "colour": Colour.RED,
    "refusing": Refusing(),
    "long": "x" * 9000,
    "k" * 200: "long key",
    5: "no text",
    "level": "mine",
    "exception.type": "mine",
    "census.level": [1],
    "_MS.sampleRate": 7,
    "ai.operation.name": "mine",
    "microsoft.custom_event.name": "mine",
}
RECORDS = {
    "plain": _record(),
    "levels": _record(level=75, levelname="ALARM"),
    "no level": _record(level=0),
    "a level that is no int": _record(level=20.0),
    "no level name": _record(levelname=""),
    "a bool for a line": _record(lineno=True),
    "a list for a module": _record(module=["a"]),
    "without process and module": _record(processName=None, module=None),
    "long": _record("%s", ("x" * 40_000,)),
    "empty": _record("", None),
    "no text": _record(Refusing(), None),
    "arguments that do not fit": _record("%d %d", ("a",)),
    "surrogates": _record("\ud83d", None),
    "dimensions": _record(custom_dimensions=DIMENSIONS),
    "dimensions that are no dict": _record(custom_dimensions=[("a", 1)]),
    "ids": _record(traceId=TRACE.upper(), spanId=SPAN.upper()),
    "ids of a program's own": _record(traceId="order-7" * 30, spanId=7),
    "ids of zeros": _record(traceId="0" * 32, spanId="0" * 16),
    "no span": _record(traceId=TRACE),
    "stack": _record(stack_info="Stack (most recent call last):"),
    "exception": _record(exc_info=_raised(lambda: ValueError("inner"))),
    "an exception as exc_info": _record(exc_info=_raised(lambda: ValueError("inner"), OSError("cause"))[1]),
    "never raised": _record(exc_info=(ValueError, ValueError("a"), None)),
    "never raised, with a cause": _record(exc_info=(KeyError, _raised(lambda: ValueError("inner"))[1], None)),
    "no exception": _record(exc_info=(None, None, None)),
    "True for an exception": _record(exc_info=True),
    "measurements": _record(custom_measurements={"a": 1, "b": "2.5", "c": float("nan"), "d": None, "e": Decimal(3)}),
    "measurements that are no dict": _record(custom_measurements=7),
}


@pytest.fixture
def handlers():
    """Return a handler of each kind, which sends nothing here."""
    return {"logs": AzureLogHandler(connection_string=NOWHERE), "events": AzureEventHandler(connection_string=NOWHERE)}


def _of_opentelemetry(handler, record):
    """Return the envelope that the record becomes by way of OpenTelemetry's."""
    ids = ids_of(record, {})
    made = otel_record(handler, record, ids, is_event=handler._is_event, as_otel=False)
    [envelope] = handler._pipeline.convert(log_router().held(made))
    return envelope


@pytest.mark.parametrize("kind", ["logs", "events"])
@pytest.mark.parametrize("name", RECORDS)
def test_they_are_those_of_opentelemetrys_records(handlers, kind, name):
    """The envelope of a record is the same with and without an OpenTelemetry record in between, and so is what formatting leaves on it."""
    handler = handlers[kind]
    first, second = copy.copy(RECORDS[name]), copy.copy(RECORDS[name])
    made, expected = handler.log_record_to_envelope(first), _of_opentelemetry(handler, second)
    # A text, since what is not a number is not equal to itself.
    assert repr(made) == repr(expected)
    assert list(map(type, (made, made.data, made.data.baseData))) == list(map(type, (expected, expected.data, expected.data.baseData)))
    assert type(made) is Envelope
    assert type(made.data) is Data
    assert type(made.data.baseData) in (Message, ExceptionData, Event)
    assert vars(first) == vars(second)


def test_a_formatter_is_asked_where_there_is_one(handlers, monkeypatch):
    """A formatter of the handler, one that a program has made the default, and a handler's own `format` make the text."""
    handler = handlers["logs"]

    def message():
        return handler.log_record_to_envelope(_record()).data.baseData.message

    assert message() == "order 7"
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    assert message() == "INFO order 7"
    handler.setFormatter(None)
    monkeypatch.setattr(logging, "_defaultFormatter", logging.Formatter("default %(message)s"))
    assert message() == "default order 7"
    monkeypatch.setattr(logging.Formatter, "format", lambda *_: "patched")
    assert message() == "patched"
    handler.format = lambda _: "own"
    assert message() == "own"


def test_envelopes_share_nothing(handlers):
    """What a program changes in an envelope is not in the next one of the same line."""
    first = handlers["logs"].log_record_to_envelope(_record())
    first.data.baseData.properties["level"] = first.tags["ai.cloud.role"] = "changed"
    second = handlers["logs"].log_record_to_envelope(_record())
    assert second.data.baseData.properties["level"] == "INFO"
    assert second.tags["ai.cloud.role"] != "changed"
