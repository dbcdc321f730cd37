"""One request as read and one reply before it is sent: what HTTP and ingestion hand each other. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import http.client
    from collections.abc import Mapping

    from .bodies import BodyError


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request as read."""

    method: str
    path: str
    """Request target as sent, doubled slashes and query included."""
    headers: http.client.HTTPMessage
    body: bytes
    client_port: int
    validate_only: bool
    """The path asks to check without keeping."""
    error: BodyError | None = None
    """Why the body could not be read whole."""
    origin: str | None = None
    """The endpoint that a redirected exporter would have sent to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply before it meets the wire."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
