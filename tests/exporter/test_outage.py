"""Outages and bad networks, over real HTTP to the local endpoint: what is offered arrives, once, also while the program is idle."""

from __future__ import annotations

import json
import os
import time

import pytest

from appinsights_exporter import ApplicationInsightsSpanExporter, CountsSnapshot
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.settings import resolve
from appinsights_exporter.testing import span
from opencensus_compat.local import LocalEndpoint

pytestmark = pytest.mark.usefixtures("caplog")


@pytest.fixture
def endpoint():
    """A running endpoint."""
    with LocalEndpoint() as running:
        yield running


@pytest.fixture
def exporter(endpoint):
    """Return a function that makes an exporter with short waits; all of them are shut down in the end."""
    made = []

    def make(**options):
        settings = resolve(endpoint.connection_string, **{"min_backoff_s": 0.02, "max_backoff_s": 0.05, "environ": {}, **options})
        made.append(ApplicationInsightsSpanExporter(settings=settings))
        return made[-1]

    yield make
    for each in made:
        each.shutdown()


def spans(first, count=10):
    """Return spans that are called by their numbers and are of this moment."""
    now_ns = time.time_ns()
    return [span(str(number), start_ns=now_ns, end_ns=now_ns + 1000, span_id=number + 1) for number in range(first, first + count)]


def names(endpoint):
    """Return the names of the items that were accepted, sorted by number."""
    return sorted((envelope["data"]["baseData"]["name"] for envelope in endpoint.envelopes()), key=int)


def expected(count):
    """Return the names of so many spans."""
    return [str(number) for number in range(count)]


def test_an_outage(endpoint, exporter):
    """While the endpoint is down exports end at once; when it is back everything arrives without a further export."""
    made = exporter()
    assert made.export(spans(0)).name == "SUCCESS"
    endpoint.stop()
    begun_s = time.monotonic()
    for first in range(10, 100, 10):
        assert made.export(spans(first)).name == "SUCCESS"
    assert time.monotonic() - begun_s < 30
    endpoint.start()
    endpoint.wait_for(100)
    assert names(endpoint) == expected(100)
    assert made.counts.snapshot().dropped == {}


RECOVERABLE = {
    "busy": {"rule": "status", "code": 503, "times": 3},
    "busy, says for how long": {"rule": "status", "code": 429, "retry_after": "0", "times": 1},
    "unauthorized": {"rule": "status", "code": 401, "times": 2},
    "some items refused for now": {"rule": "partial", "statuses": [200, 503, 429], "times": 3},
    "reset before the body": {"rule": "reset_before_read", "times": 2},
    "reset within the body": {"rule": "reset_during_read", "times": 2},
    "reset after the body": {"rule": "reset_after_read", "times": 2},
    "no HTTP": {"rule": "garbage", "times": 2},
    "redirects in a circle": {"rule": "redirect", "times": 11},
    "redirect to a stranger": {"rule": "redirect", "location": "http://stranger.invalid/v2.1/track", "times": 2},
    "silent": {"rule": "silence", "times": 1},
}


@pytest.mark.parametrize("rule", RECOVERABLE.values(), ids=RECOVERABLE)
def test_recoverable_faults(endpoint, exporter, rule):
    """Whatever kept items from arriving for a while, each of them arrives once, none is lost, and the idle program sends them itself."""
    # A reply that is late would be taken for none, and its items sent again: short only where none comes.
    made = exporter(timeout_s=3 if rule["rule"] == "silence" else 60)
    endpoint.misbehave(rule)
    for first in range(0, 40, 10):
        assert made.export(spans(first)).name == "SUCCESS"
    endpoint.wait_for(40)
    made.shutdown()
    assert names(endpoint) == expected(40)
    snapshot = made.counts.snapshot()
    assert (snapshot.sent, snapshot.dropped) == (40, {})


@pytest.mark.parametrize("rule", ["lose_reply", "truncate", "slow_reply"])
def test_a_lost_reply(endpoint, exporter, rule):
    """Items that were accepted although the reply was lost are sent again, and counted as possible duplicates; nothing is lost."""
    made = exporter(timeout_s=3 if rule == "slow_reply" else 60)
    options = {"seconds": 1.0} if rule == "slow_reply" else {}
    endpoint.misbehave({"rule": rule, "times": 1, **options})
    assert made.export(spans(0)).name == "SUCCESS"
    endpoint.wait_for(20)
    assert names(endpoint) == sorted(expected(10) * 2, key=int)
    assert made.counts.snapshot().possibly_duplicated == 10


def test_memory_instead_of_a_disk(endpoint, exporter, temporary_folder):
    """With storage switched off an outage is bridged in memory, and no disk is touched."""
    made = exporter(storage_enabled=False)
    endpoint.stop()
    assert made.export(spans(0)).name == "FAILURE"
    endpoint.start()
    endpoint.wait_for(10)
    made.shutdown()
    assert list(temporary_folder.iterdir()) == []
    assert made.counts.snapshot() == CountsSnapshot(
        sent=10, held=10, retried={"no connection": made.counts.snapshot().retried["no connection"]}
    )


def test_the_folder_can_be_chosen(endpoint, exporter, tmp_path, temporary_folder):
    """The store is in the given folder, for this user only, and the one for temporary files stays empty."""
    made = exporter(storage_folder=tmp_path / "kept", min_backoff_s=60)
    endpoint.stop()
    made.export(spans(0))
    (folder,) = (tmp_path / "kept").iterdir()
    (file,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert list(temporary_folder.iterdir()) == []


def test_threads_end(endpoint, exporter):
    """When everything has been sent, no thread that sends it stays."""
    made = exporter()
    endpoint.stop()
    made.export(spans(0))
    assert made._delivery.delivery._drain.running
    endpoint.start()
    endpoint.wait_for(10)
    assert made._delivery.delivery._drain._ended.wait(60)
    assert not made._delivery.delivery._drain.running


def test_two_exporters_on_one_store(endpoint, exporter):
    """Two processes that share a folder (here two deliveries) send each item once."""
    one = exporter()
    endpoint.stop()
    for first in range(0, 50, 10):
        one.export(spans(first))
    two = Delivery(
        one._delivery.delivery._transport,
        store=one._delivery.delivery.backlog._make_store,
        backoff=type(one._delivery.delivery._backoff)(one._delivery.delivery._backoff._random, time.monotonic, minimum_s=0.02),
    )
    endpoint.start()
    two._look_for_leftovers()
    endpoint.wait_for(50)
    two.shutdown(5)
    one.shutdown()
    assert names(endpoint) == expected(50)


def test_what_the_retired_exporter_left(endpoint, exporter, temporary_folder):
    """At the first export, its files are moved over and sent, and its empty folder is removed."""
    key = resolve(endpoint.connection_string, environ={}).instrumentation_key
    left = temporary_folder / f"opencensus-python-{key}"
    left.mkdir()
    (envelope,) = exporter().envelopes(spans(1, 1)[0])
    now = time.strftime("%Y-%m-%dT%H%M%S", time.gmtime())
    (left / f"{now}.000000-0123abcd.blob").write_text(json.dumps(envelope) + "\n")
    ours = exporter(take_legacy=True)
    assert ours.export(spans(0, 1)).name == "SUCCESS"
    endpoint.wait_for(2)
    assert names(endpoint) == ["0", "1"]
    assert not left.exists()


def test_the_retired_exporters_files_are_left_alone(endpoint, exporter, temporary_folder):
    """An exporter of OpenTelemetry alone does not touch them."""
    left = temporary_folder / f"opencensus-python-{resolve(endpoint.connection_string, environ={}).instrumentation_key}"
    left.mkdir()
    (left / "2026-01-01T000000.000000-0123abcd.blob").write_text("{}\n")
    made = exporter()
    made.export(spans(0, 1))
    made.shutdown()
    assert len(list(left.iterdir())) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork(endpoint, exporter):
    """A child made while the parent has a backlog starts clean: it sends its own and helps with the store, and nothing is sent twice."""
    made = exporter()
    endpoint.stop()
    made.export(spans(0))
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            clean = made._delivery.delivery._backoff.wait_s() == 0 and made.counts.snapshot() == CountsSnapshot()
            stored = made.export(spans(10)).name == "SUCCESS"
            status = 0 if clean and stored else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    endpoint.start()
    endpoint.wait_for(20)
    made.shutdown()
    assert names(endpoint) == expected(20)
