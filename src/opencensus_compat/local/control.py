"""The control requests of an endpoint, JSON in and JSON out: looking at what arrived, and telling it how to behave."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs

from . import transaction
from .exchange import Answer
from .filters import from_query
from .misbehave import RuleError
from .recording import Recording
from .rule_texts import describe
from .store import StoreError

if TYPE_CHECKING:
    from .arrivals import RecordedRequest
    from .bodies import JsonObject
    from .script import Script


class Controlled(Recording, Protocol):
    """The endpoint that control requests look at and change."""

    @property
    def requests(self) -> list[RecordedRequest]:
        """Telemetry requests that arrived."""

    def stats(self) -> JsonObject:
        """Return the counters."""

    def wait_for(self, wanted: int, timeout_s: float) -> list[JsonObject]:
        """Wait for this many accepted items."""

    def clear(self) -> None:
        """Forget what arrived."""


class Control:
    """Answers the control requests of one endpoint."""

    def __init__(self, endpoint: Controlled, script: Script) -> None:
        self._endpoint = endpoint
        self._script = script

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer a control request.

        ``GET stats``, ``GET requests``, ``GET problems``, ``GET rows/<table>?<column>=<value>``,
        ``GET select/<table>?where=<column>=<value>&text=&since=&until=&severity=&failed=&most=``, ``GET operations``,
        ``GET transaction/<operation id or latest>``, ``GET wait?items=<n>&timeout_s=<s>``,
        ``GET misbehave`` (rules in force), ``POST misbehave`` (a rule, a list of rules), ``POST behave``, ``POST clear``.
        A POST needs ``Content-Type: application/json``.

        Args:
            method: GET or POST.
            path: What follows the prefix, query included.
            body: JSON, of a POST.

        """
        name, _, query = path.partition("?")
        name, _, rest = name.rstrip("/").partition("/")
        try:
            if method == "POST":
                return self._change(name, body)
            if method != "GET":
                return _json_answer(405, {"error": "control requests are GET or POST"})
            return self._look(name, rest, parse_qs(query, keep_blank_values=True))
        except (RuleError, KeyError, ValueError, RuntimeError) as error:
            return _json_answer(400, {"error": str(error.args[0]) if error.args else str(error)})
        except (StoreError, TimeoutError) as error:
            return _json_answer(500 if isinstance(error, StoreError) else 408, {"error": str(error)})

    def _change(self, name: str, body: bytes) -> Answer:
        if name == "misbehave":
            given = json.loads(body or b"null")
            self._script.add(given if isinstance(given, list) else [given] if given else [])
        elif name == "behave":
            self._script.clear()
        elif name == "clear":
            self._endpoint.clear()
        else:
            return _json_answer(404, {"error": f"no control path POST {name}"})
        return self._rules()

    def _look(self, name: str, rest: str, pairs: dict[str, list[str]]) -> Answer:
        endpoint = self._endpoint
        query = {key: values[-1] for key, values in pairs.items()}
        if name == "stats":
            return _json_answer(200, endpoint.stats())
        if name == "misbehave":
            return self._rules()
        if name == "requests":
            return _json_answer(200, {"requests": [_request_as_dict(request) for request in endpoint.requests]})
        if name == "rows":
            return _json_answer(200, {"table": rest, "rows": endpoint.rows(rest, query)})
        if name == "select":
            most = query.pop("most", None)
            return _json_answer(200, {"table": rest, "rows": endpoint.select(rest, from_query(pairs), None if most is None else int(most))})
        if name == "problems":
            return _json_answer(200, endpoint.problems())
        if name == "operations":
            return _json_answer(200, {"operations": endpoint.operation_ids()})
        if name == "transaction":
            found = transaction.find(endpoint, rest)
            if found is None:
                return _json_answer(404, {"error": f"no telemetry with operation id {rest!r}"})
            return _json_answer(200, transaction.as_dict(found))
        if name == "wait":
            endpoint.wait_for(int(query.get("items", "1")), float(query.get("timeout_s", "60")))
            return _json_answer(200, endpoint.stats())
        return _json_answer(404, {"error": f"no control path GET {name}"})

    def _rules(self) -> Answer:
        return _json_answer(200, {"rules": [describe(rule) for rule in self._script.rules()]})


def _json_answer(status: int, value: object) -> Answer:
    return Answer(status, json.dumps(value).encode("utf-8"))


def _request_as_dict(request: RecordedRequest) -> dict[str, object]:
    """Return a recorded request without its secrets."""
    headers = {
        name: "***" if name.lower() in ("authorization", "proxy-authorization") else value for name, value in request.headers.items()
    }
    return {
        "path": request.path,
        "headers": headers,
        "rawBytes": request.raw_bytes,
        "decodedBytes": request.decoded_bytes,
        "items": request.items,
        "accepted": request.accepted,
        "status": request.status,
        "clientPort": request.client_port,
        "rules": list(request.rules),
        "time": request.time_s,
    }
