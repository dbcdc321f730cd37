import os

import flask
from opencensus.ext.flask.flask_middleware import FlaskMiddleware

KEY = os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"].split(";")[0].split("=")[1]
app = flask.Flask(__name__)
app.config["OPENCENSUS"] = {
    "TRACE": {
        "SAMPLER": "opencensus.trace.samplers.ProbabilitySampler(rate=1)",
        "EXPORTER": f"""opencensus.ext.azure.trace_exporter.AzureExporter(
            connection_string="InstrumentationKey={KEY}")""",
        "EXCLUDELIST_PATHS": ["health"],
    }
}
FlaskMiddleware(app)


@app.route("/orders/<int:number>")
def order(number):
    return f"order {number}"


@app.route("/health")
def health():
    return "ok"


client = app.test_client()
client.get("/orders/7")
client.get("/health")
