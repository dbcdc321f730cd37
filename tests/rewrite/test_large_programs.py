"""Programs of many files, of which each use is asked about the others: the work grows with the files, and not with their square."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.following.index import Files
from opencensus_compat.rewrite.model import Options
from opencensus_compat.rewrite.rewriting import rewrite

SETTINGS = """\
{imports}

MIDDLEWARE = ["opencensus.ext.django.middleware.OpencensusMiddleware"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3"}}}}
"""
MODULE = """\
import threading

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.stats import aggregation, measure, stats, view
from opencensus.trace import config_integration
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.tracer import Tracer

config_integration.trace_integrations(["requests"])
tracer{0} = Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(1.0))
handler{0} = AzureLogHandler()
MEASURE{0} = measure.MeasureInt("measure{0}", "of a module", "1")
VIEW{0} = view.View("view{0}", "of a module", [], MEASURE{0}, aggregation.SumAggregation())
stats.stats.view_manager.register_view(VIEW{0})


class Work{0}:
    def __init__(self, kept):
        self.kept{0} = kept

    def run{0}(self):
        with tracer{0}.span(name="run") as span:
            span.add_attribute("kept", str(self.kept{0}))
            headers = TraceContextPropagator().to_headers(tracer{0}.span_context)
        spans = {{}}
        spans["one"] = tracer{0}.start_span("one")
        tracer{0}.end_span()
        mmap = stats.stats.stats_recorder.new_measurement_map()
        mmap.measure_int_put(MEASURE{0}, 1)
        mmap.record()
        return headers


def start{0}():
    threading.Thread(target=Work{0}(1).run{0}).start()
"""


@pytest.fixture
def looked_through(monkeypatch):
    """A list that gets an entry each time that something goes through all files of a program."""
    found = []

    def values(self):
        found.append(len(self))
        return dict.values(self)

    monkeypatch.setattr(Files, "values", values)
    return found


def written(folder, count):
    """Return a folder with a program of many modules, one of which imports them all."""
    folder.mkdir()
    for number in range(count):
        (folder / f"module_{number}.py").write_text(MODULE.format(number))
    (folder / "main.py").write_text("".join(f"import module_{number}\n" for number in range(count)))
    return folder


def test_a_program_of_more_files_is_looked_through_as_often(tmp_path, looked_through):
    """What a rule asks of a whole program is answered once, at however many uses it asks."""
    counts = []
    for name, count in (("small", 3), ("large", 9)):
        looked_through.clear()
        result = rewrite([str(written(tmp_path / name, count))], Options(shape=True))
        assert len(result.changes) >= count
        counts.append(len(looked_through))
    assert counts[0] == counts[1]


def test_modules_that_import_each_other_are_followed_once(tmp_path):
    """Settings of which each imports all others have more ways between two of them than any run could go."""
    names = [f"settings_{number}" for number in range(30)]
    for name in names:
        imports = "\n".join(f"from {other} import *" for other in names if other != name)
        (tmp_path / f"{name}.py").write_text(SETTINGS.format(imports=imports))
    result = rewrite([str(tmp_path)], Options(shape=True))
    assert {each.rule for each in result.left} | {part.rule for change in result.changes for part in change.parts} >= {"W011"}
