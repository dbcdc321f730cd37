"""Applications that trace themselves as soon as a program has providers: they are told not to, wherever they are made."""

from __future__ import annotations

import os
from textwrap import dedent

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_OFF = 'telemetry={"tracing": False, "metrics": False, "logs": False}'
_TRACER = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def start():
    return Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
"""
_MAIN = """\
from fastapi import FastAPI

import telemetry

app = FastAPI()
tracer = telemetry.start()
"""


def _after(application: str) -> str:
    """Return what becomes of a program with an application, without its head; a second run must change nothing."""
    data = f"import fastapi\nfrom fastapi import FastAPI\n{_TRACER}\n\n{dedent(application)}".encode()
    after = rewrite_text(data, options=Options(shape=True)).after["<stdin>"]
    assert rewrite_text(after, options=Options(shape=True)).after == {}
    return after.decode().partition("get_tracer(__name__)\n\n\n")[2]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("app = FastAPI()\n", f"app = FastAPI({_OFF})\n", id="no arguments"),
        pytest.param("app = fastapi.FastAPI(title='a')\n", f"app = fastapi.FastAPI(title='a', {_OFF})\n", id="by its module"),
        pytest.param("app = FastAPI(title='a', )\n", f"app = FastAPI(title='a',  {_OFF})\n", id="a comma at the end"),
        pytest.param(
            "def get():\n    return FastAPI(\n        title='a',\n        debug=(True),  # for now\n    )\n",
            f"def get():\n    return FastAPI(\n        title='a',\n        debug=(True),  # for now\n        {_OFF},\n    )\n",
            id="a line for each",
        ),
        pytest.param(
            "app: FastAPI = FastAPI(\n    title='a'  # a name\n)\n",
            f"app: FastAPI = FastAPI(\n    title='a',  # a name\n    {_OFF},\n)\n",
            id="a line for each without a comma",
        ),
        pytest.param("app = FastAPI(telemetry=None)\n", "app = FastAPI(telemetry=None)\n", id="it says so itself"),
        pytest.param("one, two = FastAPI(), FastAPI()\n", f"one, two = FastAPI({_OFF}), FastAPI({_OFF})\n", id="two"),
    ],
)
def test_application_is_silent(before, after):
    """The argument is the last one, in the manner of the others."""
    assert _after(before) == after


@pytest.mark.parametrize(
    "instrumented",
    [
        "from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor\n\nFastAPIInstrumentor.instrument_app(app)\n",
        "from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor\n\nFastAPIInstrumentor().instrument()\n",
        "configure(instrumentations=['flask', 'fastapi'])\n",
    ],
)
def test_instrumented_application_stays(instrumented):
    """FastAPI makes nothing of its own where an instrumentation does."""
    before = f"app = FastAPI()\n{instrumented}"
    assert _after(before) == before


def test_another_application_is_silent():
    """An instrumentation of one application says nothing about another."""
    instrumented = "from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor\n\nFastAPIInstrumentor.instrument_app(app)\n"
    assert _after(f"app = FastAPI()\ninner = FastAPI()\n{instrumented}") == f"app = FastAPI()\ninner = FastAPI({_OFF})\n{instrumented}"


@pytest.mark.parametrize("application", ["app = FastAPI(**options)\n", "class App(FastAPI):\n    pass\n"])
def test_application_that_is_not_known_is_asked_about(application):
    """Where the arguments are not written out, a person must decide."""
    data = f"from fastapi import FastAPI\n{application}\n{_TRACER}".encode()
    result = rewrite_text(data, options=Options(shape=True))
    assert [(each.rule, each.why, each.line) for each in result.left] == [("W012", "decide", 2)]
    assert application.encode() in result.after["<stdin>"]


def test_application_in_another_file(tmp_path):
    """The file of the application need not name OpenCensus; one of another program stays."""
    (tmp_path / "telemetry.py").write_text(_TRACER, encoding="utf-8")
    (tmp_path / "main.py").write_text(_MAIN, encoding="utf-8")
    (tmp_path / "other.py").write_text("from fastapi import FastAPI\n\napp = FastAPI()\n", encoding="utf-8")
    result = rewrite([str(tmp_path)])
    assert {os.path.basename(path): data.decode() for path, data in result.after.items() if "telemetry.py" not in path} == {
        "main.py": _MAIN.replace("FastAPI()", f"FastAPI({_OFF})")
    }


def test_application_that_may_not_change(tmp_path):
    """An application in a file that is not rewritten is named."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "telemetry.py").write_text(_TRACER, encoding="utf-8")
    (tmp_path / "main.py").write_text(_MAIN, encoding="utf-8")
    result = rewrite([str(tmp_path / "telemetry.py")])
    assert [(os.path.basename(each.path), each.line, each.why) for each in result.left] == [("main.py", 5, "decide")]


def test_program_without_a_new_provider():
    """Where no provider comes, nothing is said to the application."""
    data = b"from fastapi import FastAPI\nfrom opencensus.trace import execution_context\n\napp = FastAPI()\n"
    assert b"telemetry=" not in rewrite_text(data, options=Options(shape=True)).after.get("<stdin>", data)
