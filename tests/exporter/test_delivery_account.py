"""Whatever replies come, in whatever order: what was offered was accepted, refused for good and counted, or is kept."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from appinsights_exporter.delivery.backoff import Backoff
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.delivery.store import Store
from appinsights_exporter.delivery.transport import Reply, SendError
from appinsights_exporter.testing import FakeTransport, ManualClock

STATUSES = st.sampled_from([200, 206, 302, 307, 400, 401, 402, 403, 404, 408, 413, 418, 429, 439, 500, 502, 503, 504, 599])
ITEM_STATUSES = st.sampled_from([200, 206, 400, 403, 429, 500])
RETRY_AFTER = st.sampled_from([None, "0", "5", "90", "-1", "soon", "Tue, 14 Nov 2023 22:32:00 GMT"])


class Service:
    """Answers as it is told, and knows what it took."""

    def __init__(self):
        self.taken = Counter()
        self.next = lambda items: self.take(items, 200)

    def take(self, items, status):
        """Take all items if the status says so."""
        if status == 200:
            self.taken.update(item["n"] for item in items)
        return Reply(status=status)

    def take_some(self, items, statuses):
        """Take those items whose status says so; a status of 206 stands for sampled out, which is as good."""
        errors = []
        for index, item in enumerate(items):
            status = statuses[index % len(statuses)]
            if status in (200, 206):
                self.taken[item["n"]] += 1
            if status != 200:
                errors.append({"index": index, "statusCode": status, "message": ""})
        body = {"itemsReceived": len(items), "itemsAccepted": len(items) - len(errors), "errors": errors}
        return Reply(status=206 if errors else 200, body=json.dumps(body).encode())

    def __call__(self, items):
        """Answer."""
        return self.next(items)


class Account(RuleBasedStateMachine):
    """A delivery with a small store, or with memory alone, and a service of moods."""

    disk = True

    def __init__(self):
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.clock = ManualClock()
        self.service = Service()
        self.offered = 0
        self.store = Store(self.folder + "/s", max_bytes=5 * 4096, clock=self.clock, wall_clock=self.wall_clock)
        self.delivery = Delivery(
            FakeTransport(iter(lambda: self.service, None)),
            store=(lambda: self.store) if self.disk else None,
            backoff=Backoff(Random(1), self.clock),
            background=False,
            clock=self.clock,
            wall_clock=self.wall_clock,
        )

    def wall_clock(self):
        """Return seconds since the epoch."""
        return 1_700_000_000.0 + self.clock.now_s

    def teardown(self):
        """Remove the folder."""
        shutil.rmtree(self.folder)

    @rule(status=STATUSES, retry_after=RETRY_AFTER)
    def it_answers(self, status, retry_after):
        """The service gives this status to everything."""
        headers = {} if retry_after is None else {"retry-after": retry_after}
        if status == 307:
            headers["location"] = "https://stranger.test/"

        def answer(items):
            reply = self.service.take(items, status)
            return Reply(status=reply.status, headers=headers)

        self.service.next = answer

    @rule(statuses=st.lists(ITEM_STATUSES, min_size=1, max_size=5))
    def it_judges_items(self, statuses):
        """The service takes some of the items."""
        self.service.next = lambda items: self.service.take_some(items, statuses)

    @rule(kind=st.sampled_from(["connect", "reply"]))
    def it_is_away(self, kind):
        """The service cannot be reached."""
        self.service.next = lambda _: Reply(error=SendError(kind, "x"))

    @rule(count=st.integers(1, 700), signal=st.sampled_from(["traces", "logs"]))
    def offer(self, count, signal):
        """The program offers items."""
        items = [b'{"n":%d}' % number for number in range(self.offered, self.offered + count)]
        self.offered += count
        self.delivery.deliver(items, signal)

    @rule(seconds=st.sampled_from([1.0, 15.0, 100.0, 4000.0]))
    def time_passes(self, seconds):
        """Time passes."""
        self.clock.advance(seconds)

    @rule(steps=st.integers(1, 5))
    def drain(self, steps):
        """What is kept is sent, or tried."""
        for _ in range(steps):
            self.delivery.drain_step()

    @rule()
    def recover(self):
        """The service is well again for long enough."""
        self.service.next = lambda items: self.service.take(items, 200)
        self.clock.advance(90_000)
        while self.delivery.drain_step() is not None:
            pass
        assert self.delivery.kept() == 0

    @invariant()
    def everything_is_accounted_for(self):
        """Nothing is unaccounted for, and nothing was taken twice."""
        counted = self.delivery.counts.snapshot()
        assert self.offered == counted.sent + sum(counted.dropped.values()) + self.delivery.kept()
        assert counted.sent == self.service.taken.total()
        assert self.service.taken.total() == len(self.service.taken)


class AccountInMemory(Account):
    """The same without a disk."""

    disk = False


@pytest.mark.usefixtures("caplog")
@pytest.mark.parametrize("machine", [Account, AccountInMemory])
def test_account(machine):
    """Offered = accepted + counted as lost + kept, and nothing arrives twice, after any sequence of faults."""
    test = machine.TestCase()
    test.settings = settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    test.runTest()
