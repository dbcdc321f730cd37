"""Runs programs many times and compares each run with the first two: `census-compat compare` finds no difference between them.

Use::

    .venv/bin/python benchmarks/compare_itself.py [--runs 50] [PROGRAM ...]

Programs are those below, or files. A line for each: runs, runs that differ, and what differs. The exit code is 1 where one does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from opencensus_compat.compare import compare
from opencensus_compat.local import LocalEndpoint

_HEAD = """
import asyncio, logging, random, threading, time
from concurrent.futures import ThreadPoolExecutor
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler, ProbabilitySampler
from opencensus.trace.tracer import Tracer

logger = logging.getLogger("orders")
logger.addHandler(AzureLogHandler())
"""

_PROGRAMS = {
    "threads": """
config_integration.trace_integrations(["threading"])
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

def work(number):
    with tracer.span(name=f"work {number}") as span:
        span.add_attribute("number", number)
        with tracer.span(name="load"):
            logger.warning("loaded %d", number)
        with tracer.span(name="save"):
            pass

with tracer.span(name="all"):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(12)))
    others = [threading.Thread(target=work, args=(number,)) for number in range(100, 104)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()
""",
    "asyncio": """
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

async def work(number):
    with tracer.span(name=f"work {number}"):
        await asyncio.sleep(random.random() / 100)
        logger.warning("awaited %d", number)

async def main():
    with tracer.span(name="all"):
        await asyncio.gather(*map(work, range(20)))

asyncio.run(main())
""",
    "retries": """
for number in range(5):
    tracer = Tracer(exporter=AzureExporter(max_batch_size=2), sampler=AlwaysOnSampler())
    with tracer.span(name="order"):
        for step in ("load", "charge", "save"):
            with tracer.span(name=step):
                logger.warning("%s %d", step, number)
time.sleep(3)  # until what was refused has been sent again
""",
    "sampling": """
random.seed(7)
from opencensus.trace.span_context import SpanContext

for number in range(40):
    context = SpanContext(trace_id=f"{random.getrandbits(128):032x}")
    tracer = Tracer(span_context=context, exporter=AzureExporter(), sampler=ProbabilitySampler(0.5))
    with tracer.span(name=f"order {number}"):
        with tracer.span(name="save"):
            pass
""",
}
_MISBEHAVIOUR = {"retries": ("status:code=429,retry_after=1,times=1", "status:code=500,times=1,skip=1")}


def main() -> int:
    """Run the programs and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"a file, or one of {', '.join(_PROGRAMS)}; default: all of these")
    parser.add_argument("--runs", type=int, default=50)
    arguments = parser.parse_args()
    differing = 0
    for name in arguments.programs or _PROGRAMS:
        with tempfile.TemporaryDirectory() as folder:
            files = [_recorded(name, Path(folder), number) for number in range(arguments.runs)]
            # As the command does: what differs between two runs, such as the thread of a pool that a job got, is no difference.
            found = [compare(files[0], file, twins=files[1:2]) for file in files[2:]]
        columns = Counter(f"{each.table} {each.column}" for one in found for each in one.open_differences)
        columns.update(f"{problem.kind}: {problem.text}" for one in found for problem in one.problems)
        odd = sum(one.verdict != "equal" for one in found)
        differing += odd
        items = sum(table.rows_before for table in found[0].tables) if found else 0
        print(
            f"{name}: {arguments.runs} runs of {items} items, {odd} differ{''.join(f'; {text}: {count}' for text, count in columns.items())}"
        )
    return 1 if differing else 0


def _recorded(name: str, folder: Path, number: int) -> Path:
    program = Path(name)
    if name in _PROGRAMS:
        program = folder / "program.py"
        program.write_text(_HEAD + _PROGRAMS[name], encoding="utf-8")
    database = folder / f"{number}.db"
    with LocalEndpoint(database=database) as endpoint:
        endpoint.misbehave(*_MISBEHAVIOUR.get(name, ()))
        own = folder / f"own-{number}"  # what waits on disk there is no other run's
        own.mkdir()
        environment = {**os.environ, "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string, "TMPDIR": str(own)}
        subprocess.run([sys.executable, str(program)], env=environment, check=True, capture_output=True)
        endpoint.wait_idle()
    return database


if __name__ == "__main__":
    sys.exit(main())
