"""Attribute values of every type, and more or longer ones than fit."""

from __future__ import annotations

import datetime
import enum

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer


class _Price:
    def __str__(self):
        return "19.50 EUR"

    __repr__ = __str__


def _send(**attributes):
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name="values") as span:
        for key, value in attributes.items():
            span.add_attribute(key, value)


def scalars():
    """Values that JSON has, which arrive with their type."""
    _send(text="blue", empty="", number=3, big=2**40, negative=-1, fraction=0.25, whole=2.0, yes=True, no=False, umlaut="Größe 😀")


def sequences():
    """Sequences of one type arrive as arrays."""
    _send(texts=["a", "b"], numbers=[1, 2, 3], flags=[True, False], nothing=[], pair=("x", "y"))


def mixed_sequences():
    """Sequences of several types, and of mappings."""
    _send(mixed=["a", 1, None], nested=[{"sku": "A1"}, {"sku": "B2"}])


def mappings():
    """A mapping."""
    _send(order={"sku": "A1", "count": 2})


def other_objects():
    """Values that JSON has no type for; the old exporter's encoder took their `str()`."""
    _send(
        moment=datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc),
        day=datetime.date(2024, 5, 6),
        raw=b"bytes",
        unique={"one"},
        price=_Price(),
    )


class _State(str, enum.Enum):
    OPEN = "open"


class _Size(int, enum.Enum):
    BIG = 3


class _Weight(float):
    def __str__(self):
        return "heavy"


def enumerations():
    """Enumerations of texts and numbers, and another class made from a number: as values, in lists, as key and name."""
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name=_State.OPEN) as span:
        span.add_attribute("state", _State.OPEN)
        span.add_attribute("size", _Size.BIG)
        span.add_attribute("weight", _Weight(1.5))
        span.add_attribute("states", [_State.OPEN])
        span.add_attribute(_State.OPEN, 1)


RESERVED = (
    "_MS.sampleRate",
    "ai.operation.name",
    "census.status_code",
    "census.span_id",
    "census.parent_span_id",
    "census.properties",
    "census.event",
    "census.year",
)


def reserved_keys():
    """Keys that mean something inside this package, on work and on a request."""
    _send(**dict.fromkeys(RESERVED, 7))
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name="request") as span:
        span.span_kind = SpanKind.SERVER
        for key in RESERVED:
            span.add_attribute(key, "mine")


def huge_number():
    """A number of more than 64 bits."""
    _send(huge=2**70)


def not_finite():
    """Numbers that JSON has no form for."""
    nan, inf = float("nan"), float("inf")
    _send(nan=nan, inf=inf, negative=-inf, numbers=[1.0, nan], mixed=["a", nan], mapping={"a": [inf]}, fine=1.5)


def none():
    """A value of None."""
    _send(before=1, missing=None, after=2)


def non_text_keys():
    """A key that is no text."""
    tracer = Tracer(exporter=AzureExporter(grace_period=2.5), sampler=AlwaysOnSampler())
    with tracer.span(name="values") as span:
        span.add_attribute(7, "seven")


def many():
    """More attributes than a span holds: the oldest go, one by one."""
    _send(**{f"key{number:02d}": number for number in range(40)})


def long_text():
    """A value longer than the service keeps, and one that just fits."""
    _send(fits="x" * 8192, long="y" * 9000)


def long_keys():
    """Names of attributes that are longer than the service keeps, and one that just fits."""
    _send(**{"k" * 150: "fits", "l" * 200: "long"})


def long_name():
    """A name longer than the service keeps."""
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name="n" * 1100):
        pass


def odd_names():
    """Names that are empty, or no text."""
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name="all"):
        with tracer.span(name=""):
            pass
        with tracer.span():
            pass
        with tracer.span(name="two\nlines \u2713"):
            pass
