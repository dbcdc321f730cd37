"""A server that speaks enough of MongoDB's wire protocol for PyMongo: messages of kind OP_MSG, on loopback, answered from memory.

Of the packages there are, mongomock does not speak the protocol, and mockupdb speaks that of 2021.
"""

from __future__ import annotations

import itertools
import socketserver
import struct
import threading
from typing import Any

import bson

_HEADER = struct.Struct("<iiii")
_OP_REPLY, _OP_QUERY, _OP_MSG = 1, 2004, 2013
_CURSOR = 77
_BATCH = 2
_HELLO = {
    "ismaster": True,
    "isWritablePrimary": True,
    "helloOk": True,
    "minWireVersion": 0,
    "maxWireVersion": 21,
    "maxBsonObjectSize": 16_777_216,
    "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000,
    "readOnly": False,
    "ok": 1.0,
}


class MongoServer(socketserver.ThreadingTCPServer):
    """The server; in a `with` statement it runs.

    `find` gives two documents at once of the five that there are, `aggregate` one; `fail` is an unknown command; `drop` breaks the
    connection.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.commands: list[str] = []
        """Names of the commands that came, without those of the driver's own."""
        self.connections: set[Any] = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def uri(self) -> str:
        """Where it listens; a driver that is given this does not look for others."""
        return f"mongodb://127.0.0.1:{self.server_address[1]}/?directConnection=true&serverSelectionTimeoutMS=20000"

    def __enter__(self) -> MongoServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):
            connection.close()
        self._thread.join()


class _Connection(socketserver.BaseRequestHandler):
    server: MongoServer
    _numbers = itertools.count(1)

    def setup(self) -> None:
        self.server.connections.add(self.request)

    def handle(self) -> None:
        try:
            while True:
                length, request_id, _, code = _HEADER.unpack(self._read(_HEADER.size))
                body = self._read(length - _HEADER.size)
                if code == _OP_QUERY:
                    # The first message of drivers that do not know yet with whom they speak.
                    self._send(_OP_REPLY, request_id, struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(_HELLO))
                    continue
                flags, command = self._command(body)
                reply = self._reply(command)
                if not flags & 2:
                    self._send(_OP_MSG, request_id, struct.pack("<iB", 0, 0) + bson.encode(reply))
        except (ConnectionError, OSError):
            pass

    def finish(self) -> None:
        self.server.connections.discard(self.request)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.request.recv(size - len(data))
            if not part:
                raise ConnectionError
            data += part
        return data

    def _send(self, code: int, answered: int, body: bytes) -> None:
        self.request.sendall(_HEADER.pack(_HEADER.size + len(body), next(self._numbers), answered, code) + body)

    @staticmethod
    def _command(body: bytes) -> tuple[int, dict[str, Any]]:
        """Return flags and command of a message; documents that come beside it are put into it."""
        (flags,) = struct.unpack_from("<I", body)
        command: dict[str, Any] = {}
        at, end = 4, len(body) - (4 if flags & 1 else 0)
        while at < end:
            kind, (size,) = body[at], struct.unpack_from("<i", body, at + 1)
            section = body[at + 1 : at + 1 + size]
            if kind == 0:
                command |= bson.decode(section)
            else:
                name, _, documents = section[4:].partition(b"\0")
                command[name.decode()] = bson.decode_all(documents)
            at += 1 + size
        return flags, command

    def _reply(self, command: dict[str, Any]) -> dict[str, Any]:
        name = next(iter(command))
        if name.lower() in ("hello", "ismaster"):
            return _HELLO
        if name != "endSessions":
            self.server.commands.append(name)
        if name == "drop":
            raise ConnectionError
        collection = f"{command.get('$db')}.{command.get(name)}"
        if name == "find":
            return {"cursor": {"firstBatch": _documents(0), "id": _CURSOR, "ns": collection}, "ok": 1.0}
        if name == "getMore":
            start = _BATCH if self.server.commands.count("getMore") % 2 else 2 * _BATCH
            rest = _documents(start)
            left = _CURSOR if start + _BATCH < 5 else 0
            return {"cursor": {"nextBatch": rest, "id": left, "ns": f"{command.get('$db')}.{command['collection']}"}, "ok": 1.0}
        if name == "aggregate":
            return {"cursor": {"firstBatch": [{"_id": 0, "sum": 10}], "id": 0, "ns": collection}, "ok": 1.0}
        if name == "insert":
            return {"n": len(command["documents"]), "ok": 1.0}
        if name == "killCursors":
            return {"cursorsKilled": command["cursors"], "ok": 1.0}
        if name == "fail":
            return {"ok": 0.0, "errmsg": "no such command: 'fail'", "code": 59, "codeName": "CommandNotFound"}
        return {"ok": 1.0}


def _documents(start: int) -> list[dict[str, int]]:
    return [{"_id": number} for number in range(start, min(start + _BATCH, 5))]
