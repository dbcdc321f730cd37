import flask
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.flask.flask_middleware import FlaskMiddleware
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def role(name):
    def set_role(envelope):
        envelope.tags["ai.cloud.role"] = name

    return set_role


def component(name):
    app = flask.Flask(name)
    middleware = FlaskMiddleware(app, exporter=AzureExporter(), sampler=AlwaysOnSampler())
    middleware.exporter.add_telemetry_processor(role(name))

    @app.route("/orders/<int:number>")
    def order(number):
        with tracer.span(name="sell"):
            return f"order {number}"

    return app


tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
for name in ("web", "admin"):
    component(name).test_client().get("/orders/7?verbose=1")
