"""The HTTP side of the local endpoint: sockets, bodies as bytes, and the wire-level part of misbehaving.

What a request means is the application's business (``endpoint.LocalEndpoint``); this module reads it, asks, and puts the
answer on the wire, whole, slow, cut, or not at all. It never prints: a client that vanishes or talks nonsense ends its
own connection and nothing else.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import logging
import re
import selectors
import socket
import socketserver
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from . import misbehave
from .bodies import BodyError
from .misbehave import NORMAL, Behaviour

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 32 * 1024 * 1024
"""Largest body as sent, bytes."""
MAX_CONTROL_BYTES = 1024 * 1024
"""Largest body of a control request, bytes."""
CONTROL_PREFIX = "/_control/"

_READ_STEP_BYTES = 256 * 1024
_LINE_BYTES = 4096
_DRAIN_BYTES = 4 * MAX_BODY_BYTES
_DRAIN_S = 2.0
_STOP_S = 2.0
# SO_LINGER on, zero seconds: close() sends a reset.
_ABORT = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
_TRACK_PATH = re.compile(r"(?:/_from/(?P<origin>[^/]+))?/v\d+(?:\.\d+)?/(?P<action>track|validate)")
"""With the endpoint that a redirected exporter would have sent to (`appinsights_exporter.redirect`)."""
_LOCAL_NAMES = ("127.0.0.1", "localhost")


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


class Application(Protocol):
    """What the server asks."""

    def next_behaviour(self) -> Behaviour:
        """Return the rules for one telemetry request, and count it."""

    def track(self, incoming: Incoming, behaviour: Behaviour) -> Answer:
        """Judge, keep and record one telemetry request; return what the service would answer."""

    def unanswered(self, incoming: Incoming, behaviour: Behaviour, received_bytes: int) -> None:
        """Record a telemetry request that is cut off before it is judged."""

    def control(self, method: str, path: str, body: bytes) -> Answer:
        """Answer a request under ``CONTROL_PREFIX``; ``path`` is the rest, query included."""


class _CutError(Exception):
    """Ends a connection: the client has gone, or a rule says so."""


class _ResetError(_CutError):
    """Ends a connection with a reset."""


def held_port(port: int) -> socket.socket | None:
    """Return a socket that has a port of 127.0.0.1 without listening on it; None where somebody was faster."""
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # There, reusing an address means to share it.
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", port))
    except OSError:
        held.close()
        return None
    return held


class TrackServer(http.server.ThreadingHTTPServer):
    """Loopback server, one daemon thread per connection."""

    daemon_threads = True
    request_queue_size = 256
    timeout = 0.0  # handle_request() is called when a connection is waiting

    def __init__(self, port: int, application: Application) -> None:
        """Bind 127.0.0.1 and begin to listen; connections are taken after ``start``.

        Args:
            port: TCP port; 0 takes a free one.
            application: Who answers.

        Raises:
            OSError: The port is taken or not allowed.

        """
        self.application = application
        self.stopping = threading.Event()
        self.connections = 0
        """Connections accepted so far."""
        self._changed = threading.Condition()
        self._open: dict[socket.socket, int] = {}  # with the client's port
        self._sweeps = 0  # how often the accepting thread has found nobody waiting after it was asked
        self._wake_reader, self._wake_writer = socket.socketpair()
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except BaseException:
            self._close_wake()
            raise
        self._thread = threading.Thread(target=self._accept, name="local-endpoint", daemon=True)

    @property
    def port(self) -> int:
        """TCP port it listens on."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Take connections on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, cut every connection, and wait for their threads, two seconds at most."""
        self.stopping.set()
        self._wake_writer.send(b"x")
        self._thread.join()
        self.server_close()
        self._close_wake()
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, _STOP_S)

    def wait_idle(self, timeout_s: float) -> list[int] | None:
        """Wait until every connection made before the call has been accepted, served and closed.

        Returns: ``None`` when that has happened, else the client ports of the connections that are open; none of them
            is open when the timeout ended before the accepting thread had looked.
        """
        with self._changed:
            asked = self._sweeps + 1
            self._wake_writer.send(b"x")
            idle = self._changed.wait_for(lambda: self._sweeps >= asked and not self._open, timeout_s)
            return None if idle else sorted(self._open.values())

    @property
    def open_connections(self) -> int:
        """Connections open now."""
        with self._changed:
            return len(self._open)

    def server_bind(self) -> None:
        """Bind without the reverse look-up of ``HTTPServer``, which may ask a name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.port

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count and remember the connection, then serve it on a new thread."""
        with self._changed:
            self.connections += 1
            self._open[request] = client_address[1]
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close and forget the connection."""
        super().shutdown_request(request)
        with self._changed:
            self._open.pop(request, None)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note what ended a connection unexpectedly; nothing is printed."""
        logger.debug("connection from port %s ended", client_address[1], exc_info=sys.exc_info())

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._wake_reader, selectors.EVENT_READ)
            while not self.stopping.is_set():
                ready = [key.fileobj for key, _ in selector.select()]
                if self.socket in ready:
                    self.handle_request()
                else:
                    self._wake_reader.recv(1)
                    with self._changed:
                        self._sweeps += 1
                        self._changed.notify_all()

    def _close_wake(self) -> None:
        self._wake_reader.close()
        self._wake_writer.close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: TrackServer

    def handle_one_request(self) -> None:
        """Serve one request; a cut connection ends here, quietly."""
        try:
            super().handle_one_request()
        except _ResetError:
            self._reset()
        except (_CutError, ConnectionError, ValueError):  # ValueError: the file of a connection that was reset is closed
            self.close_connection = True

    def do_POST(self) -> None:
        """Take telemetry, or a command."""
        target = self.requestline.split(" ")[1]  # self.path has lost doubled slashes
        path = _plain_path(target)
        if path.startswith(CONTROL_PREFIX):
            self._control(target)
            return
        match = _TRACK_PATH.fullmatch(path)
        if match is None:
            self._refuse(404, f"No such path: {path}")
        elif self.command != "POST":
            self._refuse(405, "Expected: POST", {"Allow": "POST"})
        else:
            self._track(target, match["action"] == "validate")

    do_GET = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""

    def _track(self, target: str, validate_only: bool) -> None:
        application = self.server.application
        behaviour = application.next_behaviour()
        outcome = behaviour.outcome
        if behaviour.delay_read is not None:
            self.server.stopping.wait(behaviour.delay_read.seconds)
        if isinstance(outcome, misbehave.ResetBeforeRead):
            application.unanswered(self._incoming(target, validate_only), behaviour, 0)
            raise _ResetError
        stop_after = outcome.after_bytes if isinstance(outcome, misbehave.ResetDuringRead) else None
        body = bytearray()
        error: BodyError | None = None
        try:
            self._read_body(body, MAX_BODY_BYTES, stop_after)
        except BodyError as problem:
            error = problem
        except _CutError:
            application.unanswered(self._incoming(target, validate_only), behaviour, len(body))
            raise
        incoming = self._incoming(target, validate_only, bytes(body), error)
        if isinstance(outcome, (misbehave.ResetDuringRead, misbehave.ResetAfterRead)):
            application.unanswered(incoming, behaviour, len(body))
            raise _ResetError
        answer = application.track(incoming, behaviour)
        if behaviour.delay_reply is not None:
            self.server.stopping.wait(behaviour.delay_reply.seconds)
        self._put(answer, behaviour)
        if error is not None:
            self._drain()

    def _incoming(self, target: str, validate_only: bool, body: bytes = b"", error: BodyError | None = None) -> Incoming:
        headers: http.client.HTTPMessage = self.headers  # type: ignore[assignment]  # typeshed says Message; parse_headers makes this
        match = _TRACK_PATH.fullmatch(_plain_path(target))
        origin = unquote(match["origin"]) if match is not None and match["origin"] else None
        return Incoming(self.command, target, headers, body, self.client_address[1], validate_only, error, origin)

    def _put(self, answer: Answer, behaviour: Behaviour = NORMAL) -> None:
        """Send the answer the way the rules want it."""
        outcome = behaviour.outcome
        if isinstance(outcome, misbehave.LoseReply):
            raise _ResetError
        if isinstance(outcome, misbehave.Silence):
            while self.connection.recv(_READ_STEP_BYTES):
                pass
            raise _CutError
        if isinstance(outcome, misbehave.Garbage) and not outcome.valid_http:
            self.wfile.write(b"\x00\xff\xfe no HTTP/9 here \r\n\r\n" * 8)
            raise _CutError
        body, size_bytes = answer.body, len(answer.body)
        if isinstance(outcome, misbehave.Huge):
            size_bytes = max(size_bytes, outcome.size_bytes)
        head = self._head(answer, size_bytes)
        if isinstance(outcome, misbehave.Truncate):
            self.wfile.write(head + body[: outcome.keep_bytes])
            raise _CutError
        if behaviour.slow_reply is not None:
            self.wfile.write(head)
            for position in range(len(body)):
                self.server.stopping.wait(behaviour.slow_reply.seconds)
                self.wfile.write(body[position : position + 1])
        else:
            self.wfile.write(head + body)
        for step in _steps(size_bytes - len(body)):
            self.wfile.write(b" " * step)
        if behaviour.close is not None:
            raise _CutError

    def _head(self, answer: Answer, size_bytes: int) -> bytes:
        try:
            phrase = HTTPStatus(answer.status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [
            f"HTTP/1.1 {answer.status} {phrase}",
            "Server: census-compat-local",
            "Content-Type: application/json; charset=utf-8",
            f"Content-Length: {size_bytes}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        if self.close_connection:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _control(self, target: str) -> None:
        body = bytearray()
        try:
            self._read_body(body, MAX_CONTROL_BYTES, None)
        except BodyError as error:
            self._refuse(error.status, error.message)
            self._drain()
            return
        wrong = self._not_from_here()
        if wrong:
            self._put(Answer(403, b'{"error":"control requests need ' + wrong + b'"}'))
            return
        path = target.partition(CONTROL_PREFIX)[2]
        self._put(self.server.application.control(self.command, path, bytes(body)))

    def _not_from_here(self) -> bytes:
        """Return what a control request lacks that one of this machine's programs has; empty when it lacks nothing.

        A web page open in a browser can send requests here too. It cannot choose the Host (unless by DNS rebinding) nor the Origin, and
        a browser asks before it sends a Content-Type of JSON for it; that question is refused. So whatever changes something needs one.
        """
        given = self.headers.get("Host", "127.0.0.1")
        if (given.rpartition(":")[0] or given).lower() not in _LOCAL_NAMES:
            return b"Host 127.0.0.1"
        origin = self.headers.get("Origin")
        if origin is not None and origin.lower() not in [f"http://{name}:{self.server.port}" for name in _LOCAL_NAMES]:
            return b"no Origin of another site"
        if self.headers.get("Sec-Fetch-Site", "none").lower() not in ("none", "same-origin"):
            return b"no page of another site"
        kind = self.headers.get("Content-Type", "application/json" if self.command in ("GET", "HEAD") else "")
        if kind.partition(";")[0].strip().lower() != "application/json":
            return b"Content-Type application/json"
        return b""

    def _refuse(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Answer a request that is not for us and close, its body unread."""
        self.close_connection = True
        text = message.replace("\\", "/").replace('"', "'").encode("ascii", "replace")
        self._put(Answer(status, b'{"error":"' + text + b'"}', headers or {}))
        self._drain()

    def _read_body(self, body: bytearray, max_bytes: int, stop_after: int | None) -> None:
        """Read the request body into ``body``.

        Raises:
            BodyError: Over ``max_bytes``, or its framing is broken; the rest is unread.
            _ResetError: ``stop_after`` bytes have been read.
            _CutError: The client has gone.

        """
        coding = self.headers.get("Transfer-Encoding", "identity").strip().lower()
        if coding == "chunked":
            while size := self._chunk_size():
                self._read_exactly(body, size, max_bytes, stop_after)
                self._line()
            while self._line():
                pass
        elif coding == "identity":
            length = self.headers.get("Content-Length", "0").strip()
            if not (length.isascii() and length.isdigit() and len(length) < 16):
                raise self._broken(f"Content-Length is not a number: {length[:40]!r}")
            self._read_exactly(body, int(length), max_bytes, stop_after)
        else:
            raise self._broken(f"Transfer-Encoding '{coding[:40]}' is not supported")

    def _read_exactly(self, body: bytearray, size: int, max_bytes: int, stop_after: int | None) -> None:
        if len(body) + size > max_bytes:
            self.close_connection = True
            raise BodyError(413, f"Request body must not exceed {max_bytes} bytes")
        if stop_after is not None:
            size = min(size, max(0, stop_after - len(body)))
        for step in _steps(size):
            piece = self.rfile.read(step)
            body += piece
            if len(piece) < step:
                raise _CutError
        if stop_after is not None and len(body) >= stop_after:
            raise _ResetError

    def _chunk_size(self) -> int:
        digits = self._line().partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", digits):
            raise self._broken("Chunked body is broken")
        return int(digits, 16)

    def _line(self) -> bytes:
        line = self.rfile.readline(_LINE_BYTES)
        if not line.endswith(b"\n"):
            if len(line) == _LINE_BYTES:
                raise self._broken("Chunked body is broken")
            raise _CutError
        return line.rstrip(b"\r\n")

    def _broken(self, message: str) -> BodyError:
        self.close_connection = True
        return BodyError(400, message)

    def _drain(self) -> None:
        """Read on for a moment before closing: closing with unread data resets, and the client would miss the reply."""
        if not self.close_connection:
            return
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            deadline_s = time.monotonic() + _DRAIN_S
            left = _DRAIN_BYTES
            while left > 0 and (wait_s := deadline_s - time.monotonic()) > 0:
                self.connection.settimeout(wait_s)
                piece = self.connection.recv(_READ_STEP_BYTES)
                left -= len(piece)
                if not piece:
                    break

    def _reset(self) -> None:
        """Close at once with a reset. Both files hold the socket open, so its handle is closed under them."""
        self.close_connection = True
        with contextlib.suppress(OSError, ValueError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            socket.socket(fileno=self.connection.detach()).close()


def _plain_path(target: str) -> str:
    """Return the path of a request target, absolute form included, without query and with single slashes."""
    if target.lower().startswith(("http://", "https://")):
        target = urlsplit(target).path
    return re.sub(r"/+", "/", target.partition("?")[0])


def _steps(size: int) -> Iterator[int]:
    """Yield the sizes in which ``size`` bytes are moved."""
    while size > 0:
        step = min(size, _READ_STEP_BYTES)
        yield step
        size -= step
