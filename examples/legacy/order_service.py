"""A request handler that logs: lines under the request, an exception with its stack, and an event with measurements."""
import logging
import time

from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

logger = logging.getLogger('orders')
events = logging.getLogger('orders.events')

config_integration.trace_integrations(['logging'])
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


class OutOfStock(Exception):
    pass


def ask_warehouse(sku):
    logger.info('asking the warehouse for %s', sku)
    time.sleep(0.002)
    raise KeyError(sku)


def reserve(sku):
    with tracer.span(name='reserve stock'):
        try:
            ask_warehouse(sku)
        except KeyError as error:
            raise OutOfStock('no %s left' % sku) from error


def handle_request(order, sku):
    with tracer.span(name='POST /orders') as span:
        span.span_kind = SpanKind.SERVER
        tracer.add_attribute_to_current_span('http.method', 'POST')
        tracer.add_attribute_to_current_span('http.route', '/orders')
        tracer.add_attribute_to_current_span('http.url', 'http://shop.example/orders')
        logger.info('order %s received', order, extra={'custom_dimensions': {'order': order, 'sku': sku}})
        status = 201
        try:
            reserve(sku)
        except OutOfStock:
            logger.exception('order %s cannot be filled', order)
            status = 409
        tracer.add_attribute_to_current_span('http.status_code', status)
        events.info('Order refused', extra={'custom_dimensions': {'order': order}, 'custom_measurements': {'total': 39.5, 'items': 1}})


if __name__ == '__main__':
    logger.setLevel(logging.INFO)
    logger.addHandler(AzureLogHandler())
    events.propagate = False
    events.addHandler(AzureEventHandler())
    handle_request('A-1003', 'blue-kettle')
