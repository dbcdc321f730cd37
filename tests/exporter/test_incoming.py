"""Requests: spans of kind SERVER and CONSUMER."""

from __future__ import annotations

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from appinsights_exporter.convert import spans
from appinsights_exporter.testing import KEY, span


def converted(attributes, *, name="work", kind=SpanKind.SERVER, status=StatusCode.UNSET, url_query="redact"):
    """Return baseData and tags of the request of a span."""
    (item,) = spans.envelopes(span(name, kind, attributes, status=status), instrumentation_key=KEY, context_tags={}, url_query=url_query)
    assert item["name"] == "Microsoft.ApplicationInsights.Request"
    assert item["data"]["baseType"] == "RequestData"
    return item["data"]["baseData"], item["tags"]


GET = {"http.request.method": "GET"}

FIELDS = {
    "no attributes": ({}, {"name": "work", "responseCode": "0", "success": True}),
    "http new": (
        {**GET, "http.route": "/a/{id}", "url.full": "https://h.com/a/1", "http.response.status_code": 200},
        {"name": "GET /a/{id}", "url": "https://h.com/a/1", "responseCode": "200", "success": True},
    ),
    "http old": (
        {"http.method": "GET", "http.route": "/a/{id}", "http.url": "https://h.com/a/1", "http.status_code": 200},
        {"name": "GET /a/{id}", "url": "https://h.com/a/1", "responseCode": "200", "success": True},
    ),
    "new wins over old": (
        {"http.request.method": "PUT", "http.method": "GET", "http.response.status_code": 201, "http.status_code": 500, "url.full": "http://n/x", "http.url": "http://o/y"},
        {"name": "PUT /x", "url": "http://n/x", "responseCode": "201", "success": True, "properties": {"http.method": "GET", "http.status_code": "500", "http.url": "http://o/y"}},
    ),
    "both say the same": (
        {"http.request.method": "GET", "http.method": "GET", "http.response.status_code": 200, "http.status_code": 200, "url.full": "http://n/x", "http.url": "http://n/x"},
        {"name": "GET /x", "url": "http://n/x", "responseCode": "200", "success": True},
    ),
    "route without URL": ({**GET, "http.route": "/r"}, {"name": "GET /r", "responseCode": "0", "success": True}),
    "path of the URL": ({**GET, "url.full": "https://h.com"}, {"name": "GET /", "url": "https://h.com", "responseCode": "0", "success": True}),
    "http without anything": (GET, {"name": "work", "responseCode": "0", "success": True, "properties": GET}),
    "code in text": ({**GET, "http.response.status_code": "404"}, {"name": "work", "responseCode": "404", "success": False, "properties": GET}),
    "code that is none (peer defect 4)": (
        {**GET, "http.response.status_code": [1, 2]},
        {"name": "work", "responseCode": "0", "success": True, "properties": {**GET, "http.response.status_code": "[1,2]"}},
    ),
    "code that is a word": (
        {**GET, "http.response.status_code": "many"},
        {"name": "work", "responseCode": "0", "success": True, "properties": {**GET, "http.response.status_code": "many"}},
    ),
    "rpc": (
        {"rpc.system": "grpc", "rpc.service": "S", "rpc.grpc.status_code": 5},
        {"name": "work", "responseCode": "5", "success": True, "properties": {"rpc.system": "grpc", "rpc.service": "S"}},
    ),
    "rpc, empty code": (
        {"rpc.system": "grpc", "rpc.grpc.status_code": ""},
        {"name": "work", "responseCode": "0", "success": True, "properties": {"rpc.system": "grpc"}},
    ),
    "what is not mapped stays (peer defect 26)": (
        {**GET, "http.route": "/r", "http.request.header.x": ("a",), "faas.name": "f", "error.type": "E", "code.function": "g", "thread.id": 7, "network.protocol.version": "1.1"},
        {
            "name": "GET /r",
            "responseCode": "0",
            "success": True,
            "properties": {"http.request.header.x": '["a"]', "faas.name": "f", "error.type": "E", "code.function": "g", "thread.id": "7", "network.protocol.version": "1.1"},
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("attributes", "fields"), FIELDS.values(), ids=FIELDS)
def test_fields(attributes, fields):
    """Each set of attributes gives exactly these fields."""
    made, tags = converted(attributes)
    assert made == {"ver": 2, "id": "1111111111111111", "duration": "0.00:00:01.235", **fields}
    assert tags["ai.operation.name"] == made["name"]


SUCCESS = {
    (StatusCode.UNSET, None): True,
    (StatusCode.OK, None): True,
    (StatusCode.ERROR, None): False,
    (StatusCode.UNSET, 200): True,
    (StatusCode.UNSET, 399): True,
    (StatusCode.UNSET, 400): False,
    (StatusCode.UNSET, 404): False,
    (StatusCode.UNSET, 500): False,
    (StatusCode.OK, 404): True,
    (StatusCode.OK, 500): True,
    (StatusCode.ERROR, 200): False,
    (StatusCode.ERROR, 500): False,
}


@pytest.mark.parametrize(("status", "code"), SUCCESS)
def test_success(status, code):
    """ERROR fails, OK succeeds, and from 400 on an UNSET span fails (peer defect 24)."""
    attributes = GET if code is None else {**GET, "http.response.status_code": code}
    assert converted(attributes, status=status)[0]["success"] is SUCCESS[status, code]


URLS = {
    "full": ({"url.full": "https://h.com:443/a?x=1#f"}, "https://h.com:443/a?x=1#f"),
    "credentials": ({"url.full": "https://u:p@h.com/a"}, "https://h.com/a"),
    "too long": ({"url.full": "https://h.com/" + "a" * 3000}, "https://h.com/" + "a" * 2034),
    "malformed port (peer defect 3)": ({"url.full": "http://h:99999/p"}, "http://h:99999/p"),
    "parts": ({"url.scheme": "https", "url.path": "/a", "url.query": "x=1", "server.address": "h.com", "server.port": 8443}, "https://h.com:8443/a?x=1"),
    "default port": ({"url.scheme": "https", "url.path": "/a", "server.address": "h.com", "server.port": 443}, "https://h.com/a"),
    "no port": ({"url.scheme": "http", "url.path": "/a", "server.address": "h.com"}, "http://h.com/a"),
    "old parts": ({"http.scheme": "http", "http.target": "/a?x=1", "http.host": "h.com:80"}, "http://h.com/a?x=1"),
    "server name": ({"http.scheme": "http", "http.target": "/a", "http.server_name": "sn", "net.host.port": 81}, "http://sn:81/a"),
    "server name without port": ({"http.scheme": "http", "http.target": "/a", "http.server_name": "sn"}, "http://sn/a"),
    "host name": ({"http.scheme": "http", "http.target": "/a", "net.host.name": "hn", "net.host.port": 80}, "http://hn/a"),
    "IPv6": ({"url.scheme": "http", "url.path": "/a", "server.address": "::1", "server.port": 81}, "http://[::1]:81/a"),
    "port in the address": ({"url.scheme": "http", "url.path": "/a", "server.address": "localhost:8080", "server.port": 5000}, "http://localhost:8080/a"),
    "default port in the address": ({"url.scheme": "https", "url.path": "/a", "server.address": "h.com:443", "server.port": 8443}, "https://h.com/a"),
    "port in the host name": ({"http.scheme": "http", "http.target": "/a", "net.host.name": "hn:8080", "net.host.port": 5000}, "http://hn:8080/a"),
    "IPv6 in brackets": ({"url.scheme": "http", "url.path": "/a", "server.address": "[::1]:8080", "server.port": 5000}, "http://[::1]:8080/a"),
    "IPv6 in the Host header": ({"http.scheme": "http", "http.target": "/a", "http.host": "[::1]:8080", "net.host.port": 5000}, "http://[::1]:8080/a"),
    "socket": ({"url.scheme": "http", "url.path": "/a", "server.address": "/run/app.sock", "server.port": 80}, None),
    "socket behind a proxy": ({"url.scheme": "http", "url.path": "/a", "server.address": "/run/app.sock", "http.host": "h.com"}, "http://h.com/a"),
    "socket in the URL": ({"http.url": "http:///run/app.sock:None/a", "http.scheme": "http", "http.target": "/a", "http.host": "h.com"}, "http://h.com/a"),
    "two ports": ({"http.url": "http://localhost:8080:5000/a", "net.host.port": 5000}, "http://localhost:8080/a"),
    "IPv6 without brackets in the URL": ({"http.url": "http://::1:8080/a", "net.host.port": 8080}, "http://[::1]:8080/a"),
    "no host": ({"http.scheme": "http", "http.target": "/a"}, None),
    "no scheme": ({"http.target": "/a", "http.host": "h"}, None),
    "no target": ({"http.scheme": "http", "http.host": "h"}, None),
}  # fmt: skip


@pytest.mark.parametrize(("attributes", "url"), URLS.values(), ids=URLS)
def test_url(attributes, url):
    """The URL from whatever attributes there are; absent rather than empty."""
    assert converted({**GET, **attributes})[0].get("url") == url


@pytest.mark.parametrize(
    ("attributes", "url"),
    [
        ({"url.full": "https://h.com/a?sig=1#f"}, "https://h.com/a?sig=1#f"),
        ({"url.scheme": "https", "url.path": "/a", "url.query": "sig=1", "server.address": "h.com"}, "https://h.com/a?sig=1"),
        ({"http.scheme": "http", "http.target": "/a?sig=1", "http.host": "h.com"}, "http://h.com/a?sig=1"),
    ],
)
def test_query_is_kept_when_asked_for(attributes, url):
    """With the setting on, the query stays in the URL and out of the name."""
    made, _ = converted({**GET, **attributes}, url_query="keep")
    assert made["url"] == url
    assert made["name"] == "GET /a"
    made, _ = converted({**GET, **attributes}, url_query="drop")
    assert made["url"] == "https://h.com/a" if "https" in url else "http://h.com/a"
    assert made["name"] == "GET /a"


@pytest.mark.parametrize(
    "attributes",
    [
        {"url.full": "https://h.com/a?token=s3cret"},
        {"url.full": "https://h.com/a?token=s3cret" + "&x=1" * 1000},
        {"url.full": "https://h.com/?" + "x" * 2030 + "&token=s3cret"},
        {"url.path": "/a", "url.query": "token=s3cret"},
        {"http.target": "/a?token=s3cret"},
        {"http.url": "https://h.com/a?token=s3cret", "http.target": "/a?token=s3cret", "url.query": "token=s3cret"},
        {"url.full": "https://h.com/b?token=s3cret", "http.url": "https://h.com/a?token=s3cret"},
        {"url.full": "https://u:s3cret@h.com/a", "http.url": "https://u:s3cret@h.com/a"},
    ],
)
@pytest.mark.parametrize("url_query", ["redact", "drop"])
@pytest.mark.parametrize("kind", [SpanKind.SERVER, SpanKind.CONSUMER])
def test_secrets_and_passwords_do_not_leave_as_properties(attributes, url_query, kind):
    """What is kept out of the URL is not exported beside it."""
    assert "s3cret" not in str(converted({**GET, **attributes}, url_query=url_query, kind=kind))


def test_parts_that_stand_in_the_url_are_no_properties():
    """Scheme, path, host and port of the URL are not repeated; others are."""
    made, _ = converted(
        {
            **GET,
            "url.full": "https://h.com/a",
            "url.scheme": "https",
            "url.path": "/a",
            "server.address": "h.com",
            "server.port": 443,
            "http.host": "proxy.test",
            "net.host.port": 8080,
        }
    )
    assert made["properties"] == {"http.host": "proxy.test", "net.host.port": "8080"}


SOURCES = {
    "new": ({"messaging.system": "kafka", "messaging.destination.name": "q", "server.address": "mq"}, "mq/q"),
    "old": ({"messaging.system": "kafka", "messaging.destination": "q", "net.peer.name": "mq"}, "mq/q"),
    "address": ({"messaging.system": "kafka", "messaging.destination": "q", "net.peer.ip": "10.0.0.1"}, "10.0.0.1/q"),
    "destination alone": ({"messaging.system": "kafka", "messaging.destination.name": "q"}, "q"),
    "source name": ({"messaging.system": "kafka", "messaging.source.name": "q"}, "q"),
    "host alone": ({"messaging.system": "kafka", "server.address": "mq"}, "mq"),
    "system": ({"messaging.system": "kafka"}, "kafka"),
    "azure": ({"az.namespace": "Microsoft.EventHub", "server.address": "ns", "messaging.destination.name": "hub"}, "ns/hub"),
    "azure old": ({"az.namespace": "Microsoft.EventHub", "peer.address": "ns", "message_bus.destination": "hub"}, "ns/hub"),
    "azure, host alone": ({"az.namespace": "Microsoft.EventHub", "peer.address": "ns"}, None),
    "port in the address": ({"messaging.system": "kafka", "messaging.destination.name": "q", "server.address": "mq:5672"}, "mq:5672/q"),
    "IPv6": ({"messaging.system": "kafka", "messaging.destination.name": "q", "net.peer.ip": "::1"}, "[::1]/q"),
    "socket": (
        {"messaging.system": "kafka", "messaging.destination.name": "q", "server.address": "/run/mq", "net.peer.name": "mq"},
        "mq/q",
    ),
    "azure, IPv6": ({"az.namespace": "Microsoft.EventHub", "server.address": "::1", "messaging.destination.name": "hub"}, "[::1]/hub"),
    "none": ({}, None),
}


@pytest.mark.parametrize(("attributes", "source"), SOURCES.values(), ids=SOURCES)
def test_source(attributes, source):
    """Where a message came from, old and new conventions (peer defect 22)."""
    made, _ = converted(attributes, kind=SpanKind.CONSUMER)
    assert made.get("source") == source
    assert made["name"] == "work"


LOCATIONS = {
    "client.address": ({"client.address": "203.0.113.9"}, "203.0.113.9", {}),
    "http.client_ip": ({"http.client_ip": "203.0.113.9"}, "203.0.113.9", {}),
    "net.peer.ip": ({"net.peer.ip": "::1"}, "::1", {}),
    "first": ({"client.address": "203.0.113.9", "net.peer.ip": "10.0.0.1"}, "203.0.113.9", {"net.peer.ip": "10.0.0.1"}),
    "socket": ({"client.address": "/var/run/x.sock"}, None, {"client.address": "/var/run/x.sock"}),
    "name": ({"client.address": "testclient"}, None, {"client.address": "testclient"}),
    "name of hex digits": ({"client.address": "cafe.de"}, None, {"client.address": "cafe.de"}),
    "number beyond an octet": ({"client.address": "203.0.113.256"}, None, {"client.address": "203.0.113.256"}),
    "name beside an address": ({"client.address": "testclient", "net.peer.ip": "10.0.0.1"}, "10.0.0.1", {"client.address": "testclient"}),
    "list": ({"client.address": "203.0.113.9, 10.0.0.1"}, "203.0.113.9", {"client.address": "203.0.113.9, 10.0.0.1"}),
    "list that begins with no address": (
        {"http.client_ip": "unknown, 203.0.113.9,10.0.0.1"},
        "203.0.113.9",
        {"http.client_ip": "unknown, 203.0.113.9,10.0.0.1"},
    ),
    "list without an address": ({"http.client_ip": "unknown,_hidden"}, None, {"http.client_ip": "unknown,_hidden"}),
    "port": ({"client.address": "203.0.113.9:54321"}, "203.0.113.9", {"client.address": "203.0.113.9:54321"}),
    "list with ports": (
        {"client.address": "203.0.113.9:54321, 10.0.0.1:80"},
        "203.0.113.9",
        {"client.address": "203.0.113.9:54321, 10.0.0.1:80"},
    ),
    "IPv6": ({"client.address": "2001:db8::7"}, "2001:db8::7", {}),
    "IPv6 with port": ({"client.address": "[2001:db8::7]:54321"}, "2001:db8::7", {"client.address": "[2001:db8::7]:54321"}),
    "IPv6 in brackets": ({"client.address": "[2001:db8::7]"}, "2001:db8::7", {"client.address": "[2001:db8::7]"}),
    "IPv6 with a zone": ({"client.address": "fe80::1%eth0"}, "fe80::1", {"client.address": "fe80::1%eth0"}),
    "colons alone": ({"client.address": "a:b:c"}, None, {"client.address": "a:b:c"}),
}


@pytest.mark.parametrize(("attributes", "address", "properties"), LOCATIONS.values(), ids=LOCATIONS)
def test_location(attributes, address, properties):
    """The caller's address, if it is one."""
    made, tags = converted(attributes)
    assert tags.get("ai.location.ip") == address
    assert made.get("properties", {}) == properties


def test_names_are_cut():
    """Name, code, source and URL keep the limits of the wire."""
    made, tags = converted({**GET, "http.route": "/" + "r" * 2000, "http.response.status_code": 10**60})
    assert len(made["name"]) == len(tags["ai.operation.name"]) == 1024
    made, _ = converted({"messaging.system": "k", "messaging.destination.name": "q" * 2000}, name="n" * 2000)
    assert (len(made["name"]), len(made["source"])) == (1024, 1024)


def test_own_operation_name():
    """An operation name that the program chose goes to the tag and leaves the item's name alone."""
    made, tags = converted({"ai.operation.name": "Checkout"})
    assert (made["name"], tags["ai.operation.name"]) == ("work", "Checkout")
    assert "properties" not in made
