"""Things of OpenCensus that travel through arguments, containers, tests of their class, fixtures and names in settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from opencensus_compat.scan.project import scan

_HEAD = """\
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import Sampler
from opencensus.trace.tracer import Tracer
t = Tracer()
"""
_START = len(_HEAD.splitlines())


def _found(folder: Path, **files: str) -> dict[str, list[str]]:
    """The uses in some files by the name of the file: each as its line, from 1 below the head, and its symbol's last two names."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path = path if path.suffix else path.with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    found: dict[str, list[str]] = {}
    for use in scan([str(folder)]).uses:
        names = found.setdefault(Path(use.path).name, [])
        start = _START if (folder / Path(use.path).name).exists() and Path(use.path).read_text().startswith(_HEAD) else 0
        if use.line > start:
            names.append(f"{use.line - start} {'.'.join(use.symbol.split('.')[-2:])}")
    return found


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        pytest.param("def f(x):\n    x.add_attribute('a', 1)\nwith t.span('a') as s:\n    f(s)", ["2 Span.add_attribute"], id="argument"),
        pytest.param("def f(a, *, x):\n    x.finish()\nf(1, x=t.start_span())", ["2 Span.finish"], id="argument by name"),
        pytest.param("def g(y):\n    y.emit(1)\ndef f(x):\n    g(x)\nf(AzureLogHandler())", ["2 AzureLogHandler.emit"], id="through two"),
        pytest.param("class W:\n    def __init__(self, e):\n        self.e = e\n    def stop(self):\n        self.e.shutdown()\nW(AzureExporter())", ["5 AzureExporter.shutdown"], id="constructor"),
        pytest.param("import threading\ndef f(x):\n    x.finish()\nthreading.Thread(target=f, args=(t,))", ["3 Tracer.finish"], id="thread"),
        pytest.param("def f(x):\n    x.finish()\npool.submit(f, t)", ["2 Tracer.finish"], id="pool"),
        pytest.param("a = [t, t]\nfor x in a:\n    x.finish()\na[0].finish()", ["3 Tracer.finish", "4 Tracer.finish"], id="list"),
        pytest.param("a = {}\ndef f(k):\n    a[k] = t.start_span()\ndef g(k):\n    a.pop(k).finish()", ["5 Span.finish"], id="dict"),
        pytest.param("a = []\ndef g():\n    for n, x in enumerate(a):\n        x.finish()\na.append(t)", ["4 Tracer.finish"], id="filled later"),
        pytest.param("class W:\n    def f(self, k):\n        self.a.setdefault(k, t)\n    def g(self):\n        for k, x in self.a.items():\n            x.finish()", ["6 Tracer.finish"], id="attribute"),
        pytest.param("for h in hs:\n    if isinstance(h, AzureLogHandler) and x:\n        h.flush()\n    h.acquire()", ["3 AzureLogHandler.flush"], id="test of a class"),
        pytest.param("[h.flush() for h in hs if isinstance(h, AzureLogHandler)]", ["1 AzureLogHandler.flush"], id="comprehension"),
        pytest.param("def f(x):\n    assert isinstance(x, AzureExporter)\n    x.shutdown()", ["3 AzureExporter.shutdown"], id="assertion"),
        pytest.param("class E(AzureExporter):\n    def emit(self, batch):\n        for d in batch:\n            d.attributes", ["4 SpanData.attributes"], id="spans of an exporter"),
        pytest.param("class E(AzureExporter):\n    def span_data_to_envelope(self, d):\n        made = super().span_data_to_envelope(d)\n        made.data", ["4 Envelope.data"], id="envelope"),
        pytest.param("class S(Sampler):\n    def should_sample(self, c):\n        return c.trace_id", ["3 SpanContext.trace_id"], id="sampler"),
        pytest.param("def f(m):\n    m.measure_int_put(1, 2)\n    m.measurement_map", ["3 MeasurementMap.measurement_map"], id="told by a method"),
        pytest.param("from typing import Optional\nx: Optional['Tracer'] = f()\nx.finish()", ["2 tracer.Tracer", "3 Tracer.finish"], id="annotation"),
        pytest.param("try:\n    from opencensus.stats.view import View\nexcept ImportError:\n    View = object\nView(1)", ["5 view.View"], id="guarded import"),
        pytest.param("import logging\nlogging.Filter(name='opencensus')", ["2 "], id="filter of a logger"),
        pytest.param("def f():\n    return 1, Tracer()\na, b = f()\nb.finish()", ["4 Tracer.finish"], id="tuple"),
        pytest.param("@pytest.fixture\ndef made():\n    yield Tracer()\ndef test_it(made):\n    made.finish()", ["5 Tracer.finish"], id="fixture"),
    ],
)  # fmt: skip
def test_one_file(tmp_path, source, uses):
    """The last name of what is used is found where it is used, whatever its object is called."""
    found = _found(tmp_path, app=f"{_HEAD}{source}\n")["app.py"]
    assert [use for use in uses if use not in found] == []


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("a = [1]\na.append(t)\na.sort()\nlen(a)", id="methods of a list"),
        pytest.param("def f(x):\n    x.flush()\nf(open('a'))", id="argument of another kind"),
        pytest.param("for h in hs:\n    if isinstance(h, AzureLogHandler):\n        pass\n    h.flush()", id="after the test"),
        pytest.param("a, b = f()\nb.flush()\nb.name", id="unknown parts"),
        pytest.param("class E(AzureExporter):\n    def other(self, batch):\n        batch.attributes", id="a method of its own"),
    ],
)
def test_nothing_else(tmp_path, source):
    """What is of no class of OpenCensus is not reported."""
    found = _found(tmp_path, app=f"{_HEAD}{source}\n").get("app.py", [])
    assert [use for use in found if use.partition(".")[2] in {"append", "sort", "flush", "name", "attributes"}] == []


def test_arguments_for_other_files(tmp_path):
    """A function gets what other files of the program hand to it, also where its own file names nothing of OpenCensus."""
    main = f"{_HEAD}import app.util as u\nfrom app import util\nfrom app.util import each, W\nu.tag(t.start_span())\neach([t])\nW(AzureExporter())\n"
    util = "def tag(x):\n    x.add_attribute('a', 1)\ndef each(xs):\n    for x in xs:\n        x.finish()\n"
    util += "class W:\n    def __init__(self, e):\n        self.e = e\n    def stop(self):\n        self.e.shutdown()\n"
    found = _found(tmp_path, main=main, app__util=util)
    assert found["util.py"] == ["2 Span.add_attribute", "5 Tracer.finish", "10 AzureExporter.shutdown"]


def test_classes_of_the_program_in_settings(tmp_path):
    """A class that stands on one of OpenCensus is found by its dotted name, in code and in files of settings; its neighbours are not."""
    logs = (
        "from opencensus.ext.azure.log_exporter import AzureLogHandler\nclass Handler(AzureLogHandler):\n    pass\nclass Plain:\n    pass\n"
    )
    found = _found(
        tmp_path,
        app__logs=logs,
        settings="LOGGING = {'class': 'app.logs.Handler'}\nOTHER = {'class': 'app.logs.Plain'}\n",
        log_dot_yaml="a:\n  class: app.logs.Handler\nb:\n  class: app.logs.Plain\n",
        log_dot_ini="[handler_a]\nclass = app.logs.Handler\n",
    )
    assert {name: uses for name, uses in found.items() if name != "logs.py"} == {
        "settings.py": ["1 log_exporter.AzureLogHandler"],
        "log.yaml": ["2 log_exporter.AzureLogHandler"],
        "log.ini": ["2 log_exporter.AzureLogHandler"],
    }


def test_queries_in_programs(tmp_path):
    """A query in the text of a program is found in its line, in a program of the same code base also without OpenCensus."""
    query = """import x\nQUERY = \'\'\'\ntraces\n| where customDimensions.fileName == "a"\n\'\'\'\nrun(f"requests | where resultCode == '2' {x}")\n"""
    found = _found(tmp_path, app=_HEAD, ask=query)
    assert found["ask.py"] == ["4 customDimensions.fileName", "6 resultCode == '2'"]
