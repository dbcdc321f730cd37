"""Calls into `opencensus.stats` and `opencensus.tags`, for `pure_calls.py`.

Every function yields names of calls and the calls; its argument returns a module of the package under test.
"""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import metrics_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Case = tuple[str, Callable[[], Any]]
    Module = Callable[[str], Any]

START = "2024-09-30T08:00:00.000000Z"
WHEN = "2024-09-30T08:15:00.000250Z"
NOW = datetime(2024, 9, 30, 9, 0, 0, 5)  # noqa: DTZ001 -- OpenCensus's times have no zone

TEXTS: list[tuple[str, Any]] = [
    ("word", "route"), ("empty", ""), ("blank", " "), ("tilde", "~"), ("tab", "\t"), ("delete", "\x7f"), ("accent", "caf\u00e9"),
    ("255", "a" * 255), ("256", "a" * 256), ("nul", "\x00"), ("line", "a\n"), ("none", None), ("number", 5), ("bytes", b"ab"),
    ("no-bytes", b""), ("list", ["a", "b"]), ("words", ["ab"]), ("no-list", []),
]  # fmt: skip


def tags(module: Module) -> Iterator[Case]:
    """Keys, values, tags, maps of them, and what they may consist of."""
    key, value = module("tags.tag_key").TagKey, module("tags.tag_value").TagValue
    tag, tag_map, validation = module("tags.tag").Tag, module("tags.tag_map").TagMap, module("tags.validation")

    def attempt(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 -- the exceptions are what is compared
            return metrics_calls.note(error)

    for name, text in TEXTS:
        yield f"tag.key.{name}", lambda t=text: [key(t), type(key(t)).__name__, isinstance(key(t), str)]
        yield f"tag.value.{name}", lambda t=text: [value(t), type(value(t)).__name__]
        yield f"tag.tag.{name}", lambda t=text: [tag(t, t), tag("k", t).value]
        yield f"tag.legal.{name}", lambda t=text: validation.is_legal_chars(t)
        yield f"tag.valid-name.{name}", lambda t=text: validation.is_valid_tag_name(t)
        yield f"tag.valid-value.{name}", lambda t=text: validation.is_valid_tag_value(t)
        yield f"tag.map.insert.{name}", lambda t=text: attempted(lambda m: [m.insert(t, "v"), m.insert("k", t), m.insert(t, t)])
        yield f"tag.map.update.{name}", lambda t=text: attempted(lambda m: [m.update("a", t), m.update(t, "v")])
        yield (
            f"tag.map.others.{name}",
            lambda t=text: attempted(lambda m: [m.tag_key_exists(t), m.delete(t), attempt(lambda: m.get_value(t))]),
        )

    def attempted(change: Callable[[Any], Any]) -> Any:
        made = tag_map([tag("a", "1"), tag("b", "2")])
        return [attempt(lambda: change(made)), list(made), type(made.map).__name__]

    yield "tag.key.of-key", lambda: key(key("k")) == "k"
    yield "tag.key.in-dict", lambda: {key("k"): 1}["k"]
    yield "tag.key.of-value", lambda: key(value(""))
    yield "tag.key.pickled", lambda: pickle.loads(pickle.dumps(key("k"))) == key("k")
    yield "tag.value.pickled", lambda: [pickle.loads(pickle.dumps(value("v"))), copy.deepcopy(value("v"))]
    yield (
        "tag.tag.parts",
        lambda: [tag("k", "v").key, tag("k", "v").value, [*tag("k", "v")], repr(tag("k", "v")), tag("k", "v") == ("k", "v")],
    )
    yield "tag.tag.types", lambda: [type(part).__name__ for part in tag("k", "v")]
    yield "tag.tag.fields", lambda: [tag("k", "v")._asdict(), tag._fields, tag("k", "v")._replace(value="w")]
    yield "tag.map.empty", lambda: [list(tag_map()), list(tag_map([])), list(tag_map(None))]
    yield "tag.map.pairs", lambda: list(tag_map([("k", "\u00e9"), ("k", "w")]))
    yield "tag.map.dict", lambda: list(tag_map({"k": "v"}))
    yield "tag.map.keywords", lambda: list(tag_map(tags=OrderedDict(k="v")))
    yield "tag.map.twice", lambda: attempted(lambda m: m.insert("a", "other"))
    yield "tag.map.nothing", lambda: tag_map(5)
    yield "tag.package", lambda: [sorted(module("tags").__all__), module("tags").TagContext.name]

    def context() -> Any:
        slot = module("tags").TagContext
        slot.clear()
        before = slot.get()
        slot.set(tag_map([tag("k", "v")]))
        runtime = module("common.runtime_context").RuntimeContext
        seen = list(runtime.tag_context)
        slot.clear()
        return [before, seen, slot.get()]

    yield "tag.context", context


def binary_tags(module: Module) -> Iterator[Case]:
    """Tag maps as bytes."""
    serializer = module("tags.propagation.binary_serializer")
    tag_map = module("tags.tag_map").TagMap
    both = serializer.BinarySerializer()

    yield "binary-tags.constants", lambda: [
        serializer.VERSION_ID, serializer.TAG_FIELD_ID, serializer.TAG_MAP_SERIALIZED_SIZE_LIMIT, serializer.UTF8,
    ]  # fmt: skip
    maps: list[tuple[str, Any]] = [
        ("none", []), ("one", [("k", "v")]), ("two", [("key1", "val1"), ("key2", "val2")]), ("empty-value", [("k", "")]), ("empty-key", [("", "v")]),
        ("127", [("k" * 127, "v" * 127)]), ("128", [("k" * 128, "v")]), ("255", [("k" * 255, "v" * 255)]), ("long", [("k", "v" * 20_000)]),
        ("limit", [(f"{n:03}", "v" * 125) for n in range(64)]), ("beyond", [(f"{n:03}", "v" * 126) for n in range(64)]), ("accent", [("k", "\u00e9")]),
        ("number", [("k", 5)]), ("bytes", [("k", b"v")]), ("triple", [("k", "v", "w")]),
    ]  # fmt: skip
    for name, pairs in maps:
        yield f"binary-tags.write.{name}", lambda p=pairs: both.to_byte_array(tag_map(p))
        yield f"binary-tags.write-pairs.{name}", lambda p=pairs: both.to_byte_array(p)
        yield f"binary-tags.round-trip.{name}", lambda p=pairs: list(both.from_byte_array(both.to_byte_array(tag_map(p))))

    inputs: list[tuple[str, Any]] = [
        ("empty", b""), ("version", b"\x00"), ("version-1", b"\x01\x00\x01k\x01v"), ("version-255", b"\xff"),
        ("one", b"\x00\x00\x01k\x01v"), ("bytearray", bytearray(b"\x00\x00\x01k\x01v")), ("view", memoryview(b"\x00\x00\x01k\x01v")),
        ("twice", b"\x00\x00\x01k\x01v\x00\x01k\x01w"), ("other-field", b"\x00\x01\x01k\x01v"), ("other-field-behind", b"\x00\x00\x01k\x01v\x01\x01"),
        ("empty-value", b"\x00\x00\x01k\x00"), ("empty-key", b"\x00\x00\x00\x01v"), ("cut-key", b"\x00\x00\x02k"), ("cut-length", b"\x00\x00"),
        ("cut-value", b"\x00\x00\x01k\x02v"), ("cut-behind", b"\x00\x00\x01k\x01v\x00"), ("not-ascii", b"\x00\x00\x01k\x02\xc3\xa9"),
        ("not-utf-8", b"\x00\x00\x01k\x01\xff"), ("control", b"\x00\x00\x01k\x01\x01"), ("long-length", b"\x00\x00\x80\x01" + b"k" * 128 + b"\x01v"),
        ("text", "\x00"), ("none", None), ("list", [0, 0, 1, 107, 1, 118]), ("number", 0),
        ("limit", b"\x00" + b"".join(b"\x00\x03%03d\x7d" % n + b"v" * 125 for n in range(64))),
        ("beyond", b"\x00" + b"".join(b"\x00\x03%03d\x7e" % n + b"v" * 126 for n in range(64))),
    ]  # fmt: skip
    for name, data in inputs:
        yield f"binary-tags.read.{name}", lambda d=data: list(both.from_byte_array(d))


def measures(module: Module) -> Iterator[Case]:
    """Measures, measurements, boundaries and views: the plain values."""
    measure, measurement = module("stats.measure"), module("stats.measurement")
    aggregation, view = module("stats.aggregation"), module("stats.view")
    boundaries = module("stats.bucket_boundaries").BucketBoundaries

    for kind in ("BaseMeasure", "MeasureInt", "MeasureFloat"):
        cls = getattr(measure, kind)
        yield (
            f"measure.{kind}",
            lambda c=cls: [c("n", "d").unit, c("n", "d", "ms").unit, c(unit="u", name="n", description=None).description],
        )
        yield f"measure.{kind}.equal", lambda c=cls: [c("n", "d") == c("n", "d"), isinstance(c("n", "d"), measure.BaseMeasure)]
        yield f"measure.{kind}.read-only", lambda c=cls: setattr(c("n", "d"), "name", "m")
        yield f"measure.{kind}.too-few", lambda c=cls: c("n")
    for kind in ("Measurement", "MeasurementInt", "MeasurementFloat"):
        cls = getattr(measurement, kind)
        yield (
            f"measurement.{kind}",
            lambda c=cls: [c("m", 5).measure, c(value=1.5, measure=None).value, isinstance(c(1, 1), measurement.Measurement)],
        )

    sequences: list[Any] = [None, [], [1], [1, 2, 3], [3, 2, 1], [1, 1], (1, 2), [0, 1], [-1.5, 0, 2], "abc", 5, [None], range(3)]
    for number, given in enumerate(sequences):
        yield f"boundaries.{number}", lambda g=given: boundaries(g).boundaries
        yield f"boundaries.{number}.valid", lambda g=given: boundaries().is_valid_boundaries(g)
        yield f"boundaries.{number}.distribution", lambda g=given: distribution(g)

    def distribution(given: Any) -> Any:
        made = aggregation.DistributionAggregation(given).new_aggregation_data()
        return [made.bounds, made.counts_per_bucket, made.exemplars, repr(made)]

    yield "boundaries.default", lambda: [boundaries().boundaries, distribution(None)]
    yield "boundaries.copied", lambda: boundaries(sequences[3]).boundaries is sequences[3]
    yield "boundaries.only-low", lambda: distribution([-2, -1, 0])
    yield "boundaries.infinite", lambda: distribution([1.5, float("inf")])
    yield "boundaries.not-a-number", lambda: distribution([1, float("nan"), 2])

    kinds = {
        "int": measure.MeasureInt("n", "d", "1"),
        "float": measure.MeasureFloat("n", "d"),
        "base": measure.BaseMeasure("n", "d"),
        "none": None,
    }
    for name in ("SumAggregation", "CountAggregation", "LastValueAggregation", "DistributionAggregation"):
        cls = getattr(aggregation, name)
        for kind, of in kinds.items():
            yield f"aggregation.{name}.{kind}.type", lambda c=cls, m=of: [c.get_metric_type(m), c().get_metric_type(m)]
            yield f"aggregation.{name}.{kind}.new", lambda c=cls, m=of: repr(c().new_aggregation_data(m))
            yield f"aggregation.{name}.{kind}.point", lambda c=cls, m=of: repr(c().new_aggregation_data(m).to_point(NOW))
            yield f"aggregation.{name}.{kind}.view", lambda c=cls, m=of: described(view.View("v", "d", ["k"], m, c()))
        yield f"aggregation.{name}.default", lambda c=cls: repr(c().new_aggregation_data())
    yield "aggregation.initial.sum", lambda: repr(aggregation.SumAggregation(sum=2.5).new_aggregation_data(kinds["float"]))
    yield "aggregation.initial.none", lambda: repr(aggregation.SumAggregation(None).new_aggregation_data(kinds["int"]))
    yield "aggregation.initial.count", lambda: repr(aggregation.CountAggregation(count=7).new_aggregation_data())
    yield "aggregation.initial.value", lambda: repr(aggregation.LastValueAggregation(value=7).new_aggregation_data(kinds["int"]))

    def described(made: Any) -> Any:
        descriptor = made.get_metric_descriptor()
        return [repr(descriptor), descriptor.unit, repr(descriptor.label_keys), descriptor is made.get_metric_descriptor()]

    made_view = view.View("v", None, ("a", "b"), kinds["float"], aggregation.CountAggregation())
    yield "view.parts", lambda: [made_view.name, made_view.description, made_view.columns, made_view.measure is kinds["float"]]
    yield "view.described", lambda: described(made_view)
    yield "view.no-columns", lambda: described(view.View("v", "", [], kinds["int"], aggregation.LastValueAggregation()))
    yield "view.equal", lambda: view.View("v", "d", [], None, None) == view.View("v", "d", [], None, None)
    yield "view.no-measure", lambda: view.View("v", "d", [], None, aggregation.CountAggregation()).get_metric_descriptor()


def aggregated(module: Module) -> Iterator[Case]:
    """The classes that hold what is added up, made directly and fed."""
    data, value = module("stats.aggregation_data"), module("metrics.export.value")

    def fed(made: Any, samples: list[Any]) -> Any:
        for sample in samples:
            made.add_sample(*sample)
        return [repr(made), shown_point(made.to_point(NOW))]

    plain: list[tuple[str, Callable[[], Any]]] = [
        ("count", lambda: data.CountAggregationData(5)), ("count-text", lambda: data.CountAggregationData("5")),
        ("sum-long", lambda: data.SumAggregationData(value.ValueLong, 1)), ("sum-double", lambda: data.SumAggregationData(value.ValueDouble, 0.5)),
        ("last-long", lambda: data.LastValueAggregationData(value.ValueLong, 0)), ("last", lambda: data.LastValueAggregationData(value.ValueDouble, 9.5)),
        ("sum-none", lambda: data.SumAggregationData(None, 1)), ("keywords", lambda: data.SumAggregationData(sum_data=1, value_type=value.ValueLong)),
    ]  # fmt: skip
    samples: list[tuple[str, list[Any]]] = [
        ("nothing", []), ("one", [(3,)]), ("whole", [(3, WHEN, None), (4, WHEN, {"k": "v"})]), ("fraction", [(0.1,), (0.2,), (0.3,)]),
        ("negative", [(-1,)]), ("text", [("x",)]), ("bool", [(True,)]), ("infinite", [(float("inf"),), (1,)]), ("none", [(None,)]),
    ]  # fmt: skip
    for name, make in plain:
        for kind, given in samples:
            yield f"data.{name}.{kind}", lambda m=make, g=given: fed(m(), g)
    yield "data.parts", lambda: [
        data.CountAggregationData(5).count_data, data.SumAggregationData(value.ValueLong, 1).sum_data, data.LastValueAggregationData(value.ValueLong, 2).value,
        data.SumAggregationData(value.ValueLong, 1).value_type is value.ValueLong, data.LastValueAggregationData(value.ValueDouble, 1).value_type.__name__,
    ]  # fmt: skip

    def distribution(*arguments: Any, samples: Any = ()) -> Any:
        made = data.DistributionAggregationData(*arguments)
        for sample in samples:
            made.add_sample(*sample)
        exemplars = made.exemplars and {
            index: exemplar and [exemplar.value, exemplar.timestamp, exemplar.attachments] for index, exemplar in made.exemplars.items()
        }
        return [
            repr(made), made.mean_data, made.count_data, made.sum_of_sqd_deviations, made.counts_per_bucket, made.bounds, exemplars, made.sum,
            made.variance, shown_point(made.to_point(NOW)),
        ]  # fmt: skip

    exemplar = data.Exemplar
    given: list[tuple[str, tuple[Any, ...]]] = [
        ("empty", (0, 0, 0)), ("bounds", (0, 0, 0, None, [1, 2])), ("no-bounds", (0, 0, 0, None, [])), ("filled", (2.5, 2, 0.5, [1, 1, 0], [2.5, 4])),
        ("one-bucket", (2.5, 2, 0.5, [2])), ("too-few-counts", (0, 0, 0, [0], [1, 2])), ("negative-count", (0, 0, 0, [-1, 1], [1])),
        ("falling", (0, 0, 0, None, [2, 1])), ("twice", (0, 0, 0, None, [1, 1])), ("zero-bound", (0, 0, 0, None, [0, 1])),
        ("negative-bound", (0, 0, 0, None, [-1])), ("tuple", (0, 0, 0, None, (1, 2))), ("counts-disagree", (1, 5, 0, [1, 1], [1])),
        ("no-count", (1, 0, 0)), ("exemplars", (0, 1, 0, [1, 0], [1], [exemplar(0.5, WHEN, {"a": "b"}), None])),
        ("too-few-exemplars", (0, 0, 0, None, [1], [None])), ("exemplars-without-bounds", (0, 0, 0, None, None, [None])), ("no-exemplars", (0, 0, 0, None, [], [])),
        ("infinite-bound", (0, 0, 0, None, [1, float("inf")])), ("text-bound", (0, 0, 0, None, ["a"])), ("no-list", (0, 0, 0, None, 5)),
    ]  # fmt: skip
    for name, arguments in given:
        yield f"data.distribution.{name}", lambda a=arguments: distribution(*a)

    many = [1, 2, 2.5, 0, 99.5, 100, 1e9, 0.1]
    fed_with: list[tuple[str, Any, Any]] = [
        ("one", [1, 2], [(1.5, WHEN, None)]), ("on-boundary", [1, 2], [(1, WHEN, None), (2, WHEN, None)]), ("no-bounds", None, [(n, WHEN, None) for n in many]),
        ("many", [1, 10, 100], [(n, WHEN, None) for n in many]), ("exemplar", [1, 2], [(1.5, WHEN, {"k": "v"}), (1.6, WHEN, {"k": "w"}), (5, WHEN, {})]),
        ("exemplar-no-bounds", None, [(1.5, WHEN, {"k": "v"})]), ("exemplar-empty-bounds", [], [(1.5, WHEN, {"k": "v"})]), ("same", [1], [(3, WHEN, None)] * 5),
        ("bad-attachment", [1], [(3, WHEN, {"k": 5})]), ("bad-key", [1], [(3, WHEN, {5: "k"})]), ("list-attachment", [1], [(3, WHEN, ["k"])]),
        ("few-arguments", [1], [(3,)]), ("infinite", [1], [(float("inf"), WHEN, None)] * 2), ("not-a-number", [1], [(float("nan"), WHEN, None)]),
        ("negative", [1], [(-1, WHEN, None)]), ("text", None, [("x", WHEN, None)]), ("text-bounds", [1], [("x", WHEN, None)]),
    ]  # fmt: skip
    for name, bounds, samples_of in fed_with:
        yield f"data.distribution.fed.{name}", lambda b=bounds, s=samples_of: distribution(0, 0, 0, None, b, samples=s)
    yield (
        "data.distribution.bucket",
        lambda: [
            data.DistributionAggregationData(0, 0, 0, None, [1, 2, 4]).increment_bucket_count(n)
            for n in (0, 0.999, 1, 2, 3, 4, 5, float("inf"))
        ],
    )
    yield "data.distribution.bucket-alone", lambda: data.DistributionAggregationData(0, 0, 0).increment_bucket_count("x")

    def kept() -> Any:
        bounds, counts = [1, 2], [0, 0, 0]
        made = data.DistributionAggregationData(0, 0, 0, counts, bounds)
        made.add_sample(1, WHEN, None)
        return [made.bounds is bounds, made.counts_per_bucket is counts, counts]

    yield "data.distribution.kept", kept

    def attachments_copied() -> Any:
        attachments = {"k": "v"}
        made = data.DistributionAggregationData(0, 0, 0, None, [1])
        made.add_sample(5, WHEN, attachments)
        point = made.to_point(NOW)
        attachments["k"] = "w"
        return [made.exemplars[1].attachments, point.value.buckets[1].exemplar.attachments]

    yield "data.distribution.attachments", attachments_copied
    for name, attachments in [
        ("none", None), ("empty", {}), ("good", {"k": "v"}), ("number", {"k": 1}), ("key", {1: "v"}), ("nothing", {"k": None}), ("list", []), ("text", "k"),
    ]:  # fmt: skip
        yield (
            f"data.exemplar.{name}",
            lambda a=attachments: [exemplar(1, WHEN, a).value, exemplar(1, WHEN, a).timestamp, exemplar(1, WHEN, a).attachments],
        )
    yield "data.copied", lambda: [
        repr(copy.deepcopy(data.CountAggregationData(1))), copy.deepcopy(data.DistributionAggregationData(0, 0, 0, None, [1])).bounds,
    ]  # fmt: skip


def shown_time(timestamp: Any) -> Any:
    """Return a time, or the shape of one that is now."""
    return timestamp if timestamp == WHEN else [len(timestamp), timestamp[10], timestamp[-1]]


def shown_point(point: Any) -> list[Any]:
    """Return a point with all it holds."""
    value = point.value
    shown = [repr(point), point.timestamp == NOW, type(value).__name__]
    if type(value).__name__ != "ValueDistribution":
        return [*shown, value.value]
    buckets = value.buckets and [
        [bucket.count, bucket.exemplar and [bucket.exemplar.value, shown_time(bucket.exemplar.timestamp), bucket.exemplar.attachments]]
        for bucket in value.buckets
    ]
    bounds = value.bucket_options.type_ and value.bucket_options.type_.bounds
    return [*shown, value.count, value.sum, value.sum_of_squared_deviation, bounds, buckets]


def shown_metrics(metrics: Any) -> list[Any]:
    """Return metrics with all they hold."""
    return [
        [
            repr(metric), repr(metric.descriptor), metric.descriptor.description, [repr(key) for key in metric.descriptor.label_keys],
            [
                [[type(label.value).__name__, label.value] for label in series.label_values]
                + [repr(series), series.start_timestamp]
                + [shown_point(point) for point in series.points]
                for series in metric.time_series
            ],
        ]
        for metric in metrics
    ]  # fmt: skip


def shown_view_data(view_data: Any) -> Any:
    """Return view data with all it holds, the end apart, which is now."""
    if view_data is None:
        return None
    series = view_data.tag_value_aggregation_data_map
    return [
        type(view_data).__name__,
        view_data.view.name,
        view_data.start_time,
        [[list(values), repr(data)] for values, data in series.items()],
    ]


class Fresh:
    """A recorder and a view manager that nobody has used, with two measures and tags."""

    def __init__(self, module: Module) -> None:
        context = module("stats.execution_context")
        context.clear()
        self.recorder = module("stats.stats_recorder").StatsRecorder()
        self.manager = module("stats.view_manager").ViewManager()
        self.manager.time = START
        context.clear()
        self.map = self.manager.measure_to_view_map
        self.aggregation, self.measure = module("stats.aggregation"), module("stats.measure")
        self.whole = self.measure.MeasureInt("whole", "whole numbers", "By")
        self.broken = self.measure.MeasureFloat("broken", "numbers with a fraction", "ms")
        self.tag_map, self.view_class = module("tags.tag_map").TagMap, module("stats.view").View

    def view(self, name: str, measure: Any, aggregation: Any, columns: Any = ("a", "b")) -> Any:
        """Register a view and return it."""
        made = self.view_class(name, f"shows {name}", columns, measure, aggregation)
        self.manager.register_view(made)
        return made

    def all_views(self) -> None:
        """Register a view of each aggregation on both measures."""
        for measure in (self.whole, self.broken):
            self.view(f"count of {measure.name}", measure, self.aggregation.CountAggregation())
            self.view(f"sum of {measure.name}", measure, self.aggregation.SumAggregation())
            self.view(f"last of {measure.name}", measure, self.aggregation.LastValueAggregation())
            self.view(f"spread of {measure.name}", measure, self.aggregation.DistributionAggregation([1, 2, 5]))
            self.view(f"mean of {measure.name}", measure, self.aggregation.DistributionAggregation())

    def record(self, tags: Any, *values: tuple[Any, Any], **attachments: Any) -> Any:
        """Record through a measurement map and return it."""
        made = self.recorder.new_measurement_map()
        for measure, value in values:
            (made.measure_int_put if measure is self.whole else made.measure_float_put)(measure, value)
        for key, value in attachments.items():
            made.measure_put_attachment(key, value)
        made.record(tags)
        return made

    def tags(self, **pairs: str) -> Any:
        """Return a tag map."""
        made = self.tag_map()
        for key, value in pairs.items():
            made.insert(key, value)
        return made

    def outcome(self) -> Any:
        """Return all metrics, and all view data as copies."""
        names = list(self.map._registered_views)
        return [shown_metrics(self.map.get_metrics(NOW)), [shown_view_data(self.manager.get_view(name)) for name in names]]


class Telling:
    """A stats exporter that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_register_view(self, view: Any) -> None:
        """Note the name of a view."""
        self.told.append(view.name)

    def export(self, view_datas: Any) -> None:
        """Note view data."""
        self.told.append([shown_view_data(view_data) for view_data in view_datas])

    def emit(self, view_datas: Any) -> None:
        """Nobody calls it."""
        self.told.append("emit")


class Raising(Telling):
    """One that raises what it is made with."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def export(self, view_datas: Any) -> None:
        """Raise."""
        raise self.error


def recording(module: Module) -> Iterator[Case]:
    """From a measurement to the points that are printed."""
    fresh = lambda: Fresh(module)  # noqa: E731 -- a name for what every case starts with

    def case(name: str, act: Callable[[Fresh], Any]) -> Case:
        def call() -> Any:
            made = fresh()
            made.all_views()
            result = act(made)
            return [result if isinstance(result, (str, int, list, type(None))) else type(result).__name__, made.outcome()]

        return f"record.{name}", call

    def mended(f: Fresh) -> Any:
        made = f.record(f.tags(), (f.whole, -1))
        made.measure_int_put(f.whole, 1)
        made.record(f.tags())

    def again(f: Fresh) -> Any:
        made = f.record(f.tags(a="1"), (f.whole, 1))
        made.record(f.tags(a="2"))
        made.measure_int_put(f.whole, 7)
        made.record(f.tags(a="1"))

    yield case("nothing", lambda _: None)
    yield case("one", lambda f: f.record(f.tags(a="1", b="2"), (f.whole, 5)))
    yield case("fraction", lambda f: f.record(f.tags(a="1", b="2"), (f.broken, 0.1)))
    yield case("both", lambda f: f.record(f.tags(a="1"), (f.whole, 5), (f.broken, 2.5)))
    yield case("twice-put", lambda f: f.record(None, (f.whole, 5), (f.whole, 6)))
    yield case("no-tags", lambda f: f.record(f.tags(), (f.whole, 5)))
    yield case("none-tags", lambda f: f.record(None, (f.whole, 5)))
    yield case("other-tags", lambda f: f.record(f.tags(c="x"), (f.whole, 5)))
    yield case("unordered-tags", lambda f: [f.record(f.tags(b="2", a="1"), (f.whole, n)) and None for n in (1, 2)])
    yield case("many-series", lambda f: [f.record(f.tags(a=str(n % 3), b="x"), (f.broken, n / 7)) and None for n in range(20)])
    yield case("zero", lambda f: f.record(f.tags(), (f.whole, 0), (f.broken, 0.0)))
    yield case("float-in-int", lambda f: f.record(f.tags(), (f.whole, 1.5)))
    yield case("int-in-float", lambda f: f.record(f.tags(), (f.broken, 2)))
    yield case("bool", lambda f: f.record(f.tags(), (f.whole, True)))
    yield case("huge", lambda f: f.record(f.tags(), (f.whole, 2**80)))
    yield case("infinite", lambda f: f.record(f.tags(), (f.broken, float("inf"))))
    yield case("not-a-number", lambda f: f.record(f.tags(), (f.broken, float("nan"))))
    yield case("negative", lambda f: f.record(f.tags(), (f.whole, -1), (f.broken, 2.5)))
    yield case("negative-behind", lambda f: f.record(f.tags(), (f.broken, 2.5), (f.whole, -1)))
    yield case("negative-again", lambda f: [f.record(f.tags(), (f.whole, -1)).record(f.tags())])
    yield case("negative-mended", mended)
    yield case("text", lambda f: f.record(f.tags(), (f.whole, "5")))
    yield case("none-value", lambda f: f.record(f.tags(), (f.whole, None)))
    yield case("empty-map", lambda f: f.record(f.tags()))
    yield case("unknown-measure", lambda f: f.record(f.tags(), (f.measure.MeasureInt("x", "d"), 5)))
    yield case("unknown-measure-first", lambda f: f.record(f.tags(), (f.measure.MeasureInt("x", "d"), 5), (f.whole, 5)))
    yield case("unknown-measure-last", lambda f: f.record(f.tags(), (f.whole, 5), (f.measure.MeasureInt("x", "d"), 5)))
    yield case("same-name-measure", lambda f: f.record(f.tags(), (f.measure.MeasureInt("whole", "another"), 5)))
    yield case("again", again)
    yield case("dict-tags", lambda f: f.record({"a": "1"}, (f.whole, 5)))
    yield case("attachments", lambda f: f.record(f.tags(), (f.broken, 1.5), trace="1").attachments["trace"])
    yield case("attachment-number", lambda f: f.record(f.tags(), (f.broken, 1.5), trace=1))
    yield case("attachment-none", lambda f: f.record(f.tags(), (f.broken, 1.5), trace=None))
    yield case("direct", lambda f: f.map.record(f.tags(a="x"), {f.broken: 3.5}, WHEN, {"k": "v"}))
    yield case("direct.no-attachments", lambda f: f.map.record(f.tags(a="x"), {f.broken: 3.5}, WHEN))
    yield case("direct.none", lambda f: f.map.record(None, {f.whole: 3, f.broken: 1}, WHEN))
    yield case("direct.negative", lambda f: f.map.record(None, {f.whole: -3}, WHEN))
    yield case("direct.bad-attachment", lambda f: f.map.record(None, {f.broken: 3}, WHEN, {"k": 1}))
    yield case("direct.empty", lambda f: f.map.record(None, {}, WHEN))
    yield case("direct.text", lambda f: f.map.record(None, {f.whole: "x"}, WHEN))

    def in_context() -> Any:
        f, slot = fresh(), module("tags").TagContext
        f.all_views()
        slot.set(f.tags(a="from the context"))
        f.record(None, (f.whole, 5))
        f.record(f.tags(a="given"), (f.whole, 6))
        slot.clear()
        f.record(None, (f.whole, 7))
        return f.outcome()

    yield "record.context", in_context

    def parts() -> Any:
        f = fresh()
        made = f.recorder.new_measurement_map()
        before = [made.measurement_map, made.attachments, made.measure_to_view_map is f.map]
        made.measure_float_put(f.broken, 1.5)
        made.measure_put_attachment("k", "v")
        made.measure_put_attachment("k", "w")
        return [before, list(made.measurement_map.values()), made.attachments]

    yield "record.parts", parts
    yield "record.attachments-given", lambda: module("stats.measurement_map").MeasurementMap(None, attachments={"k": "v"}).attachments
    for name, key, value in [("none", None, "v"), ("number", 5, "v"), ("no-value", "k", None), ("number-value", "k", 5), ("empty", "", "")]:
        yield f"record.attachment.{name}", lambda k=key, v=value: fresh().recorder.new_measurement_map().measure_put_attachment(k, v)

    def documentation() -> Any:
        """The counter that the product's documentation prints."""
        f = fresh()
        prompts = f.measure.MeasureInt("prompts", "number of prompts", "prompts")
        f.view("prompt view", prompts, f.aggregation.CountAggregation(), [])
        printed = []
        for _ in range(4):
            f.record(f.tag_map(), (prompts, 1))
            metrics = list(f.map.get_metrics(NOW))
            printed.append(repr(metrics[0].time_series[0].points[0]))
        return printed

    yield "record.documentation", documentation


def views(module: Module) -> Iterator[Case]:
    """Registering views and exporters, and reading."""
    fresh = lambda: Fresh(module)  # noqa: E731 -- a name for what every case starts with

    def case(name: str, act: Callable[[Fresh], Any]) -> Case:
        return f"views.{name}", lambda: act(fresh())

    def count(f: Fresh) -> Any:
        return f.aggregation.CountAggregation()

    def again(f: Fresh) -> Any:
        made = f.view("v", f.whole, count(f))
        f.manager.register_view(made)
        f.record(f.tags(), (f.whole, 1))
        return [f.outcome(), f.manager.get_view("v").view is made]

    def same_name(f: Fresh) -> Any:
        first, second = f.view("v", f.whole, count(f)), f.view("v", f.whole, f.aggregation.SumAggregation())
        f.record(f.tags(), (f.whole, 5))
        return [f.outcome(), f.manager.get_view("v").view is first, f.manager.get_view("v").view is second]

    def same_name_other_measure(f: Fresh) -> Any:
        f.view("v", f.whole, count(f))
        second = f.view("v", f.broken, count(f))
        f.record(f.tags(), (f.whole, 5), (f.broken, 1))
        return [f.outcome(), f.manager.get_view("v").view is second]

    def same_measure_name(f: Fresh) -> Any:
        other = f.measure.MeasureFloat("whole", "another", "s")
        f.view("v", f.whole, count(f))
        f.view("w", other, count(f))
        f.record(f.tags(), (other, 5))
        f.record(f.tags(), (f.whole, 5))
        return f.outcome()

    def late(f: Fresh) -> Any:
        f.view("v", f.whole, count(f))
        f.record(f.tags(), (f.whole, 5))
        f.view("w", f.whole, count(f))
        f.record(f.tags(), (f.whole, 5))
        return f.outcome()

    def snapshot(f: Fresh) -> Any:
        f.view("v", f.whole, count(f))
        f.record(f.tags(a="1"), (f.whole, 5))
        before = f.manager.get_view("v")
        f.record(f.tags(a="1"), (f.whole, 5))
        f.record(f.tags(a="2"), (f.whole, 5))
        return [shown_view_data(before), shown_view_data(f.manager.get_view("v")), before.end_time == before.start_time]

    def own_view(f: Fresh) -> Any:
        class Gauge(f.view_class):
            """As Ray has it: a view that holds a view, and never calls its base."""

            def __init__(self) -> None:
                self._measure = f.broken
                self._view = f.view_class("gauge", "d", ["a"], f.broken, f.aggregation.LastValueAggregation())

            @property
            def view(self) -> Any:
                return self._view

            @property
            def name(self) -> str:
                return self._view.name

        gauge = Gauge()
        if not f.manager.get_view(gauge.name):
            f.manager.register_view(gauge.view)
        f.record(f.tags(a="x"), (f.manager.get_view(gauge.name).view.measure, 2.5))
        return f.outcome()

    def own_aggregation(f: Fresh) -> Any:
        class Greatest:
            def __init__(self) -> None:
                self.greatest = 0

            def __repr__(self) -> str:
                return f"Greatest({self.greatest})"

            def add_sample(self, value: Any, timestamp: Any, attachments: Any) -> None:
                self.greatest = max(self.greatest, value)

            def to_point(self, timestamp: Any) -> Any:
                return module("metrics.export.point").Point(module("metrics.export.value").ValueLong(self.greatest), timestamp)

        class GreatestAggregation:
            def new_aggregation_data(self, measure: Any) -> Any:
                return Greatest()

            def get_metric_type(self, measure: Any) -> int:
                return 1

        f.view("v", f.whole, GreatestAggregation())
        for n in (3, 9, 4):
            f.record(f.tags(), (f.whole, n))
        return f.outcome()

    def bad_measure(f: Fresh) -> Any:
        base = f.measure.BaseMeasure("base", "d")
        f.view("v", base, f.aggregation.SumAggregation())
        f.view("w", base, count(f))
        return f.record(f.tags(), (base, 5)) and f.outcome()

    def tuple_boundaries(f: Fresh) -> Any:
        f.view("v", f.whole, f.aggregation.DistributionAggregation((1, 2)))
        return f.record(f.tags(), (f.whole, 1)) and f.outcome()

    def columns(f: Fresh) -> Any:
        f.view("none", f.whole, count(f), [])
        f.view("one", f.whole, count(f), ["a"])
        f.view("key", f.whole, count(f), [module("tags.tag_key").TagKey("b")])
        f.view("twice", f.whole, count(f), ("a", "a"))
        f.record(f.tags(a="1", b="2"), (f.whole, 1))
        f.record(f.tags(b=""), (f.whole, 1))
        return f.outcome()

    for name, act in [
        ("again", again), ("same-name", same_name), ("same-name-other-measure", same_name_other_measure), ("same-measure-name", same_measure_name),
        ("late", late), ("snapshot", snapshot), ("own-view", own_view), ("own-aggregation", own_aggregation), ("bad-measure", bad_measure),
        ("tuple-boundaries", tuple_boundaries), ("columns", columns),
    ]:  # fmt: skip
        yield case(name, act)
    yield case("unknown", lambda f: f.manager.get_view("missing"))
    yield case(
        "exported", lambda f: [f.manager.get_all_exported_views(), f.view("v", f.whole, count(f)).name, f.manager.get_all_exported_views()]
    )
    yield case("filtered", lambda f: [f.map.filter_exported_views(["v", "v"]), f.map.filter_exported_views([])])
    yield case("no-view", lambda f: f.manager.register_view(None))
    yield case("lazy", lambda f: hasattr(f.map.get_metrics(NOW), "__next__"))
    yield case("shared", lambda f: [f.recorder.measure_to_view_map is f.map, f.map.exporters, f.map.exported_views])

    def exported(*exporters: Any) -> Callable[[Fresh], Any]:
        def act(f: Fresh) -> Any:
            for exporter in exporters:
                f.manager.register_exporter(exporter)
            f.view("v", f.whole, count(f))
            f.view("w", f.broken, f.aggregation.DistributionAggregation([1]), ["a"])
            f.record(f.tags(a="1"), (f.whole, 1))
            f.record(f.tags(a="2"), (f.whole, 1), (f.broken, 2.5))
            return [getattr(exporter, "told", None) for exporter in exporters] + [f.outcome()]

        return act

    yield case("exporter", exported(Telling()))
    yield case("exporters", exported(Telling(), Telling()))
    yield case("exporter.without-methods", exported(object(), Telling()))
    yield case("exporter.attribute-error", exported(Raising(AttributeError("x")), Telling()))
    yield case("exporter.raises", exported(Raising(OSError("x")), Telling()))
    yield case("exporter.base", exported(module("stats.base_exporter").StatsExporter()))
    yield case("exporter.base.emit", lambda _: module("stats.base_exporter").StatsExporter().emit([]))

    def registered_again(f: Fresh) -> Any:
        telling = Telling()
        view = f.view("v", f.whole, count(f))
        f.manager.register_exporter(telling)
        f.manager.register_view(view)
        f.record(f.tags(), (f.whole, 1))
        f.manager.unregister_exporter(telling)
        f.record(f.tags(), (f.whole, 1))
        f.manager.register_view(view)
        return [telling.told, f.map.exporters]

    def direct_export(f: Fresh) -> Any:
        telling = Telling()
        f.map.exporters.append(telling)
        data = module("stats.view_data").ViewData(f.view("v", f.whole, count(f)), START, WHEN)
        f.map.export([data])
        return telling.told

    yield case("exporter.again", registered_again)
    yield case("exporter.direct", direct_export)
    yield case("exporter.unknown", lambda f: f.manager.unregister_exporter(Telling()))

    data, utils = module("stats.view_data").ViewData, module("stats.metric_utils")

    def view_data(f: Fresh) -> Any:
        made = data(view=f.view("v", f.whole, count(f)), start_time=START, end_time=WHEN)
        made.record(f.tags(a="1"), 5, WHEN)
        made.record(context=None, value=5, timestamp=WHEN, attachments={"k": "v"})
        times = [made.start_time, made.end_time]
        made.start()
        made.end()
        return [
            times,
            shown_view_data(data(made.view, START, WHEN)),
            made.start_time != START,
            made.end_time != WHEN,
            len(made.tag_value_aggregation_data_map),
        ]

    yield case("data", view_data)
    for number, (given, wanted) in enumerate(
        [({}, []), ({}, ["a"]), ({"a": "1"}, ["a", "b"]), ({"a": "1", "b": None}, ("b", "a")), ({"a": 1}, ["a", "a"])]
    ):
        yield f"views.tag-values.{number}", lambda g=given, w=wanted: data(None, START, WHEN).get_tag_values(g, w)
        yield f"views.tag-values.{number}.keywords", lambda g=given, w=wanted: data(None, START, WHEN).get_tag_values(tags=g, columns=w)
    for kind in (None, 0, 1, 2, 3, 4, 5, 6, 7, 8, "1"):
        yield f"views.gauge.{kind!r}", lambda k=kind: utils.is_gauge(k)
    yield (
        "views.labels",
        lambda: [repr(utils.get_label_values([])), repr(utils.get_label_values(["a", None])), repr(utils.get_label_values(iter("ab")))],
    )

    def converted(f: Fresh) -> Any:
        made = data(f.view("v", f.broken, f.aggregation.DistributionAggregation([1])), NOW, NOW)
        empty = utils.view_data_to_metric(made, NOW)
        made.record(f.tags(a="1"), 5, WHEN, {"k": "v"})
        return [empty, shown_metrics([utils.view_data_to_metric(made, NOW)])]

    yield case("converted", converted)

    def of_the_process(f: Fresh) -> Any:
        stats = module("stats.stats").stats
        return [
            type(stats).__name__, isinstance(stats, module("metrics.export.metric_producer").MetricProducer), list(stats.get_metrics()),
            stats.stats_recorder.measure_to_view_map is stats.view_manager.measure_to_view_map, hasattr(stats.get_metrics(), "__next__"),
        ]  # fmt: skip

    yield case("of-the-process", of_the_process)

    def contexts(f: Fresh) -> Any:
        context = module("stats.execution_context")
        context.clear()
        none = context.get_measure_to_view_map()
        manager = module("stats.view_manager").ViewManager()
        same = module("stats.stats_recorder").StatsRecorder().measure_to_view_map is manager.measure_to_view_map
        context.set_measure_to_view_map("other")
        taken = module("stats.view_manager").ViewManager().measure_to_view_map
        context.clear()
        return [none, same, taken, context.get_measure_to_view_map()]

    yield case("contexts", contexts)
