"""Who was called, or who called: hosts, ports, queues and databases among a span's attributes, old and new conventions alike.

Functions here take what they use out of the attributes: a value that stands in a field of the item need not be a property as well.
"""

from __future__ import annotations

from .limits import text
from .urls import authority

DATABASE_PORTS = {
    "postgresql": "5432",
    "cassandra": "9042",
    "mariadb": "3306",
    "mysql": "3306",
    "mssql": "1433",
    "microsoft.sql_server": "1433",
    "memcached": "11211",
    "db2": "50000",
    "ibm.db2": "50000",
    "oracle": "1521",
    "oracle.db": "1521",
    "h2": "8082",
    "h2database": "8082",
    "derby": "1527",
    "redis": "6379",
}
"""Database system to its default port. Source: specification section 4.6.4."""

_HOST_AND_PORT = (("server.address", "server.port"), ("net.peer.name", "net.peer.port"))
_ADDRESS_AND_PORT = (
    ("network.peer.address", "network.peer.port"),
    ("net.peer.ip", "net.peer.port"),
    ("net.sock.peer.addr", "net.sock.peer.port"),
)
_MESSAGING_HOSTS = ("server.address", "net.peer.name", "net.peer.ip")
_AZURE_HOSTS = ("server.address", "net.peer.name", "peer.address")

PEER_KEYS = frozenset({"peer.service", *(key for pair in _HOST_AND_PORT + _ADDRESS_AND_PORT for key in pair)})
"""Attributes that :func:`peer` looks at."""


def take(attributes: dict[str, object], new: str, old: str = "") -> object:
    """Take the attribute under the new key, else under the old one; return None if neither has a value, or only an empty text.

    With a value under the new key, one under the old key goes too if it says the same and stays if it says something else.
    """
    if new not in attributes:
        value = attributes.pop(old, None)
        return None if value == "" else value
    value = attributes.pop(new)
    if value is None or value == "":
        return take(attributes, old)
    if old in attributes and attributes[old] == value:
        del attributes[old]
    return value


def peer(attributes: dict[str, object], default_port: str | None = None) -> str:
    """Take the peer of an outgoing call: ``peer.service``, else ``host`` or ``host:port``, else an address, else ``""``.

    Args:
        attributes: Of the span; what is used is taken out.
        default_port: Port that is left out, decimal digits.
    Source: specification section 4.6.1 (DO).
    """
    if PEER_KEYS.isdisjoint(attributes):
        return ""
    if attributes.get("peer.service"):
        return text(attributes.pop("peer.service"))
    return _host_and_port(attributes, _HOST_AND_PORT, default_port) or _host_and_port(attributes, _ADDRESS_AND_PORT, default_port)


def host_at(attributes: dict[str, object], host_key: str, port_key: str, default_port: str | None) -> str:
    """Take the host under one key with the port under another, or return ``""``."""
    return _host_and_port(attributes, ((host_key, port_key),), default_port)


def messaging(attributes: dict[str, object], system: str) -> str:
    """Take ``host/destination`` of a message, or whichever exists, or return the system.

    Source: specification section 4.6.5 (DO messaging).
    """
    name = take(attributes, "messaging.destination.name", "messaging.destination")
    if name is None:
        name = take(attributes, "messaging.source.name")
    address = _take_host(attributes, _MESSAGING_HOSTS)
    return "/".join(part for part in (address, "" if name is None else text(name)) if part) or system


def azure(attributes: dict[str, object]) -> str:
    """Take ``host/destination`` of an Azure SDK messaging span; ``""``, and nothing taken, unless both exist.

    Source: specification section 4.3, branch az.namespace.
    """
    name = attributes.get("messaging.destination.name") or attributes.get("message_bus.destination")
    if not name:
        return ""
    address = _take_host(attributes, _AZURE_HOSTS)
    if not address:
        return ""
    attributes.pop("messaging.destination.name", None)
    return f"{address}/{text(name)}"


def _host_and_port(attributes: dict[str, object], pairs: tuple[tuple[str, str], ...], default_port: str | None) -> str:
    for host_key, port_key in pairs:
        name = attributes.get(host_key)
        if not name:
            continue
        port = attributes.get(port_key)
        port = "" if port is None else text(port)
        found = authority(name if type(name) is str else text(name), port, default_port)
        if not found:
            # A socket's path stays a property.
            continue
        del attributes[host_key]
        if port and (port == default_port or found.endswith(port)):
            # Another port than the one in the address stays a property, too.
            del attributes[port_key]
        return found
    return ""


def _take_host(attributes: dict[str, object], keys: tuple[str, ...]) -> str:
    """Take the first host under the keys, or return ``""``; it has a port only where that stands in the same attribute."""
    for key in keys:
        name = attributes.get(key)
        if name and (found := authority(name if type(name) is str else text(name))):
            for other in keys:
                if attributes.get(other) == name:
                    del attributes[other]
            return found
    return ""
