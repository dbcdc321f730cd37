"""The exporter to Prometheus: text before, text after, and what is asked."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_HEAD = """\
from opencensus.ext.prometheus import stats_exporter as prometheus
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import view as view_module
from opencensus.stats.stats import stats

ORDERS = measure_module.MeasureInt("orders", "orders", "1")
VIEW = view_module.View("orders", "orders", [], ORDERS, aggregation_module.CountAggregation())
stats.view_manager.register_view(VIEW)
"""
_MADE = """\
exporter = prometheus.new_stats_exporter(prometheus.Options({0}))
stats.view_manager.register_exporter(exporter)
"""
_RECORD = "mmap = stats.stats_recorder.new_measurement_map()\nmmap.measure_int_put(ORDERS, 1)\nmmap.record()\n"


def _rewrite(text):
    result = rewrite_text(text.encode(), options=Options(shape=True, markers=False))
    return b"".join(result.after.values()).decode(), result.left


@pytest.mark.parametrize(
    ("options", "server", "prefix"),
    [
        pytest.param('namespace="shop"', "8000", '"shop"', id="namespace"),
        pytest.param("NAME, 9090, address=HOST", "9090, addr=HOST", "NAME", id="port and address"),
    ],
)
def test_a_reader(options, server, prefix):
    """A reader of the one provider serves the metrics where the exporter did."""
    text, left = _rewrite(_HEAD + _MADE.format(options) + _RECORD)
    assert text == (
        "from opentelemetry import metrics\n"
        "from opentelemetry.exporter.prometheus import PrometheusMetricReader\n"
        "from opentelemetry.sdk.metrics import MeterProvider\n"
        "from prometheus_client import start_http_server\n\n"
        'ORDERS = metrics.get_meter(__name__).create_counter("orders", unit="1", description="orders")\n'
        f"start_http_server({server})\n"
        f"metrics.set_meter_provider(MeterProvider(metric_readers=[PrometheusMetricReader(prefix={prefix})]))\n"
        "ORDERS.add(1)\n"
    )
    assert left == []


def test_what_is_read_back():
    """A program that reads back what it recorded has both readers, and the provider before the first value."""
    read = "print(list(mmap.measure_to_view_map.get_metrics(None)))\n"
    text, left = _rewrite(_HEAD + _RECORD + _MADE.format('namespace="shop"') + read)
    assert 'metric_readers=[PrometheusMetricReader(prefix="shop"), reader]))\nORDERS.add(1)\n' in text
    assert left == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(_MADE.format('namespace="shop", registry=R'), id="a registry"),
        pytest.param(_MADE.format("**options"), id="options that are not known"),
        pytest.param(_MADE.format('namespace="shop"') + "print(exporter)\n", id="an exporter that is read"),
        pytest.param("configure()\n" + _MADE.format('namespace="shop"'), id="another provider"),
    ],
)
def test_what_is_asked(body):
    """What the reader has no counterpart for is asked about."""
    text, left = _rewrite(_HEAD + body)
    assert "PrometheusMetricReader" not in text
    assert any(each.rule == "V003" and each.why == "decide" for each in left)


def test_what_it_requires(tmp_path):
    """The package of the reader is required, in a release that has the prefix."""
    (tmp_path / "app.py").write_text(_HEAD + _MADE.format('namespace="shop"'), encoding="utf-8")
    (tmp_path / "requirements.txt").write_text("opencensus==0.11.4\n", encoding="utf-8")
    result = rewrite([str(tmp_path)], Options(shape=True))
    assert b"opentelemetry-exporter-prometheus>=0.62b0\n" in result.after[str(tmp_path / "requirements.txt")]


def test_an_exporter_whose_registration_stays():
    """The variable of the exporter is still read then, so that all of it waits."""
    helper = "def register(manager):\n    manager.register_exporter(prometheus.new_stats_exporter(prometheus.Options(namespace='shop')))\n    print(manager)\n\n"
    text, left = _rewrite(_HEAD + helper + "register(stats.view_manager)\n" + _RECORD)
    assert text == ""
    assert left
