import flask
from config import Config
from opencensus.ext.flask.flask_middleware import FlaskMiddleware

app = flask.Flask(__name__)
app.config.from_object(Config)
middleware = FlaskMiddleware(app)


def role(envelope):
    envelope.tags["ai.cloud.role"] = "shop"


middleware.exporter.add_telemetry_processor(role)


@app.route("/orders/<int:number>")
def order(number):
    return f"order {number}", 200 if number == 7 else 404


@app.route("/health")
def health():
    return "ok"


client = app.test_client()
for path in ("/orders/7?verbose=1", "/orders/8", "/health"):
    client.get(path)
