"""The rules for saved queries against what a program sends in both shapes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

_PROGRAM = """\
import logging
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.status import Status
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
logger = logging.getLogger("orders")
logger.addHandler(AzureLogHandler())
with tracer.span("request") as span:
    span.span_kind = SpanKind.SERVER
    span.add_attribute("http.method", "GET")
    span.add_attribute("http.route", "/orders")
    span.add_attribute("http.url", "http://example.com/orders")
    with tracer.span("inner") as inner:
        logger.warning("hello")
        inner.status = Status(2, "late")
        try:
            1 / 0
        except ZeroDivisionError:
            logger.exception("failed")
    with tracer.span("call") as call:
        call.span_kind = SpanKind.CLIENT
        for name in ("db.name", "db.statement", "db.system", "enduser.id", "enduser.pseudo.id", "session.id"):
            call.add_attribute(name, "x")
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> dict[str, dict[str, dict[str, object]]]:
    """Shape -> table -> its row, as the portal shows it."""
    path = tmp_path_factory.mktemp("program") / "app.py"
    path.write_text(_PROGRAM, encoding="utf-8")
    found = {}
    for shape in ("legacy", "otel"):
        command = [sys.executable, "-m", "opencensus_compat", "local", "--json", "--", sys.executable, path]
        environment = {**os.environ, "OPENCENSUS_COMPAT_ENVELOPES": shape}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
        found[shape] = {table: rows[0] for table, rows in json.loads(done.stdout)["tables"].items() if rows}
        found[shape]["calls"] = next(row for row in json.loads(done.stdout)["tables"]["dependencies"] if row["name"] == "call")
    return found


@pytest.mark.parametrize("name", ["fileName", "lineNumber", "module", "process", "level"])
def test_properties_of_records(tables, name):
    """Q001 to Q003: properties of a log record that the other shape lacks."""
    assert name in tables["legacy"]["traces"]["customDimensions"]
    assert name not in tables["otel"]["traces"]["customDimensions"]


def test_where_a_record_was_made(tables):
    """Q001 and Q002: file and line have other names."""
    old, new = (tables[shape]["traces"]["customDimensions"] for shape in ("legacy", "otel"))
    assert (new["code.file.path"], str(new["code.line.number"])) == (old["fileName"], str(old["lineNumber"]))


def test_type_of_dependencies(tables):
    """Q004: the type of a span inside the process is spelt in another way."""
    assert [tables[shape]["dependencies"]["type"] for shape in ("legacy", "otel")] == ["INPROC", "InProc"]


def test_properties_of_requests(tables):
    """Q005: name and url of a request are in its columns alone."""
    old, new = (tables[shape]["requests"] for shape in ("legacy", "otel"))
    assert {"request.name", "request.url"} <= old["customDimensions"].keys()
    assert not {"request.name", "request.url"} & new["customDimensions"].keys()
    assert (new["name"], new["url"]) == (old["name"], old["url"])


def test_system_of_the_client(tables):
    """Q006: the column is empty."""
    assert tables["legacy"]["traces"]["client_OS"]
    assert not tables["otel"]["traces"]["client_OS"]


def test_parents_of_records(tables):
    """Q007: the parent of a record is a span's id."""
    assert [tables[shape]["traces"]["operation_ParentId"] for shape in tables] == [tables[shape]["dependencies"]["id"] for shape in tables]


def test_codes_of_statuses(tables):
    """Q008: the code of a status is no result code."""
    assert [tables[shape]["dependencies"]["resultCode"] for shape in ("legacy", "otel")] == ["2", "0"]


def test_properties_that_become_columns(tables):
    """Q009: attributes of databases, users and sessions are in columns alone."""
    old, new = (tables[shape]["calls"] for shape in ("legacy", "otel"))
    names = {"db.name", "db.statement", "db.system", "enduser.id", "enduser.pseudo.id", "session.id"}
    assert names <= old["customDimensions"].keys()
    assert not names & new["customDimensions"].keys()
    assert [new[column] for column in ("data", "target", "user_AuthenticatedId", "user_Id", "session_Id")] == ["x"] * 5


def test_messages_of_exceptions(tables):
    """Q010: the message has no traceback in it."""
    old, new = (tables[shape]["exceptions"] for shape in ("legacy", "otel"))
    assert old["outerMessage"].startswith("failed\nTraceback")
    assert (new["outerMessage"], new["customDimensions"]["exception.message"]) == ("failed", "division by zero")
