"""Outgoing and inner work: spans of kind CLIENT, PRODUCER and INTERNAL become dependencies."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import SpanKind, StatusCode

from . import http, peers
from .limits import MAX_DATA, MAX_NAME, MAX_TARGET, MAX_TYPE, NO_NAME, text
from .status import http_code, rpc_code, success
from .urls import DEFAULT_PORTS, authority, split

# Compared by identity: hashing an enumeration's member is slow.
_CLIENT, _PRODUCER, _ERROR = SpanKind.CLIENT, SpanKind.PRODUCER, StatusCode.ERROR

_NO_BRACKETS = {ord("["): None, ord("]"): None}
_GEN_AI_KEYS = frozenset({"gen_ai.provider.name", "gen_ai.system"})
_INTERNAL_KEYS = _GEN_AI_KEYS | {"az.namespace"} | peers.PEER_KEYS | http.QUERY_KEYS

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
    fields: dict[str, object], attributes: dict[str, object], kind: SpanKind, span_name: str, status: StatusCode, url_query: str
) -> None:
    """Fill in what a dependency says beyond id and duration.

    Args:
        fields: The item's ``baseData``; changed.
        attributes: Of the span; what stands in a field is taken out.
        kind: CLIENT, PRODUCER or INTERNAL.
        span_name: Name when nothing better is known.
        status: The span's status.
        url_query: What becomes of the query of URLs.
    Source: specification sections 4.4 to 4.6.
    """
    name = span_name[:MAX_NAME]
    fields["name"] = NO_NAME if not name or name.isspace() else name
    fields["success"] = status is not _ERROR
    if kind is _CLIENT:
        _client(fields, attributes, status, url_query)
    elif kind is _PRODUCER:
        _producer(fields, attributes)
        http.hide_query(attributes, url_query)
    elif _INTERNAL_KEYS.isdisjoint(attributes):
        # Most of what a program does inside itself; nothing below has anything to do for it.
        fields["type"] = "InProc"
        return
    else:
        _internal(fields, attributes)
        http.hide_query(attributes, url_query)
    if "target" in fields:
        target: Any = fields["target"]
        if not target:
            del fields["target"]
        elif len(target) > MAX_TARGET:
            fields["target"] = target[:MAX_TARGET]
    shown: Any = fields["type"]
    if len(shown) > MAX_TYPE:
        fields["type"] = shown[:MAX_TYPE]


def _client(fields: dict[str, object], attributes: dict[str, object], status: StatusCode, url_query: str) -> None:
    system = _gen_ai_system(attributes) if "gen_ai.provider.name" in attributes or "gen_ai.system" in attributes else ""
    web = http.is_http(attributes)
    # Asked one by one, which is three times as fast as one question about the set.
    if not web and ("url.full" in attributes or "http.url" in attributes or "url.query" in attributes or "http.target" in attributes):
        http.hide_query(attributes, url_query)
    if "az.namespace" in attributes:
        fields["type"] = text(attributes["az.namespace"])
        target = peers.azure(attributes)
        if web:
            _http(fields, attributes, status, url_query)
            fields["type"] = text(attributes["az.namespace"])
        fields["target"] = target or fields.get("target") or peers.peer(attributes)
    elif web:
        _http(fields, attributes, status, url_query)
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


def _producer(fields: dict[str, object], attributes: dict[str, object]) -> None:
    if "az.namespace" in attributes:
        fields["type"] = f"Queue Message | {text(attributes['az.namespace'])}"
        fields["target"] = peers.azure(attributes) or peers.messaging(attributes, "")
        return
    system = text(peers.take(attributes, "messaging.system") or "")
    fields["type"] = f"Queue Message | {system}" if system else "Queue Message"
    fields["target"] = peers.messaging(attributes, "") or peers.peer(attributes) or system


def _internal(fields: dict[str, object], attributes: dict[str, object]) -> None:
    system = _gen_ai_system(attributes)
    if system:
        fields["type"] = f"GenAI | {system}"
    elif "az.namespace" in attributes:
        fields["type"] = f"InProc | {text(attributes['az.namespace'])}"
    else:
        fields["type"] = "InProc"
    fields["target"] = peers.peer(attributes)


def _http(fields: dict[str, object], attributes: dict[str, object], status: StatusCode, url_query: str) -> None:
    fields["type"] = "HTTP"
    code_text, code = http_code(attributes)
    if code is not None:
        fields["resultCode"] = code_text
        fields["success"] = success(status, code)
    # Looked at before the URL takes them out of the attributes.
    given_scheme = attributes.get("url.scheme") or attributes.get("http.scheme")
    address, host_header = attributes.get("server.address"), attributes.get("http.host")
    port = attributes.get("server.port") if address else None
    full_url = http.url(attributes, http.CLIENT_HOSTS, url_query)
    url_scheme, of_url, path = split(full_url)
    if full_url:
        fields["data"] = full_url
    method = peers.take(attributes, "http.request.method", "http.method")
    if type(method) is not str:
        method = "" if method is None else text(method)
    fields["name"] = f"{method} {path or '/'}"[:MAX_NAME]
    if of_url and not address and not host_header and ":" not in of_url and "%" not in of_url and "peer.service" not in attributes:
        # What most calls have.
        fields["target"] = of_url
        return
    default_port = DEFAULT_PORTS.get(text(given_scheme).lower() if given_scheme else url_scheme)
    if "peer.service" in attributes:
        fields["target"] = text(attributes.pop("peer.service"))
    elif address and (target := authority(text(address), "" if port is None else text(port), default_port)):
        attributes.pop("server.address", None)
        attributes.pop("server.port", None)
        fields["target"] = target
    elif host_header and (target := authority(_in_brackets(text(host_header), of_url), "", default_port)):
        attributes.pop("http.host", None)
        fields["target"] = target
    elif of_url and (target := authority(of_url, "", default_port)):
        fields["target"] = target
    else:
        fields["target"] = peers.peer(attributes, default_port)


def _in_brackets(host_header: str, of_url: str) -> str:
    """Return an address as the URL has it, where only the brackets of IPv6 are missing: nobody could tell its port from its last part."""
    return of_url if of_url.startswith("[") and of_url.translate(_NO_BRACKETS) == host_header else host_header


def _database(fields: dict[str, object], attributes: dict[str, object]) -> None:
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
        fields["data"] = (statement if type(statement) is str else text(statement))[:MAX_DATA]
    server = peers.peer(attributes, peers.DATABASE_PORTS.get(system))
    name = peers.take(attributes, "db.namespace", "db.name")
    if type(name) is not str:
        name = "" if name is None else text(name)
    fields["target"] = f"{server}|{name}" if server and name else server or name or system


def _rpc(fields: dict[str, object], attributes: dict[str, object]) -> None:
    system = text(peers.take(attributes, "rpc.system.name", "rpc.system") or "")
    fields["type"] = system or "N/A"
    fields["resultCode"] = rpc_code(attributes)
    called = [text(part) for part in (peers.take(attributes, "rpc.service"), peers.take(attributes, "rpc.method")) if part is not None]
    if called:
        fields["data"] = "/".join(called)[:MAX_DATA]
    fields["target"] = peers.peer(attributes) or system


def _gen_ai_system(attributes: dict[str, object]) -> str:
    """Return the provider of a generative AI span or ``""``; it stays a property, as all ``gen_ai.*`` do."""
    system = attributes.get("gen_ai.provider.name") or attributes.get("gen_ai.system")
    return text(system) if system else ""
