"""Django's middleware: a project before and after, and what a person must say."""

from __future__ import annotations

import shutil
from pathlib import Path
from textwrap import indent

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_PAIR = Path(__file__).parents[1] / "pairs" / "programs"
_WSGI = """\
import os
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
"""
_SETTINGS = """\
import os

CS = os.environ["CS"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.{engine}"}}}}
WSGI_APPLICATION = "shop.wsgi.application"
MIDDLEWARE = ["opencensus.ext.django.middleware.OpencensusMiddleware", "shop.middleware.Own"]
OPENCENSUS = {{"TRACE": {{
    "SAMPLER": "opencensus.trace.samplers.ProbabilitySampler(rate=1)",
    "EXPORTER": {exporter},
    {more}
}}}}
"""
_EXPORTER = '''f"""opencensus.ext.azure.trace_exporter.AzureExporter(connection_string='{CS}')"""'''


def _project(folder, *, engine="sqlite3", exporter=_EXPORTER, more="", settings=_SETTINGS, **others):
    """Write a project with its settings and wsgi.py; return what becomes of it."""
    (folder / "shop").mkdir()
    files = {"__init__": "", "wsgi": _WSGI, "settings": settings.format(engine=engine, exporter=exporter, more=more), **others}
    for name, text in files.items():
        (folder / "shop" / f"{name}.py").write_text(text, encoding="utf-8")
    result = rewrite([str(folder)], Options(shape=True))
    return {Path(path).stem: data.decode() for path, data in result.after.items()}, result


@pytest.mark.parametrize(
    ("name", "more"),
    [("W011_django", ()), ("W011_settings_of_several_files", ()), ("W011_exporter_that_stays", ("exporters.py",))],
)
def test_a_pair_of_folders(tmp_path, name, more):
    """The project of the pair becomes its counterpart, in both files at once."""
    before, after = _PAIR / f"{name}.before", _PAIR / f"{name}.after"
    shutil.copytree(before, tmp_path / "project")
    result = rewrite([str(tmp_path / "project")], Options(shape=True))
    assert {Path(path).name: data for path, data in result.after.items()} == {
        name: (after / name).read_bytes() for name in ("wsgi.py", "shop_settings.py", *more)
    }
    assert {each.rule for each in result.left} <= {"B002"}
    assert len({change.key for change in result.changes if change.rule == "W011"}) <= 1
    shutil.copytree(after, tmp_path / "project", dirs_exist_ok=True)
    assert rewrite([str(tmp_path / "project")], Options(shape=True)).after == {}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        pytest.param(
            {},
            'configure(connection_string=settings.CS, signals=["traces"], sampler=ALWAYS_ON, instrumentations=["django", "sqlite3"])',
            id="a name of the settings, and queries",
        ),
        pytest.param(
            {"engine": "mysql", "exporter": '"opencensus.ext.azure.trace_exporter.AzureExporter(timeout=5)"'},
            'configure(timeout=5, signals=["traces"], sampler=ALWAYS_ON, instrumentations=["django", "mysqlclient"])',
            id="options, and another database",
        ),
        pytest.param(
            {"engine": "dummy", "exporter": '"opencensus.ext.azure.trace_exporter.AzureExporter"'},
            'configure(signals=["traces"], sampler=ALWAYS_ON, instrumentations=["django"])',
            id="a class, and no database",
        ),
        pytest.param(
            {"exporter": "'opencensus.ext.azure.trace_exporter.AzureExporter(connection_string=\"' + CS + '\")'"},
            'configure(connection_string=settings.CS, signals=["traces"], sampler=ALWAYS_ON, instrumentations=["django", "sqlite3"])',
            id="texts that are joined",
        ),
        pytest.param(
            {"settings": _SETTINGS.replace("CS = os.environ", "cs = os.environ"), "exporter": _EXPORTER.replace("CS", "cs")},
            'configure(connection_string=os.environ[\'CS\'], signals=["traces"], sampler=ALWAYS_ON, instrumentations=["django", "sqlite3"])',
            id="a variable of the environment",
        ),
        pytest.param(
            {
                "wsgi": _WSGI.replace(
                    'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")',
                    "name = 'shop.production' if 'WEBSITE_HOSTNAME' in os.environ else 'shop.settings'\n"
                    'os.environ.setdefault("DJANGO_SETTINGS_MODULE", name)',
                ),
                "production": "from shop.settings import *\n",
            },
            'configure(connection_string=settings.CS, signals=["traces"], sampler=ALWAYS_ON, instrumentations=["django", "sqlite3"])',
            id="settings by a condition",
        ),
        pytest.param(
            {
                "settings": _SETTINGS.replace("DATABASES = {{", "OTHERS = {{"),
                "production": 'from shop.settings import *\n\nDATABASES = {"default": {"ENGINE": "django.db.backends.mysql"}}\n',
            },
            'configure(connection_string=settings.CS, signals=["traces"], sampler=ALWAYS_ON, instrumentations=["django", "mysqlclient"])',
            id="databases of one place",
        ),
    ],
)
def test_the_server_sets_up(tmp_path, given, line):
    """What OPENCENSUS said stands above the application, and nothing of it in the settings."""
    texts, result = _project(tmp_path, **given)
    assert result.left == []
    lines = texts["wsgi"].splitlines()
    assert lines[lines.index("application = get_wsgi_application()") - 1] == line
    assert "opencensus" not in texts["settings"]
    assert "OPENCENSUS" not in texts["settings"]
    assert 'MIDDLEWARE = ["shop.middleware.Own"]' in texts["settings"]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(
            "from dotenv import load_dotenv\nload_dotenv()\n" + _SETTINGS.replace("CS = os.environ", "cs = os.environ"),
            id="a file of variables",
        ),
        pytest.param(_SETTINGS.replace('CS = os.environ["CS"]', 'env = load()\ncs = env("CS")'), id="a function"),
    ],
)
def test_what_the_server_cannot_write_the_settings_say(tmp_path, settings):
    """A value that hangs on what the settings load stays there, by a name that Django hands on."""
    texts, result = _project(tmp_path, settings=settings, exporter=_EXPORTER.replace("CS", "cs"))
    assert result.left == []
    assert texts["settings"].endswith("\nTELEMETRY_CONNECTION_STRING = cs\n")
    assert "\nconfigure(connection_string=settings.TELEMETRY_CONNECTION_STRING, signals" in texts["wsgi"]


_STAYING = "from opencensus.ext.zipkin.trace_exporter import ZipkinExporter\nfrom other import Sender\n"


@pytest.mark.parametrize(
    ("exporter", "handed", "imported"),
    [
        ("Sender(CS)", "Sender(settings.CS)", "from other import Sender"),
        (
            "ZipkinExporter(service_name='shop')",
            "ZipkinExporter(service_name='shop')",
            "from opencensus.ext.zipkin.trace_exporter import ZipkinExporter",
        ),
        (
            "f\"opencensus.ext.zipkin.trace_exporter.ZipkinExporter(service_name='{CS}')\"",
            "ZipkinExporter(service_name=settings.CS)",
            "from opencensus.ext.zipkin.trace_exporter import ZipkinExporter",
        ),
        ('"opencensus.trace.file_exporter.FileExporter"', "FileExporter()", "from opencensus.trace.file_exporter import FileExporter"),
    ],
)
def test_the_server_hands_spans_to_an_exporter_that_stays(tmp_path, exporter, handed, imported):
    """Another maker's exporter, or one of another package, gets the spans of requests and queries."""
    texts, result = _project(tmp_path, settings=_STAYING + _SETTINGS, exporter=exporter)
    lines = [line for line in texts["wsgi"].splitlines() if not line.startswith("# census-compat")]
    at = lines.index("application = get_wsgi_application()")
    assert lines[at - 5 : at] == [
        "provider = TracerProvider(sampler=ALWAYS_ON)",
        "trace.set_tracer_provider(provider)",
        f"provider.add_span_processor(LegacyExporterProcessor({handed}))",
        "DjangoInstrumentor().instrument()",
        "SQLite3Instrumentor().instrument()",
    ]
    assert imported in lines
    assert "OPENCENSUS" not in texts["settings"]
    assert not [each for each in result.left if each.rule == "W011"]


_HEAD = "from opencensus.ext.azure.trace_exporter import AzureExporter\nfrom opencensus.trace.samplers import AlwaysOnSampler, ProbabilitySampler\n"
_HELD = """\
import os

from shop.items import role

CS = os.environ["CS"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3"}}}}
WSGI_APPLICATION = "shop.wsgi.application"
MIDDLEWARE = ["opencensus.ext.django.middleware.OpencensusMiddleware", "shop.middleware.Own"]
{more}
OPENCENSUS = {{"TRACE": {exporter}}}
"""


@pytest.mark.parametrize(
    ("held", "trace", "arguments"),
    [
        pytest.param(
            "exporter = AzureExporter(connection_string=CS)",
            '{"SAMPLER": "opencensus.trace.samplers.AlwaysOnSampler()", "EXPORTER": exporter}',
            'connection_string=settings.CS, signals=["traces"], sampler=ALWAYS_ON',
            id="an exporter beside text",
        ),
        pytest.param(
            "sampler = ProbabilitySampler(rate=0.5)\nexporter = AzureExporter(connection_string=CS)",
            '{"SAMPLER": sampler, "EXPORTER": exporter}',
            'connection_string=settings.CS, signals=["traces"], sampler=ParentBased(TraceIdRatioBased(0.5))',
            id="both",
        ),
        pytest.param(
            f"exporter = {_EXPORTER}",
            '{"SAMPLER": AlwaysOnSampler(), "EXPORTER": exporter}',
            'connection_string=settings.CS, signals=["traces"], sampler=ALWAYS_ON',
            id="text",
        ),
        pytest.param(
            "exporter = AzureExporter(connection_string=CS)\nexporter.add_telemetry_processor(role)",
            '{"SAMPLER": AlwaysOnSampler(), "EXPORTER": exporter}',
            'connection_string=settings.CS, telemetry_processors=[role], signals=["traces"], sampler=ALWAYS_ON',
            id="a processor of another module",
        ),
    ],
)
def test_what_variables_of_the_settings_hold(tmp_path, held, trace, arguments):
    """An exporter, a sampler or their text that only OPENCENSUS reads goes with it."""
    files, result = _project(tmp_path, settings=_HEAD + _HELD, more=held, exporter=trace, items="def role(envelope):\n    pass\n")
    assert f'configure({arguments}, instrumentations=["django", "sqlite3"])' in files["wsgi"]
    assert "exporter" not in files["settings"]
    assert "opencensus" not in files["settings"]
    assert ("from shop.items import role" in files["wsgi"]) is ("role" in arguments)
    assert result.left == []


@pytest.mark.parametrize(
    ("requirements", "library"),
    [("django\npsycopg2-binary==2.9.9\n", "psycopg2"), ("psycopg[binary]>=3\n", "psycopg"), ("psycopg\npsycopg2\n", ""), ("django\n", "")],
)
@pytest.mark.parametrize("folder", ["", "requirements"])
def test_the_driver_of_postgresql_is_that_which_is_required(tmp_path, requirements, library, folder):
    """Django takes either driver: which one is there, the requirements say, or a person."""
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "requirements.txt").write_text(f"opencensus-ext-django\n{requirements}", encoding="utf-8")
    files, result = _project(tmp_path, engine="postgresql")
    assert (f'instrumentations=["django", "{library}"]' in files.get("wsgi", "")) is bool(library)
    assert [each.rule for each in result.left if each.why == "decide"] == ([] if library else ["W011"])
    assert (f"opentelemetry-instrumentation-{library}\n" in files["requirements"]) is bool(library)


def test_the_driver_stands_in_requirements_without_opencensus(tmp_path):
    """What brings OpenCensus along may be another distribution."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "base.txt").write_text("# TODO: move to psycopg3\npsycopg2~=2.9\nmonitoring\n", encoding="utf-8")
    files, _ = _project(tmp_path, engine="postgresql")
    assert 'instrumentations=["django", "psycopg2"]' in files["wsgi"]


def test_each_server_sets_up(tmp_path):
    """Of asgi.py and wsgi.py each gets the call, and requirements the instrumentations."""
    (tmp_path / "requirements.txt").write_text("opencensus-ext-django\n", encoding="utf-8")
    texts, result = _project(tmp_path, asgi=_WSGI.replace("wsgi", "asgi"))
    assert all('instrumentations=["django", "sqlite3"])\napplication' in texts[name] for name in ("asgi", "wsgi"))
    assert texts["requirements"].splitlines()[1:] == ["opentelemetry-instrumentation-django", "opentelemetry-instrumentation-sqlite3"]
    assert result.left == []


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"engine": "postgresql"}, id="which driver"),
        pytest.param({"more": '"EXCLUDELIST_HOSTNAMES": ["a"],'}, id="hosts"),
        pytest.param({"more": '"EXCLUDELIST_PATHS": ["/a"],'}, id="a path with a slash"),
        pytest.param({"wsgi": "x = 1\n"}, id="no server"),
        pytest.param({"wsgi": _WSGI.replace("shop.settings", "shop.others"), "others": ""}, id="another server"),
        pytest.param({"settings": _SETTINGS.replace("WSGI_APPLICATION", "APPLICATION")}, id="runserver without wsgi.py"),
        pytest.param(
            {"wsgi": _WSGI.replace('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n', "")}, id="which settings"
        ),
        pytest.param(
            {"exporter": "'opencensus.ext.azure.trace_exporter.AzureExporter(connection_string=' + CS + ')'"}, id="quotes in a value"
        ),
        pytest.param(
            {"exporter": _EXPORTER.replace("'{CS}'", "'{CS}', storage_path=f'{os.path.join(CS, '.dev')}'")}, id="text inside the text"
        ),
        pytest.param({"settings": _SETTINGS.replace("MIDDLEWARE = ", "with x:\n    MIDDLEWARE = ")}, id="in a block"),
        pytest.param(
            {"settings": _SETTINGS.replace("MIDDLEWARE = ", "if CS:\n    pass\nelse:\n    MIDDLEWARE = ")}, id="in the other branch"
        ),
        pytest.param(
            {"settings": _SETTINGS.replace("MIDDLEWARE = ", "if CS:\n    MIDDLEWARE = ") + "CS = 'x'\n"}, id="a condition that changes"
        ),
        pytest.param({"settings": _SETTINGS.replace("MIDDLEWARE = ", "if load():\n    MIDDLEWARE = ")}, id="a condition of its own"),
        pytest.param(
            {"settings": _SETTINGS.replace('"shop.middleware.Own"]', '"shop.middleware.Own"] if CS else ["shop.middleware.Own"]')},
            id="one of two lists by a condition",
        ),
        pytest.param({"settings": _SETTINGS + "OPENCENSUS = load()\n"}, id="settings twice"),
        pytest.param({"settings": _SETTINGS + "__all__ = ['CS']\n"}, id="settings that are named"),
        pytest.param(
            {
                "views": "from opencensus.ext.azure.trace_exporter import AzureExporter\nfrom opencensus.trace.samplers import ProbabilitySampler\n"
                "from opencensus.trace.tracer import Tracer\nimport shop.settings\n\n"
                "tracer = Tracer(exporter=AzureExporter(connection_string=shop.settings.CS), sampler=ProbabilitySampler(0.5))\n"
            },
            id="another sampler",
        ),
    ],
)
def test_what_a_person_must_say(tmp_path, given):
    """Neither file changes but for the question."""
    texts, result = _project(tmp_path, **given)
    assert ("W011", "decide") in {(each.rule, each.why) for each in result.left}
    assert "opencensus.ext.django.middleware.OpencensusMiddleware" in texts["settings"]
    assert "OPENCENSUS" in texts["settings"]
    assert "wsgi" not in texts


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("MIDDLEWARE = load() + [{}]", "MIDDLEWARE = load()"),
        ("MIDDLEWARE = [{}] + load()", "MIDDLEWARE = load()"),
        ("MIDDLEWARE: list[str] = [{}]", "MIDDLEWARE: list[str] = []"),
        ("MIDDLEWARE = ({},)", "MIDDLEWARE = ()"),
        ("MIDDLEWARE = []\nMIDDLEWARE = [{}] + MIDDLEWARE", "MIDDLEWARE = []"),
    ],
)
def test_a_list_of_one(tmp_path, before, after):
    """A middleware that is alone in its list goes, with the list where that is one of two which are joined."""
    old = 'MIDDLEWARE = ["opencensus.ext.django.middleware.OpencensusMiddleware", "shop.middleware.Own"]'
    assert old in _SETTINGS
    settings = _SETTINGS.replace(old, before.format('"opencensus.ext.django.middleware.OpencensusMiddleware"'))
    texts, result = _project(tmp_path, settings=settings)
    assert result.left == []
    assert f"\n{after}\n" in texts["settings"]
    assert "OpencensusMiddleware" not in texts["settings"]
    assert "configure(" in texts["wsgi"]


def test_the_question_says_the_condition(tmp_path):
    """Where no server is found, the question says in which case it is to be written, too."""
    settings = _SETTINGS.replace("MIDDLEWARE = ", "MIDDLEWARE = []\nif CS:\n    MIDDLEWARE += ").replace(
        "OPENCENSUS = {{", "OPENCENSUS = {{"
    )
    _, result = _project(tmp_path, settings=settings, wsgi="x = 1\n")
    (text,) = [each.text for each in result.left if each.rule == "W011"]
    assert text.startswith("Where is the application made?")
    assert "where `CS` of the settings holds, write `configure(" in text


def test_a_server_that_is_not_rewritten(tmp_path):
    """The settings alone stay, and the report says why."""
    (tmp_path / ".git").mkdir()
    _project(tmp_path)
    result = rewrite([str(tmp_path / "shop" / "settings.py")], Options(shape=True))
    assert result.after == {}
    assert ("W011", "keep") in {(each.rule, each.why) for each in result.left}


_TELEMETRY = """\
import os

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import ProbabilitySampler

CS = os.environ["CS"]
exporter = AzureExporter(connection_string=CS, timeout=5)
sampler = ProbabilitySampler(0.5)
"""
_TRACER = "from opencensus.trace.tracer import Tracer\n\ntracer = Tracer(exporter=exporter, sampler=sampler)\n"
_OF_TELEMETRY = _SETTINGS.replace('"opencensus.trace.samplers.ProbabilitySampler(rate=1)"', "sampler").replace(
    "import os\n", "import os\n\nfrom shop.telemetry import exporter, sampler\n"
)


@pytest.mark.parametrize("tracer", ["", _TRACER], ids=["alone", "with a tracer"])
def test_an_exporter_of_another_module(tmp_path, monkeypatch, tracer):
    """The module configures, and the server's file with the same arguments; no file changes without the others."""
    monkeypatch.chdir(tmp_path)
    texts, result = _project(tmp_path, exporter="exporter", settings=_OF_TELEMETRY, telemetry=_TELEMETRY + tracer)
    sampler = "ParentBased(TraceIdRatioBased(0.5))"
    assert f'configure(connection_string=CS, timeout=5, signals=["traces"], sampler={sampler})\n' in texts["telemetry"]
    assert (
        f"configure(connection_string=os.environ['CS'], timeout=5, signals=[\"traces\"], sampler={sampler}, "
        'instrumentations=["django", "sqlite3"])\n'
    ) in texts["wsgi"].replace('os.environ["CS"]', "os.environ['CS']")
    assert "import shop.telemetry  # noqa: F401 -- sets up what is sent\n" in texts["settings"]
    assert [result.left, "OPENCENSUS" in texts["settings"]] == [[], False]
    for name in ("telemetry", "settings", "wsgi"):
        alone = rewrite([f"shop/{name}.py"], Options(shape=True, markers=False)).after
        assert not any("settings" in path or b"configure(" in data for path, data in alone.items())
    for path, data in result.after.items():
        Path(path).write_bytes(data)
    assert rewrite([str(tmp_path)], Options(shape=True)).after == {}


@pytest.mark.parametrize(
    "telemetry",
    [
        pytest.param(_TELEMETRY.replace("os.environ", "load()"), id="what the server cannot write"),
        pytest.param(f"def drop(envelope):\n    return True\n\n\n{_TELEMETRY}exporter.add_telemetry_processor(drop)\n", id="a processor"),
        pytest.param(_TELEMETRY + _TRACER.replace("sampler=sampler", "sampler=ProbabilitySampler(1)"), id="other samplers"),
    ],
)
def test_an_exporter_of_another_module_that_stays(tmp_path, telemetry):
    """The settings are a question, and the module stays as it is."""
    texts, result = _project(tmp_path, exporter="exporter", settings=_OF_TELEMETRY, telemetry=telemetry)
    assert "W011" in {each.rule for each in result.left if each.why == "decide"}
    assert not any("\nconfigure(" in text for text in texts.values())


_OTHER = "from monitoring import Sender\n\nOPENCENSUS = {'TRACE': {'EXPORTER': Sender(), 'SAMPLER': 'opencensus.trace.samplers.AlwaysOnSampler()'}}\n"
_LIST = "MIDDLEWARE = ['a.B', 'opencensus.ext.django.middleware.OpencensusMiddleware']\n"
_AZURE = _OTHER.replace("from monitoring import Sender", "from opencensus.ext.azure.trace_exporter import AzureExporter").replace(
    "Sender", "AzureExporter"
)


@pytest.mark.parametrize(
    ("settings", "question"),
    [
        pytest.param(f"DATABASES = {{}}\n{_LIST}{_OTHER}", "What becomes of `Sender`?", id="an exporter of another package"),
        pytest.param(
            f"DATABASES = {{}}\nwith x:\n{indent(_LIST + _AZURE, '    ')}", "In which cases are requests traced?", id="a condition"
        ),
        pytest.param(f"DATABASES = {{}}\n{_LIST}OPENCENSUS = load()\n", "Which settings has OPENCENSUS?", id="settings from elsewhere"),
        pytest.param(f"DATABASES = load()\n{_LIST}{_AZURE}", "Which driver have the databases?", id="databases from elsewhere"),
        pytest.param(f"DATABASES = {{}}\n{_LIST}{_AZURE}", "Where is the application made?", id="no server"),
    ],
)
def test_the_question_is_what_stands_in_the_way(settings, question):
    """Of the databases it asks only where the files do not say their driver."""
    result = rewrite_text(settings.encode(), options=Options(shape=True))
    asked = [each.text for each in result.left if each.rule == "W011"]
    assert [text.startswith(question) for text in asked] == [True]
    assert ("databases" in asked[0]) is ("databases" in question)
