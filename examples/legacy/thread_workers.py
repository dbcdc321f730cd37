"""Workers that share one tracer; each job is a trace of its own."""
import queue
import threading
import time

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

WORKERS = 2
JOBS = ['thumbnails', 'invoices', 'reminders']

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
jobs = queue.Queue()


def work():
    while True:
        job = jobs.get()
        if job is None:
            return
        with tracer.span(name='job ' + job):
            with tracer.span(name='load ' + job):
                time.sleep(0.004)
            with tracer.span(name='save ' + job):
                time.sleep(0.002)


def main():
    threads = [threading.Thread(target=work, name='worker-%d' % number) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for job in JOBS:
        jobs.put(job)
    for thread in threads:
        jobs.put(None)
    for thread in threads:
        thread.join()


if __name__ == '__main__':
    main()
