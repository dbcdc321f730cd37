from __future__ import annotations

import http.client
import json

import pytest

from opencensus_compat.local import LocalEndpoint, RuleError
from opencensus_compat.local.misbehave import Status


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
def test_control_errors(endpoint, method, path, body, status, port_of):
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
def test_a_web_page_cannot_change_anything(endpoint, client, message, action, headers, port_of):
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


def test_a_preflight_request_is_refused(endpoint, port_of):
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
