"""Metrics that a program reads back, names that instruments cannot have, and records before there is a provider: text before, text after, and what is asked."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_HEAD = """\
from opencensus.ext.azure.metrics_exporter import new_metrics_exporter
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import view as view_module
from opencensus.stats.stats import stats

ORDERS = measure_module.MeasureInt("orders", "orders", "1")
VIEW = view_module.View("orders", "orders", [], ORDERS, aggregation_module.CountAggregation())
stats.view_manager.register_view(VIEW)
mmap = stats.stats_recorder.new_measurement_map()
"""
_EXPORTER = "stats.view_manager.register_exporter(new_metrics_exporter(enable_standard_metrics=False))\n"
_RECORD = "mmap.measure_int_put(ORDERS, 1)\nmmap.record()\n"
_FOUND = """\
[
    metric
    for resource in getattr(reader.get_metrics_data(), "resource_metrics", ())
    for scope in resource.scope_metrics
    for metric in scope.metrics
    if metric.name == "orders"
]"""
_READ = "mmap.measure_to_view_map.get_metrics(None)"


def _rewrite(text):
    result = rewrite_text(text.encode(), options=Options(shape=True))
    return b"".join(result.after.values()).decode(), result.left


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(f"print(list({_READ}))\n", f"print({_FOUND})\n", id="shown"),
        pytest.param(
            f"for each in {_READ}:\n    print(each.descriptor.unit)\n", f"for each in {_FOUND}:\n    print(each.unit)\n", id="in a loop"
        ),
        pytest.param(
            f"found = list({_READ})\nfor each in found[0].time_series:\n    for point in each.points:\n        print(point.value)\n",
            f"found = {_FOUND}\nfor each in found[0].data.data_points:\n    for point in [each]:\n        print(point.value)\n",
            id="points in a loop",
        ),
        pytest.param(
            "found = list(stats.view_manager.measure_to_view_map.get_metrics(None))\nif found:\n    print(f'{found[0]}')\n",
            f"found = {_FOUND}\nif found:\n    print(f'{{found[0]}}')\n",
            id="of the view manager",
        ),
    ],
)
def test_what_is_read(before, after):
    """What is read of metrics is read of OpenTelemetry's."""
    text, left = _rewrite(_HEAD + _EXPORTER + _RECORD + before)
    assert text.endswith(f"ORDERS.add(1)\n{after}")
    assert ("opencensus" in text, left) == (False, [])


def test_without_an_exporter():
    """Where nothing is exported, the reader has a provider of its own."""
    text, left = _rewrite(f"{_HEAD}{_RECORD}print(list({_READ}))\n")
    assert "reader = InMemoryMetricReader()\nmetrics.set_meter_provider(MeterProvider(metric_readers=[reader]))\nORDERS.add(1)\n" in text
    assert left == []


def test_another_shape():
    """What a program shows of metrics has another text, so that it changes only where that is asked for."""
    result = rewrite_text(f"{_HEAD}{_EXPORTER}{_RECORD}print(list({_READ}))\n".encode(), options=Options(shape=False))
    assert not result.after
    assert {each.why for each in result.left if each.rule == "S013"} == {"shape"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"send({_READ})\n", id="handed to another function"),
        pytest.param(f"print(list({_READ})[0].time_series[0].points[0].timestamp)\n", id="a time"),
        pytest.param(f"print(list({_READ})[0].time_series[0].points[1])\n", id="another point"),
        pytest.param(f"class Kept:\n    found = list({_READ})\nprint(Kept.found)\n", id="kept in a class"),
        pytest.param(f"print(list({_READ.replace('None', 'clock()')}))\n", id="a call that may do more"),
        pytest.param("print(stats.view_manager.get_view(name()))\n", id="a view that is not known"),
        pytest.param("print(stats.view_manager.get_view('orders').start_time)\n", id="a part without a counterpart"),
        pytest.param("print(vars(stats.view_manager.get_all_exported_views()))\n", id="the views themselves"),
        pytest.param(f"configure()\nprint(list({_READ}))\n", id="a provider that something else sets"),
    ],
)
def test_what_is_asked(body):
    """What has no counterpart is asked about, and the measures wait for the answer."""
    text, left = _rewrite(f"{_HEAD}{'' if 'configure' in body else _EXPORTER}{_RECORD}{body}")
    assert "create_counter" not in text
    assert {each.why for each in left} >= {"with"}
    assert {each.why for each in left} & {"decide", "keep"}


def test_two_views():
    """Of several views a program may mean another one by a place in the list."""
    more = _HEAD + 'stats.view_manager.register_view(view_module.View("o", "o", [], ORDERS, aggregation_module.SumAggregation()))\n'
    text, left = _rewrite(f"{more}{_EXPORTER}{_RECORD}print(list({_READ})[0])\n")
    assert "create_counter" not in text
    assert any(each.why == "decide" for each in left)


def test_in_another_file(tmp_path):
    """A reader of another file is asked for."""
    (tmp_path / "measures.py").write_text(_HEAD + _EXPORTER, encoding="utf-8")
    (tmp_path / "orders.py").write_text(f"from measures import ORDERS, mmap\n\n{_RECORD}print(list({_READ}))\n", encoding="utf-8")
    result = rewrite([str(tmp_path)], Options(shape=True, markers=False))
    assert not result.after
    assert any("In which file" in each.text for each in result.left)


def test_a_comment_above_a_function():
    """What is put before a function stands above its comments as well."""
    text, _ = _rewrite(f"{_HEAD}\n\n# Why.\ndef main():\n    {_EXPORTER}    print(list({_READ}))\n")
    assert text.partition("reader = ")[2].startswith("InMemoryMetricReader()\n\n\n# Why.\ndef main():\n")


def test_a_name_without_an_exporter():
    """A name that no instrument can have is asked about where no `configure` gives it to the metric."""
    text, left = _rewrite(_HEAD.replace('View("orders"', 'View("all: orders"') + _RECORD)
    assert "create_counter" not in text
    assert any("'all: orders'" in each.text for each in left)


def test_names_that_become_one():
    """Two names that an instrument's name cannot tell apart are asked about."""
    head = _HEAD.replace('View("orders"', 'View("all: orders"')
    head += 'stats.view_manager.register_view(view_module.View("all; orders", "o", [], ORDERS, aggregation_module.SumAggregation()))\n'
    text, left = _rewrite(head + _EXPORTER + _RECORD)
    assert "create_counter" not in text
    assert any("Two of them" in each.text for each in left)


def test_a_unit_that_is_not_ascii():
    """A unit that no instrument can have is asked about."""
    head = _HEAD.replace('"orders", "1")', '"orders", "°C")').replace("CountAggregation", "SumAggregation")
    text, left = _rewrite(head + _EXPORTER + _RECORD)
    assert "create_counter" not in text
    assert any("ASCII" in each.text for each in left)


def test_what_the_exporter_needs_is_made_after_a_record():
    """An exporter that cannot be made before the first record is asked about: an instrument without a provider keeps nothing."""
    after = "KEY = str(ORDERS)\nstats.view_manager.register_exporter(new_metrics_exporter(connection_string=KEY))\n"
    text, left = _rewrite(f"{_HEAD}def record():\n    mmap.measure_int_put(ORDERS, 1)\n    mmap.record()\n\nrecord()\n{after}")
    assert "create_counter" not in text
    assert any("recorded first" in each.text for each in left)


def test_an_exporter_that_is_made_after_a_record():
    """The provider is set before the first value, also where that is put into a map a line before its record."""
    text, left = _rewrite(_HEAD + _RECORD + _EXPORTER)
    assert text.endswith('configure(signals=["metrics"], export_interval_millis=15000)\nORDERS.add(1)\n')
    assert left == []
