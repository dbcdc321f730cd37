"""The HTTP side of the local endpoint: sockets, connections, and which request goes where.

What a request means is not its business (``Telemetry``, ``Control``); this module reads it (``framing``), asks, and has the answer put on
the wire (``replies``). It never prints: a client that vanishes or talks nonsense ends its own connection and nothing else.
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
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from . import misbehave
from .bodies import BodyError
from .exchange import Answer, Incoming
from .framing import STEP_BYTES, CutError, ResetError, read_body
from .misbehave import NORMAL, Behaviour
from .replies import Wire
from .same_machine import missing_proof

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 32 * 1024 * 1024
"""Largest body as sent, bytes."""
MAX_CONTROL_BYTES = 1024 * 1024
"""Largest body of a control request, bytes."""
CONTROL_PREFIX = "/_control/"
PAGES_PREFIXES = ("/_ui/", "/_api/")
EVENTS_PATH = "/_api/events"
PAGE_HEADERS = {
    # Telemetry is hostile input: no script but ours, and nothing from or to elsewhere.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_DRAIN_BYTES = 4 * MAX_BODY_BYTES
_DRAIN_S = 2.0
_STOP_S = 2.0
# SO_LINGER on, zero seconds: close() sends a reset.
_ABORT = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
_TRACK_PATH = re.compile(r"(?:/_from/(?P<origin>[^/]+))?/v\d+(?:\.\d+)?/(?P<action>track|validate)")
"""With the endpoint that a redirected exporter would have sent to (`appinsights_exporter.redirect`)."""


class Telemetry(Protocol):
    """What the server asks about requests that send telemetry."""

    def next_behaviour(self) -> Behaviour:
        """Return the rules for one request, and count it."""

    def track(self, incoming: Incoming, behaviour: Behaviour) -> Answer:
        """Judge, keep and record one request; return what the service would answer."""

    def unanswered(self, incoming: Incoming, behaviour: Behaviour, received_bytes: int) -> None:
        """Record a request that is cut off before it is judged."""


class Control(Protocol):
    """What the server asks about requests under ``CONTROL_PREFIX``."""

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer a request; ``path`` is what follows the prefix, query included."""


class Pages(Protocol):
    """What the server asks about requests of a browser; it has checked who asks."""

    def page(self, method: str, target: str, body: bytes) -> Answer:
        """Answer a request for a page, one of its files, or what it shows."""

    def events(self, wait: Callable[[float], bool]) -> Iterator[bytes]:
        """Yield the stream of events until ``wait``, given seconds, returns True."""


def reserved_port(port: int) -> socket.socket | None:
    """Return a socket that is bound to a port of 127.0.0.1 and does not listen; None when another process has the port."""
    reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # There, reusing an address means to share it.
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", port))
    except OSError:
        reserved.close()
        return None
    return reserved


class TrackServer(http.server.ThreadingHTTPServer):
    """Loopback server, one daemon thread per connection."""

    daemon_threads = True
    request_queue_size = 256
    timeout = 0.0  # handle_request() is called when a connection is waiting

    def __init__(self, port: int, telemetry: Telemetry | None, control: Control | None, pages: Pages | None = None) -> None:
        """Bind 127.0.0.1 and begin to listen; connections are taken after ``start``.

        Args:
            port: TCP port; 0 takes a free one.
            telemetry: What answers requests that send telemetry; ``None`` refuses them.
            control: What answers control requests; ``None`` refuses them.
            pages: What answers a browser; ``None`` for no pages.

        Raises:
            OSError: The port is taken or not allowed.

        """
        self.telemetry = telemetry
        self.control = control
        self.pages = pages
        self.stopping = threading.Event()
        self.connections = 0
        """Connections accepted so far."""
        self._changed = threading.Condition()
        self._open: dict[socket.socket, int] = {}  # with the client's port
        self._looking: set[socket.socket] = set()  # of browsers, for which nobody waits
        self._sweeps = 0  # how often the accepting thread, woken by wait_idle, has found no connection waiting
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
            for connection in (*self._open, *self._looking):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open and not self._looking, _STOP_S)

    def wait_idle(self, timeout_s: float) -> list[int] | None:
        """Wait until every connection made before the call has been accepted, served and closed.

        Returns: ``None`` when that has happened, else the client ports of the connections that are open; none of them
            is open when the timeout ended before the accepting thread had looked.
        """
        with self._changed:
            wanted = self._sweeps + 1
            self._wake_writer.send(b"x")
            idle = self._changed.wait_for(lambda: self._sweeps >= wanted and not self._open, timeout_s)
            return None if idle else sorted(self._open.values())

    @property
    def open_connections(self) -> int:
        """Connections open now."""
        with self._changed:
            return len(self._open)

    def only_looks(self, connection: socket.socket) -> None:
        """Take a connection for a browser's: it stays open as long as its page, and no item comes over it."""
        with self._changed:
            if self._open.pop(connection, None) is not None:
                self._looking.add(connection)
                self._changed.notify_all()

    def server_bind(self) -> None:
        """Bind without the reverse look-up of ``HTTPServer``, which may ask a name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.port

    def process_request(self, request: Any, client_address: tuple[str, int]) -> None:
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
            self._looking.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: tuple[str, int]) -> None:
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
        except ResetError:
            self._reset()
        except (CutError, ConnectionError, ValueError):  # ValueError: the file of a connection that was reset is closed
            self.close_connection = True

    def do_POST(self) -> None:
        """Take telemetry, or a command."""
        target = self.requestline.split(" ")[1]  # self.path has lost doubled slashes
        path = _plain_path(target)
        if path.startswith(CONTROL_PREFIX):
            self._control(target)
            return
        if self.server.pages is not None and (path == "/" or path.startswith(PAGES_PREFIXES)):
            self._page(self.server.pages, target)
            return
        match = _TRACK_PATH.fullmatch(path)
        if match is None:
            self._refuse(404, f"No such path: {path}")
        elif self.command != "POST":
            self._refuse(405, "Expected: POST", {"Allow": "POST"})
        else:
            self._track(target, match["action"] == "validate")

    do_GET = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def _page(self, pages: Pages, target: str) -> None:
        self.server.only_looks(self.connection)
        body = bytearray()
        try:
            self._read_body(body, MAX_CONTROL_BYTES)
        except BodyError as error:
            self._refuse(error.status, error.message, PAGE_HEADERS)
            return
        missing = missing_proof(self.command, self.headers, self.server.port)
        if missing:
            answer = Answer(403, b'{"error":"pages are for a browser of this machine: expected ' + missing + b'"}')
        elif self.command not in ("GET", "POST"):
            answer = Answer(405, b'{"error":"Expected: GET"}', {"Allow": "GET, POST"})
        elif self.command == "GET" and _plain_path(target) == EVENTS_PATH:
            self._events(pages)
            return
        else:
            answer = pages.page(self.command, target, bytes(body))
        self._put(replace(answer, headers={**PAGE_HEADERS, **answer.headers}))

    def _events(self, pages: Pages) -> None:
        """Send events until the browser goes; their number is not known, so the connection ends with them."""
        self.close_connection = True
        head = [*PAGE_HEADERS.items(), ("Content-Type", "text/event-stream"), ("Connection", "close")]
        self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"".join(f"{name}: {value}\r\n".encode() for name, value in head) + b"\r\n")
        for event in pages.events(self.server.stopping.wait):
            self.wfile.write(event)

    def _track(self, target: str, validate_only: bool) -> None:
        telemetry = self.server.telemetry
        if telemetry is None:
            self._refuse(405, "This server shows a recording, and takes no telemetry")
            return
        behaviour = telemetry.next_behaviour()
        outcome = behaviour.outcome
        if behaviour.delay_read is not None:
            self.server.stopping.wait(behaviour.delay_read.seconds)
        if isinstance(outcome, misbehave.ResetBeforeRead):
            telemetry.unanswered(self._incoming(target, validate_only), behaviour, 0)
            raise ResetError
        stop_after = outcome.after_bytes if isinstance(outcome, misbehave.ResetDuringRead) else None
        body = bytearray()
        error: BodyError | None = None
        try:
            self._read_body(body, MAX_BODY_BYTES, stop_after)
        except BodyError as problem:
            error = problem
        except CutError:
            telemetry.unanswered(self._incoming(target, validate_only), behaviour, len(body))
            raise
        incoming = self._incoming(target, validate_only, bytes(body), error)
        if isinstance(outcome, (misbehave.ResetDuringRead, misbehave.ResetAfterRead)):
            telemetry.unanswered(incoming, behaviour, len(body))
            raise ResetError
        answer = telemetry.track(incoming, behaviour)
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
        """Send the answer, changed or cut as the rules say."""
        Wire(self.connection, self.wfile, self.server.stopping.wait, self.close_connection).send(answer, behaviour)

    def _read_body(self, body: bytearray, max_bytes: int, stop_after: int | None = None) -> None:
        """Read the request body into ``body``, as ``read_body`` does; after an error the connection ends with the reply."""
        try:
            read_body(self.rfile, self.headers, body, max_bytes, stop_after)
        except BodyError:
            self.close_connection = True  # the rest is unread
            raise

    def _control(self, target: str) -> None:
        body = bytearray()
        try:
            self._read_body(body, MAX_CONTROL_BYTES)
        except BodyError as error:
            self._refuse(error.status, error.message)
            self._drain()
            return
        missing = missing_proof(self.command, self.headers, self.server.port)
        if missing:
            self._put(Answer(403, b'{"error":"control requests need ' + missing + b'"}'))
            return
        path = target.partition(CONTROL_PREFIX)[2]
        control = self.server.control
        self._put(
            Answer(404, b'{"error":"nothing to control here"}') if control is None else control.answer(self.command, path, bytes(body))
        )

    def _refuse(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Answer a request that is not for us and close, its body unread."""
        self.close_connection = True
        text = message.replace("\\", "/").replace('"', "'").encode("ascii", "replace")
        self._put(Answer(status, b'{"error":"' + text + b'"}', headers or {}))
        self._drain()

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
                piece = self.connection.recv(STEP_BYTES)
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
