"""The one module that knows the SDK's log names, on whichever release is installed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from appinsights_exporter import _sdk_logs as sdk
from appinsights_exporter.testing import START_NS


class Kept(sdk.LogRecordProcessor):
    """Keeps what it is given."""

    def __init__(self):
        self.data = []

    def on_emit(self, log_record):
        """Keep the data."""
        self.data.append(log_record)


class KeptBatches(sdk.LogRecordExporter):
    """Keeps the batches that it is given."""

    def __init__(self):
        self.batches = []
        self.is_shut_down = False

    def export(self, batch):
        """Keep the batch."""
        self.batches.append(list(batch))
        return sdk.LogRecordExportResult.SUCCESS

    def shutdown(self):
        """Note the call."""
        self.is_shut_down = True

    def force_flush(self, timeout_millis=30000):
        """Return True."""
        return True


@pytest.fixture
def other_span():
    """Another span is current than that of the records."""
    token = context.attach(trace.set_span_in_context(NonRecordingSpan(SpanContext(7, 8, False, TraceFlags(1)))))
    yield
    context.detach(token)


def emitted(resource=None, **fields):
    """Emit a record through a provider and return what its processor got."""
    provider = sdk.new_provider(resource, shutdown_on_exit=False)
    kept = Kept()
    provider.add_log_record_processor(kept)
    sdk.emit(provider.get_logger("lib"), sdk.new_record(timestamp_ns=START_NS, **fields))
    provider.shutdown()
    [data] = kept.data
    return data


@pytest.mark.usefixtures("other_span")
def test_a_record_is_as_it_was_made():
    """All fields arrive, with the provider's resource and the logger's scope, whatever span is current."""
    resource = Resource({"service.name": "shop"})
    data = emitted(
        resource,
        trace_id=1,
        span_id=2,
        trace_flags=TraceFlags(1),
        severity_number=sdk.SeverityNumber.WARN,
        severity_text="WARNING",
        body={"a": [1]},
        attributes={"k": "v", "n": 3},
    )
    record = sdk.record_of(data)
    assert (record.timestamp, record.observed_timestamp) == (START_NS, START_NS)
    assert (record.trace_id, record.span_id, record.trace_flags) == (1, 2, 1)
    assert (record.severity_number, record.severity_text, record.body) == (sdk.SeverityNumber.WARN, "WARNING", {"a": [1]})
    assert dict(record.attributes) == {"k": "v", "n": 3}
    assert sdk.resource_of(data).attributes["service.name"] == "shop"
    assert sdk.scope_of(data).name == "lib"


@pytest.mark.usefixtures("other_span")
def test_no_trace_is_no_trace():
    """A record without ids gets none from the current span."""
    record = sdk.record_of(emitted())
    assert (record.trace_id, record.span_id, record.trace_flags) == (0, 0, 0)


def test_many_attributes():
    """Neither our providers nor records that pass no provider stop at the SDK's 128 attributes."""
    attributes = {f"k{number}": number for number in range(300)}
    assert len(sdk.record_of(emitted(attributes=attributes)).attributes) == 300
    direct = sdk.new_data(sdk.new_record(timestamp_ns=1, attributes=attributes), Resource.get_empty(), None)
    assert len(sdk.record_of(direct).attributes) == 300


def test_the_batch_processor():
    """It takes the same options and the same method in all releases, keeps the order, and hands the data on with resource and scope."""
    exporter = KeptBatches()
    processor = sdk.BatchLogRecordProcessor(exporter, schedule_delay_millis=60_000, max_export_batch_size=2, max_queue_size=10)
    scope = InstrumentationScope("lib")
    for body in "abc":
        processor.on_emit(sdk.new_data(sdk.new_record(timestamp_ns=1, body=body), Resource({"r": body}), scope))
    assert processor.force_flush() is True
    processor.shutdown()
    data = [one for batch in exporter.batches for one in batch]
    assert [len(batch) for batch in exporter.batches] == [2, 1]
    assert [sdk.record_of(one).body for one in data] == ["a", "b", "c"]
    assert [sdk.resource_of(one).attributes["r"] for one in data] == ["a", "b", "c"]
    assert all(sdk.scope_of(one) is scope for one in data)
    assert exporter.is_shut_down


def test_one_more_attribute_travels_with_a_record():
    """What is set on a record, as envelopes that it brings, passes the batch processor."""
    exporter = KeptBatches()
    processor = sdk.BatchLogRecordProcessor(exporter, schedule_delay_millis=60_000)
    record = sdk.new_record(timestamp_ns=1)
    record.to_envelopes = list
    processor.on_emit(sdk.new_data(record, Resource.get_empty(), None))
    processor.shutdown()
    [[data]] = exporter.batches
    assert sdk.record_of(data).to_envelopes is list


@pytest.mark.parametrize(
    "options", [{"max_queue_size": 0}, {"schedule_delay_millis": -1}, {"max_export_batch_size": 9, "max_queue_size": 8}]
)
def test_bad_batching(options):
    """The SDK refuses what cannot work."""
    with pytest.raises(ValueError, match=r"must be"):
        sdk.BatchLogRecordProcessor(KeptBatches(), **options)


def test_processors_may_change_attributes():
    """What a processor adds to a record is seen by those after it."""

    class Adds(sdk.LogRecordProcessor):
        def on_emit(self, log_record):
            sdk.record_of(log_record).attributes["added"] = True

    provider = sdk.new_provider(shutdown_on_exit=False)
    kept, adds = Kept(), Adds()
    provider.add_log_record_processor(adds)
    provider.add_log_record_processor(kept)
    sdk.emit(provider.get_logger("lib"), sdk.new_record(timestamp_ns=1))
    assert dict(sdk.record_of(kept.data[0]).attributes) == {"added": True}
    assert adds.force_flush() is True


def test_a_disabled_sdk(monkeypatch):
    """Where the SDK is switched off, records go nowhere and nothing raises."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    provider = sdk.new_provider(shutdown_on_exit=False)
    kept = Kept()
    provider.add_log_record_processor(kept)
    sdk.emit(provider.get_logger("lib"), sdk.new_record(timestamp_ns=1))
    assert kept.data == []


def test_no_provider_is_none():
    """Before anybody sets one, the API's stand-in is not taken for a provider of the application's."""
    program = "from appinsights_exporter import _sdk_logs; print(_sdk_logs.global_provider())"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (answer.stdout, answer.stderr) == ("None\n", "")


SOURCE = Path(sdk.__file__).parent
ALLOWED = {
    "_sdk_logs.py": {"opentelemetry._logs", "opentelemetry.sdk._logs", "opentelemetry.sdk._logs.export"},
    # Fields of spans, read where they hold what the public properties return.
    "ended.py": {
        "_attributes",
        "_description",
        "_dict",
        "_dq",
        "_end_time",
        "_events",
        "_instrumentation_scope",
        "_kind",
        "_links",
        "_parent",
        "_start_time",
        "_status",
    },
    # What the facade's aggregation notes on OpenCensus's distributions.
    "legacy_metrics.py": {"_min", "_max"},
    # Whether this thread holds the lock of the standard library's logging.
    "notices.py": {"_is_owned"},
}
"""File -> private names of others that it reads."""


def _own_names(trees):
    """Yield the names that the package gives to things itself."""
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield node.name
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) in {"self", "cls"}:
                yield node.attr
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, ast.alias):
                yield node.asname or node.name


def _private_names(tree):
    """Yield the private names that a module reads of anything."""
    for node in ast.walk(tree):
        name = None
        if isinstance(node, ast.Attribute):
            name = node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"getattr", "hasattr", "setattr", "delattr"}:
            name = getattr(node.args[1], "value", None)
        elif isinstance(node, ast.ImportFrom) and not node.level and "._" in f"{node.module}":
            yield node.module
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module" and isinstance(node.args[0], ast.Constant):
            name = node.args[0].value
        if isinstance(name, str) and re.search(r"(^|\.)_[a-z]", name):
            yield name


def test_private_names_of_others_stand_in_one_file():
    """A release that renames a private name is answered in one file: of logs in `_sdk_logs.py`, of spans in `ended.py`."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")}
    # A named tuple's methods begin so to be no fields, os._exit to be no exit(); they are documented.
    own = {*_own_names(trees.values()), "_replace", "_asdict", "_fields", "_make", "_exit"}
    read = {path.name: set(_private_names(tree)) - own for path, tree in trees.items()}
    assert {name: names for name, names in read.items() if names} == ALLOWED


def test_an_unknown_release_says_what_it_needs():
    """A release without the names ends the import with the range of those that have them, and traces still work."""
    program = """
    import opentelemetry.sdk._logs.export
    import opentelemetry.sdk._logs as logs
    for name in [name for name in vars(logs) if name.endswith(("LogRecord", "LogData"))]:
        del vars(logs)[name]
    import appinsights_exporter.exporters
    try:
        import appinsights_exporter.log_exporter
    except ImportError as error:
        print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert "opentelemetry-sdk >=1.28,<2;" in done.stdout
    assert "LogData" in done.stdout
