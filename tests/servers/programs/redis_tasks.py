"""A Celery application on Redis whose tasks have spans and log lines, and a program that asks for them and waits for their results."""

from __future__ import annotations

import logging
import os
import sys

import celery
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from sqlalchemy import create_engine, text

URL = "redis://127.0.0.1:%s/0" % os.environ["REDIS"]
app = celery.Celery("redis_tasks", broker=URL, backend=URL)
app.conf.worker_hijack_root_logger = False

config_integration.trace_integrations(["sqlalchemy", "logging"])
logger = logging.getLogger("shop.tasks")
logger.setLevel(logging.INFO)
logger.addHandler(AzureLogHandler())
exporter = AzureExporter()
engine = create_engine("sqlite://")


@app.task
def work(number):
    with Tracer(exporter=exporter, sampler=AlwaysOnSampler()).span(name="task %d" % number):
        with engine.begin() as connection:
            found = connection.execute(text("SELECT %d" % number)).scalar()
        logger.info("found %d", found)
        if number % 4 == 0:
            try:
                raise LookupError("no order %d" % number)
            except LookupError:
                logger.exception("failed %d", number)
    return found


if __name__ == "__main__":
    asked = [work.delay(number) for number in range(int(sys.argv[1]))]
    print(sum(result.get(timeout=120) for result in asked))
