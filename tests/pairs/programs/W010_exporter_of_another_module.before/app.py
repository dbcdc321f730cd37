import flask
from opencensus.ext.flask.flask_middleware import FlaskMiddleware

import telemetry

app = flask.Flask(__name__)
FlaskMiddleware(app, exporter=telemetry.exporter, sampler=telemetry.sampler)


@app.route("/orders/<int:number>")
def order(number):
    return f"order {number}"


with telemetry.tracer.span(name="outside"):
    pass
app.test_client().get("/orders/7")
