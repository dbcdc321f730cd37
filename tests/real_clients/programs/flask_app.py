import logging

import flask
from opencensus.ext.flask.flask_middleware import FlaskMiddleware
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from shop import CALLER, Recorder, plain, show

logging.getLogger("shop").addHandler(logging.NullHandler())
app = flask.Flask("shop")
recorder = Recorder()
FlaskMiddleware(app, exporter=recorder, sampler=AlwaysOnSampler(), excludelist_paths=["health"])


@app.route("/orders/<number>")
def orders(number):
    with execution_context.get_opencensus_tracer().span("price") as span:
        span.add_attribute("number", number)
    return number


@app.route("/fails")
def fails():
    raise ValueError("no such order")


@app.route("/health")
def health():
    return "well"


app.logger.disabled = True
client = app.test_client()
answers = [client.get(path, headers=headers).status_code for path, headers in CALLER]
show([answers, plain(recorder.spans)])
