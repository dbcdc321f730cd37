"""Makes spans in a process and in its children: plain forks, multiprocessing's processes, and a pool of them."""

import json
import multiprocessing
import os
import sys

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

exporter = AzureExporter(**json.loads(sys.argv[1]))
tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())


def work(numbers):
    for number in numbers:
        with tracer.span(name=f"item {number}"):
            pass


def forks(parts):
    for part in parts:
        if not os.fork():
            work(part)
            sys.exit()
    for _ in parts:
        os.wait()


def processes(parts):
    started = [multiprocessing.get_context("fork").Process(target=work, args=(part,)) for part in parts]
    for process in started:
        process.start()
    for process in started:
        process.join()


def pool(parts):
    workers = multiprocessing.get_context("fork").Pool(2)
    workers.map(work, parts, chunksize=1)
    workers.close()
    workers.join()


if __name__ == "__main__":
    kind = globals()[sys.argv[2]]
    for line in sys.stdin:
        first, last = map(int, line.split())
        numbers = range(first, last)
        work(numbers[0::4])
        kind([numbers[1::4], numbers[2::4], numbers[3::4]])
        print("made", last, flush=True)
