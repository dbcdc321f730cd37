"""Rows of the rule table about integrations and middlewares."""

from __future__ import annotations

from opencensus_compat.scan.rule import Rule

INTEGRATION_RULES: tuple[Rule, ...] = (
    Rule(
        "W001",
        "integrations by name",
        "shape",
        "`…Instrumentor().instrument()`, one for each library",
        names="trace.config_integration ext.requests ext.httpx ext.sqlalchemy ext.postgresql ext.mysql ext.pymysql ext.pymongo "
        "ext.threading ext.logging ext.dbapi",
        pair="W001_requests_by_name W001_twice_and_unknown",
        arrives="dependencies: name, type, target, data",
    ),
    Rule(
        "W002",
        "integration with `http.client`",
        "decide",
        "none in the contrib packages",
        "Which library on top of `http.client` makes the calls? Instrument that one: `http.client` itself has no instrumentation.",
        names="ext.httplib",
        arrives="dependencies: name, type, target, data",
    ),
    Rule("W003", "registry of integrations", "keep", "none", names="trace.integrations"),
    Rule(
        "W010",
        "middleware of Flask",
        "shape",
        "`FlaskInstrumentor().instrument_app(app)`",
        names="ext.flask",
        pair="W010_flask W010_flask_beside_metrics W010_exporter_of_another_module W010_processors_of_its_exporter W010_middlewares_that_go_several_ways",
        arrives="requests: name, url, resultCode, duration",
    ),
    Rule(
        "W011",
        "middleware of Django",
        "shape",
        '`configure(..., instrumentations=["django"])` in wsgi.py and asgi.py',
        names="ext.django",
        pair="W011_django W011_exporter_of_another_module W011_settings_of_several_files",
        arrives="requests: name, url, resultCode, duration",
    ),
    Rule(
        "W012",
        "middleware of FastAPI",
        "shape",
        "`FastAPIInstrumentor.instrument_app(app)`; other applications get `telemetry={...}`, which leaves out what FastAPI makes by itself",
        names="ext.fastapi",
        pair="W012_fastapi",
        arrives="requests: name, url, resultCode, duration",
    ),
    Rule(
        "W013",
        "tween of Pyramid",
        "decide",
        "`PyramidInstrumentor().instrument_config(config)`",
        "Which routes are to be traced? Write `configure(...)` with the exporter and sampler of the settings, and in the place of `add_tween` "
        "`PyramidInstrumentor().instrument_config(config)` of opentelemetry.instrumentation.pyramid.",
        names="ext.pyramid",
        arrives="requests: name, url, resultCode, duration",
    ),
    Rule(
        "W014",
        "interceptor of gRPC",
        "decide",
        "`client_interceptor()`, in `intercept_channel` of `opentelemetry.instrumentation.grpc.grpcext`, and `server_interceptor()`",
        "Who reads these items, and which services are called? Names are methods, resultCode is that of gRPC, NOT_FOUND counts as success, and so "
        "does an error that a handler raises; messages are no events; services that read `grpc-trace-bin` alone begin traces of their own. "
        "`--include W014` writes `client_interceptor()` and `server_interceptor()` of opentelemetry.instrumentation.grpc.",
        names="ext.grpc",
        pair="W014_grpc",
        arrives="requests, dependencies: name, resultCode",
    ),
    Rule(
        "W015",
        "client libraries of Google Cloud",
        "decide",
        "`GrpcInstrumentorClient().instrument()` for gRPC, and `RequestsInstrumentor().instrument()` for REST",
        "Are only clients of Google's to be traced? The instrumentation of gRPC traces all channels, by names of methods. `--include W015` writes "
        "it beside `RequestsInstrumentor().instrument()`, where the program has no `secure_channel` of its own, and no asynchronous clients.",
        names="ext.google_cloud_clientlibs",
        pair="W015_google_cloud",
        arrives="dependencies: name, type, target, data",
    ),
    Rule(
        "W016", "patch for gevent", "exact", "delete it: OpenTelemetry's context follows greenlets", names="ext.gevent", pair="W016_gevent"
    ),
    Rule(
        "W017",
        "extension of Azure Functions",
        "decide",
        "`configure(...)`, and `context.attach(propagate.extract(...))` in each function, which gets its invocation",
        "Which functions need the trace of their caller? Give each the parameter `context`, and run `rewrite` again: it writes `configure` and "
        "`context.attach(propagate.extract(...))`. Or set PYTHON_ENABLE_OPENTELEMETRY=true in the app, whose worker then attaches the context.",
        names="extension extension.azure.functions",
        pair="W017_functions",
        arrives="requests, dependencies: operation_Id, operation_ParentId",
    ),
    Rule(
        "W018",
        "settings `OPENCENSUS`",
        "shape",
        "provider and instrumentation made in code; excluded paths in OTEL_PYTHON_…_EXCLUDED_URLS",
        pair="W018_flask_config W010_processors_of_its_exporter",
        arrives="requests: name, url, resultCode, duration",
    ),
)
