"""Calls into `opencensus.metrics` and the standard metrics, for `pure_calls.py`.

Every function yields names of calls and the calls; its argument returns a module of the package under test.
"""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import traceback
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Case = tuple[str, Callable[[], Any]]
    Module = Callable[[str], Any]

NOW = datetime(2024, 9, 30, 9, 0, 0, 5)  # noqa: DTZ001 -- OpenCensus's times have no zone
EARLIER = datetime(2024, 9, 30, 8)  # noqa: DTZ001 -- the same


MESSAGES: list[str] = []
"""What was raised by calls said."""


def note(error: Exception) -> str:
    """Note what an error says, nothing for one that the interpreter itself raises, and return its name."""
    is_own = traceback.extract_tb(error.__traceback__)[-1].line.startswith("raise")
    # A KeyError puts its text in quotes.
    MESSAGES.append(" ".join(map(str, error.args)) if is_own else "")
    return type(error).__name__


def attempt(call: Callable[[], Any]) -> Any:
    """Return what a call gives back, or the name of what it raises."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 -- the exceptions are what is compared
        return note(error)


def shown(value: Any, names: str) -> list[Any]:
    """Return properties of an object by name, texts of those that are objects themselves."""
    return [[name, attempt(lambda n=name: getattr(value, n))] for name in names.split()]


def shown_metric(metric: Any) -> Any:
    """Return a metric with all it holds."""
    if metric is None:
        return None
    described = metric.descriptor
    series = [
        [
            [None if label is None else label.value for label in item.label_values],
            str(item.start_timestamp),
            [
                [repr(point), type(point.value).__name__, getattr(point.value, "value", None), point.timestamp == NOW]
                for point in item.points
            ],
        ]
        for item in metric.time_series
    ]
    return [described.name, described.description, described.unit, described.type, [key.key for key in described.label_keys], series]


def shown_gauge(gauge: Any) -> list[Any]:
    """Return the text of a gauge and its numbers. Releases of Python write the dict of numbers in different ways."""
    return [repr(gauge).partition("OrderedDict(")[0], [repr(item) for item in gauge.points.items()]]


def metrics_values(module: Module) -> Iterator[Case]:
    """What exporters of metrics receive."""
    label_key, label_value = module("metrics.label_key").LabelKey, module("metrics.label_value").LabelValue
    values, points = module("metrics.export.value"), module("metrics.export.point")
    series, metrics = module("metrics.export.time_series"), module("metrics.export.metric")
    descriptors, summaries = module("metrics.export.metric_descriptor"), module("metrics.export.summary")
    kinds = descriptors.MetricDescriptorType

    for name, args in [("both", ("k", "what")), ("empty", ("k", "")), ("none", (None, None)), ("number", (5, 6))]:
        yield f"label.key.{name}", lambda a=args: [repr(label_key(*a)), shown(label_key(*a), "key description")]
    for name, value in [("text", "v"), ("none", None), ("number", 5), ("list", [1])]:
        yield f"label.value.{name}", lambda v=value: [repr(label_value(v)), label_value(v).value, label_value(v) == label_value(v)]
        yield f"label.value.{name}.hash", lambda v=value: hash(label_value(v)) == hash(v)
    yield (
        "label.value.default",
        lambda: [repr(label_value()), label_value() == label_value(None), label_value("a") == "a", {label_value("a"): 1}[label_value("a")]],
    )
    yield "label.value.immutable", lambda: setattr(label_value("a"), "value", "b")
    yield "label.value.pickled", lambda: pickle.loads(pickle.dumps(label_value("a"))) == label_value("a")

    for cls in ("ValueDouble", "ValueLong", "ValueSummary", "Bucket"):
        for value in (0, 5, 2.5, None, "text", True):
            yield (
                f"value.{cls}.{value}",
                lambda c=cls, v=value: [repr(getattr(values, c)(v)), shown(getattr(values, c)(v), "value count exemplar")],
            )
    yield "value.immutable", lambda: setattr(values.ValueLong(1), "value", 2)
    yield "value.equal", lambda: values.ValueLong(1) == values.ValueLong(1)
    yield "value.copied", lambda: copy.copy(values.ValueLong(1)).value
    yield "exemplar", lambda: [e := values.Exemplar(1.5, "t", {"k": "v"}), repr(e), shown(e, "value timestamp attachments")][1:]
    yield "bucket.exemplar", lambda: shown(values.Bucket(1, values.Exemplar(1.5, "t", None)).exemplar, "value timestamp attachments")
    bounds: list[tuple[str, Any]] = [
        ("two", [1, 2.5]), ("none", None), ("empty", []), ("zero", [0, 1]), ("negative", [-1, 1]), ("twice", [1, 1]), ("falling", [2, 1]),
        ("tuple", (1, 2)), ("texts", ["a", "b"]), ("mixed", [1, "b"]),
    ]  # fmt: skip
    for name, given in bounds:
        yield f"explicit.{name}", lambda g=given: [e := values.Explicit(g), e.bounds, e.bounds is e.bounds][1:]
    yield "bucket-options", lambda: [repr(values.BucketOptions()), values.BucketOptions().type_, values.BucketOptions(5).type_]

    def distribution(*args: Any, bounds: Any = (), buckets: Any = ()) -> Any:
        explicit = values.Explicit(list(bounds)) if bounds else None
        made = values.ValueDistribution(
            *args, values.BucketOptions(explicit), None if buckets is None else [values.Bucket(count) for count in buckets]
        )
        return [repr(made), shown(made, "count sum sum_of_squared_deviation buckets"), made.bucket_options.type_ is explicit]

    for name, args, options in [
        ("plain", (3, 7.5, 2.0), {"buckets": None}), ("empty", (0, 0, 0), {"buckets": None}), ("negative", (-1, 0, 0), {"buckets": None}),
        ("sum-of-none", (0, 1, 0), {"buckets": None}), ("deviation-of-none", (0, 0, 1), {"buckets": None}), ("text", ("a", 0, 0), {}),
        ("buckets-without-bounds", (3, 7.5, 2.0), {"buckets": [3]}), ("no-buckets", (3, 7.5, 2.0), {"bounds": [1], "buckets": None}),
        ("few-buckets", (3, 7.5, 2.0), {"bounds": [1, 2], "buckets": [3]}), ("other-count", (3, 7.5, 2.0), {"bounds": [1], "buckets": [1, 1]}),
    ]:  # fmt: skip
        yield f"distribution.{name}", lambda a=args, o=options: distribution(*a, **o)
    yield "distribution.buckets", lambda: [
        d := values.ValueDistribution(3, 7.5, 2.0, values.BucketOptions(values.Explicit([1, 2])), [values.Bucket(n) for n in (1, 0, 2)]),
        repr(d), [bucket.count for bucket in d.buckets], d.bucket_options.type_.bounds,
    ][1:]  # fmt: skip
    yield "distribution.no-options", lambda: values.ValueDistribution(1, 1, 0, None)

    yield "point", lambda: [repr(points.Point(values.ValueLong(5), NOW)), shown(points.Point(None, None), "value timestamp")]

    def one(value: Any) -> Any:
        return series.TimeSeries([label_value("a")], [points.Point(value, NOW)], EARLIER)

    yield (
        "series",
        lambda: [repr(one(values.ValueLong(5))), shown(one(5), "start_timestamp"), len(one(5).points), one(5).label_values[0].value],
    )
    yield "series.many", lambda: repr(series.TimeSeries([label_value("a"), label_value()], [points.Point(v, NOW) for v in (1, 2)], None))
    for name, args in [
        ("no-labels", (None, [1], None)),
        ("no-points", ([], [], None)),
        ("points-none", ([], None, None)),
        ("bare", ([], [1], None)),
    ]:
        yield f"series.{name}", lambda a=args: series.TimeSeries(*a).points
    for name, value in [("same", values.ValueLong(1)), ("other", values.ValueDouble(1)), ("none", None), ("number", 5)]:
        yield f"series.check.{name}", lambda v=value: one(v).check_points_type(values.ValueLong)

    yield "kinds", lambda: {name: number for name, number in vars(kinds).items() if name.isupper()}
    for number in (0, 1, 2, 3, 4, 5, 6, 7, 8, None, "1", 1.0, []):
        yield f"kinds.in.{number!r}", lambda n=number: n in kinds
        yield f"kinds.class.{number!r}", lambda n=number: kinds.to_type_class(n).__name__
        yield f"descriptor.{number!r}", lambda n=number: repr(descriptors.MetricDescriptor("n", "d", "u", n, []))
    yield "descriptor", lambda: shown(descriptors.MetricDescriptor("n", "d", "u", 1, ("k",)), "name description unit type label_keys")
    for name, keys in [("none", None), ("none-inside", [label_key("a", ""), None]), ("number", 5), ("text", "ab")]:
        yield f"descriptor.keys.{name}", lambda k=keys: descriptors.MetricDescriptor("n", "d", "u", 1, k).label_keys

    def metric(kind: int, *given: Any, start: Any = EARLIER) -> Any:
        described = descriptors.MetricDescriptor("n", "d", "u", kind, [label_key("k", "")])
        return metrics.Metric(described, [series.TimeSeries([label_value("a")], [points.Point(v, NOW)], start) for v in given])

    for kind in range(1, 7):
        for value in (values.ValueLong(1), values.ValueDouble(1.5), None):
            yield f"metric.{kind}.{value}", lambda k=kind, v=value: [repr(metric(k, v)), shown_metric(metric(k, v, v))]
        yield f"metric.start.{kind}", lambda k=kind: metric(k, None, start=None)._check_start_timestamp()
        yield f"metric.started.{kind}", lambda k=kind: metric(k, None)._check_start_timestamp()
    yield "metric.empty", lambda: metric(1)
    yield "metric.no-series", lambda: metrics.Metric(descriptors.MetricDescriptor("n", "d", "u", 1, []), None)
    yield "metric.no-descriptor", lambda: metrics.Metric(None, [one(values.ValueLong(1))])

    for name, args in [
        ("both", (3, 7.5)), ("none", (None, None)), ("empty", (0, 0)), ("negative", (-1, 0)), ("negative-sum", (1, -1)), ("sum-of-none", (0, 1)),
        ("no-sum", (0, None)), ("text", ("a", 1)),
    ]:  # fmt: skip
        yield f"summary.check.{name}", lambda a=args: summaries.check_count_and_sum(*a)
        yield f"summary.{name}", lambda a=args: shown(summaries.Summary(*a, summaries.Snapshot(1, 1)), "count sum_data")
        yield f"summary.snapshot.{name}", lambda a=args: shown(summaries.Snapshot(*a), "count sum_data value_at_percentiles")
    yield "summary.no-snapshot", lambda: summaries.Summary(1, 1, None)
    for name, given in [("list", []), ("tuple", ()), ("text", "")]:
        yield f"summary.percentiles.{name}", lambda g=given: summaries.Snapshot(1, 1, g).value_at_percentiles
    for percentile, value in [(50, 1), (100, 0), (0, 1), (100.1, 1), (-1, 1), (50, -1), (None, 1), (50, None)]:
        yield f"summary.at.{percentile}.{value}", lambda p=percentile, v=value: shown(summaries.ValueAtPercentile(p, v), "percentile value")

    producers = module("metrics.export.metric_producer")
    yield "producer", lambda: producers.MetricProducer().get_metrics()

    def managed(*steps: Any) -> Any:
        manager = producers.MetricProducerManager(["a", "b", "a"])
        outcomes = [attempt(lambda n=name, v=value: getattr(manager, n)(v)) for name, value in steps]
        return [outcomes, sorted(manager.get_all()), sorted(manager.metric_producers), manager.get_all() is manager.metric_producers]

    for name, steps in [
        ("none", []), ("add", [("add", "c"), ("add", "a")]), ("remove", [("remove", "a"), ("remove", "z")]), ("add-none", [("add", None)]),
        ("remove-none", [("remove", None)]),
    ]:  # fmt: skip
        yield f"manager.{name}", lambda s=steps: managed(*s)
    yield (
        "manager.default",
        lambda: [type(producers.MetricProducerManager().get_all()).__name__, len(producers.MetricProducerManager().get_all())],
    )


def gauges(module: Module) -> Iterator[Case]:
    """Gauges and cumulatives, their numbers, and registries of them."""
    gauge, cumulative = module("metrics.export.gauge"), module("metrics.export.cumulative")
    label_key, label_value = module("metrics.label_key").LabelKey, module("metrics.label_value").LabelValue

    def values(*texts: Any) -> Any:
        return [None if text is None else label_value(text) for text in texts]

    def made(cls: Any, labels: int = 2) -> Any:
        return cls("n", "d", "u", [label_key(f"k{index}", "") for index in range(labels)])

    numbers: list[Any] = [0, 5, -3, 2.5, -2.5, True, "7", "x", None, 10**30, float("inf"), float("nan"), 1 + 2j, [1]]
    settable = [gauge.LongGauge, gauge.DoubleGauge, cumulative.LongCumulative, cumulative.DoubleCumulative]
    derived = [gauge.DerivedLongGauge, gauge.DerivedDoubleGauge, cumulative.DerivedLongCumulative, cumulative.DerivedDoubleCumulative]
    for cls in settable:
        kind = cls.__name__

        def changed(method: str, *given: Any, cls: Any = cls) -> Any:
            point = made(cls).get_or_create_time_series(values("a", "b"))
            outcomes = [attempt(lambda n=number: getattr(point, method)(n)) for number in given]
            return [outcomes, repr(point), point.value, point.get_value(), repr(point.to_point_value())]

        for number in numbers:
            yield f"gauge.{kind}.set.{number!r}", lambda c=changed, n=number: c("set", 1, n)
            yield f"gauge.{kind}.add.{number!r}", lambda c=changed, n=number: c("add", 1, n)
        yield f"gauge.{kind}.sets", lambda c=changed: c("set", 5, 3, 4, 9, 0)
        yield f"gauge.{kind}.adds", lambda c=changed: c("add", 5, -3, 0, 9)
        for name, given in [
            ("fit", values("a", "b")), ("few", values("a")), ("many", values("a", "b", "c")), ("none", None), ("none-inside", values("a", None)),
            ("empty", []), ("tuple", tuple(values("a", "b"))), ("texts", ["a", "b"]), ("number", 5),
        ]:  # fmt: skip
            yield f"gauge.{kind}.create.{name}", lambda c=cls, g=given: [p := made(c).get_or_create_time_series(g), repr(p)][1:]
            yield f"gauge.{kind}.remove.{name}", lambda c=cls, g=given: made(c).remove_time_series(g)

        def lived(cls: Any = cls) -> Any:
            it = made(cls)
            first, second = it.get_or_create_time_series(values("a", "b")), it.get_or_create_time_series(values("a", "b"))
            other, default = it.get_or_create_time_series(values("b", "a")), it.get_or_create_default_time_series()
            first.add(3), other.add(4), default.set(5)
            seen = [first is second, it.get_or_create_default_time_series() is default, shown_gauge(it), shown_metric(it.get_metric(NOW))]
            it.remove_time_series(values("b", "a"))
            it.remove_time_series(values("z", "z"))
            seen.append(shown_metric(it.get_metric(NOW)))
            it.remove_default_time_series()
            it.remove_default_time_series()
            seen.append(shown_gauge(it))
            it.clear()
            return [*seen, shown_gauge(it), it.get_metric(NOW), len(it.points), it.get_or_create_time_series(values("a", "b")) is first]

        yield f"gauge.{kind}.life", lived
        yield (
            f"gauge.{kind}.no-labels",
            lambda c=cls: [g := made(c, 0), g.get_or_create_time_series([]) is g.get_or_create_default_time_series(), shown_gauge(g)][1:],
        )
        yield (
            f"gauge.{kind}.default-values",
            lambda c=cls: [made(c).default_label_values, made(c).descriptor_type, made(c).point_type.__name__],
        )
        yield f"gauge.{kind}.keys", lambda c=cls: c("n", "d", "u", None)
        yield f"gauge.{kind}.none-key", lambda c=cls: c("n", "d", "u", [None])

    for cls in derived:
        kind = cls.__name__

        def read(*returned: Any, cls: Any = cls) -> Any:
            given = list(returned)

            def function() -> Any:
                value = given.pop(0)
                if isinstance(value, Exception):
                    raise value
                return value

            point = made(cls).create_time_series(values("a", "b"), function)
            return [attempt(point.get_value) for _ in returned]

        for number in numbers:
            yield f"gauge.{kind}.returns.{number!r}", lambda r=read, n=number: r(1, n, 2)
        for error in (TypeError("no"), ValueError("no"), ZeroDivisionError("no")):
            yield f"gauge.{kind}.raises.{type(error).__name__}", lambda r=read, e=error: r(1, e, 2)
        yield f"gauge.{kind}.falls", lambda r=read: r(5, 3, 9)

        def points(cls: Any = cls) -> Any:
            it = made(cls)
            function = lambda a=1, b=2: a + b  # noqa: E731 -- held by this name
            first = it.create_time_series(values("a", "b"), function, b=5)
            again = it.create_time_series(values("a", "b"), function, b=7)
            default = it.create_default_time_series(function)
            metric = shown_metric(it.get_metric(NOW))
            del function
            gc.collect()
            gone = [first.get_value(), first.to_point_value(), shown_metric(it.get_metric(NOW)), repr(first)]
            return [first is again, metric, default is it.create_default_time_series(print_nothing), gone]

        yield f"gauge.{kind}.life", points
        for name, args in [
            ("no-function", (values("a", "b"), None)), ("few", (values("a"), print_nothing)), ("none", (None, print_nothing)),
            ("none-inside", (values("a", None), print_nothing)), ("builtin", (values("a", "b"), len)), ("no-callable", (values("a", "b"), 5)),
        ]:  # fmt: skip
            yield f"gauge.{kind}.create.{name}", lambda c=cls, a=args: [made(c).create_time_series(*a), 1][1]
        yield f"gauge.{kind}.create-default.none", lambda c=cls: made(c).create_default_time_series(None)

    class Owner:
        def __init__(self) -> None:
            self.number = 4

        def read(self, more: int = 0) -> int:
            return self.number + more

    def method_of_object() -> Any:
        owner = Owner()
        point = made(gauge.DerivedLongGauge, 0).create_time_series([], owner.read, more=3)
        seen = [point.get_value(), repr(point.to_point_value())]
        del owner
        gc.collect()
        return [*seen, point.get_value()]

    yield "gauge.method", method_of_object
    yield "gauge.point.abstract", lambda: [attempt(gauge.GaugePoint().get_value), attempt(gauge.GaugePoint().to_point_value)]
    yield "gauge.abstract", lambda: gauge.BaseGauge("n", "d", "u", [])
    yield "gauge.list", lambda: [
        point := gauge.GaugePointLong(), point.set(3), [repr(item) for item in gauge.get_timeseries_list({(label_value("a"),): point}, NOW)]
    ][2]  # fmt: skip

    def threads(cls: Any) -> Any:
        point = made(cls).get_or_create_default_time_series()
        adders = [threading.Thread(target=lambda: [point.add(1) for _ in range(2000)]) for _ in range(4)]
        for adder in adders:
            adder.start()
        for adder in adders:
            adder.join()
        return point.get_value()

    for cls in settable:
        yield f"gauge.{cls.__name__}.threads", lambda c=cls: threads(c)

    def registered(*names: str) -> Any:
        registry = gauge.Registry()
        outcomes = []
        for name in names:
            it = gauge.LongGauge(name, "d", "u", [])
            it.get_or_create_default_time_series().set(len(name))
            outcomes.append(attempt(lambda i=it: registry.add_gauge(i)))
        metrics = registry.get_metrics()
        stamps = {point.timestamp for metric in metrics for series in metric.time_series for point in series.points}
        return [
            outcomes, repr(registry).partition("OrderedDict(")[0], type(metrics).__name__, sorted(metric.descriptor.name for metric in metrics),
            [stamp.tzinfo for stamp in stamps], sorted(registry.gauges),
        ]  # fmt: skip

    for names in ([], ["a"], ["a", "bb"], ["a", "a"]):
        yield f"registry.{names}", lambda n=names: registered(*n)
    yield "registry.none", lambda: gauge.Registry().add_gauge(None)
    yield "registry.number", lambda: gauge.Registry().add_gauge(5)
    yield (
        "registry.empty-gauge",
        lambda: [r := gauge.Registry(), r.add_gauge(made(gauge.LongGauge)), [shown_metric(m) for m in r.get_metrics()]][2],
    )
    yield "registry.failing", lambda: [
        r := gauge.Registry(), g := made(gauge.DerivedLongGauge, 0), g.create_time_series([], failing), r.add_gauge(g),
        [shown_metric(m) for m in r.get_metrics()],
    ][4]  # fmt: skip


def print_nothing() -> int:
    """A function for derived gauges that stays."""
    return 1


def failing() -> int:
    """A function for derived gauges that raises."""
    raise OSError("no")


class Producer:
    """Produces what it was given."""

    def __init__(self, *metrics: Any) -> None:
        self.metrics = metrics

    def get_metrics(self) -> Any:
        """Return it."""
        return iter(self.metrics)


class Exporter:
    """Keeps what it is handed, and lets the caller wait for it."""

    def __init__(self, execution_context: Any, fail: bool = False) -> None:
        self.execution_context = execution_context
        self.fail = fail
        self.seen: list[Any] = []
        self.called = threading.Semaphore(0)

    def export_metrics(self, metrics: Any) -> None:
        """Keep what came, and whether the exporting mark was set."""
        self.seen.append([type(metrics).__name__, list(metrics), self.execution_context.is_exporter()])
        self.called.release()
        if self.fail:
            raise OSError("no")


def metric_transport(module: Module) -> Iterator[Case]:
    """The thread that exports metrics."""
    transport, context = module("metrics.transport"), module("trace.execution_context")

    def run(*producers: Any, fail: bool = False, calls: int = 1) -> Any:
        exporter = Exporter(context, fail)
        task = transport.get_exporter_thread(list(producers), exporter, interval=0.001)
        for _ in range(calls):
            exporter.called.acquire(timeout=10)
        task.cancel()
        task.join(10)
        return [exporter.seen[0], task.name, task.daemon, task.is_alive(), type(task).__name__, task.interval, context.is_exporter()]

    yield "transport.exports", lambda: run(Producer(1, 2))
    yield "transport.two-producers", lambda: run(Producer(1), Producer(), Producer(2, 3))
    yield "transport.no-producers", run

    def loud() -> Any:
        exporter = Exporter(context, fail=True)
        producer = Producer(1)
        task = transport.PeriodicMetricTask(60, exporter.export_metrics, [producer.get_metrics()], {}, name="n")
        return [task.function(*task.args, **task.kwargs), len(exporter.seen), task.finished.is_set()]

    yield "transport.fails", loud

    def goes_on() -> Any:
        exporter = Exporter(context)
        producer = Producer(1)
        task = transport.get_exporter_thread([producer], exporter, interval=0.001)
        seen = [exporter.called.acquire(timeout=10), exporter.called.acquire(timeout=10), task.is_alive()]
        task.close()
        task.join(10)
        return [seen, task.is_alive(), task.finished.is_set(), exporter.seen[-1], context.is_exporter()]

    yield "transport.goes-on-and-closes", goes_on

    def gone(which: str) -> Any:
        kept = {"exporter": Exporter(context), "producer": Producer(1)}
        task = transport.get_exporter_thread([kept["producer"]], kept["exporter"], interval=0.05)
        del kept[which]
        gc.collect()
        task.join(10)
        return [task.is_alive(), task.finished.is_set()]

    yield "transport.no-exporter-left", lambda: gone("exporter")
    yield "transport.no-producer-left", lambda: gone("producer")

    def closed(*failures: Exception) -> Any:
        def function(*args: Any, **kwargs: Any) -> None:
            seen.append([args, kwargs, context.is_exporter()])
            for failure in failures:
                raise failure

        seen: list[Any] = []
        task = transport.PeriodicMetricTask(60, function, [1], {"k": 2}, name="n")
        task.close()
        marked = context.is_exporter()
        context.set_is_exporter(False)
        return [seen, marked, task.finished.is_set(), task.name]

    yield "transport.close", closed
    yield "transport.close.fails", lambda: closed(ValueError("no"))
    yield "transport.close.gone", lambda: closed(transport.TransportError("no"))
    yield (
        "transport.defaults",
        lambda: [t := transport.PeriodicMetricTask(function=len), t.interval, t.args, t.kwargs, t.name, t.daemon][1:],
    )
    yield "transport.named", lambda: [t := transport.PeriodicMetricTask(5, name="n"), t.interval, t.name, t.func][1:]
    yield "transport.zero", lambda: transport.PeriodicMetricTask(0).interval
    yield "transport.bad-exporter", lambda: transport.get_exporter_thread([], object())
    yield "transport.bad-producer", lambda: transport.get_exporter_thread([object()], Exporter(context))
    yield "transport.error", lambda: [issubclass(transport.TransportError, Exception), str(transport.TransportError("a"))]


def standard_metrics(module: Module) -> Iterator[Case]:
    """The gauges of the standard metrics, and the counting of requests."""
    base = "ext.azure.metrics_exporter.standard_metrics"
    standard, requests = module(base), module(f"{base}.http_requests")
    for cls in standard.STANDARD_METRICS:

        def described(cls: Any = cls) -> Any:
            gauge = cls()()
            metric = shown_metric(gauge.get_metric(NOW))
            number = metric[5][0][2][0][2]
            return [
                cls.NAME,
                type(gauge).__name__,
                metric[:5],
                metric[5][0][:2],
                type(number).__name__,
                number >= 0,
                type(cls.get_value()).__name__,
            ]

        yield f"standard.{cls.__name__}", described
    yield "standard.names", lambda: [cls.__name__ for cls in standard.STANDARD_METRICS]
    yield "standard.producer", lambda: sorted(metric.descriptor.name for metric in standard.producer.get_metrics())
    yield "standard.registry", lambda: sorted(standard.register_metrics().gauges)
    yield "standard.own-producer", lambda: sorted(standard.AzureStandardMetricsProducer().registry.gauges)

    def counted(*times: tuple[float, float]) -> Any:
        requests.requests_map.clear()
        for start, end in times:
            requests.update_request_state(start, end)
        seen = [requests.requests_map["count"], requests.requests_map["duration"]] if times else []
        first = requests.get_requests_rate()
        return [seen, first, requests.get_average_execution_time()]

    for name, times in [("none", ()), ("one", ((1, 3),)), ("two", ((1, 2), (2, 2.5)))]:
        yield f"requests.counted.{name}", lambda t=times: counted(*t)

    def averages() -> Any:
        requests.requests_map.clear()
        seen = []
        for times in [[(0, 1), (0, 3)], [(0, 0.5)], []]:
            for start, end in times:
                requests.update_request_state(start, end)
            seen.append(requests.get_average_execution_time())
            rate = requests.get_requests_rate()
            seen.append(rate > 0)
        return seen

    yield "requests.averages", averages
    yield "requests.same-time", lambda: [requests.requests_map.clear(), requests.get_requests_rate(), requests.get_requests_rate() >= 0][1:]

    def handled(failure: Exception | None = None) -> Any:
        requests.requests_map.clear()
        calls = []

        def do_GET(self: Any) -> Any:  # noqa: N802 -- the name that handlers have
            calls.append(self)
            if failure is not None:
                raise failure

        patched = requests.request_patch(do_GET)
        return [attempt(lambda: patched("handler")), calls, requests.requests_map.get("count")]

    yield "requests.handled", handled
    yield "requests.handled.raises", lambda: handled(OSError("no"))
