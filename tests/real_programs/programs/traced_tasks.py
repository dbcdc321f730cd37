"""A Celery application whose telemetry is set up by signals of its worker, with a span for each task, and a program that asks for them."""

import logging
import os
import pathlib
import sys
import time

import celery
import celery.signals
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

config_integration.trace_integrations(["logging"])
folder = pathlib.Path(os.environ["QUEUE"])
app = celery.Celery("traced_tasks", broker="filesystem://")
app.conf.broker_transport_options = {name: str(folder) for name in ("data_folder_in", "data_folder_out", "control_folder")}
logger = logging.getLogger("shop.traced")
exporters = []


def set_up(**_):
    logger.setLevel(logging.INFO)
    logger.addHandler(AzureLogHandler())
    exporters.append(AzureExporter())


getattr(celery.signals, os.environ.get("SET_UP", "celeryd_init")).connect(set_up, weak=False)


@app.task(ignore_result=True)
def work(number):
    with Tracer(exporter=exporters[0], sampler=AlwaysOnSampler()).span("task %d" % number):
        time.sleep(0.01)  # so that tasks overlap where there are threads
        logger.info("in task %d", number)
    (folder / ("%d.done" % number)).touch()


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        work.delay(number)
