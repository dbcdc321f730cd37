"""``make soak``: an hour's outage at 1,000 items a second, at a higher speed, and what comes after it.

A program, in a process of its own, exports 3.6 million spans while the endpoint is down. Then the endpoint comes back, and refuses
whoever sends more than it takes in a second. What must hold, all of it printed:

* on disk there is never more than the store's limit, and the program's memory does not grow;
* every item is accounted for: accepted, or dropped and counted;
* what is kept drains by itself, and after few refusals the drain knows how much the endpoint takes.

``--items``, ``--mib`` and ``--rate`` change the size of it. Ends with 1 when something does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from appinsights_exporter import ApplicationInsightsSpanExporter
from appinsights_exporter.settings import resolve
from opencensus_compat.local import LocalEndpoint

BATCH = 512
BATCHES = 16
"""As many different ones are exported by turns."""
SAMPLES = 100
"""How often disk and memory are looked at."""
MAX_GROWTH_MIB = 16.0
"""Memory at any time against that when the store was first full, or after the first tenth."""
MAX_REFUSED = 5
"""Requests: at first, once for each halving of the speed, and again after each ten minutes."""
MIB = 2**20


def spans():
    """Return different batches of spans as a web program makes them: a request, a query, a call and an inner span."""
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import SpanKind

    made = []

    class Collect(SpanProcessor):
        def on_end(self, span):
            made.append(span)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Collect())
    tracer = provider.get_tracer("shop")
    chance = random.Random(7)
    while len(made) < BATCH * BATCHES:
        order = chance.getrandbits(24)
        url = f"https://shop.example.com/orders/{order}"
        asked = {"http.request.method": "GET", "url.full": url, "http.route": "/orders/{id}", "http.response.status_code": 200}
        with tracer.start_as_current_span("GET /orders/{id}", kind=SpanKind.SERVER, attributes={**asked, "tenant": f"t{order % 7}"}):
            query = {"db.system": "postgresql", "db.name": "orders", "db.statement": "SELECT state FROM orders WHERE id = %s"}
            with tracer.start_as_current_span("SELECT orders", kind=SpanKind.CLIENT, attributes=query):
                pass
            with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT, attributes={**asked, "url.full": url + "/stock"}):
                pass
            with tracer.start_as_current_span("price", attributes={"items": order % 5, "currency": "EUR"}):
                pass
    return [made[start : start + BATCH] for start in range(0, BATCH * BATCHES, BATCH)]


def used_bytes(folder):
    """Return what the files below a folder take on disk, in whole pages."""
    size = 0
    for path in Path(folder).rglob("*"):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        if path.is_file():
            size += -(-status.st_size // 4096) * 4096
    return size


def program(connection_string, folder, items, mib):
    """Export through the outage and wait until nothing is kept; a line of JSON for each sample."""
    settings = resolve(
        connection_string,
        storage_folder=folder,
        storage_max_bytes=int(mib * MIB),
        min_backoff_s=0.5,
        max_backoff_s=5.0,
        environ={},
    )
    exporter = ApplicationInsightsSpanExporter(settings=settings)
    batches = spans()
    me = psutil.Process()

    def say(phase, offered):
        counts = exporter.counts.snapshot()
        dropped = sum(counts.dropped.values())
        sample = {
            "phase": phase,
            "offered": offered,
            "rss": me.memory_info().rss / MIB,
            "disk": used_bytes(folder),
            "sent": counts.sent,
            "dropped": counts.dropped,
            "kept": offered - counts.sent - dropped,
        }
        print(json.dumps(sample), flush=True)
        return sample["kept"]

    offered = 0
    total = -(-items // BATCH)
    for number in range(1, total + 1):
        exporter.export(batches[number % BATCHES])
        offered += BATCH
        if number % max(1, total // SAMPLES) == 0 or number == total:
            say("outage", offered)
    sys.stdin.readline()
    while say("drain", offered):
        time.sleep(0.5)
    exporter.shutdown()


def arguments():
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=3_600_000, help="spans during the outage")
    parser.add_argument("--mib", type=float, default=50.0, help="limit of the store")
    parser.add_argument("--rate", type=float, default=3_500.0, help="items a second that the endpoint takes")
    parser.add_argument("--program", nargs=2, metavar=("CONNECTION_STRING", "FOLDER"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    """Run the outage, print the figures, and return whether all holds."""
    asked = arguments()
    if asked.program:
        program(*asked.program, asked.items, asked.mib)
        return True
    with tempfile.TemporaryDirectory() as folder, LocalEndpoint(store=False) as endpoint:
        endpoint.stop()
        command = [sys.executable, __file__, "--items", str(asked.items), "--mib", str(asked.mib)]
        started_s = time.monotonic()
        with subprocess.Popen(
            [*command, "--program", endpoint.connection_string, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": folder},
        ) as running:
            samples = []
            for line in running.stdout:
                samples.append(json.loads(line))
                if samples[-1]["offered"] >= asked.items:
                    break
            outage_s = time.monotonic() - started_s
            endpoint.misbehave({"rule": "throttle", "items_per_s": asked.rate})
            endpoint.start()
            back_s = time.monotonic()
            running.stdin.write("drain\n")
            running.stdin.flush()
            drained = [json.loads(line) for line in running.stdout]
            drain_s = time.monotonic() - back_s
        return report(asked, samples, drained, endpoint, outage_s, drain_s)


def report(asked, samples, drained, endpoint, outage_s, drain_s):
    """Print the figures and return whether all holds."""
    offered, last = samples[-1]["offered"], drained[-1]
    limit_bytes = asked.mib * MIB
    settled = samples[len(samples) // 10 :]
    full = next((sample for sample in settled if sample["dropped"]), settled[0])
    growth_mib = max(sample["rss"] for sample in [*samples[samples.index(full) :], *drained]) - full["rss"]
    disk = max(sample["disk"] for sample in [*samples, *drained])
    refused = sum(request.status != 200 for request in endpoint.requests)
    print(f"outage: {offered:,} items offered in {outage_s:.0f} s, {offered / outage_s:,.0f} a second")
    print(f"  kept at its end: {samples[-1]['kept']:,} items in {samples[-1]['disk'] / MIB:.1f} MiB; dropped: {samples[-1]['dropped']}")
    print(f"  memory: {samples[0]['rss']:.1f} MiB at first, {full['rss']:.1f} when full, {samples[-1]['rss']:.1f} at its end")
    print(
        f"drain: {endpoint.accepted:,} items in {drain_s:.0f} s, {endpoint.accepted / drain_s:,.0f} a second, {len(endpoint.requests)} requests"
    )
    checks = {
        f"most on disk {disk / MIB:.2f} MiB, limit {asked.mib:g}": disk <= limit_bytes,
        f"memory grew by {growth_mib:.1f} MiB, limit {MAX_GROWTH_MIB:g}": growth_mib <= MAX_GROWTH_MIB,
        f"accounted for: {last['sent']:,} sent + {sum(last['dropped'].values()):,} dropped of {offered:,}": last["kept"] == 0,
        f"the endpoint accepted {endpoint.accepted:,} of {last['sent']:,} sent": endpoint.accepted == last["sent"],
        f"requests that the endpoint refused: {refused}, limit {MAX_REFUSED}": refused <= MAX_REFUSED,
    }
    for title, holds in checks.items():
        print(f"  {title}: {'ok' if holds else 'MISSED'}")
    return all(checks.values())


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
