"""Taking URLs apart without ever raising: one odd URL must not cost its span, let alone the batch."""

from __future__ import annotations

import functools
import ipaddress
import re
from urllib.parse import unquote

_URL = re.compile(r"(?:([^:/?#]+):|)//([^/?#]*)([^?#]*)")

DEFAULT_PORTS = {"http": "80", "https": "443"}

REDACTED = "REDACTED"
"""What stands for the value of a key that carries a secret. Source: OpenTelemetry's semantic conventions, ``url.full``."""
SECRET_KEYS = frozenset(
    {
        "access_token",
        "accesstoken",
        "api-key",
        "api_key",
        "apikey",
        "auth_token",
        "authorization",
        "awsaccesskeyid",
        "client_assertion",
        "client_secret",
        "code",
        "id_token",
        "jwt",
        "password",
        "passwd",
        "private_key",
        "pwd",
        "refresh_token",
        "secret",
        "session_token",
        "sig",
        "sharedaccesssignature",
        "signature",
        "subscription-key",
        "token",
        "x-api-key",
        "x-amz-credential",
        "x-amz-security-token",
        "x-amz-signature",
        "x-functions-key",
        "x-goog-credential",
        "x-goog-signature",
    }
)
"""Keys of a query whose values are secrets, in lower case. Source: specification section 4.3.1, and what of the same kind is common."""

# A value ends at "&" and no earlier: a ";" may be part of a secret.
_SECRET = re.compile(rf"((?:^|[?&;#])(?:{'|'.join(sorted(SECRET_KEYS))})=)[^&#]+", re.IGNORECASE)
_KEY = re.compile(r"(?:^|(?<=[?&;#]))[^=&;#?]+(?==)")
_NAME = re.compile(r"[^:/@%,\\\0\[]+")
_SCHEMES = ("dns:", "ipv4:", "ipv6:", "tcp:")
"""What gRPC and ODBC write before an address."""
_NO_HOSTS = ("@", "unix:", "unix-abstract:", "vsock:")
"""What stands before sockets of one machine."""
_MAX_PORT = 65535


def split(url: str) -> tuple[str, str, str]:
    """Return scheme, authority (with user name and port) and path of a URL; each may be empty.

    The path is what stands between the authority and the first ``?`` or ``#``. Nothing is decoded or checked.
    """
    if url.startswith("https://") and "?" not in url and "#" not in url:
        # By far the most frequent form, and twice as fast this way.
        end = url.find("/", 8)
        return ("https", url[8:], "") if end < 0 else ("https", url[8:end], url[end:])
    found = _URL.match(url)
    if found is None:
        # "/a/b" or "host/path": no authority.
        return "", "", without_query(url)
    scheme, authority, path = found.groups("")
    return (scheme if scheme in DEFAULT_PORTS else scheme.lower()), authority, path


def without_credentials(url: str) -> str:
    """Return the URL without ``user:password@``."""
    if "@" not in url:
        return url
    start = url.find("//")
    if start < 0:
        return url
    start += 2
    authority = _before(url[start:], "/?#")
    return url[:start] + host_and_port(authority) + url[start + len(authority) :]


def without_query(url: str) -> str:
    """Return the URL without ``?query`` and ``#fragment``."""
    return _before(url, "?#") if "?" in url or "#" in url else url


def host_and_port(authority: str) -> str:
    """Return an authority without ``user:password@``."""
    return authority.rpartition("@")[2] if "@" in authority else authority


def without_port(host: str) -> str:
    """Return ``host`` without its port; a bare IPv6 address stays as it is."""
    name, colon, _ = host.rpartition(":")
    return host if not colon or (":" in name and not name.endswith("]")) else name


@functools.lru_cache(maxsize=256)
def authority(address: str, port: str = "", default_port: str | None = None) -> str:
    """Return ``host`` or ``host:port`` of an address and a port that instrumentations leave apart; ``""`` where the address is no host.

    Args:
        address: A name or an address, maybe with a port, which then wins: it is the one that the caller used. IPv6 gets brackets where
            it has none. A path, as of a Unix socket or a pipe, is no host. Of a URL it is the host, of several hosts the first.
        port: Decimal digits; anything else is no port.
        default_port: The port that is left out.
    Returns: Remembered, because a program calls the same few hosts.
    """
    if _NAME.fullmatch(address) is None:
        address, own = _taken_apart(address, port)
        if not address:
            return ""
        if own.isdecimal():
            port = own
    if not port or port == default_port:
        return address
    return f"{address}:{port}" if len(port) <= 5 and port.isascii() and port.isdecimal() and 0 < int(port) <= _MAX_PORT else address


def _taken_apart(address: str, port: str) -> tuple[str, str]:
    """Return the host, IPv6 in brackets, and the port of an address; both empty where it is no host.

    Args:
        address: Anything that is no plain name.
        port: That stands beside it. It tells whether the last part of IPv6 without brackets is a port.
    """
    if address.startswith(_SCHEMES):
        address = unquote(address.partition(":")[2]).lstrip("/")
    elif "://" in address:
        address = split(address)[1]
    if address.startswith(_NO_HOSTS) or "/" in address or "\0" in address or "%2f" in address.lower():
        return "", ""
    address = host_and_port(address).partition(",")[0]
    if address.startswith("["):
        inner, _, own = address[1:].partition("]")
        inner = inner.partition("%")[0]
        return (f"[{inner}]", own[1:]) if _is_ipv6(inner) else ("", "")
    if address.count(":") > 1:
        inner = address.partition("%")[0]
        # Without brackets the last part may be the port, and with eight parts before it the whole is no address.
        shorter = inner.removesuffix(f":{port}")
        found = shorter if _is_ipv6(shorter) else inner
        if _is_ipv6(found):
            return (f"[{found}]", "")
    # Of two ports, somebody added the second one to an address that had one.
    name, _, rest = address.partition(":")
    return ("", "") if name.startswith("\\") else (name, rest.partition(":")[0])


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def mended(url: str, port: str) -> str:
    """Return a URL whose authority was put together wrongly, as ``host:8080:5000`` or ``::1:5000``, with one that can be opened.

    Args:
        url: Any URL; others come back as they are.
        port: Of the server, as it stands beside the URL.
    """
    _, found, _ = split(url)
    host = host_and_port(found)
    if host.count(":") < 2 or "[" in host:
        return url
    start = url.find("//") + 2
    return f"{url[:start]}{authority(host, port) or host}{url[start + len(found) :]}"


def redacted(url: str) -> str:
    """Return a URL, or a query alone, in which the values of :data:`SECRET_KEYS` are :data:`REDACTED`, in the fragment, too."""
    if "=" not in url:
        return url
    if "%" in url:
        url = _KEY.sub(_decoded_secret, url)
    return _SECRET.sub(rf"\g<1>{REDACTED}", url)


def _decoded_secret(found: re.Match[str]) -> str:
    """Return a key of a query as it is, but decoded where that makes it one of :data:`SECRET_KEYS`."""
    key = found[0]
    if "%" in key:
        decoded = unquote(key)
        if decoded.lower() in SECRET_KEYS:
            return decoded
    return key


def as_asked(url: str, url_query: str) -> str:
    """Return a URL, or the target of a request, with its query and fragment as asked for.

    Args:
        url: Any text.
        url_query: ``redact``: without secrets; ``keep``: as they are; ``drop``: without them.
    """
    if "?" not in url and "#" not in url:
        return url
    if url_query == "redact":
        return redacted(url)
    return url if url_query == "keep" else without_query(url)


def _before(text: str, stops: str) -> str:
    end = len(text)
    for stop in stops:
        found = text.find(stop, 0, end)
        if found >= 0:
            end = found
    return text[:end]
