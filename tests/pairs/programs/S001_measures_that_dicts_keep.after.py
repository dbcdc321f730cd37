from appinsights_exporter import configure
from opentelemetry import metrics

configure(signals=["metrics"], export_interval_millis=30000)


class Separate:
    def __init__(self):
        self.measures = {}
        self.maps = {}

    def track(self, name, value):
        if name not in self.measures:
            measure = metrics.get_meter(__name__).create_counter(name, unit="1", description="d")
            self.measures[name] = measure
        tags = {}
        tags["shop"] = "a"
        self.measures[name].add(value, tags)


class Entry:
    def __init__(self):
        self._entries = {}

    def _entry(self, name):
        if name not in self._entries:
            measure = metrics.get_meter(__name__).create_gauge(name, unit="1", description="d")
            self._entries[name] = {"measure": measure, "view": 1}
        return self._entries[name]

    def track(self, name, value):
        entry = self._entry(name)
        entry["measure"].set(value)


class Insights:
    def __init__(self):
        self.metrics = {}

    def track_metric(self, metric_name, metric_value):
        if not metric_name in self.metrics:
            metrics_measure = metrics.get_meter(__name__).create_gauge(metric_name, unit=metric_name, description=metric_name)
            tmap = {}
            self.metrics[metric_name] = {"measure": metrics_measure, "tag_map": tmap}

        measure = self.metrics[metric_name]["measure"]
        tmap = self.metrics[metric_name]["tag_map"]
        measure.set(metric_value)


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
