"""Which lines of a program call OpenCensus, as processes note it for a recording."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat.compare.programs import Conditions, parse, record
from opencensus_compat.compare.recordings import NoCallSites, call_sites
from opencensus_compat.local.call_sites import call_sites_in
from opencensus_compat.local.reasons import read_notes

FORMS = """\
import asyncio, contextlib, cProfile, functools, logging, sys, threading
from concurrent.futures import ThreadPoolExecutor
from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.stats.stats import stats
from opencensus.tags.tag_key import TagKey
from opencensus.trace import execution_context
from opencensus.trace.base_exporter import Exporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
class Own(Tracer):
    def finish(self):
        super().finish()
class Nowhere(Exporter):
    def export(self, span_datas):
        pass
sampler = AlwaysOnSampler()
tracer = Own(sampler=sampler, exporter=Nowhere())
def plain():
    with tracer.span("a") as span:
        span.name = "b"
        return span.name
@contextlib.contextmanager
def bracket():
    with tracer.span("c"):
        yield
async def coroutine():
    tracer.add_attribute_to_current_span("k", 1)
def generator():
    yield execution_context.get_current_span()
with cProfile.Profile(), bracket():
    threads = [threading.Thread(target=plain) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    asyncio.run(coroutine())
    list(generator())
    with contextlib.ExitStack() as stack:
        stack.callback(tracer.finish)
        stack.callback(functools.partial(tracer.current_span))
handler = AzureEventHandler()
log = logging.getLogger("shop")
log.addHandler(handler)
def logged():
    log.warning("w", stacklevel=2)
log.error("e")
logged()
handler.flush()
stats.view_manager
TagKey("k")
exec("tracer.finish()")
"""
EXPECTED = {
    (12, "trace.tracer.Tracer.finish", "", 2),
    (16, "trace.samplers.AlwaysOnSampler", "", 1),
    (17, "trace.base_exporter.Exporter", "", 1),
    (17, "trace.tracer.Tracer", "", 1),
    (19, "trace.tracer.Tracer.span", "", 3),
    (20, "trace.span.Span.name", "", 3),
    (21, "trace.span.Span.name", "", 3),
    (24, "trace.tracer.Tracer.span", "", 1),
    (27, "trace.tracer.Tracer.add_attribute_to_current_span", "", 1),
    (29, "trace.execution_context.get_current_span", "", 1),
    (36, "trace.tracer.Tracer.current_span", "contextlib", 1),
    (39, "ext.azure.log_exporter.AzureEventHandler", "", 1),
    (44, "ext.azure.log_exporter.AzureEventHandler.handle", "logging", 1),
    (45, "ext.azure.log_exporter.AzureEventHandler.handle", "logging", 1),
    (46, "ext.azure.log_exporter.AzureEventHandler.flush", "", 1),
    (47, "stats.stats.stats.view_manager", "", 1),
    (48, "tags.tag_key.TagKey", "", 1),
}
FORK = """\
import os
from opencensus.tags.tag_map import TagMap
def made(times):
    for _ in range(times):
        TagMap()
made(5)
child = os.fork()
if not child:
    made(6)
    os._exit(0)
os.waitpid(child, 0)
made(1)
"""
UNCHANGED = """\
import copy, pickle
from opencensus.trace.samplers import AlwaysOnSampler, Sampler
from opencensus.trace.span import Span, SpanKind
span = Span("a")
assert Span.span_kind is SpanKind.UNSPECIFIED and "span_kind" not in vars(span)
span.span_kind = SpanKind.SERVER
assert vars(span)["span_kind"] == span.span_kind == 1
del span.span_kind
assert span.span_kind == 0 and not hasattr(Span.__new__(Span), "name")
class Other:
    def __init__(self, *, rate):
        self.rate = rate
class Mixed(Sampler, Other): pass
assert Mixed(rate=1).rate == 1
for wrong in (lambda: AlwaysOnSampler(1), lambda: Sampler(a=1)):
    try:
        wrong()
    except TypeError:
        continue
    raise AssertionError
"""


@pytest.fixture
def called(tmp_path, monkeypatch, endpoint):
    """Return a function that runs a program and returns its call sites."""
    notes = tmp_path / "notes"
    notes.touch()
    monkeypatch.setenv("OPENCENSUS_COMPAT_LOCAL_NOTES", str(notes))
    monkeypatch.setenv("OPENCENSUS_COMPAT_LOCAL_CALL_SITES", "1")
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", endpoint.connection_string)

    def run(source):
        program = tmp_path / "program.py"
        program.write_text(source)
        subprocess.run([sys.executable, "-W", "error", str(program)], check=True)
        sites = call_sites_in(read_notes(str(notes)))
        return {(site.line, site.symbol, site.via, site.count) for site in sites if Path(site.file) == program}

    return run


def test_forms(called):
    """A line is noted with the public name that it calls, reads or sets, also in threads, coroutines and generators, and below a profiler."""
    assert called(FORMS) == EXPECTED


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_fork(called):
    """A child's calls are noted though it ends without exit hooks, and those of its parent are not noted twice."""
    assert called(FORK) == {(5, "tags.tag_map.TagMap", "", 5 + 4 + 1)}


def test_classes_are_as_they_were(called):
    """Attributes and constructors that note their uses behave as those that do not."""
    called(UNCHANGED)


def _names(database):
    return [(Path(site.file).name, site.line, site.symbol, site.count) for site in call_sites(database)]


def test_recordings_of_programs_keep_them(tmp_path):
    """A recording has the call sites of all the programs that were run for it."""
    database, program = tmp_path / "items.db", tmp_path / "program.py"
    program.write_text("from opencensus.tags.tag_map import TagMap\nTagMap()\n")
    for _ in range(2):
        _run("--database", database, "--", sys.executable, program)
    assert _names(database) == [("program.py", 2, "tags.tag_map.TagMap", 2)]


def test_recordings_without_them(tmp_path):
    """A recording that was made without call sites says so: that is not the same as that the program had none."""
    database = tmp_path / "items.db"
    _run("--database", database, "--no-call-sites", "--", sys.executable, "-c", "")
    with pytest.raises(NoCallSites, match="without --no-call-sites"):
        call_sites(database)
    _run("--database", database, "--", sys.executable, "-c", "")
    assert call_sites(database) == []


def test_recordings_of_comparisons(tmp_path):
    """What records a program for a comparison keeps its call sites where they are wanted."""
    database, program = tmp_path / "items.db", tmp_path / "program.py"
    imports = "import logging\nfrom opencensus.ext.azure.log_exporter import AzureLogHandler as Handler\n"
    program.write_text(f"{imports}logging.getLogger().addHandler(Handler())\nlogging.error('seen')\n")
    record(parse("--", f"{sys.executable} {program}"), database, conditions=Conditions(call_sites=True))
    handler = "ext.azure.log_exporter.AzureLogHandler"
    assert _names(database) == [("program.py", 3, handler, 1), ("program.py", 4, f"{handler}.handle", 1)]


def _run(*words):
    command = [sys.executable, "-m", "opencensus_compat", "local", *map(str, words)]
    subprocess.run(command, check=True, capture_output=True)
