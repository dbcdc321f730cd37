"""Classes that are made with the exporter, sampler and propagator of their tracers."""

from __future__ import annotations

from textwrap import dedent

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_CLASS = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import print_exporter, samplers
from opencensus.trace.tracer import Tracer


class Middleware:
    def __init__(
        self,
        app,
        sampler=None,
        exporter=None,
        paths=(),
    ):
        self.app = app
        self.sampler = sampler or samplers.AlwaysOnSampler()
        self.exporter = exporter or print_exporter.PrintExporter()
        self.paths = paths

    def dispatch(self):
        tracer = Tracer(sampler=self.sampler, exporter=self.exporter)
        with tracer.span(name="request"):
            pass


"""


def _rewritten(text: str) -> str:
    result = rewrite_text(f"{_CLASS}{dedent(text)}".encode(), options=Options(shape=True))
    return b"".join(result.after.values()).decode() or f"{_CLASS}{dedent(text)}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Middleware(app, exporter=AzureExporter())\n", "{0}\nMiddleware(app)\n"),
        ("web.add_middleware(Middleware, exporter=AzureExporter(), paths=PATHS)\n", "{0}\nweb.add_middleware(Middleware, paths=PATHS)\n"),
        ("made = [Made(Middleware, exporter=AzureExporter())]\n", "{0}\nmade = [Made(Middleware)]\n"),
        (
            "exporter = AzureExporter()\nweb.add_middleware(\n    Middleware,\n    sampler=samplers.AlwaysOnSampler(),\n    exporter=exporter,\n)\n",
            "{0}\nweb.add_middleware(\n    Middleware,\n)\n",
        ),
        ("Middleware(app, exporter=AzureExporter(sampler=samplers.AlwaysOffSampler()))\n", "{0}\nMiddleware(app)\n"),
    ],
)
def test_what_only_its_tracers_need_leaves_a_class(before, after):
    """Parameters and attributes go, and `configure` stands before the class gets its exporter."""
    text = _rewritten(before)
    assert text.endswith(after.format('configure(signals=["traces"], sampler=ALWAYS_ON)'))
    assert "opencensus" not in text
    assert (
        "    def __init__(\n        self,\n        app,\n        paths=(),\n    ):\n        self.app = app\n        self.paths = paths\n"
        in text
    )


def test_the_sampler_that_a_class_is_made_with_is_the_process_s(tmp_path):
    """What a call gives counts more than what the class has without; in whatever file either is."""
    head, _, rest = _CLASS.partition("\n\n\n")
    (tmp_path / "tracing.py").write_text(f"{head}\n\n\n{rest}", encoding="utf-8")
    main = tmp_path / "main.py"
    main.write_text(
        f"{head}\nfrom tracing import Middleware\n\nweb.add_middleware(Middleware, sampler=samplers.ProbabilitySampler(0.5), exporter=AzureExporter())\n",
        encoding="utf-8",
    )
    after = rewrite([str(tmp_path)], Options(shape=True)).after[str(main)].decode()
    sampler = "ParentBased(TraceIdRatioBased(0.5), remote_parent_not_sampled=TraceIdRatioBased(0.5))"
    assert after.endswith(f'configure(signals=["traces"], sampler={sampler})\nweb.add_middleware(Middleware)\n')


@pytest.mark.parametrize(
    "use",
    [
        pytest.param("Middleware(app, **options)\nMiddleware(app, exporter=AzureExporter())\n", id="stars"),
        pytest.param("Middleware(app, exporter=AzureExporter())\nregister(Middleware())\nname = Middleware\n", id="a class as a value"),
        pytest.param("exporter = AzureExporter()\nMiddleware(app, exporter=exporter)\nprint(exporter)\n", id="needed besides"),
        pytest.param("Middleware(app, exporter=AzureExporter(), sampler=choose())\n", id="a sampler that is not known"),
        pytest.param("class Other(Middleware):\n    pass\n\n\nOther(app, exporter=AzureExporter())\n", id="a subclass"),
        pytest.param("Middleware(app)\n", id="printed"),
    ],
)
def test_a_class_that_may_get_something_else_stays(use):
    """Where it is not sure what a tracer gets, class and exporter stay."""
    text = _rewritten(use)
    assert "self.exporter = exporter or print_exporter.PrintExporter()" in text
    assert "tracer = Tracer(sampler=self.sampler, exporter=self.exporter)" in text


@pytest.mark.parametrize(
    "use",
    [
        pytest.param("Middleware(app, None, {}())\n", id="given by place"),
        pytest.param("Middleware(app, exporter={}())\nMiddleware(app)\n", id="made twice"),
        pytest.param("for each in range(2):\n    Middleware(app, exporter={0}() if each else None)\n", id="or none"),
    ],
)
def test_a_class_that_gets_one_of_several_exporters_has_pipelines(use):
    """Whether a call gives an exporter or the class takes its default, the tracer has a provider of a pipeline."""
    text = _rewritten(use.format("AzureExporter"))
    assert text.endswith(use.format("SpanPipeline"))
    assert "self.exporter = exporter or SpanPipeline.through(SimpleSpanProcessor(ConsoleSpanExporter()))" in text
    assert "tracer = self.exporter.tracer_provider(sampler=self.sampler).get_tracer(__name__)" in text


_SHARED = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler

exporter = AzureExporter(timeout=5)
sampler = AlwaysOnSampler()
"""
_SHARED_TRACER = "from opencensus.trace.tracer import Tracer\n\ntracer = Tracer(exporter=exporter, sampler=sampler)\n"
_FLASK = "from opencensus.ext.flask.flask_middleware import FlaskMiddleware\n"
_FASTAPI = "from opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware\n"


def _program(tmp_path, monkeypatch, telemetry, app):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "telemetry.py").write_text(telemetry, encoding="utf-8")
    (tmp_path / "app.py").write_text(app, encoding="utf-8")


@pytest.mark.parametrize(
    ("app", "after"),
    [
        pytest.param(
            f"{_FLASK}import telemetry\n\nFlaskMiddleware(app, exporter=telemetry.exporter, sampler=telemetry.sampler)\n",
            "import telemetry\n\nFlaskInstrumentor().instrument_app(app)\n",
            id="of the module",
        ),
        pytest.param(
            f"{_FLASK}import telemetry\n\n"
            "app.config['OPENCENSUS'] = {'TRACE': {'SAMPLER': telemetry.sampler, 'EXPORTER': telemetry.exporter}}\nFlaskMiddleware(app)\n",
            "import telemetry\n\nFlaskInstrumentor().instrument_app(app)\n",
            id="in its settings",
        ),
        pytest.param(
            f"{_FLASK}from telemetry import exporter, sampler\n\nmiddleware = FlaskMiddleware(app, None, sampler, exporter)\n",
            "import telemetry  # noqa: F401 -- sets up what is sent\n\nFlaskInstrumentor().instrument_app(app)\n",
            id="by name and place",
        ),
        pytest.param(
            f"{_FASTAPI}from telemetry import exporter\n\napp.add_middleware(FastAPIMiddleware, exporter=exporter)\n",
            "import telemetry  # noqa: F401 -- sets up what is sent\n\nFastAPIInstrumentor.instrument_app(app, "
            'exclude_spans=["receive", "send"])\n',
            id="FastAPI, which samples all without a sampler",
        ),
        pytest.param(
            f"{_FLASK}\n\ndef create():\n    from telemetry import exporter as sends, sampler\n    FlaskMiddleware(app, exporter=sends, sampler=sampler)\n",
            "def create():\n    import telemetry  # noqa: F401 -- sets up what is sent\n    FlaskInstrumentor().instrument_app(app)\n",
            id="inside a function",
        ),
    ],
)
@pytest.mark.parametrize("tracer", ["", _SHARED_TRACER], ids=["alone", "with a tracer"])
def test_a_middleware_with_the_exporter_of_another_module(tmp_path, monkeypatch, tracer, app, after):
    """The module configures where it made the exporter; either file alone waits, and the next run changes nothing."""
    _program(tmp_path, monkeypatch, _SHARED + tracer, app)
    assert [rewrite(["app.py"], Options(shape=True)).after, b"configure(" in rewrite(["telemetry.py"]).after.get("telemetry.py", b"")] == [
        {},
        False,
    ]
    result = rewrite(["."], Options(shape=True))
    assert result.left == []
    assert result.after["./app.py"].decode().endswith(after)
    assert 'configure(timeout=5, signals=["traces"], sampler=ALWAYS_ON)\n' in result.after["./telemetry.py"].decode()
    _program(tmp_path, monkeypatch, *(result.after[name].decode() for name in ("./telemetry.py", "./app.py")))
    assert rewrite(["."], Options(shape=True)).after == {}


def test_a_function_that_makes_the_exporter_of_a_middleware(tmp_path, monkeypatch):
    """The function configures, and is called where the middleware was put in."""
    telemetry = _SHARED.replace("exporter = ", "\n\ndef made():\n    return ").replace("sampler = AlwaysOnSampler()\n", "")
    app = f"{_FLASK}from telemetry import made\nfrom opencensus.trace.samplers import AlwaysOnSampler\n\n"
    _program(tmp_path, monkeypatch, telemetry, f"{app}FlaskMiddleware(app, exporter=made(), sampler=AlwaysOnSampler())\n")
    result = rewrite(["."], Options(shape=True))
    assert result.after["./app.py"].decode().endswith("made()\nFlaskInstrumentor().instrument_app(app)\n")
    assert "return configure(timeout=5, " in result.after["./telemetry.py"].decode()


@pytest.mark.parametrize(
    ("telemetry", "app"),
    [
        pytest.param(
            _SHARED, "FlaskMiddleware(app, exporter=telemetry.exporter, sampler=telemetry.sampler)\nunknown(telemetry.exporter)\n"
        ),
        pytest.param(_SHARED.replace("timeout", "grace_period"), "FlaskMiddleware(app, exporter=telemetry.exporter)\n"),
        pytest.param(_SHARED, "FlaskMiddleware(app, exporter=telemetry.exporter, sampler=chosen())\n"),
    ],
    ids=[
        "needed besides",
        "an option without a counterpart",
        "a sampler not known",
    ],
)
def test_a_middleware_whose_exporter_cannot_change_stays(tmp_path, monkeypatch, telemetry, app):
    """So does the exporter, and what shares it."""
    _program(tmp_path, monkeypatch, telemetry, f"{_FLASK}import telemetry\n\n{app}")
    result = rewrite(["."], Options(shape=True, markers=False))
    assert b"AzureExporter(" in result.after.get("./telemetry.py", telemetry.encode())
    assert "./app.py" not in result.after
    assert result.left


def test_a_middleware_of_the_first_request_stays():
    """An instrumentation that begins within a request would give it a span without a status."""
    text = (
        "from flask import Flask\nfrom opencensus.ext.azure.trace_exporter import AzureExporter\n"
        "from opencensus.ext.flask.flask_middleware import FlaskMiddleware\n\napp = Flask('a')\n\n"
        "@app.before_first_request\ndef prepare():\n    FlaskMiddleware(app, exporter=AzureExporter())\n"
    )
    result = rewrite_text(text.encode(), options=Options(shape=True, markers=False))
    assert result.after == {}
    assert {each.why for each in result.left if each.rule == "W010"} == {"decide"}


_HOOKS = """\
from flask import Flask, g, request
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import utils
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

app = Flask(__name__)
exporter = AzureExporter()


@app.before_request
def before():
    g.tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
    g.span = g.tracer.start_span(name=request.path)
    describe(g.span)


def describe(span, kind=None):
    span.span_kind = SpanKind.SERVER


@app.after_request
def after(response):
    g.tracer.end_span()
    return response
"""


def test_what_an_object_of_a_library_keeps():
    """Tracer and span on Flask's `g` are followed from the function that sets them to the one that ends the span, and a kind to where it starts."""
    (text,) = rewrite_text(_HOOKS.encode(), options=Options(shape=True)).after.values()
    assert b"opencensus" not in text
    assert b"g.tracer = trace.get_tracer(__name__)" in text
    assert b"g.span = g.tracer.start_span(request.path)" not in text


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(("    describe(g.span)", "    if request.path:\n        describe(g.span)"), id="a call by a condition"),
        pytest.param(("    span.span_kind", "    if not kind:\n        return\n    span.span_kind"), id="a return before it"),
        pytest.param(("    describe(g.span)", "    describe(*[g.span])"), id="stars"),
    ],
)
def test_a_kind_that_a_function_does_not_always_set(change):
    """It is asked about, and the spans stay."""
    result = rewrite_text(_HOOKS.replace(*change).encode(), options=Options(shape=True, markers=False))
    assert all(b"span.span_kind = SpanKind.SERVER" in text for text in result.after.values())
    assert any(each.rule == "T021" and each.why == "decide" for each in result.left)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("url, ('a',)", "url{}.startswith(('a',))"),
        ("url=str(request.url)", 'str(request.url){}.startswith("_ah/health")'),
        ("'x/' + url, excludelist_paths=app.paths", "('x/' + url){}.startswith(\"_ah/health\" if app.paths is None else tuple(app.paths))"),
    ],
)
def test_a_path_that_is_left_out(given, expected):
    """The test is Python's own: OpenTelemetry has none for the beginning of a path."""
    text = f"{_HOOKS}\n\ndef is_left_out(url):\n    return utils.disable_tracing_url({given})\n"
    (new,) = rewrite_text(text.encode(), options=Options(shape=True)).after.values()
    path = '.removeprefix("https://").removeprefix("http://").partition("/")[2]'
    assert f"    return {expected.format(path)}\n" in new.decode()


@pytest.mark.parametrize("given", ["url, find()", "*found", "url, [name]"])
def test_a_path_that_is_left_out_by_an_expression_is_asked_about(given):
    """What would be evaluated twice, or is not known, is a question."""
    text = f"{_HOOKS}\n\ndef is_left_out(url):\n    return utils.disable_tracing_url({given})\n"
    assert any(each.rule == "T078" and each.why == "decide" for each in rewrite_text(text.encode(), options=Options(shape=True)).left)


_IN_ATTRIBUTE = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.flask.flask_middleware import FlaskMiddleware
from opencensus.trace.samplers import AlwaysOnSampler


class Telemetry:
    def __init__(self, app):
        self.middleware = None
        if app:
            self.middleware = FlaskMiddleware(app, exporter=AzureExporter(), sampler=AlwaysOnSampler())
"""


@pytest.mark.parametrize("read", ["", "def f(t):\n    return t.middleware\n", "name = 'middleware'\n"], ids=["not read", "read", "named"])
def test_a_middleware_in_an_attribute(read):
    """A middleware that an object keeps goes where nothing reads the attribute."""
    result = rewrite_text(f"{_IN_ATTRIBUTE}{read}".encode(), options=Options(shape=True))
    assert (b"FlaskInstrumentor().instrument_app(app" in b"".join(result.after.values())) == (not read)


@pytest.mark.parametrize(
    "text",
    [
        (
            "from opencensus.ext.flask.flask_middleware import FlaskMiddleware as Base\n\nclass Own(Base):\n    def _after_request(self, response):\n"
            "        return response\n\nOwn(app, exporter=AzureExporter(), sampler=AlwaysOnSampler())\n"
        ),
        (
            "from opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware as Base\n\nclass Own(Base):\n"
            "    async def dispatch(self, request, call_next):\n        return None\n\n"
            "app.add_middleware(Own, exporter=AzureExporter(), sampler=AlwaysOnSampler())\n"
        ),
    ],
    ids=["Flask", "FastAPI"],
)
def test_a_class_on_a_middleware_stays(text):
    """A class of the program on a middleware stays with its exporter and sampler: an instrumentation would lack what it adds."""
    head = "from opencensus.ext.azure.trace_exporter import AzureExporter\nfrom opencensus.trace.samplers import AlwaysOnSampler\n"
    result = rewrite_text(f"{head}{text}".encode(), options=Options(shape=True, markers=False))
    assert result.after == {}


_FLASK = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.flask.flask_middleware import FlaskMiddleware
from opencensus.trace.samplers import AlwaysOnSampler

middleware = FlaskMiddleware(exporter=AzureExporter(), sampler=AlwaysOnSampler(), excludelist_paths=["health"])
"""


def _project(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    result = rewrite([str(folder)], Options(shape=True, markers=False))
    return {path.rpartition("/")[2].removesuffix(".py"): data.decode() for path, data in result.after.items()}, result.left


@pytest.mark.parametrize(
    ("imported", "after"),
    [
        ("from telemetry import db, middleware", "from telemetry import db"),
        ("from telemetry import middleware", "import telemetry"),
        ("import telemetry", "import telemetry"),
    ],
)
def test_a_middleware_that_is_put_in_later(tmp_path, imported, after):
    """What sets up stands where the middleware was made, and the instrumentation where that was put into the application, in each file."""
    name = "telemetry.middleware" if imported == "import telemetry" else "middleware"
    app = f"{imported}\n\n\ndef create_app():\n    app = Flask(__name__)\n    {name}.init_app(app)\n    return app\n"
    texts, left = _project(tmp_path, telemetry=f"{_FLASK}db = 1\n", app=app)
    assert left == []
    assert texts["telemetry"].endswith('configure(signals=["traces"], sampler=ALWAYS_ON)\ndb = 1\n')
    assert '    FlaskInstrumentor().instrument_app(app, excluded_urls="^https?://[^/]+/health")\n' in texts["app"]
    assert after in [line.partition("  #")[0] for line in texts["app"].splitlines()]
    assert "middleware" not in texts["app"]


@pytest.mark.parametrize(
    "use",
    ["print(middleware)", "app = middleware.init_app(app)", "middleware.init_app(*apps)", "middleware.init_app(app)\nx = middleware.app"],
)
def test_a_middleware_of_which_more_is_read(tmp_path, use):
    """A middleware with which something else is done stays."""
    texts, left = _project(tmp_path, app=f"{_FLASK}{use}\n")
    assert "FlaskInstrumentor" not in texts.get("app", "")
    assert ("W010", "decide") in {(each.rule, each.why) for each in left}


def test_settings_of_an_application_that_comes_later(tmp_path):
    """A middleware whose applications have settings of their own is asked about."""
    settings = "app.config['OPENCENSUS'] = {'TRACE': {'EXCLUDELIST_PATHS': ['x']}}\n"
    texts, left = _project(tmp_path, app=f"{_FLASK}{settings}middleware.init_app(app)\n")
    assert "FlaskInstrumentor" not in texts.get("app", "")
    assert "Which settings have the applications?" in " ".join(each.text for each in left)


@pytest.mark.parametrize(("propagator", "is_changed"), [("", True), (", propagator=B3FormatPropagator()", False)])
def test_a_test_whether_there_is_a_middleware(tmp_path, propagator, is_changed):
    """A test for the class, whose import may fail, changes with the middleware that stands below it, or not at all."""
    app = (
        "try:\n    from opencensus.ext.flask.flask_middleware import FlaskMiddleware\n    from opencensus.ext.azure.trace_exporter import AzureExporter\n"
        "    from opencensus.trace.propagation.b3_format import B3FormatPropagator\n    from opencensus.trace.samplers import AlwaysOnSampler\n"
        "except ImportError:\n    FlaskMiddleware = None\n"
        f"if FlaskMiddleware is not None:\n    FlaskMiddleware(app, exporter=AzureExporter(), sampler=AlwaysOnSampler(){propagator})\n"
    )
    texts, _ = _project(tmp_path, app=app)
    text = texts.get("app", app)
    assert ("if FlaskInstrumentor is not None:" in text, "    FlaskInstrumentor = None\n" in text) == (is_changed, is_changed)
    assert ("FlaskMiddleware" in text) is not is_changed
