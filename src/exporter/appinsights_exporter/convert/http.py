"""What HTTP spans of both directions share: the URL, the item name and the user agent."""

from __future__ import annotations

from .limits import MAX_URL, MAX_VALUE, text
from .peers import host_at, take
from .urls import DEFAULT_PORTS, as_asked, mended, redacted, split, without_credentials, without_port

SERVER_HOSTS = (
    ("server.address", "server.port"),
    ("http.host", ""),
    ("http.server_name", "net.host.port"),
    ("net.host.name", "net.host.port"),
)
"""Where a request's host may stand, best first. Source: specification section 4.3.1."""
CLIENT_HOSTS = (("server.address", "server.port"), ("http.host", ""), ("net.peer.name", "net.peer.port"), ("net.peer.ip", "net.peer.port"))
"""Where a dependency's host may stand, best first. Source: specification section 4.4.1."""

SOUGHT_PARTS = ("url.scheme", "http.scheme", "url.path", "url.query", "http.target", "server.address", "http.host")
"""Attributes that are taken out where their value can be found in the URL."""
_PORTS = ("server.port", "net.host.port")
_MENDING_PORTS = (*_PORTS, "net.peer.port")
URL_PARTS = frozenset(SOUGHT_PARTS + _PORTS + ("http.server_name", "net.host.name", "net.peer.name", "net.peer.ip", "net.peer.port"))
"""Attributes that hold parts of a URL."""

_WHOLE_URLS = ("url.full", "http.url", "http.target")
QUERY_KEYS = frozenset({*_WHOLE_URLS, "url.query"})
"""Attributes in which a query may stand."""


def is_http(attributes: dict[str, object]) -> bool:
    """Return whether the attributes are of an HTTP span."""
    return "http.request.method" in attributes or "http.method" in attributes


def url(attributes: dict[str, object], hosts: tuple[tuple[str, str], ...], url_query: str) -> str:
    """Take the URL of an HTTP span, or return ``""``.

    Credentials never pass, the query as asked for, and a default port is left out of a URL that is put together here.

    Args:
        attributes: Of the span; the URL and the parts that stand in it are taken out.
        hosts: Keys of host and port to try, :data:`SERVER_HOSTS` or :data:`CLIENT_HOSTS`.
        url_query: What becomes of the query, here and in attributes that stay.
    """
    full = take(attributes, "url.full", "http.url")
    if type(full) is not str:
        full = "" if full is None else text(full)
    if ":///" in full and full.startswith(("http:///", "https:///")):
        # Of a server on a Unix socket: its path took the host's place. Nobody can open that.
        attributes["url.full"] = full
        full = ""
    if full.count(":") > 2:
        ports = (attributes[key] for key in _MENDING_PORTS if key in attributes)
        full = mended(full, text(next(ports, "")))
    if not URL_PARTS.isdisjoint(attributes):
        if not full:
            full = _put_together(attributes, hosts)
        if full:
            _take_parts(attributes, full)
        if "http.target" in attributes or "url.query" in attributes:
            hide_query(attributes, url_query)
    if "http.url" in attributes or "url.full" in attributes:
        hide_query(attributes, url_query)
    full = full[:MAX_URL]
    if "?" in full or "#" in full:
        full = as_asked(full, url_query)[:MAX_URL]
    return without_credentials(full) if "@" in full else full


def _put_together(attributes: dict[str, object], hosts: tuple[tuple[str, str], ...]) -> str:
    url_scheme = attributes.get("url.scheme") or attributes.get("http.scheme")
    path = attributes.get("url.path")
    query = attributes.get("url.query") if path else None
    target = path or attributes.get("http.target")
    if not url_scheme or not target:
        return ""
    url_scheme = text(url_scheme)
    default_port = DEFAULT_PORTS.get(url_scheme.lower())
    for host_key, port_key in hosts:
        found = host_at(attributes, host_key, port_key, default_port)
        if found:
            take(attributes, "url.scheme", "http.scheme")
            take(attributes, "url.path") if path else take(attributes, "http.target")
            full = f"{url_scheme}://{found}{text(target)}"
            if query:
                full = f"{full}?{text(take(attributes, 'url.query'))}"
            return full
    return ""


def _take_parts(attributes: dict[str, object], full: str) -> None:
    """Take out attributes whose value can be read off the URL."""
    for key in SOUGHT_PARTS:
        if key in attributes:
            value = attributes[key]
            if (value if type(value) is str else text(value)) in full:
                del attributes[key]
    if "server.port" in attributes or "net.host.port" in attributes:
        url_scheme, authority, _ = split(full)
        # A URL without a port has its scheme's default one.
        port = authority[len(without_port(authority)) + 1 :] or DEFAULT_PORTS.get(url_scheme)
        for key in _PORTS:
            if key in attributes and text(attributes[key]) == port:
                del attributes[key]


def hide_query(attributes: dict[str, object], url_query: str) -> None:
    """Keep what must not be exported of a query from leaving as a property."""
    for key in _WHOLE_URLS:
        value = attributes.get(key)
        if type(value) is str:
            attributes[key] = as_asked(value[:MAX_VALUE], url_query)
    if "url.query" in attributes and url_query != "keep":
        if url_query == "drop":
            del attributes["url.query"]
        else:
            attributes["url.query"] = redacted(text(attributes["url.query"]))
