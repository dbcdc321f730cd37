"""Counting of losses, and the log line about them."""

from __future__ import annotations

import logging
import os
import threading

import pytest

from appinsights_exporter.counts import Counts, CountsSnapshot, RateLimit
from appinsights_exporter.reasons import NO_CONNECTION, Reason
from appinsights_exporter.testing import ManualClock

A, B, C = map(Reason, "abc")


def test_counts_by_reason(caplog):
    """Sent and filtered items are summed, losses by reason; nothing lost is nothing counted."""
    counts = Counts(ManualClock())
    counts.sent(3)
    counts.sent(4)
    counts.filtered(2)
    counts.dropped(A)
    counts.dropped(B, 5)
    counts.dropped(A, 2)
    counts.dropped(C, 0)
    assert counts.snapshot() == CountsSnapshot(sent=7, filtered=2, dropped={"a": 3, "b": 5})
    assert [record.getMessage().split(".")[0] for record in caplog.records] == ["Telemetry was lost: 1 x a", "Telemetry was lost: 5 x b"]


def test_a_snapshot_has_the_text_of_reasons():
    """Its keys are texts; what prefixes make of reasons that differ in their codes alone is one key."""
    counts = Counts(ManualClock())
    counts.dropped(Reason("a", "400"), 2)
    counts.dropped(Reason("a", "500"), 3)
    counts.dropped(A.after("not stored: "))
    assert counts.snapshot().dropped == {"a": 5, "not stored: a": 1}


def test_counts_by_signal():
    """Each signal has its own numbers, and all together are their sums."""
    counts = Counts(ManualClock())
    counts.sent(1, "traces")
    counts.stored(2, "logs")
    counts.held(3, "logs")
    counts.retried(A, 4, "logs")
    counts.retried(A, 1, "traces")
    counts.possibly_duplicated(5, "metrics")
    assert counts.snapshot("traces") == CountsSnapshot(sent=1, retried={"a": 1})
    assert counts.snapshot("logs") == CountsSnapshot(stored=2, held=3, retried={"a": 4})
    assert counts.snapshot() == CountsSnapshot(sent=1, stored=2, held=3, retried={"a": 5}, possibly_duplicated=5)
    assert counts.snapshot("other") == CountsSnapshot()


def test_losses_are_logged_at_most_once_a_minute(caplog):
    """The first loss for a reason is logged at once; its next line comes after a minute, and each line sums up what was not said."""
    clock = ManualClock()
    counts = Counts(clock)
    counts.dropped(NO_CONNECTION, 2, detail="x.test")
    clock.advance(59)
    counts.dropped(NO_CONNECTION, 3)
    clock.advance(1)
    counts.dropped(Reason("bad request"))
    assert [record.getMessage() for record in caplog.records] == [
        "Telemetry was lost: 2 x no connection (the last: x.test). More losses are reported at most once a minute.",
        "Telemetry was lost: 3 x no connection, 1 x bad request. More losses are reported at most once a minute.",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_the_sums_are_said_at_the_end(caplog):
    """At the end each reason has a line with the sum of its losses, unless its only line said that; nothing is said twice."""
    clock = ManualClock()
    counts = Counts(clock)
    counts.dropped(A)
    counts.dropped(A, 3, signal="logs")
    counts.dropped(B, 2)
    counts.dropped(C)
    counts.dropped(C)
    counts.log_totals()
    counts.log_totals()
    assert [record.getMessage() for record in caplog.records][3:] == [
        "Telemetry was lost: 4 x a, 2 x c. These are the totals of this process."
    ]


def test_the_end_of_a_process(run_program):
    """A program that ends says on standard error what it has lost in all."""
    run_program(
        """
        from appinsights_exporter.counts import Counts
        from appinsights_exporter.reasons import PROCESSOR_RAISED

        counts = Counts()
        for _ in range(5):
            counts.dropped(PROCESSOR_RAISED)
        """,
        stderr="Telemetry was lost: 1 x a telemetry processor raised. More losses are reported at most once a minute.\n"
        "Telemetry was lost: 5 x a telemetry processor raised. These are the totals of this process.\n",
    )


def test_threads():
    """No count is lost between threads."""
    counts = Counts()
    threads = [threading.Thread(target=lambda: [counts.sent(1) for _ in range(2000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts.snapshot().sent == 8000


def test_rate_limit_keys():
    """Keys are limited one by one."""
    clock = ManualClock()
    limit = RateLimit(10, clock)
    assert [limit.due("a"), limit.due("a"), limit.due("b")] == [True, False, True]
    clock.advance(10)
    assert limit.due("a")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_starts_at_zero():
    """After a fork the child counts from zero, even if the parent held the lock."""
    counts = Counts()
    counts.sent(5)
    with counts._lock:
        pid = os.fork()
        if pid == 0:
            counts.sent(1)
            os._exit(counts.snapshot().sent)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    assert counts.snapshot().sent == 5
