"""What a reply of the ingestion endpoint means. Pure."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .transport import Reply

MAX_RETRY_AFTER_S = 86400.0
"""A longer wait than a day is not believed."""
DEFAULT_REDIRECT_S = 43200.0
"""How long a redirect is remembered when the reply does not say."""
QUOTA_PAUSE_S = 3600.0
"""How long to stop sending when the quota is used up and the reply does not say."""

TRUSTED_SUFFIXES = (
    ".livediagnostics.monitor.azure.com",
    ".monitor.azure.com",
    ".services.visualstudio.com",
    ".applicationinsights.azure.com",
    ".monitor.azure.us",
    ".applicationinsights.azure.us",
    ".monitor.azure.cn",
    ".applicationinsights.azure.cn",
)
"""A redirect to another host is followed only within one of these. Source: specification section 8.4."""

ACCEPT, PARTIAL, REDIRECT, RETRY, QUOTA, SPLIT, REJECT = "accept", "partial", "redirect", "retry", "quota", "split", "reject"

STATUSES: dict[int, tuple[str, str]] = {
    200: (ACCEPT, "accepted"),
    206: (PARTIAL, "partly accepted"),
    307: (REDIRECT, "redirected"),
    308: (REDIRECT, "redirected"),
    400: (REJECT, "bad request"),
    401: (RETRY, "unauthorized"),
    402: (QUOTA, "quota exceeded"),
    403: (RETRY, "forbidden"),
    404: (REJECT, "not found"),
    408: (RETRY, "request timeout"),
    413: (SPLIT, "payload too large"),
    429: (RETRY, "too many requests"),
    439: (QUOTA, "quota exceeded"),
    500: (RETRY, "internal server error"),
    502: (RETRY, "bad gateway"),
    503: (RETRY, "service unavailable"),
    504: (RETRY, "gateway timeout"),
}
"""Status to verdict and reason; other 5xx are retried and all else is rejected. Source: specification section 8.3 (DO)."""

RETRYABLE_ITEM_STATUSES = frozenset({401, 403, 408, 429})
"""Item statuses below 500 that are worth another try; every 5xx is. Source: as above, row 206."""
_SAMPLED_OUT_STATUS = 206
_SAMPLED_OUT_MESSAGE = "Telemetry sampled out."
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Every item is in, or was sampled out by the service."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One item that the service refused."""

    index: int
    """Position in the batch."""
    status: int
    """HTTP-like status of the item."""
    message: str
    """The service's words, at most 200 characters."""


@dataclass(frozen=True, slots=True)
class PartlyAccepted:
    """Items that are in neither list are in."""

    retry: tuple[int, ...]
    """Positions to send again, rising."""
    rejected: tuple[Rejection, ...]
    """What to give up."""
    after_s: float | None
    """Seconds to wait before sending again, if the reply says."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Nothing is known to be in; all of it may be sent again."""

    reason: str
    """From the table, or of the transport."""
    after_s: float | None = None
    """Seconds to wait, if the reply says; None leaves it to our own schedule."""
    may_have_arrived: bool = False
    """Whether sending again may make duplicates."""
    unauthorized: bool = False
    """Whether a cached token is to be thrown away first."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send to another address."""

    location: str
    """As the reply says: absolute or relative, not yet trusted."""
    remember_s: float
    """Seconds for which later batches may go there directly."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """Send in smaller parts; one item alone is to be given up."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """All of it is refused for good."""

    reason: str
    """From the table."""
    message: str = ""
    """The service's words, at most 200 characters."""
    pause_s: float | None = None
    """Seconds to send nothing at all: the quota is used up."""


Outcome = Accepted | PartlyAccepted | Retry | Redirect | TooLarge | Rejected


def classify(reply: Reply, count: int, now_s: float) -> Outcome:
    """Return what to do after a reply.

    Args:
        reply: To one batch.
        count: Items in that batch.
        now_s: Wall clock, seconds since the epoch; dates in ``Retry-After`` count from it.
    """
    if reply.error is not None:
        if reply.error.kind == "request":
            return Rejected("cannot be sent", reply.error.text)
        sent = reply.error.kind == "reply"
        return Retry("no reply" if sent else "no connection", may_have_arrived=sent)
    verdict, reason = _verdict(reply.status)
    after_s = retry_after_s(reply.headers.get("retry-after"), now_s)
    if verdict == ACCEPT:
        return _judged_items(reply, count, after_s) or Accepted()
    if verdict == PARTIAL:
        # Which items are in is not known, so all are sent again: duplicates rather than losses.
        return _judged_items(reply, count, after_s) or Retry("unreadable partial reply", after_s, may_have_arrived=True)
    if verdict == REDIRECT:
        location = reply.headers.get("location", "").strip()
        return Redirect(location, _remember_s(reply.headers)) if location else Rejected("redirected to nowhere")
    if verdict == RETRY:
        return Retry(reason, after_s, unauthorized=reply.status in (401, 403))
    if verdict == SPLIT:
        return TooLarge(reason)
    if verdict == QUOTA:
        return Rejected(reason, _message(reply.body), pause_s=QUOTA_PAUSE_S if after_s is None else after_s)
    if reply.status == 400:
        return _refused_items(reply, count, after_s) or Rejected(reason, _message(reply.body))
    return Rejected(reason, _message(reply.body))


def retry_after_s(value: str | None, now_s: float) -> float | None:
    """Return the seconds that a ``Retry-After`` asks for: from a number or an HTTP date; None for none and for nonsense.

    Args:
        value: The header.
        now_s: Wall clock, seconds since the epoch.
    """
    if value is None:
        return None
    text = value.strip()
    try:
        wait_s = float(text)
    except ValueError:
        try:
            import email.utils

            wait_s = email.utils.parsedate_to_datetime(text).timestamp() - now_s
        except (TypeError, ValueError, OverflowError, IndexError):
            return None
        wait_s = max(0.0, wait_s)
    if not math.isfinite(wait_s) or wait_s < 0:
        return None
    return min(wait_s, MAX_RETRY_AFTER_S)


def redirect_target(current: str, location: str) -> str | None:
    """Return the address that a redirect leads to, or None when it must not be followed.

    Trusted are the same host, and a host that ends like the current one with one of :data:`TRUSTED_SUFFIXES`. From https only https
    is followed, and never an address with a user name.

    Args:
        current: Absolute URL that answered.
        location: Header ``Location``, absolute or relative.
    """
    try:
        target = urljoin(current, location)
        here, there = urlsplit(current), urlsplit(target)
        # Asking for the port checks it.
        _ = there.port
    except ValueError:
        return None
    if there.scheme not in ("http", "https") or (here.scheme == "https" and there.scheme != "https"):
        return None
    old, new = here.hostname, there.hostname
    if not old or not new or "@" in there.netloc or any(character <= " " or character == "\\" for character in target):
        return None
    if new == old or any(old.endswith(suffix) and new.endswith(suffix) for suffix in TRUSTED_SUFFIXES):
        return target
    return None


def _verdict(status: int) -> tuple[str, str]:
    known = STATUSES.get(status)
    if known is not None:
        return known
    return (RETRY, f"server error {status}") if 500 <= status <= 599 else (REJECT, f"status {status}")


def _judged_items(reply: Reply, count: int, after_s: float | None) -> Outcome | None:
    """Return the verdict on single items, or None when the body does not give one."""
    document = _document(reply.body)
    errors = _errors(document, count)
    if errors is None:
        return None
    if not errors:
        received, accepted = document.get("itemsReceived"), document.get("itemsAccepted")
        complete = isinstance(accepted, int) and (accepted == received or accepted >= count)
        return Accepted() if complete else None
    return _partly(errors, after_s)


def _refused_items(reply: Reply, count: int, after_s: float | None) -> Outcome | None:
    """Return the verdict when nothing was accepted but some items may be another time; the status was that of the first item only."""
    errors = _errors(_document(reply.body), count)
    if not errors or len(errors) < count:
        return None
    outcome = _partly(errors, after_s)
    return outcome if isinstance(outcome, PartlyAccepted) and outcome.retry else None


def _partly(errors: dict[int, tuple[int, str]], after_s: float | None) -> Outcome:
    retry: list[int] = []
    rejected: list[Rejection] = []
    for index, (status, message) in sorted(errors.items()):
        if status == _SAMPLED_OUT_STATUS or message == _SAMPLED_OUT_MESSAGE:
            continue
        if status in RETRYABLE_ITEM_STATUSES or 500 <= status <= 599:
            retry.append(index)
        else:
            rejected.append(Rejection(index, status, message[:200]))
    if not retry and not rejected:
        return Accepted()
    return PartlyAccepted(tuple(retry), tuple(rejected), after_s)


def _errors(document: dict[str, Any], count: int) -> dict[int, tuple[int, str]] | None:
    """Return position to status and message, or None unless the list makes sense throughout."""
    errors = document.get("errors")
    if errors is None and "itemsAccepted" in document:
        return {}
    if not isinstance(errors, list):
        return None
    found: dict[int, tuple[int, str]] = {}
    for error in errors:
        if not isinstance(error, dict):
            return None
        index, status = error.get("index"), error.get("statusCode")
        if type(index) is not int or type(status) is not int or not 0 <= index < count:
            return None
        message = error.get("message")
        found[index] = (status, message if isinstance(message, str) else "")
    return found


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _message(body: bytes) -> str:
    errors = _document(body).get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict) and isinstance(errors[0].get("message"), str):
        return str(errors[0]["message"])[:200]
    return ""


def _remember_s(headers: Mapping[str, str]) -> float:
    found = _MAX_AGE.search(headers.get("cache-control", ""))
    return float(found.group(1)) if found else DEFAULT_REDIRECT_S
