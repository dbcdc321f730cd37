import flask
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.flask.flask_middleware import FlaskMiddleware
from opencensus.trace.samplers import ProbabilitySampler

app = flask.Flask(__name__)
middleware = FlaskMiddleware(
    app,
    exporter=AzureExporter(),
    sampler=ProbabilitySampler(rate=1.0),
    excludelist_paths=["health", "metrics/"],
)


@app.route("/orders/<int:number>")
def order(number):
    return f"order {number}", 200 if number == 7 else 404


@app.route("/health")
def health():
    return "ok"


client = app.test_client()
for path in ("/orders/7?verbose=1", "/orders/8", "/health"):
    client.get(path)
