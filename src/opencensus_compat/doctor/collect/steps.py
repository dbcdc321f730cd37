"""The steps of a connection, each with a time limit of its own and its failure in words: name, connection, tunnel, TLS."""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import socket
import ssl
import threading
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["ANYBODY", "Trust", "connected", "handshake", "resolved", "trusted", "trusted_by_system", "tunnel"]

_NAME_S, _CONNECT_S, _TLS_S, _TUNNEL_S = 2.0, 1.5, 2.0, 2.0
_MOST_ADDRESSES = 2
_MAX_HEAD_BYTES = 65536
_WORDS = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.ENETUNREACH: "the network cannot be reached",
    errno.EHOSTUNREACH: "the host cannot be reached",
    errno.EACCES: "this system forbids it",
    errno.EPERM: "this system forbids it",
}
_CERTIFICATES = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    19: "an authority that is not trusted signed it",
    20: "an authority that is not trusted signed it",
    21: "an authority that is not trusted signed it",
    62: "it is of another host",
    64: "it is of another host",
}
"""OpenSSL's numbers."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose certificates are accepted."""

    source: str
    """Who says that."""
    place: str = ""
    """File or folder of certificates; empty for this system's own."""
    checks: bool = True


ANYBODY = Trust("nobody is asked", checks=False)


def resolved(host: str, port: int) -> tuple[list[Any], str]:
    """Return the addresses of a host, as `socket.getaddrinfo` does, or why there are none."""
    answers: list[list[Any]] = []
    problems: list[str] = []
    done = threading.Event()

    def ask() -> None:
        try:
            answers.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except socket.gaierror as error:
            again = error.errno == getattr(socket, "EAI_AGAIN", None)
            problems.append("no name server answers" if again else "no name server knows it")
        except (OSError, UnicodeError):
            problems.append("it cannot be looked up")
        finally:
            done.set()

    # Nothing bounds the look-up: one that hangs is left behind.
    threading.Thread(target=ask, name="doctor-name", daemon=True).start()
    if not done.wait(_NAME_S):
        return [], f"no name server answers in {_NAME_S:.0f} s"
    return (answers[0], "") if answers else ([], problems[0])


def connected(addresses: list[Any]) -> tuple[socket.socket | None, str]:
    """Return a connection to the first address that takes one, or why none does."""
    problem = "it has no address"
    for family, kind, protocol, _, address in addresses[:_MOST_ADDRESSES]:
        connection = None
        try:
            connection = socket.socket(family, kind, protocol)
            connection.settimeout(_CONNECT_S)
            connection.connect(address)
        except OSError as error:
            late = isinstance(error, TimeoutError)
            problem = f"there is no answer in {_CONNECT_S} s" if late else _WORDS.get(error.errno or 0, "no connection can be made")
            if connection is not None:
                connection.close()
        else:
            return connection, ""
    return None, problem


def tunnel(connection: socket.socket, host: str, port: int, proxy_url: str) -> str:
    """Ask a proxy for a tunnel; return what is wrong, empty for nothing."""
    parts = urlsplit(proxy_url if "://" in proxy_url else f"http://{proxy_url}")
    head = f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"
    if parts.username:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        head += f"Proxy-Authorization: Basic {base64.b64encode(user.encode()).decode()}\r\n"
    try:
        connection.settimeout(_TUNNEL_S)
        connection.sendall(f"{head}\r\n".encode("ascii", "replace"))
        answer = b""
        while b"\r\n\r\n" not in answer and len(answer) < _MAX_HEAD_BYTES:
            piece = connection.recv(4096)
            if not piece:
                break
            answer += piece
    except TimeoutError:
        return f"it does not answer in {_TUNNEL_S:.0f} s"
    except OSError:
        return "it ends the connection"
    status = answer.split(b" ", 2)[1:2]
    if not answer.startswith(b"HTTP/") or not status or not status[0].isdigit():
        return "what answers is no HTTP proxy"
    return "" if status[0] == b"200" else f"it answers with status {status[0].decode()[:3]}"


def trusted() -> Trust:
    """Return whom the exporter trusts."""
    named = next((name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name)), "")
    if named:
        return Trust(f"the variable {named}", os.environ[named])
    with contextlib.suppress(ImportError):
        return Trust("the package certifi", str(import_module("certifi").where()))
    return Trust("this system")


def trusted_by_system() -> Trust:
    """Return whom this system trusts; the source is where that is kept."""
    paths = ssl.get_default_verify_paths()
    known = next(
        (place for place in (paths.cafile, "/etc/ssl/certs/ca-certificates.crt", paths.capath) if place and os.path.exists(place)), ""
    )
    return Trust(known)


def handshake(connection: socket.socket, host: str, trust: Trust) -> tuple[bytes, str]:
    """Agree on TLS; return the other side's certificate (DER), and what is wrong, empty for nothing."""
    try:
        settings = ssl.create_default_context() if not trust.place else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if not trust.checks:
            settings.check_hostname, settings.verify_mode = False, ssl.CERT_NONE
        elif trust.place:
            is_folder = os.path.isdir(trust.place)
            settings.load_verify_locations(None if is_folder else trust.place, trust.place if is_folder else None)
    except (OSError, ValueError):
        return b"", f"the file of trusted certificates of {trust.source} cannot be read"
    try:
        connection.settimeout(_TLS_S)
        with settings.wrap_socket(connection, server_hostname=host) as secured:
            return secured.getpeercert(True) or b"", ""
    except ssl.SSLCertVerificationError as error:
        number = getattr(error, "verify_code", 0)
        return b"", f"its certificate is not accepted: {_CERTIFICATES.get(number, f'number {number} of OpenSSL')}"
    except ssl.SSLError as error:
        plain = error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
        return b"", "it speaks no TLS" if plain else "TLS cannot be agreed on with it"
    except TimeoutError:
        return b"", f"it does not answer in {_TLS_S:.0f} s"
    except (OSError, ValueError):
        return b"", "it ends the connection"
