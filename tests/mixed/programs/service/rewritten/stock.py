import logging

from opentelemetry import metrics, trace

import client
import worker

logger = logging.getLogger(__name__)
RESERVED = metrics.get_meter(__name__).create_counter('reserved', '1', 'pieces')


def reserve(sku, warehouse):
    tracer = trace.get_tracer(__name__)
    with tracer.start_as_current_span('reserve') as span:
        span.set_attribute('sku', sku)
        logger.info('reserving %s', sku)
        RESERVED.add(2, {'sku': sku})
        client.ask(sku, warehouse)
        done = worker.later(sku)
        with tracer.start_as_current_span('write'):
            logger.warning('writing %s', sku)
        done.result()
