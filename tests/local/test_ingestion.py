from __future__ import annotations

import gzip
import json
import sqlite3
import zlib

import pytest

from opencensus_compat.local import LocalEndpoint
from opencensus_compat.local.misbehave import LimitBody, Partial, RequireAuthorization, Throttle


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


def test_single_object(endpoint, client, message, accepted_one):
    """One object that is not in an array is one item."""
    assert client.post(message()) == (200, accepted_one)
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
        (gzip.compress(b" " * 65 * 1024 * 1024, 1), {"Content-Encoding": "gzip"}, 413, "must not exceed 67108864"),
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


def test_nested_properties_that_json_can_just_hold(endpoint, client, message, accepted_one):
    """An item nested as deep as the parser allows is refused or kept; either way it is answered."""
    envelope = json.dumps(message()).replace('"A1"', "[" * 900 + "]" * 900)
    status, _ = client.post(f"[{envelope}]".encode())
    assert status in (200, 400)
    assert client.post([message()]) == (200, accepted_one)


def test_odd_values_are_kept(endpoint, client, message):
    """Lone surrogates, NUL and integers over 64 bits reach the tables as something, and the envelopes as they came."""
    items = [message("a\ud800b\x00"), message(), message()]
    items[1]["tags"] = {"ai.user.id": 2**70}
    items[2]["data"]["baseData"]["severityLevel"] = 2**70
    assert client.post(items)[0] == 200
    assert endpoint.envelopes() == items


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


def test_a_failing_database_is_a_500(tmp_path, connect, message):
    """When the database fails, items are answered 500, so that clients keep them, and the endpoint goes on."""
    with LocalEndpoint(database=tmp_path / "items.db", clock=lambda: 1700000000.0) as endpoint:
        client = connect(endpoint)
        other = sqlite3.connect(tmp_path / "items.db")
        other.execute("DROP TABLE envelopes")
        other.close()
        status, reply = client.post([message()])
        assert (status, reply["itemsAccepted"], reply["errors"][0]["statusCode"]) == (500, 0, 500)
        assert "no such table: envelopes" in client.get("/_control/stats")[1]["storeError"]


def test_partial_with_given_statuses(endpoint, client, message, accepted_one):
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
    assert client.post([message()]) == (200, accepted_one)


def test_redirect_loop(endpoint, client, message):
    """A redirect without a target points back to the very address that was asked."""
    endpoint.misbehave("redirect:code=307")
    client.post([message()], "//v2.1/track")
    assert client.headers["Location"] == endpoint.url + "/v2.1/track"


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
