import logging

from opentelemetry import metrics, trace

import client
import worker

logger = logging.getLogger(__name__)
tracer = trace.get_tracer(__name__)
reserved = metrics.get_meter(__name__).create_counter('reserved', '1', 'pieces')


def reserve(sku, warehouse):
    with tracer.start_as_current_span('reserve') as span:
        span.set_attribute('sku', sku)
        logger.info('reserving %s', sku)
        reserved.add(2, {'sku': sku})
        client.ask(sku, warehouse)
        done = worker.later(sku)
        with tracer.start_as_current_span('write'):
            logger.warning('writing %s', sku)
        done.result()
