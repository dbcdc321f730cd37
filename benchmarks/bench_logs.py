"""What a log record costs the thread that logs it, in the Application Insights handler alone, beside the retired SDK and OpenTelemetry.

Run ``python benchmarks/bench_logs.py``. One interpreter per contestant, started by turns; each measures CPU time of its own thread and
keeps the best of many rounds. The records are made beforehand, so that what logging itself costs is left out (it is shown for
comparison); a few at a time, so that they are in the processor's cache, as where each is handled as soon as it is made. The threads that work on the records afterwards are there, and their CPU time is not counted. Between rounds what was logged
is sent, so that a round uses memory that the one before gave back, as in a program that goes on; else new memory would be measured.

* ``text``: a message without arguments.
* ``args``: one with a text and a number as arguments.
* ``object``: one with a list as argument, which may change: the record that is sent must be what it was when it was logged.
* ``error``: one with an exception as argument, whose text is made at once: it is an object that may be anything.
* ``several``: one with a text, a list and a dict as arguments.
* ``extra``: a message with two custom dimensions; ``extra list``: one of which is a list.
* ``span``: a message inside a span.

The second table is the wall-clock time of logging 4,000 lines in a loop, logging itself and all threads at work: what a burst costs.

The retired SDK is that of ``LEGACY_PYTHON`` (default ``.venvs/legacy/bin/python``). Ends with 1 when a limit is not kept.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import rows

ROOT = Path(__file__).resolve().parent.parent
LEGACY_PYTHON = os.environ.get("LEGACY_PYTHON", str(ROOT / ".venvs" / "legacy" / "bin" / "python"))
TURNS = 3
ROUNDS = 5
CALLS = 4_000
FEW = 50
IDLE = {"queue_capacity": 10**6, "max_batch_size": 10**6, "export_interval": 3600.0}
LIMITS = {
    "text": 1.0,
    "args": 1.0,
    "object": 1.0,
    "error": 1.0,
    "several": 1.7,
    "extra": 0.95,
    "extra list": 1.6,
    "span": 1.0,
    "burst": 1.0,
}
"""Workload -> the most that census-compat may cost of what the retired SDK costs."""

logger = logging.getLogger("benchmark")


def records():
    """Return what to log: name -> arguments of a record."""
    return {
        "text": ("the quick brown fox", ()),
        "args": ("user %s did %d things", ("somebody", 17)),
        "object": ("user did %s", (["this", "that"],)),
        "error": ("it failed: %s", (ValueError("no such user"),)),
        "several": ("user %s did %s of %s", ("somebody", ["this", "that"], {"things": 17})),
        "extra": ("the quick brown fox", ()),
        "extra list": ("the quick brown fox", ()),
        "span": ("the quick brown fox", ()),
    }


def made(name):
    """Return fresh records."""
    message, arguments = records()[name]
    things = {"extra": 17, "extra list": ["this", "that"]}.get(name)
    extra = None if things is None else {"custom_dimensions": {"user": "somebody", "things": things}}
    return [
        logger.makeRecord("benchmark", logging.INFO, __file__, 1, message, arguments, None, func="made", extra=extra) for _ in range(FEW)
    ]


def around(name):
    """Return a span to be inside of."""
    if name != "span":
        return None
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer

    return Tracer(sampler=AlwaysOnSampler()).span("request")


def legacy():
    """Return the retired SDK's handler, as it is."""
    from opencensus.ext.azure.log_exporter import AzureLogHandler

    return AzureLogHandler(connection_string=os.environ["ENDPOINT"], enable_local_storage=False, **IDLE)


def census_compat():
    """Return our handler, as it is."""
    from opencensus.ext.azure.log_exporter import AzureLogHandler

    return AzureLogHandler(connection_string=os.environ["ENDPOINT"], enable_local_storage=False, **IDLE)


def opentelemetry():
    """Return OpenTelemetry's handler, as it is."""
    import warnings

    warnings.simplefilter("ignore")
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    class Nowhere:
        def export(self, batch):
            return None

        def shutdown(self):
            return None

    processor = BatchLogRecordProcessor(Nowhere(), max_queue_size=10**6, max_export_batch_size=10**6, schedule_delay_millis=3_600_000)
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(processor)
    handler = LoggingHandler(logger_provider=provider)
    handler.flush = processor.force_flush
    return handler


CONTESTANTS = {
    "legacy": (LEGACY_PYTHON, legacy),
    "opentelemetry": (sys.executable, opentelemetry),
    "census-compat": (sys.executable, census_compat),
}


def measure(name):
    """Return microseconds of CPU per record, the best round of each workload, and those of logging itself as ``(logging)``."""
    handler = CONTESTANTS[name][1]()
    best = {}
    for workload in records():
        outer = around(workload) if name != "opentelemetry" else None
        if outer is not None:
            outer.__enter__()
        for _ in range(ROUNDS):
            handle = handler.handle
            gc.collect()
            spent_ns = 0
            for _ in range(CALLS // FEW):
                fresh = made(workload)
                started = time.thread_time_ns()
                for record in fresh:
                    handle(record)
                spent_ns += time.thread_time_ns() - started
            spent = spent_ns / CALLS / 1000
            best[workload] = min(best.get(workload, spent), spent)
            handler.flush()
    logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for _ in range(ROUNDS):
        gc.collect()
        started = time.thread_time_ns()
        for _ in range(CALLS):
            logger.info("user %s did %d things", "somebody", 17)
        spent = (time.thread_time_ns() - started) / CALLS / 1000
        best["(logging)"] = min(best.get("(logging)", spent), spent)
    return best


def burst():
    """Return microseconds of wall-clock time per line, logging itself and all threads at work, the best of a few rounds."""
    from opencensus.ext.azure.log_exporter import AzureLogHandler

    logging.disable(logging.NOTSET)
    logging.getLogger("opencensus").setLevel(logging.CRITICAL)
    logger.addHandler(AzureLogHandler(connection_string=os.environ["ENDPOINT"], enable_local_storage=False))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    best = {}
    for _ in range(ROUNDS):
        started = time.perf_counter_ns()
        for number in range(CALLS):
            logger.info("user %s did %d things", "somebody", number)
        spent = (time.perf_counter_ns() - started) / CALLS / 1000
        best["burst"] = min(best.get("burst", spent), spent)
        logger.handlers[0].flush()
    return best


def run(name, what, endpoint):
    """Measure one contestant in its own interpreter."""
    environment = {**os.environ, "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true", "ENDPOINT": endpoint}
    command = [CONTESTANTS[name][0], "-W", "ignore", __file__, name, what]
    return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout)


def main():
    """Measure by turns, print the tables, and return the exit code."""
    from opencensus_compat.local import LocalEndpoint

    with LocalEndpoint(store=False) as endpoint:

        def turn(name):
            found = run(name, "handler", endpoint.connection_string)
            return found if name == "opentelemetry" else found | run(name, "burst", endpoint.connection_string)

        figures = rows.by_turns(CONTESTANTS, turn, TURNS)
    print(
        "microseconds per record (burst: wall clock, others: CPU of the logging thread in the handler), best of", TURNS * ROUNDS, "rounds"
    )
    rows.show(figures)
    table = rows.Rows()
    table.of_legacy(figures, LIMITS)
    return table.exit_code()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(burst() if sys.argv[2] == "burst" else measure(sys.argv[1])), flush=True)
        os._exit(0)  # what is queued is for nobody
    sys.exit(main())
