"""The HTTP connections of one process. Imported with the first send: urllib3 takes longer to import than all of this package.

They are urllib3's pool managers, one for each proxy, with the rules of requests: which proxy, and with which certificates the other side's
is checked. requests itself is not used: it took 25 to 45 ms more to import (of 150), and three times an exchange to decide about each one.
What intercepts requests in tests of programs is called all the same, see :mod:`.transport`.

The libraries bound each wait on a socket and not the sum of waits: a peer that sends a byte now and then, or ``100 Continue`` for ever,
would hold thread and connection for ever. So the connections here read replies, those of proxies too, until the exchange's deadline.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast
from urllib.parse import unquote

import certifi
import urllib3

from . import proxies as proxy_settings

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping

    from _typeshed import WriteableBuffer

    from .proxies import Proxy

USER_AGENT = "census-compat"
"""Short and constant: the service copies it into the items."""
ASK_AGAIN_S = 60.0
"""How long a way is taken without looking again at what this system is set to, seconds."""

_HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json", "Connection": "keep-alive"}
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_CHECKED = "CERT_REQUIRED"
_KEPT = 10
"""Most connections that are kept open to one host."""
_VARIABLES = (
    *(name for proxy in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (proxy, proxy.upper())),
    *_BUNDLES,
)
"""What decides, in the environment, where an exchange goes."""


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


class _Trusted(NamedTuple):
    """The certificates of the authorities that are trusted: a file, or a folder of files."""

    file: str | None
    folder: str | None


@dataclass(frozen=True, slots=True)
class _Way:
    """How requests go to a URL."""

    pool: urllib3.HTTPConnectionPool
    """Its connections, which know the certificates that the other side's is checked against."""
    target: str
    """What the request line names."""
    proxy: Proxy | None
    """What it goes through."""
    environment: tuple[str | None, ...]
    """What the environment was when that was found out."""
    until_s: float
    """When to find it out again, on the monotonic clock, seconds."""


class Connections:
    """Sends requests and returns replies unread; safe for several threads.

    TLS certificates are always checked, redirects are never followed, there are no cookies, and ``~/.netrc`` is not read.
    """

    def __init__(self) -> None:
        self._managers: dict[str | None, urllib3.PoolManager] = {}
        """By the URL of the proxy."""
        self._ways: dict[tuple[str, bool], _Way] = {}
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
        Raises: what urllib3 and the standard library raise, and the errors of this module and of :mod:`.proxies`.
        """
        _current.exchange = exchange
        if not url.lower().startswith(("http://", "https://")):
            # urllib3 would take it for http, with a warning.
            raise proxy_settings.AddressError
        # A token goes in clear text to the loopback interface only, and there no proxy shall see it on the way.
        in_clear_text = "Authorization" in headers and url.startswith("http://")
        environment = _environment()
        way = self._ways.get((url, in_clear_text))
        if way is None or exchange.now_s() >= way.until_s or way.environment != environment:
            if environment != self._environment:
                # A kept connection has checked its other side against the certificates that were trusted then.
                self._environment = environment
                self.close()
            proxy = exchange.proxy = None if in_clear_text else proxy_settings.proxy_for(url, proxies)
            manager = self._manager(proxy)
            pool = manager.connection_from_url(url)
            # Only a proxy that no tunnel leads through needs the whole address.
            target = url if manager.proxy is not None and pool.scheme == "http" else urllib3.util.parse_url(url).request_uri
            way = _Way(pool, target, proxy, environment, exchange.now_s() + ASK_AGAIN_S)
            self._ways[url, in_clear_text] = way
        exchange.proxy = way.proxy
        try:
            return way.pool.urlopen(
                "POST",
                way.target,
                body=body,
                headers={**_HEADERS, **headers},
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=urllib3.Timeout(connect=exchange.limits_s[0], read=exchange.limits_s[1]),
                preload_content=False,
                decode_content=False,
            )
        except ValueError as error:
            if type(error) is ValueError:
                # The standard library's, for a header that cannot be sent.
                raise HeaderError from None
            raise

    def forget(self, url: str) -> None:
        """Find out anew how requests go to a URL: the way there has led to an error."""
        for in_clear_text in (False, True):
            self._ways.pop((url, in_clear_text), None)

    def close(self) -> None:
        """Close all connections: urllib3 leaves that to finalizers, which at the end of the interpreter have run before ours is reached."""
        self._ways.clear()
        managers, self._managers = self._managers, {}
        for manager in managers.values():
            for key in manager.pools.keys():  # noqa: SIM118 -- urllib3 lets no thread iterate over the container itself
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
            manager.clear()

    def _manager(self, proxy: Proxy | None) -> urllib3.PoolManager:
        key = None if proxy is None else proxy.url
        found = self._managers.get(key)
        if found is None:
            # Two threads may both make one; one of them stays, and the other one's connections are closed when they are forgotten.
            found = self._managers.setdefault(key, _manager(proxy))
        return found


def bundle_source() -> str:
    """Return who says which authorities are trusted, for messages."""
    name = next((name for name in _BUNDLES if os.environ.get(name)), None)
    return (
        "the file of trusted certificates of the package certifi"
        if name is None
        else f"the file of trusted certificates in the variable {name}"
    )


def _manager(proxy: Proxy | None) -> urllib3.PoolManager:
    """Return a manager of connections, through a proxy or directly, which keep to the deadline of an exchange.

    Raises:
        BundleError: There are no certificates to check the other side's against.
        ProxySettingError: The proxy cannot be used.
    """
    trusted = next((value for name in _BUNDLES if (value := os.environ.get(name))), None) or certifi.where()
    if not os.path.exists(trusted):
        raise BundleError(f"{bundle_source()} cannot be read")
    is_folder = os.path.isdir(trusted)
    tls = _Trusted(None if is_folder else trusted, trusted if is_folder else None)
    if proxy is None:
        made = urllib3.PoolManager(maxsize=_KEPT, cert_reqs=_CHECKED, ca_certs=tls.file, ca_cert_dir=tls.folder)
    else:
        proxy_settings.check(proxy)
        with _blaming(proxy):
            made = _through(proxy.url, tls)
    made.pool_classes_by_scheme = {scheme: _timed(pool) for scheme, pool in made.pool_classes_by_scheme.items()}
    return made


def _through(proxy_url: str, tls: _Trusted) -> urllib3.PoolManager:
    url = proxy_url if "://" in proxy_url else f"http:{proxy_url}" if proxy_url.startswith("//") else f"http://{proxy_url}"
    parts = urllib3.util.parse_url(url)
    if not parts.host:
        raise ValueError
    name, _, password = (parts.auth or "").partition(":")
    name, password = unquote(name), unquote(password)
    if url.lower().startswith("socks"):
        from urllib3.contrib.socks import SOCKSProxyManager

        return SOCKSProxyManager(
            url,
            username=name or None,
            password=password or None,
            maxsize=_KEPT,
            cert_reqs=_CHECKED,
            ca_certs=tls.file,
            ca_cert_dir=tls.folder,
        )
    headers = urllib3.util.make_headers(proxy_basic_auth=f"{name}:{password}") if name else {}
    return urllib3.ProxyManager(url, proxy_headers=headers, maxsize=_KEPT, cert_reqs=_CHECKED, ca_certs=tls.file, ca_cert_dir=tls.folder)


@contextlib.contextmanager
def _blaming(proxy: Proxy) -> Iterator[None]:
    """Turn whatever is raised where a proxy is set up into an error of its setting: the libraries quote its value."""
    try:
        yield
    except Exception:  # noqa: BLE001 - two libraries below, and their errors quote the setting.
        raise proxy_settings.unusable(proxy) from None


if TYPE_CHECKING:
    _Before = http.client.HTTPConnection
else:
    # What a class of connections is made of is its own affair.
    _Before = object


class _Limited(io.RawIOBase):
    """What a socket receives, until the end of the exchange that this thread makes."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._sock.settimeout(self._exchange.left_s(self._exchange.limits_s[1]))
        return self._raw.readinto(buffer)

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Receiving:
    """Stands for a socket where a reply is read from it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, mode: Literal["rb"]) -> io.BufferedReader:
        exchange = _current.exchange
        return self._sock.makefile(mode) if exchange is None else io.BufferedReader(_Limited(self._sock, exchange))


class _Response(http.client.HTTPResponse):
    """A reply, or a proxy's to CONNECT, that is read until the end of the exchange."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        # It makes a file of the socket, and nothing else.
        super().__init__(cast("socket.socket", _Receiving(sock)), *args, **kwargs)


class _Timed(_Before):
    """Goes before a class of connections and lets them keep to the exchange's deadline."""

    response_class = _Response

    def connect(self) -> None:
        exchange = _current.exchange
        if exchange is not None:
            self.timeout = exchange.left_s(exchange.limits_s[0])
        super().connect()
        if exchange is not None:
            exchange.connected = True

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        exchange = _current.exchange
        if exchange is not None and self.sock is not None:
            exchange.connected = True
            # A kept connection has the limit of whatever was received last.
            self.sock.settimeout(exchange.left_s(exchange.limits_s[0]))
        super().putrequest(method, url, *args, **kwargs)


@lru_cache(maxsize=16)
def _timed(pool: type[urllib3.HTTPConnectionPool]) -> type[urllib3.HTTPConnectionPool]:
    """Return a class of pools whose connections keep to the exchange's deadline."""
    made = pool.ConnectionCls
    if issubclass(made, _Timed):
        return pool
    return type(pool.__name__, (pool,), {"ConnectionCls": type(made.__name__, (_Timed, made), {})})


def _environment() -> tuple[str | None, ...]:
    return tuple(map(os.environ.get, _VARIABLES))
