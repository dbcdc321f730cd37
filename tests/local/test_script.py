from __future__ import annotations

import pytest

from opencensus_compat.local.misbehave import NORMAL, Close, DelayReply, RuleError, SlowReply, Status, Throttle
from opencensus_compat.local.script import Script


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        """Return the seconds so far."""
        return self.now_s


def test_no_rules_is_normal():
    """Without rules every request is served normally."""
    assert Script().next() is NORMAL


def test_times_and_order():
    """Two rules of one slot follow one another."""
    script = Script([Status(503, times=2), Status(429, times=1)])
    assert [getattr(script.next().outcome, "code", None) for _ in range(5)] == [503, 503, 429, None, None]
    assert script.rules() == []


def test_skip_and_every():
    """A rule can let requests pass first, and then take only each n-th."""
    script = Script([Status(503, skip=1, every=3, times=2)])
    assert [script.next().outcome is not None for _ in range(9)] == [False, True, False, False, True, False, False, False, False]


def test_slots_combine():
    """Rules of different slots apply to the same request."""
    behaviour = Script([DelayReply(1), Status(503), SlowReply(2), Close()]).next()
    assert behaviour.names == ("status", "delay_reply", "slow_reply", "close")


def test_for_s():
    """A rule with a duration ends with it."""
    clock = Clock()
    script = Script([Status(503, for_s=10)], clock)
    clock.now_s = 9.9
    assert script.next().outcome == Status(503, for_s=10)
    clock.now_s = 10.0
    assert script.next().outcome is None


def test_add_is_all_or_nothing():
    """When one of several rules is wrong, none is added."""
    script = Script()
    with pytest.raises(RuleError):
        script.add(["status:code=503", "nonsense"])
    assert script.rules() == []


def test_clear_ends_everything():
    """After a clear requests are served normally."""
    script = Script([Status(503)])
    script.clear()
    assert script.next() is NORMAL


def test_throttle_bucket():
    """A throttle grants what flows in, says how long to wait for the rest, and never blocks a large request for ever."""
    clock = Clock()
    script = Script((), clock)
    throttle = Throttle(10.0, burst=20)
    assert [script.wait_for_tokens(throttle, 15), script.wait_for_tokens(throttle, 10)] == [0.0, 0.5]
    clock.now_s = 0.5
    assert script.wait_for_tokens(throttle, 10) == 0.0
    clock.now_s = 10.0
    assert script.wait_for_tokens(throttle, 50) == 0.0
    assert script.wait_for_tokens(throttle, 1) == 3.1
