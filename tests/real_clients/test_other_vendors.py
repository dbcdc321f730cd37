"""Exporters of other vendors, as they are installed, on the facade and on the real SDK."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

ZIPKIN = """
import sys
from opencensus.ext.zipkin.trace_exporter import ZipkinExporter
from opencensus.trace import time_event
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.status import Status
from opencensus.trace.tracer import Tracer

exporter = ZipkinExporter(service_name="shop", host_name="127.0.0.1", port=int(sys.argv[1]), ipv4="10.0.0.1")
tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
with tracer.span(name="GET /orders") as request:
    request.span_kind = SpanKind.SERVER
    request.add_attribute("http.method", "GET")
    request.add_attribute("http.status_code", 200)
    request.add_annotation("cache missed", key="orders")
    with tracer.span(name="SELECT") as query:
        query.span_kind = SpanKind.CLIENT
        query.add_attribute("slow", False)
        query.status = Status(5, "no such row")
    with tracer.span(name="price"):
        pass
tracer.finish()
"""


class Collector(BaseHTTPRequestHandler):
    """Takes what is posted, as vendors' collectors do."""

    def do_POST(self):
        """Keep the body."""
        self.server.taken.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *args):
        """Print nothing."""


@pytest.fixture
def collected():
    """Return a function that runs a program on an interpreter, with a collector's port, and returns what the collector got."""

    def run(python, program, **environment):
        with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
            server.taken = []
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                subprocess.run(
                    [python, "-c", program, str(server.server_port)], env={**os.environ, **environment}, check=True, capture_output=True
                )
            finally:
                server.shutdown()
                thread.join()
            return server.taken

    return run


def _comparable(taken):
    """Return requests with names for ids, and without times and the collector's port."""
    names = {span["id"]: span["name"] for _, spans in taken for span in spans}
    traces = {span["traceId"] for _, spans in taken for span in spans}
    assert len(traces) == 1
    seen = []
    for path, spans in taken:
        for span in spans:
            assert isinstance(span.pop("timestamp"), int)
            assert span.pop("duration") >= 0
            for annotation in span.get("annotations", ()):
                assert isinstance(annotation.pop("timestamp"), int)
            parent = span.pop("parentId", None)
            del span["traceId"], span["id"], span["localEndpoint"]["port"]
            seen.append((path, parent and names[parent], span))
    return seen


def test_zipkin(collected, legacy_python, tmp_path):
    """The real Zipkin exporter sends the same spans, one request for each, in the same order, from the facade as from the real SDK."""
    asked = "import opencensus.ext.zipkin as found; print(found.__path__[0])"
    folder = subprocess.run([legacy_python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    # The exporter alone: the facade finds what is installed of `opencensus.ext`.
    shutil.copytree(folder, tmp_path / "opencensus" / "ext" / "zipkin")
    old = _comparable(collected(legacy_python, ZIPKIN))
    new = _comparable(collected(sys.executable, ZIPKIN, PYTHONPATH=str(tmp_path)))
    assert new == old
    assert [(span["name"], parent) for _, parent, span in new] == [
        ("SELECT", "GET /orders"),
        ("price", "GET /orders"),
        ("GET /orders", None),
    ]
