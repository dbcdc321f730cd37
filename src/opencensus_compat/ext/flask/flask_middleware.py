"""The integration with Flask."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from typing import Any

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import ClosingIterator

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.process import report
from opencensus_compat.ext import _server
from opencensus_compat.trace import attributes_helper, execution_context, integrations, utils

__getattr__ = patch_targets(
    __name__,
    "sys",
    "traceback",
    "opencensus_compat.common.configuration",
    "opencensus_compat.trace.print_exporter",
    "opencensus_compat.trace.propagation.trace_context_http_header_format",
    "opencensus_compat.trace.samplers",
    "opencensus_compat.trace.stack_trace",
    "opencensus_compat.trace.status",
    span_module="opencensus_compat.trace.span",
    tracer_module="opencensus_compat.trace.tracer",
)

HTTP_HOST = attributes_helper.COMMON_ATTRIBUTES["HTTP_HOST"]
HTTP_METHOD = attributes_helper.COMMON_ATTRIBUTES["HTTP_METHOD"]
HTTP_PATH = attributes_helper.COMMON_ATTRIBUTES["HTTP_PATH"]
HTTP_ROUTE = attributes_helper.COMMON_ATTRIBUTES["HTTP_ROUTE"]
HTTP_URL = attributes_helper.COMMON_ATTRIBUTES["HTTP_URL"]
HTTP_STATUS_CODE = attributes_helper.COMMON_ATTRIBUTES["HTTP_STATUS_CODE"]
ERROR_MESSAGE = attributes_helper.COMMON_ATTRIBUTES["ERROR_MESSAGE"]
ERROR_NAME = attributes_helper.COMMON_ATTRIBUTES["ERROR_NAME"]
STACKTRACE = attributes_helper.COMMON_ATTRIBUTES["STACKTRACE"]

EXCLUDELIST_PATHS = "EXCLUDELIST_PATHS"
EXCLUDELIST_HOSTNAMES = "EXCLUDELIST_HOSTNAMES"
BLACKLIST_PATHS = _server.older_name(EXCLUDELIST_PATHS)
BLACKLIST_HOSTNAMES = _server.older_name(EXCLUDELIST_HOSTNAMES)

log = logging.getLogger("opencensus.ext.flask.flask_middleware")

_LIBRARY = "flask"
_CONFIG = "app.config"
_KNOWN = frozenset(
    {
        "SAMPLER", "EXPORTER", "PROPAGATOR", EXCLUDELIST_PATHS, EXCLUDELIST_HOSTNAMES,
        BLACKLIST_PATHS, BLACKLIST_HOSTNAMES,
    }
)  # fmt: skip
_BEFORE_0_3 = ("OPENCENSUS_TRACE", "OPENCENSUS_TRACE_PARAMS")
_is_plain = re.compile(r"[\w./~-]*", re.ASCII).fullmatch
"""Whether a text stands in a URL as it does in a path."""
_is_plain_query = re.compile(r"[\w.=&-]*", re.ASCII).fullmatch
"""The same of a query."""
_is_plain_host = re.compile(r"(?!.*xn--)[a-z0-9][a-z0-9.-]*(:[1-9][0-9]{0,3})?").fullmatch
"""The same of a host with its port."""
_WERKZEUGS_URL = getattr(flask.Request, "url", None)


def _accepts_older_name(init: Callable[..., None]) -> Callable[..., None]:
    """Let a constructor take ``blacklist_paths``, as releases before 0.7.4 called ``excludelist_paths``."""

    @functools.wraps(init)
    def accept(self: Any, *args: Any, **kwargs: Any) -> None:
        if "blacklist_paths" in kwargs:
            kwargs.setdefault("excludelist_paths", kwargs.pop("blacklist_paths"))
        init(self, *args, **kwargs)

    return accept


class FlaskMiddleware:
    """Makes a server span of each request of a Flask application.

    The span begins before the view and ends when the response has been sent; a response that is not a stream ends as the request context
    is torn down. What is missing here comes from ``app.config['OPENCENSUS']['TRACE']``: ``SAMPLER``, ``EXPORTER`` and ``PROPAGATOR`` (an
    object, its class, or an expression in text), ``EXCLUDELIST_PATHS``, ``EXCLUDELIST_HOSTNAMES``.

    Args:
        app: The application; without one, `init_app` is to be called.
        excludelist_paths: Beginnings of paths that are not traced, without the first slash. The setting comes before it.
        sampler: Decides which traces are recorded; default is one in ten thousand, as in OpenCensus.
        exporter: Where spans go; default is to print them, as in OpenCensus.
        propagator: Reads the headers of requests; default is the W3C format.

    Raises:
        ConfigurationError: A setting cannot be used.
    """

    # Here, and not in the constructor: subclasses of programs make their components by themselves and do not call it.
    excludelist_paths: Any = None
    excludelist_hostnames: Any = None
    # The paths that were looked at last, and whether all stand in a URL as they do in a path.
    _plain: tuple[tuple[Any, ...], bool] = ((), True)

    @functools.cached_property
    def _key(self) -> str:
        """Attribute of a request context; each middleware has its own, since an application may have several."""
        return f"_opencensus_request_{id(self)}"

    @_accepts_older_name
    def __init__(
        self, app: Any = None, excludelist_paths: Any = None, sampler: Any = None, exporter: Any = None, propagator: Any = None
    ) -> None:
        self.app = app
        self.excludelist_paths = excludelist_paths
        self.sampler = sampler
        self.exporter = exporter
        self.propagator = propagator
        if self.app is not None:
            self.init_app(app)

    def init_app(self, app: Any) -> None:
        """Trace the requests of an application.

        Args:
            app: The application. Several may share the middleware; the settings of the first one then make its components.

        Raises:
            ConfigurationError: A setting cannot be used.
        """
        self.app = app
        self._warn_of_older_settings()
        settings = _server.trace_settings(app.config.get("OPENCENSUS", {}), _CONFIG, _KNOWN)
        for name, make in (("sampler", _server.sampler), ("exporter", _server.exporter), ("propagator", _server.propagator)):
            given = getattr(self, name)
            setattr(self, name, make(settings.get(name.upper()), _CONFIG) if given is None else make(given, "argument"))
        paths = _server.excludelist(self.excludelist_paths, "excludelist_paths", "argument")
        self.excludelist_paths = _server.excludelist_of(settings, EXCLUDELIST_PATHS, _CONFIG, paths)
        self.excludelist_hostnames = _server.excludelist_of(settings, EXCLUDELIST_HOSTNAMES, _CONFIG)
        self.setup_trace()
        integrations.add_integration(integrations._Integrations.FLASK)

    def _warn_of_older_settings(self) -> None:
        for name in _BEFORE_0_3:
            if self.app.config.get(name) and not self.app.config.get("OPENCENSUS"):
                report(
                    f"{name} (from {_CONFIG}), a setting of opencensus-ext-flask before 0.3, has no effect. "
                    "Write OPENCENSUS = {'TRACE': {'EXPORTER': ...}}"
                )

    def setup_trace(self) -> None:
        """Register what is called before and after each request of the application, and as its context is torn down."""
        self.app.before_request(self._before_request)
        self.app.after_request(self._after_request)
        self.app.teardown_request(self._teardown_request)

    blacklist_paths = _server.older_attribute("excludelist_paths", "0.7.4")
    blacklist_hostnames = _server.older_attribute("excludelist_hostnames", "0.7.4")

    def _before_request(self) -> None:
        """Begin the request that Flask is about to handle, unless its path is excluded."""
        # Not `guarded` here and below: a request that is left out is to cost next to nothing.
        try:
            context = _current_context()
            request = context.request
            try:
                is_excluded = self._is_excluded(request)
            except Exception as error:  # noqa: BLE001 - a list of a program's own may hold anything; then it excludes nothing
                _server.report_raised(_LIBRARY, error)
                is_excluded = False
            if is_excluded:
                _server.forget_ended()
            elif not hasattr(context, self._key):
                begun = _server.begin(
                    _LIBRARY, lambda: self._new_tracer(request), lambda span: self._describe(span, request), request.environ
                )
                if begun is not None:
                    # Not the WSGI environment, nor `flask.g`: a copy of the context, or a test's client in a view, has the same ones.
                    setattr(context, self._key, begun)
        except Exception as error:  # noqa: BLE001 - a list or a request of a program's own raises anything
            _server.report_raised(_LIBRARY, error)

    def _new_tracer(self, request: Any) -> Any:
        return _server.new_tracer(request.headers, sampler=self.sampler, exporter=self.exporter, propagator=self.propagator)

    def _describe(self, span: Any, request: Any) -> None:
        execution_context.set_opencensus_attr("excludelist_hostnames", self.excludelist_hostnames)
        if not _server.is_recorded(span):
            return
        method, path = request.method, request.path
        span.name = f"[{method}]{path}"
        try:
            host = request.host
            url = _url(request, host, path)
        except HTTPException:
            # A host that the application does not trust, or none: Flask answers that by itself.
            found = {HTTP_METHOD: method, HTTP_PATH: path}
        else:
            span.name = f"[{method}]{url}"
            found = {HTTP_HOST: host, HTTP_METHOD: method, HTTP_PATH: path, HTTP_URL: url}
        _server.set_attributes(span, found)

    def _after_request(self, response: Any) -> Any:
        """Note what the response says, and return it; the parts of a stream are made inside the request."""
        try:
            context = _current_context()
            begun = getattr(context, self._key, None)
            if begun is not None:
                rule = context.request.url_rule
                found = {} if rule is None else {HTTP_ROUTE: rule.rule}
                begun.set_attributes({**found, HTTP_STATUS_CODE: response.status_code})
                begun.forget_body()  # of a response that another one has taken the place of: a function after the view raised
                if _is_made_while_sent(response):
                    response.response = _server.Body(response.response, begun)
        except Exception as error:  # noqa: BLE001 - as above
            _server.report_raised(_LIBRARY, error)
        return response

    def _teardown_request(self, exception: BaseException | None) -> None:
        """End the request that Flask has handled, with the exception that left the view, if one did."""
        try:
            # Gone with the first call: a stream with the request's context is torn down again when it has been sent.
            begun = vars(_current_context()).pop(self._key, None)
            if begun is not None:
                if exception is not None:
                    begun.fail(exception)
                begun.end_or_suspend()
        except Exception as error:  # noqa: BLE001 - as above
            _server.report_raised(_LIBRARY, error)

    def _is_excluded(self, request: Any) -> bool:
        """Return whether a request is not traced. To put its URL together costs more than the rest, and for most lists the path will do."""
        given = self.excludelist_paths
        paths = tuple(utils.DEFAULT_EXCLUDELIST_PATHS if given is None else given)
        if self._plain[0] != paths:
            self._plain = paths, all(map(_is_plain, paths))
        path = request.path
        if self._plain[1] and "%" not in path and path[1:2] != "/" and not request.environ.get("SCRIPT_NAME"):
            begins: bool = path.startswith(paths, 1)
            return begins
        return _server.is_excluded(request.url, given)


def _url(request: Any, host: str, path: str) -> str:
    """Return a request's URL. Werkzeug makes it in a tenth of what a traced request costs, and most have nothing to be quoted."""
    environ = request.environ
    if _is_plain_host(host) and getattr(type(request), "url", None) is _WERKZEUGS_URL and not environ.get("SCRIPT_NAME"):
        query = environ.get("QUERY_STRING", "")
        if _is_plain(path) and _is_plain_query(query):
            return f"{request.scheme}://{host}/{path.lstrip('/')}" + (f"?{query}" if query else "")
    return str(request.url)


def _is_made_while_sent(response: Any) -> bool:
    """Return whether a response is a stream of the application's: no file, which the server reads, and no page of an error."""
    # With `is`: a mock of a test has any attribute.
    if getattr(response, "is_streamed", False) is not True or response.direct_passthrough:
        return False
    return not (isinstance(response.response, ClosingIterator) and response.content_length is not None)


def _context_getter() -> Callable[[], Any]:
    """Return what returns the request context that is current."""
    try:
        from flask.globals import request_ctx
    except ImportError:
        stack = flask._request_ctx_stack  # type: ignore[attr-defined] # before Flask 2.2
        return lambda: stack.top
    proxy: Any = request_ctx
    current: Callable[[], Any] = proxy._get_current_object
    return current


_current_context = _context_getter()
