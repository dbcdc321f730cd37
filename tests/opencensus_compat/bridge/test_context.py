"""The current context, read without the API's own function, which takes ten times as long."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from opentelemetry.context import Context, attach, detach, get_current

from opencensus_compat._bridge import context as _context


def test_what_is_read_is_what_the_api_says():
    """Outside any context, inside one, after it, and on another thread, where there is none."""
    assert _context.read_current is not get_current
    assert _context.read_current() == get_current()
    token = attach(Context({"key": "value"}))
    seen = []
    thread = threading.Thread(target=lambda: seen.append(_context.read_current()))
    thread.start()
    thread.join()
    assert (_context.read_current(), seen) == (Context({"key": "value"}), [Context()])
    detach(token)
    assert _context.read_current() == get_current() == Context()


def test_where_the_api_keeps_it_elsewhere(monkeypatch):
    """With a runtime context that is no context variable, its own function is asked."""
    elsewhere = []
    monkeypatch.setattr(_context, "attach", elsewhere.append)
    monkeypatch.setattr(_context, "detach", lambda _: elsewhere.pop())
    assert _context._reader() is get_current
    assert elsewhere == []


RUNTIME_CONTEXT = """
import threading
from opentelemetry.context import Context

class Elsewhere:
    def __init__(self):
        self.here = threading.local()
    def attach(self, context):
        before, self.here.context = self.get_current(), context
        return before
    def get_current(self):
        return getattr(self.here, "context", Context())
    def detach(self, token):
        self.here.context = token
"""
PROGRAM = """
from opencensus_compat._bridge import context
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.base_exporter import Exporter
from opencensus_compat.trace.tracer import Tracer
from opentelemetry import context as context_api, trace as trace_api

class Nowhere(Exporter):
    def export(self, span_datas):
        pass

tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=Nowhere())
with tracer.span("outer") as outer:
    with tracer.span("inner") as inner:
        current = trace_api.get_current_span().get_span_context()
        assert execution_context.get_current_span() is inner
    assert execution_context.get_current_span() is outer
assert (f"{current.span_id:016x}", inner.parent_span) == (inner.span_id, outer)
assert execution_context.get_current_span() is None
assert (context.read_current, context.make_current) == (context_api.get_current, context_api.attach)
"""


def test_a_runtime_context_of_another_kind(tmp_path):
    """A program that configures one has the API's own functions used, and its spans are where they belong."""
    (tmp_path / "elsewhere.py").write_text(RUNTIME_CONTEXT, encoding="utf-8")
    described = tmp_path / "elsewhere-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n", encoding="utf-8")
    (described / "entry_points.txt").write_text("[opentelemetry_context]\nelsewhere = elsewhere:Elsewhere\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "OTEL_PYTHON_CONTEXT": "elsewhere"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
