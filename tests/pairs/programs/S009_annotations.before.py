from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.metrics_exporter import MetricsExporter
from opencensus.stats.aggregation import SumAggregation
from opencensus.stats.measure import MeasureFloat, MeasureInt
from opencensus.stats.measurement_map import MeasurementMap
from opencensus.stats.stats import stats
from opencensus.stats.view import View
from opencensus.stats.view_manager import ViewManager
from opencensus.tags.tag_map import TagMap

ORDERS: MeasureInt = MeasureInt("orders", "number of orders", "1")
ORDERS_VIEW: View = View("orders", "number of orders", ["kind"], ORDERS, SumAggregation())


def set_up(view_manager: ViewManager, seconds: float) -> None:
    exporter: MetricsExporter = metrics_exporter.new_metrics_exporter(export_interval=seconds, enable_standard_metrics=False)
    view_manager.register_exporter(exporter)
    view_manager.register_view(ORDERS_VIEW)


class Shop:
    view_manager: ViewManager
    weight: MeasureFloat

    def __init__(self) -> None:
        self.view_manager = stats.view_manager
        self.weight = MeasureFloat("weight", "weight of orders", "g")
        self.view_manager.register_view(View("weight", "weight of orders", ["kind"], self.weight, SumAggregation()))

    def put(self, mmap: MeasurementMap, grams: float) -> None:
        mmap.measure_int_put(ORDERS, 1)
        mmap.measure_float_put(self.weight, grams)

    def record(self, mmap: "MeasurementMap", tags: TagMap) -> None:
        if len(tags.map) != 1:
            raise ValueError(f"{tags.map}")
        mmap.record(tags)

    def tags_of(self, kind: str) -> TagMap:
        tags: TagMap = TagMap()
        tags.insert("kind", kind)
        return tags


set_up(stats.view_manager, 30.0)
shop = Shop()
for kind, grams in (("letter", 20.0), ("parcel", 2000.0), ("letter", 25.5)):
    measurements: MeasurementMap = stats.stats_recorder.new_measurement_map()
    shop.put(measurements, grams)
    shop.record(measurements, shop.tags_of(kind))
