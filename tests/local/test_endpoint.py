from __future__ import annotations

import http.client
import json
import re
import socket
import time
import uuid

import pytest

from opencensus_compat.local import LocalEndpoint, StoreError, server
from opencensus_compat.local.misbehave import Silence


def test_connection_string(endpoint):
    """The connection string names a UUID key and the loopback address with the real port."""
    key, address = endpoint.connection_string.split(";")
    assert uuid.UUID(key.removeprefix("InstrumentationKey=")).version == 4
    assert re.fullmatch(r"IngestionEndpoint=http://127\.0\.0\.1:\d+/", address)


def test_given_key():
    """A key given to the constructor is in the connection string."""
    with LocalEndpoint(instrumentation_key="abc") as endpoint:
        assert endpoint.connection_string == f"InstrumentationKey=abc;IngestionEndpoint={endpoint.url}"


def test_taken_port(endpoint, port_of):
    """A port that is taken raises when the endpoint starts."""
    second = LocalEndpoint(port_of(endpoint))
    with pytest.raises(OSError, match="in use"):
        second.start()
    second.close()


def test_database_is_continued(tmp_path, connect, message):
    """A second endpoint on the same file goes on counting, and waits only for what is new."""
    for text in ("a", "b"):
        with LocalEndpoint(database=tmp_path / "items.db", clock=lambda: 1700000000.0) as endpoint:
            connect(endpoint).post([message(text)])
            assert [found["data"]["baseData"]["message"] for found in endpoint.wait_for(1)] == [text]
            assert endpoint.wait_for(lambda found, text=text: found[0]["data"]["baseData"]["message"] == text)
            kept = [row["message"] for row in endpoint.rows("traces")]
    assert kept == ["a", "b"]


def test_unusable_database(tmp_path):
    """A database that cannot be opened raises at construction."""
    with pytest.raises(StoreError, match="cannot open"):
        LocalEndpoint(database=tmp_path / "no" / "such" / "folder.db")


def test_wait_idle(endpoint, client, message):
    """An endpoint is idle when no connection is open; until then the error says which connection is, and what it has sent."""
    client.post([message()])
    [request] = endpoint.requests
    sent = f"client port {request.client_port}: telemetry requests: 1, the latest one answered with 200"
    with pytest.raises(TimeoutError, match=rf"^not idle within 0\.05 s; open connections: 1; {sent}$"):
        endpoint.wait_idle(0.05)
    client.close()
    endpoint.wait_idle()
    assert endpoint.connections == 1


def test_wait_idle_names_clients_without_a_reply(endpoint, message, port_of):
    """The error tells a client whose request got no reply from one that has sent no whole request."""
    endpoint.misbehave(Silence())
    body = json.dumps([message()]).encode()
    head = b"POST /v2.1/track HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    with (
        socket.create_connection(("127.0.0.1", port_of(endpoint))) as early,
        socket.create_connection(("127.0.0.1", port_of(endpoint))) as silent,
    ):
        silent.sendall(head + body)
        endpoint.wait_for_requests(1)  # by then the connection made before it has been accepted too
        with pytest.raises(TimeoutError) as caught:
            endpoint.wait_idle(0.05)
        ports = silent.getsockname()[1], early.getsockname()[1]
    said = str(caught.value)
    assert f"client port {ports[0]}: telemetry requests: 1, the latest one without a reply" in said
    assert f"client port {ports[1]}: no whole telemetry request" in said


def test_stop_and_start_again(endpoint, connect, message, accepted_one):
    """An endpoint that goes down cuts its connections and comes back on the same port with what it had."""
    client = connect(endpoint)
    client.post([message("a")])
    url = endpoint.url
    endpoint.stop()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        client.post([message("lost")])
    with pytest.raises(ConnectionRefusedError):
        connect(endpoint).post([message("lost")])
    endpoint.start()
    assert endpoint.url == url
    assert connect(endpoint).post([message("b")]) == (200, accepted_one)
    assert [row["message"] for row in endpoint.rows("traces")] == ["a", "b"]
    assert endpoint.connections == 2


def test_a_stopped_endpoint_keeps_its_port(endpoint, port_of):
    """While it is stopped nobody else is given its port, and connections to it are refused."""
    port = port_of(endpoint)
    for _ in range(2):
        endpoint.stop()
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        endpoint.start()
        assert port_of(endpoint) == port


def test_stop_does_not_wait_for_idle_clients(connect, message, monkeypatch):
    """Stopping takes no time although a client keeps its connection open."""
    monkeypatch.setattr(server, "_STOP_S", 60)
    endpoint = LocalEndpoint(clock=lambda: 1700000000.0)
    endpoint.start()
    connect(endpoint).post([message()])
    begin = time.monotonic()
    endpoint.close()
    assert time.monotonic() - begin < 30
    endpoint.close()
