"""Delivery: split, send, judge, follow redirects, keep, drain, count. With a scripted transport and a clock set by hand."""

from __future__ import annotations

import json
import threading
from random import Random

import pytest

from appinsights_exporter import reasons
from appinsights_exporter.counts import CountsSnapshot
from appinsights_exporter.delivery.auth import NoToken
from appinsights_exporter.delivery.backoff import Backoff
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.delivery.results import Result
from appinsights_exporter.delivery.store import Store
from appinsights_exporter.delivery.transport import Reply, SendError
from appinsights_exporter.testing import FakeTransport, ManualClock

pytestmark = pytest.mark.usefixtures("caplog")

URL = "https://a.in.applicationinsights.azure.com/v2.1/track"
SISTER = "https://b.in.applicationinsights.azure.com/v2.1/track"


def items(count):
    """Return so many encoded items."""
    return [b'{"n":%d}' % number for number in range(count)]


def numbers(sent):
    """Return the numbers of the items in a request."""
    return [item["n"] for item in sent.items]


class Place:
    """A delivery over a scripted transport, its clock, and its store on a real disk."""

    def __init__(self, folder, *replies, url=URL, disk=True, tokens=None, **options):
        self.clock = ManualClock()
        self.transport = FakeTransport(replies, url=url)
        self.store = Store(folder, clock=self.clock, wall_clock=self.wall_clock)
        self.delivery = Delivery(
            self.transport,
            store=(lambda: self.store) if disk else None,
            backoff=Backoff(NoJitter(), self.clock),
            background=False,
            tokens=tokens,
            clock=self.clock,
            wall_clock=self.wall_clock,
            **options,
        )
        self.counts = self.delivery.counts

    def wall_clock(self):
        """Return seconds since the epoch."""
        return 1_700_000_000.0 + self.clock.now_s

    def stored(self):
        """Return the numbers of the items in the store, oldest first."""
        found = []
        leases = []
        while (lease := self.store.lease()) is not None:
            leases.append(lease)
            found += [json.loads(item)["n"] for item in lease.items]
        for lease in leases:
            lease.give_back()
        return found

    def drain(self):
        """Make steps, moving the clock as each asks for, until nothing is left or the endpoint is to be left alone; return the waits."""
        waits = []
        while (wait_s := self.delivery.drain_step()) is not None:
            waits.append(wait_s)
            self.clock.advance(wait_s)
        return waits


class NoJitter(Random):
    """Gives the middle of a range: waits of 10, 10, 17.5, 37.5 … seconds."""

    def uniform(self, a, b):
        """Return it."""
        return (a + b) / 2


@pytest.fixture
def place(tmp_path):
    """Return a function that makes a place."""
    return lambda *replies, **options: Place(tmp_path / "store", *replies, **options)


def partial(status, *errors, received=3, accepted=None):
    """Return a reply with errors given as (index, status); without a number of items accepted, all others are."""
    listed = [{"index": index, "statusCode": code, "message": "why"} for index, code in errors]
    accepted = received - len(errors) if accepted is None else accepted
    return Reply(status=status, body=json.dumps({"itemsReceived": received, "itemsAccepted": accepted, "errors": listed}).encode())


def redirect(location, status=307, **headers):
    """Return a redirect."""
    return Reply(status=status, headers={"location": location, **headers})


DELIVERED, STORED, HELD, LOST = Result.DELIVERED, Result.STORED, Result.HELD, Result.LOST


def test_success(place):
    """What is accepted is counted as sent, in one request with the right headers and time limit, and touches no disk."""
    at = place()
    assert at.delivery.deliver(items(3)) is DELIVERED
    (sent,) = at.transport.sent
    assert (sent.url, numbers(sent), sent.timeout_s) == (URL, [0, 1, 2], 30.0)
    assert sent.headers == {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert at.counts.snapshot() == CountsSnapshot(sent=3)
    assert not at.store.folder.exists()


def test_nothing_to_send(place):
    """Without items nothing is sent, and that is a success."""
    at = place()
    assert at.delivery.deliver([]) is DELIVERED
    assert at.transport.sent == []


def test_batches_are_independent(place):
    """A refused batch does not keep the next from being sent."""
    at = place(Reply(status=400), Reply(status=200))
    assert at.delivery.deliver(items(700)) is LOST
    assert [len(sent.items) for sent in at.transport.sent] == [512, 188]
    assert at.counts.snapshot() == CountsSnapshot(sent=188, dropped={"refused by the service: bad request": 512})


RETRIED = {
    "no connection": (Reply(error=SendError("connect", "x")), "no connection", False, 10.0),
    "no reply": (Reply(error=SendError("reply", "x")), "no reply", True, 10.0),
    "401": (Reply(status=401), "unauthorized", False, 10.0),
    "403": (Reply(status=403), "forbidden", False, 10.0),
    "408": (Reply(status=408), "request timeout", False, 10.0),
    "429": (Reply(status=429), "too many requests", False, 10.0),
    "429, in a minute": (Reply(status=429, headers={"retry-after": "60"}), "too many requests", False, 60.0),
    "429, at once": (Reply(status=429, headers={"retry-after": "0"}), "too many requests", False, 1.0),
    "429, nonsense": (Reply(status=429, headers={"retry-after": "soon"}), "too many requests", False, 10.0),
    "500": (Reply(status=500), "internal server error", False, 10.0),
    "502": (Reply(status=502), "bad gateway", False, 10.0),
    "503, at a time": (
        Reply(status=503, headers={"retry-after": "Tue, 14 Nov 2023 22:32:00 GMT"}),
        "service unavailable",
        False,
        120.0,
    ),
    "504": (Reply(status=504), "gateway timeout", False, 10.0),
    "599": (Reply(status=599), "server error 599", False, 10.0),
    "206 that cannot be read": (Reply(status=206), "unreadable partial reply", True, 10.0),
    "redirect to a stranger": (redirect("https://evil.test/"), "redirect not trusted", False, 10.0),
    "redirect to nowhere": (redirect(""), "redirected to nowhere", False, 10.0),
    "302": (Reply(status=302), "status 302", False, 10.0),
    "407 of a proxy": (Reply(status=407), "proxy authentication required", False, 10.0),
    "a portal's page": (Reply(status=200, body=b"<html>sign in"), "a page in place of the service's reply", True, 10.0),
    "none accepted, no reason": (partial(200, accepted=0), "not accepted, no reason given", False, 10.0),
}


@pytest.mark.parametrize(("reply", "reason", "may_have_arrived", "wait_s"), RETRIED.values(), ids=RETRIED)
def test_what_may_go_another_time_is_stored(place, reply, reason, may_have_arrived, wait_s):
    """One request, no wait in the export, everything on disk; nothing is sent before the wait is over, then all of it is, once."""
    at = place(reply)
    assert at.delivery.deliver(items(3)) is STORED
    assert at.delivery.deliver([b'{"n":3}']) is STORED
    assert len(at.transport.sent) == 1
    snapshot = at.counts.snapshot()
    assert (snapshot.retried, snapshot.possibly_duplicated) == ({reason: 3}, 3 if may_have_arrived else 0)
    assert (snapshot.stored, snapshot.dropped) == (4, {})
    assert at.delivery.drain_step() == pytest.approx(wait_s)
    assert len(at.transport.sent) == 1
    at.clock.advance(wait_s)
    at.drain()
    assert numbers(at.transport.sent[1]) == [0, 1, 2, 3]
    assert (at.counts.snapshot().sent, at.stored()) == (4, [])


REFUSED = {
    "400": (Reply(status=400), "refused by the service: bad request"),
    "404": (Reply(status=404), "refused by the service: not found"),
    "405": (Reply(status=405), "refused by the service: status 405"),
    "402": (Reply(status=402), "refused by the service: quota exceeded"),
    "439": (Reply(status=439), "refused by the service: quota exceeded"),
}


@pytest.mark.parametrize(("reply", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_for_good_is_counted(place, reply, reason):
    """Each refusal is one request, no wait (peer defects 6 and 7), and a count under its reason; nothing is stored."""
    at = place(reply)
    assert at.delivery.deliver(items(3)) is LOST
    assert len(at.transport.sent) == 1
    assert at.counts.snapshot() == CountsSnapshot(dropped={reason: 3})
    assert at.delivery.drain_step() is None


def test_partial_success(place):
    """Accepted items are sent, refused ones dropped, and only retryable ones stored; the next batch goes out at once."""
    at = place(partial(206, (0, 400), (2, 500)))
    assert at.delivery.deliver(items(3)) is LOST
    assert at.stored() == [2]
    assert at.counts.snapshot() == CountsSnapshot(
        sent=1, dropped={"refused by the service: item status 400": 1}, stored=1, retried={"some items refused for now": 1}
    )
    assert at.delivery.deliver(items(1)) is DELIVERED


def test_partial_success_with_a_wait(place):
    """A 206 that says how long to wait is obeyed."""
    reply = partial(206, (1, 429))
    at = place(Reply(status=206, headers={"retry-after": "30"}, body=reply.body))
    assert at.delivery.deliver(items(3)) is STORED
    assert at.delivery.deliver(items(1)) is STORED
    assert (len(at.transport.sent), at.delivery.drain_step()) == (1, 30.0)


def test_sampled_out_items_are_delivered(place):
    """Items that the service sampled out are done with."""
    at = place(partial(206, (0, 206)))
    assert at.delivery.deliver(items(3)) is DELIVERED
    assert at.counts.snapshot() == CountsSnapshot(sent=3)


def test_an_item_that_is_always_refused_for_now(place):
    """It is offered less than six times a minute, and keeps nothing else from being sent."""
    poison = [lambda sent: partial(206, *[(index, 500) for index, item in enumerate(sent) if item["n"] == 1])] * 20
    at = place(*poison)
    assert at.delivery.deliver(items(3)) is STORED
    for _ in range(3):
        assert at.delivery.drain_step() >= 10.0
        at.clock.advance(40)
        assert at.delivery.deliver([b'{"n":7}']) is DELIVERED
    assert at.stored() == [1]


def test_too_large_is_halved(place):
    """A 413 sends both halves; a lone item that is too large is dropped."""
    at = place(Reply(status=413), Reply(status=200), Reply(status=413), Reply(status=413), Reply(status=200))
    assert at.delivery.deliver(items(4)) is LOST
    assert [numbers(sent) for sent in at.transport.sent] == [[0, 1, 2, 3], [0, 1], [2, 3], [2], [3]]
    assert at.counts.snapshot() == CountsSnapshot(sent=3, dropped={"payload too large": 1})


def test_too_large_then_busy(place):
    """When one half of a batch is refused for now, both what it held and what was not tried are stored."""
    at = place(Reply(status=413), Reply(status=503))
    assert at.delivery.deliver(items(4)) is STORED
    assert (len(at.transport.sent), at.stored()) == (2, [0, 1, 2, 3])


def test_quota_stops_sending_for_a_while(place):
    """After a quota reply nothing is sent until its wait is over: what is offered is dropped, what is stored stays."""
    at = place(Reply(status=503), Reply(status=402, headers={"retry-after": "30"}))
    assert at.delivery.deliver(items(2)) is STORED
    at.clock.advance(10)
    assert at.delivery.deliver(items(2)) is LOST
    at.clock.advance(29)
    assert at.delivery.deliver(items(3)) is LOST
    assert (at.delivery.drain_step(), len(at.transport.sent)) == (1.0, 2)
    assert at.counts.snapshot().dropped == {"refused by the service: quota exceeded": 2, "paused: quota exceeded": 3}
    at.clock.advance(1)
    assert at.delivery.deliver(items(1)) is DELIVERED
    at.drain()
    assert at.counts.snapshot().sent == 3


def test_redirect_is_followed_and_remembered(place):
    """A trusted redirect is followed with its path, and remembered until it expires (peer defect 9)."""
    at = place(redirect(SISTER, **{"cache-control": "max-age=60"}))
    assert at.delivery.deliver(items(1)) is DELIVERED
    assert at.delivery.deliver(items(1)) is DELIVERED
    at.clock.advance(60)
    assert at.delivery.deliver(items(1)) is DELIVERED
    assert [sent.url for sent in at.transport.sent] == [URL, SISTER, SISTER, URL]
    assert at.counts.snapshot() == CountsSnapshot(sent=3)


def test_redirect_is_forgotten_when_it_fails(place):
    """When the remembered place fails, the next request asks the configured one again."""
    at = place(redirect(SISTER, 308), Reply(status=200), Reply(status=503))
    assert [at.delivery.deliver(items(1)) for _ in range(2)] == [DELIVERED, STORED]
    at.clock.advance(10)
    at.drain()
    assert [sent.url for sent in at.transport.sent] == [URL, SISTER, SISTER, URL]


def test_circular_redirects_end(place):
    """Redirects without end are given up after ten (peer defect 9), and what they kept from being sent is stored."""
    at = place(*[redirect(SISTER), redirect(URL)] * 5, redirect(SISTER))
    assert at.delivery.deliver(items(2)) is STORED
    assert len(at.transport.sent) == 11
    assert at.counts.snapshot().retried == {"redirected too often": 2}
    at.clock.advance(10)
    at.drain()
    assert (at.transport.sent[11].url, at.counts.snapshot().sent) == (URL, 2)


def test_redirect_to_a_stranger(place, caplog):
    """A redirect to a host that is not trusted is not followed (peer defect 46), and said once."""
    at = place(redirect("https://evil.test/"), redirect("https://evil.test/"))
    at.delivery.deliver(items(2))
    at.clock.advance(10)
    at.delivery.deliver(items(1))
    assert [sent.url for sent in at.transport.sent] == [URL, URL]
    (said,) = warnings(caplog)
    assert "(redirect not trusted: it leads to another host)" in said


# --- What the service does not account for -------------------------------------------------------------------------------------------


def test_items_without_a_reason_are_counted(place, caplog):
    """What the service neither accepts nor gives an error for is said to be lost, and not said to be sent."""
    at = place(partial(206, (0, 400), (1, 503), accepted=2))
    assert at.delivery.deliver(items(7)) is LOST
    snapshot = at.counts.snapshot()
    assert (snapshot.sent, snapshot.stored) == (2, 1)
    assert snapshot.dropped == {"refused by the service: item status 400": 1, "not accepted, no reason given": 3}
    assert "Telemetry was lost: 3 x not accepted, no reason given" in caplog.text


def test_a_batch_without_a_reason_is_tried_once_more(place):
    """Where nothing is accepted and nobody says why, the items are kept and sent once more, and then counted as lost."""
    at = place(partial(200, accepted=0), partial(200, accepted=0), Reply(status=200))
    assert at.delivery.deliver(items(3)) is STORED
    at.clock.advance(10)
    at.delivery.drain_step()
    assert (len(at.transport.sent), at.stored()) == (2, [])
    assert at.counts.snapshot().dropped == {"not accepted, no reason given": 3}
    at.clock.advance(20)
    assert at.delivery.deliver([b'{"n":9}']) is DELIVERED


def test_an_outage_before_is_no_try(place):
    """What was kept for another reason has its one more try as well, beside what had it."""
    at = place(Reply(status=503), partial(200, accepted=0), Reply(status=200))
    assert at.delivery.deliver(items(3)) is STORED
    at.clock.advance(10)
    at.delivery.drain_step()
    assert at.stored() == [0, 1, 2]
    at.clock.advance(60)
    at.drain()
    assert (at.counts.snapshot().sent, at.counts.snapshot().dropped) == (3, {})


# --- What the log says -----------------------------------------------------------------------------------------------------------------


def warnings(caplog):
    """Return the texts of the warnings."""
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_an_outage_is_said_once(place, caplog):
    """Its first failure says where to, why, where the items are and when the next try is; the first success says that it is over."""
    down = Reply(error=SendError("connect", "the connection was refused"))
    at = place(down, down, Reply(status=200), Reply(status=200), url="https://ingest.test:8443/v2.1/track")
    caplog.set_level("DEBUG", "appinsights_exporter")
    at.delivery.deliver(items(2))
    at.clock.advance(10)
    at.delivery.drain_step()
    at.clock.advance(30)
    at.drain()
    at.delivery.deliver(items(1))
    tried = "2 items could not be sent to ingest.test:8443: no connection: the connection was refused."
    said = "Telemetry cannot be sent to ingest.test:8443 (no connection: the connection was refused). "
    said += f"It is kept in {at.store.folder}; the next try is in 10 s. A log line follows when it is sent again."
    over = "Telemetry is sent to ingest.test:8443 again."
    logged = [("DEBUG", tried), ("WARNING", said), ("DEBUG", tried), ("INFO", over)]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == logged


def test_each_cause_of_an_outage_is_said(place, caplog):
    """A certificate that is not accepted is said although the host could not be found before; each cause is said once."""
    causes = ["the name of the host was not found", "the certificate of the other side is not accepted: it has expired"] * 2
    at = place(*(Reply(error=SendError("connect", cause)) for cause in causes))
    at.delivery.deliver(items(1))
    for _ in causes[1:]:
        at.clock.advance(100)
        at.delivery.drain_step()
    assert [next(cause for cause in causes if cause in said) for said in warnings(caplog)] == causes[:2]


def test_an_endpoint_that_comes_and_goes(place, caplog):
    """Outages that follow each other are said once a minute."""
    at = place(*[Reply(status=503), Reply(status=200)] * 4)
    for _ in range(4):
        at.delivery.deliver(items(1))
        at.clock.advance(20)
        at.drain()
    assert len(warnings(caplog)) == 2


def test_a_wait_cut_short_is_no_outage(place, caplog):
    """A reply for which a flush did not wait long enough is not said to be missing; one that is missing later is."""
    at = place(*(Reply(error=SendError("reply", "there was no whole reply in time", early=early)) for early in (True, False)))
    at.delivery.deliver(items(1))
    assert warnings(caplog) == []
    at.clock.advance(10)
    at.delivery.drain_step()
    assert len(warnings(caplog)) == 1


def test_an_outage_without_a_disk(place, caplog):
    """Where the items are held in memory, the warning says so."""
    at = place(Reply(status=503), disk=False)
    assert at.delivery.deliver(items(1)) is HELD
    (said,) = warnings(caplog)
    assert "It is kept in memory; the next try is in 10 s." in said


def test_an_outage_at_the_end(place, caplog):
    """A process that ends leaves the next try to another one."""
    at = place(Reply(status=503))
    at.delivery.set_deadline(5)
    assert at.delivery.deliver(items(1)) is STORED
    (said,) = warnings(caplog)
    assert said.endswith(f"It is kept in {at.store.folder}; a later process sends it.")


# --- Waiting -------------------------------------------------------------------------------------------------------------------------


def test_waits_grow_until_something_is_accepted(place):
    """Each try that fails makes the wait longer; one success ends it, and the next failure starts from the beginning."""
    at = place(*[Reply(status=503)] * 4, Reply(status=200), Reply(status=503))
    at.delivery.deliver(items(1))
    waits = []
    for _ in range(3):
        waits.append(at.delivery.drain_step())
        at.clock.advance(max(waits[-1], 20))
        at.delivery.drain_step()
    assert waits == [10.0, 10.0, 17.5]
    at.clock.advance(40)
    at.delivery.drain_step()
    assert at.counts.snapshot().sent == 1
    at.delivery.deliver(items(1))
    assert at.delivery.drain_step() == 10.0


def test_signals_share_one_state(place):
    """What one signal learns of the endpoint counts for all, and is counted by signal."""
    at = place(Reply(status=503))
    at.delivery.deliver(items(1), "traces")
    at.delivery.deliver(items(2), "logs")
    assert len(at.transport.sent) == 1
    assert at.counts.snapshot("traces") == CountsSnapshot(stored=1, retried={"service unavailable": 1})
    assert at.counts.snapshot("logs") == CountsSnapshot(stored=2)
    assert at.counts.snapshot() == CountsSnapshot(stored=3, retried={"service unavailable": 1})


def test_a_backlog_drains_in_groups_with_pauses(place):
    """Two thousand items leave in four requests, oldest first, ever faster while the service takes them, and the store is empty."""
    at = place(Reply(status=503))
    for start in range(0, 2000, 100):
        at.delivery.deliver([b'{"n":%d}' % number for number in range(start, start + 100)])
    at.clock.advance(10)
    assert at.drain() == pytest.approx([0.1, 0.05, 0.04, 0.04])
    assert [number for sent in at.transport.sent[1:] for number in numbers(sent)] == list(range(2000))
    assert [len(sent.items) for sent in at.transport.sent[1:]] == [500] * 4
    assert at.counts.snapshot() == CountsSnapshot(sent=2000, stored=2000, retried={"service unavailable": 100})


def test_a_drain_stops_at_the_first_failure(place):
    """A group that fails stays in the store, as does what is behind it."""
    at = place(Reply(status=503), Reply(status=200), Reply(status=503))
    for start in range(0, 1500, 500):
        at.delivery.deliver([b'{"n":%d}' % number for number in range(start, start + 500)])
    at.clock.advance(30)
    assert [at.delivery.drain_step(), at.delivery.drain_step()] == [0.1, 10.0]
    assert at.stored() == list(range(500, 1500))


def test_a_speed_that_was_refused_is_not_tried_again_for_ten_minutes(place):
    """After a refusal a drain begins slowly, and stays at half the speed that was refused; after ten minutes it tries again."""
    at = place(*[Reply(status=200)] * 3, Reply(status=429, headers={"retry-after": "1"}), *[Reply(status=200)] * 100)
    for _ in range(30):
        at.store.put([b"{}"] * 500)
    at.delivery.kept()
    waits = []
    for number in range(14):
        if number == 10:
            at.clock.advance(600)
        waits.append(at.delivery.drain_step())
        at.clock.advance(max(waits[-1], 0.01))
    assert waits == pytest.approx([0.1, 0.05, 0.04, 10.0, 0.1, 0.08, 0.08, 0.08, 0.08, 0.08, 0.04, 0.04, 0.04, 0.04])


def test_new_items_go_before_kept_ones(place):
    """While an export is under way, a drain waits for it, but not for longer than five groups a second."""
    at = place()
    for number in range(5):
        at.store.put([b'{"n":%d}' % number])
    at.delivery.kept()
    waits = []

    def new_items():
        while not at.transport.sent:
            waits.append(at.delivery.drain_step())
            at.clock.advance(0.0125)
        yield b'{"n":9}'

    at.delivery.deliver(new_items())
    assert [numbers(sent) for sent in at.transport.sent] == [[0, 1, 2, 3, 4], [9]]
    assert waits == pytest.approx([0.01] * 16 + [0.1])


def test_what_an_earlier_process_left(place):
    """The next process sends it."""
    before = place(Reply(status=503))
    before.delivery.deliver(items(3))
    after = place()
    after.drain()
    assert [numbers(sent) for sent in after.transport.sent] == [[0, 1, 2]]


# --- Without a disk ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["off", "cannot be written"])
def test_without_a_disk_items_are_held_in_memory(place, tmp_path, why, caplog):
    """They are sent when the endpoint is back; a disk that cannot be used is said once."""
    if why != "off":
        (tmp_path / "store").write_text("in the way")
    at = place(Reply(status=503), disk=why != "off")
    assert [at.delivery.deliver(items(2)), at.delivery.deliver(items(2))] == [HELD, HELD]
    assert (at.counts.snapshot().held, at.delivery.kept()) == (4, 4)
    assert caplog.text.count("cannot be stored") == (0 if why == "off" else 1)
    at.clock.advance(10)
    at.drain()
    assert (at.counts.snapshot().sent, at.delivery.kept()) == (4, 0)


def test_memory_is_bounded(place):
    """The oldest items go when there are too many, and are counted."""
    at = place(Reply(status=503), disk=False)
    at.delivery.deliver([b'{"n":1,"x":"%s"}' % (b"x" * 60_000)])
    for _ in range(100):
        at.delivery.deliver([b'{"n":2,"x":"%s"}' % (b"x" * 60_000)])
    snapshot = at.counts.snapshot()
    assert snapshot.dropped == {"store full: the oldest dropped": 101 - at.delivery.kept()}
    assert at.delivery.kept() == 4 * 1024 * 1024 // 60_080


def test_what_memory_holds_at_shutdown_is_tried_once_more(place):
    """Where the endpoint may be asked again it is; else the items are counted as lost."""
    for wait_s, expected in ((10, CountsSnapshot(sent=1)), (1, CountsSnapshot(dropped={"not delivered before exit": 1}))):
        at = place(Reply(status=503), disk=False)
        at.delivery.deliver(items(1))
        at.clock.advance(wait_s)
        at.delivery.shutdown(5)
        snapshot = at.counts.snapshot()
        assert (snapshot.sent, snapshot.dropped) == (expected.sent, expected.dropped)


# --- Tokens --------------------------------------------------------------------------------------------------------------------------


class Tokens:
    """Gives tokens from a list, and notes what is asked and thrown away."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.invalidated = []

    def header_for(self, url, timeout_s):
        """Return the next answer."""
        self.asked.append(url)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def invalidate(self, header):
        """Note it."""
        self.invalidated.append(header)


def test_token(place):
    """Each request carries the token for the address that it goes to."""
    tokens = Tokens("Bearer a")
    at = place(redirect(SISTER), tokens=tokens)
    at.delivery.deliver(items(1))
    assert [sent.headers["Authorization"] for sent in at.transport.sent] == ["Bearer a"] * 2
    assert tokens.asked == [URL, SISTER]


@pytest.mark.parametrize("status", [401, 403])
def test_refused_token(place, status):
    """It is thrown away, the items are stored, and go out with the next one."""
    tokens = Tokens("Bearer a", "Bearer b")
    at = place(Reply(status=status), tokens=tokens)
    assert at.delivery.deliver(items(1)) is STORED
    assert tokens.invalidated == ["Bearer a"]
    at.clock.advance(10)
    at.drain()
    assert [sent.headers["Authorization"] for sent in at.transport.sent] == ["Bearer a", "Bearer b"]


def test_no_token(place):
    """Without a token nothing is sent, and everything is stored until there is one (peer defect 5)."""
    at = place(tokens=Tokens(NoToken(reasons.TOKEN_FAILED, 30.0), "Bearer b"))
    assert at.delivery.deliver(items(2)) is STORED
    assert at.transport.sent == []
    assert at.counts.snapshot().retried == {"no token: the credential failed": 2}
    assert at.delivery.drain_step() == 30.0
    at.clock.advance(30)
    at.drain()
    assert at.counts.snapshot().sent == 2


# --- The end -------------------------------------------------------------------------------------------------------------------------


def test_deadline(place):
    """With a deadline, exchanges get what is left of it but for the time to store, and after it everything is stored."""
    at = place()
    at.delivery.set_deadline(5)
    assert at.transport.hurried_s == [4.5]
    at.clock.advance(2)
    assert at.delivery.deliver(items(1)) is DELIVERED
    at.clock.advance(2.5)
    assert at.delivery.deliver(items(2)) is STORED
    assert [sent.timeout_s for sent in at.transport.sent] == [2.5]
    assert at.counts.snapshot() == CountsSnapshot(sent=1, stored=2, retried={"no time left before exit": 2})


def test_after_shutdown(place):
    """After shutdown nothing is sent: what still comes is stored, and the transport is closed."""
    at = place()
    at.delivery.shutdown(5)
    at.delivery.shutdown(5)
    assert at.delivery.deliver(items(2)) is STORED
    assert (at.transport.sent, at.transport.closed, at.stored()) == ([], 1, [0, 1])


def test_after_shutdown_without_a_disk(place):
    """Without a disk it is lost, and counted."""
    at = place(disk=False)
    at.delivery.shutdown(5)
    assert at.delivery.deliver(items(2)) is LOST
    assert at.counts.snapshot() == CountsSnapshot(dropped={"not delivered: offered after shutdown": 2})


class Slow:
    """A reply that waits to be released."""

    def __init__(self):
        self.entered, self.release = threading.Event(), threading.Event()

    def __call__(self, sent):
        """Wait."""
        self.entered.set()
        self.release.wait(60)
        return Reply(status=200)


def test_shutdown_waits_for_what_is_under_way():
    """Shutdown returns when an exchange in another thread has ended."""
    slow = Slow()
    transport = FakeTransport([slow])
    made = Delivery(transport)
    sender = threading.Thread(target=made.deliver, args=(items(1),))
    sender.start()
    assert slow.entered.wait(60)
    closer = threading.Thread(target=made.shutdown, args=(10,))
    closer.start()
    closer.join(0.05)
    assert closer.is_alive()
    slow.release.set()
    closer.join(60)
    sender.join(60)
    assert made.counts.snapshot() == CountsSnapshot(sent=1)
    assert transport.closed == 1


def test_shutdown_does_not_wait_for_ever():
    """Shutdown gives up after its time."""
    slow = Slow()
    made = Delivery(FakeTransport([slow]))
    sender = threading.Thread(target=made.deliver, args=(items(1),))
    sender.start()
    assert slow.entered.wait(60)
    made.shutdown(0.05)
    assert sender.is_alive()
    slow.release.set()
    sender.join(60)


# --- No storage on disk -------------------------------------------------------------------------------------------------------------


def test_nothing_more_is_stored_for_who_asks_for_that(tmp_path, caplog):
    """Of several exporters for a resource, one that wants nothing on disk decides for all, whenever it comes, and it is said."""
    place = Place(tmp_path / "store", Reply(status=503))
    assert place.delivery.deliver(items(1)) is Result.STORED
    place.delivery.stop_storing()
    place.delivery.stop_storing()
    assert place.delivery.deliver(items(2)) is Result.HELD
    assert place.stored() == [0]
    assert caplog.text.count("An exporter was created without storage on disk") == 1


def test_what_was_stored_is_sent_all_the_same(tmp_path):
    """What is on disk when somebody asks for no disk leaves it by being sent."""
    place = Place(tmp_path / "store", Reply(status=503))
    place.delivery.deliver(items(1))
    place.delivery.stop_storing()
    place.clock.advance(3600)
    while place.delivery.drain_step() is not None:
        place.clock.advance(60)
    assert place.stored() == []
    assert place.counts.snapshot().sent == 1


def test_what_a_mock_refused_rests(place, monkeypatch):
    """While a test has something in the place of the endpoint, what was not taken is offered to that only after a minute, also after a success."""
    at = place(Reply(status=500), Reply(status=200), Reply(status=200))
    monkeypatch.setattr("appinsights_exporter.delivery.transport.stand_in_for_post", lambda: print)
    assert (at.delivery.deliver(items(1), "spans"), at.delivery.deliver(items(2), "spans")) == (STORED, DELIVERED)
    assert (at.delivery.drain_step(), len(at.transport.sent)) == (60.0, 2)
    at.clock.advance(60.0)
    at.delivery.drain_step()
    assert (len(at.transport.sent), at.stored()) == (3, [])
