"""The HTTP connections of one process: which way a request goes, directly or through a proxy, and the direct ones.

They are the standard library's, kept open between requests, with the rules of requests: which proxy, and with which certificates the other
side's is checked. Neither requests nor urllib3 is loaded for that: they took half of the time until the first export, and 2.7 MiB. What
intercepts requests in tests of programs is called all the same, see :mod:`.transport`.
"""

from __future__ import annotations

import errno
import http.client
import os
import selectors
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from . import certificates
from . import proxies as proxy_settings
from .exchange import Exchange, Timed, current

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from .proxied import Proxied
    from .proxies import Proxy

    class Received(Protocol):
        """A reply whose body is still to be read."""

        status: int

        @property
        def headers(self) -> Mapping[str, str]:
            """Those of one name are one, with a comma between."""
            ...

        def read(self, size: int, /) -> bytes:
            """Return so many bytes, fewer at the end."""
            ...

        def close(self) -> None:
            """Give the connection back, or close it where the reply was not read to its end."""
            ...


USER_AGENT = "census-compat"
"""Short and constant: the service copies it into the items."""
ASK_AGAIN_S = 60.0
"""How long a way is taken without looking again at what this system is set to, seconds."""

_HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json", "Connection": "keep-alive"}
_KEPT = 10
"""Most connections that are kept open to one host."""
_VARIABLES = (
    *(name for proxy in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (proxy, proxy.upper())),
    *certificates.VARIABLES,
)
"""What decides, in the environment, where an exchange goes."""
_HAS_ANSWERED = (errno.EPIPE, errno.EPROTOTYPE, errno.ECONNRESET)
"""What a system says where the other side ended the connection before it had the whole request: there may be a reply, and it says why."""
_UNESCAPED = "!#$%&'()*+,/:;=?@[]~"
"""What may stand in the address of a request as it is, beside letters and digits."""


class _Way(NamedTuple):
    """How requests go to a URL."""

    connections: Direct | Proxied
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
        self._hosts: dict[tuple[str, str], Direct] = {}
        """By scheme and place."""
        self._proxied: dict[tuple[str, bool], Proxied] = {}
        """By the URL of the proxy, and whether TLS is spoken."""
        self._ways: dict[tuple[str, bool], _Way] = {}
        self._environment = _environment()

    def exchange(self, timeout_s: float, limits_s: tuple[float, float], clock: Callable[[], float]) -> Exchange:
        """Return the limits of an exchange that begins now; see :class:`Exchange`."""
        return Exchange(timeout_s, limits_s, clock)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, exchange: Exchange, proxies: Mapping[str, str]) -> Received:
        """Return the reply, whose body is to be read, undecoded, on this thread.

        Args:
            url: Absolute.
            body: Already compressed.
            headers: Beside those that every request has.
            exchange: Its limits; says afterwards which proxy it went through.
            proxies: URL scheme to proxy URL; empty leaves it to the environment.
        Raises: what the standard library raises, through a proxy urllib3, and the errors of the modules here.
        """
        current.exchange = exchange
        if not url.lower().startswith(("http://", "https://")):
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
            connections = self._direct(url) if proxy is None else self._through(proxy, url)
            way = self._ways[url, in_clear_text] = _Way(connections, proxy, environment, exchange.now_s() + ASK_AGAIN_S)
        exchange.proxy = way.proxy
        try:
            return way.connections.post(url, body, {**_HEADERS, **headers}, exchange)
        except ValueError as error:
            if type(error) is ValueError:
                from .failures import HeaderError

                # The standard library's, for a header that cannot be sent.
                raise HeaderError from None
            raise

    def forget(self, url: str) -> None:
        """Find out anew how requests go to a URL: the way there has led to an error."""
        for in_clear_text in (False, True):
            self._ways.pop((url, in_clear_text), None)

    def close(self) -> None:
        """Close all connections."""
        self._ways.clear()
        hosts, self._hosts = self._hosts, {}
        proxied, self._proxied = self._proxied, {}
        for host in hosts.values():
            host.close()
        for proxy in proxied.values():
            proxy.close()

    # Two threads may both make one; one of them stays, and the other one's connections are closed when they are forgotten.

    def _direct(self, url: str) -> Direct:
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc)
        found = self._hosts.get(key)
        return self._hosts.setdefault(key, Direct(parts)) if found is None else found

    def _through(self, proxy: Proxy, url: str) -> Proxied:
        # In clear text all the way, nobody's certificate is asked for.
        needs_tls = any(each.lower().startswith("https:") for each in (url, proxy.url))
        key = (proxy.url, needs_tls)
        found = self._proxied.get(key)
        if found is None:
            from .proxied import Proxied

            found = self._proxied.setdefault(key, Proxied(proxy, certificates.trusted() if needs_tls else None, _KEPT))
        return found


class Direct:
    """The connections to one host; safe for several threads.

    Args:
        parts: Of a URL there.

    Raises:
        AddressError: There can be no such host.
    """

    def __init__(self, parts: SplitResult) -> None:
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            raise proxy_settings.AddressError from None
        if not host:
            raise proxy_settings.AddressError
        if not host.isascii():
            host = _in_ascii(host)
        self._is_secure = parts.scheme == "https"
        # Without a port, the standard library takes the end of an IPv6 address for one.
        default_port = http.client.HTTPS_PORT if self._is_secure else http.client.HTTP_PORT
        self._host, self._port = host, default_port if port is None else port
        # A host's last dot is for the resolver alone.
        said = host.rstrip(".")
        self._own_headers = {} if said == host else {"Host": said if port is None else f"{said}:{port}"}
        self._tls: tuple[certificates.Trusted, ssl.SSLContext] | None = None
        self._idle: list[http.client.HTTPConnection] = []
        self._closed = False

    def post(self, url: str, body: bytes, headers: Mapping[str, str], exchange: Exchange) -> _Reply:
        """Return the reply, unread.

        Raises: what the standard library raises.
        """
        parts = urlsplit(url)
        target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_UNESCAPED)
        connection = self._connection()
        try:
            try:
                connection.request("POST", target, body, {**headers, **self._own_headers})
            except OSError as error:
                if not exchange.connected or error.errno not in _HAS_ANSWERED:
                    raise
            response = connection.getresponse()
            _check_length(response)
        except BaseException:
            connection.close()
            raise
        return _Reply(response, connection, self._keep)

    def close(self) -> None:
        """Close the connections that are kept; those in use are closed after it."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def __del__(self) -> None:
        # A socket that is left to the garbage collector is a warning, which tests of programs may take for an error.
        for kept in getattr(self, "_idle", ()):
            kept.close()

    def _connection(self) -> http.client.HTTPConnection:
        while True:
            try:
                kept = self._idle.pop()
            except IndexError:
                break
            if not _has_something_to_say(kept):
                return kept
            kept.close()
        if not self._is_secure:
            return _Plain(self._host, self._port)
        whom = certificates.trusted()
        if self._tls is None or self._tls[0] != whom:
            self._tls = (whom, certificates.tls(whom))
        return _Secure(self._host, self._port, self._tls[1])

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        if self._closed or len(self._idle) >= _KEPT:
            connection.close()
        else:
            self._idle.append(connection)


class _Reply:
    """A reply that came directly, whose connection is kept once it is read to its end."""

    def __init__(
        self,
        response: http.client.HTTPResponse,
        connection: http.client.HTTPConnection,
        keep: Callable[[http.client.HTTPConnection], None],
    ) -> None:
        self._response, self._connection, self._keep = response, connection, keep
        self.status: int = response.status
        self.headers: dict[str, str] = {}
        for name, value in response.headers.items():
            known = self.headers.get(name.lower())
            self.headers[name.lower()] = value if known is None else f"{known}, {value}"
        self.read = response.read

    def close(self) -> None:
        response = self._response
        # One that was cut short has a length that is left.
        is_whole = response.isclosed() and not response.length
        response.close()
        if is_whole and not response.will_close:
            self._keep(self._connection)
        else:
            # Unread bytes would be taken for the next reply.
            self._connection.close()


if http.client.HTTPConnection.__module__ != "http.client":
    # While a test of a program has another class in its place; the next export asks again.
    raise ImportError("the standard library's class of connections is replaced")


class _Plain(Timed, http.client.HTTPConnection):
    """A connection in clear text."""


class _OverTls(http.client.HTTPConnection):
    """A connection over TLS. The standard library's has a host's last dot in the handshake, too, where certificates have none."""

    default_port = http.client.HTTPS_PORT

    def __init__(self, host: str, port: int | None, tls: ssl.SSLContext) -> None:
        super().__init__(host, port)
        self._tls = tls

    def connect(self) -> None:
        super().connect()
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host.rstrip("."))


class _Secure(Timed, _OverTls):
    """A connection over TLS that keeps to the exchange's deadline, handshake included."""


def _in_ascii(host: str) -> str:
    """Return the name that a host is registered under, by the rules of requests: the standard library's are older ones, and lead elsewhere."""
    import idna

    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise proxy_settings.AddressError from None


def _check_length(response: http.client.HTTPResponse) -> None:
    """Refuse a reply that names several lengths: the standard library takes one of them, and the rest for the next reply."""
    given = {each.strip() for value in response.headers.get_all("content-length", ()) for each in value.split(",")}
    if len(given) > 1:
        raise http.client.HTTPException


def _has_something_to_say(kept: http.client.HTTPConnection) -> bool:
    """Return whether something has come since the last reply was read: the end of the connection, or what nobody asked for."""
    if kept.sock is None:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(kept.sock, selectors.EVENT_READ)
        return bool(selector.select(0))


def _environment() -> tuple[str | None, ...]:
    return tuple(map(os.environ.get, _VARIABLES))
