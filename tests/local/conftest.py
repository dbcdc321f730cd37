from __future__ import annotations

import copy
import http.client
import json
import socket
from datetime import datetime, timezone

import pytest

from opencensus_compat.local import LocalEndpoint

NOW = datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)
"""The clock of the endpoints under test."""

MESSAGE = {
    "name": "Microsoft.ApplicationInsights.Message",
    "time": "2023-11-14T22:13:20.123456Z",
    "iKey": "00000000-0000-0000-0000-000000000001",
    "tags": {"ai.cloud.role": "shop", "ai.operation.id": "aabbccddeeff00112233445566778899", "ai.operation.parentId": "1111111111111111"},
    "data": {"baseType": "MessageData", "baseData": {"ver": 2, "message": "stock low", "severityLevel": 2, "properties": {"sku": "A1"}}},
}


def _port_of(endpoint):
    return int(endpoint.url.rstrip("/").rpartition(":")[2])


class Client:
    """A kept-alive HTTP client of one endpoint."""

    def __init__(self, endpoint):
        self._connection = http.client.HTTPConnection("127.0.0.1", _port_of(endpoint), timeout=120)

    def post(self, body, path="/v2.1/track", headers=None):
        """Post a value as JSON, or bytes as they are, and return status and parsed reply."""
        data = body if isinstance(body, bytes) or not isinstance(body, (dict, list)) else json.dumps(body).encode()
        self._connection.request("POST", path, data, {"Content-Type": "application/json", **(headers or {})})
        return self.answer()

    def get(self, path, headers=None):
        """Get a path and return status and parsed reply."""
        self._connection.request("GET", path, headers=headers or {})
        return self.answer()

    def answer(self):
        """Read the reply to the last request."""
        response = self._connection.getresponse()
        self.headers = response.headers
        text = response.read()
        return response.status, json.loads(text) if text else None

    def close(self):
        """Close the connection."""
        self._connection.close()


@pytest.fixture
def message():
    """Return a function that makes a fresh, faultless trace message with another text."""

    def make(text="stock low", **changes):
        envelope = copy.deepcopy(MESSAGE)
        envelope["data"]["baseData"]["message"] = text
        return {**envelope, **changes}

    return make


@pytest.fixture
def endpoint():
    """Run an endpoint whose clock stands at ``NOW``."""
    with LocalEndpoint(clock=NOW.timestamp) as running:
        yield running


@pytest.fixture
def client(endpoint):
    """Return a kept-alive client of the endpoint."""
    connected = Client(endpoint)
    yield connected
    connected.close()


@pytest.fixture
def connect():
    """Return a function that makes clients, closed at the end."""
    made = []

    def make(endpoint):
        made.append(Client(endpoint))
        return made[-1]

    yield make
    for connected in made:
        connected.close()


@pytest.fixture
def accepted_one():
    """Return the reply to a request of one item that is accepted."""
    return {"itemsReceived": 1, "itemsAccepted": 1, "appId": None, "errors": []}


@pytest.fixture
def port_of():
    """Return a function that gives the port an endpoint listens on."""
    return _port_of


@pytest.fixture
def raw_exchange():
    """Return a function that sends bytes as they are and returns everything that comes back until the connection ends."""

    def exchange(endpoint, data):
        with socket.create_connection(("127.0.0.1", _port_of(endpoint)), timeout=120) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while piece := connection.recv(65536):
                received += piece
        return received

    return exchange
