import os

import flask
from appinsights_exporter import configure
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

KEY = os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"].split(";")[0].split("=")[1]
app = flask.Flask(__name__)
configure(connection_string=f"InstrumentationKey={KEY}", signals=["traces"], sampler=ALWAYS_ON)
FlaskInstrumentor().instrument_app(app, excluded_urls="^https?://[^/]+/health")


@app.route("/orders/<int:number>")
def order(number):
    return f"order {number}"


@app.route("/health")
def health():
    return "ok"


client = app.test_client()
client.get("/orders/7")
client.get("/health")
