"""The HTTP connections of one process. Imported with the first send: requests takes longer to import than all of this package.

requests decides where an exchange goes: through which proxy, with which certificates to check the other side's against. It decides
anew for each, which takes three times as long as the exchange itself. Where it has connected without a proxy, the exchanges that
follow take the same connections without asking it.
"""

from __future__ import annotations

import http.cookiejar
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

USER_AGENT = "census-compat"
"""Short and constant: the service copies it into the items."""
ASK_AGAIN_S = 60.0
"""How long a way is taken without asking requests again, seconds."""

_HEADERS = {"User-Agent": USER_AGENT, "Accept": "application/json", "Connection": "keep-alive"}
_NO_PROXY: dict[str, Any] = {"http": None, "all": None}
"""For a token that goes to the loopback interface in clear text, the one place where it may: no proxy shall see it on the way."""
_VARIABLES = (
    *(name for proxy in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (proxy, proxy.upper())),
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
"""What requests reads from the environment for each exchange."""


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
        self._session = requests.Session()
        self._session.headers.clear()
        self._session.headers.update(_HEADERS)
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        # With no auth of its own a session would look for a password in ~/.netrc and send it along.
        self._session.auth = _unchanged
        self._adapter = _Adapter()
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)
        self._ways: dict[str, _Way] = {}

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, limits_s: tuple[float, float], proxies: Mapping[str, str], now_s: float
    ) -> urllib3.BaseHTTPResponse:
        """Return the reply, whose body is to be read, undecoded.

        Args:
            url: Absolute.
            body: Already compressed.
            headers: Beside those that every request has.
            limits_s: Longest waits for a connection and for each piece of the reply, seconds.
            proxies: URL scheme to proxy URL; empty leaves it to the environment.
            now_s: On the monotonic clock, seconds.
        Raises: what requests, urllib3 and the standard library raise.
        """
        way = self._ways.get(url)
        if way is not None and now_s < way.until_s and way.environment == _environment():
            return _direct(way, body, {**_HEADERS, **headers}, limits_s)
        in_clear_text = "Authorization" in headers and url.startswith("http://")
        environment = _environment()
        response = self._session.post(
            url,
            data=body,
            headers=dict(headers),
            timeout=limits_s,
            # Given here and not on the session: there the environment would win over it.
            proxies=_NO_PROXY if in_clear_text else dict(proxies) or None,
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


class _Adapter(HTTPAdapter):
    """Notes, for each thread, the connections that it took last."""

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

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call] # as the stubs of requests leave it
        self._last.pool = conn

    def request_url(self, request: Any, proxies: Any) -> Any:
        target = super().request_url(request, proxies)
        is_direct = requests.utils.select_proxy(request.url, proxies) is None
        self._last.direct = (self._last.pool, target) if is_direct else None
        return target


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
            raise requests.exceptions.InvalidHeader(str(error)) from error
        raise


def _unchanged(request: Any) -> Any:
    return request


def _environment() -> tuple[str | None, ...]:
    return tuple(map(os.environ.get, _VARIABLES))
