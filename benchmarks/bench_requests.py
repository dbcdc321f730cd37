"""What a request of a web framework costs with OpenCensus's middleware, beside the retired SDK and the application without any.

Run ``make bench``. Both run on the same releases of the frameworks, those of the retired SDK's environment, in one interpreter each, by turns;
each measures CPU time of its whole process, the export included, and keeps the best of many rounds. The applications are called as a server
calls them, without one. What is sent goes to a local endpoint in this process.

* ``flask``, ``django``, ``fastapi``: a small JSON answer, with the middleware of that framework.
* ``documented``: FastAPI with the middleware that Microsoft's documentation shows, with one exporter; ``each`` makes an exporter for each
  request, as it is written there. The retired SDK would start a thread for each.

The retired SDK is that of ``LEGACY_PYTHON`` (default ``.venvs/legacy/bin/python``), ours that of ``REQUESTS_PYTHON`` (default
``.venvs/requests/bin/python``). Ends with 1 when a limit is not kept.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from types import ModuleType

import rows

ROOT = Path(__file__).resolve().parent.parent
LEGACY_PYTHON = os.environ.get("LEGACY_PYTHON", str(ROOT / ".venvs" / "legacy" / "bin" / "python"))
REQUESTS_PYTHON = os.environ.get("REQUESTS_PYTHON", str(ROOT / ".venvs" / "requests" / "bin" / "python"))
TURNS = 4
ROUNDS = 10
CALLS = 400
FRAMEWORKS = ("flask", "django", "fastapi")
SAME_RELEASES = ("asgiref", "django", "fastapi", "flask", "pydantic", "starlette", "werkzeug")
OF_ALL = 0.75
"""What a request may cost of what it costs with the retired SDK."""
OF_MIDDLEWARE = 0.55
"""The same of what the application does not cost by itself."""
OF_ONE_EXPORTER = 1.2
"""What it may cost with an exporter for each request of what it costs with one for all."""
CONTESTANTS = {
    "plain": (REQUESTS_PYTHON, FRAMEWORKS),
    "legacy": (LEGACY_PYTHON, FRAMEWORKS),
    "census-compat": (REQUESTS_PYTHON, (*FRAMEWORKS, "documented", "each")),
}
ENVIRON = {
    "HTTP_HOST": "shop.example",
    "HTTP_ACCEPT": "*/*",
    "HTTP_USER_AGENT": "benchmark",
    "PATH_INFO": "/items/7",
    "QUERY_STRING": "",
    "REMOTE_ADDR": "127.0.0.1",
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "SERVER_NAME": "shop.example",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.errors": sys.stderr,
    "wsgi.multiprocess": False,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.url_scheme": "http",
    "wsgi.version": (1, 0),
}
SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/items/7",
    "raw_path": b"/items/7",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"shop.example"), (b"accept", b"*/*"), (b"user-agent", b"benchmark")],
    "client": ("127.0.0.1", 50000),
    "server": ("shop.example", 80),
}


def new_exporter():
    """Return an exporter of whichever ``opencensus`` this interpreter has."""
    from opencensus.ext.azure.trace_exporter import AzureExporter

    return AzureExporter(connection_string=os.environ["ENDPOINT"], enable_local_storage=False)


def sampled(is_traced):
    """Return the exporter and the sampler of a middleware; None for the application alone."""
    if not is_traced:
        return None, None
    from opencensus.trace.samplers import AlwaysOnSampler

    return new_exporter(), AlwaysOnSampler()


def flask(is_traced):
    """Return an application of Flask, and its exporter."""
    from flask import Flask, jsonify

    app = Flask("benchmark")

    @app.route("/items/<int:number>")
    def item(number):
        return jsonify(number=number)

    exporter, sampler = sampled(is_traced)
    if is_traced:
        from opencensus.ext.flask.flask_middleware import FlaskMiddleware

        FlaskMiddleware(app, exporter=exporter, sampler=sampler)
    return app, exporter


def django(is_traced):
    """Return an application of Django, and its exporter."""
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import JsonResponse
    from django.urls import path

    urls = sys.modules["benchmark_urls"] = ModuleType("benchmark_urls")
    urls.urlpatterns = [path("items/<int:number>", lambda request, number: JsonResponse({"number": number}))]
    exporter, sampler = sampled(is_traced)
    settings.configure(
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=["opencensus.ext.django.middleware.OpencensusMiddleware"] if is_traced else [],
        OPENCENSUS={"TRACE": {"EXPORTER": exporter, "SAMPLER": sampler}},
        ROOT_URLCONF="benchmark_urls",
        SECRET_KEY="none",
    )
    return get_wsgi_application(), exporter


def fastapi(is_traced):
    """Return an application of FastAPI, and its exporter."""
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/items/{number}")
    async def item(number: int):
        return {"number": number}

    exporter, sampler = sampled(is_traced)
    if is_traced:
        from opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware

        app.add_middleware(FastAPIMiddleware, exporter=exporter, sampler=sampler)
    return app, exporter


def documented(makes_each=False):
    """Return an application of FastAPI with the middleware of Microsoft's documentation, and an exporter."""
    from opencensus.trace.attributes_helper import COMMON_ATTRIBUTES
    from opencensus.trace.samplers import ProbabilitySampler
    from opencensus.trace.span import SpanKind
    from opencensus.trace.tracer import Tracer

    app, exporter = fastapi(False)[0], new_exporter()
    of_request = new_exporter if makes_each else lambda: exporter

    @app.middleware("http")
    async def trace(request, call_next):
        tracer = Tracer(exporter=of_request(), sampler=ProbabilitySampler(1.0))
        with tracer.span("main") as span:
            span.span_kind = SpanKind.SERVER
            response = await call_next(request)
            tracer.add_attribute_to_current_span(COMMON_ATTRIBUTES["HTTP_STATUS_CODE"], response.status_code)
            tracer.add_attribute_to_current_span(COMMON_ATTRIBUTES["HTTP_URL"], str(request.url))
        return response

    return app, exporter


APPLICATIONS = {
    "flask": flask,
    "django": django,
    "fastapi": fastapi,
    "documented": lambda _: documented(),
    "each": lambda _: documented(True),
}


def of_wsgi(app):
    """Make many requests, as a WSGI server does."""
    import io

    def start_response(status, headers, exc_info=None):
        assert status == "200 OK", status

    for _ in range(CALLS):
        answer = app({**ENVIRON, "wsgi.input": io.BytesIO()}, start_response)
        b"".join(answer)
        answer.close()


async def of_asgi(app):
    """Make many requests, as an ASGI server does."""

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        assert message.get("status", 200) == 200, message

    async def answer():
        await app({**SCOPE, "state": {}}, receive, send)

    for _ in range(CALLS):
        # A task for each, as the server has.
        await asyncio.create_task(answer())


def measure(name, framework):
    """Return microseconds of CPU per request, the best round."""
    app, exporter = APPLICATIONS[framework](name != "plain")
    best = float("inf")
    for _ in range(ROUNDS + 1):
        gc.collect()
        started = time.process_time_ns()
        if framework in ("flask", "django"):
            of_wsgi(app)
        else:
            asyncio.run(of_asgi(app))
        if exporter is not None:
            exporter._queue.flush(60.0)
        best = min(best, (time.process_time_ns() - started) / CALLS / 1000)
    return best


def run(name, framework, endpoint):
    """Measure one contestant in its own interpreter; return microseconds, and the releases of the frameworks."""
    environment = {**os.environ, "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true", "ENDPOINT": endpoint}
    command = [CONTESTANTS[name][0], "-W", "ignore", __file__, name, framework]
    return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout)


def main():
    """Measure by turns, print the table, and return the exit code."""
    from opencensus_compat.local import LocalEndpoint

    figures = {name: {} for name in CONTESTANTS}
    releases = {}
    with LocalEndpoint(store=False) as endpoint:
        for _ in range(TURNS):
            for framework in ("flask", "django", "fastapi", "documented", "each"):
                for name, (_, frameworks) in CONTESTANTS.items():
                    if framework in frameworks:
                        spent, releases[name] = run(name, framework, endpoint.connection_string)
                        figures[name].setdefault(framework, []).append(spent)
    print("microseconds of CPU per request, best of", TURNS * ROUNDS, "rounds")
    rows.show(figures, digits=1)
    print(f"  on {', '.join(f'{library} {release}' for library, release in releases['legacy'].items())}")
    ours, legacy, plain, table = figures["census-compat"], figures["legacy"], figures["plain"], rows.Rows()
    table.ratio("each", "of documented", ours["each"], ours["documented"], OF_ONE_EXPORTER)
    for name in FRAMEWORKS:
        table.ratio(name, "of legacy", ours[name], legacy[name], OF_ALL)
        less_plain = [[spent - min(plain[name]) for spent in each] for each in (ours[name], legacy[name])]
        table.ratio(f"{name} less plain", "of legacy", *less_plain, OF_MIDDLEWARE)
    if len({tuple(each.items()) for each in releases.values()}) > 1:
        print(f"  the releases differ: {releases}; remove .venvs/requests")
        return 1
    return table.exit_code()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        found = measure(sys.argv[1], sys.argv[2])
        print(json.dumps([found, {library: metadata.version(library) for library in SAME_RELEASES}]), flush=True)
        os._exit(0)  # what is queued is for nobody
    sys.exit(main())
