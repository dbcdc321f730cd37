"""The specification's requirements for OpenCensus bridges: metrics, and that each row of the guide names a test that exists."""

from __future__ import annotations

import inspect
import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import opencensus_compat
from opencensus_compat import __version__
from opencensus_compat.common import resource as resource_module
from opencensus_compat.metrics import label_key, label_value, transport
from opencensus_compat.metrics.export import cumulative, gauge, metric, metric_descriptor, metric_producer, point, time_series, value
from opencensus_compat.stats import aggregation, measure, stats, view
from opencensus_compat.tags import TagContext, tag_map
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer

REPOSITORY = Path(__file__).parents[2]
GUIDE = REPOSITORY / "migration_guide" / "specification.md"
NOW = datetime(2020, 1, 31, 10, 20, 30, tzinfo=timezone.utc).replace(tzinfo=None)


class Keeps:
    """An exporter of the old kind, of spans and of metrics."""

    def export(self, items):
        """Keep nothing."""

    def export_metrics(self, metrics):
        """Keep nothing."""


@pytest.fixture
def reader():
    """A reader of OpenTelemetry metrics; a view is registered."""
    made = InMemoryMetricReader()
    provider = MeterProvider([made], resource=Resource({"service.name": "given"}), shutdown_on_exit=False)
    opencensus_compat.configure(tracer_provider=TracerProvider(shutdown_on_exit=False), meter_provider=provider)
    manager = stats.stats.view_manager
    manager.register_view(view.View("specified latency", "how long", ["method"], LATENCY, aggregation.DistributionAggregation([1.0, 5.0])))
    yield made
    provider.shutdown()


LATENCY = measure.MeasureFloat("specified latency", "how long", "ms")


def record(number, tags=None):
    """Record a latency, with these tags or those of the context."""
    measured = stats.stats.stats_recorder.new_measurement_map()
    measured.measure_float_put(LATENCY, number)
    if tags is None:
        measured.record()
    else:
        measured.record(tag_map.TagMap(tags.items()))


def read(reader):
    """Return what the reader gets: metrics by name, and the resource and scope of all of them."""
    [of_resource] = reader.get_metrics_data().resource_metrics
    [of_scope] = of_resource.scope_metrics
    return {found.name: found for found in of_scope.metrics}, of_resource.resource, of_scope.scope


def test_kinds(reader):
    """Gauges, counters and histograms arrive as such, under the provider's resource and the scope that names this package."""
    resource_module.Resource("host", {"host": "legacy"})
    registry = gauge.Registry()
    level = gauge.LongGauge("level", "how full", "By", [label_key.LabelKey("tank", "")])
    total = cumulative.DoubleCumulative("total", "how much", "1", [])
    registry.add_gauge(level)
    registry.add_gauge(total)
    level.get_or_create_time_series([label_value.LabelValue("left")]).set(5)
    total.get_or_create_default_time_series().add(2.5)
    thread = transport.get_exporter_thread([registry], Keeps(), interval=60)
    record(3.0, {"method": "GET"})
    metrics, resource, scope = read(reader)
    thread.close()
    [one], [other], [histogram] = (metrics[name].data.data_points for name in ("level", "total", "specified_latency"))
    assert (one.value, dict(one.attributes), other.value, metrics["total"].data.is_monotonic) == (5, {"tank": "left"}, 2.5, True)
    assert (histogram.count, histogram.sum) == (1, 3.0)
    if "explicit_bucket_boundaries_advisory" in inspect.signature(Meter.create_histogram).parameters:  # not in the oldest releases
        assert (histogram.bucket_counts, histogram.explicit_bounds) == ((0, 1, 0), (1.0, 5.0))
    assert (dict(histogram.attributes), metrics["specified_latency"].unit, metrics["level"].unit) == ({"method": "GET"}, "ms", "By")
    assert dict(resource.attributes) == {"service.name": "given"}
    assert (scope.name, scope.version) == ("opencensus_compat", __version__)


def test_exemplars(reader):
    """A measurement that is made inside a sampled span of either API is an exemplar that names that span."""
    with Tracer(sampler=AlwaysOnSampler(), exporter=Keeps()).span("census"):
        expected = trace_api.get_current_span().get_span_context()
        record(3.0, {"method": "GET"})
    metrics, _, _ = read(reader)
    [histogram] = metrics["specified_latency"].data.data_points
    [exemplar] = histogram.exemplars
    assert (exemplar.trace_id, exemplar.span_id, exemplar.value) == (expected.trace_id, expected.span_id, 3.0)


def test_tags_of_the_context(reader):
    """What is recorded without tags has those of the context."""
    TagContext.set(tag_map.TagMap([("method", "PUT")]))
    record(3.0)
    TagContext.set(None)
    metrics, _, _ = read(reader)
    assert [dict(found.attributes) for found in metrics["specified_latency"].data.data_points] == [{"method": "PUT"}]


def test_summaries_cannot_be_made():
    """OpenCensus's Python SDK refuses descriptors of summaries."""
    with pytest.raises(ValueError, match="SUMMARY"):
        metric_descriptor.MetricDescriptor("s", "", "1", metric_descriptor.MetricDescriptorType.SUMMARY, [])


class Producer(metric_producer.MetricProducer):
    """Tells one gauge distribution."""

    def get_metrics(self):
        """Return it."""
        kind = metric_descriptor.MetricDescriptorType.GAUGE_DISTRIBUTION
        descriptor = metric_descriptor.MetricDescriptor("sizes", "", "By", kind, [])
        distribution = value.ValueDistribution(1, 1.0, 0.0, value.BucketOptions(), None)
        return [metric.Metric(descriptor, [time_series.TimeSeries([], [point.Point(distribution, NOW)], NOW)])]


def test_gauge_distributions(reader, caplog):
    """A gauge distribution does not reach OpenTelemetry's readers, which the log says."""
    producer = Producer()
    thread = transport.get_exporter_thread([producer], Keeps(), interval=60)
    record(3.0, {"method": "GET"})
    metrics, _, _ = read(reader)
    thread.close()
    assert "sizes" not in metrics
    assert "distributions of metric producers are not exported" in caplog.text


def _rows():
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 4 and cells[1] != "met":
            yield cells


def test_rows_name_tests():
    """A row that says yes names a test; a row that says partly or no gives a reason; every test that is named exists."""
    rows = list(_rows())
    assert len(rows) > 30
    for requirement, met, reason, test in rows:
        assert met in {"yes", "partly", "no"}, requirement
        assert test or met == "no", requirement
        assert reason or met == "yes", requirement
        if test:
            path, name = re.fullmatch(r"`(.+)::(\w+)`", test).groups()
            assert re.search(rf"^ *(async )?def {name}\(", (REPOSITORY / path).read_text(encoding="utf-8"), re.MULTILINE), test
