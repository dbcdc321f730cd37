from __future__ import annotations

import json
import shutil
from contextlib import closing
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from opencensus_compat.local import LocalEndpoint

SCREENSHOTS = Path(__file__).parents[2] / "build" / "pages"
"""Where screenshots are kept, to be looked at."""


@pytest.fixture(scope="session")
def chromium():
    """Run the system's Chromium, without a window."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("make pages needs a browser: apt-get install chromium")
    from playwright.sync_api import sync_playwright  # in the environment of `make pages` only

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def endpoint():
    """Run an endpoint with pages."""
    with LocalEndpoint(pages=True) as running:
        yield running


@pytest.fixture
def send(endpoint):
    """Return a function that sends items to the endpoint."""

    def post(items):
        with closing(HTTPConnection(urlsplit(endpoint.url).netloc, timeout=60)) as connection:
            connection.request("POST", "/v2.1/track", json.dumps(items))
            return json.loads(connection.getresponse().read())

    return post


class Visit:
    """A page in a browser, and what went wrong on it."""

    def __init__(self, context, origin, forgiven):
        self.page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.errors = []
        self.elsewhere = []
        self._forgiven = forgiven
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: None if request.url.startswith((origin, "data:")) else self.elsewhere.append(request.url))

    def check(self):
        """Hold that no script failed, and that nothing was asked of another host."""
        assert self.elsewhere == []
        assert [text for text in self.errors if not any(part in text for part in self._forgiven)] == []


@pytest.fixture
def visit(chromium, endpoint):
    """Return a function that opens a page; at the end each must be without errors and without requests elsewhere."""
    contexts, visits = [], []

    def open_page(path="", url=None, width=1280, height=800, scheme="light", forgiven=(), context=None, **options):
        if context is None:
            context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            contexts.append(context)
        home = url or endpoint.pages_url
        found = Visit(context, home.removesuffix("_ui/"), forgiven)
        visits.append(found)
        found.page.goto(home + path)
        return found.page

    yield open_page
    for found in visits:
        found.check()
    for context in contexts:
        context.close()


KEY = "00000000-0000-0000-0000-000000000001"


def _envelope(kind, base, start, operation=None, parent=None, role="shop", **tags):
    """Return an envelope; `start` is a datetime."""
    named = {f"ai.{name.replace('_', '.')}": value for name, value in tags.items()}
    if operation:
        named.update({"ai.operation.id": operation, "ai.operation.parentId": parent or operation})
    return {
        "name": "Microsoft.ApplicationInsights." + kind.removesuffix("Data"),
        "time": start.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "iKey": KEY,
        "tags": {"ai.cloud.role": role, **named},
        "data": {"baseType": kind, "baseData": {"ver": 2, **base}},
    }


def _timespan(milliseconds):
    """Return a duration as envelopes write it."""
    return f"00:{int(milliseconds) // 60000:02d}:{milliseconds % 60000 / 1000:09.6f}"


def _request(own, name, start, milliseconds=100, code="200", success=True, properties=None, **place):
    """Return a request."""
    base = {
        "id": own,
        "name": name,
        "duration": _timespan(milliseconds),
        "responseCode": code,
        "success": success,
        "properties": properties or {},
    }
    return _envelope("RequestData", base, start, **place)


def _call(own, name, start, milliseconds=20, kind="SQL", target="db", success=True, **place):
    """Return a dependency."""
    base = {
        "id": own,
        "name": name,
        "duration": _timespan(milliseconds),
        "resultCode": "0",
        "success": success,
        "type": kind,
        "target": target,
    }
    return _envelope("RemoteDependencyData", base, start, **place)


def _trace(message, start, severity=1, properties=None, **place):
    """Return a log record."""
    return _envelope("MessageData", {"message": message, "severityLevel": severity, "properties": properties or {}}, start, **place)


def _exception(kind, message, start, **place):
    """Return an exception with a stack."""
    frames = [{"level": 0, "method": "charge", "assembly": "orders", "fileName": "orders.py", "line": 28}]
    details = [{"id": 1, "typeName": kind, "message": message, "hasFullStack": True, "parsedStack": frames}]
    return _envelope("ExceptionData", {"exceptions": details, "severityLevel": 3, "properties": {}}, start, **place)


def _metric(name, value, start, properties=None, **point):
    """Return a point of a metric."""
    return _envelope("MetricData", {"metrics": [{"name": name, "value": value, **point}], "properties": properties or {}}, start)


def _failed_order(number=1, start=None):
    """Return an operation with a failed request, its exception, the line logged before it, and a slow call among quick ones."""
    start = start or datetime.now(timezone.utc) - timedelta(seconds=30)
    operation = f"{number:032x}"
    own = f"{number:015x}"

    def at(milliseconds):
        return start + timedelta(milliseconds=milliseconds)

    inside = {"operation": operation, "parent": own + "0"}
    return [
        _request(own + "0", "POST /orders", start, 500, "500", False, {"cart": f"c-{number}"}, operation=operation),
        _call(own + "1", "SELECT cart", at(5), 8, **inside),
        _call(own + "2", "POST /charge", at(20), 400, "HTTP", "pay", **inside),
        _trace(f"no credit for cart c-{number}", at(430), 2, {"cart": f"c-{number}"}, **inside),
        _exception("CreditError", f"cart c-{number}", at(440), **inside),
        _envelope("EventData", {"name": "order refused", "properties": {"cart": f"c-{number}"}}, at(450), **inside),
    ]


def _good_order(number, start=None):
    """Return an operation in which all went well."""
    start = start or datetime.now(timezone.utc) - timedelta(seconds=40)
    operation = f"{number:032x}"
    own = f"{number:015x}"
    return [
        _request(own + "0", "GET /orders", start, 30, operation=operation, properties={"cart": f"c-{number}"}),
        _call(own + "1", "SELECT orders", start + timedelta(milliseconds=4), 9, operation=operation, parent=own + "0"),
        _trace(f"{number} orders", start + timedelta(milliseconds=20), operation=operation, parent=own + "0"),
    ]


@pytest.fixture(scope="session")
def shop():
    """Return functions that make telemetry of a small shop."""
    made = (_envelope, _request, _call, _trace, _exception, _metric, _failed_order, _good_order)
    return SimpleNamespace(**{function.__name__.lstrip("_"): function for function in made})
