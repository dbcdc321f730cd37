"""Whether a control request comes from a program of this machine, or from a web page that is open in a browser here. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import Message

_LOCAL_NAMES = ("127.0.0.1", "localhost")


def missing_proof(method: str, headers: Message, port: int) -> bytes:
    """Return what a control request lacks that one of this machine's programs has; empty when it lacks nothing.

    A web page can send requests here too. It cannot choose the Host (unless by DNS rebinding) nor the Origin, and a browser asks before it
    sends a Content-Type of JSON for it; that question is refused. So whatever changes something needs one.

    Args:
        method: GET, POST or another.
        headers: Those of the request.
        port: The endpoint's own.
    """
    given = headers.get("Host", "127.0.0.1")
    if (given.rpartition(":")[0] or given).lower() not in _LOCAL_NAMES:
        return b"Host 127.0.0.1"
    origin = headers.get("Origin")
    if origin is not None and origin.lower() not in [f"http://{name}:{port}" for name in _LOCAL_NAMES]:
        return b"no Origin of another site"
    if headers.get("Sec-Fetch-Site", "none").lower() not in ("none", "same-origin"):
        return b"no page of another site"
    kind = headers.get("Content-Type", "application/json" if method in ("GET", "HEAD") else "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        return b"Content-Type application/json"
    return b""
