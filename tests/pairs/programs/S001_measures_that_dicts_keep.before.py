from opencensus.ext.azure import metrics_exporter
from opencensus.stats.aggregation import LastValueAggregation, SumAggregation
from opencensus.stats.measure import MeasureFloat, MeasureInt
from opencensus.stats.stats import stats
from opencensus.stats.view import View
from opencensus.tags.tag_map import TagMap

stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=30.0))


class Separate:
    def __init__(self):
        self.measures = {}
        self.maps = {}

    def track(self, name, value):
        if name not in self.measures:
            measure = MeasureFloat(name, "d")
            stats.view_manager.register_view(View(name, "d", ["shop"], measure, SumAggregation()))
            self.measures[name] = measure
            self.maps[name] = stats.stats_recorder.new_measurement_map()
        mmap = self.maps[name]
        mmap.measure_float_put(self.measures[name], value)
        tags = TagMap()
        tags.insert("shop", "a")
        mmap.record(tags)


class Entry:
    def __init__(self):
        self._entries = {}

    def _entry(self, name):
        if name not in self._entries:
            measure = MeasureInt(name, "d")
            view = View(name, "d", [], measure, LastValueAggregation())
            stats.view_manager.register_view(view)
            self._entries[name] = {"measure": measure, "view": 1}
        return self._entries[name]

    def track(self, name, value):
        entry = self._entry(name)
        mmap = stats.stats_recorder.new_measurement_map()
        mmap.measure_int_put(entry["measure"], value)
        mmap.record(TagMap())


class Insights:
    def __init__(self):
        self.metrics = {}

    def track_metric(self, metric_name, metric_value):
        if not metric_name in self.metrics:
            metrics_measure = MeasureInt(metric_name, metric_name, metric_name)
            metrics_view = View(metric_name, metric_name, [], metrics_measure, LastValueAggregation(value=metric_value))
            stats.view_manager.register_view(metrics_view)
            mmap = stats.stats_recorder.new_measurement_map()
            tmap = TagMap()
            self.metrics[metric_name] = {"measure": metrics_measure, "measurement_map": mmap, "tag_map": tmap}

        measure = self.metrics[metric_name]["measure"]
        mmap = self.metrics[metric_name]["measurement_map"]
        tmap = self.metrics[metric_name]["tag_map"]
        mmap.measure_int_put(measure, metric_value)
        mmap.record(tmap)


separate = Separate()
separate.track("paid", 1.5)
separate.track("paid", 2.0)
separate.track("refunded", 5.0)
entry = Entry()
entry.track("waiting", 1)
entry.track("waiting", 4)
entry.track("running", 5)
insights = Insights()
insights.track_metric("jobs", 3)
insights.track_metric("jobs", 5)
insights.track_metric("tasks", 7)
