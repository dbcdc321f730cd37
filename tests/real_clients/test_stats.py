"""What real clients of the retired SDK do with stats, each as a program of its own."""

from __future__ import annotations

import pytest

RAY = """
import threading
from opencensus.metrics.export.metric_descriptor import MetricDescriptorType
from opencensus.metrics.export.value import ValueDouble
from opencensus.stats import aggregation, base_exporter, measure, stats_recorder, view, view_manager
from opencensus.stats.aggregation_data import (
    CountAggregationData, DistributionAggregationData, LastValueAggregationData, SumAggregationData,
)
from opencensus.tags import tag_key, tag_map, tag_value


class Gauge(view.View):
    # Holds a view, and never calls its base.
    def __init__(self, name, description, unit, tags):
        self._measure = measure.MeasureInt(name, description, unit)
        self._view = view.View(name, description, [tag_key.TagKey(tag) for tag in tags], self.measure, aggregation.LastValueAggregation())

    @property
    def measure(self):
        return self._measure

    @property
    def view(self):
        return self._view

    @property
    def name(self):
        return self.measure.name


class Exporter(base_exporter.StatsExporter):
    # Keeps the latest view data, and makes samples of them when it is scraped.
    def __init__(self):
        self._lock = threading.Lock()
        self._latest = {}

    def export(self, view_data):
        self.emit(view_data)

    def on_register_view(self, view):
        return NotImplementedError("not supported")

    def emit(self, view_data):
        with self._lock:
            for data in view_data:
                self._latest[data.view.name] = data

    def scrape(self):
        with self._lock:
            return sorted(
                (name, tuple(value or "" for value in tag_values), sample(data))
                for name, view_data in self._latest.items()
                for tag_values, data in view_data.tag_value_aggregation_data_map.items()
            )


def sample(data):
    if isinstance(data, CountAggregationData):
        return data.count_data
    if isinstance(data, DistributionAggregationData):
        assert data.bounds == sorted(data.bounds)
        return [data.count_data, data.sum, list(zip(data.bounds, data.counts_per_bucket))]
    if isinstance(data, SumAggregationData):
        return data.sum_data
    if isinstance(data, LastValueAggregationData):
        return data.value
    raise ValueError(type(data))
"""


OWN_RECORD = """
from opencensus.common import utils

def RECORD(measurements, tags):
    with lock:
        own_record(measurements, tags)

def own_record(measurements, tags):
    # Past the copies that OpenCensus made for exporters: exporters get what is added up itself.
    known = measurements.measure_to_view_map
    for of, number in measurements.measurement_map.items():
        if of != known._registered_measures.get(of.name):
            return
        view_datas = []
        for name, found in known._measure_to_view_data_list_map.items():
            if name == of.name:
                view_datas.extend(found)
        for data in view_datas:
            data.record(context=tags, value=number, timestamp=utils.to_iso_str(), attachments=measurements.attachments)
        for exporter in known.exporters:
            exporter.export(view_datas)
"""


@pytest.mark.parametrize("record", ["def RECORD(measurements, tags):\n    measurements.record(tags)\n", OWN_RECORD], ids=["record", "own"])
def test_ray_records_gauges(run_program, record):
    """Gauges are registered when first met, recorded from several threads, and scraped with their last values."""
    printed = run_program(
        RAY
        + record
        + """
manager, recorder, exporter = view_manager.ViewManager(), stats_recorder.StatsRecorder(), Exporter()
manager.register_exporter(exporter)
gauges = [Gauge(f"gauge_{number}", "d", "unit", ["ip", "component"]) for number in range(3)]
lock = threading.Lock()

def record(gauge, value, tags):
    with lock:
        if not manager.get_view(gauge.name):
            manager.register_view(gauge.view)
        found = manager.get_view(gauge.name).view
    measurements = recorder.new_measurement_map()
    tags_of = tag_map.TagMap()
    for key, value_of in tags.items():
        tags_of.insert(tag_key.TagKey(key), tag_value.TagValue(value_of))
    measurements.measure_float_put(found.measure, value)
    RECORD(measurements, tags_of)

def work(ip):
    for value in range(50):
        for gauge in gauges:
            record(gauge, value, {"ip": ip, "component": "agent", "other": "x"})

threads = [threading.Thread(target=work, args=[f"10.0.0.{number}"]) for number in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
record(gauges[0], 1, {"ip": "10.0.0.9"})
for line in exporter.scrape():
    print(*line)
"""
    )
    agents = [f"gauge_{gauge} ('10.0.0.{ip}', 'agent') 49" for gauge in range(3) for ip in range(3)]
    assert printed.splitlines() == sorted([*agents, "gauge_0 ('10.0.0.9', '') 1"])


def test_ray_makes_data_of_other_processes(run_program):
    """The data classes are made directly, from what other processes counted, with boundaries in a sequence that only equals a list."""
    printed = run_program(
        RAY
        + """
import collections

class Repeated(collections.UserList):
    # What protobuf's repeated fields are: no list, but equal to one.
    pass

print(sample(CountAggregationData(7)))
print(sample(LastValueAggregationData(ValueDouble, 2.5)))
print(sample(SumAggregationData(ValueDouble, 4.5)))
print(sample(DistributionAggregationData(12.5 / 5, 5, 3.0, [1, 4, 0], Repeated([1.0, 2.0]))))
print(MetricDescriptorType.to_type_class(MetricDescriptorType.CUMULATIVE_DOUBLE) is ValueDouble)
"""
    )
    assert printed.splitlines() == ["7", "2.5", "4.5", "[5, 12.5, [(1.0, 1), (2.0, 4)]]", "True"]


def test_prometheus_exporter(run_program):
    """An exporter of Prometheus's kind behind each of the two transports is told of every aggregation, and scraped whenever it likes."""
    program = (
        RAY
        + """
from opencensus.stats import stats

class Transported(Exporter):
    def __init__(self, transport):
        super().__init__()
        self.transport = transport(self)

    def export(self, view_data):
        if view_data is not None:
            self.transport.export(view_data)

exporter = Transported(TRANSPORT)
census = stats.stats
census.view_manager.register_exporter(exporter)
latency = measure.MeasureFloat("latency", "how long", "ms")
for name, how in [("count", aggregation.CountAggregation()), ("sum", aggregation.SumAggregation()),
                  ("last", aggregation.LastValueAggregation()), ("spread", aggregation.DistributionAggregation([1, 5, 10]))]:
    census.view_manager.register_view(view.View(name, "d", ["route"], latency, how))
for value, route in [(0.5, "/a"), (7.5, "/a"), (2.5, None)]:
    tags = tag_map.TagMap()
    if route:
        tags.insert("route", route)
    measurements = census.stats_recorder.new_measurement_map()
    measurements.measure_float_put(latency, value)
    measurements.record(tags)
getattr(exporter.transport, "flush", int)()
for line in exporter.scrape():
    print(*line)
"""
    )
    expected = [
        "count ('',) 1",
        "count ('/a',) 2",
        "last ('',) 2.5",
        "last ('/a',) 7.5",
        "spread ('',) [1, 2.5, [(1, 0), (5, 1), (10, 0)]]",
        "spread ('/a',) [2, 8.0, [(1, 1), (5, 0), (10, 1)]]",
        "sum ('',) 2.5",
        "sum ('/a',) 8.0",
    ]
    for module, cls in [("sync", "SyncTransport"), ("async_", "AsyncTransport")]:
        imported = f"from opencensus.common.transports.{module} import {cls} as TRANSPORT\n"
        assert run_program(imported + program).splitlines() == expected
