"""How the program is run, read from the text of its files: nothing of it is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from opencensus_compat.doctor.collect.files import Text, is_of_tests, texts
from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.sections.program import Program, Use

__all__ = ["collect"]


@dataclass(frozen=True, slots=True)
class _Form:
    """A form in texts."""

    kind: str
    files: re.Pattern[str]
    """What the whole name of a file matches."""
    text: re.Pattern[str]
    """Its first group, where it has one, is the detail."""


def _form(kind: str, files: str, text: str) -> _Form:
    return _Form(kind, re.compile(files, re.IGNORECASE), re.compile(text, re.MULTILINE))


_PYTHON = r".*\.py"
_COMMANDS = r"(?:.*/)?(?:Dockerfile|Containerfile|Procfile|startup\.txt)[^/]*|.*\.(?:sh|service|ya?ml|toml|cfg|ini|conf|dockerfile)"
_IMAGES = r"(?:.*/)?(?:Dockerfile|Containerfile)[^/]*|.*\.dockerfile"
_UWSGI = r".*\.ini|.*uwsgi[^/]*\.(?:cfg|conf|ya?ml)"
_FORMS = (
    # Who else sends.
    _form("azure monitor", _PYTHON, r"^[ \t]*configure_azure_monitor\("),
    _form("shim", _PYTHON, r"(?<!def )\binstall_shim\("),
    _form("applicationinsights", _PYTHON, r"^[ \t]*(?:from|import)[ \t]+applicationinsights\b"),
    _form("exporter", _PYTHON, r"\b(AzureExporter|AzureLogHandler|AzureEventHandler|MetricsExporter|new_metrics_exporter)\("),
    _form("root handler", _PYTHON, r"(?:getLogger\(\)|logging\.root|\broot_logger)\.addHandler\([^)]*AzureLogHandler"),
    _form(
        "root handler",
        _PYTHON,
        r"^[ \t]*(\w+)[ \t]*=[ \t]*logging\.getLogger\(\)[^\n]*\n(?:.*\n)*?[ \t]*\1\.addHandler\([^)]*(?:AzureLogHandler|handler)",
    ),
    _form("log handler", _PYTHON, r"\bAzureLogHandler\b"),
    _form("integration", _PYTHON, r"\bopencensus\.ext\.(\w+)"),
    _form("trace_integrations", _PYTHON, r"\btrace_integrations\(\s*\[([^\]]*)\]"),
    _form("instrumentor", _PYTHON, r"\b(\w+Instrumentor(?:Client|Server)?)(?:\(\s*\))?\.instrument"),
    _form("opentelemetry-instrument", _COMMANDS, r"\bopentelemetry-instrument\b"),
    _form("otlp", _PYTHON, r"\bOTLP(?:Span|Log|Metric)Exporter\("),
    _form("collector of Azure", r".*\.ya?ml", r"^[ \t]*azuremonitor(?:/\w+)?:[ \t]*$"),
    # Servers, and how they are started.
    _form("uwsgi", _UWSGI, r"^[ \t]*(\[uwsgi\])"),
    _form("uwsgi threads", _UWSGI, r"^[ \t]*(?:enable-threads|threads|gevent)[ \t]*=[ \t]*(?!false|0\b)"),
    _form("uwsgi workers", _UWSGI, r"^[ \t]*(?:processes|workers)[ \t]*=[ \t]*(\d+|%k|auto)"),
    _form("uwsgi lazy", _UWSGI, r"^[ \t]*(?:lazy-apps|lazy)[ \t]*=[ \t]*(?!false|0\b)"),
    _form("uwsgi command", _COMMANDS, r"^[^#\n]*\buwsgi\b([^\n]*)"),
    _form("mod_wsgi", r".*\.conf", r"^[ \t]*WSGIScriptAlias\b"),
    _form("mod_wsgi global", r".*\.conf", r"^[ \t]*WSGIApplicationGroup[ \t]+%\{GLOBAL\}|application-group=%\{GLOBAL\}"),
    _form("eventlet", _COMMANDS + r"|.*gunicorn[^/]*\.py", r"(?:worker[-_]class|-k)[ \t=\"',]+eventlet\b"),
    _form("uvicorn", _COMMANDS + r"|.*gunicorn[^/]*\.py", r"^[^#\n]*(?:\buvicorn[ \"',]+[^\n]*|uvicorn\.workers\.|UvicornWorker)"),
    _form("uvicorn", _PYTHON, r"\buvicorn\.run\("),
    _form("python command", _IMAGES, r"^[ \t]*(?:CMD|ENTRYPOINT)[^\n]*\bpython[\d.]*\b[^\n]*"),
    # How processes end.
    _form("sigterm handler", _PYTHON, r"\b(?:signal\.signal|add_signal_handler)\([ \t]*(?:signal\.)?SIGTERM\b"),
    _form("os._exit", _PYTHON, r"\bos\._exit\("),
    _form("with pool", _PYTHON, r"^[ \t]*with[ \t]+(?:\w+\.)*Pool\("),
    _form(
        "flush",
        _PYTHON,
        r"\bopencensus_compat\.(?:flush|shutdown)\(|from opencensus_compat import [^\n]*\b(?:flush|shutdown)\b|\bto_thread\(opencensus_compat\.flush",
    ),
    _form(
        "flush on sigterm",
        _PYTHON + "|" + _COMMANDS,
        r"\bflush_on_sigterm[ \t]*=[ \t]*True|\bOPENCENSUS_COMPAT_FLUSH_ON_SIGTERM\b[\"']?(?:[ \t]*[=:,]|[ \t]+[\"']?1\b|\s+[\"']?value\b)",
    ),
    _form("flush invocations", _PYTHON + r"|.*\.json", r"\bflush_invocations[ \t]*=|\bOPENCENSUS_COMPAT_FLUSH_INVOCATIONS\b"),
    _form("fastapi middleware", _PYTHON, r"\bFastAPIMiddleware\b"),
    _form("fastapi application", _PYTHON, r"\bFastAPI\((?![^)]*\btelemetry[ \t]*=)"),
    _form("http middleware", _PYTHON, r"\.middleware\([ \t]*[\"']http[\"']|\bBaseHTTPMiddleware\b|\bFastAPIMiddleware\b"),
    _form("providers", _PYTHON, r"\bset_tracer_provider\(|\bappinsights_exporter import [^\n]*\bconfigure\b|\bconfigure_azure_monitor\("),
    _form("lambda", _PYTHON, r"^(?:def lambda_handler\(|[^\n]*\bMangum\()"),
    _form("functions", _PYTHON, r"\bazure\.functions\b"),
    _form("function host", r"(?:.*/)?host\.json", r"\"logging\"|\"extensionBundle\""),
)
_COMMENT = re.compile(r"^[ \t]*[#;].*$", re.MULTILINE)
_DOCSTRING = re.compile(r'("""|\'\'\')(?:.|\n)*?\1')
_OURS = re.compile(r"\bopencensus|\bappinsights_exporter\b")
_ON = ("1", "true", "yes", "on")


def collect(request: Request) -> Program:
    """Return what the files of the program say, and the variables of the host."""
    own = [text for text in texts(request.folder) if not is_of_tests(text.path)]
    environ = request.environ
    uses = tuple(use for text in own for use in _uses(text))
    hosts = {
        "lambda": "AWS_LAMBDA_FUNCTION_NAME",
        "functions": "FUNCTIONS_WORKER_RUNTIME",
        "app service": "WEBSITE_SITE_NAME",
    }
    asked = environ.get("OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM", "").strip(" \"'").lower() in _ON
    return Program(
        has_opencensus=any(_OURS.search(text.text) for text in own if text.path.endswith(".py")),
        uses=uses,
        hosts=tuple(host for host, variable in hosts.items() if environ.get(variable)),
        agent=environ.get("ApplicationInsightsAgent_EXTENSION_VERSION", ""),
        flushes_on_sigterm=asked or any(use.kind == "flush on sigterm" for use in uses),
    )


def _uses(text: Text) -> Iterator[Use]:
    clean = _COMMENT.sub("", _DOCSTRING.sub(_lines_of, text.text) if text.path.endswith(".py") else text.text)
    for form in _FORMS:
        if form.files.fullmatch(text.path):
            for found in form.text.finditer(clean):
                detail = found[1] if found.re.groups and found[1] else ""
                yield Use(form.kind, text.path, clean.count("\n", 0, found.start()) + 1, " ".join(detail.split()))


def _lines_of(found: re.Match[str]) -> str:
    """Return the line ends of a text, so that what follows stays on its line."""
    return "\n" * found[0].count("\n")
