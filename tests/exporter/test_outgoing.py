"""Dependencies: spans of kind CLIENT, PRODUCER and INTERNAL."""

from __future__ import annotations

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from appinsights_exporter.convert import spans
from appinsights_exporter.convert.outgoing import SQL_SYSTEMS
from appinsights_exporter.testing import KEY, span

CLIENT, PRODUCER, INTERNAL = SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.INTERNAL
GET = {"http.request.method": "GET"}


def converted(kind, attributes, *, status=StatusCode.UNSET, url_query="redact"):
    """Return baseData and tags of the dependency of a span."""
    (item,) = spans.envelopes(span("work", kind, attributes, status=status), instrumentation_key=KEY, context_tags={}, url_query=url_query)
    assert item["name"] == "Microsoft.ApplicationInsights.RemoteDependency"
    assert item["data"]["baseType"] == "RemoteDependencyData"
    return item["data"]["baseData"], item["tags"]


FIELDS = {
    "client": (CLIENT, {}, {"type": "N/A"}),
    "client with peer": (CLIENT, {"server.address": "h", "server.port": 1}, {"type": "N/A", "target": "h:1"}),
    "internal": (INTERNAL, {}, {"type": "InProc"}),
    "internal with http attributes": (INTERNAL, GET, {"type": "InProc", "properties": GET}),
    "internal azure": (INTERNAL, {"az.namespace": "Microsoft.Storage"}, {"type": "InProc | Microsoft.Storage", "properties": {"az.namespace": "Microsoft.Storage"}}),
    "internal gen_ai": (INTERNAL, {"gen_ai.system": "openai"}, {"type": "GenAI | openai", "properties": {"gen_ai.system": "openai"}}),
    "producer": (PRODUCER, {}, {"type": "Queue Message"}),
    "producer with system": (PRODUCER, {"messaging.system": "kafka", "messaging.destination.name": "q", "server.address": "mq"}, {"type": "Queue Message | kafka", "target": "mq/q"}),
    "producer, system alone": (PRODUCER, {"messaging.system": "kafka"}, {"type": "Queue Message | kafka", "target": "kafka"}),
    "producer azure": (
        PRODUCER,
        {"az.namespace": "Microsoft.EventHub", "net.peer.name": "ns", "message_bus.destination": "hub"},
        {"type": "Queue Message | Microsoft.EventHub", "target": "ns/hub", "properties": {"az.namespace": "Microsoft.EventHub", "message_bus.destination": "hub"}},
    ),
    "http new": (
        CLIENT,
        {**GET, "url.full": "https://h.com/p?q=1", "server.address": "h.com", "server.port": 443, "http.response.status_code": 200},
        {"type": "HTTP", "name": "GET /p", "data": "https://h.com/p?q=1", "target": "h.com", "resultCode": "200"},
    ),
    "http old": (
        CLIENT,
        {"http.method": "GET", "http.url": "https://h.com/p?q=1", "http.status_code": 200},
        {"type": "HTTP", "name": "GET /p", "data": "https://h.com/p?q=1", "target": "h.com", "resultCode": "200"},
    ),
    "http put together": (
        CLIENT,
        {"http.method": "GET", "http.scheme": "http", "http.target": "/p", "net.peer.name": "h", "net.peer.port": 81},
        {"type": "HTTP", "name": "GET /p", "data": "http://h:81/p", "target": "h:81"},
    ),
    "http from new parts": (
        CLIENT,
        {**GET, "url.scheme": "https", "url.path": "/p", "server.address": "h.com", "server.port": 8443},
        {"type": "HTTP", "name": "GET /p", "data": "https://h.com:8443/p", "target": "h.com:8443"},
    ),
    "http IPv6 of OpenCensus's": (
        CLIENT,
        {"http.method": "GET", "http.url": "http://[::1]:8080/p", "http.host": "::1:8080"},
        {"type": "HTTP", "name": "GET /p", "data": "http://[::1]:8080/p", "target": "[::1]:8080"},
    ),
    "http without URL": (CLIENT, {**GET, "server.address": "h.com"}, {"type": "HTTP", "name": "GET /", "target": "h.com"}),
    "http template stays": (CLIENT, {**GET, "url.template": "/p/{x}", "http.route": "/p"}, {"type": "HTTP", "name": "GET /", "properties": {"url.template": "/p/{x}", "http.route": "/p"}}),
    "db new": (
        CLIENT,
        {"db.system.name": "postgresql", "db.query.text": "SELECT 1", "server.address": "pg", "server.port": 5433, "db.namespace": "orders", "db.collection.name": "o"},
        {"type": "postgresql", "data": "SELECT 1", "target": "pg:5433|orders", "properties": {"db.collection.name": "o"}},
    ),
    "db old": (
        CLIENT,
        {"db.system": "mysql", "db.statement": "SELECT 1", "net.peer.name": "my", "net.peer.port": 3306, "db.name": "orders"},
        {"type": "mysql", "data": "SELECT 1", "target": "my|orders"},
    ),
    "db operation": (CLIENT, {"db.system": "redis", "db.operation.name": "GET"}, {"type": "redis", "data": "GET", "target": "redis"}),
    "db old operation": (CLIENT, {"db.system": "mongodb", "db.operation": "find", "db.name": "d"}, {"type": "mongodb", "data": "find", "target": "d"}),
    "db sql": (CLIENT, {"db.system": "sqlite"}, {"type": "SQL", "target": "sqlite", "properties": {"db.system": "sqlite"}}),
    "db other": (CLIENT, {"db.system": "cassandra", "server.address": "c", "server.port": 9042}, {"type": "cassandra", "target": "c"}),
    "messaging": (CLIENT, {"messaging.system": "rabbitmq", "messaging.destination.name": "q", "server.address": "mq", "messaging.operation": "get"}, {"type": "rabbitmq", "target": "mq/q", "properties": {"messaging.operation": "get"}}),
    "rpc": (
        CLIENT,
        {"rpc.system": "grpc", "rpc.service": "pkg.S", "rpc.method": "M", "rpc.grpc.status_code": 0, "server.address": "g", "server.port": 50051},
        {"type": "grpc", "data": "pkg.S/M", "target": "g:50051", "resultCode": "0"},
    ),
    "rpc failed": (CLIENT, {"rpc.system": "grpc", "rpc.grpc.status_code": 14}, {"type": "grpc", "target": "grpc", "resultCode": "14"}),
    "rpc newest names": (CLIENT, {"rpc.system.name": "grpc", "rpc.method": "pkg.S/M", "rpc.response.status_code": "NOT_FOUND"}, {"type": "grpc", "data": "pkg.S/M", "target": "grpc", "resultCode": "NOT_FOUND"}),
    "gen_ai": (CLIENT, {"gen_ai.system": "openai"}, {"type": "GenAI | openai", "target": "openai", "properties": {"gen_ai.system": "openai"}}),
    "gen_ai provider (peer defect 22)": (CLIENT, {"gen_ai.provider.name": "openai"}, {"type": "GenAI | openai", "target": "openai", "properties": {"gen_ai.provider.name": "openai"}}),
    "gen_ai over http": (
        CLIENT,
        {**GET, "url.full": "https://h/p", "gen_ai.system": "openai"},
        {"type": "GenAI | openai", "name": "GET /p", "data": "https://h/p", "target": "h", "properties": {"gen_ai.system": "openai"}},
    ),
    "azure messaging": (
        CLIENT,
        {"az.namespace": "Microsoft.EventHub", "server.address": "ns", "net.peer.name": "ns", "messaging.destination.name": "hub"},
        {"type": "Microsoft.EventHub", "target": "ns/hub", "properties": {"az.namespace": "Microsoft.EventHub"}},
    ),
    "azure over http": (
        CLIENT,
        {"az.namespace": "Microsoft.Storage", "http.method": "PUT", "http.url": "https://a.blob.test/c", "http.status_code": 201},
        {"type": "Microsoft.Storage", "name": "PUT /c", "data": "https://a.blob.test/c", "target": "a.blob.test", "resultCode": "201", "properties": {"az.namespace": "Microsoft.Storage"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "attributes", "fields"), FIELDS.values(), ids=FIELDS)
def test_fields(kind, attributes, fields):
    """Each kind and set of attributes gives exactly these fields (peer defects 19, 21, 22)."""
    made, tags = converted(kind, attributes)
    common = {"ver": 2, "id": "1111111111111111", "duration": "0.00:00:01.235", "name": "work", "resultCode": "0", "success": True}
    assert made == {**common, **fields}
    assert "ai.operation.name" not in tags


@pytest.mark.parametrize("system", sorted(SQL_SYSTEMS))
def test_sql_systems(system):
    """These databases are shown as SQL, under either attribute."""
    for key in ("db.system", "db.system.name"):
        assert converted(CLIENT, {key: system})[0]["type"] == "SQL"


HTTP_TARGETS = {
    "no port (peer defect 20)": ({"server.address": "h.com"}, "h.com"),
    "default port without scheme": ({"server.address": "h.com", "server.port": 443, "url.full": "https://h.com/"}, "h.com"),
    "default port": ({"server.address": "h.com", "server.port": 80, "url.scheme": "http"}, "h.com"),
    "other port": ({"server.address": "h.com", "server.port": 81, "url.scheme": "http"}, "h.com:81"),
    "service first": ({"peer.service": "stock", "server.address": "h.com"}, "stock"),
    "host header": ({"http.host": "h.com:443", "http.scheme": "https"}, "h.com"),
    "host header with credentials": ({"http.host": "u:p@h.com"}, "h.com"),
    "URL": ({"http.url": "http://h.com:8080/p"}, "h.com:8080"),
    "URL with default port": ({"http.url": "https://h.com:443/p"}, "h.com"),
    "URL with credentials": ({"http.url": "https://u:pw@h.com/p"}, "h.com"),
    "URL with malformed port (peer defect 3)": ({"http.url": "http://h:abc/p"}, "h"),
    "old peer": ({"net.peer.name": "h.com", "net.peer.port": 80, "http.scheme": "http"}, "h.com"),
    "peer address": ({"net.peer.ip": "10.0.0.1", "net.peer.port": 81}, "10.0.0.1:81"),
    "IPv6": ({"server.address": "::1", "server.port": 81}, "[::1]:81"),
    "port in the address": ({"server.address": "localhost:8080", "server.port": 5000, "url.scheme": "http"}, "localhost:8080"),
    "default port in the address": ({"server.address": "h.com:443", "server.port": 8443, "url.scheme": "https"}, "h.com"),
    "port in the peer's name": ({"net.peer.name": "h.com:81", "net.peer.port": 82}, "h.com:81"),
    "IPv6 in the host header": ({"http.host": "[::1]:8080", "http.scheme": "http"}, "[::1]:8080"),
    "socket": ({"server.address": "/run/docker.sock", "url.full": "http://localhost/info"}, "localhost"),
    "socket in the URL": ({"url.full": "http+unix://%2Frun%2Fdocker.sock/info"}, None),
    "two ports in the URL": ({"url.full": "http://h:8080:5000/p"}, "h:8080"),
    "nothing": ({}, None),
}


@pytest.mark.parametrize(("attributes", "target"), HTTP_TARGETS.values(), ids=HTTP_TARGETS)
def test_http_target(attributes, target):
    """Host, with its port unless that is the scheme's; never None in text, never a password."""
    made, _ = converted(CLIENT, {**GET, **attributes})
    assert made.get("target") == target
    assert "pw" not in str(made)


PEERS = {
    "service": ({"peer.service": "s", "server.address": "h"}, "s"),
    "new": ({"server.address": "h"}, "h"),
    "new with port": ({"server.address": "h", "server.port": 1}, "h:1"),
    "old": ({"net.peer.name": "h", "net.peer.port": "1"}, "h:1"),
    "new address": ({"network.peer.address": "10.0.0.1", "network.peer.port": 1}, "10.0.0.1:1"),
    "old address": ({"net.peer.ip": "10.0.0.1"}, "10.0.0.1"),
    "older address": ({"net.sock.peer.addr": "10.0.0.1"}, "10.0.0.1"),
    "port without host": ({"net.peer.port": 80}, None),
    "port in the address": ({"server.address": "h:1", "server.port": 2}, "h:1"),
    "port in the old name": ({"net.peer.name": "h:1", "net.peer.port": 2}, "h:1"),
    "IPv6 in the older address": ({"net.sock.peer.addr": "::1", "net.sock.peer.port": 1}, "[::1]:1"),
    "IPv6 in brackets": ({"network.peer.address": "[::1]:1"}, "[::1]:1"),
    "socket": ({"server.address": "/run/x.sock"}, None),
    "socket beside an address": ({"net.peer.name": "/run/x.sock", "network.peer.address": "10.0.0.1"}, "10.0.0.1"),
}


@pytest.mark.parametrize(("attributes", "target"), PEERS.values(), ids=PEERS)
@pytest.mark.parametrize("kind", [CLIENT, INTERNAL])
def test_peer(kind, attributes, target):
    """The peer of any outgoing span, old and new conventions (peer defect 22)."""
    assert converted(kind, attributes)[0].get("target") == target


DB_TARGETS = {
    "server and name": ({"server.address": "h", "db.namespace": "d"}, "h|d"),
    "server": ({"server.address": "h"}, "h"),
    "name": ({"db.name": "d"}, "d"),
    "neither": ({}, "oracle"),
    "default port": ({"server.address": "h", "server.port": 1521, "db.name": "d"}, "h|d"),
    "other port": ({"net.peer.name": "h", "net.peer.port": 1522}, "h:1522"),
    "port in the address": ({"server.address": "h:1522", "server.port": 1521, "db.name": "d"}, "h:1522|d"),
    "default port in the address": ({"net.peer.name": "h:1521"}, "h"),
    "IPv6": ({"net.peer.name": "::1", "net.peer.port": 1522}, "[::1]:1522"),
    "socket": ({"net.peer.name": "/run/db", "db.name": "d"}, "d"),
}


@pytest.mark.parametrize(("attributes", "target"), DB_TARGETS.values(), ids=DB_TARGETS)
def test_db_target(attributes, target):
    """Server and database, or whichever there is."""
    assert converted(CLIENT, {"db.system": "oracle", **attributes})[0]["target"] == target


@pytest.mark.parametrize(
    ("status", "code", "success"),
    [
        (StatusCode.UNSET, 200, True),
        (StatusCode.UNSET, 404, False),
        (StatusCode.UNSET, 500, False),
        (StatusCode.OK, 500, True),
        (StatusCode.ERROR, 200, False),
        (StatusCode.UNSET, None, True),
        (StatusCode.ERROR, None, False),
    ],
)
def test_success(status, code, success):
    """HTTP codes count: a 404 or 500 with status UNSET is a failure (peer defect 24)."""
    attributes = GET if code is None else {**GET, "http.response.status_code": code}
    assert converted(CLIENT, attributes, status=status)[0]["success"] is success


def test_query():
    """The query of the URL is exported without secrets, whole, or not at all; never as part of the name."""
    attributes = {**GET, "url.full": "https://u:p@h.com/p?q=1&sig=x"}
    made = {asked: converted(CLIENT, attributes, url_query=asked)[0] for asked in ("redact", "keep", "drop")}
    assert {asked: fields["data"] for asked, fields in made.items()} == {
        "redact": "https://h.com/p?q=1&sig=REDACTED",
        "keep": "https://h.com/p?q=1&sig=x",
        "drop": "https://h.com/p",
    }
    assert {fields["name"] for fields in made.values()} == {"GET /p"}


@pytest.mark.parametrize(
    "attributes", [{"url.full": "http://h/p?sig=s3cret"}, {"url.query": "sig=s3cret"}, {"http.target": "/p?sig=s3cret"}]
)
@pytest.mark.parametrize("kind", [CLIENT, PRODUCER, INTERNAL])
@pytest.mark.parametrize("url_query", ["redact", "drop"])
def test_secrets_do_not_leave_as_properties(kind, attributes, url_query):
    """URLs that are no field of the item lose their secrets, too."""
    for others in ({}, {"db.system": "elasticsearch"}, {"az.namespace": "Microsoft.Storage"}):
        made, _ = converted(kind, {**attributes, **others}, url_query=url_query)
        assert "s3cret" not in str(made)
        assert ("REDACTED" in str(made)) is (url_query == "redact")


def test_another_port_than_that_in_the_address_stays():
    """A port that is not in the target is a property."""
    made, _ = converted(CLIENT, {"server.address": "h:1", "server.port": 2})
    assert made["properties"] == {"server.port": "2"}


def test_a_socket_stays_a_property():
    """The path of a socket is no target, and not lost for that."""
    made, _ = converted(CLIENT, {"db.system": "redis", "net.peer.name": "/run/redis.sock"})
    assert (made["target"], made["properties"]) == ("redis", {"net.peer.name": "/run/redis.sock"})


def test_operation_name_is_the_requests():
    """The tag carries the request's name if it is known and never the dependency's own (peer defect 23)."""
    made, tags = converted(CLIENT, {"ai.operation.name": "GET /orders"})
    assert (made["name"], tags["ai.operation.name"]) == ("work", "GET /orders")
    assert "properties" not in made


def test_fields_are_cut():
    """Data, target, type and result code keep the limits of the wire."""
    made, _ = converted(CLIENT, {"db.system": "x" * 2000, "db.statement": "s" * 9000, "db.name": "d" * 2000})
    assert (len(made["data"]), len(made["target"]), len(made["type"])) == (8192, 1024, 1024)
    made, _ = converted(CLIENT, {"rpc.system": "grpc", "rpc.grpc.status_code": "c" * 2000})
    assert len(made["resultCode"]) == 1024


@pytest.mark.parametrize("kind", [CLIENT, PRODUCER, INTERNAL])
def test_empty_name(kind):
    """A dependency without a name gets one, because the service refuses it otherwise."""
    for name in ("", " \n"):
        (item,) = spans.envelopes(span(name, kind), instrumentation_key=KEY, context_tags={})
        assert item["data"]["baseData"]["name"] == "n/a"
