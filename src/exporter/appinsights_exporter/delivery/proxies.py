"""Which proxy an exchange goes through, and who says so: a message may name the setting, and never quotes its value, which may hold a password.

The rules are those of requests, which is imported where there is a proxy, but that what is sent to this machine never goes through a proxy of the environment.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTION = "the option proxies"
_SYSTEM = "the proxy settings of this system"
_STRAY_AT = re.compile(r"[^/?#]*[/?#].*@", re.DOTALL)
"""A user name, after the scheme, that a special character ended before its ``@``."""


class ProxySettingError(Exception):
    """A proxy setting that cannot be used. Its text is ours, and holds nothing of the setting's value."""


class AddressError(ValueError):
    """The address of the endpoint cannot be used."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and where it is set."""

    url: str = field(repr=False)
    source: str
    """For messages: a variable, or the option."""


def proxy_for(url: str, given: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for a URL; None for none.

    Args:
        url: Where the exchange goes.
        given: The option: URL scheme, perhaps with a host, to proxy URL. It counts for this machine too.

    Raises:
        ProxySettingError: What the environment says cannot be read.
        AddressError: The URL is none.
    """
    try:
        host = urlsplit(url).hostname
    except ValueError:
        raise AddressError from None
    if not given and (is_loopback(host) or not _system_names_any()):
        return None
    from requests.utils import get_environ_proxies, select_proxy

    chosen = select_proxy(url, dict(given))
    if chosen is not None:
        # Empty means none, as in requests.
        return Proxy(chosen, OPTION) if chosen else None
    if is_loopback(host):
        return None
    try:
        found = get_environ_proxies(url, no_proxy=given.get("no_proxy"))
        chosen = select_proxy(url, found)
    except Exception:  # noqa: BLE001 - a list of exceptions from proxies can be anything.
        raise ProxySettingError(f"{_name('no')} cannot be used") from None
    if not chosen:
        return None
    name = next(name for name in (urlsplit(url).scheme, "all") if found.get(name) == chosen)
    return Proxy(chosen, _name(name))


def check(proxy: Proxy) -> None:
    """See what the libraries would take for something else, or say less clearly.

    Raises:
        ProxySettingError: The proxy cannot be used.
    """
    if _STRAY_AT.match(proxy.url.partition("://")[2] or proxy.url):
        raise ProxySettingError(f"{proxy.source} cannot be used: encode special characters of the password, as in %23 for #")
    if not proxy.url.strip():
        # Old releases of requests ask it for a tunnel.
        raise unusable(proxy)
    if proxy.url.lower().startswith("socks") and importlib.util.find_spec("socks") is None:
        raise ProxySettingError(f"{proxy.source} cannot be used: a SOCKS proxy needs the package PySocks")


def unusable(proxy: Proxy) -> ProxySettingError:
    """Return the error for a proxy that the libraries refuse."""
    return ProxySettingError(f"{proxy.source} cannot be used: expected something like http://user:password@host:port")


def is_loopback(host: str | None) -> bool:
    """Return whether a host is this machine: ``localhost``, 127.0.0.0/8 or ::1."""
    if not host:
        return False
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _system_names_any() -> bool:
    from urllib.request import getproxies

    return bool(getproxies())


def _name(scheme: str) -> str:
    """Return the variable that sets the proxy of a scheme: Python prefers the one in small letters."""
    lower = f"{scheme}_proxy"
    for name in (lower, lower.upper()):
        if os.environ.get(name):
            return f"the variable {name}"
    return _SYSTEM
