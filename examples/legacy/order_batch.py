"""Nightly batch that packs the orders of the day."""
import time

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.tracer import Tracer

ORDERS = [('A-1001', 3), ('A-1002', 1)]

tracer = Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(1.0))


def read_orders():
    with tracer.span(name='read orders') as span:
        time.sleep(0.004)
        span.add_attribute('orders', len(ORDERS))
        return ORDERS


def pick(item):
    with tracer.span(name='pick item %d' % item):
        time.sleep(0.002)


@tracer.trace_decorator()
def print_label():
    execution_context.get_current_span().add_annotation('label printed', printer='P7')
    time.sleep(0.001)


def pack(order, items):
    with tracer.span(name='pack ' + order) as span:
        span.add_attribute('order', order)
        span.add_attribute('items', items)
        span.add_annotation('started packing', station=4)
        for item in range(1, items + 1):
            pick(item)
        print_label()
        span.add_attribute('fragile', items > 2)


def main():
    with tracer.span(name='nightly packing'):
        for order, items in read_orders():
            pack(order, items)


if __name__ == '__main__':
    main()
