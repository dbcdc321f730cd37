"""HTTP connections through a proxy: urllib3's, which knows how to ask each kind of proxy, with the rules of requests for what a setting means.

Imported where there is a proxy: urllib3 would take 2.7 MiB and half of the time until the first export.
"""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

import urllib3

from . import proxies as proxy_settings
from .exchange import Exchange, Timed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .certificates import Trusted
    from .proxies import Proxy

_CHECKED = "CERT_REQUIRED"


class Proxied:
    """The connections through one proxy; safe for several threads.

    Args:
        proxy: What they go through.
        trusted: What the other side's certificate is checked against; None where no TLS is spoken.
        kept: Most connections that are kept open to one host.

    Raises:
        ProxySettingError: The proxy cannot be used.
    """

    def __init__(self, proxy: Proxy, trusted: Trusted | None, kept: int) -> None:
        proxy_settings.check(proxy)
        with _blaming(proxy):
            self._manager = _through(proxy.url, trusted, kept)
        classes = self._manager.pool_classes_by_scheme
        self._manager.pool_classes_by_scheme = {scheme: _timed(pool) for scheme, pool in classes.items()}

    def post(self, url: str, body: bytes, headers: Mapping[str, str], exchange: Exchange) -> urllib3.BaseHTTPResponse:
        """Return the reply, unread.

        Raises: what urllib3 and the standard library raise.
        """
        pool = self._manager.connection_from_url(url)
        # Only a proxy that no tunnel leads through needs the whole address.
        whole = self._manager.proxy is not None and pool.scheme == "http"
        return pool.urlopen(
            "POST",
            url if whole else urllib3.util.parse_url(url).request_uri,
            body=body,
            headers=headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=urllib3.Timeout(connect=exchange.limits_s[0], read=exchange.limits_s[1]),
            preload_content=False,
            decode_content=False,
        )

    def close(self) -> None:
        """Close all connections: urllib3 leaves that to finalizers, which at the end of the interpreter have run before ours is reached."""
        for key in self._manager.pools.keys():  # noqa: SIM118 -- urllib3 lets no thread iterate over the container itself
            pool = self._manager.pools.get(key)
            if pool is not None:
                pool.close()
        self._manager.clear()


def _through(proxy_url: str, trusted: Trusted | None, kept: int) -> urllib3.PoolManager:
    url = proxy_url if "://" in proxy_url else f"http:{proxy_url}" if proxy_url.startswith("//") else f"http://{proxy_url}"
    parts = urllib3.util.parse_url(url)
    if not parts.host:
        raise ValueError
    name, _, password = (parts.auth or "").partition(":")
    name, password = unquote(name), unquote(password)
    file, folder = (None, None) if trusted is None else trusted[:2]
    if url.lower().startswith("socks"):
        from urllib3.contrib.socks import SOCKSProxyManager

        return SOCKSProxyManager(
            url,
            username=name or None,
            password=password or None,
            maxsize=kept,
            cert_reqs=_CHECKED,
            ca_certs=file,
            ca_cert_dir=folder,
        )
    headers = urllib3.util.make_headers(proxy_basic_auth=f"{name}:{password}") if name else {}
    return urllib3.ProxyManager(url, proxy_headers=headers, maxsize=kept, cert_reqs=_CHECKED, ca_certs=file, ca_cert_dir=folder)


@contextlib.contextmanager
def _blaming(proxy: Proxy) -> Iterator[None]:
    """Turn whatever is raised where a proxy is set up into an error of its setting: the libraries quote its value."""
    try:
        yield
    except Exception:  # noqa: BLE001 - two libraries below, and their errors quote the setting.
        raise proxy_settings.unusable(proxy) from None


@lru_cache(maxsize=16)
def _timed(pool: type[urllib3.HTTPConnectionPool]) -> type[urllib3.HTTPConnectionPool]:
    """Return a class of pools whose connections keep to the exchange's deadline."""
    made = pool.ConnectionCls
    if issubclass(made, Timed):
        return pool
    return type(pool.__name__, (pool,), {"ConnectionCls": type(made.__name__, (Timed, made), {})})
