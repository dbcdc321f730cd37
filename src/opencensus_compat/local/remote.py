"""A running endpoint as a recording: what arrived there, over its control requests."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from .filters import as_query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .bodies import JsonObject
    from .filters import Filter
    from .tables import TableRow

_TIMEOUT_S = 10


class RemoteError(Exception):
    """A running endpoint that does not answer the question; the message says why."""


class UnreachableError(RemoteError):
    """No endpoint answers at all."""


class RemoteRecording:
    """What a running endpoint has received.

    Its methods raise ``UnreachableError`` when nothing answers, and ``RemoteError`` with the endpoint's words when it refuses.
    """

    def __init__(self, address: str) -> None:
        """Remember where the endpoint is.

        Args:
            address: Its URL, or its connection string.

        Raises:
            RemoteError: It is neither.

        """
        for part in address.split(";"):  # a connection string is as good as its endpoint
            key, equals, value = part.partition("=")
            if equals and key.strip().lower() == "ingestionendpoint":
                address = value.strip()
        try:
            split = urlsplit(address if "//" in address else f"http://{address}")
            self._host, self._port = split.hostname or "", split.port or 80
        except ValueError:
            self._host = ""
        if not self._host:
            raise RemoteError(f"expected the URL of a running endpoint, like http://127.0.0.1:8080/, got {address!r}")

    def rows(self, table: str, where: Mapping[str, str] | None = None) -> list[TableRow]:
        """Return the rows of a table."""
        found: list[TableRow] = self._get(f"rows/{quote(table)}?{urlencode(where or {})}")["rows"]
        return found

    def select(self, table: str, wanted: Filter, most: int | None = None) -> list[TableRow]:
        """Return the rows of a table that pass a filter; where there are more than ``most``, the newest."""
        pairs = [*as_query(wanted), *([] if most is None else [("most", str(most))])]
        found: list[TableRow] = self._get(f"select/{quote(table)}?{urlencode(pairs)}")["rows"]
        return found

    def operation_ids(self) -> list[str]:
        """Return the operations in order of start."""
        found: list[str] = self._get("operations")["operations"]
        return found

    def counts(self) -> dict[str, int]:
        """Return the number of rows by table."""
        found: dict[str, int] = self._get("stats")["tables"]
        return found

    def problems(self) -> dict[str, list[JsonObject]]:
        """Return warnings and refused items."""
        return self._get("problems")

    def _get(self, path: str) -> JsonObject:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
        try:
            # The endpoint answers control requests for this Host only.
            connection.request("GET", f"/_control/{path}", headers={"Host": f"127.0.0.1:{self._port}"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UnreachableError(f"no local endpoint answers at http://{self._host}:{self._port}/: {error}") from None
        finally:
            connection.close()
        if not isinstance(answer, dict) or response.status != 200:
            raise RemoteError(str(answer.get("error", answer) if isinstance(answer, dict) else answer))
        return answer
