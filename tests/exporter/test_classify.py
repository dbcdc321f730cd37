"""What replies mean."""

from __future__ import annotations

import email.utils
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appinsights_exporter.delivery.classify import (
    STATUSES,
    TRUSTED_SUFFIXES,
    Accepted,
    PartlyAccepted,
    Redirect,
    Rejected,
    Rejection,
    Retry,
    TooLarge,
    classify,
    redirect_target,
    retry_after_s,
)
from appinsights_exporter.delivery.transport import Reply, SendError

NOW_S = 1_700_000_000.0


def judged(status, body=b"", count=3, **headers):
    """Return the outcome of a reply to so many items."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return said(classify(Reply(status=status, headers=named, body=body), count, NOW_S))


def said(outcome):
    """Return an outcome with the text of its reason, as the tables below have it; codes are looked at in test_self_metrics.py."""
    return replace(outcome, reason=outcome.reason.text) if hasattr(outcome, "reason") else outcome


def partial(*errors, received=3, accepted=0):
    """Return the body of a reply with errors given as (index, status, message)."""
    listed = [{"index": index, "statusCode": status, "message": text} for index, status, text in errors]
    return json.dumps({"itemsReceived": received, "itemsAccepted": accepted, "errors": listed, "appId": None}).encode()


BY_STATUS = {
    200: Accepted(),
    206: Retry("unreadable partial reply", may_have_arrived=True),
    100: Retry("status 100"),
    204: Retry("status 204", may_have_arrived=True),
    301: Retry("status 301"),
    302: Retry("status 302"),
    307: Retry("redirected to nowhere"),
    308: Retry("redirected to nowhere"),
    400: Rejected("bad request"),
    401: Retry("unauthorized", unauthorized=True),
    402: Rejected("quota exceeded", pause_s=3600.0),
    403: Retry("forbidden", unauthorized=True),
    404: Rejected("not found"),
    405: Rejected("status 405"),
    407: Retry("proxy authentication required"),
    408: Retry("request timeout"),
    413: TooLarge("payload too large"),
    429: Retry("too many requests"),
    439: Rejected("quota exceeded", pause_s=3600.0),
    500: Retry("internal server error"),
    501: Retry("server error 501"),
    502: Retry("bad gateway"),
    503: Retry("service unavailable"),
    504: Retry("gateway timeout"),
    511: Retry("server error 511"),
    599: Retry("server error 599"),
    600: Retry("status 600"),
    0: Retry("status 0"),
}


@pytest.mark.parametrize(("status", "outcome"), BY_STATUS.items())
def test_status(status, outcome):
    """Each status, without a body, means this."""
    assert judged(status) == outcome


def test_every_status_of_the_table_is_tested():
    """No row of the table is without a test."""
    assert STATUSES.keys() <= BY_STATUS.keys()


@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b"{", b"null", b'{"errors": 5}', b"\xff", b"[" * 100_000, b'{"itemsAccepted": 3}'])
def test_200_with_an_odd_body_is_a_success(body):
    """What was accepted is not failed for its reply's looks (peer defect 8)."""
    assert judged(200, body) == Accepted()


PAGES = {
    "by its type": (b"Please sign in", "text/html; charset=utf-8"),
    "by its beginning": (b"<html>", ""),
    "after blanks and a byte order mark": (b"\xef\xbb\xbf\r\n <!DOCTYPE html>", "text/plain"),
    "as XHTML": (b"sign in", "application/xhtml+xml"),
}


@pytest.mark.parametrize(("body", "kind"), PAGES.values(), ids=PAGES)
@pytest.mark.parametrize("status", [200, 203, 206, 400, 402, 404, 405, 418, 439])
def test_a_page_is_no_reply_of_the_service(status, body, kind):
    """What a captive portal or a proxy puts in the reply's place says nothing of the items, whatever its status; they may be in if it is a success."""
    outcome = judged(status, body, content_type=kind, retry_after="7")
    assert outcome == Retry("a page in place of the service's reply", 7.0, cause=f"status {status}", may_have_arrived=status < 400)


@pytest.mark.parametrize("body", [b"", b" \r\n", partial(accepted=3)])
def test_what_only_calls_itself_a_page(body):
    """A reply with no body, or with the service's, is no page for its content type."""
    assert judged(200, body, content_type="text/html") == Accepted()


UNREAD = {
    413: TooLarge("payload too large"),
    429: Retry("too many requests", 7.0),
    307: Redirect("/v3", 43200.0),
    503: Retry("service unavailable", 7.0),
    200: Retry("no reply", may_have_arrived=True, cause="cut"),
    206: Retry("no reply", may_have_arrived=True, cause="cut"),
    400: Retry("no reply", may_have_arrived=True, cause="cut"),
    402: Retry("no reply", may_have_arrived=True, cause="cut"),
}


@pytest.mark.parametrize(("status", "outcome"), UNREAD.items())
def test_a_body_that_cannot_be_read(status, outcome):
    """Where the status says it all, the body is not needed; elsewhere it might have been somebody else's page."""
    headers = {"location": "/v3", "retry-after": "7"}
    assert said(classify(Reply(status=status, headers=headers, error=SendError("reply", "cut")), 3, NOW_S)) == outcome


def test_a_page_that_says_too_large():
    """A proxy that takes no more than so much is satisfied with smaller bodies."""
    assert judged(413, b"<html>", content_type="text/html") == TooLarge("payload too large")


PARTIALS = {
    "none listed, all accepted": (partial(accepted=3), Accepted()),
    "retryable": (partial((1, 500, "x"), (0, 429, "x"), accepted=1), PartlyAccepted((0, 1), (), None)),
    "refused": (partial((2, 400, "bad"), accepted=2), PartlyAccepted((), (Rejection(2, 400, "bad"),), None)),
    "both": (partial((0, 400, "bad"), (1, 503, "x"), accepted=1), PartlyAccepted((1,), (Rejection(0, 400, "bad"),), None)),
    "sampled out by code (peer defect 45)": (partial((0, 206, "x"), accepted=2), Accepted()),
    "sampled out by message": (partial((0, 400, "Telemetry sampled out."), accepted=2), Accepted()),
    "sampled out and refused": (partial((0, 206, ""), (1, 402, "q"), accepted=1), PartlyAccepted((), (Rejection(1, 402, "q"),), None)),
    "every item status": (
        partial((0, 401, ""), (1, 403, ""), (2, 408, "")),
        PartlyAccepted((0, 1, 2), (), None),
    ),
    "same index twice": (partial((0, 400, "a"), (0, 500, "b"), accepted=2), PartlyAccepted((0,), (), None)),
    "message with lines and colours": (
        partial((0, 400, "a\n\x1b[31mb\u2028"), accepted=2),
        PartlyAccepted((), (Rejection(0, 400, "a  [31mb "),), None),
    ),
    "long message": (partial((0, 400, "m" * 999), accepted=2), PartlyAccepted((), (Rejection(0, 400, "m" * 200),), None)),
}


@pytest.mark.parametrize(("body", "outcome"), PARTIALS.values(), ids=PARTIALS)
@pytest.mark.parametrize("status", [200, 206])
def test_items_are_judged_one_by_one(status, body, outcome):
    """A 206 keeps only the items whose error is retryable, and a 200 with errors is read the same."""
    assert judged(status, body) == outcome


MISSING = {
    "none listed": (partial(accepted=1), PartlyAccepted((), (), None, 2)),
    "no list": (b'{"itemsReceived": 3, "itemsAccepted": 1}', PartlyAccepted((), (), None, 2)),
    "fewer received": (partial(received=2, accepted=2), PartlyAccepted((), (), None, 1)),
    "some listed": (partial((1, 500, ""), accepted=1), PartlyAccepted((1,), (), None, 1)),
    "all but the accepted refused": (
        partial((1, 400, "a"), (2, 400, "b"), accepted=0),
        PartlyAccepted((), (Rejection(1, 400, "a"), Rejection(2, 400, "b")), None, 1),
    ),
    "one listed again and again": (partial(*[(0, 400, "a")] * 3), PartlyAccepted((), (Rejection(0, 400, "a"),), None, 2)),
    "out of range": (partial((3, 500, ""), (-1, 500, ""), accepted=1), PartlyAccepted((), (), None, 2)),
    "no position": (partial((True, 500, ""), ("1", 500, ""), accepted=1), PartlyAccepted((), (), None, 2)),
    "no status": (partial((0, "500", ""), accepted=2), PartlyAccepted((), (), None, 1)),
    "sampled out counts": (partial((0, 206, ""), accepted=1), PartlyAccepted((), (), None, 1)),
    "more accepted than sent": (partial(received=9, accepted=9), Accepted()),
}


@pytest.mark.parametrize(("body", "outcome"), MISSING.values(), ids=MISSING)
@pytest.mark.parametrize("status", [200, 206, 202])
def test_items_that_the_service_does_not_account_for(status, body, outcome):
    """Items that are neither accepted nor have an error of their own are neither sent nor sent again, and are counted."""
    assert judged(status, body) == outcome


NOTHING = {
    "no errors": partial(),
    "no list": b'{"itemsReceived": 3, "itemsAccepted": 0}',
    "none received": partial(received=0),
    "errors of other batches": partial((3, 500, ""), (-1, 400, ""), (True, 500, "")),
}


@pytest.mark.parametrize("body", NOTHING.values(), ids=NOTHING)
@pytest.mark.parametrize("status", [200, 206])
def test_nothing_accepted_without_a_reason(status, body):
    """A batch of which nothing was accepted, and nobody says why, is worth one more try."""
    assert judged(status, body, retry_after="7") == Retry("not accepted, no reason given", 7.0, once=True)


ODD = {
    "empty": b"",
    "no JSON": b"no",
    "errors that are no list": b'{"errors": {}}',
    "no errors": b'{"errors": []}',
    "error that is no object": b'{"errors": [5]}',
    "index out of range": b'{"errors": [{"index": 3, "statusCode": 500}]}',
    "no status": b'{"errors": [{"index": 0}]}',
    "accepted is no number": b'{"itemsAccepted": true}',
    "accepted is negative": b'{"itemsAccepted": -1}',
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_206_that_cannot_be_read(body):
    """Which items are in is not known: all are to be sent again, which may make duplicates."""
    assert judged(206, body) == Retry("unreadable partial reply", may_have_arrived=True)


def test_400_for_the_first_item_only():
    """Nothing was accepted and the status is the first item's: the others are judged by their own."""
    body = partial((0, 400, "bad"), (1, 500, ""), (2, 400, "bad"))
    assert judged(400, body) == PartlyAccepted((1,), (Rejection(0, 400, "bad"), Rejection(2, 400, "bad")), None)
    assert judged(400, partial((0, 400, "Invalid instrumentation key"))) == Rejected("bad request", "Invalid instrumentation key")
    assert judged(400, partial((0, 400, "a"), (1, 400, "b"), (2, 400, "c"))) == Rejected("bad request", "a")


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_retry_after_is_passed_on(status):
    """The wait that the service asks for is in the outcome."""
    outcome = judged(status, retry_after="7")
    assert outcome.after_s == 7.0
    assert judged(206, partial((0, 429, ""), accepted=2), retry_after="7").after_s == 7.0
    assert judged(402, retry_after="7").pause_s == 7.0


RETRY_AFTERS = {
    "seconds": ("120", 120.0),
    "fraction": ("1.5", 1.5),
    "blank": (" 3 ", 3.0),
    "zero": ("0", 0.0),
    "date": (email.utils.formatdate(NOW_S + 90, usegmt=True), 90.0),
    "past date": (email.utils.formatdate(NOW_S - 90, usegmt=True), 0.0),
    "a century": ("3155760000", 86400.0),
    "far date": ("Fri, 31 Dec 9999 23:59:59 GMT", 86400.0),
    "negative": ("-1", None),
    "nan": ("nan", None),
    "infinity": ("inf", None),
    "word": ("soon", None),
    "empty": ("", None),
    "bad date": ("Fri, 99 Dec 2023 23:59:59 GMT", None),
    "none": (None, None),
}


@pytest.mark.parametrize(("value", "seconds"), RETRY_AFTERS.values(), ids=RETRY_AFTERS)
def test_retry_after(value, seconds):
    """Seconds, dates and nonsense."""
    assert retry_after_s(value, NOW_S) == seconds


REMEMBERED = {
    "max-age": ("max-age=60", 60.0),
    "among others": ("no-store, Max-Age=5", 5.0),
    "s-maxage": ("s-maxage=5", 43200.0),
    "none": ("", 43200.0),
}


@pytest.mark.parametrize(("value", "seconds"), REMEMBERED.values(), ids=REMEMBERED)
@pytest.mark.parametrize("status", [307, 308])
def test_redirect(status, value, seconds):
    """A redirect is remembered for as long as it says, or 12 hours."""
    assert judged(status, location=" https://x.test/y ", cache_control=value) == Redirect("https://x.test/y", seconds)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("connect", Retry("no connection", cause="text")),
        ("reply", Retry("no reply", may_have_arrived=True, cause="text")),
    ],
)
def test_errors(kind, outcome):
    """Whatever kept a whole reply from coming, the items may go another time."""
    assert said(classify(Reply(error=SendError(kind, "text")), 1, NOW_S)) == outcome


HERE = "https://westeurope-5.in.applicationinsights.azure.com/v2.1/track"

TARGETS = {
    "same host": (HERE, "https://westeurope-5.in.applicationinsights.azure.com/v3/track", True),
    "same suffix": (HERE, "https://eastus-1.in.applicationinsights.azure.com/v2.1/track", True),
    "other suffix": (HERE, "https://x.monitor.azure.com/v2.1/track", False),
    "stranger": (HERE, "https://evil.test/v2.1/track", False),
    "stranger with the suffix inside": (HERE, "https://x.applicationinsights.azure.com.evil.test/", False),
    "suffix without its dot": (HERE, "https://evilapplicationinsights.azure.com/", False),
    "https to http": (HERE, "http://westeurope-5.in.applicationinsights.azure.com/", False),
    "http to https": ("http://h.test/a", "https://h.test/a", True),
    "http to http": ("http://h.test/a", "http://h.test:81/b", True),
    "user name": (HERE, "https://u@eastus-1.in.applicationinsights.azure.com/", False),
    "other scheme": ("http://h.test/a", "ftp://h.test/a", False),
    "bad port": (HERE, "https://westeurope-5.in.applicationinsights.azure.com:99999/", False),
    "broken": (HERE, "https://[::1", False),
    "backslash": ("http://h.test/", "http://h.test\\@evil.test/", False),
    "space": ("http://h.test/", "http://h.test/a b", False),
    "capitals": (HERE, "HTTPS://WESTEUROPE-5.in.applicationinsights.azure.com/x", True),
}


@pytest.mark.parametrize(("current", "location", "trusted"), TARGETS.values(), ids=TARGETS)
def test_redirect_target(current, location, trusted):
    """Only the same host or a sister within one trusted suffix, and never from https to http (peer defect 46)."""
    target = redirect_target(current, location)
    assert (target is not None) is trusted
    if target is not None:
        assert target.lower() == location.lower()


def test_relative_redirect():
    """A relative location counts from the address that answered (peer defect 9: the path counts)."""
    assert redirect_target("https://h.test/v2/track", "/v3/track") == "https://h.test/v3/track"


@pytest.mark.parametrize("suffix", TRUSTED_SUFFIXES)
def test_trusted_suffixes(suffix):
    """Each suffix trusts its own hosts."""
    assert redirect_target(f"https://a{suffix}/x", f"https://b{suffix}/x") == f"https://b{suffix}/x"


@given(
    st.integers(0, 700),
    st.binary(max_size=200),
    st.dictionaries(st.sampled_from(["retry-after", "location", "cache-control"]), st.text(max_size=50)),
    st.integers(1, 500),
)
def test_any_reply(status, body, headers, count):
    """Whatever comes back is judged without raising."""
    classify(Reply(status=status, headers=headers, body=body), count, NOW_S)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["index", "statusCode", "message", "errors", "itemsAccepted"]), inner),
    max_leaves=10,
)


@given(st.sampled_from([200, 206, 400]), JSON, JSON, st.integers(1, 5))
def test_any_json(status, errors, accepted, count):
    """Whatever the JSON, positions stay within the batch and no position is in both lists."""
    outcome = judged(status, json.dumps({"errors": errors, "itemsAccepted": accepted}).encode(), count)
    if isinstance(outcome, PartlyAccepted):
        positions = [*outcome.retry, *(refusal.index for refusal in outcome.rejected)]
        assert len(set(positions)) == len(positions)
        assert all(0 <= position < count for position in positions)


@given(st.text(), st.text())
def test_any_redirect(current, location):
    """Whatever the addresses, there is an answer."""
    redirect_target(current, location)


@given(st.text())
def test_any_retry_after(value):
    """Whatever the header, the wait is none or between nothing and a day."""
    seconds = retry_after_s(value, NOW_S)
    assert seconds is None or 0 <= seconds <= 86400
