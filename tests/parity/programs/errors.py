"""Failures: exceptions that requests report, and exceptions that leave a span."""

from __future__ import annotations

import asyncio
import contextlib

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

FRAMES = [
    {"level": 1, "method": "reserve", "fileName": "stock.py", "line": 12},
    {"level": 0, "method": "handle", "fileName": "orders.py", "line": 40},
]


def _request(kind=SpanKind.SERVER, **attributes):
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name="outer"), tracer.span(name="failing") as span:
        span.span_kind = kind
        span.add_attribute("http.method", "GET")
        span.add_attribute("http.route", "/orders")
        span.add_attribute("http.status_code", 500)
        for key, value in attributes.items():
            span.add_attribute(key.replace("__", "."), value)


def message_only():
    """A message without name and stack."""
    _request(error__message="out of stock")


def empty_message():
    """A message that is empty."""
    _request(error__message="", error__name="OutOfStock")


def message_none():
    """A message of None is one, as an empty one is."""
    _request(error__message=None, error__name="OutOfStock", stacktrace=None)


def message_zero():
    """So is the number 0."""
    _request(error__message=0)


def message_number():
    """A message that is a number."""
    _request(error__message=404)


def name_none():
    """An exception's name of None."""
    _request(error__message="out of stock", error__name=None)


def name_empty():
    """An exception's name without text."""
    _request(error__message="out of stock", error__name="")


def name_number():
    """An exception's name that is a number."""
    _request(error__message="out of stock", error__name=5)


def stack_number():
    """A stack that is none."""
    _request(error__message="out of stock", stacktrace=5)


def stack_empty():
    """A stack without frames."""
    _request(error__message="out of stock", stacktrace=[])


def with_name():
    """A message with the exception's name."""
    _request(error__message="out of stock", error__name="OutOfStock")


def without_message():
    """A name alone reports no exception."""
    _request(error__name="OutOfStock")


def with_frames():
    """A stack as frames, innermost first and numbered backwards, as OpenCensus numbered them."""
    _request(error__message="out of stock", error__name="OutOfStock", stacktrace=FRAMES)


def with_text_lines():
    """A stack as the web integrations leave it: the lines that `traceback.format_tb` returns."""
    _request(error__message="out of stock", error__name="OutOfStock", stacktrace=['  File "stock.py", line 12, in reserve\n'])


def with_text_of_several_frames():
    """The same with two frames."""
    lines = ['  File "stock.py", line 12, in reserve\n', '  File "shop.py", line 5, in take\n']
    _request(error__message="out of stock", error__name="OutOfStock", stacktrace=lines)


def with_text():
    """A stack as one text."""
    _request(error__message="out of stock", error__name="OutOfStock", stacktrace='  File "stock.py", line 12, in reserve\n')


def on_calls():
    """Only requests report exceptions."""
    _request(SpanKind.CLIENT, component="HTTP", error__message="out of stock", error__name="OutOfStock")


def leaving_calls():
    """An exception that leaves a `with` block of a call or a request sets status UNKNOWN."""
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    for kind in (SpanKind.SERVER, SpanKind.CLIENT):
        with contextlib.suppress(LookupError), tracer.span(name="outer") as outer:
            outer.span_kind = kind
            outer.add_attribute("component", "HTTP")
            with tracer.span(name="inner") as inner:
                inner.span_kind = SpanKind.CLIENT
                inner.add_attribute("component", "HTTP")
                raise LookupError("no such order")


def leaving_work():
    """The same in process."""
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with contextlib.suppress(LookupError), tracer.span(name="work"):
        raise LookupError("no such order")


def leaving_decorated():
    """A decorated function that raises, and a span after it."""
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

    @tracer.trace_decorator()
    def reserve():
        raise LookupError("no such order")

    with tracer.span(name="request"):
        with contextlib.suppress(LookupError):
            reserve()
        with tracer.span(name="after"):
            pass


def _left_by(*causes):
    for cause in causes:
        for kind in (SpanKind.SERVER, SpanKind.CLIENT, SpanKind.UNSPECIFIED):
            tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
            with contextlib.suppress(BaseException), tracer.span(name=repr(cause)) as span:
                span.span_kind = kind
                span.add_attribute("http.method", repr(cause))
                span.add_attribute("component", "HTTP")
                raise cause


def leaving_without_error():
    """What ends a program, a task or a generator leaves requests, calls and work."""
    _left_by(SystemExit(), SystemExit(0), GeneratorExit(), KeyboardInterrupt(), asyncio.CancelledError())


def leaving_with_status():
    """An end of the program that says that something failed."""
    _left_by(SystemExit(1), SystemExit("no stock"))
