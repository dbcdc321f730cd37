"""The exporters' own counters as OpenTelemetry instruments."""

from __future__ import annotations

import json

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import appinsights_exporter
from appinsights_exporter import counts, reasons
from appinsights_exporter.delivery.classify import item_reason, status_reason
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.delivery.transport import Reply
from appinsights_exporter.self_metrics import compute_type
from appinsights_exporter.testing import FakeTransport, ManualClock

pytestmark = pytest.mark.usefixtures("caplog")

BY_STATUS = {
    400: ("bad request", "400", "Bad request"),
    401: ("unauthorized", "401", "Unauthorized"),
    402: ("quota exceeded", "402", "Daily quota exceeded"),
    403: ("forbidden", "403", "Forbidden"),
    405: ("status 405", "405", "Client error 405"),
    408: ("request timeout", "408", "Request timeout"),
    413: ("payload too large", "413", "Payload too large"),
    429: ("too many requests", "429", "Too many requests"),
    439: ("quota exceeded", "402", "Daily quota exceeded"),
    500: ("internal server error", "500", "Internal server error"),
    503: ("service unavailable", "503", "Service unavailable"),
    599: ("server error 599", "599", "Server error 599"),
    302: ("status 302", "302", "Client error 302"),
    0: ("status 0", "UNKNOWN", "status 0"),
}
BY_ITEM_STATUS = {
    400: ("item status 400", "400", "Bad request"),
    402: ("item status 402", "402", "Daily quota exceeded"),
    439: ("item status 439", "439", "Quota exceeded"),
    418: ("item status 418", "418", "Client error 418"),
    10000: ("item status 10000", "UNKNOWN", "item status 10000"),
}
OTHERS = {
    reasons.QUOTA_PAUSE: ("402", "Daily quota exceeded"),
    reasons.NO_CONNECTION: ("CLIENT_EXCEPTION", "Network exception"),
    reasons.NO_REPLY: ("CLIENT_TIMEOUT", "Timeout exception"),
    reasons.PAGE: ("CLIENT_EXCEPTION", "Network exception"),
    reasons.EVICTED: ("CLIENT_PERSISTENCE_CAPACITY", "Client persistence capacity"),
    reasons.NO_ROOM.after(reasons.NOT_STORED): ("CLIENT_PERSISTENCE_CAPACITY", "Client persistence capacity"),
    reasons.READ_ONLY_DISK.after(reasons.NOT_STORED): ("CLIENT_READONLY", "Client readonly"),
    reasons.DISK_FULL.after(reasons.NOT_STORED): ("CLIENT_PERSISTENCE_CAPACITY", "Client persistence capacity"),
    reasons.NO_PERMISSION.after(reasons.NOT_STORED): ("CLIENT_EXCEPTION", "not stored: no permission"),
    reasons.NOT_ONE_LINE: ("CLIENT_EXCEPTION", "not stored: not one line of JSON"),
    reasons.AFTER_SHUTDOWN.after(reasons.NOT_DELIVERED): ("UNKNOWN", "not delivered: offered after shutdown"),
    reasons.TOO_OLD: ("UNKNOWN", "stored too long"),
}


@pytest.mark.parametrize(("status", "expected"), BY_STATUS.items())
def test_reasons_by_status(status, expected):
    """The reason that a status is, with the code and words that the official exporter has for it (specification section 13.2)."""
    reason = status_reason(status)
    assert (reason.text, reason.code, reason.words) == expected


@pytest.mark.parametrize(("status", "expected"), BY_ITEM_STATUS.items())
def test_reasons_by_the_status_of_an_item(status, expected):
    """The same of a single item."""
    reason = item_reason(status)
    assert (reason.text, reason.code, reason.words) == expected


@pytest.mark.parametrize(("reason", "expected"), OTHERS.items(), ids=[reason.text for reason in OTHERS])
def test_codes(reason, expected):
    """Other reasons under the official exporter's codes and words; under our own text where it has none."""
    assert (reason.code, reason.words) == expected


def test_a_prefix_changes_no_code():
    """What a status led to is in the text, and neither in the code nor in the words."""
    reason = status_reason(400).after(reasons.REFUSED)
    assert (reason.text, reason.code, reason.words) == ("refused by the service: bad request", "400", "Bad request")


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
