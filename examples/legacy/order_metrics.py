"""Counts what a shop sells: views over measures with tags, and a gauge of what still waits."""
from opencensus.ext.azure import metrics_exporter
from opencensus.metrics import transport
from opencensus.metrics.export.gauge import LongGauge, Registry
from opencensus.metrics.label_key import LabelKey
from opencensus.metrics.label_value import LabelValue
from opencensus.stats import aggregation, measure
from opencensus.stats import stats as stats_module
from opencensus.stats import view
from opencensus.tags import tag_map

ORDERS = [('web', 30.0), ('web', 12.5), ('phone', 99.0)]

stats = stats_module.stats
amount = measure.MeasureFloat('amount', 'what an order is worth', 'EUR')
VIEWS = [
    view.View('orders placed', 'number of orders', ['channel'], amount, aggregation.CountAggregation()),
    view.View('turnover', 'worth of all orders', ['channel'], amount, aggregation.SumAggregation()),
    view.View('order size', 'how orders are spread', ['channel'], amount, aggregation.DistributionAggregation([10, 50, 100])),
]

waiting = LongGauge('orders waiting', 'orders that nobody has packed', '1', [LabelKey('warehouse', 'where')])
registry = Registry()
registry.add_gauge(waiting)


def place(channel, worth):
    measurements = stats.stats_recorder.new_measurement_map()
    tags = tag_map.TagMap()
    tags.insert('channel', channel)
    measurements.measure_float_put(amount, worth)
    measurements.record(tags)
    waiting.get_or_create_time_series([LabelValue('north')]).add(1)


def main():
    exporter = metrics_exporter.new_metrics_exporter(export_interval=60, enable_standard_metrics=False)
    stats.view_manager.register_exporter(exporter)
    for each in VIEWS:
        stats.view_manager.register_view(each)
    gauges = metrics_exporter.MetricsExporter()
    gauges.exporter_thread = transport.get_exporter_thread([registry], gauges, interval=60)
    for channel, worth in ORDERS:
        place(channel, worth)


if __name__ == '__main__':
    main()
