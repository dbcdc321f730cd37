from __future__ import annotations

import http.client
import json
import socket
import threading
import time

import pytest

from opencensus_compat.local import LocalEndpoint, server
from opencensus_compat.local.misbehave import (
    Close,
    DelayRead,
    DelayReply,
    Garbage,
    Huge,
    LoseReply,
    Redirect,
    ResetAfterRead,
    ResetBeforeRead,
    ResetDuringRead,
    Silence,
    SlowReply,
    Status,
    Truncate,
)


@pytest.mark.parametrize(
    ("rule", "status", "headers", "body", "accepted"),
    [
        pytest.param(Status(503), 503, {}, None, 0, id="status"),
        pytest.param(Status(429, retry_after="7"), 429, {"Retry-After": "7"}, None, 0, id="retry-after"),
        pytest.param(Status(402, body="", headers={"X-A": "b"}), 402, {"X-A": "b"}, b"", 0, id="body-and-headers"),
        pytest.param(Status(200, body="<html>"), 200, {}, b"<html>", 1, id="success-with-odd-body"),
        pytest.param(Status(500, accept=True), 500, {}, None, 1, id="kept-but-answered-500"),
        pytest.param(Status(439), 439, {}, None, 0, id="status-without-a-name"),
        pytest.param(Redirect("http://127.0.0.1:1/x", 308, "max-age=60"), 308, {"Location": "http://127.0.0.1:1/x"}, b"", 0, id="redirect"),
        pytest.param(Garbage(valid_http=True), 200, {}, b"<html>\x00\xff this is not JSON", 1, id="body-of-garbage"),
        pytest.param(Huge(1_000_000), 200, {"Content-Length": "1000000"}, None, 1, id="huge"),
        pytest.param(SlowReply(0.0001), 200, {}, None, 1, id="slow"),
        pytest.param(DelayReply(0.01), 200, {}, None, 1, id="delayed"),
        pytest.param(DelayRead(0.01), 200, {}, None, 1, id="delayed-read"),
    ],
)
def test_rules_with_a_reply(endpoint, message, rule, status, headers, body, accepted, port_of, accepted_one):
    """A rule that answers does so with its status, headers and body, and keeps the items or not; then all is normal again."""
    endpoint.misbehave(rule)
    connection = http.client.HTTPConnection("127.0.0.1", port_of(endpoint), timeout=120)
    connection.request("POST", "/v2/track", json.dumps([message()]))
    response = connection.getresponse()
    received = response.read()
    assert response.status == status
    assert {name: response.headers[name] for name in headers} == headers
    if body is not None:
        assert received == body
    elif status >= 300:
        [error] = json.loads(received)["errors"]
        assert (error["index"], error["statusCode"]) == (0, status)
    else:
        assert json.loads(received) == accepted_one
    assert endpoint.accepted == accepted
    assert [(request.status, request.accepted, request.rules) for request in endpoint.requests] == [(status, accepted, (rule.name,))]
    endpoint.behave()
    connection.request("POST", "/v2/track", json.dumps([message()]))
    assert connection.getresponse().read() == json.dumps(accepted_one, separators=(",", ":")).encode()
    connection.close()


@pytest.mark.parametrize(
    ("rule", "error", "accepted", "status"),
    [
        pytest.param(ResetBeforeRead(), ConnectionResetError, 0, None, id="reset-before"),
        pytest.param(ResetDuringRead(10), ConnectionResetError, 0, None, id="reset-during"),
        pytest.param(ResetDuringRead(10_000_000), ConnectionResetError, 0, None, id="reset-during-a-shorter-body"),
        pytest.param(ResetAfterRead(), ConnectionResetError, 0, None, id="reset-after"),
        pytest.param(LoseReply(), ConnectionResetError, 1, None, id="lose-reply"),
        pytest.param(Truncate(5), http.client.IncompleteRead, 1, 200, id="truncate"),
        pytest.param(Garbage(), http.client.BadStatusLine, 0, None, id="garbage"),
        pytest.param(Silence(), TimeoutError, 0, None, id="silence"),
        pytest.param(Silence(accept=True), TimeoutError, 1, None, id="silence-after-keeping"),
    ],
)
def test_rules_without_a_whole_reply(endpoint, message, capfd, rule, error, accepted, status, port_of):
    """A rule that cuts the exchange shows the client that error, keeps the items or not, and is recorded."""
    endpoint.misbehave(rule)
    connection = http.client.HTTPConnection("127.0.0.1", port_of(endpoint), timeout=0.2 if isinstance(rule, Silence) else 60)
    with pytest.raises(error):  # noqa: PT012  # a reset may show at either step
        connection.request("POST", "/v2/track", json.dumps([message()]))
        connection.getresponse().read()
    connection.close()
    [request] = endpoint.wait_for_requests(1)
    assert (request.status, request.accepted, request.rules) == (status, accepted, (rule.name,))
    assert endpoint.accepted == accepted
    assert capfd.readouterr() == ("", "")


def test_unannounced_close(endpoint, message, port_of):
    """The close rule answers and then closes although it promised to keep the connection."""
    endpoint.misbehave(Close(times=1))
    body = json.dumps([message()]).encode()
    with socket.create_connection(("127.0.0.1", port_of(endpoint)), timeout=120) as connection:
        connection.sendall(b"POST /v2/track HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close" not in received.lower()


def test_delays_end_with_the_endpoint(connect, message, monkeypatch):
    """A reply that is being delayed does not hold up a stop."""
    monkeypatch.setattr(server, "_STOP_S", 60)
    endpoint = LocalEndpoint(misbehaviour=["delay_reply:seconds=60"], clock=lambda: 1700000000.0)
    endpoint.start()
    client = connect(endpoint)
    thread = threading.Thread(target=lambda: tolerant(client.post, [message()]))
    thread.start()
    endpoint.wait_for(1)
    begin = time.monotonic()
    endpoint.close()
    thread.join()
    assert time.monotonic() - begin < 30


def tolerant(call, *args):
    """Call, and let pass what a cut connection raises."""
    try:
        call(*args)
    except (OSError, http.client.HTTPException):
        return
