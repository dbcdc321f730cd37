"""Integrations with libraries and frameworks. A comment names the rules of its line."""

from opencensus.common.schedule import Queue  #: I001
from opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware  #: I001
from opencensus.ext.flask.flask_middleware import FlaskMiddleware  #: I001
from opencensus.ext.grpc import client_interceptor  #: I001
from opencensus.ext.httplib import trace as httplib_trace  #: I002
from opencensus.ext.jaeger.trace_exporter import JaegerExporter  #: I001
from opencensus.ext.pyramid.pyramid_middleware import OpenCensusTweenFactory  #: I001
from opencensus.ext.requests import trace as requests_trace  #: I002
from opencensus.ext.stackdriver import stats_exporter  #: I001
from opencensus.ext.zipkin.trace_exporter import ZipkinExporter  #: I001
from opencensus.extension.azure.functions import OpenCensusExtension  #: I001
from opencensus.trace import utils  #: I001
from opencensus.trace.exporters.jaeger_exporter import JaegerExporter as Early  #: I002


def set_up(app):
    middleware = FlaskMiddleware(app, excludelist_paths=["/health"])  #: W010
    middleware.exporter.add_telemetry_processor(print)  #: A006
    app.add_middleware(FastAPIMiddleware)  #: W012
    OpenCensusExtension.configure()  #: W017
    requests_trace.trace_integration()  #: W001
    httplib_trace.trace_integration()  #: W002
    client_interceptor.OpenCensusClientInterceptor()  #: W014
    JaegerExporter(), ZipkinExporter()  #: V001 V002
    Early()  #: X003
    stats_exporter.new_stats_exporter()  #: V005
    utils.disable_tracing_url("/health", ["/health"])  #: T078
    utils.disable_tracing_hostname("localhost:80", [])  #: T077
    return OpenCensusTweenFactory, Queue  #: W013 A009
