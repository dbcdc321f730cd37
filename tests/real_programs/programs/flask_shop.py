"""A Flask service, as written for OpenCensus: requests with spans, log lines, streams and exceptions, below any WSGI server."""

import logging
import sys

import flask
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.flask.flask_middleware import FlaskMiddleware
from opencensus.trace import execution_context
from opencensus.trace.samplers import ProbabilitySampler

app = flask.Flask("shop")
FlaskMiddleware(app, exporter=AzureExporter(), sampler=ProbabilitySampler(1.0), excludelist_paths=["health"])
app.logger.setLevel(logging.INFO)
app.logger.addHandler(AzureLogHandler())


def _price(number):
    app.logger.info("request %d", number)
    with execution_context.get_opencensus_tracer().span(f"price {number}"):
        return str(number)


@app.route("/orders/<int:number>")
def orders(number):
    _price(number)
    if number % 10 >= 8:
        raise ValueError(f"no order {number}")
    return ""


@app.route("/parts/<int:number>")
def parts(number):
    def made():
        yield "price: "
        yield _price(number)

    return flask.Response(made())


@app.route("/health")
def health():
    app.logger.info("health")
    return "well"


if __name__ == "__main__":
    import waitress

    server = waitress.create_server(app, listen="127.0.0.1:0", threads=8)
    print("Listening at: http://127.0.0.1:%d" % server.socket.getsockname()[1], flush=True)
    try:
        server.run()
    finally:
        sys.stdout.flush()
