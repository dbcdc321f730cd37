"""Outgoing and inner work: spans of kind CLIENT, PRODUCER and INTERNAL become dependencies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind, StatusCode

from . import http, peers
from .limits import MAX_DATA, MAX_NAME, MAX_TARGET, MAX_TYPE, text
from .status import NO_CODE, http_code, rpc_code, success
from .urls import DEFAULT_PORTS, host_and_port, split, without_default_port

if TYPE_CHECKING:
    from collections.abc import Callable

SQL_SYSTEMS = frozenset(
    {
        "mssql",
        "microsoft.sql_server",
        "oracle",
        "oracle.db",
        "db2",
        "ibm.db2",
        "derby",
        "mariadb",
        "sqlite",
        "other_sql",
        "hsqldb",
        "h2",
        "h2database",
    }
)
"""Database systems that are shown as ``SQL``; others keep their own name. Source: specification section 4.6.3."""


def dependency(
    fields: dict[str, Any], attributes: dict[str, Any], kind: SpanKind, span_name: str, status: StatusCode, *, keep_query: bool
) -> None:
    """Fill in what a dependency says beyond id and duration.

    Args:
        fields: The item's ``baseData``; changed.
        attributes: Of the span; what stands in a field is taken out.
        kind: CLIENT, PRODUCER or INTERNAL.
        span_name: Name when nothing better is known.
        status: The span's status.
        keep_query: Whether URLs keep their query.
    Source: specification sections 4.4 to 4.6.
    """
    fields["name"] = span_name[:MAX_NAME]
    fields["resultCode"] = NO_CODE
    fields["success"] = success(status, None)
    _BY_KIND[kind](fields, attributes, status, keep_query)
    target = fields.get("target")
    if target is not None:
        if target:
            fields["target"] = target[:MAX_TARGET]
        else:
            del fields["target"]
    fields["type"] = fields["type"][:MAX_TYPE]


def _client(fields: dict[str, Any], attributes: dict[str, Any], status: StatusCode, keep_query: bool) -> None:
    system = _gen_ai_system(attributes)
    if "az.namespace" in attributes:
        fields["type"] = text(attributes["az.namespace"])
        target = peers.azure(attributes)
        if http.is_http(attributes):
            _http(fields, attributes, status, keep_query)
            fields["type"] = text(attributes["az.namespace"])
        fields["target"] = target or fields.get("target") or peers.peer(attributes)
    elif http.is_http(attributes):
        _http(fields, attributes, status, keep_query)
    elif "db.system.name" in attributes or "db.system" in attributes:
        _database(fields, attributes)
    elif "messaging.system" in attributes:
        system_name = text(attributes.pop("messaging.system"))
        fields["type"] = system_name
        fields["target"] = peers.messaging(attributes, system_name)
    elif "rpc.system" in attributes or "rpc.system.name" in attributes:
        _rpc(fields, attributes)
    elif system:
        fields["target"] = peers.peer(attributes) or system
    else:
        fields["type"] = "N/A"
        fields["target"] = peers.peer(attributes)
    if system:
        fields["type"] = f"GenAI | {system}"


def _producer(fields: dict[str, Any], attributes: dict[str, Any], status: StatusCode, keep_query: bool) -> None:
    if "az.namespace" in attributes:
        fields["type"] = f"Queue Message | {text(attributes['az.namespace'])}"
        fields["target"] = peers.azure(attributes) or peers.messaging(attributes, "")
        return
    system = text(peers.take(attributes, "messaging.system") or "")
    fields["type"] = f"Queue Message | {system}" if system else "Queue Message"
    fields["target"] = peers.messaging(attributes, "") or peers.peer(attributes) or system


def _internal(fields: dict[str, Any], attributes: dict[str, Any], status: StatusCode, keep_query: bool) -> None:
    system = _gen_ai_system(attributes)
    if system:
        fields["type"] = f"GenAI | {system}"
    elif "az.namespace" in attributes:
        fields["type"] = f"InProc | {text(attributes['az.namespace'])}"
    else:
        fields["type"] = "InProc"
    fields["target"] = peers.peer(attributes)


_BY_KIND: dict[SpanKind, Callable[[dict[str, Any], dict[str, Any], StatusCode, bool], None]] = {
    SpanKind.CLIENT: _client,
    SpanKind.PRODUCER: _producer,
    SpanKind.INTERNAL: _internal,
}


def _http(fields: dict[str, Any], attributes: dict[str, Any], status: StatusCode, keep_query: bool) -> None:
    fields["type"] = "HTTP"
    fields["resultCode"], code = http_code(attributes)
    fields["success"] = success(status, code)
    service = peers.take(attributes, "peer.service")
    # Host and scheme are looked at before the URL takes them out of the attributes.
    url_scheme = attributes.get("url.scheme") or attributes.get("http.scheme")
    address, port, host_header = attributes.get("server.address"), attributes.get("server.port"), attributes.get("http.host")
    full_url = http.url(attributes, http.CLIENT_HOSTS, keep_query=keep_query)
    if full_url:
        fields["data"] = full_url[:MAX_DATA]
    url_scheme_in_url, authority, _ = split(full_url)
    default_port = DEFAULT_PORTS.get(text(url_scheme or url_scheme_in_url).lower())
    method = text(peers.take(attributes, "http.request.method", "http.method") or "")
    fields["name"] = http.item_name(method, None, full_url or "/", fields["name"])[:MAX_NAME]
    if service is not None:
        fields["target"] = text(service)
    elif address:
        attributes.pop("server.address", None)
        attributes.pop("server.port", None)
        named = {"server.address": address} if port is None else {"server.address": address, "server.port": port}
        fields["target"] = peers.host(named, default_port)
    elif host_header:
        attributes.pop("http.host", None)
        fields["target"] = without_default_port(host_and_port(text(host_header)), default_port)
    elif authority:
        fields["target"] = without_default_port(authority, default_port)
    else:
        fields["target"] = peers.peer(attributes, default_port)


def _database(fields: dict[str, Any], attributes: dict[str, Any]) -> None:
    system = text(attributes.get("db.system.name") or attributes.get("db.system") or "")
    if system in SQL_SYSTEMS:
        # The field says SQL, so which one it was stays a property.
        fields["type"] = "SQL"
    else:
        fields["type"] = system or "N/A"
        peers.take(attributes, "db.system.name", "db.system")
    statement = peers.take(attributes, "db.query.text", "db.statement")
    if statement is None:
        statement = peers.take(attributes, "db.operation.name", "db.operation")
    if statement is not None:
        fields["data"] = text(statement)[:MAX_DATA]
    server = peers.peer(attributes, peers.DATABASE_PORTS.get(system))
    name = peers.take(attributes, "db.namespace", "db.name")
    fields["target"] = "|".join(part for part in (server, "" if name is None else text(name)) if part) or system


def _rpc(fields: dict[str, Any], attributes: dict[str, Any]) -> None:
    system = text(peers.take(attributes, "rpc.system.name", "rpc.system") or "")
    fields["type"] = system or "N/A"
    fields["resultCode"] = rpc_code(attributes)
    called = [text(part) for part in (peers.take(attributes, "rpc.service"), peers.take(attributes, "rpc.method")) if part is not None]
    if called:
        fields["data"] = "/".join(called)[:MAX_DATA]
    fields["target"] = peers.peer(attributes) or system


def _gen_ai_system(attributes: dict[str, Any]) -> str:
    """Return the provider of a generative AI span or ``""``; it stays a property, as all ``gen_ai.*`` do."""
    return text(attributes.get("gen_ai.provider.name") or attributes.get("gen_ai.system") or "")
