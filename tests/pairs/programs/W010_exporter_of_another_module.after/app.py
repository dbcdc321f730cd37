import flask
from opentelemetry.instrumentation.flask import FlaskInstrumentor

import telemetry

app = flask.Flask(__name__)
FlaskInstrumentor().instrument_app(app)


@app.route("/orders/<int:number>")
def order(number):
    return f"order {number}"


with telemetry.tracer.start_as_current_span("outside"):
    pass
app.test_client().get("/orders/7")
