import flask
from appinsights_exporter import SpanPipeline
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


def role(name):
    def set_role(envelope):
        envelope.tags["ai.cloud.role"] = name

    return set_role


def component(name):
    app = flask.Flask(name)
    exporter = SpanPipeline()
    FlaskInstrumentor().instrument_app(app, tracer_provider=exporter.tracer_provider(sampler=ALWAYS_ON))
    exporter.add_telemetry_processor(role(name))

    @app.route("/orders/<int:number>")
    def order(number):
        with tracer.start_as_current_span("sell"):
            return f"order {number}"

    return app


tracer = SpanPipeline().tracer_provider(sampler=ALWAYS_ON).get_tracer(__name__)
for name in ("web", "admin"):
    component(name).test_client().get("/orders/7?verbose=1")
