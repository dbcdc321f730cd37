"""Environments in which something is wrong, and the check that names it; each row of troubleshooting.md that doctor finds has one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Environment:
    """An environment with one fault."""

    name: str
    id: str
    """The check that names the fault, alone."""
    row: str = ""
    """How the row of troubleshooting.md begins that is about it, without its backquotes; empty where none is."""
    verdict: str = "problem"
    says: str = ""
    """What is in the text of the finding."""
    variables: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """In the program's folder: name -> text."""
    path: dict[str, str] = field(default_factory=dict)
    """In a folder that comes first on PYTHONPATH."""
    without: tuple[str, ...] = ()
    """What is left out of the installed packages: the beginnings of names in site-packages, of a copy that is on PYTHONPATH."""
    flags: tuple[str, ...] = ()
    """Options of the interpreter."""
    arguments: tuple[str, ...] = ()
    """Of the command."""
    setup: str = ""
    """Name of a context manager in setups.py or delivery_setups.py, which gets the run before it starts."""
    sections: tuple[str, ...] = ()
    """Those that have to be looked at, which is then done in the process of the tests; empty runs the command."""
    online: bool = False
    """Hosts are contacted, all of them on this machine."""
    unchecked: bool = False
    """The fault keeps other checks from looking."""


def _distribution(name: str, version: str, *requires: str) -> dict[str, str]:
    """Return the files of a distribution's metadata."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {each}" for each in requires)]
    return {f"{name.replace('-', '_')}-{version}.dist-info/METADATA": "\n".join(lines) + "\n"}


IMPORTS = (
    Environment(
        "switched off",
        "D002",
        'python -c "import opencensus.trace',
        variables={"OPENCENSUS_COMPAT_DISABLED": "1"},
        says="OPENCENSUS_COMPAT_DISABLED=1",
    ),
    Environment(
        "started with -S", "D001", 'python -c "import opencensus.trace', flags=("-S",), setup="lent", says="-S, which reads no path files"
    ),
    Environment(
        "a folder on PYTHONPATH",
        "D001",
        'python -c "import opencensus.trace',
        setup="bare_interpreter",
        says="where the interpreter reads no path files",
    ),
    Environment("an archive on PYTHONPATH", "D001", setup="archive", says="lies in the archive"),
    Environment(
        "an own opencensus.py",
        "D005",
        files={"opencensus.py": "", "app.py": "import opencensus\n"},
        says="opencensus.py cannot be imported",
    ),
    Environment(
        "an own requests.py", "D005", files={"requests.py": "raise ImportError('mine')\n"}, says="requests.py is imported as requests"
    ),
    Environment("an own logging.py", "D005", files={"logging.py": "import nothing\n"}, says="logging.py is imported as logging"),
    Environment(
        "an own module that ends the interpreter", "D005", files={"dataclasses.py": "import os\nos._exit(3)\n"}, says="dataclasses.py"
    ),
    Environment(
        "a broken package",
        "D004",
        path={"psutil/__init__.py": "from . import _gone\n", **_distribution("psutil", "7.0.0")},
        says="`import psutil` raises ImportError",
    ),
    Environment(
        "two copies", "D006", path={"opencensus_compat/__init__.py": "__version__ = '0.0.1'\n"}, setup="older_copy", says="0.0.1 in"
    ),
    Environment(
        "an integration that is nowhere",
        "D007",
        files={"app.py": "from opencensus.ext.jaeger import trace_exporter\n"},
        says="app.py imports opencensus.ext.jaeger",
    ),
)

_OF_VERSIONS = (
    Environment(
        "an SDK that is too old",
        "D011",
        "UnsupportedReleaseError",
        path=_distribution("opentelemetry-sdk", "1.20.0"),
        says="opentelemetry-sdk 1.20.0 is installed",
    ),
    Environment(
        "an SDK of the next major release",
        "D011",
        "UnsupportedReleaseError",
        path=_distribution("opentelemetry-sdk", "2.0.0"),
        says="opentelemetry-sdk 2.0.0 is installed",
    ),
    Environment(
        "a dependency that is missing",
        "D011",
        setup="lent",
        without=("orjson", "_census_compat", "census_compat"),
        flags=("-S",),
        files={"app.py": "import opencensus_compat.auto\n"},
        says="orjson is not installed",
    ),
    Environment(
        "nothing of what is needed",
        "D011",
        setup="lent",
        without=("orjson", "opentelemetry", "requests", "azure", "psutil"),
        flags=("-S",),
        files={"app.py": "import opencensus_compat.auto\n"},
        unchecked=True,
        says="opentelemetry-api, opentelemetry-sdk, requests, azure-identity, psutil, orjson are not installed",
    ),
    Environment(
        "an SDK and an API of different releases",
        "D012",
        path=_distribution("opentelemetry-sdk", "1.40.0", "opentelemetry-api==1.40.0"),
        says="opentelemetry-sdk 1.40.0 needs opentelemetry-api ==1.40.0",
    ),
    Environment(
        "an instrumentation for another SDK",
        "D013",
        verdict="warning",
        path=_distribution("opentelemetry-instrumentation-flask", "0.40b0", "opentelemetry-semantic-conventions==0.40b0"),
        says="opentelemetry-instrumentation-flask 0.40b0 needs",
    ),
    Environment(
        "an installation that was not completed",
        "D014",
        path={**_distribution("orjson", "3.9.0"), **_distribution("orjson", "3.10.0")},
        says="orjson 3.10.0 and 3.9.0",
    ),
    Environment(
        "a legacy integration without its dependency",
        "D015",
        verdict="warning",
        setup="lent",
        flags=("-S",),
        without=("google", "six", "_census_compat", "census_compat"),
        files={"app.py": "import opencensus_compat.auto\n"},
        path=_distribution("opencensus-ext-flask", "0.8.2"),
        says="opencensus-ext-flask is installed and lacks six and google.rpc",
    ),
)

_OF_SETTINGS = (
    Environment(
        "a misspelt variable",
        "D090",
        "environment variable … is not known",
        verdict="warning",
        variables={"OPENCENSUS_COMPAT_FLUSH_ON_SIGTREM": "1"},
        says="OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM is probably meant",
    ),
    Environment(
        "a misspelt connection string",
        "D090",
        variables={"APPLICATIONINSIGHTS_CONECTION_STRING": "InstrumentationKey=x"},
        says="APPLICATIONINSIGHTS_CONNECTION_STRING is probably meant",
    ),
    Environment(
        "a switch with an unknown word",
        "D090",
        "environment variable … is not known",
        verdict="warning",
        variables={"OPENCENSUS_COMPAT_ONE_TRACE_PER_TRACER": "maybe"},
        says="got 'maybe'",
    ),
    Environment("an unknown word for storage", "D091", variables={"APPINSIGHTS_EXPORTER_STORAGE": "maybe"}, says="expected 'on' or 'off'"),
    Environment("an unknown way to send", "D091", variables={"OPENCENSUS_COMPAT_SEND": "collector"}, says="got 'collector'"),
    Environment("no number of tag sets", "D091", variables={"OPENCENSUS_COMPAT_MAX_TAG_SETS": "many"}, says="got 'many'"),
    Environment("no level", "D091", variables={"OPENCENSUS_COMPAT_LOG_SAMPLING_EXEMPT_LEVEL": "LOUD"}, says="got 'LOUD'"),
    Environment(
        "a sampler's argument that is no number",
        "D091",
        variables={"OTEL_TRACES_SAMPLER": "microsoft.rate_limited", "OTEL_TRACES_SAMPLER_ARG": "few"},
        says="'few'",
    ),
    Environment(
        "OpenTelemetry switched off",
        "D092",
        "OTEL_SDK_DISABLED",
        variables={"OTEL_SDK_DISABLED": "true"},
        says="switches OpenTelemetry off",
    ),
    Environment(
        "providers alone send",
        "D093",
        "OPENCENSUS_COMPAT_SEND=providers",
        verdict="warning",
        variables={"OPENCENSUS_COMPAT_SEND": "providers"},
        says="send nothing themselves",
    ),
    Environment(
        "an unknown sampler", "D094", verdict="warning", variables={"OTEL_TRACES_SAMPLER": "microsoft.fixed"}, says="names no sampler"
    ),
    Environment(
        "a sampler that keeps nothing",
        "D094",
        verdict="warning",
        variables={"OTEL_TRACES_SAMPLER": "always_off"},
        says="drops the spans of OpenTelemetry code",
    ),
    Environment(
        "a redirect that was left over",
        "D095",
        verdict="warning",
        variables={"APPINSIGHTS_EXPORTER_REDIRECT": "http://127.0.0.1:1"},
        says="http://127.0.0.1:1 sends everything",
    ),
    Environment(
        "a limit that OpenTelemetry refuses",
        "D096",
        "Environment variables whose values OpenTelemetry refuses",
        verdict="warning",
        variables={"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "plenty"},
        says="OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT (expected a whole number from 0 on, got 'plenty')",
    ),
    Environment(
        "an argument without its sampler",
        "D097",
        verdict="warning",
        variables={"OTEL_TRACES_SAMPLER_ARG": "0.5"},
        says="OTEL_TRACES_SAMPLER_ARG has no effect",
    ),
)


def _looked_at(environments: tuple[Environment, ...], *sections: str) -> tuple[Environment, ...]:
    """Return environments of which some sections are looked at in the tests' process, the first one aside, which runs the command."""
    return tuple(each if each.flags or not number else replace(each, sections=sections) for number, each in enumerate(environments))


VERSIONS = _looked_at(_OF_VERSIONS, "versions")
SETTINGS = _looked_at(_OF_SETTINGS, "settings")

_TRACER = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter())
"""
_LOGGER = """\
import logging
from opencensus.ext.azure.log_exporter import AzureLogHandler

logging.getLogger().addHandler(AzureLogHandler())
"""


def _program(
    name: str, id: str, row: str, says: str, verdict: str = "warning", app: str = "", variables: dict[str, str] | None = None, **files: str
) -> Environment:
    """Return an environment that only its program's files make, of which app.py has a tracer."""
    named = {file.replace("__", "/").replace("_", "."): text for file, text in files.items()}
    return Environment(
        name, id, row, verdict, says, variables or {}, {"app.py": _TRACER + app, **named}, sections=("program", "settings", "versions")
    )


PROGRAMS = (
    _program(
        "the official distribution",
        "D020",
        "both … and an OpenCensus exporter send",
        "calls configure_azure_monitor",
        app="configure_azure_monitor()\n",
    ),
    _program(
        "the agent of App Service",
        "D021",
        "App Service",
        "ApplicationInsightsAgent_EXTENSION_VERSION=~3",
        variables={"ApplicationInsightsAgent_EXTENSION_VERSION": "~3"},
    ),
    _program(
        "a function with a handler on the root logger",
        "D022",
        "log lines, in Azure Functions",
        "on the root logger",
        app=_LOGGER + "opencensus_compat.flush(2)\n",
        variables={"FUNCTIONS_WORKER_RUNTIME": "python"},
    ),
    _program(
        "an integration and an instrumentation",
        "D023",
        "both … trace the same calls",
        "opencensus.ext.requests (app.py:6) and RequestsInstrumentor (app.py:7) trace the same",
        app="config_integration.trace_integrations(['requests', 'sqlalchemy'])\nRequestsInstrumentor().instrument()\n".replace(
            "config", "\nconfig", 1
        ),
    ),
    _program(
        "a middleware and an instrumentation",
        "D023",
        "both … and OpenCensus code trace the same requests",
        "opencensus.ext.flask",
        app="from opencensus.ext.flask.flask_middleware import FlaskMiddleware\nFlaskMiddleware(app)\nFlaskInstrumentor().instrument_app(app)\n",
    ),
    _program(
        "a middleware below opentelemetry-instrument",
        "D023",
        "both … and OpenCensus code trace the same requests",
        "opentelemetry-instrument (start.sh:1)",
        app="from opencensus.ext.flask.flask_middleware import FlaskMiddleware\n",
        start_sh="opentelemetry-instrument gunicorn app:app\n",
    ),
    replace(
        _program(
            "FastAPI that traces itself beside a middleware",
            "D023",
            "requests of FastAPI",
            "traces its requests by itself, as the middleware (app.py:",
            app="from appinsights_exporter import configure\napp = FastAPI()\n@app.middleware('http')\nasync def main(request, call_next): ...\n",
        ),
        path=_distribution("fastapi", "0.165.0"),
    ),
    _program(
        "the retired package",
        "D024",
        "requests or calls",
        "imports applicationinsights",
        app="from applicationinsights.flask.ext import AppInsights\n",
    ),
    _program(
        "a collector of the same resource",
        "D025",
        "everything",
        "sends to a collector",
        app="OTLPSpanExporter()\n",
        collector_yaml="exporters:\n  azuremonitor:\n# opentelemetry\n",
    ),
    _program(
        "OpenTelemetry's shim",
        "D026",
        "install_shim() of opentelemetry-opencensus-shim",
        "install_shim(), which has no effect",
        app="opentelemetry.shim.opencensus.install_shim()\n",
    ),
    _program(
        "uWSGI without threads", "D060", "uWSGI", "without threads", "problem", uwsgi_ini="[uwsgi]\nmodule = app\n;enable-threads = true\n"
    ),
    _program(
        "uWSGI without threads, by a command",
        "D060",
        "uWSGI",
        "Dockerfile:2",
        "problem",
        Dockerfile="FROM python\nCMD uwsgi --http :80 --module app\n",
    ),
    _program("mod_wsgi", "D061", "mod_wsgi", "interpreter of its own", site_conf="WSGIScriptAlias / /srv/app.py\n"),
    _program("eventlet", "D062", "gevent, eventlet", "uses eventlet", Procfile="web: gunicorn -k eventlet app\n"),
    _program(
        "a container", "D070", "Docker, Kubernetes", "stops by SIGTERM", Dockerfile='FROM python:3.12-slim\nCMD ["python", "app.py"]\n'
    ),
    _program("uvicorn", "D071", "", "runs uvicorn", Procfile="web: uvicorn app:app\n"),
    _program(
        "an end without exit hooks",
        "D072",
        "the process was killed, or ended by SIGTERM or os._exit",
        "calls os._exit",
        app="os._exit(0)\n",
    ),
    _program(
        "a pool of processes",
        "D073",
        "gunicorn, Celery, RQ, multiprocessing",
        "children of the pool",
        app="with multiprocessing.Pool(4) as pool:\n    pool.map(work, range(9))\n",
    ),
    _program("a function of AWS Lambda", "D075", "", "AWS Lambda may freeze", app="def lambda_handler(event, context):\n    return 1\n"),
    _program(
        "an Azure Function", "D075", "Azure Functions", "Azure Functions may freeze", variables={"FUNCTIONS_WORKER_RUNTIME": "python"}
    ),
    _program(
        "a handler where the flush is to be",
        "D076",
        "… has no effect: the first exporter is made in another thread",
        "handles SIGTERM",
        app="signal.signal(signal.SIGTERM, stop)\n",
        variables={"OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM": "1"},
    ),
    _program(
        "uWSGI that forks the loaded application",
        "D080",
        "uWSGI",
        "forks 4 workers",
        uwsgi_ini="[uwsgi]\nenable-threads = true\nprocesses = 4\n",
    ),
)

_DELIVERY = ("settings", "network", "storage", "counts")
_KEY = "InstrumentationKey=00000000-0000-0000-0000-000000000001"
_STRING = "APPLICATIONINSIGHTS_CONNECTION_STRING"


def _delivery(name: str, id: str, row: str = "", **more: Any) -> Environment:
    return Environment(name, id, row, **{"sections": _DELIVERY, **more})


_NOT_SENT, _LOST = "Telemetry cannot be sent to", "Telemetry was lost: … "

NETWORK = (
    _delivery(
        "a comma in the connection string", "D040", variables={_STRING: f"{_KEY},IngestionEndpoint=https://localhost:1/"}, says="a comma"
    ),
    _delivery(
        "a key vault's reference", "D040", variables={_STRING: "@Microsoft.KeyVault(SecretUri=https://v/secrets/x)"}, says="not resolved"
    ),
    _delivery(
        "a misspelt field",
        "D040",
        "the field … is not known and has no effect",
        variables={_STRING: f"{_KEY};IngestionEndpiont=https://localhost:1/"},
        says="IngestionEndpoint is probably meant",
    ),
    _delivery(
        "a key alone",
        "D041",
        "an instrumentation key without a connection string is deprecated",
        verdict="warning",
        variables={_STRING: "", "APPINSIGHTS_INSTRUMENTATIONKEY": "00000000-0000-0000-0000-000000000001"},
        says="is a key alone",
    ),
    _delivery(
        "the endpoint of live metrics",
        "D041",
        variables={_STRING: f"{_KEY};IngestionEndpoint=https://westeurope.livediagnostics.monitor.azure.com/"},
        says="for live metrics",
    ),
    _delivery("a page of a network's sign-in", "D042", _NOT_SENT, setup="page", online=True, says="A page for people"),
    _delivery("a daily cap that is used up", "D042", f"{_LOST}refused by the service", setup="quota", online=True, says="the daily cap"),
    _delivery("a resource that wants tokens", "D042", _NOT_SENT, setup="wants_tokens", online=True, says="answers 401"),
    _delivery(
        "an identity without the role", "D042", _NOT_SENT, setup="no_role", online=True, says="has no role Monitoring Metrics Publisher"
    ),
    _delivery("a redirect to another host", "D042", _NOT_SENT, setup="redirect", online=True, says="leads to elsewhere.test"),
    _delivery(
        "a host that nobody knows",
        "D043",
        _NOT_SENT,
        variables={_STRING: f"{_KEY};IngestionEndpoint=https://no-such-host.invalid/"},
        online=True,
        says="no-such-host.invalid is not found",
    ),
    _delivery(
        "a firewall that refuses",
        "D044",
        _NOT_SENT,
        variables={_STRING: f"{_KEY};IngestionEndpoint=http://127.0.0.1:9/"},
        online=True,
        says="the connection was refused",
    ),
    _delivery(
        "a proxy that opens TLS", "D045", _NOT_SENT, setup="strange_certificate", online=True, says="signed by CN=Example Inspection"
    ),
    _delivery("a certificate that has expired", "D045", _NOT_SENT, setup="expired_certificate", online=True, says="it has expired"),
    _delivery("a proxy that wants a password", "D046", _NOT_SENT, setup="proxy_without_a_password", online=True, says="status 407"),
    _delivery(
        "a password that is not encoded",
        "D046",
        "… cannot be used: expected something like",
        variables={_STRING: f"{_KEY};IngestionEndpoint=https://a.test/", "HTTPS_PROXY": "http://user:pass#word@127.0.0.1:3128"},
        online=True,
        says="encode special characters",
    ),
    _delivery("a clock that is three days behind", "D047", setup="clock", online=True, says="3 d behind"),
    _delivery(
        "an identity that is switched off", "D048", "There is no Entra ID token", setup="no_identity", online=True, says="gives no token"
    ),
    _delivery(
        "a token for another audience", "D048", _NOT_SENT, setup="wrong_audience", online=True, says="is for https://management.azure.com/"
    ),
    _delivery(
        "a key that the service does not know",
        "D049",
        f"{_LOST}refused by the service",
        setup="unknown_key",
        online=True,
        arguments=("--send",),
        says="was not accepted",
    ),
)

STORAGE = (
    _delivery("nothing on disk", "D050", verdict="warning", variables={"APPINSIGHTS_EXPORTER_STORAGE": "off"}, says="4 MiB at most"),
    _delivery("a file in the place of the store", "D051", "Telemetry cannot be stored in", setup="file_for_store", says="it is no folder"),
    _delivery(
        "a store of a former user",
        "D051",
        "The process runs as another user now",
        verdict="warning",
        setup="former_user",
        says="3 items wait",
    ),
    _delivery(
        "a folder that cannot be made", "D052", "Telemetry cannot be stored in", setup="file_above_store", says="may not make anything"
    ),
    _delivery("items near their end", "D054", setup="old_items", says="are lost within four hours"),
    _delivery("a store that is full", "D054", f"{_LOST}store full", setup="full_store", says="the store is full"),
    _delivery("a file that a power cut left", "D055", verdict="warning", setup="damaged_file", says="cannot be read to the end"),
    _delivery("files of the retired SDK", "D056", verdict="warning", setup="legacy_files", says="of the retired SDK wait"),
)

COUNTS = (
    _delivery("no counts", "D065", setup="no_counts", says="has no counts of any process"),
    _delivery("a queue that was full", "D066", f"{_LOST}queue full", setup="lost_from_queue", says="queue full: the oldest dropped"),
    _delivery("a store that was full", "D066", f"{_LOST}store full", setup="lost_from_store", says="store full: the oldest dropped"),
    _delivery("items that were refused", "D066", f"{_LOST}refused by the service", setup="lost_refused", says="item status 400"),
    _delivery("items of which nothing is known", "D066", f"{_LOST}not accepted", setup="lost_unexplained", says="no reason given"),
    _delivery("slow processors", "D066", f"{_LOST}no time left to convert", setup="lost_unconverted", says="no time left"),
    _delivery("processors that raise", "D066", f"{_LOST}a telemetry processor raised", setup="lost_in_processor", says="processor raised"),
    _delivery("a process that cannot send", "D067", _NOT_SENT, setup="unsent", says="has sent nothing"),
    _delivery("a process that was killed", "D068", "the process was killed", verdict="warning", setup="killed", says="ran no exit hooks"),
)

ENVIRONMENTS = (*PROGRAMS, *IMPORTS, *VERSIONS, *SETTINGS, *NETWORK, *STORAGE, *COUNTS)

_DJANGO_SETTINGS = """\
MIDDLEWARE = ["opencensus.ext.django.middleware.OpencensusMiddleware"]
OPENCENSUS = {
    "TRACE": {
        "SAMPLER": "opencensus.trace.samplers.ProbabilitySampler(rate=1.0)",
        "EXPORTER": "opencensus.ext.azure.trace_exporter.AzureExporter()",
    }
}
LOGGING = {
    "version": 1,
    "handlers": {"azure": {"class": "opencensus.ext.azure.log_exporter.AzureLogHandler"}},
    "loggers": {"shop": {"handlers": ["azure"], "level": "INFO"}},
}
"""
_FASTAPI = """\
from fastapi import FastAPI
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware
from opencensus.trace.samplers import ProbabilitySampler

app = FastAPI()
app.add_middleware(FastAPIMiddleware, exporter=AzureExporter(), sampler=ProbabilitySampler(1.0))
"""
_FUNCTION = """\
import opencensus_compat.auto  # the first import
import azure.functions as func
import logging
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.extension.azure.functions import OpenCensusExtension

OpenCensusExtension.configure(flush_invocations=True)
logger = logging.getLogger("shop")
logger.propagate = False
logger.addHandler(AzureLogHandler())
app = func.FunctionApp()
"""
_SCRIPT = "import opencensus_compat.auto\n" + _TRACER

_NO_WRITES = """\
import os
import sys


def refuse(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if path != os.devnull and (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND):
            raise PermissionError(f"it writes {path}")
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.truncate", "os.utime", "shutil.rmtree", "tempfile.mkstemp"):
        raise PermissionError(f"it does {event} {arguments}")


sys.addaudithook(refuse)
"""

HEALTHY = (
    Environment("a process that writes nothing", "", path={"sitecustomize.py": _NO_WRITES}),
    Environment("nothing but the installation", ""),
    Environment(
        "Django and gunicorn",
        "",
        files={
            "manage.py": "import django\n",
            "shop/settings.py": _DJANGO_SETTINGS,
            "shop/wsgi.py": "from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n",
            "gunicorn.conf.py": 'preload_app = True\nworkers = 4\nworker_class = "gthread"\n',
            "Dockerfile": 'FROM python:3.12\nCMD ["gunicorn", "shop.wsgi"]\n',
            "requirements.txt": "census-compat\ndjango\ngunicorn\n",
        },
    ),
    Environment(
        "FastAPI and uvicorn",
        "",
        files={"main.py": _FASTAPI, "Dockerfile": 'FROM python:3.12\nCMD ["uvicorn", "main:app", "--host", "0.0.0.0"]\n'},
    ),
    Environment(
        "Azure Functions",
        "",
        files={"function_app.py": _FUNCTION, "host.json": '{"version": "2.0", "logging": {}}\n', "local.settings.json": "{}\n"},
        variables={"FUNCTIONS_WORKER_RUNTIME": "python"},
        setup="function_packages",
    ),
    Environment("pip install --target", "", files={"app.py": _SCRIPT}, setup="bare_interpreter"),
    Environment("a zipapp", "", setup="zipapp", path={}),
    Environment(
        "a script that handles SIGTERM",
        "",
        files={"app.py": _TRACER + "signal.signal(signal.SIGTERM, stop)\n", "Dockerfile": 'CMD ["python", "app.py"]\n'},
    ),
    Environment(
        "a container that flushes at SIGTERM",
        "",
        files={"app.py": _TRACER, "Dockerfile": 'FROM python:3.12\nENV OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM=1\nCMD ["python", "app.py"]\n'},
    ),
    Environment(
        "a manifest that has a container flush at SIGTERM",
        "",
        files={
            "app.py": _TRACER,
            "Dockerfile": 'FROM python:3.12\nCMD ["python", "app.py"]\n',
            "orders.yaml": 'env:\n  - name: OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM\n    value: "1"\n',
        },
    ),
    Environment(
        "uWSGI with threads",
        "",
        files={"app.py": _TRACER, "uwsgi.ini": "[uwsgi]\nmodule = app\nenable-threads = true\nlazy-apps = true\nprocesses = 4\n"},
    ),
)
"""Environments in which nothing is wrong."""
