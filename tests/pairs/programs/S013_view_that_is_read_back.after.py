import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler, configure
from opentelemetry import metrics
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

logger = logging.getLogger("videos")
logger.addHandler(ApplicationInsightsLoggingHandler())

FRONTEND = "frontend"
NAME = "videos/size"
SIZE = metrics.get_meter(__name__).create_histogram(
    NAME,
    unit="By",
    description="sizes of videos",
    explicit_bucket_boundaries_advisory=[10.0, 20.0],
)


reader = InMemoryMetricReader()


def main():
    configure(signals=["metrics"], export_interval_millis=30000, metric_readers=[reader])
    tags = {}
    tags[FRONTEND] = "phone"
    SIZE.record(15, tags)
    seen = next(
        (
            metric
            for resource in getattr(reader.get_metrics_data(), "resource_metrics", ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == NAME
        ),
        None,
    )
    for frontend, sizes in {tuple(point.attributes.values()): point for point in seen.data.data_points}.items():
        logger.warning("%s: %d", frontend[0], sizes.count)


main()
