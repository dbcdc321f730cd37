"""What the integrations with HTTP clients share: the span of a call. Nothing here raises into the program that makes the call."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import ParseResult, urlparse

from opencensus_compat._bridge.process import report
from opencensus_compat.ext import _patching, _spans
from opencensus_compat.trace import attributes_helper, execution_context, utils
from opencensus_compat.trace import span as span_module
from opencensus_compat.trace.status import Status

_logger = logging.getLogger(__name__)

_HOST = attributes_helper.COMMON_ATTRIBUTES["HTTP_HOST"]
_METHOD = attributes_helper.COMMON_ATTRIBUTES["HTTP_METHOD"]
_PATH = attributes_helper.COMMON_ATTRIBUTES["HTTP_PATH"]
_STATUS_CODE = attributes_helper.COMMON_ATTRIBUTES["HTTP_STATUS_CODE"]
_URL = attributes_helper.COMMON_ATTRIBUTES["HTTP_URL"]


class Call:
    """The client span of a call, which is the current one until `answered` or `failed` ends it.

    Args:
        library: Name of the integration, below ``opencensus.ext``.
        tracer: What made the span.
        span: The span.
    """

    __slots__ = ("_library", "_tracer", "span")

    def __init__(self, library: str, tracer: Any, span: Any) -> None:
        self._library = library
        self._tracer = tracer
        self.span = span

    def headers(self) -> dict[str, str]:
        """Return the headers that tell the other side of the span; none where the tracer's propagator fails."""
        try:
            return dict(self._tracer.propagator.to_headers(_spans.context_of(self._tracer, self.span)))
        except Exception as error:  # noqa: BLE001 -- a propagator of the program's own can raise anything, and the call does without
            _logger.debug("No trace headers: %s", error)
            return {}

    def answered(self, response: Any) -> None:
        """End the span with the code of the answer, which a program's mock may lack."""
        self.end(lambda: self._set_answer(response.status_code))

    def failed(self, error: BaseException, status_of: Callable[[BaseException], Status | None]) -> None:
        """End the span of a call that raised.

        Args:
            error: What it raised.
            status_of: Returns the span's status for it; None leaves the status as it is.
        """
        self.end(lambda: self._set_status(status_of(error)))

    def add_attribute(self, key: str, value: Any) -> None:
        """Set an attribute of the span."""
        _spans.adder(self._tracer, self.span)(key, value)

    def end(self, complete: Callable[[], None]) -> None:
        """End the span.

        Args:
            complete: Called before.
        """
        try:
            complete()
        except Exception as error:  # noqa: BLE001 -- a program's errors and exporters can raise anything
            _tell(self._library, error)
        try:
            self._tracer.end_span()
        except Exception as error:  # noqa: BLE001 -- the same
            _tell(self._library, error)

    def _set_answer(self, status_code: int) -> None:
        self.add_attribute(_STATUS_CODE, status_code)
        self.span.set_status(utils.status_from_http_code(status_code))

    def _set_status(self, status: Status | None) -> None:
        if status is not None:
            self.span.set_status(status)


def start(library: str, method: Any, url: Any) -> Call | None:
    """Start the client span of a call, and return what ends it.

    There is none for calls of exporters, for hosts in the context's attribute `excludelist_hostnames`, where that of an OpenTelemetry
    instrumentation is sent in its place, and for what cannot be traced, which is reported.

    Args:
        library: Name of the integration, below ``opencensus.ext``.
        method: Method of the request, in text or bytes.
        url: Its URL, as the span's attribute has it.
    """
    return guarded(library, lambda: _start(library, method, url))


def guarded(library: str, find: Callable[[], Call | None]) -> Call | None:
    """Return what a function does; None where it raises, which is reported.

    Args:
        library: Name of the integration, below ``opencensus.ext``.
        find: Returns the span of a call, or None.
    """
    try:
        return find()
    except Exception as error:  # noqa: BLE001 -- a program's sampler, exporter or objects in the place of texts can raise anything
        _tell(library, error)
        return None


def _start(library: str, method: Any, url: Any) -> Call | None:
    if execution_context.is_exporter():
        return None
    parsed, host = _parsed(url)
    if utils.disable_tracing_hostname(host, execution_context.get_opencensus_attr("excludelist_hostnames")):
        return None
    if _patching.opentelemetry_traces(library):
        return None
    path = parsed.path or "/"
    return begin(library, path, {"component": "HTTP", _HOST: host or None, _METHOD: text(method).upper(), _PATH: path, _URL: url})


def begin(library: str, name: str, attributes: dict[str, Any]) -> Call | None:
    """Start a client span of the current tracer; None where a program has set None in its place, to have no tracer.

    Args:
        library: Name of the integration, below ``opencensus.ext``.
        name: Of the span.
        attributes: Of the span, which may be of any type.
    """
    tracer = execution_context.get_opencensus_tracer()
    if tracer is None:
        return None
    span = tracer.start_span()
    try:
        span.name = name
        span.span_kind = span_module.SpanKind.CLIENT
        add = _spans.adder(tracer, span)
        for key, value in attributes.items():
            add(key, value)
    except Exception as error:  # noqa: BLE001 -- a span of the program's own can raise anything
        _tell(library, error)
    return Call(library, tracer, span)


def text(value: Any) -> str:
    """Return a method or URL as text."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _parsed(url: Any) -> tuple[ParseResult, str]:
    """Return the parts of a URL, and its host as ``name`` or ``name:port``, or nothing; the library is the one to refuse what is no URL."""
    try:
        parsed = urlparse(text(url))
    except ValueError:
        return ParseResult("", "", "", "", "", ""), ""
    try:
        port = parsed.port
    except ValueError:
        return parsed, parsed.netloc
    return parsed, parsed.hostname or "" if port is None else f"{parsed.hostname}:{port}"


def _tell(library: str, error: Exception) -> None:
    report(f"opencensus.ext.{library} could not trace all of a call: %s", type(error).__name__)
    _logger.debug("Call of %s", library, exc_info=error)
