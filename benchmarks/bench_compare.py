"""What it costs to compare two recordings of 100,000 items each.

Run ``python benchmarks/bench_compare.py``. Two recordings of a made-up service (40 % dependencies, 20 % requests, 20 % log lines, 20 % points
of metrics) differ in ids, times and order of arrival; in the second a property of every log line has another type. Prints CPU seconds,
wall seconds and the peak of memory of a process that compares them, and whether they keep the limits; ends with 1 when one does not.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import rows

from opencensus_compat.compare import compare
from opencensus_compat.local.store import Accepted, Store
from opencensus_compat.local.tables import row

ITEMS = 100_000
MAX_SECONDS = 30
MAX_MEGABYTES = 500
KEY = "00000000-0000-0000-0000-000000000001"
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def envelopes(seed, number):
    """Yield the items of a run; `number` makes the amount of an order what is sent."""
    chance = random.Random(seed)
    orders = list(range(ITEMS // 5))
    # As many threads serve them.
    orders.sort(key=lambda order: order + chance.random() * 50)
    for place, order in enumerate(orders):
        trace, request, load, save = f"{chance.getrandbits(128):032x}", *(f"{chance.getrandbits(64):016x}" for _ in range(3))
        moment = START + timedelta(milliseconds=place)
        base = {"name": f"GET /orders/{order % 50}", "responseCode": "200", "url": f"http://shop/orders/{order}", "success": True}
        yield envelope("Request", moment, trace, None, {"id": request, "duration": duration(chance), **base})
        moment += timedelta(microseconds=100)
        base = {"id": load, "name": "load", "type": "SQL", "target": "db", "data": "SELECT 1", "resultCode": "0", "success": True}
        yield envelope("RemoteDependency", moment, trace, request, {"duration": duration(chance), **base})
        moment += timedelta(microseconds=100)
        base = {"id": save, "name": "save", "type": "HTTP", "target": "stock", "resultCode": "200", "success": True}
        yield envelope("RemoteDependency", moment, trace, request, {"duration": duration(chance), **base})
        properties = {"order": str(order), "amount": number(order), "module": "orders", "lineNumber": 28}
        yield envelope("Message", moment, trace, save, {"message": f"order {order} saved", "severityLevel": 1, "properties": properties})
        point = {"name": "orders", "value": order % 7, "count": 1}
        yield envelope("Metric", moment, None, None, {"metrics": [point], "properties": {"shop": str(order % 100)}})


def duration(chance):
    """Return a duration under a second, as the wire has it."""
    return f"0.00:00:00.{chance.randrange(1, 1000):03d}"


def envelope(kind, moment, trace, parent, base):
    """Return an item."""
    tags = {"ai.cloud.role": "shop", "ai.cloud.roleInstance": "host", "ai.internal.sdkVersion": "py3.11:otel1.45:cc0.1"}
    tags |= {"ai.operation.id": trace, "ai.operation.name": "GET /orders"} if trace else {}
    tags |= {"ai.operation.parentId": parent} if parent else {}
    return {
        "ver": 1,
        "name": f"Microsoft.ApplicationInsights.{kind}",
        "time": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "iKey": KEY,
        "tags": tags,
        "data": {"baseType": f"{kind}Data", "baseData": {"ver": 2, **base}},
    }


def record(path, items):
    """Write a recording."""
    store = Store(path)
    batch = []
    for number, item in enumerate(items, 1):
        batch.append(Accepted(number, row(item, number), json.dumps(item), ()))
        if len(batch) == 1000:
            store.add(batch)
            batch = []
    store.add(batch)
    store.close()


def main():
    """Print the figures and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before.db"), Path(folder, "after.db")
        record(before, envelopes(1, float))
        record(after, envelopes(2, lambda order: str(float(order))))
        at_first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        wall, cpu = time.perf_counter(), time.process_time()
        comparison = compare(before, after)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = [(difference.table, difference.column, difference.rows) for difference in comparison.differences]
    right = found == [("traces", "customDimensions.amount", ITEMS // 5)]
    print(f"compare {ITEMS:,} items with {ITEMS:,}: {wall:.1f} s wall; {at_first:.0f} MB before")
    print(f"found: {found}" + ("" if right else ", WRONG"))
    table = rows.Rows()
    table.figure(f"compare {ITEMS:,} items with {ITEMS:,}", "s CPU", [cpu], MAX_SECONDS)
    table.figure(f"compare {ITEMS:,} items with {ITEMS:,}, peak of memory", "MB", [megabytes], MAX_MEGABYTES)
    return table.exit_code() if right else 1


if __name__ == "__main__":
    sys.exit(main())
