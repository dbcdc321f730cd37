"""The file in which a process keeps its counts for who looks from outside."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from datetime import datetime, timezone
from pathlib import Path

import psutil
import pytest

from appinsights_exporter.counts import Counts
from appinsights_exporter.delivery import counts_file
from appinsights_exporter.delivery.counts_file import CountsFile
from appinsights_exporter.delivery.sharing import shared
from appinsights_exporter.reasons import NO_CONNECTION, NO_ROOM
from appinsights_exporter.settings import resolve
from appinsights_exporter.testing import CONNECTION_STRING, KEY
from opencensus_compat.local import LocalEndpoint

pytestmark = pytest.mark.usefixtures("caplog")

VARIABLE = "APPINSIGHTS_EXPORTER_COUNTS_FILE"


def items(count):
    """Return so many encoded items, which the endpoint takes for what they are."""
    item = {
        "name": "Microsoft.ApplicationInsights.Message",
        "time": datetime.now(timezone.utc).isoformat(),
        "iKey": KEY,
        "data": {"baseType": "MessageData", "baseData": {"ver": 2, "message": "m"}},
    }
    return [json.dumps(item).encode()] * count


def settings(named, connection_string=CONNECTION_STRING):
    """Return settings that name a file."""
    return resolve(connection_string, environ={VARIABLE: str(named)})


def read(named, pid=None):
    """Return the content of a process's file."""
    root, extension = os.path.splitext(named)
    return json.loads(Path(f"{root}.{os.getpid() if pid is None else pid}{extension}").read_bytes())


def test_the_file_says_what_became_of_items(tmp_path):
    """It has the process, its resource with the key cut, all numbers, what waits, and when sending last succeeded and failed, and why."""
    with LocalEndpoint() as endpoint:
        share = shared(settings(tmp_path / "c.json", endpoint.connection_string))
        share.deliver(items(3))
        endpoint.misbehave("status:code=503")
        share.deliver(items(2))
        share.counts.dropped(NO_ROOM, 4, detail="so it is")
        share.shutdown(5)
    found = read(tmp_path / "c.json")
    (resource,) = found["resources"]
    assert (found["format"], found["pid"], found["state"]) == (counts_file.FORMAT, os.getpid(), "ending")
    assert abs(datetime.fromisoformat(found["started"]).timestamp() - psutil.Process().create_time()) < 1
    times = [resource.pop("last_success"), resource["last_failure"].pop("at"), resource["last_loss"].pop("at")]
    assert sorted(times) == times
    assert times[-1] <= found["written"]
    assert resource == {
        "key": f"{endpoint.instrumentation_key[:8]}-***",
        "endpoint": endpoint.url.rstrip("/"),
        "sent": 3,
        "filtered": 0,
        "stored": 2,
        "held": 0,
        "possibly_duplicated": 0,
        "waiting": 2,
        "retried": {"service unavailable": 2},
        "dropped": {"store full": 4},
        "last_failure": {"reason": "service unavailable", "detail": ""},
        "last_loss": {"reason": "store full", "detail": "so it is"},
    }


def test_the_cause_of_a_failure_is_in_it(tmp_path):
    """What the log says of a connection that cannot be made, the file says too."""
    share = shared(settings(tmp_path / "c.json", CONNECTION_STRING.replace("https://ingest.test", "http://127.0.0.1:9")))
    share.deliver(items(1))
    share.shutdown(5)
    (resource,) = read(tmp_path / "c.json")["resources"]
    failure = resource["last_failure"]
    assert (failure["reason"], failure["detail"]) == ("no connection", "the connection was refused")


def test_nobody_asks_for_it():
    """Without the variable nothing listens to the counters."""
    share = shared(resolve(CONNECTION_STRING, environ={}))
    assert share.counts.listener is None
    share.shutdown(1)


class File:
    """A file of counts whose thread makes no step by itself."""

    def __init__(self, named):
        self.file = CountsFile(str(named))
        self.file._drain.stop(0)
        self.counts = Counts()
        self.counts.listener = self.file.tally(settings(named))


def test_one_thread_writes_at_most_once_a_second(tmp_path):
    """What is counted meanwhile is written with the next step; the thread ends where nothing was."""
    at = File(tmp_path / "c.json")
    at.counts.sent(1)
    assert at.file._step() == counts_file.WRITE_INTERVAL_S
    at.counts.sent(1)
    at.counts.sent(1)
    assert read(tmp_path / "c.json")["resources"][0]["sent"] == 1
    assert at.file._step() == counts_file.WRITE_INTERVAL_S
    assert read(tmp_path / "c.json")["resources"][0]["sent"] == 3
    assert at.file._step() is None


def test_two_exporters_of_a_resource_one_after_the_other_are_summed(tmp_path):
    """A program that makes and shuts down an exporter for each job has one line for the resource."""
    for count in (1, 2):
        with LocalEndpoint(instrumentation_key=KEY, port=count_port(tmp_path)) as endpoint:
            share = shared(settings(tmp_path / "c.json", endpoint.connection_string))
            share.deliver(items(count))
            share.shutdown(5)
    assert [each["sent"] for each in read(tmp_path / "c.json")["resources"]] == [3]


def count_port(folder):
    """Return the same free port each time."""
    kept = folder / "port"
    if not kept.exists():
        with LocalEndpoint() as endpoint:
            kept.write_text(endpoint.url.rstrip("/").rpartition(":")[2])
    return int(kept.read_text())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_has_a_file_of_its_own(tmp_path):
    """It begins at zero, under its own id; one that counts nothing writes none."""
    at = File(tmp_path / "c.json")
    at.counts.sent(5)
    at.file.settled()
    pids = []
    for count in (2, 0):
        pids.append(os.fork())
        if pids[-1] == 0:
            if count:
                at.counts.sent(count)
            at.file.end()
            os._exit(0)
        assert os.waitpid(pids[-1], 0)[1] == 0
    found = read(tmp_path / "c.json", pids[0])
    assert (found["resources"][0]["sent"], found["state"]) == (2, "ended")
    assert read(tmp_path / "c.json")["resources"][0]["sent"] == 5
    assert len(list(tmp_path.iterdir())) == 2


def test_files_of_dead_processes_are_cleared_away(tmp_path, monkeypatch):
    """All but the latest go with the first write; those of living processes, of other hosts, and what is no file of counts stay."""
    monkeypatch.setattr(counts_file, "KEPT_FILES", 1)
    at = File(tmp_path / "c.json")
    at.counts.sent(1)
    at.file.settled()
    text = Path(at.file.path).read_text()
    Path(at.file.path).unlink()
    own = json.loads(text)
    names = {"c.4194301.json": {}, "c.4194302.json": {}, "c.4194303.json": {"host": "other"}, f"c.{os.getppid()}.json": {}}
    for age, (name, changed) in enumerate(names.items()):
        started = datetime.fromtimestamp(psutil.Process(os.getppid()).create_time(), timezone.utc).isoformat()
        (tmp_path / name).write_text(json.dumps({**own, "started": started, **changed}))
        os.utime(tmp_path / name, (age, age))
    (tmp_path / "c.4194304.json").write_text("{}")
    (tmp_path / "d.4194301.json").write_text(text)
    (tmp_path / "c.1.json").symlink_to(tmp_path / "d.4194301.json")
    at = File(tmp_path / "c.json")
    at.counts.sent(1)
    at.file.settled()
    gone = {*names, "c.4194304.json", "d.4194301.json", "c.1.json"} - {path.name for path in tmp_path.iterdir()}
    assert gone == {"c.4194301.json"}


def test_a_process_with_the_id_of_a_dead_one_is_another(tmp_path, monkeypatch):
    """By its start in the file a process is known to be gone although its id is in use again."""
    monkeypatch.setattr(counts_file, "KEPT_FILES", 0)
    at = File(tmp_path / "c.json")
    at.counts.sent(1)
    at.file.settled()
    own = json.loads(Path(at.file.path).read_text())
    (tmp_path / f"c.{os.getppid()}.json").write_text(json.dumps({**own, "started": "2001-01-01T00:00:00+00:00"}))
    at = File(tmp_path / "c.json")
    at.counts.sent(1)
    at.file.settled()
    assert [path.name for path in tmp_path.iterdir()] == [f"c.{os.getpid()}.json"]


def test_where_it_cannot_be_written_that_is_said_once(tmp_path, caplog):
    """A missing folder, a folder in its place and a full disk cost a log line, and no telemetry; later it is tried again."""
    at = File(tmp_path / "missing" / "c.json")
    at.counts.sent(1)
    assert at.file._step() == counts_file.AFTER_FAULT_S
    at.counts.sent(1)
    assert at.file._step() == counts_file.AFTER_FAULT_S
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"missing{os.sep}c.{os.getpid()}.json, as {VARIABLE} asks for: folder removed" in record.getMessage()
    (tmp_path / "missing").mkdir()
    assert at.file._step() == counts_file.WRITE_INTERVAL_S
    assert read(tmp_path / "missing" / "c.json")["resources"][0]["sent"] == 2


def test_nothing_that_goes_wrong_reaches_who_counts(tmp_path, caplog):
    """Counting raises nothing, whatever the writing of the file does."""
    at = File(tmp_path / "c.json")
    at.file._as_written = lambda _: 1 / 0
    at.counts.sent(1)
    at.file.settled()
    assert "ZeroDivisionError" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_folder_has_a_file_for_each_process(tmp_path):
    """Where the variable names a folder, files in it are named counts."""
    at = File(tmp_path)
    at.counts.sent(1)
    at.file.settled()
    assert [path.name for path in tmp_path.iterdir()] == [f"counts.{os.getpid()}.json"]


def test_what_a_killed_process_left_in_the_midst_of_writing_is_no_obstacle(tmp_path):
    """A temporary file under the same name is replaced, and a link there is not followed."""
    at = File(tmp_path / "c.json")
    (tmp_path / "target").write_text("mine")
    Path(at.file.path + ".tmp").symlink_to(tmp_path / "target")
    at.counts.sent(1)
    at.file.settled()
    assert (tmp_path / "target").read_text() == "mine"
    assert read(tmp_path / "c.json")["state"] == "running"


def test_a_handler_of_a_signal_does_not_wait_for_the_write_that_it_interrupted(tmp_path, monkeypatch):
    """Who comes while the file is written gives up instead of waiting for ever."""
    monkeypatch.setattr(counts_file, "_PATIENCE_S", 0.01)
    at = File(tmp_path / "c.json")
    with at.file._writing:
        at.counts.sent(1)
        at.file.settled()
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_a_program_is_in_its_file(tmp_path, run_program):
    """What exit hooks of providers export is counted in it, and that the process has ended in the ordinary way."""
    source = """
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from appinsights_exporter import ApplicationInsightsSpanExporter

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter(), schedule_delay_millis=3_600_000))
    provider.get_tracer("t").start_span("work").end()
    """
    with LocalEndpoint() as endpoint:
        run_program(source, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string, **{VARIABLE: str(tmp_path / "c.json")})
    (path,) = tmp_path.glob("c.*.json")
    found = json.loads(path.read_text())
    assert (found["state"], found["program"], [each["sent"] for each in found["resources"]]) == ("ended", "app.py", [1])


def test_children_of_a_pool_have_their_counts_written(tmp_path, run_program):
    """What a child of multiprocessing exports as it ends is in its file, also where it runs no exit hooks."""
    source = """
    import multiprocessing, sys
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer

    def work(number):
        with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span(name=str(number)):
            pass

    if __name__ == "__main__":
        child = multiprocessing.get_context("fork").Process(target=work, args=(1,))
        child.start()
        child.join()
        print(child.pid)
    """
    with LocalEndpoint() as endpoint:
        pid = run_program(source, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string, **{VARIABLE: str(tmp_path / "c.json")})
    found = read(tmp_path / "c.json", pid.strip())
    assert [each["sent"] for each in found["resources"]] == [1]
    # From Python 3.13 on, children of multiprocessing run exit hooks.
    assert found["state"] == ("ended" if sys.version_info >= (3, 13) else "ending")


def test_many_threads_count_at_once(tmp_path):
    """Nothing is missing from the file when all have counted."""
    at = File(tmp_path / "c.json")
    threads = [threading.Thread(target=lambda: [at.counts.retried(NO_CONNECTION, 1) for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    at.file.settled()
    assert read(tmp_path / "c.json")["resources"][0]["retried"] == {"no connection": 800}
