"""Jobs of RQ that log; where it is asked for, the module is loaded by the worker, and not by the process of each job."""

import logging
import os

from opencensus.ext.azure.log_exporter import AzureLogHandler

logger = logging.getLogger("shop.jobs")
logger.setLevel(logging.INFO)
logger.addHandler(AzureLogHandler())


def work(number):
    logger.info("job %d in another process than the worker: %s", number, os.getpid() != int(os.environ["WORKER"]))
    if number % 4 == 0:
        raise LookupError("no order %d" % number)
