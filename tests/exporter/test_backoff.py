"""How long an endpoint is left alone."""

from __future__ import annotations

from itertools import islice
from random import Random

import pytest

from appinsights_exporter.delivery.backoff import Backoff, intervals_s
from appinsights_exporter.testing import ManualClock


class Top(Random):
    """Gives the top of each range."""

    def uniform(self, a, b):
        """Return it."""
        return b


def test_ranges_double():
    """The most that is waited after the first, second, third … failure: (2^n - 1) / 2 times 10 s, at least 10 s and at most an hour."""
    assert list(islice(intervals_s(Top()), 11)) == [10.0, 15.0, 35.0, 75.0, 155.0, 315.0, 635.0, 1275.0, 2555.0, 3600.0, 3600.0]


def test_jitter():
    """Two processes that fail together do not come back together; no wait leaves the limits, however many there were."""
    one, two = (list(islice(intervals_s(Random(seed)), 2000)) for seed in (1, 2))
    assert one[3:9] != two[3:9]
    assert min(one) == 10.0
    assert max(one) <= 3600.0


@pytest.fixture
def clock():
    """A clock set by hand."""
    return ManualClock()


@pytest.fixture
def backoff(clock):
    """A back-off without jitter."""
    return Backoff(Top(), clock)


def test_before_anything_failed(backoff):
    """Nothing is waited for, and a success is no news."""
    assert backoff.wait_s() == 0.0
    assert backoff.succeeded() is False


def test_the_wait_passes(backoff, clock):
    """After a failure the endpoint is left alone for the interval, and then asked again."""
    backoff.failed()
    assert backoff.wait_s() == 10.0
    clock.advance(4)
    assert backoff.wait_s() == 6.0
    clock.advance(6)
    assert backoff.wait_s() == 0.0


def test_a_burst_is_one_failure(backoff, clock):
    """Requests that fail together are one step of the schedule; twenty seconds later it is the next."""
    for _ in range(8):
        backoff.failed()
        clock.advance(1)
    assert backoff.wait_s() == 9.0
    clock.advance(12)
    backoff.failed()
    assert backoff.wait_s() == 15.0


def test_success_ends_it(backoff, clock):
    """A success ends the wait and starts the schedule from the beginning, and says that this is news."""
    for _ in range(3):
        backoff.failed()
        clock.advance(25)
    assert backoff.succeeded() is True
    assert backoff.wait_s() == 0.0
    backoff.failed()
    assert backoff.wait_s() == 10.0


@pytest.mark.parametrize(("after_s", "wait_s"), [(120.0, 120.0), (0.0, 1.0), (3.0, 3.0)])
def test_what_the_service_asks_for(backoff, after_s, wait_s):
    """Its wait is obeyed, shorter than ours or longer, but it is never asked again at once."""
    backoff.failed(after_s)
    assert backoff.wait_s() == wait_s


def test_a_longer_wait_stays(backoff):
    """A failure without a wished wait does not shorten one that was asked for."""
    backoff.failed(300.0)
    backoff.failed()
    assert backoff.wait_s() == 300.0
