"""The stock library, untouched since the old days: it traces and logs with OpenCensus."""
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from opencensus.common.runtime_context import RuntimeContext
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(1.0))
logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)
logger.addHandler(AzureLogHandler())
pool = ThreadPoolExecutor(1)


def reserve(sku, ask_warehouse, print_label):
    with tracer.span(name='OpenCensus: reserve') as span:
        span.add_attribute('sku', sku)
        time.sleep(0.002)
        ask_warehouse(sku)
        logger.info('reserved %s', sku)
        pool.submit(RuntimeContext.with_current_context(pack), sku, print_label).result()


def pack(sku, print_label):
    with tracer.span(name='OpenCensus: pack, on a thread'):
        time.sleep(0.001)
        print_label(sku)


def note_answer(sku, left):
    # The current span is the caller's, whichever API it was started with.
    execution_context.get_current_span().add_attribute('left', left)
    with tracer.span(name='OpenCensus: note answer') as span:
        span.add_attribute('sku', sku)
        logger.warning('only %d of %s left', left, sku)
        time.sleep(0.001)
