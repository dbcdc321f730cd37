"""A further exporter or handler of a known resource: what is not read again, and what is each one's own."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from unittest import mock

import pytest

from opencensus_compat._bridge.pipeline.destinations import _settled
from opencensus_compat._bridge.providers.lifecycle import reset
from opencensus_compat.ext.azure.common import Options, _prepared, settings_of
from opencensus_compat.ext.azure.common._prepared import MOST, VARIABLES, prepared
from opencensus_compat.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus_compat.ext.azure.log_exporter._sampling import exempt_level
from opencensus_compat.ext.azure.metrics_exporter import MetricsExporter, new_metrics_exporter
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.metrics.export.gauge import Registry
from opencensus_compat.metrics.transport import get_exporter_thread

KEY, OTHER = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-aaaaaaaaaaaa"
ENDPOINT = "IngestionEndpoint=http://127.0.0.1:9"
STRING = f"InstrumentationKey={KEY};{ENDPOINT}"
VARIABLE = "APPLICATIONINSIGHTS_CONNECTION_STRING"
KINDS = (AzureExporter, AzureLogHandler, AzureEventHandler, MetricsExporter)


@pytest.fixture(autouse=True)
def _nothing_known():
    # A program's first exporter finds nothing, and what it finds out about the environment is not known before.
    reset()
    Options(connection_string=STRING)


def _made(kind, **options):
    """Make two, the second of which finds what the first was made of, and return that."""
    for _ in range(2):
        kind(**options)
    return kind(**options)


@pytest.mark.parametrize("kind", KINDS)
def test_options_are_each_ones_own(kind):
    """Options of a further one are equal to those of the first, and a change of them is seen by nobody else."""
    last = _made(kind, connection_string=STRING, timeout=3.0)
    assert dict(last.options) == dict(Options(connection_string=STRING, timeout=3.0))
    assert type(last.options) is Options
    last.options.timeout = 4.0
    assert (last.options.timeout, kind(connection_string=STRING, timeout=3.0).options.timeout) == (4.0, 3.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_connection_string_in_the_environment(kind, monkeypatch):
    """The environment counts as it is when one is made."""
    monkeypatch.setenv(VARIABLE, STRING)
    assert _made(kind).options.instrumentation_key == KEY
    monkeypatch.setenv(VARIABLE, f"InstrumentationKey={OTHER};{ENDPOINT}")
    assert kind().options.instrumentation_key == OTHER
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(ValueError, match="Instrumentation key cannot be none"):
        kind()


def test_another_environment():
    """One that a program puts in the place of `os.environ` is read each time."""
    with mock.patch.object(os, "environ", {VARIABLE: STRING}):
        assert _made(AzureExporter).options.instrumentation_key == KEY
        os.environ[VARIABLE] = f"InstrumentationKey={OTHER};{ENDPOINT}"
        assert AzureExporter().options.instrumentation_key == OTHER


class _Read(dict):
    """An environment that notes which variables are read."""

    def __init__(self):
        super().__init__({VARIABLE: f"InstrumentationKey={KEY}"})
        self.read = set()

    def get(self, name, default=None):
        """Note a name."""
        self.read.add(name)
        return super().get(name, default)


def test_all_variables_that_count_are_compared():
    """What options and settings read of the environment is what is compared, no less."""
    environ = _Read()
    with mock.patch.object(os, "environ", environ):
        for given in ({}, {"connection_string": STRING}, {"connection_string": f"InstrumentationKey={KEY}"}, {"instrumentation_key": KEY}):
            reset()
            settings_of(Options(**given))
            exempt_level()
        reset()
        with pytest.raises(ValueError, match="none or empty"):
            environ.clear() or settings_of(Options())
    assert environ.read == set(VARIABLES)


def test_numbers_and_truths_are_told_apart():
    """True is equal to 1, and no number of seconds."""
    _made(AzureExporter, connection_string=STRING, timeout=1)
    with pytest.raises(ValueError, match="timeout: expected a number"):
        AzureExporter(connection_string=STRING, timeout=True)


def test_a_credential_is_known_by_itself():
    """Two credentials are two resources; the same one is one."""

    class Credential:
        def get_token(self, *scopes):
            raise AssertionError(scopes)

    one, two = Credential(), Credential()
    found = [_made(AzureExporter, connection_string=STRING, credential=credential)._pipeline for credential in (one, one, two)]
    assert found[0] is found[1]
    assert found[0] is not found[2]


def test_values_that_may_change_are_read_each_time():
    """A dict of proxies is read again, as it is then."""
    proxies = {"https": "http://one:1"}
    assert prepared(Options, {"connection_string": STRING, "proxies": proxies})[1].proxies == {"https": "http://one:1"}
    proxies["https"] = "http://two:2"
    assert prepared(Options, {"connection_string": STRING, "proxies": proxies})[1].proxies == {"https": "http://two:2"}


@pytest.mark.parametrize("name", ["process_options", "parse_connection_string", "utils.validate_instrumentation_key"])
def test_replaced_functions_are_called(name):
    """What a test of a program puts in the place of a function is called, also where the result is known."""
    _made(AzureExporter, connection_string=STRING)
    module = "opencensus_compat.ext.azure.common."
    target = _prepared._common if "." not in name else _prepared.utils
    real = getattr(target, name.rpartition(".")[2])
    with mock.patch(module + name, side_effect=real) as replaced:
        AzureExporter(connection_string=STRING)
    assert replaced.called


def test_replaced_options_are_used():
    """So is a class in the place of `Options`."""
    _made(AzureExporter, connection_string=STRING)
    with mock.patch("opencensus_compat.ext.azure.trace_exporter.Options", side_effect=Options) as replaced:
        AzureExporter(connection_string=STRING)
    assert replaced.mock_calls == [mock.call(connection_string=STRING)]


def test_few_are_known():
    """A program with ever other options makes neither store grow."""
    for number in range(3 * MOST):
        AzureExporter(connection_string=STRING, export_interval=float(number))
    assert len(_prepared._known) <= MOST
    assert len(_settled) <= MOST


def test_differences_are_said(caplog):
    """An exporter with other settings than the first one's is named, though both have been made before and the message was forgotten."""
    _made(AzureExporter, connection_string=STRING, timeout=3.0)
    _made(AzureExporter, connection_string=STRING, timeout=4.0)
    assert ["different settings (connect_timeout_s, read_timeout_s)" in line for line in caplog.messages].count(True) == 1


def test_a_store_that_is_switched_off_stays_off():
    """An exporter that was made before the resource was told to store nothing changes nothing when it is made again."""
    _made(AzureExporter, connection_string=STRING)
    _made(AzureExporter, connection_string=STRING, enable_local_storage=False)
    assert not _made(AzureExporter, connection_string=STRING)._pipeline.settings.storage_enabled


# --- Threads and memory


@pytest.mark.parametrize("make", [AzureExporter, AzureLogHandler, new_metrics_exporter])
def test_exporters_that_are_dropped_are_gone(make):
    """Of many that a program has made and dropped, none but the first is held, nor started a thread."""
    first = make(connection_string=STRING)
    threads = set(threading.enumerate())
    dropped = [weakref.ref(make(connection_string=STRING)) for _ in range(300)]
    assert set(threading.enumerate()) <= threads
    del first
    gc.collect()
    assert [reference() for reference in dropped if reference() is not None] == []


def test_a_dropped_metrics_exporter_goes_on():
    """Nothing but `shutdown` ends what `new_metrics_exporter` returns, and of several that do the same one is enough."""
    held = new_metrics_exporter(connection_string=STRING)
    part = held._pipeline
    for _ in range(5):
        new_metrics_exporter(connection_string=STRING)
    dropped = new_metrics_exporter(connection_string=STRING)
    dropped.add_telemetry_processor(lambda _: True)
    del dropped
    gc.collect()
    held.shutdown()
    del held
    gc.collect()
    with_processors = [bool(task.exporter._telemetry_processors) for task in part.tasks()]
    assert sorted(with_processors) == [False, True]
    assert [len(list(task.export(set()))) for task in part.tasks()] == [1, 1]


def test_metrics_exporters_that_end_one_after_the_other():
    """Each has its turn, in whichever order they end; when the last one has ended, nothing is exported any more."""
    exporters = [new_metrics_exporter(connection_string=STRING) for _ in range(4)]
    part = exporters[0]._pipeline
    left = []
    for exporter in (exporters[0], exporters[2], exporters[1], exporters[3]):
        assert exporter.exporter_thread.is_alive()
        exporter.shutdown()
        assert not exporter.exporter_thread.is_alive()
        left.append(len(part.tasks()))
    assert left == [3, 2, 1, 0]


def test_a_metric_producer_that_is_gone_ends_its_tasks():
    """What nobody holds any more is not exported, nor does anything take its place."""
    registry = Registry()
    tasks = [get_exporter_thread([registry], MetricsExporter(connection_string=STRING), interval=3600.0) for _ in range(2)]
    part = tasks[0].exporter._pipeline
    del tasks
    gc.collect()
    assert len(part.tasks()) == 1
    del registry
    assert [list(task.export(set())) for task in part.tasks()] == [[]]
    assert part.tasks() == []


def test_a_task_is_a_thread_for_those_who_ask():
    """What exports with the resource's reader has all that a thread has, before and after its end."""
    task = new_metrics_exporter(connection_string=STRING).exporter_thread
    assert isinstance(task, threading.Thread)
    assert (task.name, task.daemon, task.interval, task.ident, task.is_alive()) == ("MetricsExporter Worker", True, 15.0, None, True)
    assert repr(task).startswith("<ExportTask(MetricsExporter Worker, initial")
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        task.colour  # noqa: B018 - it is looked for
    task.interval = 20.0
    task.cancel()
    task.join()
    assert (task.is_alive(), task.finished.is_set(), task.interval) == (False, True, 20.0)
