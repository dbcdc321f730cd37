"""Delivery: split, send, judge, follow redirects, count. With a scripted transport and a clock set by hand."""

from __future__ import annotations

import json
import threading

import pytest

from appinsights_exporter.counts import CountsSnapshot
from appinsights_exporter.delivery.deliver import Delivery, to
from appinsights_exporter.delivery.transport import HttpTransport, Reply, SendError
from appinsights_exporter.settings import resolve
from appinsights_exporter.testing import CONNECTION_STRING, FakeTransport, ManualClock

pytestmark = pytest.mark.usefixtures("caplog")

URL = "https://a.in.applicationinsights.azure.com/v2.1/track"
SISTER = "https://b.in.applicationinsights.azure.com/v2.1/track"


def items(count):
    """Return so many encoded items."""
    return [b'{"n":%d}' % number for number in range(count)]


def numbers(sent):
    """Return the numbers of the items in a request."""
    return [item["n"] for item in sent.items]


def delivery(*replies, clock=None, url=URL):
    """Return a delivery and its transport."""
    transport = FakeTransport(replies, url=url)
    return Delivery(transport, clock=clock or ManualClock(), wall_clock=lambda: 1_700_000_000.0), transport


def partial(status, *errors):
    """Return a reply with errors given as (index, status)."""
    listed = [{"index": index, "statusCode": code, "message": "why"} for index, code in errors]
    return Reply(status=status, body=json.dumps({"itemsReceived": 3, "itemsAccepted": 3 - len(errors), "errors": listed}).encode())


def redirect(location, status=307, **headers):
    """Return a redirect."""
    return Reply(status=status, headers={"location": location, **headers})


def test_success():
    """What is accepted is counted as sent, in one request with the right headers and time limit."""
    made, transport = delivery()
    assert made.deliver(items(3)) is True
    (sent,) = transport.sent
    assert (sent.url, numbers(sent), sent.timeout_s) == (URL, [0, 1, 2], 30.0)
    assert sent.headers == {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert made.counts.snapshot() == CountsSnapshot(sent=3)


def test_nothing_to_send():
    """Without items nothing is sent, and that is a success."""
    made, transport = delivery()
    assert made.deliver([]) is True
    assert transport.sent == []


def test_batches_are_independent():
    """A refused batch does not keep the next from being sent."""
    made, transport = delivery(Reply(status=400), Reply(status=200))
    assert made.deliver(items(700)) is False
    assert [len(sent.items) for sent in transport.sent] == [500, 200]
    assert made.counts.snapshot() == CountsSnapshot(sent=200, dropped={"refused by the service: bad request": 500})


LOSSES = {
    "no connection": (Reply(error=SendError("connect", "x")), "not delivered: no connection"),
    "no reply": (Reply(error=SendError("reply", "x")), "not delivered: no reply"),
    "bad address": (Reply(error=SendError("request", "x")), "refused by the service: cannot be sent"),
    "500": (Reply(status=500), "not delivered: internal server error"),
    "429": (Reply(status=429, headers={"retry-after": "60"}), "not delivered: too many requests"),
    "401": (Reply(status=401), "not delivered: unauthorized"),
    "404": (Reply(status=404), "refused by the service: not found"),
    "402": (Reply(status=402), "refused by the service: quota exceeded"),
    "302": (Reply(status=302), "refused by the service: status 302"),
    "206 that cannot be read": (Reply(status=206), "not delivered: unreadable partial reply"),
}


@pytest.mark.parametrize(("reply", "reason"), LOSSES.values(), ids=LOSSES)
def test_losses_are_counted_by_reason(reply, reason):
    """Each refusal is one request, no wait (peer defects 6 and 7) and a count under its reason."""
    made, transport = delivery(reply)
    assert made.deliver(items(3)) is False
    assert len(transport.sent) == 1
    assert made.counts.snapshot() == CountsSnapshot(dropped={reason: 3})


def test_partial_success():
    """Accepted items are sent, refused ones dropped, and retryable ones counted apart."""
    made, _ = delivery(partial(206, (0, 400), (2, 500)))
    assert made.deliver(items(3)) is False
    assert made.counts.snapshot() == CountsSnapshot(
        sent=1, dropped={"refused by the service: item status 400": 1, "not delivered: some items refused for now": 1}
    )


def test_sampled_out_items_are_delivered():
    """Items that the service sampled out are done with."""
    made, _ = delivery(partial(206, (0, 206)))
    assert made.deliver(items(3)) is True
    assert made.counts.snapshot() == CountsSnapshot(sent=3)


def test_too_large_is_halved():
    """A 413 sends both halves; a lone item that is too large is dropped."""
    made, transport = delivery(Reply(status=413), Reply(status=200), Reply(status=413), Reply(status=413), Reply(status=200))
    assert made.deliver(items(4)) is False
    assert [numbers(sent) for sent in transport.sent] == [[0, 1, 2, 3], [0, 1], [2, 3], [2], [3]]
    assert made.counts.snapshot() == CountsSnapshot(sent=3, dropped={"payload too large": 1})


def test_quota_stops_sending_for_a_while():
    """After a quota reply nothing is sent until its wait is over."""
    clock = ManualClock()
    made, transport = delivery(Reply(status=402, headers={"retry-after": "30"}), clock=clock)
    assert made.deliver(items(2)) is False
    clock.advance(29)
    assert made.deliver(items(3)) is False
    assert len(transport.sent) == 1
    assert made.counts.snapshot().dropped == {"refused by the service: quota exceeded": 2, "paused: quota exceeded": 3}
    clock.advance(1)
    assert made.deliver(items(1)) is True


def test_redirect_is_followed_and_remembered():
    """A trusted redirect is followed with its path, and remembered until it expires (peer defect 9)."""
    clock = ManualClock()
    made, transport = delivery(redirect(SISTER, **{"cache-control": "max-age=60"}), clock=clock)
    assert made.deliver(items(1)) is True
    assert made.deliver(items(1)) is True
    clock.advance(60)
    assert made.deliver(items(1)) is True
    assert [sent.url for sent in transport.sent] == [URL, SISTER, SISTER, URL]
    assert made.counts.snapshot() == CountsSnapshot(sent=3)


def test_redirect_is_forgotten_when_it_fails():
    """When the remembered place fails, the next batch asks the configured one again."""
    made, transport = delivery(redirect(SISTER, 308), Reply(status=200), Reply(status=503))
    assert [made.deliver(items(1)) for _ in range(3)] == [True, False, True]
    assert [sent.url for sent in transport.sent] == [URL, SISTER, SISTER, URL]


def test_circular_redirects_end():
    """Redirects without end are given up after ten (peer defect 9)."""
    made, transport = delivery(*[redirect(SISTER), redirect(URL)] * 20)
    assert made.deliver(items(2)) is False
    assert len(transport.sent) == 11
    assert made.counts.snapshot() == CountsSnapshot(dropped={"redirected too often": 2})
    assert made.deliver(items(1)) is False
    assert transport.sent[11].url == URL


def test_redirect_to_a_stranger(caplog):
    """A redirect to a host that is not trusted is not followed (peer defect 46), and said once."""
    made, transport = delivery(redirect("https://evil.test/"), redirect("https://evil.test/"))
    assert made.deliver(items(2)) is False
    assert made.deliver(items(1)) is False
    assert [sent.url for sent in transport.sent] == [URL, URL]
    assert made.counts.snapshot() == CountsSnapshot(dropped={"refused by the service: redirect not trusted": 3})
    assert [record.getMessage() for record in caplog.records if "redirect of" in record.getMessage()] == [
        "A redirect of the ingestion endpoint was not followed: it leads to a host that is not trusted."
    ]


def test_deadline():
    """With a deadline, exchanges get what is left of it, and after it nothing is sent."""
    clock = ManualClock()
    made, transport = delivery(clock=clock)
    made.set_deadline(5)
    clock.advance(2)
    assert made.deliver(items(1)) is True
    clock.advance(3)
    assert made.deliver(items(2)) is False
    assert [sent.timeout_s for sent in transport.sent] == [3.0]
    assert made.counts.snapshot() == CountsSnapshot(sent=1, dropped={"not delivered: no time left before exit": 2})


def test_after_shutdown():
    """After shutdown everything is refused and counted, and the transport is closed."""
    made, transport = delivery()
    made.shutdown(5)
    assert made.deliver(items(2)) is False
    assert transport.sent == []
    assert transport.closed == 1
    assert made.counts.snapshot() == CountsSnapshot(dropped={"offered after shutdown": 2})


def test_shutdown_waits_for_what_is_under_way():
    """Shutdown returns when an exchange in another thread has ended."""
    entered, release = threading.Event(), threading.Event()

    def slow(_):
        entered.set()
        release.wait(10)
        return Reply(status=200)

    transport = FakeTransport([slow])
    made = Delivery(transport)
    sender = threading.Thread(target=made.deliver, args=(items(1),))
    sender.start()
    entered.wait(10)
    closer = threading.Thread(target=made.shutdown, args=(10,))
    closer.start()
    closer.join(0.05)
    assert closer.is_alive()
    release.set()
    closer.join(10)
    sender.join(10)
    assert made.counts.snapshot() == CountsSnapshot(sent=1)
    assert transport.closed == 1


def test_shutdown_does_not_wait_for_ever():
    """Shutdown gives up after its time."""
    entered, release = threading.Event(), threading.Event()

    def stuck(_):
        entered.set()
        release.wait(10)
        return Reply(status=200)

    made = Delivery(FakeTransport([stuck]))
    sender = threading.Thread(target=made.deliver, args=(items(1),))
    sender.start()
    entered.wait(10)
    made.shutdown(0.05)
    assert sender.is_alive()
    release.set()
    sender.join(10)


def test_to_settings():
    """A delivery made from settings has a transport to their address, and connects to nothing."""
    made = to(resolve(CONNECTION_STRING, timeout_s=3, environ={}))
    assert isinstance(made._transport, HttpTransport)
    assert made._transport.url == "https://ingest.test/v2.1/track"
    assert made._timeout_s == 3.0
