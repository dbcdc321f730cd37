from __future__ import annotations

import json
import re
import socket
import threading

import pytest

from opencensus_compat.local.misbehave import ResetDuringRead


@pytest.mark.parametrize(
    "path",
    ["/v2/track", "/v2.1/track", "//v2.1/track", "//v2//track", "/v2.1/track?api=1", "http://elsewhere.example/v2.1/track"],
)
def test_paths(endpoint, client, message, path, accepted_one):
    """Both versions, doubled slashes, a query, and a proxy's absolute form are the same path; the record keeps it as sent."""
    assert client.post([message()], path) == (200, accepted_one)
    assert endpoint.requests[0].path == path


def test_unknown_paths(client):
    """Other paths are 404, other methods 405, each closing the connection since the body is unread."""
    assert client.post([], "/v2.1/elsewhere") == (404, {"error": "No such path: /v2.1/elsewhere"})
    assert client.get("/v2.1/track") == (405, {"error": "Expected: POST"})


def test_a_body_too_large_is_refused_before_it_is_read(endpoint, raw_exchange):
    """A declared size over the limit is answered 413 at once, and the connection ends."""
    head = b"POST /v2/track HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nabc"
    assert raw_exchange(endpoint, head).startswith(b"HTTP/1.1 413 ")
    assert [(request.status, request.items) for request in endpoint.requests] == [(413, 0)]


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: abc\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 5000,
        b"Transfer-Encoding: gzip\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
    ],
)
def test_broken_framing(endpoint, head, raw_exchange):
    """Broken framing is answered with a client error, and the connection ends."""
    assert re.match(rb"HTTP/1\.1 4\d\d ", raw_exchange(endpoint, b"POST /v2/track HTTP/1.1\r\nHost: x\r\n" + head))


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00TLS hello", b"POST / HTTP/9.9\r\n\r\n"]
)
def test_nonsense_prints_nothing(endpoint, client, message, capfd, data, raw_exchange, accepted_one):
    """A client that does not speak HTTP disturbs neither the terminal nor the next client."""
    raw_exchange(endpoint, data)
    assert client.post([message()]) == (200, accepted_one)
    assert capfd.readouterr() == ("", "")


def test_a_client_that_vanishes(endpoint, capfd, raw_exchange):
    """A body that ends early is recorded as far as it came, without a reply."""
    raw_exchange(endpoint, b"POST /v2/track HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[1,2")
    [request] = endpoint.wait_for_requests(1)
    assert (request.status, request.raw_bytes, request.items) == (None, 4, 0)
    assert capfd.readouterr() == ("", "")


def test_expect_continue(endpoint, message, raw_exchange):
    """A client that waits for "100 Continue" gets it."""
    body = json.dumps([message()]).encode()
    head = b"POST /v2/track HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    received = raw_exchange(endpoint, head + body)
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_many_threads(endpoint, connect, message):
    """Requests of many connections are all kept, in one order of arrival."""

    def send(number):
        client = connect(endpoint)
        for step in range(10):
            client.post([message(f"{number}.{step}"), message(f"{number}.{step}b")])

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = [envelope["data"]["baseData"]["message"] for envelope in endpoint.wait_for(160)]
    assert texts == [row["message"] for row in endpoint.rows("traces")]
    assert [text for text in texts if text.startswith("3.")] == [f"3.{step}{end}" for step in range(10) for end in ("", "b")]
    assert endpoint.connections == 8


def test_connection_reuse_shows(endpoint, client, connect, message):
    """Requests of one kept-alive connection share a port; a second connection is counted."""
    for user in (client, client, connect(endpoint)):
        user.post([message()])
    ports = [request.client_port for request in endpoint.requests]
    assert (ports[0] == ports[1], ports[1] == ports[2], endpoint.connections) == (True, False, 2)


def test_close_is_honoured(endpoint, client, message):
    """A client that asks for Connection: close gets it."""
    client.post([message()], headers={"Connection": "close"})
    assert client.headers["Connection"] == "close"


def test_bodies_read_in_part_are_measured(endpoint, message, port_of):
    """A reset during the body says how much of it had been read."""
    endpoint.misbehave(ResetDuringRead(10))
    raw = b"POST /v2/track HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"x" * 100
    with socket.create_connection(("127.0.0.1", port_of(endpoint)), timeout=120) as connection:
        connection.sendall(raw)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert [request.raw_bytes for request in endpoint.wait_for_requests(1)] == [10]
