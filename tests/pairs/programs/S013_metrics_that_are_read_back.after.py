import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler, configure
from opentelemetry import metrics as otel_metrics
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

logger = logging.getLogger("orders")
logger.addHandler(ApplicationInsightsLoggingHandler())

ORDERS = otel_metrics.get_meter(__name__).create_counter("orders_view", unit="orders", description="number of orders")
reader = InMemoryMetricReader()
configure(signals=["metrics"], export_interval_millis=30000, metric_readers=[reader])


def order(count):
    ORDERS.add(count)
    metrics = [
        metric
        for resource in getattr(reader.get_metrics_data(), "resource_metrics", ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "orders_view"
    ]
    logger.warning("orders: %d", metrics[0].data.data_points[0].value)
    for metric in metrics:
        for series in metric.data.data_points:
            logger.warning("%s of %s", series.value, metric.name)


order(2)
order(5)
