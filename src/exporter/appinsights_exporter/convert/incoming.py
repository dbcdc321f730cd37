"""Incoming work: spans of kind SERVER and CONSUMER become requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import StatusCode

from . import http, peers
from .limits import MAX_NAME, MAX_SOURCE, tag, text
from .status import NO_CODE, http_code, rpc_code, success
from .urls import split

if TYPE_CHECKING:
    from collections.abc import Mapping

_ADDRESSES = ("client.address", "http.client_ip", "net.peer.ip")
_ADDRESS = re.compile(r"[0-9A-Fa-f.:]{2,46}")


def request(
    fields: dict[str, Any], tags: dict[str, str], attributes: dict[str, Any], span_name: str, status: StatusCode, keep_query: bool
) -> None:
    """Fill in what a request says beyond id and duration, and its tags.

    Args:
        fields: The item's ``baseData``; changed.
        tags: The item's tags; changed.
        attributes: Of the span; what stands in a field is taken out.
        span_name: Name when nothing better is known.
        status: The span's status.
        keep_query: Whether URLs keep their query.
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
        full_url = http.url(attributes, http.SERVER_HOSTS, keep_query)
        if full_url:
            fields["url"] = full_url
        route = attributes.get("http.route")
        if route or full_url:
            method = peers.take(attributes, "http.request.method", "http.method") or ""
            if route:
                del attributes["http.route"]
            # An f-string would not write other types as text() does.
            name = f"{method if type(method) is str else text(method)} {text(route) if route else split(full_url)[2] or '/'}"
    elif azure:
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


def operation_name(attributes: Mapping[str, Any], span_name: str) -> str:
    """Return the operation name that a request with these attributes has; nothing is changed."""
    tags: dict[str, str] = {}
    request({}, tags, dict(attributes), span_name, StatusCode.UNSET, keep_query=False)
    return tags["ai.operation.name"]


def location(tags: dict[str, str], attributes: dict[str, Any]) -> None:
    """Move the caller's address to its tag.

    Args:
        tags: Of the item; changed.
        attributes: Of a span or a log record; changed.
    Source: specification section 2.
    """
    for key in _ADDRESSES:
        if key in attributes and (value := attributes[key]):
            # A host name or a socket path is no address: it stays a property.
            if isinstance(value, str) and _ADDRESS.fullmatch(value):
                tags["ai.location.ip"] = value
                del attributes[key]
            return
