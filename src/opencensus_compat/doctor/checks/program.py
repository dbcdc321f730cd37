"""How the program is run: who else sends, whether its threads run, and whether the last telemetry leaves before it ends.

These checks read files. Each says what it saw where, and none of them is a problem by itself but what loses everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from opencensus_compat._integrations import INTEGRATIONS
from opencensus_compat.doctor.check import PROBLEM, WARNING, Finding, check, need
from opencensus_compat.doctor.facts import Absent, Facts
from opencensus_compat.doctor.releases import takes
from opencensus_compat.doctor.sections.program import Program, Use

_FLUSH = "Set OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM=1, or call opencensus_compat.configure(flush_on_sigterm=True)."


def _at(use: Use) -> str:
    return f"{use.file}:{use.line}"


def _seen(*uses: Use) -> tuple[str, ...]:
    return tuple(f"{_at(use)}: {use.kind}" for use in uses)


def _program(facts: Facts) -> Program | None:
    """Return the program; None where no file of it has to do with telemetry."""
    program = need(facts.program)
    return program if program.has_opencensus else None


def _unseen(facts: Facts) -> Program | None:
    """Return the program for a check that another one does better where the running program was looked at from inside."""
    return _program(facts) if isinstance(facts.wiring, Absent) else None


@check("D020", group="double", title="Azure Monitor's distribution beside OpenCensus exporters")
def azure_monitor(facts: Facts) -> Iterator[Finding]:
    """The program does not send to Application Insights by the official distribution as well."""
    program = _unseen(facts)
    if program is None:
        return
    both = program.of("azure monitor"), program.of("exporter")
    if all(both):
        yield Finding(
            WARNING,
            f"{_at(both[0][0])} calls configure_azure_monitor, and {_at(both[1][0])} makes {both[1][0].detail}: both send to Application Insights. Each item of one "
            "resource is sent once, by one of them.",
            "Take one of them out; the section `Each item once` of mixed.md says which items are whose.",
            _seen(*both[0], *both[1]),
        )


@check("D021", group="double", title="the platform's own instrumentation")
def agent(facts: Facts) -> Iterator[Finding]:
    """App Service and Functions do not instrument the process as well."""
    program = need(facts.program)
    if program.agent and program.agent.lower() not in ("disabled", "0", "false", "off"):
        yield Finding(
            WARNING,
            f"ApplicationInsightsAgent_EXTENSION_VERSION={program.agent}: the platform's own instrumentation is on, and sends besides.",
            "Set ApplicationInsightsAgent_EXTENSION_VERSION=disabled, or leave the telemetry of requests to it.",
        )


@check("D022", group="double", title="log records that the Functions host sends as well")
def functions_root(facts: Facts) -> Iterator[Finding]:
    """In Azure Functions the handler is on no logger whose records reach the root logger."""
    program = _program(facts)
    if program is None or not _is_function(program):
        return
    for use in program.of("root handler"):
        yield Finding(
            WARNING,
            f"{_at(use)} puts an AzureLogHandler on the root logger, whose records the Functions host sends, too: each arrives twice.",
            "Put the handler on loggers of your own, with propagate = False.",
        )
        return


def _is_function(program: Program) -> bool:
    return "functions" in program.hosts or (program.has("function host") and program.has("functions"))


@check("D023", group="double", title="an integration and an instrumentation of one library")
def instrumented(facts: Facts) -> Iterator[Finding]:
    """No library is traced by an OpenCensus integration and by an OpenTelemetry instrumentation."""
    program = _unseen(facts)
    if program is None:
        return
    instrumentors = _instrumentors(facts, program)
    for name, use in _integrations(program).items():
        row = INTEGRATIONS.get(f"ext.{name}")
        found = next((instrumentors[each] for each in (row.instrumentations if row else ()) if each in instrumentors), None)
        if found is not None:
            yield Finding(
                WARNING,
                f"opencensus.ext.{name} ({_at(use)}) and {found.kind} ({_at(found)}) trace the same: each request or call is sent once.",
                "Take one of them out; the sections `One request, one span` and `One call, one span` of mixed.md say which one counts.",
            )
    apps, providers, own = program.of("fastapi application"), program.of("providers"), program.of("http middleware")
    if apps and providers and own and "fastapi" not in instrumentors and _traces_itself(facts):
        yield Finding(
            WARNING,
            f"{_at(providers[0])} sets providers, with which the application of FastAPI ({_at(apps[0])}) traces its requests by itself, as the middleware "
            f"({_at(own[0])}) does: each request arrives twice.",
            'Make the application with FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False}), or take the middleware out.',
            _seen(*apps, *providers, *own),
        )


def _traces_itself(facts: Facts) -> bool:
    """Return whether the release of FastAPI that is installed has telemetry of its own."""
    installed = () if isinstance(facts.versions, Absent) else facts.versions.installed
    return any(each.name == "fastapi" and takes(">=0.165", each.version) for each in installed)


def _instrumentors(facts: Facts, program: Program) -> dict[str, Use]:
    """Return what OpenTelemetry instruments, by the name of the module below ``opentelemetry.instrumentation``."""
    found = {}
    for use in program.of("opentelemetry-instrument")[:1]:
        installed = () if isinstance(facts.versions, Absent) else facts.versions.installed
        start = "opentelemetry-instrumentation-"
        found = {each.name.removeprefix(start): use for each in installed if each.name.startswith(start)}
    for use in program.of("instrumentor"):
        # HTTPXClientInstrumentor, GrpcInstrumentorClient
        name = use.detail.partition("Instrumentor")[0]
        found[name.lower().removesuffix("client")] = replace(use, kind=use.detail)
    return found


def _integrations(program: Program) -> dict[str, Use]:
    found = {use.detail: use for use in reversed(program.of("integration"))}
    for use in program.of("trace_integrations"):
        found |= {name.strip(" '\""): use for name in use.detail.split(",") if name.strip()}
    return found


@check("D024", group="double", title="the package applicationinsights beside OpenCensus")
def retired(facts: Facts) -> Iterator[Finding]:
    """No file uses the retired package ``applicationinsights``, which sends by itself."""
    program = _program(facts)
    uses = program.of("applicationinsights") if program else ()
    if uses:
        yield Finding(
            WARNING,
            f"{_at(uses[0])} imports applicationinsights, which sends requests and log records by itself: what OpenCensus code sends, too, arrives twice.",
            "Take the package applicationinsights out.",
            _seen(*uses),
        )


@check("D025", group="double", title="a collector that sends to Application Insights")
def collector(facts: Facts) -> Iterator[Finding]:
    """What goes to a collector that sends to Application Insights is not sent there by the program as well."""
    program = _program(facts)
    if program is None or _providers_send(facts):
        return
    collectors, exporters, to_collector = program.of("collector of Azure"), program.of("exporter"), program.of("otlp")
    if collectors and exporters and to_collector:
        yield Finding(
            WARNING,
            f"{_at(to_collector[0])} sends to a collector, which by {_at(collectors[0])} sends to Application Insights, as {exporters[0].detail} ({_at(exporters[0])}) does "
            "itself: everything may arrive twice.",
            "Set OPENCENSUS_COMPAT_SEND=providers, or take the exporter azuremonitor out of the collector's pipelines.",
        )


def _providers_send(facts: Facts) -> bool:
    """Tell whether the variables leave everything to OpenTelemetry's providers."""
    return not isinstance(facts.settings, Absent) and facts.settings.value("OPENCENSUS_COMPAT_SEND").lower() == "providers"


@check("D026", group="double", title="OpenTelemetry's own shim for OpenCensus")
def shim(facts: Facts) -> Iterator[Finding]:
    """No file installs the shim, in whose place this package stands."""
    program = _unseen(facts)
    for use in program.of("shim") if program else ():
        yield Finding(
            WARNING,
            f"{_at(use)} calls install_shim(), which has no effect here: this package makes OpenTelemetry spans of OpenCensus's itself.",
            "Take the call out, and the distribution opentelemetry-opencensus-shim.",
        )
        return


@check("D060", group="process", title="uWSGI runs threads")
def uwsgi_threads(facts: Facts) -> Iterator[Finding]:
    """Telemetry is sent by threads, which uWSGI runs only where its options say so."""
    program = _program(facts)
    if program is None:
        return
    with_ini = {use.file for use in program.of("uwsgi")}
    threaded = {use.file for use in program.of("uwsgi threads")}
    for use in program.of("uwsgi"):
        if use.file not in threaded:
            yield _without_threads(use, f"Write enable-threads = true into {use.file}.")
            return
    for use in program.of("uwsgi command"):
        is_whole = (
            "--" in use.detail and "ini" not in use.detail and ("--wsgi" in use.detail or "--module" in use.detail or " -w " in use.detail)
        )
        if is_whole and "threads" not in use.detail and "gevent" not in use.detail and not with_ini:
            yield _without_threads(use, "Start uwsgi with --enable-threads.")
            return


def _without_threads(use: Use, step: str) -> Finding:
    return Finding(
        PROBLEM, f"{_at(use)} starts uWSGI without threads: what is queued is sent only while a request runs, and as a worker ends.", step
    )


@check("D061", group="process", title="mod_wsgi runs the application in the main interpreter")
def mod_wsgi(facts: Facts) -> Iterator[Finding]:
    """Apache loads the application into the interpreter whose exit hooks run."""
    program = _program(facts)
    if program is None or program.has("mod_wsgi global"):
        return
    for use in program.of("mod_wsgi"):
        yield Finding(
            WARNING,
            f"{_at(use)} runs the application in an interpreter of its own: some releases of mod_wsgi hang as Apache stops, and what waits is lost.",
            "Write `WSGIApplicationGroup %{GLOBAL}` into the configuration.",
        )
        return


@check("D062", group="process", title="kind of workers")
def eventlet(facts: Facts) -> Iterator[Finding]:
    """The workers are of a kind that the tests run."""
    for use in need(facts.program).of("eventlet"):
        yield Finding(WARNING, f"{_at(use)} uses eventlet, which this package was not tested with.", "Use gevent, or threads (gthread).")
        return


@check("D070", group="end", title="a container that is stopped by SIGTERM")
def sigterm(facts: Facts) -> Iterator[Finding]:
    """Python that a container's platform stops by SIGTERM sends its last telemetry."""
    program = _program(facts)
    if program is None or program.flushes_on_sigterm or program.has("sigterm handler") or program.has("uvicorn"):
        return
    for use in program.of("python command"):
        yield Finding(
            WARNING,
            f"{_at(use)} runs Python, which the platform stops by SIGTERM: nobody handles it, and the telemetry of the last seconds is lost.",
            _FLUSH,
        )
        return


@check("D071", group="end", title="uvicorn ends by SIGTERM")
def uvicorn(facts: Facts) -> Iterator[Finding]:
    """Something sends what is queued before uvicorn ends itself by the signal."""
    program = _program(facts)
    if program is None or program.flushes_on_sigterm or program.has("flush", "fastapi middleware"):
        return
    for use in program.of("uvicorn"):
        yield Finding(
            WARNING,
            f"{_at(use)} runs uvicorn, which ends by SIGTERM without exit hooks: the telemetry of the last seconds is lost.",
            f"{_FLUSH} With --workers and --reload, call opencensus_compat.flush(5) at the end of the application's lifespan.",
        )
        return


@check("D072", group="end", title="os._exit")
def os_exit(facts: Facts) -> Iterator[Finding]:
    """A file that ends the process at once flushes before."""
    program = _unseen(facts)
    if program is None:
        return
    flushing = {use.file for use in program.of("flush")}
    for use in program.of("os._exit"):
        if use.file not in flushing:
            yield Finding(
                WARNING,
                f"{_at(use)} calls os._exit, which runs no exit hooks: what waits in the queue is lost.",
                "Call opencensus_compat.flush(5) before it.",
            )
            return


@check("D073", group="end", title="children of multiprocessing pools")
def pools(facts: Facts) -> Iterator[Finding]:
    """A pool's children, which the end of its block ends by SIGTERM, send before that."""
    program = _program(facts)
    if program is None or program.flushes_on_sigterm:
        return
    for use in program.of("with pool"):
        yield Finding(
            WARNING,
            f"{_at(use)} ends the children of the pool by SIGTERM as its block ends: what they have queued is lost.",
            "Call pool.close() and pool.join() at the end of the block, or set OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM=1.",
        )
        return


@check("D075", group="end", title="platforms that freeze processes between calls")
def frozen(facts: Facts) -> Iterator[Finding]:
    """In Azure Functions and AWS Lambda the end of a call flushes."""
    program = _program(facts)
    if program is None or program.has("flush", "flush invocations") or _flushes_invocations(facts):
        return
    if "lambda" in program.hosts or program.has("lambda"):
        where, step = "AWS Lambda", "Call opencensus_compat.flush(2) at the end of the handler."
    elif _is_function(program):
        where, step = (
            "Azure Functions",
            "Set OPENCENSUS_COMPAT_FLUSH_INVOCATIONS=on where OpenCensusExtension.configure is called, or call opencensus_compat.flush(2) at the end of a function.",
        )
    else:
        return
    yield Finding(WARNING, f"{where} may freeze the process after a call: what waits is sent when the process goes on, if it does.", step)


def _flushes_invocations(facts: Facts) -> bool:
    said = "" if isinstance(facts.settings, Absent) else facts.settings.value("OPENCENSUS_COMPAT_FLUSH_INVOCATIONS")
    return said.lower() not in ("", "0", "false", "no", "off")


@check("D076", group="end", title="the flush on SIGTERM has the signal")
def contested(facts: Facts) -> Iterator[Finding]:
    """No file gives SIGTERM a handler of its own where the flush is asked for."""
    program = _program(facts)
    if program is None or not program.flushes_on_sigterm:
        return
    for use in program.of("sigterm handler"):
        yield Finding(
            WARNING,
            f"{_at(use)} handles SIGTERM: where that comes first, OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM has no effect.",
            "Call opencensus_compat.flush(5) in the handler.",
        )
        return


@check("D080", group="fork", title="uWSGI loads the application in each worker")
def lazy_apps(facts: Facts) -> Iterator[Finding]:
    """What the application makes as it loads is made in the process that sends it."""
    program = _program(facts)
    if program is None:
        return
    lazy = {use.file for use in program.of("uwsgi lazy")}
    for use in program.of("uwsgi workers"):
        if use.file not in lazy and use.detail not in ("0", "1"):
            yield Finding(
                WARNING,
                f"{_at(use)} forks {use.detail} workers from the loaded application: telemetry that it made before the fork may be lost.",
                f"Write lazy-apps = true into {use.file}.",
            )
            return
