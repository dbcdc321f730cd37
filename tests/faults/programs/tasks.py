"""A Celery application whose tasks make spans, and a program that asks for them."""

import json
import os
import pathlib
import sys

import celery

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

folder = pathlib.Path(os.environ["QUEUE"])
app = celery.Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {name: str(folder) for name in ("data_folder_in", "data_folder_out", "control_folder")}
exporter = AzureExporter(**json.loads(os.environ["OPTIONS"]))
tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())


@app.task(ignore_result=True)
def work(number):
    with tracer.span(name=f"item {number}"):
        pass
    (folder / f"{number}.done").touch()


if __name__ == "__main__":
    for line in sys.stdin:
        first, last = map(int, line.split())
        for number in range(first, last):
            work.delay(number)
        print("made", last, flush=True)
