"""Sharing of a delivery between the exporters of one resource."""

from __future__ import annotations

import os
import tempfile
from dataclasses import fields, replace
from pathlib import Path

import pytest

from appinsights_exporter.delivery.results import Result
from appinsights_exporter.delivery.sharing import shared
from appinsights_exporter.delivery.transport import HttpTransport, Reply
from appinsights_exporter.settings import delivery_key, resolve
from appinsights_exporter.testing import CONNECTION_STRING

NOBODY = 65534


pytestmark = pytest.mark.usefixtures("caplog")


def items(count):
    """Return so many encoded items."""
    return [b'{"n":%d}' % number for number in range(count)]


def test_one_delivery_per_destination():
    """Equal key, endpoint and credential share one delivery and its counters; another key does not."""
    first, second = (shared(resolve(CONNECTION_STRING, timeout_s=3, environ={})) for _ in range(2))
    other = shared(resolve(CONNECTION_STRING.replace("00000001", "00000002"), environ={}))
    assert first.delivery is second.delivery
    assert first.counts is second.counts
    assert other.delivery is not first.delivery
    assert isinstance(first.delivery._transport, HttpTransport)
    assert (first.delivery._transport.url, first.delivery._timeout_s) == ("https://ingest.test/v2.1/track", 3.0)
    for share in (first, second, other):
        share.shutdown(1)


def test_what_tells_deliveries_apart():
    """Of all settings, these three make another delivery, and for the facade another destination."""
    first = resolve(CONNECTION_STRING, environ={})
    others = {each.name: replace(first, **{each.name: object()}) for each in fields(first)}
    apart = {name for name, other in others.items() if delivery_key(other) != delivery_key(first)}
    assert apart == {"instrumentation_key", "ingestion_endpoint", "credential"}


def test_other_settings_for_the_same_destination(caplog):
    """The first settings count, and a line says so."""
    first, second = (shared(resolve(CONNECTION_STRING, timeout_s=timeout_s, environ={})) for timeout_s in (3, 4))
    assert second.delivery._timeout_s == 3.0
    assert "the first exporter's settings are kept" in caplog.text
    first.shutdown(1)
    second.shutdown(1)


def test_the_last_share_closes():
    """A share that is shut down leaves the others working; the last one closes; whoever comes then gets a new delivery."""
    first, second = (shared(resolve(CONNECTION_STRING, environ={})) for _ in range(2))
    first.shutdown(1)
    first.shutdown(1)
    assert not first.delivery._stopping.is_set()
    second.shutdown(1)
    assert first.delivery._stopping.is_set()
    third = shared(resolve(CONNECTION_STRING, environ={}))
    assert third.delivery is not first.delivery
    third.shutdown(1)


def test_a_forgotten_share_counts_no_more():
    """A share that nobody holds any more does not keep its delivery."""
    first, second = (shared(resolve(CONNECTION_STRING, environ={})) for _ in range(2))
    delivery = first.delivery
    del second
    first.shutdown(1)
    assert delivery._stopping.is_set()


@pytest.mark.parametrize("order", [(None, False), (False, None), (False, True)])
def test_the_wish_for_no_disk_wins(tmp_path, monkeypatch, order):
    """Whatever the order of exporters, nothing is stored if one of them says so."""
    monkeypatch.setattr(HttpTransport, "send", lambda *_, **__: Reply(status=503))
    shares = [
        shared(resolve(CONNECTION_STRING, storage_enabled=enabled, storage_folder=tmp_path, take_legacy=True, environ={}))
        for enabled in order
    ]
    assert [share.deliver(items(1)) for share in shares] == [Result.HELD] * 2
    for share in shares:
        share.shutdown(0.1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root becomes another user")
def test_a_process_that_drops_root_stores_in_a_folder_of_its_user(run_program):
    """What is stored after `setuid` goes to a folder of the new user, the old one is left to root, and a warning says so."""
    source = f"""
    import logging, os, sys, tempfile
    from pathlib import Path
    from appinsights_exporter.delivery.sharing import shared
    from appinsights_exporter.settings import resolve
    from appinsights_exporter.testing import CONNECTION_STRING

    logging.basicConfig(stream=sys.stdout, format="%(message).50s")
    tempfile.tempdir = os.environ["OPEN_FOLDER"]
    share = shared(resolve(CONNECTION_STRING.replace("https://ingest.test", "http://127.0.0.1:9"), environ={{}}))
    results = [share.deliver([b'{{"n":1}}']).name]
    os.setgid({NOBODY})
    os.setuid({NOBODY})
    results.append(share.deliver([b'{{"n":2}}']).name)
    print(results, sorted(path.stat().st_uid for path in Path(tempfile.tempdir).iterdir()), share.counts.snapshot().dropped)
    """
    # The folder for tests is root's alone.
    with tempfile.TemporaryDirectory(dir=Path(os.sep, "tmp")) as folder:
        Path(folder).chmod(0o1777)
        printed = run_program(source, OPEN_FOLDER=folder).splitlines()
    assert printed[-1] == f"{['STORED', 'STORED']} {[0, NOBODY]} {{}}"
    assert [line for line in printed if line.startswith("The process runs as another user now")]
