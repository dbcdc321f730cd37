"""A service half way through its migration: new code traces with OpenTelemetry, the stock library still with OpenCensus."""
import time

from opentelemetry import trace

import legacy_stock

tracer = trace.get_tracer('checkout')


def ask_warehouse(sku):
    with tracer.start_as_current_span('OpenTelemetry: ask warehouse', kind=trace.SpanKind.CLIENT) as span:
        span.set_attribute('rpc.system', 'grpc')
        span.set_attribute('server.address', 'warehouse.example')
        time.sleep(0.004)
        legacy_stock.note_answer(sku, 7)


def print_label(sku):
    # The current span is the old library's.
    trace.get_current_span().set_attribute('printer', 'P7')
    with tracer.start_as_current_span('OpenTelemetry: print label'):
        time.sleep(0.001)


def main():
    with tracer.start_as_current_span('OpenTelemetry: checkout', kind=trace.SpanKind.SERVER):
        legacy_stock.reserve('kettle', ask_warehouse, print_label)
        with tracer.start_as_current_span('OpenTelemetry: send receipt'):
            time.sleep(0.001)


if __name__ == '__main__':
    main()
