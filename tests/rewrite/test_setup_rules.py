"""Integrations, middlewares, settings and requirements in Python files: text before, text after."""

from __future__ import annotations

from textwrap import dedent

import pytest

from opencensus_compat import __version__
from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_ALL = Options(shape=True)
_CONFIG = "from opencensus.trace import config_integration\n\n"


def rewritten(text: str) -> str:
    """Return what becomes of a program; a second run must change nothing."""
    data = dedent(text).encode()
    after = rewrite_text(data, options=_ALL).after.get("<stdin>", data)
    assert rewrite_text(after, options=_ALL).after == {}
    return after.decode()


def reasons(text: str) -> list[tuple[str, str]]:
    """Return what stays of a program in which nothing may change but comments: rule, and whether a person must decide."""
    data = dedent(text).encode()
    result = rewrite_text(data, options=_ALL)
    code = [line for line in result.after.get("<stdin>", data).splitlines() if not line.lstrip().startswith(b"# census-compat:")]
    assert code == data.splitlines()
    return [(each.rule, each.why) for each in result.left if each.why != "with"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            'config_integration.trace_integrations(["requests", "sqlalchemy"])\n',
            "from opentelemetry.instrumentation.requests import RequestsInstrumentor\n"
            "from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor\n\n"
            "RequestsInstrumentor().instrument()\nSQLAlchemyInstrumentor().instrument()\n",
            id="several",
        ),
        pytest.param(
            "NAMES = ('postgresql', 'mysql', 'pymysql')\n\n\ndef start():\n    config_integration.trace_integrations(integrations=NAMES)\n",
            "from opentelemetry.instrumentation.mysql import MySQLInstrumentor\n"
            "from opentelemetry.instrumentation.psycopg2 import Psycopg2Instrumentor\n"
            "from opentelemetry.instrumentation.pymysql import PyMySQLInstrumentor\n\n"
            "NAMES = ('postgresql', 'mysql', 'pymysql')\n\n\ndef start():\n"
            "    Psycopg2Instrumentor().instrument()\n    MySQLInstrumentor().instrument()\n    PyMySQLInstrumentor().instrument()\n",
            id="by a name, in a function",
        ),
        pytest.param(
            "class Shop:\n    def __init__(self):\n        config_integration.trace_integrations(['requests'])\n\n\nShop()\nShop()\n",
            "from opentelemetry.instrumentation.requests import RequestsInstrumentor\n\n"
            "class Shop:\n    def __init__(self):\n        if not RequestsInstrumentor().is_instrumented_by_opentelemetry:\n"
            "            RequestsInstrumentor().instrument()\n\n\nShop()\nShop()\n",
            id="where it runs again",
        ),
        pytest.param(
            "config_integration.trace_integrations('pymongo'); print(1)\n",
            "from opentelemetry.instrumentation.pymongo import PymongoInstrumentor\n\nPymongoInstrumentor().instrument(); print(1)\n",
            id="one text, before another statement",
        ),
        pytest.param("config_integration.trace_integrations(['logging', 'flask'])\nprint(1)\n", "print(1)\n", id="nothing is left"),
        pytest.param(
            "if __name__ == '__main__':\n    config_integration.trace_integrations(['logging'])\n",
            "if __name__ == '__main__':\n    pass\n",
            id="nothing is left in a block",
        ),
        pytest.param(
            "config_integration.trace_integrations(['httplib', 'threading', 'mine'])\n",
            "from opentelemetry.instrumentation.threading import ThreadingInstrumentor\nfrom opencensus.trace import config_integration\n\n"
            "ThreadingInstrumentor().instrument()\nconfig_integration.trace_integrations(['httplib', 'mine'])\n",
            id="some that a person must look at",
        ),
    ],
)
def test_integrations_by_name(before, after):
    """Each library gets its instrumentation; names that switch nothing on go, and others stay."""
    result = rewritten(_CONFIG + before)
    lines = [line for line in result.splitlines() if not line.startswith("# census-compat:")]
    assert sorted(lines) == sorted(after.replace("'httplib', 'mine'", '"httplib", "mine"').splitlines())


_ENGINE, _ASYNC = "engine = create_engine('sqlite://')\n", "engine = create_async_engine('sqlite://')\n"
_BY_NAME = 'config_integration.trace_integrations(["sqlalchemy"])\n'
_INSTRUMENT = "SQLAlchemyInstrumentor().instrument(engine=engine)\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(_BY_NAME + _ENGINE, _ENGINE + _INSTRUMENT, id="before the engine"),
        pytest.param(_ENGINE + _BY_NAME, _ENGINE + _INSTRUMENT, id="after the engine"),
        pytest.param(_BY_NAME + _ASYNC, _ASYNC + _INSTRUMENT.replace("=engine", "=engine.sync_engine"), id="asynchronous"),
        pytest.param(_BY_NAME + _ENGINE * 2, None, id="two engines"),
        pytest.param(_BY_NAME + f"def connect():\n    {_ENGINE}    return engine\n", None, id="in a function"),
        pytest.param(_BY_NAME + "from flask_sqlalchemy import SQLAlchemy\n", None, id="Flask"),
    ],
)
def test_engines_of_sqlalchemy(before, after):
    """The instrumentation is given the engine: it sees none that a name from before makes. Where there are more, a comment asks."""
    result = rewritten(_CONFIG + before)
    if after is None:
        assert "# census-compat: W001 Which engines are traced?" in result
    else:
        assert result.partition("SQLAlchemyInstrumentor\n")[2].lstrip() == after


def test_engines_of_another_module(tmp_path):
    """A module that makes an engine and never names OpenCensus counts, too."""
    (tmp_path / "db.py").write_text(f"from sqlalchemy import create_engine\n\n{_ENGINE}", encoding="utf-8")
    (tmp_path / "app.py").write_text(f"{_CONFIG}import db\n\n{_BY_NAME}", encoding="utf-8")
    result = rewrite([str(tmp_path)], _ALL)
    assert [left.text.partition("?")[0] for left in result.left] == ["Which engines are traced"]


def test_engines_of_another_program(tmp_path):
    """A module that no file of the program imports, nor imports one of it, makes engines that the program has not."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "db.py").write_text(f"from sqlalchemy import create_engine\n\n{_ENGINE}", encoding="utf-8")
    (tmp_path / "app.py").write_text(_CONFIG + _BY_NAME, encoding="utf-8")
    result = rewrite([str(tmp_path)], _ALL)
    assert b"SQLAlchemyInstrumentor().instrument()" in result.after[str(tmp_path / "app.py")]
    assert result.left == []


def test_integration_by_its_module():
    """The function of an integration's own module is one of the names."""
    before = "from opencensus.ext.requests import trace\n\ntrace.trace_integration()\n"
    after = "from opentelemetry.instrumentation.requests import RequestsInstrumentor\n\nRequestsInstrumentor().instrument()\n"
    assert rewritten(before) == after


@pytest.mark.parametrize(
    ("before", "left"),
    [
        pytest.param(_CONFIG + "config_integration.trace_integrations(['httplib'])\n", [("W001", "decide")], id="http.client"),
        pytest.param(_CONFIG + "config_integration.trace_integrations(names())\n", [("W001", "decide")], id="names from elsewhere"),
        pytest.param(
            _CONFIG + "done = config_integration.trace_integrations(['requests'])\n", [("W001", "decide")], id="its result is used"
        ),
        pytest.param(
            "from opencensus.ext.flask.flask_middleware import FlaskMiddleware\n\nFlaskMiddleware(app)\n", [("W010", "keep")], id="prints"
        ),
        pytest.param(
            "from opencensus.ext.flask.flask_middleware import FlaskMiddleware\n\n"
            "app.config['OPENCENSUS'] = {'TRACE': {'EXPORTER': 'shop.Exporter()'}}\nFlaskMiddleware(app)\n",
            [("W018", "keep"), ("W010", "keep")],
            id="an exporter of the program",
        ),
        pytest.param(
            "from opencensus.ext.azure.trace_exporter import AzureExporter\nfrom opencensus.ext.flask.flask_middleware import FlaskMiddleware\n\n"
            "FlaskMiddleware(app, exporter=AzureExporter(), excludelist_paths=['/health'])\n",
            [("A001", "keep"), ("A005", "keep"), ("W010", "decide")],
            id="a path that begins with a slash",
        ),
        pytest.param(
            "import logging.config\n\nlogging.config.dictConfig({'handlers': {'a': "
            "{'class': 'opencensus.ext.azure.log_exporter.AzureLogHandler', 'grace_period': 1}}})\n",
            [("N003", "keep")],
            id="an option that the new handler lacks",
        ),
        pytest.param("MIDDLEWARE = ['opencensus.ext.django.middleware.OpencensusMiddleware']\n", [("W011", "decide")], id="Django"),
        pytest.param("import logging\n\nlogging.getLogger('opencensus.ext.zenoss')\n", [("N004", "keep")], id="another maker's logger"),
        pytest.param("from unittest import mock\n\nmock.patch('opencensus.trace.tracer.Tracer')\n", [("N002", "decide")], id="a patch"),
    ],
)
def test_what_stays(before, left):
    """Without a counterpart, or where a person must decide, a use stays."""
    found = reasons(before)
    assert [each for each in found if each[0] not in {"A001", "A005"}] == [each for each in left if each[0] not in {"A001", "A005"}]


def test_the_question_about_django_says_what_to_write():
    """The marker at Django's middleware has the calls, with what the settings say."""
    text = """\
        CS = "x"
        MIDDLEWARE = ["opencensus.ext.django.middleware.OpencensusMiddleware"]
        OPENCENSUS = {
            "TRACE": {
                "SAMPLER": "opencensus.trace.samplers.ProbabilitySampler(rate=0.5)",
                "EXPORTER": f"opencensus.ext.azure.trace_exporter.AzureExporter(connection_string='{CS}')",
                "EXCLUDELIST_PATHS": ["health", "a.b"],
            }
        }
    """
    marker = next(line for line in rewritten(text).splitlines() if line.startswith("# census-compat: W011"))
    assert '`configure(connection_string=CS, signals=["traces"], sampler=ParentBased(TraceIdRatioBased(0.5)))`' in marker
    assert r'`DjangoInstrumentor().instrument(excluded_urls=r"^https?://[^/]+/health,^https?://[^/]+/a\.b")`' in marker


def test_options_of_a_handler_by_name():
    """Each gets the name and unit of the new handler's."""
    before = """\
        LOGGING = {"handlers": {"a": {
            "class": "opencensus.ext.azure.log_exporter.AzureEventHandler",
            "enable_local_storage": on(), 'storage_path': PATH, "export_interval": 2.5, "queue_capacity": 9, "instrumentation_key": KEY or "x",
        }}}
    """
    after = """\
        LOGGING = {"handlers": {"a": {
            "class": "appinsights_exporter.ApplicationInsightsEventHandler",
            "disable_offline_storage": not on(), 'storage_directory': PATH, "export_interval_millis": 2500, "queue_capacity": 9, "connection_string": "InstrumentationKey=" + (KEY or "x"),
        }}}
    """
    assert rewritten(before) == dedent(after)


def test_patch_for_gevent_goes():
    """Greenlets have contexts of their own."""
    text = "from opencensus.ext.gevent.geventcompatibility import patch_opencensus\n\npatch_opencensus()\nprint(1)\n"
    assert rewritten(text) == "print(1)\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            'setup(install_requires=[\n    "flask",\n    "opencensus-ext-azure>=1 ; python_version > \'3\'",  # traces\n    "opencensus",\n])\n',
            'setup(install_requires=[\n    "flask",\n    "census-compat>=VERSION ; python_version > \'3\'",  # traces\n])\n',
            id="over lines",
        ),
        pytest.param(
            "setup(install_requires=['opencensus', 'x', 'opencensus-ext-azure'])\n",
            "setup(install_requires=['census-compat', 'x'])\n",
            id="on a line",
        ),
        pytest.param(
            "setup(extras_require={'a': ['census-compat', 'opencensus-ext-azure==1']})\n",
            "setup(extras_require={'a': ['census-compat']})\n",
            id="already there",
        ),
    ],
)
def test_requirements_of_a_setup_file(before, after):
    """A list of requirements in Python has census-compat once."""
    assert rewritten(before) == after.replace("VERSION", __version__)


def test_requirements_follow_the_code(tmp_path):
    """A run adds the instrumentations that its own changes import, and the second run changes nothing."""
    (tmp_path / "app.py").write_text(_CONFIG + "config_integration.trace_integrations(['requests', 'httpx'])\n", encoding="utf-8")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("opencensus-ext-requests\nopentelemetry-instrumentation-httpx\n", encoding="utf-8")
    result = rewrite([str(tmp_path)], _ALL)
    assert result.after[str(requirements)] == (
        b"census-compat\nopentelemetry-instrumentation-requests\nopentelemetry-instrumentation-httpx\n"
    )
    for path, data in result.after.items():
        (tmp_path / path).write_bytes(data)
    assert rewrite([str(tmp_path)], _ALL).after == {}


@pytest.mark.parametrize("name", ["logging.yaml", "log.py"])
def test_formats_with_ids_keep_their_integration(tmp_path, name):
    """Also where they stand in another file: without what it sets, no line could be formatted."""
    (tmp_path / name).write_text("FORMAT: str = '%(traceId)s %(message)s'\n", encoding="utf-8")
    (tmp_path / ".git").mkdir()
    app = tmp_path / "app.py"
    app.write_text(_CONFIG + "config_integration.trace_integrations(['requests', 'logging'])\n", encoding="utf-8")
    assert rewrite([str(app)], _ALL).after[str(app)].endswith(b"\ntrace_ids_in_records()\n")


def test_rules_choose_among_files_of_other_kinds(tmp_path):
    """`--rule` and `--line` count for requirements and configurations, too."""
    path = tmp_path / "logging.yaml"
    path.write_text(
        "handlers:\n  a:\n    class: opencensus.ext.azure.log_exporter.AzureLogHandler\n# pip install opencensus\n", encoding="utf-8"
    )
    assert rewrite([str(tmp_path)], Options(rules=frozenset({"R001"}))).after == {}
    assert rewrite([str(tmp_path)], Options(lines=frozenset({(str(path), 0, 2)}))).after == {}
    result = rewrite([str(tmp_path)], Options(lines=frozenset({(str(path), 0, 3)})))
    assert [(change.rule, change.line) for change in result.changes] == [("N003", 3)]


@pytest.mark.parametrize(
    "use",
    [
        'with context.tracer.span("look up"):\n        pass',
        'tracer = context.tracer\n    with tracer.span("look up"):\n        pass',
        'span = context.tracer.start_span("look up")\n    context.tracer.end_span()',
    ],
)
def test_tracers_of_invocations_wait_for_the_extension(use: str) -> None:
    """The extension of Azure Functions makes them as long as it is there, as with an option that is asked about; handlers beside them change."""
    head = "from opencensus.ext.azure.log_exporter import AzureLogHandler\nfrom opencensus.extension.azure.functions import OpenCensusExtension\n\n"
    after = rewritten(
        f"import logging\n\n{head}OpenCensusExtension.configure(flush_invocations=2)\nlogging.getLogger('shop').addHandler(AzureLogHandler())\n\n\ndef main(req, context):\n    {use}\n"
    )
    assert use in after
    assert "addHandler(ApplicationInsightsLoggingHandler())" in after


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("def make() -> AzureExporter:\n    return AzureExporter()\n", "an annotation names the class of the exporter"),
        ("if execution_context is not None:\n    pass\n", "The module itself is meant"),
    ],
)
def test_a_name_that_is_only_named_says_so(body, text):
    """The reason speaks of the annotation, and of the module, and not of exporters or threads."""
    head = "from opencensus.ext.azure.trace_exporter import AzureExporter\nfrom opencensus.trace import execution_context\n\n"
    result = rewrite_text(f"{head}{body}".encode(), options=Options(markers=False))
    assert text in " ".join(each.text for each in result.left)


@pytest.mark.parametrize(
    "call",
    [
        "config_integration.trace_integrations(['requests'], {})",
        "config_integration.trace_integrations(integrations=['requests'], tracer={})",
        "trace_integration({})",
        "trace_integration(tracer={})",
    ],
)
def test_a_tracer_that_is_made_in_the_call(call):
    """A tracer in the call of an integration sets up what is sent: that stays, as a line of its own."""
    imports = (
        "from opencensus.ext.azure.trace_exporter import AzureExporter\nfrom opencensus.ext.requests.trace import trace_integration\n"
        "from opencensus.trace import config_integration, execution_context\nfrom opencensus.trace.samplers import AlwaysOnSampler\n"
        "from opencensus.trace.tracer import Tracer\n\n"
    )
    made = rewritten(imports + call.format("Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())") + "\n")
    assert made.endswith('\nconfigure(signals=["traces"], sampler=ALWAYS_ON)\nRequestsInstrumentor().instrument()\n')
    asked = rewritten(imports + call.format("execution_context.get_opencensus_tracer()") + "\n")
    assert asked.endswith("\n\nRequestsInstrumentor().instrument()\n")
    own = rewritten(f"{imports}from shop import tracer_of\n\n{call.format('tracer_of(1)')}\n")
    assert own.endswith("\n\ntracer_of(1)\nRequestsInstrumentor().instrument()\n")


def test_changes_that_wait_for_each_other():
    """What changes only together with a call inside of it is listed, and stays."""
    text = """\
        from flask import Flask
        from opencensus.ext.flask.flask_middleware import FlaskMiddleware
        from opencensus.ext.requests.trace import trace_integration
        from opencensus.ext.stackdriver import trace_exporter
        from opencensus.trace.samplers import AlwaysOnSampler
        from opencensus.trace.tracer import Tracer

        app = Flask(__name__)
        exporter = trace_exporter.StackdriverExporter()
        FlaskMiddleware(app, exporter=exporter, sampler=AlwaysOnSampler())
        other = trace_exporter.StackdriverExporter()
        trace_integration(Tracer(exporter=other))
        """
    result = rewrite_text(dedent(text).encode(), options=Options(shape=True, markers=False))
    assert result.after == {}
    assert {"T001", "W001", "W010"} <= {each.rule for each in result.left}


def test_packages_that_a_call_installs(tmp_path):
    """The arguments of what installs packages change as lists of them do; a name that is asked for stays."""
    app = tmp_path / "app.py"
    app.write_text(
        'dependencies.add_pip_package("opencensus-ext-azure>=1.0.1")\nsession.install("pytest", "opencensus", "opencensus-ext-azure")\n'
        'version("opencensus-ext-azure")\n',
        encoding="utf-8",
    )
    result = rewrite([str(tmp_path)], _ALL)
    dependency, session, version = result.after[str(app)].decode().splitlines()
    assert dependency.startswith('dependencies.add_pip_package("census-compat>=')
    assert session == 'session.install("pytest", "census-compat")'
    assert version == 'version("opencensus-ext-azure")'
