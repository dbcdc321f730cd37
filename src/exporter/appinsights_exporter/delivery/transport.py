"""One HTTP exchange with the ingestion endpoint. No policy: what a reply means is not decided here.

The exchange runs on a helper thread. The timeouts of requests bound each wait on a socket, not looking up a host name, nor the sum of
waits; and a process that ends must be able to stop waiting for an endpoint that is silent.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.context import attach, detach, set_value

from .helpers import SUPPRESS_KEY, Helpers, LateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import requests

USER_AGENT = "census-compat"
"""Short and constant: the service copies it into the items."""
MAX_REPLY_BYTES = 1024 * 1024
"""What is longer is cut: a reply to 500 items that all failed takes about a tenth of it."""

_CHUNK_BYTES = 16384
_NO_PROXY: dict[str, Any] = {"http": None, "all": None}
"""For a token that goes to the loopback interface in clear text, the one place where it may: no proxy shall see it on the way."""
_MARGIN_S = 0.25
"""How much longer than the library's own limit we wait, seconds: its error says more than ours."""


@dataclass(frozen=True, slots=True)
class SendError:
    """Why there is no reply."""

    kind: str
    """``connect``: nothing was sent. ``reply``: something was, and may have been accepted. ``request``: this can never be sent."""
    text: str
    """The library's error: its type and first words; holds no header and no body."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from one exchange: a status, or an error, never both."""

    status: int = 0
    """HTTP status; 0 when there is an error."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""
    """Decoded, at most 1 MiB."""
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
    """Sends over one kept-alive :class:`requests.Session`, made at the first send; safe for several threads.

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
        self._helpers = Helpers("appinsights-send", clock)
        # Process id and session change together in one assignment, so no lock is needed, and none can be left held by a fork.
        self._session: tuple[int, requests.Session] | None = None

    def send(self, body: bytes, headers: Mapping[str, str], timeout_s: float, *, url: str | None = None) -> Reply:
        """Return what came back; see :class:`Transport`."""
        try:
            return self._helpers.run(
                lambda: self._guarded(body, headers, timeout_s, self.url if url is None else url), timeout_s + _MARGIN_S
            )
        except LateError as error:
            return Reply(error=SendError("reply", str(error)))

    def hurry(self, timeout_s: float) -> None:
        """Stop waiting for exchanges that are under way after so many seconds from now."""
        self._helpers.hurry(timeout_s)

    def close(self) -> None:
        """Close the connection if this process opened it."""
        held, self._session = self._session, None
        if held is not None and held[0] == os.getpid():
            held[1].close()

    def _guarded(self, body: bytes, headers: Mapping[str, str], timeout_s: float, url: str) -> Reply:
        with _instrumentation_suppressed():
            try:
                return self._exchange(body, headers, timeout_s, url)
            except Exception as error:  # noqa: BLE001 - three libraries below, and each may raise what it likes.
                return Reply(error=_translated(error))

    def _exchange(self, body: bytes, headers: Mapping[str, str], timeout_s: float, url: str) -> Reply:
        deadline_s = self._clock() + timeout_s
        with self._own_session().post(
            url,
            data=body,
            headers=dict(headers),
            timeout=(min(self._connect_timeout_s, timeout_s), min(self._read_timeout_s, timeout_s)),
            # Given here and not on the session: there the environment would win over it.
            proxies=_NO_PROXY if "Authorization" in headers and url.startswith("http://") else self._proxies or None,
            allow_redirects=False,
            stream=True,
        ) as response:
            received = {name.lower(): value for name, value in response.headers.items()}
            return Reply(status=response.status_code, headers=received, body=self._read(response, deadline_s))

    def _read(self, response: requests.Response, deadline_s: float) -> bytes:
        """Return the body, cut at the size limit and at the deadline: a server that drips must not hold an export."""
        chunks: list[bytes] = []
        size = 0
        # What has arrived, rather than all that was asked for; urllib3 before 2.1 only has the latter.
        read = getattr(response.raw, "read1", response.raw.read)
        while size < MAX_REPLY_BYTES:
            chunk = read(_CHUNK_BYTES, decode_content=True)
            if not chunk:
                break
            chunks.append(chunk)
            size += len(chunk)
            if self._clock() > deadline_s:
                raise TimeoutError("the reply did not end in time")
        else:
            # Unread bytes would be taken for the next reply.
            response.close()
        return b"".join(chunks)[:MAX_REPLY_BYTES]

    def _own_session(self) -> requests.Session:
        held = self._session
        pid = os.getpid()
        if held is None or held[0] != pid:
            held = self._session = (pid, _new_session())
        return held[1]


_importing = threading.RLock()
"""Held while modules are imported on a thread, and while the process forks: a child would wait for ever for an import that its parent's
thread had begun."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release)


def _new_session() -> requests.Session:
    with _importing:
        import http.cookiejar

        import requests

    session = requests.Session()
    session.headers.clear()
    session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json", "Connection": "keep-alive"})
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    # With no auth of its own a session would look for a password in ~/.netrc and send it along.
    session.auth = _unchanged
    return session


def _unchanged(request: Any) -> Any:
    return request


@contextmanager
def _instrumentation_suppressed() -> Iterator[None]:
    token = attach(set_value(SUPPRESS_KEY, True))
    try:
        yield
    finally:
        detach(token)


def _translated(error: Exception) -> SendError:
    """Return the error of requests, urllib3 or the standard library as one of ours."""
    import requests
    import urllib3.exceptions

    text = f"{type(error).__name__}: {error}"[:200]
    if isinstance(
        error,
        (
            requests.exceptions.ConnectTimeout,
            requests.exceptions.ProxyError,
            requests.exceptions.SSLError,
        ),
    ):
        return SendError("connect", text)
    if isinstance(error, requests.exceptions.ConnectionError):
        return SendError("connect" if _never_connected(error) else "reply", text)
    if isinstance(error, UnicodeError | urllib3.exceptions.LocationValueError) or (
        isinstance(error, requests.exceptions.RequestException) and isinstance(error, ValueError)
    ):
        # InvalidURL, InvalidHeader, MissingSchema, a host name that cannot be encoded.
        return SendError("request", text)
    return SendError("reply", text)


def _never_connected(error: BaseException) -> bool:
    """Return whether somewhere below the error a connection could not even be made."""
    import urllib3.exceptions

    for _ in range(8):
        if isinstance(error, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)):
            return True
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None) or error.__cause__
        if not isinstance(inner, BaseException):
            return False
        error = inner
    return False
