import logging

from opencensus.trace import execution_context

import client
import worker

logger = logging.getLogger(__name__)


def reserve(sku, warehouse):
    tracer = execution_context.get_opencensus_tracer()
    with tracer.span(name='reserve') as span:
        span.add_attribute('sku', sku)
        logger.info('reserving %s', sku)
        client.ask(sku, warehouse)
        done = worker.later(sku)
        with tracer.span(name='write'):
            logger.warning('writing %s', sku)
        done.result()
