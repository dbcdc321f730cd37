"""A short GET for the cloud providers' metadata services."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Mapping

_REQUEST_TIMEOUT = 2
"""Seconds to wait for the connection and for each part of the reply."""


def get_request(request_url: str, request_headers: Mapping[str, str] = {}) -> bytes | None:
    """Return the body of a successful reply, or None when there was none: no host, a time-out, an error status, a broken reply."""
    request = Request(request_url, headers=dict(request_headers))  # noqa: S310 -- the callers are ours, with fixed http addresses
    try:
        with closing(urlopen(request, timeout=_REQUEST_TIMEOUT)) as response:  # noqa: S310 -- the same
            body: bytes = response.read()
    except HTTPError as error:
        error.close()
        return None
    except (OSError, HTTPException):
        return None
    return body
