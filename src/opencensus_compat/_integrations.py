"""Which integrations this package brings, a row for each: the import finder, `trace_integrations`, the rule "one request, one span", error
messages, the guide's tables and the tests all read it here.

To add an integration, add its folder below `ext/` and its row. The import finder loads this module, so that it imports nothing.
"""


class Integration:
    """One integration.

    Args:
        path: Its module or package below ``opencensus``.
        title: Name of the library, as its makers write it.
        does: What arrives, for the guide's table.
        patches: What it puts itself into, for the guide's table.
        packages: Distributions of the library, each of which will do; empty for the standard library.
        tested: Oldest and newest release of the first of them that the tests ran on; empty for the standard library.
        instrumentations: What makes a span of the same request or call, below ``opentelemetry.instrumentation``: of the library itself, of one
            that it is built on, or that is built on it.
        distribution: The legacy distribution and its last release.
        legacy_needs: Modules that the files of that distribution import and it does not bring.
        is_server: It makes the spans of requests that come in.
        switched_on: How it is switched on, where ``trace_integrations`` cannot do it.
        is_always_ours: Ours answers also where the legacy distribution is installed.
    """

    __slots__ = (
        "distribution",
        "does",
        "instrumentations",
        "is_always_ours",
        "is_server",
        "legacy_needs",
        "packages",
        "patches",
        "path",
        "switched_on",
        "tested",
        "title",
    )

    def __init__(
        self,
        path: str,
        title: str,
        does: str,
        *,
        patches: str,
        packages: "tuple[str, ...]" = (),
        tested: "tuple[str, ...]" = (),
        instrumentations: "tuple[str, ...]" = (),
        distribution: str,
        legacy_needs: "tuple[str, ...]" = (),
        is_server: bool = False,
        switched_on: str = "",
        is_always_ours: bool = False,
    ) -> None:
        self.path = path
        self.title = title
        self.does = does
        self.patches = patches
        self.packages = packages
        self.tested = tested
        self.instrumentations = instrumentations
        self.distribution = distribution
        self.legacy_needs = legacy_needs
        self.is_server = is_server
        self.switched_on = switched_on
        self.is_always_ours = is_always_ours

    @property
    def name(self) -> str:
        """Its name for ``trace_integrations``: the last part of its path."""
        return self.path.rpartition(".")[2]


_DRIVERS = ("dbapi", "mysql", "mysqlclient", "psycopg", "psycopg2", "pymysql", "sqlite3")
"""Instrumentations of databases' drivers."""

_TABLE = (
    # Requests that come in.
    Integration(
        "ext.flask",
        "Flask",
        "a request",
        patches="the application's `before_request`, `after_request` and `teardown_request`",
        packages=("flask",),
        tested=("2.2.5", "3.1.3"),
        instrumentations=("flask", "wsgi"),
        distribution="opencensus-ext-flask 0.8.2",
        legacy_needs=("six", "google.rpc"),
        is_server=True,
        switched_on="FlaskMiddleware(app, exporter=...) of opencensus.ext.flask.flask_middleware",
    ),
    Integration(
        "ext.django",
        "Django",
        "a request, and each query of it",
        patches="`MIDDLEWARE`, and the `execute_wrappers` of each connection",
        packages=("django",),
        tested=("4.2", "6.1.3"),
        instrumentations=("django", "wsgi", "asgi"),
        distribution="opencensus-ext-django 0.8.0",
        legacy_needs=("six", "google.rpc"),
        is_server=True,
        switched_on="'opencensus.ext.django.middleware.OpencensusMiddleware' in the setting MIDDLEWARE",
    ),
    Integration(
        "ext.fastapi",
        "FastAPI",
        "a request",
        patches="`app.add_middleware`",
        packages=("fastapi", "starlette"),
        tested=("0.75.2", "0.165.0"),
        instrumentations=("fastapi", "starlette", "asgi"),
        distribution="opencensus-ext-fastapi 0.1.0",
        is_server=True,
        switched_on="app.add_middleware(FastAPIMiddleware, exporter=...) of opencensus.ext.fastapi.fastapi_middleware",
    ),
    Integration(
        "ext.pyramid",
        "Pyramid",
        "a request",
        patches="the chain of tweens",
        packages=("pyramid",),
        tested=("1.10.8", "2.1"),
        instrumentations=("pyramid", "wsgi"),
        distribution="opencensus-ext-pyramid 0.7.3",
        is_server=True,
        switched_on="config.add_tween('opencensus.ext.pyramid.pyramid_middleware.OpenCensusTweenFactory')",
    ),
    Integration(
        "extension.azure.functions",
        "Azure Functions",
        "a tracer for each invocation",
        patches="the hooks of the worker's extensions; `Function.get_user_function`",
        packages=("azure-functions",),
        tested=("1.7.0", "2.3.0"),
        distribution="opencensus-extension-azure-functions 1.0.0",
        switched_on="OpenCensusExtension.configure(...) of opencensus.extension.azure.functions",
    ),
    # Calls that go out.
    Integration(
        "ext.requests",
        "Requests",
        "a call",
        patches="`requests.Session.request`",
        packages=("requests",),
        tested=("2.28.0", "2.34.2"),
        instrumentations=("requests", "urllib3"),
        distribution="opencensus-ext-requests 0.8.0",
        legacy_needs=("wrapt",),
        is_always_ours=True,
    ),
    Integration(
        "ext.httplib",
        "`http.client`",
        "a call",
        patches="`http.client.HTTPConnection.request` and `getresponse`",
        instrumentations=("requests", "urllib", "urllib3"),
        distribution="opencensus-ext-httplib 0.7.5",
        is_always_ours=True,
    ),
    Integration(
        "ext.httpx",
        "HTTPX",
        "a call",
        patches="`httpx.Client.request` and `httpx.AsyncClient.request`",
        packages=("httpx",),
        tested=("0.22.0", "0.28.1"),
        instrumentations=("httpx",),
        distribution="opencensus-ext-httpx 0.1.0",
        legacy_needs=("wrapt",),
    ),
    Integration(
        "ext.grpc",
        "gRPC",
        "a call, and on the other side its request",
        patches="nothing: interceptors are handed to channels and servers",
        packages=("grpcio",),
        tested=("1.49.1", "1.85.3"),
        instrumentations=("grpc",),
        distribution="opencensus-ext-grpc 0.7.2",
        legacy_needs=("six", "google.rpc"),
        switched_on="grpc.intercept_channel(channel, OpenCensusClientInterceptor()) of opencensus.ext.grpc.client_interceptor, "
        "and interceptors=[OpenCensusServerInterceptor(...)] of opencensus.ext.grpc.server_interceptor",
    ),
    Integration(
        "ext.google_cloud_clientlibs",
        "Google Cloud's clients",
        "a call",
        patches="the functions of `grpc`, `google.api_core` and `google.cloud` that make channels; `requests`",
        packages=("google-api-core", "google-cloud-core"),
        tested=("2.11.0", "2.44.0"),
        distribution="opencensus-ext-google-cloud-clientlibs 0.1.3",
        legacy_needs=("google.rpc",),
    ),
    # Statements.
    Integration(
        "ext.sqlalchemy",
        "SQLAlchemy",
        "a statement",
        patches="the events of `sqlalchemy.engine.Engine`",
        packages=("sqlalchemy",),
        tested=("1.3.23", "2.1.9"),
        instrumentations=(*_DRIVERS, "sqlalchemy"),
        distribution="opencensus-ext-sqlalchemy 0.1.3",
    ),
    Integration(
        "ext.dbapi",
        "drivers of DB-API 2",
        "a statement",
        patches="the connections and cursors that it is handed",
        instrumentations=(*_DRIVERS, "sqlalchemy"),
        distribution="opencensus-ext-dbapi 0.1.2",
        switched_on="wrap_conn(module.connect) of opencensus.ext.dbapi.trace",
    ),
    Integration(
        "ext.postgresql",
        "Psycopg",
        "a statement",
        patches="`psycopg2.connect`; `execute` and `executemany` of the cursors of `psycopg` 3.1.20 to 3.3.9",
        packages=("psycopg2-binary", "psycopg2", "psycopg"),
        tested=("2.9.5", "2.9.13"),
        instrumentations=("psycopg2", "psycopg", "dbapi", "sqlalchemy"),
        distribution="opencensus-ext-postgresql 0.1.3",
    ),
    Integration(
        "ext.mysql",
        "MySQL Connector, mysqlclient",
        "a statement",
        patches="`cursor` of the connections of `mysql.connector`, 2.2.9 too, and of mysqlclient 2.3.2",
        packages=("mysql-connector-python", "mysql-connector", "mysqlclient"),
        tested=("8.0.33", "26.10.0"),
        instrumentations=("mysql", "mysqlclient", "dbapi", "sqlalchemy"),
        distribution="opencensus-ext-mysql 0.1.3",
    ),
    Integration(
        "ext.pymysql",
        "PyMySQL",
        "a statement",
        patches="`cursor` of the connections of `pymysql`",
        packages=("pymysql",),
        tested=("0.10.1", "1.2.4"),
        instrumentations=("pymysql", "dbapi", "sqlalchemy"),
        distribution="opencensus-ext-pymysql 0.1.3",
    ),
    Integration(
        "ext.pymongo",
        "PyMongo",
        "a command",
        patches="nothing: it is a `CommandListener`",
        packages=("pymongo",),
        tested=("3.12.3", "4.20.1"),
        instrumentations=("pymongo",),
        distribution="opencensus-ext-pymongo 0.7.2",
        legacy_needs=("google.rpc",),
    ),
    # What carries a trace on.
    Integration(
        "ext.threading",
        "threads and pools",
        "a span for each job of a pool; threads continue the trace",
        patches="`threading.Thread`, `threading.Timer`, `multiprocessing.pool.Pool`, `concurrent.futures.ThreadPoolExecutor`",
        distribution="opencensus-ext-threading 0.1.2",
        is_always_ours=True,
    ),
    Integration(
        "ext.logging",
        "`logging`",
        "the ids of the trace on each record",
        patches="`logging.Logger`",
        distribution="opencensus-ext-logging 0.1.1",
        is_always_ours=True,
    ),
    Integration(
        "ext.gevent",
        "gevent",
        "nothing: a context for each greenlet is there without it",
        patches="nothing",
        packages=("gevent",),
        tested=("24.11.1", "26.9.0"),
        distribution="opencensus-ext-gevent 0.1.0",
        switched_on="gevent.monkey.patch_all(), which is all that it takes",
    ),
)

INTEGRATIONS = {row.path: row for row in _TABLE}
"""Path below ``opencensus`` -> the integration."""

OTHERS = {
    "ext.datadog": "opencensus-ext-datadog",
    "ext.jaeger": "opencensus-ext-jaeger",
    "ext.ocagent": "opencensus-ext-ocagent",
    "ext.prometheus": "opencensus-ext-prometheus",
    "ext.stackdriver": "opencensus-ext-stackdriver",
    "ext.zipkin": "opencensus-ext-zipkin",
    "proto": "opencensus-proto",
}
"""Path below ``opencensus`` -> the distribution that has it, and that runs on this package as it is."""

MOVED = {
    "trace.ext": "opencensus.ext",
    "trace.exporters": "opencensus.trace.print_exporter (or file_exporter, logging_exporter), or opencensus.ext.NAME.trace_exporter",
    "stats.exporters": "opencensus.ext.NAME.stats_exporter",
}
"""Path below ``opencensus`` in releases before 0.2 -> where its modules have been since."""
