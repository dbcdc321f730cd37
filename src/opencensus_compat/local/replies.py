"""Replies on their way to the wire: whole, slow, cut, or not at all, as the rules of misbehaviour say."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from . import misbehave
from .framing import STEP_BYTES, CutError, ResetError, steps

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from io import BufferedIOBase

    from .exchange import Answer
    from .misbehave import Behaviour


@dataclass(frozen=True, slots=True)
class Wire:
    """One connection, for a reply."""

    connection: socket.socket
    file: BufferedIOBase
    """Its writing side."""
    wait: Callable[[float], object]
    """Waits this many seconds, less when the endpoint stops."""
    closes: bool
    """The connection ends after this reply, which says so."""

    def send(self, answer: Answer, behaviour: Behaviour) -> None:
        """Send the answer, changed or cut as the rules say.

        Raises:
            CutError: The connection is to be closed now.
            ResetError: It is to be reset.

        """
        outcome = behaviour.outcome
        if isinstance(outcome, misbehave.LoseReply):
            raise ResetError
        if isinstance(outcome, misbehave.Silence):
            while self.connection.recv(STEP_BYTES):
                pass
            raise CutError
        if isinstance(outcome, misbehave.Garbage) and not outcome.valid_http:
            self.file.write(b"\x00\xff\xfe no HTTP/9 here \r\n\r\n" * 8)
            raise CutError
        body, size_bytes = answer.body, len(answer.body)
        if isinstance(outcome, misbehave.Huge):
            size_bytes = max(size_bytes, outcome.size_bytes)
        head = self._head(answer, size_bytes)
        if isinstance(outcome, misbehave.Truncate):
            self.file.write(head + body[: outcome.keep_bytes])
            raise CutError
        if behaviour.slow_reply is not None:
            self.file.write(head)
            for position in range(len(body)):
                self.wait(behaviour.slow_reply.seconds)
                self.file.write(body[position : position + 1])
        else:
            self.file.write(head + body)
        for step in steps(size_bytes - len(body)):
            self.file.write(b" " * step)
        if behaviour.close is not None:
            raise CutError

    def _head(self, answer: Answer, size_bytes: int) -> bytes:
        try:
            phrase = HTTPStatus(answer.status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [
            f"HTTP/1.1 {answer.status} {phrase}",
            "Server: census-compat-local",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {size_bytes}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        if self.closes:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
