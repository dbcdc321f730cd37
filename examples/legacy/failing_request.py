"""A request handler that fails: the request is marked, the exception is reported, the failed work shows its status."""
import sys
import time
import traceback

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import attributes_helper
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

HTTP_METHOD = attributes_helper.COMMON_ATTRIBUTES['HTTP_METHOD']
HTTP_ROUTE = attributes_helper.COMMON_ATTRIBUTES['HTTP_ROUTE']
HTTP_URL = attributes_helper.COMMON_ATTRIBUTES['HTTP_URL']
HTTP_STATUS_CODE = attributes_helper.COMMON_ATTRIBUTES['HTTP_STATUS_CODE']
ERROR_NAME = attributes_helper.COMMON_ATTRIBUTES['ERROR_NAME']
ERROR_MESSAGE = attributes_helper.COMMON_ATTRIBUTES['ERROR_MESSAGE']
STACKTRACE = attributes_helper.COMMON_ATTRIBUTES['STACKTRACE']

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


class OutOfStock(Exception):
    pass


def reserve(sku):
    with tracer.span(name='reserve stock') as span:
        span.add_attribute('sku', sku)
        time.sleep(0.002)
        raise OutOfStock('no %s left' % sku)


def frames_of(trace):
    frames = traceback.extract_tb(trace)
    return [
        {'level': level, 'method': frame.name, 'fileName': frame.filename.rsplit('/', 1)[-1], 'line': frame.lineno}
        for level, frame in zip(range(len(frames) - 1, -1, -1), reversed(frames))
    ]


def handle_request():
    with tracer.span(name='POST /orders') as span:
        span.span_kind = SpanKind.SERVER
        tracer.add_attribute_to_current_span(HTTP_METHOD, 'POST')
        tracer.add_attribute_to_current_span(HTTP_ROUTE, '/orders')
        tracer.add_attribute_to_current_span(HTTP_URL, 'http://shop.example/orders')
        try:
            reserve('blue-kettle')
        except OutOfStock as error:
            span.add_attribute(HTTP_STATUS_CODE, 500)
            span.add_attribute(ERROR_NAME, type(error).__name__)
            span.add_attribute(ERROR_MESSAGE, str(error))
            span.add_attribute(STACKTRACE, frames_of(sys.exc_info()[2]))


if __name__ == '__main__':
    handle_request()
