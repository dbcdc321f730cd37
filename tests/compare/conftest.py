"""Recordings that tests make themselves, and a made-up service: transactions with random ids, times and order of arrival."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta, timezone
from itertools import count

import pytest

from opencensus_compat.local.store import Accepted, Refused, Store
from opencensus_compat.local.tables import row


@pytest.fixture
def record(tmp_path):
    """Return what writes envelopes into a recording, as the endpoint does, and returns its path."""
    numbers = count()

    def write(envelopes, refused=(), *, leave_open=False):
        path = tmp_path / f"recording-{next(numbers)}.db"
        store = Store(path)
        accepted = [Accepted(number, row(envelope, number), json.dumps(envelope), ()) for number, envelope in enumerate(envelopes, 1)]
        store.add(accepted, [Refused(0, 400, reason, "{}") for reason in refused])
        if leave_open:
            return path, store
        store.close()
        return path

    return write


@pytest.fixture
def shop():
    """Return what makes a run of the service."""
    return Run


KEY = "00000000-0000-0000-0000-000000000001"
_START = datetime(2026, 11, 30, 8, tzinfo=timezone.utc)


class Run:
    """One run of the service; two runs differ in ids, times, durations and order of arrival alone."""

    def __init__(self, seed: int, orders: int = 20) -> None:
        """Make the items.

        Args:
            seed: What this run has of its own.
            orders: Requests.

        """
        self.chance = random.Random(seed)
        self.moment = _START + timedelta(seconds=seed)
        self.items: list[dict] = []
        numbers = list(range(orders))
        self.chance.shuffle(numbers)  # as threads do
        for number in numbers:
            self._order(number)
        for quarter in range(3):
            self.metric("orders", 10 * (quarter + 1), {"shop": "a"}, count=quarter + 1)
            self.metric("orders", 7 * (quarter + 1), {"shop": "b"}, count=quarter + 1)

    def hexadecimal(self, digits: int) -> str:
        """Return an id."""
        return f"{self.chance.getrandbits(4 * digits):0{digits}x}"

    def _order(self, number: int) -> None:
        trace, request = self.hexadecimal(32), self.hexadecimal(16)
        name = f"{'GET' if number % 3 else 'POST'} /orders"
        self.moment += timedelta(milliseconds=self.chance.randint(1, 50))
        self.span("Request", trace, None, request, name=name, responseCode="200" if number % 5 else "404", url=f"http://shop/{number}")
        load = self.hexadecimal(16)
        self.span("RemoteDependency", trace, request, load, name="load", type="SQL", target="db", data="SELECT", resultCode="0")
        save = self.hexadecimal(16)
        self.span("RemoteDependency", trace, request, save, name="save", type="InProc", resultCode="0")
        self.span("RemoteDependency", trace, save, self.hexadecimal(16), name="audit", type="HTTP", target="audit", resultCode="200")
        self.items[-1]["sampleRate"] = 25.0
        properties = {"number": str(number), "amount": 12.5 + number, "paid": number % 2 == 0}
        base = {"message": f"order {number} saved", "severityLevel": 1, "properties": properties}
        self.item("Message", trace, save, base)
        if number % 4 == 0:
            self.item("Event", trace, request, {"name": "checkout", "properties": {"number": str(number)}, "measurements": {"weight": 2.5}})
        if number % 5 == 0:
            stack = [{"level": 0, "method": "load", "fileName": "orders.py", "line": 28, "assembly": "a"}]
            details = {"typeName": "KeyError", "message": f"no {number}", "hasFullStack": True, "parsedStack": stack, "id": number}
            self.item("Exception", trace, load, {"exceptions": [details], "severityLevel": 3, "properties": {}})

    def span(self, kind: str, trace: str, parent: str | None, own: str, **base: object) -> None:
        """Make a request or a dependency."""
        duration = f"0.00:00:00.{self.chance.randint(100000, 999999)}"
        self.item(kind, trace, parent, {"id": own, "duration": duration, "success": True, "properties": {"region": "west"}, **base})

    def item(self, kind: str, trace: str | None, parent: str | None, base: dict) -> None:
        """Make an item."""
        self.moment += timedelta(microseconds=self.chance.randint(1, 900))
        tags = {"ai.cloud.role": "shop", "ai.internal.sdkVersion": "py3.11:otel1.45:cc0.1", "ai.device.locale": "en_US"}
        tags |= {"ai.operation.id": trace} if trace else {}
        tags |= {"ai.operation.parentId": parent} if parent else {}
        self.items.append(
            {
                "ver": 1,
                "name": f"Microsoft.ApplicationInsights.{kind}",
                "time": self.moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "iKey": KEY,
                "tags": tags,
                "data": {"baseType": f"{kind}Data", "baseData": {"ver": 2, **base}},
            }
        )

    def metric(self, name: str, value: float, dimensions: dict, count: int = 1) -> None:
        """Make a point of a metric."""
        point = {"name": name, "value": value, "count": count, "min": 1.0, "max": float(value), "stdDev": 0.5}
        self.item("Metric", None, None, {"metrics": [point], "properties": dimensions})

    def arrived(self) -> list[dict]:
        """Return the items as batches and threads bring them."""
        return self.chance.sample(self.items, len(self.items))
