from __future__ import annotations

import gzip
import http.client
import json
import re
import socket
import sqlite3
import threading
import time
import uuid
import zlib

import pytest

from opencensus_compat.local import LocalEndpoint, RuleError, StoreError, server
from opencensus_compat.local.misbehave import (
    Close,
    DelayRead,
    DelayReply,
    Garbage,
    Huge,
    LimitBody,
    LoseReply,
    Partial,
    Redirect,
    RequireAuthorization,
    ResetAfterRead,
    ResetBeforeRead,
    ResetDuringRead,
    Silence,
    SlowReply,
    Status,
    Throttle,
    Truncate,
)

ACCEPTED = {"itemsReceived": 1, "itemsAccepted": 1, "appId": None, "errors": []}


def port_of(endpoint):
    """Return the port an endpoint listens on."""
    return int(endpoint.url.rstrip("/").rpartition(":")[2])


def raw_exchange(endpoint, data):
    """Send bytes as they are and return everything that comes back until the connection ends."""
    with socket.create_connection(("127.0.0.1", port_of(endpoint)), timeout=120) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def test_connection_string(endpoint):
    """The connection string names a UUID key and the loopback address with the real port."""
    key, address = endpoint.connection_string.split(";")
    assert uuid.UUID(key.removeprefix("InstrumentationKey=")).version == 4
    assert re.fullmatch(r"IngestionEndpoint=http://127\.0\.0\.1:\d+/", address)


def test_given_key():
    """A key given to the constructor is in the connection string."""
    with LocalEndpoint(instrumentation_key="abc") as endpoint:
        assert endpoint.connection_string == f"InstrumentationKey=abc;IngestionEndpoint={endpoint.url}"


def test_taken_port(endpoint):
    """A port that is taken raises when the endpoint starts."""
    second = LocalEndpoint(port_of(endpoint))
    with pytest.raises(OSError, match="in use"):
        second.start()
    second.close()


@pytest.mark.parametrize(
    "path",
    ["/v2/track", "/v2.1/track", "//v2.1/track", "//v2//track", "/v2.1/track?api=1", "http://elsewhere.example/v2.1/track"],
)
def test_paths(endpoint, client, message, path):
    """Both versions, doubled slashes, a query, and a proxy's absolute form are the same path; the record keeps it as sent."""
    assert client.post([message()], path) == (200, ACCEPTED)
    assert endpoint.requests[0].path == path


def test_unknown_paths(client):
    """Other paths are 404, other methods 405, each closing the connection since the body is unread."""
    assert client.post([], "/v2.1/elsewhere") == (404, {"error": "No such path: /v2.1/elsewhere"})
    assert client.get("/v2.1/track") == (405, {"error": "Expected: POST"})


@pytest.mark.parametrize(
    ("encode", "headers"),
    [
        pytest.param(lambda items: json.dumps(items).encode(), {}, id="array"),
        pytest.param(lambda items: "\n".join(map(json.dumps, items)).encode(), {"Content-Type": "application/x-json-stream"}, id="lines"),
        pytest.param(lambda items: gzip.compress(json.dumps(items).encode()), {"Content-Encoding": "gzip"}, id="gzip"),
        pytest.param(lambda items: zlib.compress(json.dumps(items).encode()), {"Content-Encoding": "deflate"}, id="deflate"),
        pytest.param(lambda items: iter([json.dumps(items).encode()[:50], json.dumps(items).encode()[50:]]), {}, id="chunked"),
        pytest.param(lambda items: iter([gzip.compress(json.dumps(items).encode())]), {"Content-Encoding": "gzip"}, id="chunked-gzip"),
    ],
)
def test_body_forms(endpoint, client, message, encode, headers):
    """Every body form arrives as the same envelopes."""
    items = [message("a"), message("b")]
    assert client.post(encode(items), headers=headers) == (200, {"itemsReceived": 2, "itemsAccepted": 2, "appId": None, "errors": []})
    assert endpoint.envelopes() == items


def test_single_object(endpoint, client, message):
    """One object that is not in an array is one item."""
    assert client.post(message()) == (200, ACCEPTED)
    assert endpoint.envelopes() == [message()]


@pytest.mark.parametrize(
    ("body", "headers", "status", "text"),
    [
        (b"[{]", {}, 400, "Invalid JSON"),
        (b"", {}, 400, "Body is empty"),
        (b"[" * 100_000, {}, 400, "nested too deeply"),
        (b"\xff", {}, 400, "not valid UTF-8"),
        (b"junk", {"Content-Encoding": "gzip"}, 400, "cannot be decompressed"),
        (b"junk", {"Content-Encoding": "br"}, 415, "not supported"),
        (gzip.compress(b" " * 65 * 1024 * 1024), {"Content-Encoding": "gzip"}, 413, "must not exceed 67108864"),
    ],
    ids=["json", "empty", "deep", "utf8", "gzip", "encoding", "bomb"],
)
def test_unreadable_bodies(endpoint, client, body, headers, status, text):
    """A body that cannot be read is answered in the service's form, and the connection stays usable."""
    answered, reply = client.post(body, headers=headers)
    assert answered == status
    assert (reply["itemsReceived"], reply["itemsAccepted"], len(reply["errors"])) == (0, 0, 1)
    assert reply["errors"][0]["statusCode"] == status
    assert text in reply["errors"][0]["message"]
    assert client.post([])[0] == 200
    assert endpoint.connections == 1


def test_nested_properties_that_json_can_just_hold(endpoint, client, message):
    """An item nested as deep as the parser allows is refused or kept; either way it is answered."""
    envelope = json.dumps(message()).replace('"A1"', "[" * 900 + "]" * 900)
    status, _ = client.post(f"[{envelope}]".encode())
    assert status in (200, 400)
    assert client.post([message()]) == (200, ACCEPTED)


def test_odd_values_are_kept(endpoint, client, message):
    """Lone surrogates, NUL and integers over 64 bits reach the tables as something, and the envelopes as they came."""
    items = [message("a\ud800b\x00"), message(), message()]
    items[1]["tags"] = {"ai.user.id": 2**70}
    items[2]["data"]["baseData"]["severityLevel"] = 2**70
    assert client.post(items)[0] == 200
    assert endpoint.envelopes() == items


def test_a_body_too_large_is_refused_before_it_is_read(endpoint):
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
def test_broken_framing(endpoint, head):
    """Broken framing is answered with a client error, and the connection ends."""
    assert re.match(rb"HTTP/1\.1 4\d\d ", raw_exchange(endpoint, b"POST /v2/track HTTP/1.1\r\nHost: x\r\n" + head))


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00TLS hello", b"POST / HTTP/9.9\r\n\r\n"]
)
def test_nonsense_prints_nothing(endpoint, client, message, capfd, data):
    """A client that does not speak HTTP disturbs neither the terminal nor the next client."""
    raw_exchange(endpoint, data)
    assert client.post([message()]) == (200, ACCEPTED)
    assert capfd.readouterr() == ("", "")


def test_a_client_that_vanishes(endpoint, capfd):
    """A body that ends early is recorded as far as it came, without a reply."""
    raw_exchange(endpoint, b"POST /v2/track HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[1,2")
    [request] = endpoint.wait_for_requests(1)
    assert (request.status, request.raw_bytes, request.items) == (None, 4, 0)
    assert capfd.readouterr() == ("", "")


def test_expect_continue(endpoint, message):
    """A client that waits for "100 Continue" gets it."""
    body = json.dumps([message()]).encode()
    head = b"POST /v2/track HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    received = raw_exchange(endpoint, head + body)
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_partial_success(endpoint, client, message):
    """A bad item among good ones gives 206, its index and the reason; the good ones are kept."""
    items = [message("a"), message("b", time="2023-11-01T00:00:00Z"), message("c")]
    status, reply = client.post(items)
    assert (status, reply["itemsReceived"], reply["itemsAccepted"]) == (206, 3, 2)
    assert [(error["index"], error["statusCode"], error["message"][:40]) for error in reply["errors"]] == [
        (1, 400, "103: Field 'time' on type 'Envelope' is ")
    ]
    assert [row["message"] for row in endpoint.rows("traces")] == ["a", "c"]
    assert [(refused.index, refused.status) for refused in endpoint.refused] == [(1, 400)]


def test_nothing_accepted(endpoint, client):
    """When no item is good the status is that of the first."""
    status, reply = client.post([{}, {}])
    assert (status, reply["itemsAccepted"], [error["message"] for error in reply["errors"]]) == (
        400,
        0,
        ["Invalid instrumentation key"] * 2,
    )
    assert endpoint.accepted == 0


def test_item_over_64_kib(endpoint, client, message):
    """An item over 65536 bytes is refused although its neighbours pass."""
    status, reply = client.post([message("a"), message("x" * 66_000)])
    assert (status, reply["errors"]) == (206, [{"index": 1, "statusCode": 400, "message": "Telemetry item length must not exceed 65536"}])


def test_accepted_keys(connect, message):
    """With a list of keys the endpoint refuses other resources' items."""
    with LocalEndpoint(accepted_keys=["KEY-A"], clock=lambda: 1700000000.0) as endpoint:
        client = connect(endpoint)
        assert client.post([message(iKey="key-a"), message(iKey="key-b")])[0] == 206
        assert [envelope["iKey"] for envelope in endpoint.envelopes()] == ["key-a"]


def test_validate_keeps_nothing(endpoint, client, message):
    """The validate path answers like track and keeps nothing."""
    status, reply = client.post([message(), {}], "/v2/validate")
    assert (status, reply["itemsAccepted"]) == (206, 1)
    assert (endpoint.envelopes(), endpoint.accepted, endpoint.received, endpoint.refused) == ([], 0, 2, [])


def test_warnings_name_the_item(endpoint, client, message):
    """A warning carries the arrival number of its envelope, over requests."""
    client.post([message()])
    client.post([message(), message(tags={"ai.device.locale": None})])
    assert [(warning.item, warning.path) for warning in endpoint.warnings] == [(3, "$.tags['ai.device.locale']")]
    assert endpoint.envelopes()[2]["tags"] == {"ai.device.locale": None}


def test_listener_gets_the_rows(connect, message):
    """The listener is called once per request that kept something, with its rows."""
    seen = []
    with LocalEndpoint(clock=lambda: 1700000000.0, listener=seen.append) as endpoint:
        client = connect(endpoint)
        client.post([message("a"), message("b")])
        client.post([{}])
    assert [[row.as_dict()["message"] for row in rows] for rows in seen] == [["a", "b"]]


def test_count_only(connect):
    """With store=False items are counted, neither checked nor kept, and asking for them says so."""
    with LocalEndpoint(store=False) as endpoint:
        assert connect(endpoint).post([{}, 5]) == (200, {"itemsReceived": 2, "itemsAccepted": 2, "appId": None, "errors": []})
        assert endpoint.wait_for(2, 1) == []
        for ask in (endpoint.envelopes, lambda: endpoint.rows("traces"), lambda: endpoint.wait_for(bool, 1)):
            with pytest.raises(RuntimeError, match="store=False"):
                ask()


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


def test_a_failing_database_is_a_500(tmp_path, connect, message):
    """When the database fails, items are answered 500, so that clients keep them, and the endpoint goes on."""
    with LocalEndpoint(database=tmp_path / "items.db", clock=lambda: 1700000000.0) as endpoint:
        client = connect(endpoint)
        other = sqlite3.connect(tmp_path / "items.db")
        other.execute("DROP TABLE traces")
        other.close()
        status, reply = client.post([message()])
        assert (status, reply["itemsAccepted"], reply["errors"][0]["statusCode"]) == (500, 0, 500)
        assert "no such table: traces" in client.get("/_control/stats")[1]["storeError"]


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


def test_recorded_request(endpoint, client, message):
    """A record tells path, headers in any case, sizes, items, status and the client's port."""
    plain = json.dumps([message(), {}]).encode()
    packed = gzip.compress(plain)
    client.post(packed, headers={"Content-Encoding": "gzip", "User-Agent": "UA/1", "Authorization": "Bearer secret"})
    [request] = endpoint.requests
    assert (request.path, request.raw_bytes, request.decoded_bytes, request.items, request.accepted, request.status, request.rules) == (
        "/v2.1/track",
        len(packed),
        len(plain),
        2,
        1,
        206,
        (),
    )
    assert (request.headers["user-agent"], request.headers["AUTHORIZATION"]) == ("UA/1", "Bearer secret")
    assert endpoint.rows("traces")[0]["client_Browser"] == "UA/1"


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


def test_wait_for_count(endpoint, connect, message):
    """Waiting for a count returns as soon as that many envelopes are there."""
    client = connect(endpoint)
    thread = threading.Thread(target=lambda: [client.post([message(text)]) for text in "abc"])
    thread.start()
    found = endpoint.wait_for(3)
    thread.join()
    assert [envelope["data"]["baseData"]["message"] for envelope in found] == ["a", "b", "c"]


def test_wait_for_predicate(endpoint, connect, message):
    """Waiting for a predicate sees each arrival once more, across a clear too."""
    client = connect(endpoint)
    client.post([message("old"), message("older")])
    endpoint.clear()
    thread = threading.Thread(target=lambda: [client.post([message(text)]) for text in "abc"])
    thread.start()
    found = endpoint.wait_for(lambda envelopes: [one["data"]["baseData"]["message"] for one in envelopes] == ["a", "b", "c"])
    thread.join()
    assert len(found) == 3


def test_wait_for_tells_what_happened_instead(endpoint, client, message):
    """A wait that fails says what did arrive."""
    client.post([message(), {}])
    with pytest.raises(TimeoutError) as caught:
        endpoint.wait_for(2, 0.01)
    assert str(caught.value) == ("no 2 accepted items within 0.01 s: 2 items received, 1 accepted, 1 requests (latest: 206 to 2 items)")


def test_wait_for_requests(endpoint, client, message):
    """Refused requests can be waited for as well."""
    client.post([{}])
    assert [request.status for request in endpoint.wait_for_requests(1)] == [400]
    assert endpoint.wait_for_requests(lambda requests: requests[-1].status == 400)
    with pytest.raises(TimeoutError, match="no 2 requests within"):
        endpoint.wait_for_requests(2, 0.01)


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


def test_wait_idle_names_clients_without_a_reply(endpoint, message):
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


def test_clear(endpoint, client, message):
    """A clear forgets items, requests, warnings and refusals."""
    client.post([message(tags=None), {}])
    endpoint.clear()
    assert (endpoint.envelopes(), endpoint.requests, endpoint.warnings, endpoint.refused, endpoint.accepted) == ([], [], [], [], 0)
    client.post([message()])
    assert endpoint.rows("traces")[0]["itemId"].endswith("-000000000001")


def test_stop_and_start_again(endpoint, connect, message):
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
    assert connect(endpoint).post([message("b")]) == (200, ACCEPTED)
    assert [row["message"] for row in endpoint.rows("traces")] == ["a", "b"]
    assert endpoint.connections == 2


def test_a_stopped_endpoint_keeps_its_port(endpoint):
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
def test_rules_with_a_reply(endpoint, message, rule, status, headers, body, accepted):
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
        assert json.loads(received) == ACCEPTED
    assert endpoint.accepted == accepted
    assert [(request.status, request.accepted, request.rules) for request in endpoint.requests] == [(status, accepted, (rule.name,))]
    endpoint.behave()
    connection.request("POST", "/v2/track", json.dumps([message()]))
    assert connection.getresponse().read() == json.dumps(ACCEPTED, separators=(",", ":")).encode()
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
def test_rules_without_a_whole_reply(endpoint, message, capfd, rule, error, accepted, status):
    """A rule that cuts the exchange shows the client that error, keeps the items or not, and is recorded."""
    endpoint.misbehave(rule)
    connection = http.client.HTTPConnection("127.0.0.1", port_of(endpoint), timeout=0.2 if isinstance(rule, Silence) else 10)
    with pytest.raises(error):  # noqa: PT012  # a reset may show at either step
        connection.request("POST", "/v2/track", json.dumps([message()]))
        connection.getresponse().read()
    connection.close()
    [request] = endpoint.wait_for_requests(1)
    assert (request.status, request.accepted, request.rules) == (status, accepted, (rule.name,))
    assert endpoint.accepted == accepted
    assert capfd.readouterr() == ("", "")


def test_bodies_read_in_part_are_measured(endpoint, message):
    """A reset during the body says how much of it had been read."""
    endpoint.misbehave(ResetDuringRead(10))
    raw = b"POST /v2/track HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"x" * 100
    with socket.create_connection(("127.0.0.1", port_of(endpoint)), timeout=120) as connection:
        connection.sendall(raw)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert [request.raw_bytes for request in endpoint.wait_for_requests(1)] == [10]


def test_partial_with_given_statuses(endpoint, client, message):
    """Per-item statuses are repeated over the items; real checks still apply to those that would pass."""
    endpoint.misbehave(Partial([200, 500, 206], times=1))
    status, reply = client.post([message("a"), message("b"), message("c"), {}, message("e")])
    assert (status, reply["itemsReceived"], reply["itemsAccepted"]) == (206, 5, 1)
    assert [(error["index"], error["statusCode"], error["message"]) for error in reply["errors"]] == [
        (1, 500, "Internal server error"),
        (2, 206, "Telemetry sampled out."),
        (3, 400, "Invalid instrumentation key"),
        (4, 500, "Internal server error"),
    ]
    assert client.post([message()]) == (200, ACCEPTED)


def test_redirect_loop(endpoint, client, message):
    """A redirect without a target points back to the very address that was asked."""
    endpoint.misbehave("redirect:code=307")
    client.post([message()], "//v2.1/track")
    assert client.headers["Location"] == endpoint.url + "/v2.1/track"


def test_unannounced_close(endpoint, message):
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


@pytest.mark.parametrize(
    ("rule", "headers", "status"),
    [
        (RequireAuthorization(), {}, 401),
        (RequireAuthorization(), {"Authorization": "Basic abc"}, 401),
        (RequireAuthorization(), {"Authorization": "Bearer anything"}, 200),
        (RequireAuthorization("t1", code=403), {"Authorization": "Bearer t2"}, 403),
        (RequireAuthorization("t1"), {"Authorization": "bearer t1"}, 200),
        (LimitBody(10), {}, 413),
        (LimitBody(100_000), {}, 200),
    ],
)
def test_gates(endpoint, client, message, rule, headers, status):
    """A gate refuses whole requests that do not satisfy it and lets the others through."""
    endpoint.misbehave(rule)
    assert client.post([message()], headers=headers)[0] == status
    assert endpoint.accepted == (1 if status == 200 else 0)


def test_limit_of_decoded_bodies(endpoint, client):
    """A body limit looks at the size as sent or after decompression."""
    body = gzip.compress(b"[" + b" " * 10_000 + b"]")
    endpoint.misbehave(LimitBody(1000, times=1), LimitBody(1000, decoded=True))
    assert [client.post(body, headers={"Content-Encoding": "gzip"})[0] for _ in range(2)] == [200, 413]


def test_throttle(endpoint, client, message):
    """Items over the rate are answered 429 with a Retry-After, and nothing of that request is kept."""
    endpoint.misbehave(Throttle(0.001, burst=2))
    assert [client.post([message(), message()])[0] for _ in range(2)] == [200, 429]
    assert 1900 < int(client.headers["Retry-After"]) <= 2001
    assert endpoint.accepted == 2


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


def test_wrong_rule(endpoint):
    """A rule that cannot be understood raises, and none of its companions is added."""
    with pytest.raises(RuleError):
        endpoint.misbehave("status:code=500", "nonsense")
    with pytest.raises(RuleError):
        LocalEndpoint(misbehaviour=["nonsense"])


def test_control_stats(endpoint, client, message):
    """The counters can be read from another process."""
    client.post([message(tags=None), {}])
    status, stats = client.get("/_control/stats")
    assert status == 200
    assert stats == {
        "connectionString": endpoint.connection_string,
        "requests": 1,
        "itemsReceived": 2,
        "itemsAccepted": 1,
        "itemsRefused": 1,
        "warnings": 1,
        "connections": 1,
        "openConnections": 1,
        "tables": {**dict.fromkeys(endpoint.counts(), 0), "traces": 1},
        "storeError": None,
    }


def test_control_looks(endpoint, client, message):
    """Rows, operations, transactions, requests and findings can be read from another process; secrets are masked."""
    client.post([message(tags={"ai.operation.id": "op", "ai.device.locale": None})], headers={"Authorization": "Bearer secret"})
    assert client.get("/_control/rows/traces?message=stock+low")[1]["rows"] == endpoint.rows("traces")
    assert client.get("/_control/rows/traces?message=other")[1]["rows"] == []
    assert client.get("/_control/operations")[1] == {"operations": []}
    assert client.get("/_control/transaction/op")[1]["items"][0]["row"] == endpoint.rows("traces")[0]
    assert client.get("/_control/requests")[1]["requests"][0]["headers"]["Authorization"] == "***"
    assert client.get("/_control/problems")[1]["warnings"] == [
        {"item": 1, "path": "$.tags['ai.device.locale']", "text": "is null; leave it out"}
    ]


def test_control_misbehave(endpoint, client, message):
    """Rules can be given, listed and dropped from another process."""
    rule = {"rule": "status", "code": 503, "times": 1}
    assert client.post(rule, "/_control/misbehave")[0] == 200
    assert client.post([rule, {"rule": "silence", "skip": 9}], "/_control/misbehave")[1]["rules"][2]["rule"] == "silence"
    assert client.post([message()])[0] == 503
    assert client.post(None, "/_control/behave") == (200, {"rules": []})
    assert client.get("/_control/misbehave") == (200, {"rules": []})
    assert client.post([message()])[0] == 200


def test_control_wait_and_clear(endpoint, client, message):
    """Another process can wait for items, and clear them."""
    client.post([message()])
    assert client.get("/_control/wait?items=1&timeout_s=60")[1]["itemsAccepted"] == 1
    assert client.get("/_control/wait?items=2&timeout_s=0.01")[0] == 408
    assert client.post(None, "/_control/clear")[0] == 200
    assert endpoint.accepted == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "nothing", None, 404),
        ("POST", "nothing", None, 404),
        ("PUT", "stats", None, 405),
        ("GET", "rows/nothing", None, 400),
        ("GET", "rows/traces?nothing=1", None, 400),
        ("GET", "transaction/none", None, 404),
        ("GET", "transaction/", None, 404),
        ("GET", "wait?items=x", None, 400),
        ("POST", "misbehave", "{", 400),
        ("POST", "misbehave", '"nonsense"', 400),
        ("POST", "misbehave", "[5]", 400),
        ("POST", "misbehave", "5", 400),
    ],
)
def test_control_errors(endpoint, method, path, body, status):
    """A wrong control request is answered with a JSON error."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(endpoint), timeout=120)
    connection.request(method, f"/_control/{path}", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    assert (response.status, list(answer)) == (status, ["error"])


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "multipart/form-data"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_control_is_not_for_web_pages(client, headers):
    """Requests that a web page could send to this machine are refused."""
    assert client.get("/_control/stats", headers)[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no-content-type"),
        pytest.param({"Content-Type": ""}, id="empty-content-type"),
        pytest.param({"Content-Type": "text/plain"}, id="content-type-of-a-form"),
        pytest.param({"Origin": "https://evil.example"}, id="foreign-origin-and-no-content-type"),
        pytest.param({"Origin": "https://evil.example", "Content-Type": "application/json"}, id="foreign-origin"),
        pytest.param({"Origin": "null", "Content-Type": "application/json"}, id="origin-of-a-file"),
        pytest.param({"Origin": "http://127.0.0.1:1", "Content-Type": "application/json"}, id="origin-of-another-port"),
    ],
)
@pytest.mark.parametrize("action", ["clear", "behave", "misbehave"])
def test_a_web_page_cannot_change_anything(endpoint, client, message, action, headers):
    """A command needs the Content-Type of JSON, which a page of another origin cannot send, and no Origin but the endpoint's own."""
    client.post(message(), "/v2/track")
    endpoint.misbehave(Status(503))
    connection = http.client.HTTPConnection("127.0.0.1", port_of(endpoint), timeout=120)
    connection.request("POST", f"/_control/{action}", "[]", headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    assert (response.status, list(answer)) == (403, ["error"])
    assert (endpoint.accepted, len(client.get("/_control/misbehave")[1]["rules"])) == (1, 1)


def test_a_preflight_request_is_refused(endpoint):
    """A browser that asks whether a foreign page may send JSON gets no permission."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(endpoint), timeout=120)
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    connection.request("OPTIONS", "/_control/clear", headers=asked)
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.status == 403
    assert not [name for name in response.headers if name.lower().startswith("access-control-")]


def test_a_page_of_the_endpoint_itself_may_look(endpoint, client):
    """The endpoint's own origin is none of another site."""
    assert client.get("/_control/stats", {"Origin": endpoint.url.rstrip("/")})[0] == 200


def test_control_requests_are_not_recorded(endpoint, client):
    """Control requests are neither telemetry requests nor subject to misbehaviour."""
    endpoint.misbehave(Status(503))
    assert client.get("/_control/stats")[0] == 200
    assert endpoint.requests == []
