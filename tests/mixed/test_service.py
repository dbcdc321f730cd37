"""A service of four files that is migrated one file at a time: in each of its sixteen states it yields the same telemetry.

Each file exists in an OpenCensus form and in an OpenTelemetry form: the web handler (server span), the service layer (internal spans, log
records, a sum), the client (outgoing span over HTTP), the worker (a job on a pool's thread, an exception). So does the set-up: OpenCensus
handles, or OpenTelemetry providers with the native exporters, beside which the handles of files that are not migrated send nothing twice.
Three orders are answered at the same time, two of them in traces that their callers began.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from opencensus_compat.local import LocalEndpoint

SERVICE = Path(__file__).parent / "programs" / "service"
FILES = ("web", "stock", "client", "worker")
FORMS = ("opencensus", "opentelemetry")
STATES = list(itertools.product(FORMS, repeat=len(FILES)))

CALLERS = {
    "kettle": ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"),
    "teapot": ("6e0c63257de34c92bf9efcd03927272e", "53995c3f42cd8ad8"),
    "cup": (None, None),
}
"""Trace and parent of each order, where it has them."""

TREE = {
    ("requests", "GET /order"): None,
    ("dependencies", "reserve"): "GET /order",
    ("traces", "reserving {sku}"): "reserve",
    ("dependencies", "GET /stock/{sku}"): "reserve",
    ("dependencies", "pack"): "reserve",
    ("exceptions", "KeyError"): "pack",
    ("dependencies", "write"): "reserve",
    ("traces", "writing {sku}"): "write",
}
"""Table and name of each item of an order -> name of its parent."""


def _assembled(state, folder, set_up=FORMS[0]):
    """Put the service together: each file in the form that `state` names."""
    shutil.copy(SERVICE / "main.py", folder)
    for form, name in zip((*state, set_up), (*FILES, "telemetry"), strict=True):
        shutil.copy(SERVICE / form / f"{name}.py", folder)
    return folder / "main.py"


def _rows(endpoint):
    """Return the items by table."""
    return [(table, row) for table in ("requests", "dependencies", "traces", "exceptions") for row in endpoint.rows(table)]


def _tree(rows, sku, trace_id):
    """Return the tree of one trace in the form of `TREE`, with the number of each item."""
    names = {row["id"]: row["name"] for _, row in rows if row.get("id")}
    counted = Counter()
    for table, row in rows:
        if row["operation_Id"] == trace_id:
            name = row["type"] if table == "exceptions" else row.get("name") or row["message"]
            # The retired SDK wrote the parents of records in another form: |trace.span.
            parent = row["operation_ParentId"] or ""
            counted[table, name.replace(sku, "{sku}"), names.get(parent.strip("|.").rpartition(".")[2])] += row["itemCount"]
    return counted


def _order(rows, sku):
    """Return the trace of an order: of the one request that has its `sku`."""
    [trace_id] = {row["operation_Id"] for table, row in rows if table == "requests" and row["customDimensions"].get("sku") == sku}
    return trace_id


def _check(endpoint, seen):
    """Hold what arrived to the tree, and what the warehouse read to the client's spans."""
    rows = _rows(endpoint)
    assert endpoint.refused == []
    for sku, (trace_id, parent_id) in CALLERS.items():
        order = _order(rows, sku)
        expected = Counter({(table, name, parent): 1 for (table, name), parent in TREE.items()})
        assert _tree(rows, sku, order) == expected
        [request] = [row for table, row in rows if table == "requests" and row["operation_Id"] == order]
        [call] = [row for table, row in rows if table == "dependencies" and row["name"] == f"GET /stock/{sku}"]
        assert (request["operation_Id"], request["operation_ParentId"]) == (trace_id or order, parent_id or request["operation_ParentId"])
        assert (request["success"], request["resultCode"], call["success"], call["resultCode"]) == ("True", "200", "True", "200")
        # Newer SDKs also say that the trace id is random, a flag that OpenCensus's headers have not.
        assert seen[f"/stock/{sku}"] in {f"00-{order}-{call['id']}-01", f"00-{order}-{call['id']}-03"}
    assert len(rows) == len(CALLERS) * len(TREE)
    points = [(row["name"], row["customDimensions"].get("sku"), row["value"]) for row in endpoint.rows("customMetrics")]
    assert sorted(points) == [("reserved", sku, 2.0) for sku in sorted(CALLERS)]


@pytest.mark.parametrize("set_up", [FORMS[0], pytest.param(FORMS[1], marks=pytest.mark.threads_at_exit)])
@pytest.mark.parametrize("state", STATES, ids=lambda state: "-".join(form[4:6] for form in state))
def test_sixteen_states(state, set_up, tmp_path, run_assembled):
    """The same trace trees, the same counts, the same success and result codes, and headers that name the client's spans."""
    with LocalEndpoint() as endpoint:
        seen = run_assembled(sys.executable, _assembled(state, tmp_path, set_up), endpoint)
        _check(endpoint, seen)


def test_the_retired_sdk(tmp_path, run_assembled, legacy_python):
    """The service that is not migrated at all yields the same on the retired SDK: nothing of the tree is of our making.

    There, threads that share a tracer share its current span, so each order waits for its job before it goes on.
    """
    with LocalEndpoint() as endpoint:
        seen = run_assembled(legacy_python, _assembled((FORMS[0],) * 4, tmp_path), endpoint, ONE_AT_A_TIME="1")
        _check(endpoint, seen)


@pytest.fixture
def run_assembled(run_environment):
    """Return a function that runs the service and returns what the warehouse read, once everything has arrived."""

    def run(python, program, endpoint, **variables):
        warnings = ["-W", "error"] if python == sys.executable else ["-W", "ignore"]
        done = subprocess.run(
            [python, *warnings, program],
            env={**run_environment, "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        endpoint.wait_for(len(CALLERS) * (len(TREE) + 1))
        endpoint.wait_idle()
        return json.loads(done.stdout)

    return run
