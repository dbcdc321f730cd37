"""What a module of the program holds is followed to where others read it as an attribute of the module."""

from __future__ import annotations

from textwrap import dedent

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_TELEMETRY = dedent("""\
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer

    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    """)
_LATER = _TELEMETRY.replace("tracer = Tracer", "tracer = None\n\n\ndef start():\n    global tracer\n    tracer = Tracer")
_SPAN = "\n\nwith {}.span(name='work'):\n    pass\n"


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Return what writes the files of a program into the current folder."""
    monkeypatch.chdir(tmp_path)

    def written(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")

    return written


def _app(imports, tracer):
    return imports + _SPAN.format(tracer)


_PACKAGE = {"pkg/__init__.py": "", "pkg/telemetry.py": _TELEMETRY}
_MODULE = {"telemetry.py": _TELEMETRY}
_FORMS = [
    pytest.param(_MODULE, "import telemetry", "telemetry.tracer", id="import"),
    pytest.param(_PACKAGE, "import pkg.telemetry as t", "t.tracer", id="another name"),
    pytest.param(_PACKAGE, "import pkg.telemetry", "pkg.telemetry.tracer", id="dotted"),
    pytest.param(_PACKAGE, "from pkg import telemetry", "telemetry.tracer", id="from the package"),
    pytest.param(
        _PACKAGE | {"pkg/__init__.py": "from . import telemetry\n"}, "import pkg", "pkg.telemetry.tracer", id="face of the package"
    ),
    pytest.param(_MODULE | {"middle.py": "import telemetry\n"}, "import middle", "middle.telemetry.tracer", id="through another module"),
    pytest.param(_MODULE | {"middle.py": "import telemetry\n"}, "from middle import telemetry", "telemetry.tracer", id="handed on"),
    pytest.param(_MODULE | {"middle.py": "from telemetry import tracer\n"}, "import middle", "middle.tracer", id="its tracer handed on"),
    pytest.param(_MODULE, "import telemetry\n\nmodule = telemetry", "module.tracer", id="in a variable"),
    pytest.param(_MODULE, "import importlib\n\nmodule = importlib.import_module('telemetry')", "module.tracer", id="by its name in text"),
    pytest.param(_PACKAGE, "import importlib\n\nmodule = importlib.import_module('pkg.telemetry')", "module.tracer", id="dotted, in text"),
    pytest.param({"telemetry.py": _LATER}, "import telemetry\n\ntelemetry.start()", "telemetry.tracer", id="made later"),
]


@pytest.mark.parametrize(("files", "imports", "tracer"), _FORMS)
def test_a_tracer_that_is_read_of_its_module(program, files, imports, tracer):
    """Both files change together, and the next run changes nothing."""
    program({**files, "app.py": _app(imports, tracer)})
    result = rewrite(["."])
    after = {path.removeprefix("./"): data.decode() for path, data in result.after.items()}
    assert f"with {tracer}.start_as_current_span('work'):" in after["app.py"]
    assert "configure(" in next(text for name, text in after.items() if name.endswith("telemetry.py"))
    program(after)
    assert [result.left, rewrite(["."]).after] == [[], {}]


@pytest.mark.parametrize(("files", "imports", "tracer"), _FORMS)
def test_a_tracer_of_a_module_that_waits(program, files, imports, tracer):
    """Where the tracer goes to what is not known, neither file changes."""
    program({**files, "app.py": _app(imports, tracer) + f"unknown({tracer})\n"})
    assert rewrite(["."]).after == {}


def test_an_attribute_of_a_module_that_gets_something_else(program):
    """A tracer that another file replaces by what is not known stays, and the report names the place."""
    program({**_MODULE, "app.py": _app("import telemetry\n\ntelemetry.tracer = made()", "telemetry.tracer")})
    result = rewrite(["."])
    assert result.after == {}
    assert "what `tracer` gets here is not known" in {each.text.partition(": ")[2] for each in result.left}


def test_a_module_that_gets_its_tracer_from_outside(program):
    """The tracer that a file puts into a module which never names OpenCensus stays, with all that may read it there."""
    start = _TELEMETRY.replace("tracer = ", "store.tracer = ")
    program({"store.py": "tracer = None\n", "start.py": f"import store\n{start}", "app.py": _app("import start, store", "store.tracer")})
    result = rewrite(["."])
    assert result.after == {}
    assert any("`tracer` is no variable of that module" in each.text for each in result.left)


def test_a_module_that_a_function_gets(program):
    """What the function reads of it changes with the module, and waits with it."""
    app = "import telemetry\n\n\ndef work(module):\n    with module.tracer.span(name='work'):\n        pass\n\n\nwork(telemetry)\n"
    program({**_MODULE, "app.py": app})
    result = rewrite(["."])
    assert [result.left, set(result.after)] == [[], {"./app.py", "./telemetry.py"}]
    program({"app.py": f"{app}unknown(telemetry.tracer)\n"})
    assert rewrite(["."]).after == {}


def test_a_class_of_a_module(program):
    """A class that is made as an attribute of its module gets a tracer, and changes with it."""
    worker = "class Worker:\n    def __init__(self, tracer):\n        self.tracer = tracer\n\n    def go(self):\n"
    worker += "        with self.tracer.span(name='go'):\n            pass\n"
    program({**_MODULE, "workers.py": worker, "app.py": "import telemetry\nimport workers\n\nworkers.Worker(telemetry.tracer).go()\n"})
    result = rewrite(["."])
    assert "with self.tracer.start_as_current_span('go'):" in result.after["./workers.py"].decode()
    assert result.left == []


def test_other_objects_of_a_module(program):
    """A handler and an exporter of a module change with the files that read them."""
    program({
        "telemetry.py": "from opencensus.ext.azure.log_exporter import AzureLogHandler\n"
        "from opencensus.ext.azure.trace_exporter import AzureExporter\n\nhandler = AzureLogHandler()\nexporter = AzureExporter()\n",
        "app.py": "import logging\n\nfrom opencensus.trace.samplers import AlwaysOnSampler\nfrom opencensus.trace.tracer import Tracer\n\n"
        "import telemetry\n\nlogging.getLogger().addHandler(telemetry.handler)\n"
        "tracer = Tracer(exporter=telemetry.exporter, sampler=AlwaysOnSampler())\nwith tracer.span(name='work'):\n    pass\n",
    })  # fmt: skip
    result = rewrite(["."])
    assert result.left == []
    assert "handler = ApplicationInsightsLoggingHandler()\nconfigure(" in result.after["./telemetry.py"].decode()
    assert "opencensus" not in result.after["./app.py"].decode()


_PATCHED = "from unittest import mock\n\nimport app\nimport telemetry\n\n\ndef test_it(monkeypatch):\n"
_ASSERTED = "    stand_in.span.assert_called_once_with(name='work')\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import telemetry\n\ngetattr(telemetry, 'tracer').span(name='work')\n", id="getattr"),
        pytest.param("import telemetry\n\nsetattr(telemetry, 'tracer', made())\n", id="setattr"),
        pytest.param("import telemetry\n\nvars(telemetry)['tracer'].span(name='work')\n", id="vars"),
        pytest.param("import telemetry\n\ntelemetry.__dict__['tracer'].span(name='work')\n", id="__dict__"),
        pytest.param("import telemetry\n\nload('telemetry.tracer').span(name='work')\n", id="dotted"),
        pytest.param(_PATCHED + "    with mock.patch('telemetry.tracer') as stand_in:\n        app.work()\n" + _ASSERTED, id="patch"),
        pytest.param(
            _PATCHED + "    stand_in = mock.Mock()\n    mock.patch.object(telemetry, 'tracer', stand_in)\n" + _ASSERTED, id="patch.object"
        ),
        pytest.param(
            _PATCHED + "    stand_in = mock.Mock()\n    monkeypatch.setattr(telemetry, 'tracer', stand_in)\n" + _ASSERTED, id="monkeypatch"
        ),
        pytest.param(
            _PATCHED
            + "    class StandIn:\n        def span(self, name):\n            return name\n\n    monkeypatch.setattr('telemetry.tracer', StandIn())\n",
            id="a class of the test",
        ),
    ],
)
def test_a_tracer_that_is_named_in_text(program, text):
    """What reads or replaces it with OpenCensus's methods would fail: nothing changes, and the report names the place."""
    program({**_MODULE, "app.py": _app("import telemetry", "telemetry.tracer"), "test_app.py": text})
    result = rewrite(["."])
    assert result.after == {}
    assert any("test_app.py" in each.text for each in result.left)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            _PATCHED + "    with mock.patch('telemetry.tracer'):\n        app.work()\n", id="a stand-in of which nothing is asked"
        ),
        pytest.param("import logging\n\nlogging.getLogger('telemetry.tracer')\n", id="a logger"),
        pytest.param("import other\n\ngetattr(other, 'tracer').span(name='work')\n", id="another module"),
        pytest.param("import telemetry\n\nassert hasattr(telemetry, 'tracer')\n", id="hasattr"),
    ],
)
def test_a_text_that_stands_in_nobody_s_way(program, text):
    """The tracer changes."""
    program({**_MODULE, "app.py": _app("import telemetry", "telemetry.tracer"), "test_app.py": text})
    assert {"./app.py", "./telemetry.py"} <= rewrite(["."]).after.keys()


_HEAD_OF_HOLDERS = """\
from flask import g
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
"""


@pytest.mark.parametrize(
    ("program", "changes"),
    [
        pytest.param("g.tracer = tracer\nwith g.tracer.span(name='a'):\n    pass\n", True, id="an attribute of an imported object"),
        pytest.param("g.tracer = tracer\nother = g.tracer\nother.span(name='a')\n", False, id="that goes on"),
        pytest.param("g.tracer = tracer\ng.pop('tracer').span(name='a')\n", False, id="by its name"),
        pytest.param("g.tracer = tracer\n", True, id="that nothing reads"),
        pytest.param("g.tracer = 1\nwith tracer.span(name='a'):\n    g.tracer.span(name='a')\n", True, id="that holds something else"),
        pytest.param(
            "class Timed:\n    def __enter__(self):\n        self.span = tracer.start_span()\n        return self.span\n\n"
            "    def __exit__(self, *_):\n        tracer.end_span()\n\n\nwith Timed() as span:\n    span.add_attribute('k', 1)\n",
            True,
            id="what a class hands to with",
        ),
        pytest.param(
            "class Timed:\n    def __enter__(self):\n        self.span = tracer.start_span()\n        return self.span\n\n"
            "    def __exit__(self, *_):\n        tracer.end_span()\n\n\nwith Timed():\n    pass\n",
            True,
            id="what nothing takes",
        ),
    ],
)
def test_where_tracers_and_spans_go_beside_variables(program, changes):
    """A tracer or span is followed into attributes of imported objects, and through `__enter__`; it changes with what is done there, or waits."""
    result = rewrite_text((_HEAD_OF_HOLDERS + program).encode(), options=Options(shape=True))
    after = b"".join(result.after.values())
    assert (b"opencensus" not in after and after != b"") is changes
    assert (result.left == []) is changes
