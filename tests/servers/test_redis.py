"""A service of Celery on a real Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from opencensus_compat.local import LocalEndpoint

_PROGRAMS = Path(__file__).with_name("programs")
_SETTINGS = ("APPINSIGHTS_", "APPLICATIONINSIGHTS_", "CELERY", "OPENCENSUS_COMPAT_", "OTEL_", "PYTHON")


def test_celery(redis, tmp_path):
    """What two prefork workers make of 40 tasks arrives whole: spans, statements, log lines and exceptions, each below its task."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_SETTINGS)}
    with LocalEndpoint() as endpoint, (tmp_path / "log").open("w") as log:
        environment = {**kept, "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string, "REDIS": str(redis)}
        options = "--pool prefork --concurrency 2 --without-gossip --without-mingle --without-heartbeat --loglevel WARNING"
        command = [sys.executable, "-m", "celery", "--app", "redis_tasks", "worker", *options.split()]
        worker = subprocess.Popen(command, cwd=_PROGRAMS, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            client = [sys.executable, "redis_tasks.py", "40"]
            asked = subprocess.run(client, cwd=_PROGRAMS, env=environment, capture_output=True, text=True, timeout=200, check=False)
            assert (asked.returncode, asked.stdout, asked.stderr) == (0, f"{sum(range(40))}\n", "")
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(120) == 0, (tmp_path / "log").read_text()
        finally:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()
        endpoint.wait_idle()
        assert endpoint.refused == []
        items = [(envelope["data"]["baseData"], envelope["tags"].get("ai.operation.parentId")) for envelope in endpoint.envelopes()]
    tasks = {base["id"]: base["name"] for base, _ in items if base.get("name", "").startswith("task ")}
    assert sorted(tasks.values()) == sorted(f"task {number}" for number in range(40))
    inside = []
    for base, parent in items:
        if base.get("id") not in tasks:
            statement = base.get("properties", {}).get("sqlalchemy.query")
            text = statement or base.get("message") or base["exceptions"][0]["message"]
            inside.append((tasks[parent], text.splitlines()[0]))
    wanted = [(f"task {number}", f"{what} {number}") for number in range(40) for what in ("SELECT", "found")]
    wanted += [(f"task {number}", f"failed {number}") for number in range(0, 40, 4)]
    assert sorted(inside) == sorted(wanted)
