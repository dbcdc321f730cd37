"""Incoming work: spans of kind SERVER and CONSUMER become requests."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from opentelemetry.trace import StatusCode

from . import http, peers
from .limits import MAX_NAME, MAX_SOURCE, tag, text
from .status import NO_CODE, http_code, rpc_code, success
from .urls import split

if TYPE_CHECKING:
    from collections.abc import Mapping

_ADDRESSES = ("client.address", "http.client_ip", "net.peer.ip")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"({_OCTET}(?:\.{_OCTET}){{3}})(?::[0-9]{{1,5}})?")
_IPV6 = re.compile(r"\[?([0-9A-Fa-f:.]{2,45})(?:%[^\]]*)?(?:\](?::[0-9]{1,5})?)?")
_MAX_FORWARDED = 4096


def request(
    fields: dict[str, object], tags: dict[str, str], attributes: dict[str, object], span_name: str, status: StatusCode, url_query: str
) -> None:
    """Fill in what a request says beyond id and duration, and its tags.

    Args:
        fields: The item's ``baseData``; changed.
        tags: The item's tags; changed.
        attributes: Of the span; what stands in a field is taken out.
        span_name: Name when nothing better is known.
        status: The span's status.
        url_query: What becomes of the query of URLs.
    Source: specification sections 4.3 and 4.5.
    """
    name = span_name
    response_code = NO_CODE
    code: int | None = None
    source = ""
    azure = "az.namespace" in attributes
    if azure:
        source = peers.azure(attributes)
    if http.is_http(attributes):
        response_code, code = http_code(attributes)
        full_url = http.url(attributes, http.SERVER_HOSTS, url_query)
        if full_url:
            fields["url"] = full_url
        route = attributes.get("http.route")
        if route or full_url:
            method = peers.take(attributes, "http.request.method", "http.method") or ""
            if route:
                del attributes["http.route"]
            # An f-string would not write other types as text() does.
            name = f"{method if type(method) is str else text(method)} {text(route) if route else split(full_url)[2] or '/'}"
    else:
        http.hide_query(attributes, url_query)
        if azure:
            pass
        elif "messaging.system" in attributes:
            source = peers.messaging(attributes, text(attributes["messaging.system"]))
        elif "rpc.system" in attributes or "rpc.system.name" in attributes:
            response_code = rpc_code(attributes)
    name = name[:MAX_NAME]
    fields["name"] = name
    fields["responseCode"] = response_code
    fields["success"] = success(status, code)
    if source:
        fields["source"] = source[:MAX_SOURCE]
    own = attributes.pop("ai.operation.name", None)
    tags["ai.operation.name"] = tag("ai.operation.name", own) if own else name
    location(tags, attributes)


def operation_name(attributes: Mapping[str, object], span_name: str) -> str:
    """Return the operation name that a request with these attributes has; nothing is changed."""
    tags: dict[str, str] = {}
    request({}, tags, dict(attributes), span_name, StatusCode.UNSET, url_query="drop")
    return tags["ai.operation.name"]


def location(tags: dict[str, str], attributes: dict[str, object]) -> None:
    """Move the caller's address to its tag.

    Args:
        tags: Of the item; changed.
        attributes: Of a span or a log record; changed. What says more than the address (a list, a port) stays a property.
    Source: specification section 2.
    """
    for key in _ADDRESSES:
        if key in attributes and isinstance(value := attributes[key], str) and (address := client_address(value)):
            tags["ai.location.ip"] = address
            if address == value:
                del attributes[key]
            return


@functools.lru_cache(maxsize=256)
def client_address(said: str) -> str:
    """Return the first IP address in what a server knows of its client, or ``""``: a host name or a socket's path is none.

    Args:
        said: An address, or a list of them as in ``X-Forwarded-For``; each may have a port, and IPv6 brackets and a zone.
    Returns: The address without port, brackets and zone. Remembered, because the same clients, and proxies, come again.
    """
    for part in said[:_MAX_FORWARDED].split(","):
        one = part.strip().strip('"')
        found = _IPV4.fullmatch(one)
        if found is not None:
            return found[1]
        found = _IPV6.fullmatch(one)
        if found is not None and _is_ipv6(found[1]):
            return found[1]
    return ""


def _is_ipv6(address: str) -> bool:
    if address.count(":") < 2:
        return False
    # Imported where it is needed: most clients have IPv4.
    import ipaddress

    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return True
