"""Processes of multiprocessing that log: of the given start method, by themselves and in a pool."""

import logging
import multiprocessing
import sys

from opencensus.ext.azure.log_exporter import AzureLogHandler

logger = logging.getLogger("shop")


def configure():
    if not logger.handlers:
        logger.setLevel(logging.INFO)
        logger.addHandler(AzureLogHandler())


def work(number):
    configure()
    logger.info("work %d", number)


if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    configure()
    logger.info("before")
    processes = [context.Process(target=work, args=(number,)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    pool = context.Pool(2)
    pool.map(work, range(2, 6), chunksize=1)
    pool.close()
    pool.join()
    logger.info("after")
