"""What the retired OpenCensus exporter left on disk: its files, its leases, its envelopes; at the end its own real ones."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import tempfile
import textwrap
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appinsights_exporter import reasons
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.delivery.legacy_store import STATSBEAT_KEYS, LegacyStore, Moved
from appinsights_exporter.delivery.store import Store
from appinsights_exporter.delivery.transport import HttpTransport
from appinsights_exporter.testing import KEY, ManualClock
from opencensus_compat.local import LocalEndpoint

NOW_S = 1_700_000_000.0
"""2023-11-14T22:13:20Z."""
TIME = "2023-11-14T22:13:10.123456Z"
BLOB = "2023-11-14T220000.000000-0123abcd.blob"
HELD = BLOB + "@2023-11-14T221320.000001.lock"
EXPIRED = BLOB + "@2023-11-14T221319.999999.lock"

fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def envelope(base_type="MessageData", fields=None, **members):
    """Return an envelope that needs no change but for what is given."""
    made = {
        "iKey": KEY,
        "tags": {"ai.cloud.role": "app.py"},
        "time": TIME,
        "name": "Microsoft.ApplicationInsights." + base_type.removesuffix("Data"),
        "data": {"baseType": base_type, "baseData": {"ver": 2, **({"message": "m"} if fields is None else fields)}},
    }
    return {**made, **members}


# Files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The legacy exporter's folder for our key, in a folder for temporary files of its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = tmp_path / f"opencensus-python-{KEY}"
    path.mkdir()
    return path


@pytest.fixture
def legacy():
    """A store of that folder."""
    return LegacyStore(KEY, wall_clock=lambda: NOW_S)


@pytest.fixture
def store(tmp_path):
    """A store of ours."""
    return Store(tmp_path / "ours", clock=ManualClock(), wall_clock=lambda: NOW_S)


def write(folder, name, *lines):
    """Write a blob of envelopes, or of lines as they are."""
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (folder / name).write_text(text, encoding="ascii")


def message(text):
    """Return an envelope with a message."""
    return envelope("MessageData", {"message": text})


def messages(encoded):
    """Return the messages of encoded items."""
    return [json.loads(item)["data"]["baseData"]["message"] for item in encoded]


def test_nothing_there(tmp_path, monkeypatch, store, caplog):
    """Where no legacy process ran there is nothing, and nothing is made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    legacy = LegacyStore(KEY)
    assert (legacy.lease(), legacy.move_to(store)) == (None, Moved())
    assert (list(tmp_path.iterdir()), caplog.records) == ([], [])


def test_one_blob_at_a_time(folder, legacy):
    """Blobs come oldest first, under a lease of a minute in the legacy form; done, they are deleted, and at last the folder."""
    write(folder, BLOB.replace("220000", "220001"), message("b"))
    write(folder, BLOB, message("a1"), message("a2"))
    lease = legacy.lease()
    assert (messages(lease.items), lease.lost) == (["a1", "a2"], {})
    assert BLOB + "@2023-11-14T221420.000000.lock" in os.listdir(folder)
    with LegacyStore(KEY, wall_clock=lambda: NOW_S).lease() as other:
        assert messages(other.items) == ["b"]
        assert LegacyStore(KEY, wall_clock=lambda: NOW_S).lease() is None
        other.done()
    lease.done()
    assert legacy.lease() is None
    assert not folder.exists()


@pytest.mark.parametrize("name", [BLOB, BLOB + ".tmp"])
def test_given_back(folder, legacy, name):
    """A lease that is given back leaves the file under the name that a legacy process knows."""
    write(folder, name, message("a"))
    with legacy.lease():
        assert os.listdir(folder) != [name]
    assert os.listdir(folder) == [name]


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        (BLOB, True),
        (EXPIRED, True),
        (HELD, False),
        (BLOB + "@2023-11-14T221320.000000.lock", True),
        (BLOB + ".tmp", True),
        ("2023-11-14T221219.000000-0123abcd.blob.tmp", True),
        ("2023-11-14T221221.000000-0123abcd.blob.tmp", False),
        ("2023-11-14T220000.000000-0123ABCD.blob", False),
        ("2023-11-14T220000.000000-0123abcd.blob.bak", False),
        ("2023-11-14T220000-0123abcd.blob", False),
        ("x" + BLOB, False),
        ("readme.txt", False),
    ],
)
def test_which_files_are_taken(folder, legacy, store, name, taken):
    """Free blobs, those whose lease is over, and what was left unfinished a minute ago; all else is left alone."""
    write(folder, name, message("a"))
    assert legacy.move_to(store) == Moved(1 if taken else 0)
    assert folder.exists() != taken
    assert taken or os.listdir(folder) == [name]


def test_bad_lines_cost_themselves_only(folder, legacy):
    """Lines that cannot be read or sent are counted by reason; the others are delivered, the half line of an unfinished file not."""
    old = message("old") | {"time": "2023-11-01T00:00:00Z"}
    other = message("other") | {"iKey": "00000000-0000-0000-0000-000000000002"}
    deep = "[" * 100_000
    write(folder, BLOB + ".tmp", message("a"), "", "{nonsense", deep, old, other, "5", message("b"))
    with (folder / (BLOB + ".tmp")).open("a", encoding="ascii") as file:
        file.write(json.dumps(message("half"))[:-5])
    lease = legacy.lease()
    assert messages(lease.items) == ["a", "b"]
    assert lease.lost == {reasons.LEGACY_NOT_JSON: 3, reasons.LEGACY_TOO_OLD: 1, reasons.LEGACY_NOT_AN_ENVELOPE: 1}
    assert [json.loads(line) for line in lease.others] == [other]


OTHER = "00000000-0000-0000-0000-000000000002"


def test_each_resource_takes_its_own(tmp_path, store):
    """In a folder that resources share, each exporter takes the lines with its key and leaves the others to whom they are for."""
    folder = tmp_path / "shared"
    folder.mkdir()
    write(folder, BLOB, *(message(str(number)) | {"iKey": (KEY, OTHER)[number % 2]} for number in range(20)))
    first, second, third = (LegacyStore(key, folder, wall_clock=lambda: NOW_S) for key in (KEY, OTHER, KEY.replace("0", "1")))
    assert first.move_to(store) == Moved(10)
    assert os.listdir(folder) == [BLOB]
    assert first.move_to(store) == third.move_to(store) == Moved(0)
    assert os.listdir(folder) == [BLOB]
    assert second.move_to(store) == Moved(10)
    assert os.listdir(folder) == []
    assert sorted(map(int, messages(store.lease().items))) == list(range(20))


def test_what_nobody_takes_goes_when_it_is_too_old(tmp_path, store):
    """Lines for a resource that has no exporter stay for 48 hours, and are counted when they go."""
    folder = tmp_path / "shared"
    folder.mkdir()
    write(folder, BLOB, message("a") | {"iKey": OTHER})
    now_s = [NOW_S]
    legacy = LegacyStore(KEY, folder, wall_clock=lambda: now_s[0])
    assert legacy.move_to(store) == Moved(0)
    now_s[0] += 47 * 3600
    assert legacy.move_to(store) == Moved(0)
    assert os.listdir(folder) == [BLOB]
    now_s[0] += 2 * 3600
    assert legacy.move_to(store) == Moved(0, {reasons.LEGACY_TOO_OLD: 1})
    assert os.listdir(folder) == []


def test_a_folder_that_cannot_be_written_keeps_what_is_for_others(tmp_path, store):
    """Where the lines for others cannot be put back, the whole blob stays: what was taken may arrive twice, and nothing is lost."""
    folder = tmp_path / "shared"
    folder.mkdir()
    write(folder, BLOB, message("a"), message("b") | {"iKey": OTHER})
    (folder / (BLOB + ".tmp")).mkdir()
    legacy = LegacyStore(KEY, folder, wall_clock=lambda: NOW_S)
    assert legacy.move_to(store, max_blobs=1).items == 1
    (held,) = [name for name in os.listdir(folder) if name.endswith(".lock")]
    assert len((folder / held).read_text(encoding="ascii").splitlines()) == 2


def test_numbers_that_json_has_not(folder, legacy):
    """The legacy exporter wrote NaN and infinities: a metric of such is dropped, elsewhere they become text or go."""
    nan = json.dumps(
        envelope("MessageData", {"message": "m", "properties": {"p": float("nan")}, "measurements": {"x": float("inf"), "y": 1}})
    )
    write(folder, BLOB, nan, envelope("MetricData", {"metrics": [{"name": "m", "value": float("inf")}]}))
    lease = legacy.lease()
    (item,) = lease.items
    assert json.loads(item)["data"]["baseData"] == {"ver": 2, "message": "m", "properties": {"p": "nan"}, "measurements": {"y": 1}}
    assert lease.lost == {reasons.LEGACY_NO_VALUE: 1}


@given(content=st.binary(max_size=200), lines=st.lists(st.text(max_size=30), max_size=4))
@fuzz
def test_no_content_raises(tmp_path_factory, content, lines):
    """Any bytes in a blob, alone or between real lines, leave the real lines."""
    folder = tmp_path_factory.mktemp("legacy")
    real = json.dumps(message("real")).encode()
    (folder / BLOB).write_bytes(b"\n".join([real, content, *(line.encode("utf-8", "surrogatepass") for line in lines), real]))
    lease = LegacyStore(KEY, folder, wall_clock=lambda: NOW_S).lease()
    assert messages(lease.items).count("real") == 2
    lease.done()


def test_moved_items_are_as_old_as_they_were(folder, legacy, store):
    """What is moved comes out of our store before what was stored there later, and the folder goes."""
    store.put([b'{"data":{"baseData":{"message":"new"}}}'])
    write(folder, BLOB, message("a"))
    write(folder, EXPIRED.replace("220000", "220001"), message("b"), "nonsense")
    assert legacy.move_to(store) == Moved(2, {reasons.LEGACY_NOT_JSON: 1})
    assert messages(store.lease().items) == ["a", "b", "new"]
    assert not folder.exists()


def test_moving_in_parts(folder, legacy, store):
    """After the number of blobs asked for it stops and says whether it is finished."""
    for number in range(3):
        write(folder, BLOB.replace("000000-", f"00000{number}-"), message(str(number)))
    assert legacy.move_to(store, max_blobs=2) == Moved(2, finished=False)
    assert legacy.move_to(store, max_blobs=2) == Moved(1)
    assert store.count() == 3


def test_what_cannot_be_moved_stays(tmp_path, folder, legacy):
    """Where our store takes nothing, the blob stays under its own name, and nothing counts as lost."""
    write(folder, BLOB, message("a"), "nonsense")
    assert legacy.move_to(Store(tmp_path / "ours", max_bytes=0)) == Moved()
    assert os.listdir(folder) == [BLOB]


def test_a_folder_that_comes_back_is_left(folder, legacy, store):
    """Only a legacy process that lives makes the folder again; it needs it, so it is not removed a second time."""
    assert legacy.move_to(store) == Moved()
    assert not folder.exists()
    folder.mkdir()
    write(folder, BLOB, message("a"))
    assert legacy.move_to(store) == Moved(1)
    assert list(folder.iterdir()) == []


def test_the_users_own_folder_is_not_removed(tmp_path, store):
    """A folder that the option ``storage_path`` named is emptied, may be a link, and stays."""
    (tmp_path / "given").mkdir()
    (tmp_path / "link").symlink_to("given")
    write(tmp_path / "given", BLOB, message("a"))
    assert LegacyStore(KEY, tmp_path / "link", wall_clock=lambda: NOW_S).move_to(store) == Moved(1)
    assert list((tmp_path / "given").iterdir()) == []


@pytest.mark.parametrize("key", sorted(STATSBEAT_KEYS))
def test_statsbeat_is_not_delivered(tmp_path, monkeypatch, store, key):
    """The folders with the retired SDK's reports about itself are not looked at."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"opencensus-python-{key}"
    folder.mkdir()
    write(folder, BLOB, message("a") | {"iKey": key})
    assert LegacyStore(key, wall_clock=lambda: NOW_S).move_to(store) == Moved()
    assert os.listdir(folder) == [BLOB]


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "folder"])
def test_traps_are_left_alone(tmp_path, folder, legacy, kind):
    """In a folder that others may write to, what is named like a blob and is no file of ours is neither read nor renamed."""
    secret = tmp_path / "secret"
    write(tmp_path, "secret", message("secret"))
    match kind:
        case "link":
            (folder / BLOB).symlink_to(secret)
        case "hard link":
            (folder / BLOB).hardlink_to(secret)
        case "pipe":
            os.mkfifo(folder / BLOB)
        case "folder":
            (folder / BLOB).mkdir()
    assert legacy.lease() is None
    assert os.listdir(folder) == [BLOB]


def test_a_folder_that_is_a_link_is_left_alone(tmp_path, folder, legacy, caplog):
    """In the folder for everybody's temporary files a link in place of the folder may be a trap; one line says so."""
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    write(tmp_path / "elsewhere", BLOB, message("a"))
    assert [legacy.lease(), legacy.lease()] == [None, None]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"left in {folder} cannot be read: not a folder" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_files_of_others_are_left_alone(folder, legacy):
    """A blob that another user wrote is theirs to deliver."""
    write(folder, BLOB, message("a"))
    os.chown(folder / BLOB, 65534, -1)
    assert legacy.lease() is None
    assert os.listdir(folder) == [BLOB]


def test_several_successors_at_once(folder, tmp_path):
    """Stores that take over the same folder at the same time deliver each blob once."""
    for number in range(60):
        write(folder, f"2023-11-14T2200{number:02d}.000000-0123abcd.blob", message(str(number)))
    stores = [Store(tmp_path / str(number), wall_clock=lambda: NOW_S) for number in range(4)]
    threads = [threading.Thread(target=LegacyStore(KEY, folder, wall_clock=lambda: NOW_S).move_to, args=(ours,)) for ours in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = []
    for ours in stores:
        while (lease := ours.lease()) is not None:
            found += messages(lease.items)
            lease.done()
    assert sorted(found, key=int) == [str(number) for number in range(60)]
    assert list(folder.iterdir()) == []


# The real thing

LIVING = """
import sys
from opencensus.ext.azure.common.storage import LocalFileStorage

with LocalFileStorage(sys.argv[1], maintenance_period=0.01) as storage:
    print("ready", flush=True)
    for _ in range(200):
        for blob in storage.gets():
            if blob.lease(60):
                for envelope in blob.get():
                    print(envelope["data"]["baseData"]["message"], flush=True)
                blob.delete()
"""


def test_beside_a_legacy_process_that_lives(tmp_path, folder, legacy_python):
    """While the real storage sends from the folder as well, each blob is in one process's hands only."""
    legacy, store = LegacyStore(KEY, folder), Store(tmp_path / "ours")

    def leave(number):
        now = time.gmtime()
        write(tmp_path, "new", message(str(number)) | {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", now)})
        (tmp_path / "new").rename(folder / time.strftime(f"%Y-%m-%dT%H%M%S.{number:06d}-0123abcd.blob", now))

    for number in range(200):
        leave(number)
    process = subprocess.Popen([legacy_python, "-W", "ignore", "-c", LIVING, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    for number in range(200, 400):
        leave(number)
        legacy.move_to(store, max_blobs=1)
    theirs = process.stdout.read().split()
    process.wait(60)
    process.stdout.close()
    assert legacy.move_to(store, max_blobs=1000).finished
    ours = []
    while (lease := store.lease()) is not None:
        ours += messages(lease.items)
        lease.done()
    assert sorted(theirs + ours, key=int) == [str(number) for number in range(400)]
    assert theirs
    assert ours
    assert list(folder.iterdir()) == []


PROGRAM = """
import datetime, logging, sys
from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.ext.azure.metrics_exporter import MetricsExporter
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.metrics.export.gauge import LongGauge
from opencensus.metrics.label_key import LabelKey
from opencensus.metrics.label_value import LabelValue
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

options = dict(connection_string=sys.argv[1], minimum_retry_interval=1)
config_integration.trace_integrations(["logging"])
exporter = AzureExporter(**options)
tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
handler, events = AzureLogHandler(**options), AzureEventHandler(**options)
log, event_log = logging.getLogger("shop"), logging.getLogger("events")
log.addHandler(handler)
event_log.addHandler(events)
for logger in (log, event_log):
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
log.critical("outside of any span", extra={"custom_dimensions": {"n": 5, "l": [1, None], "none": None}})
with tracer.span("server") as span:
    span.span_kind = SpanKind.SERVER
    for key, value in {"http.method": "GET", "http.route": "/a", "http.url": "http://h/a", "http.status_code": 500, "n": 7,
                       "error.name": "E", "error.message": "bad", "stacktrace": "line 1"}.items():
        span.add_attribute(key, value)
    with tracer.span("client") as inner:
        inner.span_kind = SpanKind.CLIENT
    with tracer.span("local"):
        pass
    log.log(60, "above critical")
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("failed")
event_log.info("bought", extra={"custom_dimensions": {"sku": 1}, "custom_measurements": {"price": 1.5}})
metrics = MetricsExporter(**options)
gauge = LongGauge("queue", "d", "1", [LabelKey("q", "d")])
gauge.get_or_create_time_series([LabelValue("in")]).set(5)
metrics.export_metrics([gauge.get_metric(datetime.datetime.utcnow())])
tracer.finish()
"""


def test_what_the_real_exporter_left_arrives(tmp_path, monkeypatch, legacy_python):
    """Spans, logs, exceptions, events and metrics that the real packages stored during an outage all arrive, each once, without a warning."""
    with LocalEndpoint() as endpoint:
        key, connection_string = endpoint.instrumentation_key, endpoint.connection_string
        endpoint.misbehave("status:code=503")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("APPLICATIONINSIGHTS_", "OPENCENSUS_"))}
        environment |= {"TMPDIR": str(tmp_path), "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true", "LC_ALL": "C"}
        program = tmp_path / "shop.py"
        program.write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
        done = subprocess.run(
            [legacy_python, str(program), connection_string],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        folder = tmp_path / f"opencensus-python-{key}"
        blobs = sorted(folder.iterdir())
        offered = sum(len(blob.read_text().splitlines()) for blob in blobs)
        assert blobs
        endpoint.behave()
        endpoint.clear()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        store = Store(tmp_path / "ours")
        # The leases of a process that has ended last for up to a minute more.
        moved = LegacyStore(key, wall_clock=lambda: time.time() + 61).move_to(store)
        assert (moved, folder.exists()) == (Moved(offered), False)
        delivery = Delivery(HttpTransport(f"{endpoint.url}v2.1/track"))
        while (lease := store.lease()) is not None:
            delivery.deliver(lease.items)
            lease.done()
        delivery.shutdown(5)
        assert (endpoint.refused, endpoint.warnings) == ([], [])
        arrived = {table: count for table, count in endpoint.counts().items() if count}
        assert arrived == {"requests": 1, "dependencies": 2, "traces": 2, "exceptions": 2, "customEvents": 1, "customMetrics": 1}
        assert sum(arrived.values()) == offered
        [request] = endpoint.rows("requests")
        logs = {row["message"]: row for row in endpoint.rows("traces")}
        assert logs["above critical"]["operation_ParentId"] == request["id"]
        assert logs["above critical"]["severityLevel"] == 4
        assert not logs["outside of any span"]["operation_ParentId"]
