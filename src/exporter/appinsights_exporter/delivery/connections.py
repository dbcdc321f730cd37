"""The HTTP connections of one process. Imported with the first send: requests takes longer to import than all of this package.

requests decides where an exchange goes: with which certificates to check the other side's against, and how through a proxy. It decides
anew for each, which takes three times as long as the exchange itself. Where it has connected without a proxy, the exchanges that
follow take the same connections without asking it.

The libraries bound each wait on a socket and not the sum of waits: a peer that sends a byte now and then, or ``100 Continue`` for ever,
would hold thread and connection for ever. So the connections here read replies, those of proxies too, until the exchange's deadline.
"""

from __future__ import annotations

import contextlib
import http.client
import http.cookiejar
import io
import os
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from . import proxies as proxy_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .proxies import Proxy

USER_AGENT = "census-compat"
"""Short and constant: the service copies it into the items."""
ASK_AGAIN_S = 60.0
"""How long a way is taken without asking requests again, seconds."""

_HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json", "Connection": "keep-alive"}
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_VARIABLES = (
    *(name for proxy in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (proxy, proxy.upper())),
    *_BUNDLES,
)
"""What requests reads from the environment for each exchange."""


class BundleError(Exception):
    """The certificates to check the other side's against cannot be read. Its text is ours."""


class HeaderError(Exception):
    """A header of the request cannot be sent."""


class Exchange:
    """The limits of one exchange, and what was learned on the way.

    Args:
        timeout_s: Longest time for all of it, seconds.
        limits_s: Longest waits for a connection and for each piece of the reply, seconds.
        clock: Monotonic clock, seconds.
    """

    def __init__(self, timeout_s: float, limits_s: tuple[float, float], clock: Callable[[], float]) -> None:
        self._clock = clock
        self.until_s = clock() + timeout_s
        """Its end, on the clock."""
        self.limits_s = limits_s
        """Longest waits for a connection and for each piece of the reply, seconds."""
        self.proxy: Proxy | None = None
        """What it goes through."""
        self.connected = False
        """Whether there was a connection, through the proxy where there is one: before that, nothing can have been sent."""

    def now_s(self) -> float:
        """Return the reading of the clock, seconds."""
        return self._clock()

    def left_s(self, limit_s: float) -> float:
        """Return how long the next wait may be, seconds.

        Args:
            limit_s: The longest of its kind.

        Raises:
            TimeoutError: No time is left.
        """
        left_s = min(limit_s, self.until_s - self._clock())
        if left_s <= 0:
            raise TimeoutError
        return left_s


class _Current(threading.local):
    """The exchange of each thread."""

    exchange: Exchange | None = None


_current = _Current()


@dataclass(frozen=True, slots=True)
class _Way:
    """Where requests went for a URL."""

    pool: urllib3.HTTPConnectionPool
    """Connections to it, which know the certificates that it is checked against."""
    target: str
    """What the request line names."""
    environment: tuple[str | None, ...]
    """What requests saw there."""
    until_s: float
    """When to ask it again, on the monotonic clock, seconds."""


class Connections:
    """Sends requests and returns replies unread; safe for several threads.

    TLS certificates are always checked, redirects are never followed, cookies are not kept, and ``~/.netrc`` is not read.
    """

    def __init__(self) -> None:
        self._session = _Session()
        self._session.headers.clear()
        self._session.headers.update(_HEADERS)
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        # With no auth of its own a session would look for a password in ~/.netrc and send it along.
        self._session.auth = _unchanged
        self._adapter = _Adapter()
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)
        self._ways: dict[str, _Way] = {}
        self._environment = _environment()

    def exchange(self, timeout_s: float, limits_s: tuple[float, float], clock: Callable[[], float]) -> Exchange:
        """Return the limits of an exchange that begins now; see :class:`Exchange`."""
        return Exchange(timeout_s, limits_s, clock)

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, exchange: Exchange, proxies: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        """Return the reply, whose body is to be read, undecoded, on this thread.

        Args:
            url: Absolute.
            body: Already compressed.
            headers: Beside those that every request has.
            exchange: Its limits; says afterwards which proxy it went through.
            proxies: URL scheme to proxy URL; empty leaves it to the environment.
        Raises: what requests, urllib3 and the standard library raise, and the errors of this module and of :mod:`.proxies`.
        """
        _current.exchange = exchange
        now_s = exchange.now_s()
        way = self._ways.get(url)
        if way is not None and now_s < way.until_s and way.environment == _environment():
            return _direct(way, body, {**_HEADERS, **headers}, exchange.limits_s)
        # A token goes in clear text to the loopback interface only, and there no proxy shall see it on the way.
        in_clear_text = "Authorization" in headers and url.startswith("http://")
        environment = _environment()
        if environment != self._environment:
            # Old releases of requests check a known host against the certificates that were trusted when they first connected to it.
            self._environment = environment
            self.close()
        proxy = exchange.proxy = None if in_clear_text else proxy_settings.proxy_for(url, proxies)
        if proxy is not None:
            proxy_settings.check(proxy)
        scheme = url.partition(":")[0].lower()
        response = self._session.post(
            url,
            data=body,
            headers=dict(headers),
            timeout=exchange.limits_s,
            # Given here and not on the session: there the environment would win over it.
            proxies={scheme: None, "all": None} if proxy is None else {scheme: proxy.url},  # type: ignore[dict-item] # None is for none
            allow_redirects=False,
            stream=True,
        )
        direct = self._adapter.direct
        if direct is not None and not in_clear_text:
            self._ways[url] = _Way(*direct, environment, now_s + ASK_AGAIN_S)
        raw: urllib3.BaseHTTPResponse = response.raw
        return raw

    def forget(self, url: str) -> None:
        """Ask requests about a URL again: the way there has led to an error."""
        self._ways.pop(url, None)

    def close(self) -> None:
        """Close all connections."""
        self._ways.clear()
        self._session.close()


class _Session(requests.Session):
    """Takes a redirect for a reply like any other: requests reads the whole of its body, also where it is not to follow it."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: it leads nowhere."""


class _Adapter(HTTPAdapter):
    """Notes, for each thread, the connections that it took last; its connections keep to the deadline of an exchange."""

    def __init__(self) -> None:
        super().__init__()
        self._last = threading.local()

    @property
    def direct(self) -> tuple[urllib3.HTTPConnectionPool, str] | None:
        """The connections, and what the request line named, of this thread's last exchange; None where a proxy was between."""
        last: tuple[urllib3.HTTPConnectionPool, str] | None = getattr(self._last, "direct", None)
        return last

    def close(self) -> None:
        """Close all connections: urllib3 leaves that to finalizers, which at the end of the interpreter have run before ours is reached."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 -- urllib3 lets no thread iterate over the container itself
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _keep_time(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        _keep_time(manager)
        return manager

    # The connections to a proxy come from one of these, the second in requests before 2.32.

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        with _blaming_the_proxy():
            return super().get_connection_with_tls_context(*args, **kwargs)

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        with _blaming_the_proxy():
            return super().get_connection(*args, **kwargs)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        try:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call] # as the stubs of requests leave it
        except OSError:
            raise BundleError(f"{bundle_source()} cannot be read") from None
        self._last.pool = conn

    def request_url(self, request: Any, proxies: Any) -> Any:
        with _blaming_the_proxy():
            target = super().request_url(request, proxies)
            is_direct = requests.utils.select_proxy(request.url, proxies) is None
        self._last.direct = (self._last.pool, target) if is_direct else None
        return target


def bundle_source() -> str:
    """Return who says which authorities are trusted, for messages."""
    name = next((name for name in _BUNDLES if os.environ.get(name)), None)
    return (
        "the file of trusted certificates of the package certifi"
        if name is None
        else f"the file of trusted certificates in the variable {name}"
    )


@contextlib.contextmanager
def _blaming_the_proxy() -> Iterator[None]:
    """Turn whatever is raised where a proxy is chosen and set up into an error of its setting: the libraries quote its value."""
    exchange = _current.exchange
    proxy = None if exchange is None else exchange.proxy
    try:
        yield
    except Exception:
        if proxy is None:
            raise
        raise proxy_settings.unusable(proxy) from None


class _Limited(io.RawIOBase):
    """What a socket receives, until the end of the exchange that this thread makes."""

    def __init__(self, sock: Any, exchange: Exchange) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._exchange.left_s(self._exchange.limits_s[1]))
        received: int | None = self._raw.readinto(buffer)
        return received

    def fileno(self) -> int:
        number: int = self._raw.fileno()
        return number

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Receiving:
    """Stands for a socket where a reply is read from it."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def makefile(self, mode: str) -> Any:
        exchange = _current.exchange
        return self._sock.makefile(mode) if exchange is None else io.BufferedReader(_Limited(self._sock, exchange))


class _Response(http.client.HTTPResponse):
    """A reply, or a proxy's to CONNECT, that is read until the end of the exchange."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(_Receiving(sock), *args, **kwargs)  # type: ignore[arg-type] # it makes a file of it, and nothing else


class _Timed:
    """Goes before a class of connections and lets them keep to the exchange's deadline."""

    response_class = _Response
    timeout: Any
    sock: Any

    def connect(self) -> None:
        exchange = _current.exchange
        if exchange is not None:
            self.timeout = exchange.left_s(exchange.limits_s[0])
        super().connect()  # type: ignore[misc] # of the class behind it
        if exchange is not None:
            exchange.connected = True

    def putrequest(self, *args: Any, **kwargs: Any) -> Any:
        exchange = _current.exchange
        if exchange is not None and self.sock is not None:
            exchange.connected = True
            # A kept connection has the limit of whatever was received last.
            self.sock.settimeout(exchange.left_s(exchange.limits_s[0]))
        return super().putrequest(*args, **kwargs)  # type: ignore[misc] # of the class behind it


def _keep_time(manager: Any) -> None:
    """Let the connections that a manager makes keep to the exchange's deadline."""
    manager.pool_classes_by_scheme = {scheme: _timed(pool) for scheme, pool in manager.pool_classes_by_scheme.items()}


@lru_cache(maxsize=16)
def _timed(pool: Any) -> Any:
    made = pool.ConnectionCls
    if issubclass(made, _Timed):
        return pool
    return type(pool.__name__, (pool,), {"ConnectionCls": type(made.__name__, (_Timed, made), {})})


def _direct(way: _Way, body: bytes, headers: Mapping[str, str], limits_s: tuple[float, float]) -> urllib3.BaseHTTPResponse:
    """Send as requests does, without asking it."""
    try:
        return way.pool.urlopen(
            "POST",
            way.target,
            body=body,
            headers=headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=urllib3.Timeout(connect=limits_s[0], read=limits_s[1]),
            preload_content=False,
            decode_content=False,
        )
    except ValueError as error:
        if type(error) is ValueError:
            # The standard library's, for a header that cannot be sent.
            raise HeaderError from None
        raise


def _unchanged(request: Any) -> Any:
    return request


def _environment() -> tuple[str | None, ...]:
    return tuple(map(os.environ.get, _VARIABLES))
