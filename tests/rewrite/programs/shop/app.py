"""The shop's web application."""

from flask import Flask, request
from measures import count_order
from opencensus.ext.flask.flask_middleware import FlaskMiddleware
from store import check, save
from telemetry import events, log

import settings

app = Flask(__name__)
app.config.from_object(settings)
middleware = FlaskMiddleware(app)


@app.route("/orders/<item>", methods=["POST"])
def order(item):
    """Take an order."""
    size = int(request.args["size"])
    try:
        check(size)
    except ValueError:
        log.exception("cannot take the order")
        return "too many", 400
    save(item, size)
    count_order(size, request.args["country"])
    events.info("ordered", extra={"custom_dimensions": {"item": item}})
    return "taken"


@app.route("/health")
def health():
    """Say that the shop is there."""
    return "ok"
