"""The integration with Pyramid."""

from __future__ import annotations

import functools
import logging
from typing import Any
from urllib.parse import quote

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat.ext import _server
from opencensus_compat.ext.pyramid.config import PyramidTraceSettings
from opencensus_compat.trace import attributes_helper, integrations
from opencensus_compat.trace._kept import is_error

__getattr__ = patch_targets(
    __name__,
    "opencensus_compat.trace.execution_context",
    "opencensus_compat.trace.utils",
    span_module="opencensus_compat.trace.span",
    tracer_module="opencensus_compat.trace.tracer",
)

HTTP_HOST = attributes_helper.COMMON_ATTRIBUTES["HTTP_HOST"]
HTTP_METHOD = attributes_helper.COMMON_ATTRIBUTES["HTTP_METHOD"]
HTTP_PATH = attributes_helper.COMMON_ATTRIBUTES["HTTP_PATH"]
HTTP_ROUTE = attributes_helper.COMMON_ATTRIBUTES["HTTP_ROUTE"]
HTTP_URL = attributes_helper.COMMON_ATTRIBUTES["HTTP_URL"]
HTTP_STATUS_CODE = attributes_helper.COMMON_ATTRIBUTES["HTTP_STATUS_CODE"]

EXCLUDELIST_PATHS = "EXCLUDELIST_PATHS"
BLACKLIST_PATHS = _server.older_name(EXCLUDELIST_PATHS)

log = logging.getLogger("opencensus.ext.pyramid.pyramid_middleware")

_LIBRARY = "pyramid"


class OpenCensusTweenFactory:
    """A tween that makes a server span of each request of a Pyramid application.

    Add it by ``config.add_tween("opencensus.ext.pyramid.pyramid_middleware.OpenCensusTweenFactory")``. The span ends when the handler has
    returned its response or raised; for settings see `PyramidTraceSettings`.

    Args:
        handler: The next tween, or Pyramid's own handler.
        registry: Of the application.

    Raises:
        ConfigurationError: A setting cannot be used.
    """

    # Here, and not in the constructor: subclasses of programs make their components by themselves and do not call it.
    _excludelist_paths: Any = None

    @functools.cached_property
    def _key(self) -> str:
        """Attribute of a request; each tween has its own, since an application may have several."""
        return f"_opencensus_request_{id(self)}"

    def __init__(self, handler: Any, registry: Any) -> None:
        self.handler = handler
        self.registry = registry
        settings = PyramidTraceSettings(registry)
        self.sampler = settings.SAMPLER
        self.exporter = settings.EXPORTER
        self.propagator = settings.PROPAGATOR
        self._excludelist_paths = settings.EXCLUDELIST_PATHS
        integrations.add_integration(integrations._Integrations.PYRAMID)

    def __call__(self, request: Any) -> Any:
        """Handle a request inside its span.

        Raises:
            BaseException: Whatever the handler raises; the span has it.
        """
        self._before_request(request)
        try:
            response = self.handler(request)
        except BaseException as error:
            self._fail(request, error)
            raise
        self._after_request(request, response)
        return response

    def _before_request(self, request: Any) -> None:
        """Begin a request, unless its path is excluded."""
        with _server.guarded(_LIBRARY):
            # First: a request of a program's own may raise.
            _server.forget_ended()
            if _server.is_excluded(_path(request), self._excludelist_paths):
                return
            begun = _server.begin(
                _LIBRARY, lambda: self._new_tracer(request), lambda span: _describe(span, request), getattr(request, "environ", None)
            )
            if begun is not None:
                # Past WebOb, which keeps attributes in the WSGI environment: that is shared with copies of the request.
                vars(request)[self._key] = begun

    def _new_tracer(self, request: Any) -> Any:
        return _server.new_tracer(request.headers, sampler=self.sampler, exporter=self.exporter, propagator=self.propagator)

    def _after_request(self, request: Any, response: Any) -> None:
        """End a request with its response."""
        with _server.guarded(_LIBRARY):
            begun = vars(request).pop(self._key, None)
            if begun is not None:
                try:
                    begun.set_status_code(response.status_code)
                finally:
                    begun.end()

    def _fail(self, request: Any, error: BaseException) -> None:
        """End a request with what its handler raised."""
        if hasattr(error, "status_code"):
            # One that Pyramid takes for a response: a tween outside this one sends it.
            self._after_request(request, error)
            return
        with _server.guarded(_LIBRARY):
            begun = vars(request).pop(self._key, None)
            if begun is not None:
                if is_error(error):
                    begun.set_status_code(500)
                    begun.fail(error)
                begun.end()


def _describe(span: Any, request: Any) -> None:
    if not _server.is_recorded(span):
        return
    method, path = request.method, _path(request)
    span.name = f"[{method}]{path}"
    span.add_attribute(HTTP_HOST, request.host_url)
    span.add_attribute(HTTP_METHOD, method)
    span.add_attribute(HTTP_PATH, path)
    span.add_attribute(HTTP_ROUTE, path)
    try:
        url = request.url
    except UnicodeDecodeError:
        query = request.environ.get("QUERY_STRING")
        url = f"{request.host_url}{path}" + (f"?{query}" if query else "")
    span.add_attribute(HTTP_URL, url)


def _path(request: Any) -> Any:
    """Return the path of a request, as WebOb quotes it; of one whose bytes are no text, which WebOb refuses, quoted as it came."""
    try:
        return request.path
    except UnicodeDecodeError:
        environ = request.environ
        return quote((environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1"), safe=_SAFE)


_SAFE = "/~!$&'()*+,;=:@"
"""What WebOb does not quote in a path."""
