"""Nothing that a program has made is remembered after a reset: every module-level store is as it was when its module was loaded."""

from __future__ import annotations

import json

PROGRAM = '''
import collections, gc, importlib, json, logging, os, pkgutil, sys, types, weakref

import opencensus_compat

# Older releases of OpenTelemetry do less, which is reported.
logging.getLogger("opencensus_compat").setLevel(logging.ERROR)

APART = tuple(f"opencensus_compat.{name}" for name in ("local", "_pyinstaller", "_run", "_cli", "__main__"))
for found in pkgutil.walk_packages(opencensus_compat.__path__, "opencensus_compat."):
    if not found.name.startswith(APART):
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            assert not error.name.startswith("opencensus_compat"), error  # a library that an integration is for

STORES = (dict, list, set, collections.deque)


def held(store):
    """Return how much a store keeps alive."""
    values = list(store.values() if isinstance(store, dict) else store)
    return len([value for value in values if not isinstance(value, weakref.ref)])


def stores(name, value, depth=0):
    """Yield the stores that a value is or has, of this package's."""
    if value is sys.modules:
        return
    if isinstance(value, STORES):
        yield name, held(value)
    elif type(value).__module__.startswith("opencensus_compat") and depth < 4:
        for field, inner in list(getattr(value, "__dict__", {}).items()):
            yield from stores(f"{name}.{field}", inner, depth + 1)


def snapshot():
    """Return the stores of all modules and their classes -> how much each keeps alive."""
    made = {}
    for module in [module for name, module in list(sys.modules.items()) if name.startswith("opencensus_compat") and not name.startswith(APART)]:
        for field, value in list(vars(module).items()):
            if field.startswith("__") or isinstance(value, types.ModuleType):
                continue
            if isinstance(value, type):
                inner = vars(value).items() if value.__module__ == module.__name__ else ()
                made.update(found for key, each in inner if not key.startswith("__") for found in stores(f"{module.__name__}.{field}.{key}", each))
            else:
                made.update(stores(f"{module.__name__}.{field}", value))
    return made


before = snapshot()

from opentelemetry import trace as otel_trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.metrics.export.gauge import LongGauge, Registry
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags import tag_key, tag_map, tag_value
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOnSampler, ProbabilitySampler
from opencensus.trace.tracer import Tracer

os.environ["OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM"] = "1"
registry = Registry()  # its metrics are exported as long as somebody holds it


def program(connection):
    opencensus_compat.configure(
        meter_provider=MeterProvider([InMemoryMetricReader()]), one_trace_per_tracer=True, adopt_providers=True, send="direct"
    )
    config_integration.trace_integrations(["httplib", "logging", "requests", "threading"])
    tracer = Tracer(exporter=AzureExporter(connection_string=connection), sampler=AlwaysOnSampler())
    with tracer.span("outer"):
        with otel_trace.get_tracer("native").start_as_current_span("inner"):
            execution_context.get_current_span().add_attribute("key", "value")
        with tracer.span("last"):
            pass
    Tracer(sampler=ProbabilitySampler(0.0)).span("unsampled").finish()
    log = logging.getLogger("program")
    log.setLevel(logging.INFO)
    for handler in (AzureLogHandler(connection_string=connection), AzureEventHandler(connection_string=connection)):
        log.addHandler(handler)
    log.warning("text %s", 1, extra={"custom_dimensions": {"key": "value"}})
    try:
        raise ValueError("raised")
    except ValueError:
        log.exception("caught")
    counted = measure.MeasureInt("counted", "what", "1")
    stats.stats.view_manager.register_view(
        view.View("counts", "what", [tag_key.TagKey("key")], counted, aggregation.CountAggregation())
    )
    stats.stats.view_manager.register_view(
        view.View("spread", "what", [], counted, aggregation.DistributionAggregation([1.0]))
    )
    tags = tag_map.TagMap()
    tags.insert(tag_key.TagKey("key"), tag_value.TagValue("value"))
    recorded = stats.stats.stats_recorder.new_measurement_map()
    recorded.measure_int_put(counted, 1)
    recorded.record(tags)
    gauge = LongGauge("gauge", "what", "1", [])
    gauge.get_or_create_time_series([]).set(1)
    registry.add_gauge(gauge)
    exporter = metrics_exporter.new_metrics_exporter(connection_string=connection, export_interval=3600.0)
    stats.stats.view_manager.register_exporter(exporter)
    other = metrics_exporter.MetricsExporter(connection_string=connection)
    metrics_exporter.transport.get_exporter_thread([registry], other, interval=3600.0)
    assert opencensus_compat.flush()
    execution_context.clean()
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()


program(os.environ["CONNECTION"])
used = snapshot()

from opencensus_compat._bridge.providers.lifecycle import reset

reset()
gc.collect()
after = snapshot()
print(json.dumps({
    "used": len([name for name in used if used[name] != before.get(name, 0)]),
    "left": {name: [before.get(name, 0), found] for name, found in after.items() if found != before.get(name, 0)},
}))
'''


def test_a_reset_empties_every_store(run_program, endpoint):
    """After a program has used every signal, a reset leaves each store of each module as it was when the module was loaded."""
    connection = f"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint={endpoint.url}"
    found = json.loads(run_program(PROGRAM, CONNECTION=connection).splitlines()[-1])
    assert found["left"] == {}
    assert found["used"] > 20
