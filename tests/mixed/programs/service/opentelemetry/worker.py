import contextvars
import logging
from concurrent.futures import ThreadPoolExecutor

from opentelemetry import trace

logger = logging.getLogger(__name__)
pool = ThreadPoolExecutor(2)
tracer = trace.get_tracer(__name__)


def later(sku):
    return pool.submit(contextvars.copy_context().run, pack, sku)


def pack(sku):
    with tracer.start_as_current_span('pack') as span:
        span.set_attribute('sku', sku)
        try:
            raise KeyError(sku)
        except KeyError:
            logger.exception('no box for %s', sku)
