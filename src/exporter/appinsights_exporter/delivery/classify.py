"""What a reply of the ingestion endpoint means. Pure.

Final is what the service says of items. Everything else is for another time: no whole reply, a reply of somebody between (a proxy, the
page of a captive portal), and one that does not speak of the items.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from ..reasons import NO_CONNECTION, NO_REPLY, PAGE, REDIRECTED_NOWHERE, UNEXPLAINED, UNKNOWN, Reason

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
    206: (PARTIAL, "unreadable partial reply"),
    307: (REDIRECT, "redirected"),
    308: (REDIRECT, "redirected"),
    400: (REJECT, "bad request"),
    401: (RETRY, "unauthorized"),
    402: (QUOTA, "quota exceeded"),
    403: (RETRY, "forbidden"),
    404: (REJECT, "not found"),
    407: (RETRY, "proxy authentication required"),
    408: (RETRY, "request timeout"),
    413: (SPLIT, "payload too large"),
    429: (RETRY, "too many requests"),
    439: (QUOTA, "quota exceeded"),
    500: (RETRY, "internal server error"),
    502: (RETRY, "bad gateway"),
    503: (RETRY, "service unavailable"),
    504: (RETRY, "gateway timeout"),
}
"""Status to verdict and the text of its reason; other 4xx are rejected, and all else says nothing of items. Source: specification section 8.3 (DO)."""

_TOLD_BY_STATUS = frozenset({REDIRECT, RETRY, SPLIT})
"""Verdicts for which the body does not matter: a proxy that refuses a large one may well close before its own reply is read."""
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
    """Items that are in neither list are in, but for those that the service did not account for."""

    retry: tuple[int, ...]
    """Positions to send again, rising."""
    rejected: tuple[Rejection, ...]
    """What to give up."""
    after_s: float | None
    """Seconds to wait before sending again, if the reply says."""
    unexplained: int = 0
    """How many of the others are not in either; which ones, the reply does not say."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Nothing is known to be in; all of it may be sent again."""

    reason: Reason
    """By the status, or of the transport."""
    after_s: float | None = None
    """Seconds to wait, if the reply says; None leaves it to our own schedule."""
    may_have_arrived: bool = False
    """Whether sending again may make duplicates."""
    unauthorized: bool = False
    """Whether a cached token is to be thrown away first."""
    cause: str = ""
    """What the reason leaves open, for the log."""
    once: bool = False
    """Whether one more try is all that makes sense."""
    quiet: bool = False
    """Whether no warning is due: one has said it already, or nothing is known of the other side."""


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

    reason: Reason


@dataclass(frozen=True, slots=True)
class Rejected:
    """All of it is refused for good."""

    reason: Reason
    """By the status."""
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
    verdict, reason = _verdict(reply.status)
    if reply.error is not None and not (reply.status and verdict in _TOLD_BY_STATUS):
        sent = reply.error.kind == "reply"
        return Retry(NO_REPLY if sent else NO_CONNECTION, may_have_arrived=sent, cause=reply.error.text, quiet=reply.error.early)
    after_s = retry_after_s(reply.headers.get("retry-after"), now_s)
    if verdict == SPLIT:
        # A proxy may have said it: smaller bodies may pass, and a lone item will not at another time either.
        return TooLarge(reason)
    if verdict == REDIRECT:
        location = reply.headers.get("location", "").strip()
        return Redirect(location, _remember_s(reply.headers)) if location else Retry(REDIRECTED_NOWHERE, after_s)
    if verdict == RETRY:
        return Retry(reason, after_s, unauthorized=reply.status in (401, 403))
    if _is_page(reply):
        # By a status of success, the service may have got them: something on the way may have put the page in its reply's place.
        return Retry(PAGE, after_s, cause=f"status {reply.status}", may_have_arrived=verdict in (ACCEPT, PARTIAL))
    if verdict == ACCEPT:
        return _judged_items(reply, count, after_s) or Accepted()
    if verdict == PARTIAL:
        # Which items are in is not known, so all are sent again: duplicates rather than losses.
        return _judged_items(reply, count, after_s) or Retry(reason, after_s, may_have_arrived=True)
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


def _verdict(status: int) -> tuple[str, Reason]:
    known = STATUSES.get(status)
    if known is not None:
        verdict = known[0]
    elif 500 <= status <= 599:
        verdict = RETRY
    elif 400 <= status <= 499:
        verdict = REJECT
    else:
        # The service has no such reply. Of the 2xx, the body may still account for the items.
        verdict = PARTIAL if 200 <= status <= 299 else RETRY
    return verdict, status_reason(status)


@lru_cache(maxsize=128)
def status_reason(status: int) -> Reason:
    """Return the reason that a status of a reply is."""
    known = STATUSES.get(status)
    text = known[1] if known is not None else f"server error {status}" if 500 <= status <= 599 else f"status {status}"
    # The older status for a quota that is used up says the same, and so has the same code.
    return Reason(text, *_official(402 if status == 439 else status))


def item_reason(status: int) -> Reason:
    """Return the reason that a status of a single item is."""
    return Reason(f"item status {status}", *_official(status))


def _official(status: int) -> tuple[str, str]:
    """Return the code of a status, and the words that the official exporter has for it."""
    if not 100 <= status <= 999:
        return UNKNOWN, ""
    if status == 402:
        return "402", "Daily quota exceeded"
    known = STATUSES.get(status)
    words = known[1].capitalize() if known is not None else f"{'Server' if status >= 500 else 'Client'} error {status}"
    return str(status), words


def _is_page(reply: Reply) -> bool:
    """Return whether a reply is a page for people: whatever it says, it does not come from the service."""
    text = reply.body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        return True
    return bool(text) and "html" in reply.headers.get("content-type", "").lower() and not _document(reply.body)


def _judged_items(reply: Reply, count: int, after_s: float | None) -> Outcome | None:
    """Return the verdict on single items, or None when the body does not give one."""
    document = _document(reply.body)
    accepted = document.get("itemsAccepted")
    if type(accepted) is not int or accepted < 0:
        accepted = None
    errors = _errors(document, count, is_complete=accepted is None)
    if errors is None or (accepted is None and not errors):
        return None
    missing = 0
    if accepted is not None:
        missing = max(0, count - accepted - len(errors))
        if accepted == 0 and not errors and missing:
            return Retry(UNEXPLAINED, after_s, once=True)
    return _partly(errors, after_s, missing)


def _refused_items(reply: Reply, count: int, after_s: float | None) -> Outcome | None:
    """Return the verdict when nothing was accepted but some items may be another time; the status was that of the first item only."""
    errors = _errors(_document(reply.body), count, is_complete=True)
    if not errors or len(errors) < count:
        return None
    outcome = _partly(errors, after_s)
    return outcome if isinstance(outcome, PartlyAccepted) and outcome.retry else None


def _partly(errors: dict[int, tuple[int, str]], after_s: float | None, unexplained: int = 0) -> Outcome:
    retry: list[int] = []
    rejected: list[Rejection] = []
    for index, (status, message) in sorted(errors.items()):
        if status == _SAMPLED_OUT_STATUS or message == _SAMPLED_OUT_MESSAGE:
            continue
        if status in RETRYABLE_ITEM_STATUSES or 500 <= status <= 599:
            retry.append(index)
        else:
            rejected.append(Rejection(index, status, _line(message)))
    if not retry and not rejected and not unexplained:
        return Accepted()
    return PartlyAccepted(tuple(retry), tuple(rejected), after_s, unexplained)


def _errors(document: dict[str, object], count: int, *, is_complete: bool) -> dict[int, tuple[int, str]] | None:
    """Return position to status and message, or None where there is no list of errors.

    Args:
        document: The reply.
        count: Items in the batch.
        is_complete: Whether the list is all that is known; then None too where it does not make sense throughout. Else what makes no
            sense is left out: the number of items accepted tells that some are missing.
    """
    errors = document.get("errors")
    if errors is None and "itemsAccepted" in document:
        return {}
    if not isinstance(errors, list):
        return None if is_complete else {}
    found: dict[int, tuple[int, str]] = {}
    for error in errors:
        index, status = (error.get("index"), error.get("statusCode")) if isinstance(error, dict) else (None, None)
        if type(index) is int and type(status) is int and 0 <= index < count:
            message = error.get("message")
            found[index] = (status, message if isinstance(message, str) else "")
        elif is_complete:
            return None
    return found


def _document(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _message(body: bytes) -> str:
    errors = _document(body).get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict) and isinstance(errors[0].get("message"), str):
        return _line(errors[0]["message"])
    return ""


def _line(message: str) -> str:
    """Return a message of the other side's for a log: short, and without characters that break lines or colour terminals."""
    return "".join(character if character.isprintable() else " " for character in message[:200])


def _remember_s(headers: Mapping[str, str]) -> float:
    found = _MAX_AGE.search(headers.get("cache-control", ""))
    return float(found.group(1)) if found else DEFAULT_REDIRECT_S
