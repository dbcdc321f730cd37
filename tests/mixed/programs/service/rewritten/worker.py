import contextvars
import logging
import os
from concurrent.futures import ThreadPoolExecutor

from opentelemetry import trace

logger = logging.getLogger(__name__)
pool = ThreadPoolExecutor(2)


def later(sku):
    job = pool.submit(contextvars.copy_context().run, pack, sku)
    if 'ONE_AT_A_TIME' in os.environ:
        job.result()
    return job


def pack(sku):
    with trace.get_tracer(__name__).start_as_current_span('pack') as span:
        span.set_attribute('sku', sku)
        try:
            raise KeyError(sku)
        except KeyError:
            logger.exception('no box for %s', sku)
