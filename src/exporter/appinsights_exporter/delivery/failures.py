"""Why an exchange failed, in words of our own: those of requests and urllib3 may quote an address with its password.

Errors of those two are told by the names of their classes, since neither need be loaded.
"""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .certificates import BundleError
from .certificates import source as certificates_source
from .decode import DecodeError
from .proxies import AddressError, ProxySettingError

if TYPE_CHECKING:
    from .exchange import Exchange

_DEPTH = 16
"""How many errors below an error are looked at: each library wraps the one below."""
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b")
_CERTIFICATES = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    19: "an authority that is not trusted signed it",
    20: "an authority that is not trusted signed it",
    21: "an authority that is not trusted signed it",
    26: "it is not made for servers",
    62: "it is of another host",
    64: "it is of another host",
}
"""OpenSSL's numbers of what is wrong with a certificate."""
_ALERTS = {
    "HTTP_REQUEST": "the other side speaks no TLS",
    "WRONG_VERSION_NUMBER": "the other side speaks no TLS",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the other side asks for a certificate, and this program has none",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the other side has no version of TLS that is allowed here",
    "UNSUPPORTED_PROTOCOL": "the other side has no version of TLS that is allowed here",
}
"""OpenSSL's names for why there is no TLS."""
_PLAIN = re.compile(r"[\w ()-]{1,80}")
_ENDED = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, http.client.RemoteDisconnected)


class HeaderError(Exception):
    """A header of the request cannot be sent."""


class ReplyError(Exception):
    """A reply that is none. Its text is ours."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of an exchange without a whole reply."""

    unsent: bool
    """Whether nothing can have been sent."""
    cause: str
    """In our words."""
    late: bool = False
    """Whether all that is known is that the time was over."""


NO_REPLY = Failure(False, "there was no whole reply in time", late=True)
_NO_CONNECTION = Failure(True, "there was no connection in time", late=True)


def described(error: BaseException, exchange: Exchange | None) -> Failure:
    """Return why there is no reply.

    Args:
        error: Of requests, urllib3, the standard library, or ours.
        exchange: The one that failed, if it had begun.
    """
    chain = _chain(error)
    failure = _failure(chain, exchange is not None and exchange.connected)
    if exchange is None:
        return failure
    if not exchange.connected:
        failure = _NO_CONNECTION if failure.late else replace(failure, unsent=True)
    if exchange.proxy is None or any(isinstance(each, (ProxySettingError, BundleError)) for each in chain):
        return failure
    return replace(failure, cause=f"{failure.cause}, through the proxy of {exchange.proxy.source}")


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and those that it wraps, in whatever way."""
    found: list[BaseException] = []
    left: list[object] = [error]
    while left and len(found) < _DEPTH:
        each = left.pop(0)
        if isinstance(each, BaseException) and not any(each is known for known in found):
            found.append(each)
            left += [getattr(each, "reason", None), *each.args, each.__cause__, each.__context__]
    return found


def _failure(chain: list[BaseException], connected: bool) -> Failure:
    def of(*kinds: type[BaseException]) -> BaseException | None:
        return next((each for each in chain if isinstance(each, kinds)), None)

    def named(*names: str) -> bool:
        return any(_is_named(each, *names) for each in chain)

    ours = of(ProxySettingError, BundleError)
    if ours is not None:
        return Failure(True, str(ours))
    reply = of(ReplyError)
    if reply is not None:
        return Failure(False, str(reply))
    # What ended it may be wrapped in errors that say less.
    of_tls = [each for each in chain if isinstance(each, ssl.SSLError) or _is_named(each, "urllib3.SSLError")]
    if of_tls:
        return _tls(of_tls, chain, connected)
    for each in chain:
        tunnel = _TUNNEL.search(str(each)) if type(each) is OSError else None
        if tunnel is not None:
            return Failure(True, f"the proxy answered with status {tunnel[1]}")
    if of(socket.gaierror) is not None:
        return Failure(True, "the name of the host was not found")
    if of(ConnectionRefusedError) is not None:
        return Failure(True, "the connection was refused")
    if any(getattr(each, "errno", None) in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN) for each in chain):
        return Failure(True, "the network or the host cannot be reached")
    if named("urllib3.ConnectTimeoutError", "requests.ConnectTimeout"):
        return _NO_CONNECTION
    if named("urllib3.NewConnectionError", "urllib3.ProxyError", "requests.ProxyError"):
        return Failure(True, "no connection can be made")
    if of(TimeoutError) is not None or named("urllib3.TimeoutError", "requests.Timeout"):
        return NO_REPLY
    if of(DecodeError) is not None or named("urllib3.DecodeError", "requests.ContentDecodingError"):
        return Failure(False, "the reply cannot be decoded")
    if of(http.client.IncompleteRead) is not None:
        return Failure(False, "the reply was cut short")
    if of(*_ENDED) is not None:
        return Failure(False, "the connection was closed before there was a reply")
    if of(http.client.HTTPException) is not None or named("urllib3.InvalidHeader", "urllib3.ProtocolError"):
        return Failure(False, "the reply is not HTTP")
    if of(HeaderError) is not None or named("requests.InvalidHeader"):
        return Failure(True, "a header of the request cannot be sent")
    if of(AddressError, UnicodeError) is not None or named(
        "urllib3.LocationValueError", "requests.InvalidURL", "requests.InvalidSchema", "requests.MissingSchema"
    ):
        return Failure(True, "the address of the endpoint cannot be used")
    if isinstance(chain[0], OSError) and not connected:
        return Failure(True, "no connection can be made")
    return Failure(False, f"an error of the kind {type(chain[0]).__name__}")


def _is_named(error: BaseException, *names: str) -> bool:
    """Return whether an error is of one of these classes of requests or urllib3."""
    return any(
        f"{kind.__module__.removesuffix('.exceptions')}.{kind.__name__}" in names and kind.__module__.endswith(".exceptions")
        for kind in type(error).__mro__
    )


def _tls(errors: list[BaseException], chain: list[BaseException], connected: bool) -> Failure:
    for each in errors:
        if isinstance(each, ssl.SSLCertVerificationError):
            code, words = getattr(each, "verify_code", 0), str(getattr(each, "verify_message", ""))
            number = f"number {code} of OpenSSL ({words})" if _PLAIN.fullmatch(words) else f"number {code} of OpenSSL"
            return Failure(True, f"the certificate of the other side is not accepted: {_CERTIFICATES.get(code, number)}")
    if any(isinstance(each, ssl.CertificateError) for each in chain) or any(type(each).__name__ == "CertificateError" for each in chain):
        # urllib3's own comparison of names, in its old releases.
        return Failure(True, f"the certificate of the other side is not accepted: {_CERTIFICATES[62]}")
    if any(getattr(each, "library", None) in ("X509", "PEM") for each in errors):
        return Failure(True, f"{certificates_source()} holds none")
    if any(isinstance(each, TimeoutError) or _is_named(each, "requests.Timeout") for each in chain):
        return _NO_CONNECTION
    if any(_is_named(each, "urllib3.ReadTimeoutError") for each in chain):
        return NO_REPLY
    ended = any(isinstance(each, (*_ENDED, ssl.SSLEOFError, ssl.SSLZeroReturnError)) for each in errors)
    # While a reply is read, TLS fails like any connection.
    if connected and ended:
        return Failure(False, "the connection was closed before there was a reply")
    alert = next((_ALERTS[each.reason] for each in errors if isinstance(each, ssl.SSLError) and each.reason in _ALERTS), None)
    return Failure(True, alert or "TLS cannot be agreed on with the other side")
