"""The exporters' own counters as OpenTelemetry instruments."""

from __future__ import annotations

import json

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import appinsights_exporter
from appinsights_exporter import counts
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.delivery.transport import Reply
from appinsights_exporter.self_metrics import code_and_reason, compute_type
from appinsights_exporter.testing import FakeTransport, ManualClock

pytestmark = pytest.mark.usefixtures("caplog")

CODES = {
    "refused by the service: bad request": ("400", "Bad request"),
    "refused by the service: item status 400": ("400", "Bad request"),
    "refused by the service: quota exceeded": ("402", "Daily quota exceeded"),
    "paused: quota exceeded": ("402", "Daily quota exceeded"),
    "refused by the service: status 405": ("405", "Client error 405"),
    "server error 599": ("599", "Server error 599"),
    "unauthorized": ("401", "Unauthorized"),
    "forbidden": ("403", "Forbidden"),
    "request timeout": ("408", "Request timeout"),
    "payload too large": ("413", "Payload too large"),
    "too many requests": ("429", "Too many requests"),
    "internal server error": ("500", "Internal server error"),
    "service unavailable": ("503", "Service unavailable"),
    "no connection": ("CLIENT_EXCEPTION", "Network exception"),
    "no reply": ("CLIENT_TIMEOUT", "Timeout exception"),
    "store full: the oldest dropped": ("CLIENT_PERSISTENCE_CAPACITY", "Client persistence capacity"),
    "not stored: read-only disk": ("CLIENT_READONLY", "Client readonly"),
    "not stored: disk full": ("CLIENT_PERSISTENCE_CAPACITY", "Client persistence capacity"),
    "not stored: no permission": ("CLIENT_EXCEPTION", "not stored: no permission"),
    "stored too long": ("UNKNOWN", "stored too long"),
}


@pytest.mark.parametrize(("reason", "expected"), CODES.items(), ids=CODES)
def test_codes(reason, expected):
    """Our reasons under the codes and words that the official exporter has for them (specification section 13.2)."""
    assert code_and_reason(reason) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "unknown"),
        ({"WEBSITE_SITE_NAME": "a"}, "appsvc"),
        ({"WEBSITE_SITE_NAME": "a", "FUNCTIONS_WORKER_RUNTIME": "python"}, "functions"),
        ({"KUBERNETES_SERVICE_HOST": "a"}, "aks"),
    ],
)
def test_compute_type(monkeypatch, variables, expected):
    """Where the process runs, from variables alone."""
    for name in ("FUNCTIONS_WORKER_RUNTIME", "WEBSITE_SITE_NAME", "AKS_ARM_NAMESPACE_ID", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert compute_type() == expected


def items(*kinds):
    """Return items of these kinds of data."""
    return [json.dumps({"data": {"baseType": kind}}, separators=(",", ":")).encode() for kind in kinds]


TYPES = {
    "RequestData": "REQUEST",
    "RemoteDependencyData": "DEPENDENCY",
    "MessageData": "TRACE",
    "ExceptionData": "EXCEPTION",
    "EventData": "CUSTOM_EVENT",
    "MetricData": "CUSTOM_METRIC",
    "AvailabilityData": "AVAILABILITY",
    "PageViewData": "PAGE_VIEW",
    "OtherData": "UNKNOWN",
}


@pytest.mark.parametrize(("kind", "expected"), TYPES.items(), ids=TYPES)
def test_types(kind, expected):
    """The type of an item from the name of its data."""
    assert counts.telemetry_type(items(kind)[0]) == expected


def test_type_of_an_item_without_data():
    """An item that names no data has no type."""
    assert counts.telemetry_type(b"{}") == "UNKNOWN"


def test_instruments(monkeypatch):
    """Three counters with the official exporter's names, in lower case, and attributes; they exist only when asked for."""
    monkeypatch.setattr(counts, "_watch_new", False)
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    assert reader.get_metrics_data() is None
    appinsights_exporter.observe(provider)
    clock = ManualClock()
    made = Delivery(FakeTransport([Reply(status=200), Reply(status=400), Reply(status=503)]), background=False, clock=clock)
    made.deliver(items("RequestData", "MetricData", "RequestData"))
    made.deliver(items("MessageData"))
    made.deliver(items("EventData", "EventData"))
    found = {}
    for metric in reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.data.data_points:
            attributes = dict(point.attributes)
            assert (attributes.pop("language"), attributes.pop("version")) == ("python", appinsights_exporter.__version__)
            del attributes["computeType"]
            found[(metric.name, *attributes.values())] = point.value
    provider.shutdown()
    assert found == {
        ("item_success_count", "REQUEST"): 2,
        ("item_success_count", "CUSTOM_METRIC"): 1,
        ("item_dropped_count", "TRACE", "400", "Bad request"): 1,
        ("item_retry_count", "CUSTOM_EVENT", "503", "Service unavailable"): 2,
    }


def test_nobody_asks():
    """Without observers nothing is counted by type, so that items are not looked into."""
    made = counts.Counts()
    assert made.types(items("RequestData")) is None
    made.sent(1)
    assert made.points() == {}
