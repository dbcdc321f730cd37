import logging
import os
from concurrent.futures import ThreadPoolExecutor

from opencensus.common.runtime_context import RuntimeContext
from opencensus.trace import execution_context

logger = logging.getLogger(__name__)
pool = ThreadPoolExecutor(2)


def later(sku):
    job = pool.submit(RuntimeContext.with_current_context(pack), sku)
    if 'ONE_AT_A_TIME' in os.environ:
        job.result()
    return job


def pack(sku):
    with execution_context.get_opencensus_tracer().span(name='pack') as span:
        span.add_attribute('sku', sku)
        try:
            raise KeyError(sku)
        except KeyError:
            logger.exception('no box for %s', sku)
