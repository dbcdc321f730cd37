"""Keeps orders: Flask with the middleware, and calls of the next service by gRPC with the interceptor."""

import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import grpc
import telemetry
from flask import Flask
from opencensus.ext.flask.flask_middleware import FlaskMiddleware
from opencensus.ext.grpc.client_interceptor import OpenCensusClientInterceptor
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOnSampler

thread = telemetry.start_metrics()
app = Flask(__name__)
middleware = FlaskMiddleware(app, exporter=telemetry.exporter, sampler=AlwaysOnSampler())
channel = grpc.insecure_channel(sys.argv[1])


@app.route("/orders/<order>")
def keep(order):
    tracer = execution_context.get_opencensus_tracer()
    telemetry.work(tracer, order)
    stock = grpc.intercept_channel(channel, OpenCensusClientInterceptor(tracer, "stock"))
    return stock.unary_unary(f"/shop.Stock/Take{order}")(order.encode())


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
threading.Thread(target=server.serve_forever).start()
telemetry.say(server.server_port)
telemetry.until_told()
server.shutdown()
server.server_close()
channel.close()
