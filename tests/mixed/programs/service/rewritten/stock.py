import logging

from opentelemetry import metrics, trace

import client
import worker

logger = logging.getLogger(__name__)
SKU = 'sku'
RESERVED = metrics.get_meter(__name__).create_counter('reserved', unit='1', description='pieces')


def reserve(sku, warehouse):
    tracer = trace.get_tracer(__name__)
    with tracer.start_as_current_span('reserve') as span:
        span.set_attribute('sku', sku)
        logger.info('reserving %s', sku)
        tags = {}
        tags[SKU] = sku
        RESERVED.add(2, tags)
        client.ask(sku, warehouse)
        done = worker.later(sku)
        with tracer.start_as_current_span('write'):
            logger.warning('writing %s', sku)
        done.result()
