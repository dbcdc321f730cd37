import logging

from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags import tag_key, tag_map, tag_value
from opencensus.trace import execution_context

import client
import worker

logger = logging.getLogger(__name__)
SKU = tag_key.TagKey('sku')
RESERVED = measure.MeasureInt('reserved', 'pieces', '1')
stats.stats.view_manager.register_view(view.View('reserved', 'pieces', [SKU], RESERVED, aggregation.SumAggregation()))


def reserve(sku, warehouse):
    tracer = execution_context.get_opencensus_tracer()
    with tracer.span(name='reserve') as span:
        span.add_attribute('sku', sku)
        logger.info('reserving %s', sku)
        tags = tag_map.TagMap()
        tags.insert(SKU, tag_value.TagValue(sku))
        measured = stats.stats.stats_recorder.new_measurement_map()
        measured.measure_int_put(RESERVED, 2)
        measured.record(tags)
        client.ask(sku, warehouse)
        done = worker.later(sku)
        with tracer.span(name='write'):
            logger.warning('writing %s', sku)
        done.result()
