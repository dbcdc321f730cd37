"""One HTTP exchange with the ingestion endpoint. No policy: what a reply means is not decided here.

The exchange runs on a helper thread. Nothing bounds looking up a host name; and a process that ends must be able to stop waiting for an
endpoint that is silent. All else of an exchange has one deadline, see :mod:`.exchange`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.context import attach, detach

from ..forks import importing
from .bounded_calls import CallThreads, LateError
from .own_work import keep_from_handlers, own_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .connections import Connections, Received
    from .exchange import Exchange

stand_in_for_post: Callable[[], Callable[..., Any] | None] | None = None
"""Returns what is to be called in place of an exchange, with the arguments of ``requests.post``; None where nothing is. The facade sets it:
programs written for the retired exporter, which called ``requests.post``, replace that in their tests."""

MAX_REPLY_BYTES = 1024 * 1024
"""What is longer is cut: a reply to 500 items that all failed takes about a tenth of it."""

_CHUNK_BYTES = 16384
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_BAD_REQUEST = 400
PATIENCE_S = 3.0
"""What a reply may take before its absence is logged, seconds, unless the limits are shorter: flushes and the end of a process wait less."""
_MARGIN_S = 0.25
"""How much longer than the library's own limit we wait, seconds: its error says more than ours."""


@dataclass(frozen=True, slots=True)
class SendError:
    """Why there is no reply."""

    kind: str
    """``connect``: nothing was sent. ``reply``: something was, and may have been accepted."""
    text: str
    """The cause in our words. The libraries' may quote an address with its password."""
    early: bool = False
    """Whether the wait was cut so short that the other side cannot be blamed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from one exchange: a status, or an error, or both where the body could not be read."""

    status: int = 0
    """HTTP status; 0 where none came."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""
    """Decoded, at most 1 MiB; empty when there is an error."""
    error: SendError | None = None


class Transport(Protocol):
    """Sends one request once."""

    url: str
    """Where requests go."""

    def send(self, body: bytes, headers: Mapping[str, str], timeout_s: float, *, url: str | None = None) -> Reply:
        """Return what came back.

        Args:
            body: Already encoded and compressed.
            headers: To add to the transport's own.
            timeout_s: Longest wait, seconds, for connecting and for the reply.
            url: Other address for this request, after a redirect; None means the transport's own.
        Raises: nothing; every failure is a reply with an error.
        """
        ...

    def hurry(self, timeout_s: float) -> None:
        """Let exchanges that are under way end within so many seconds from now: what has no reply by then is an error."""
        ...

    def close(self) -> None:
        """Give the connection back. The transport may be used again and then opens a new one."""
        ...


class HttpTransport:
    """Sends over kept-alive :mod:`.connections`, made at the first send; safe for several threads.

    TLS certificates are always checked, redirects are never followed, cookies are not kept, and ``~/.netrc`` is not read. A child process
    made by fork opens its own connection. Instrumentations that ask for it are told, through the OpenTelemetry context, that these calls
    are not the application's: with the plain key ``suppress_instrumentation``, which they read since before the API had a key of its own.

    Args:
        url: Absolute http or https URL.
        connect_timeout_s: Longest wait for a connection, seconds.
        read_timeout_s: Longest wait for the reply, seconds.
        proxies: URL scheme to proxy URL; empty leaves it to ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``.
        clock: Monotonic clock, seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_timeout_s: float = 10.0,
        read_timeout_s: float = 30.0,
        proxies: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._proxies = dict(proxies or {})
        self._clock = clock
        self._threads = CallThreads("appinsights-send", clock)
        # Process id and connections change together in one assignment, so no lock is needed, and none can be left held by a fork.
        self._held: tuple[int, Connections] | None = None

    def send(self, body: bytes, headers: Mapping[str, str], timeout_s: float, *, url: str | None = None) -> Reply:
        """Return what came back; see :class:`Transport`."""
        keep_from_handlers()
        begun_s = self._clock()
        try:
            return self._threads.run(
                lambda: self._guarded(body, headers, timeout_s, self.url if url is None else url), timeout_s + _MARGIN_S
            )
        except LateError:
            return Reply(error=SendError("reply", "there was no whole reply in time", early=self._is_early(begun_s)))

    def hurry(self, timeout_s: float) -> None:
        """Stop waiting for exchanges that are under way after so many seconds from now."""
        self._threads.hurry(timeout_s)

    def close(self) -> None:
        """Close the connection if this process opened it."""
        held, self._held = self._held, None
        if held is not None and held[0] == os.getpid():
            held[1].close()

    def _guarded(self, body: bytes, headers: Mapping[str, str], timeout_s: float, url: str) -> Reply:
        begun_s = self._clock()
        exchange: Exchange | None = None
        head = Reply()
        with _instrumentation_suppressed():
            try:
                post = _post_in_place()
                if post is not None:
                    return _posted_by(post, url, body, headers, timeout_s=min(self._read_timeout_s, timeout_s), proxies=self._proxies)
                connections = self._connections()
                limits_s = (min(self._connect_timeout_s, timeout_s), min(self._read_timeout_s, timeout_s))
                exchange = connections.exchange(timeout_s, limits_s, self._clock)
                try:
                    response = connections.post(url, body, headers, exchange=exchange, proxies=self._proxies)
                    head = _head(response)
                    return replace(head, body=_body(response, head.headers))
                except BaseException:
                    connections.forget(url)
                    raise
            except Exception as error:  # noqa: BLE001 - three libraries below, and each may raise what it likes.
                from .failures import described

                failure = described(error, exchange)
                _free_frames(error)
                early = failure.late and self._is_early(begun_s)
                return replace(head, error=SendError("connect" if failure.unsent else "reply", failure.cause, early=early))

    def _is_early(self, begun_s: float) -> bool:
        return self._clock() - begun_s < min(PATIENCE_S, self._connect_timeout_s, self._read_timeout_s)

    def _connections(self) -> Connections:
        held = self._held
        pid = os.getpid()
        if held is None or held[0] != pid:
            with importing:
                # The former for later: at the end of the interpreter it may be too late to import them.
                from . import decode, failures  # noqa: F401
                from .connections import Connections
            held = self._held = (pid, Connections())
        return held[1]


def post_is_replaced() -> bool:
    """Return whether something is called in place of exchanges."""
    return _post_in_place() is not None


def _post_in_place() -> Callable[..., Any] | None:
    post = None if stand_in_for_post is None else stand_in_for_post()
    return _intercepted_post() if post is None else post


_STEPS_OF_POST = (
    ("requests.api", "request"),
    ("requests.sessions", "Session.request"),
    ("requests.sessions", "Session.send"),
    ("requests.adapters", "HTTPAdapter.send"),
    ("urllib3.connectionpool", "HTTPConnectionPool.urlopen"),
    ("urllib3.connectionpool", "HTTPConnectionPool._make_request"),
    ("urllib3.connectionpool", "HTTPConnectionPool.ConnectionCls"),
    ("urllib3.connectionpool", "HTTPSConnectionPool.ConnectionCls"),
)
"""What ``requests.post`` calls, one after the other: where tests of programs, and the packages responses, requests-mock and VCR.py, intercept it."""


def _intercepted_post() -> Callable[..., Any] | None:
    """Return ``requests.post`` where something else stands in the place of a step of it."""
    for name, path in _STEPS_OF_POST:
        module = sys.modules.get(name)
        if module is None:
            continue
        found: object = module
        # Another thread may be in the midst of importing it.
        for part in path.split("."):
            found = getattr(found, part, None)
        # What instruments requests wraps functions, and keeps their module.
        # A class of connections is of a module beside that.
        if found is not None and str(getattr(found, "__module__", "")).removesuffix("pool") != name.removesuffix("pool"):
            import requests

            return requests.post
    return None


def _posted_by(
    post: Callable[..., Any], url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float, proxies: Mapping[str, str]
) -> Reply:
    """Return what a function in the place of ``requests.post`` answers: it gets what the retired exporter called that with."""
    kept = {name: value for name, value in headers.items() if name != "Content-Encoding"}
    response = post(
        url=url,
        data=json.dumps(json.loads(zlib.decompress(body, wbits=_GZIP_OR_ZLIB))),
        headers={**kept, "Accept": "application/json", "Content-Type": "application/json; charset=utf-8"},
        timeout=timeout_s,
        proxies=dict(proxies),
        allow_redirects=False,
    )
    status, text, received = response.status_code, response.text, response.headers
    return Reply(
        # A mock without a status is no success.
        status=status if type(status) is int else _BAD_REQUEST,
        headers={str(name).lower(): str(value) for name, value in received.items()} if issubclass(type(received), Mapping) else {},
        body=text.encode() if type(text) is str else b"",
    )


def _head(response: Received) -> Reply:
    """Return the reply without its body.

    Raises:
        ReplyError: It is none yet.
    """
    if response.status < 200:
        from .failures import ReplyError

        # The reply proper is still to come, and would be taken for the next one's.
        response.close()
        raise ReplyError(f"the reply ends with the interim status {response.status}")
    return Reply(status=response.status, headers={name.lower(): value for name, value in response.headers.items()})


def _body(response: Received, headers: Mapping[str, str]) -> bytes:
    """Return the decoded body of a reply, cut at the size limit.

    Raises: what the libraries raise, and the errors of :mod:`.decode` and :mod:`.failures`.
    """
    from .decode import decoded
    from .failures import ReplyError

    chunks: list[bytes] = []
    size = 0
    try:
        while size < MAX_REPLY_BYTES:
            # Undecoded: the libraries bound what they take in, and not what they make of it.
            chunk = response.read(_CHUNK_BYTES)
            if not chunk:
                break
            chunks.append(chunk)
            size += len(chunk)
    finally:
        # A reply that was read to its end has given its connection back. Unread bytes of another would be taken for the next reply.
        response.close()
    promised = headers.get("content-length", "")
    # The standard library does not compare them.
    if "transfer-encoding" not in headers and promised.isdecimal() and size < min(int(promised), MAX_REPLY_BYTES):
        raise ReplyError("the reply was cut short")
    return decoded(b"".join(chunks)[:MAX_REPLY_BYTES], headers.get("content-encoding", ""), MAX_REPLY_BYTES)


def _free_frames(error: BaseException | None) -> None:
    """Free what an error's frames hold: those of the libraries hold the error, too, so that a request's body and the connection would stay until the
    garbage collector comes, which at the end of the interpreter may be too late to close it.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


@contextmanager
def _instrumentation_suppressed() -> Iterator[None]:
    token = attach(own_context())
    try:
        yield
    finally:
        detach(token)
