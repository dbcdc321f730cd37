"""The time limits of one HTTP exchange, and connections that keep to them.

The libraries bound each wait on a socket and not the sum of waits: a peer that sends a byte now and then, or ``100 Continue`` for ever,
would hold thread and connection for ever. So the connections here read replies, those of proxies too, until the exchange's deadline.
"""

from __future__ import annotations

import http.client
import io
import threading
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

    from .proxies import Proxy

    _Before = http.client.HTTPConnection
else:
    # What a class of connections is made of is its own affair.
    _Before = object


class Exchange:
    """The limits of one exchange, and what was learned on the way.

    Args:
        timeout_s: Longest time for all of it, seconds.
        limits_s: Longest waits for a connection and for each piece of the reply, seconds.
        clock: Monotonic clock, seconds.
    """

    def __init__(self, timeout_s: float, limits_s: tuple[float, float], clock: Callable[[], float]) -> None:
        self._clock = clock
        self.until_s = clock() + timeout_s
        """Its end, on the clock."""
        self.limits_s = limits_s
        """Longest waits for a connection and for each piece of the reply, seconds."""
        self.proxy: Proxy | None = None
        """What it goes through."""
        self.connected = False
        """Whether there was a connection, through the proxy where there is one: before that, nothing can have been sent."""

    def now_s(self) -> float:
        """Return the reading of the clock, seconds."""
        return self._clock()

    def left_s(self, limit_s: float) -> float:
        """Return how long the next wait may be, seconds.

        Args:
            limit_s: The longest of its kind.

        Raises:
            TimeoutError: No time is left.
        """
        left_s = min(limit_s, self.until_s - self._clock())
        if left_s <= 0:
            raise TimeoutError
        return left_s


class _Current(threading.local):
    """The exchange of each thread."""

    exchange: Exchange | None = None


current = _Current()


class _Limited(io.RawIOBase):
    """What a socket receives, until the end of the exchange that this thread makes."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._sock.settimeout(self._exchange.left_s(self._exchange.limits_s[1]))
        return self._raw.readinto(buffer)

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Receiving:
    """Stands for a socket where a reply is read from it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, mode: Literal["rb"]) -> io.BufferedReader:
        exchange = current.exchange
        return self._sock.makefile(mode) if exchange is None else io.BufferedReader(_Limited(self._sock, exchange))


class _Response(http.client.HTTPResponse):
    """A reply, or a proxy's to CONNECT, that is read until the end of the exchange."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        # It makes a file of the socket, and nothing else.
        super().__init__(cast("socket.socket", _Receiving(sock)), *args, **kwargs)

    def begin(self) -> None:
        """Read the head of the reply proper, and those of interim replies before it: the standard library passes over ``100 Continue`` alone."""
        super().begin()
        while 100 < self.status < 200 and self.status != http.client.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment] # it begins anew where there are none
            super().begin()


class Timed(_Before):
    """Goes before a class of connections and lets them keep to the exchange's deadline."""

    response_class = _Response

    def connect(self) -> None:
        """Connect within the time for that."""
        exchange = current.exchange
        if exchange is not None:
            self.timeout = exchange.left_s(exchange.limits_s[0])
        super().connect()
        if exchange is not None:
            exchange.connected = True

    def putrequest(self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False) -> None:
        """Begin a request, which is to be sent within the time for connecting."""
        exchange = current.exchange
        if exchange is not None and self.sock is not None:
            exchange.connected = True
            # A kept connection has the limit of whatever was received last.
            self.sock.settimeout(exchange.left_s(exchange.limits_s[0]))
        super().putrequest(method, url, skip_host, skip_accept_encoding)
