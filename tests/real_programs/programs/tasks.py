"""A Celery application whose tasks log, and a program that asks for them."""

import logging
import os
import pathlib
import sys

import celery
import celery.signals
from opencensus.ext.azure.log_exporter import AzureLogHandler

folder = pathlib.Path(os.environ["QUEUE"])
app = celery.Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {name: str(folder) for name in ("data_folder_in", "data_folder_out", "control_folder")}
app.conf.worker_hijack_root_logger = False

logger = logging.getLogger("shop.tasks")
logger.setLevel(logging.INFO)
logger.addHandler(AzureLogHandler())


@app.task(ignore_result=True)
def work(number):
    logger.info("task %d", number, extra={"custom_dimensions": {"pid": os.getpid()}})
    if number % 4 == 0:
        try:
            raise LookupError("no order %d" % number)
        except LookupError:
            logger.exception("task %d failed", number)
    (folder / ("%d.done" % number)).touch()


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        work.delay(number)
