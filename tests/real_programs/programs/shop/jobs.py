"""The project's Celery application, whose tasks log and ask the database in spans of their own; and a program that asks for them."""

import logging
import os
import pathlib
import sys

import celery
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.census_settings")
folder = pathlib.Path(os.environ["QUEUE"])
app = celery.Celery("shop", broker="filesystem://")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.broker_transport_options = {name: str(folder) for name in ("data_folder_in", "data_folder_out", "control_folder")}
app.conf.worker_hijack_root_logger = False


@app.task(name="reserve", ignore_result=True)
def reserve(number):
    from django.db import connection

    tracer = Tracer(exporter=AzureExporter(connection_string=os.environ["SHOP_CONNECTION_STRING"]), sampler=AlwaysOnSampler())
    with tracer.span("job %d" % number), connection.cursor() as cursor:
        cursor.execute("SELECT %s", [number])
        logging.getLogger("shop.jobs").info("job %d done", number)
    (folder / ("%d.done" % number)).touch()


if __name__ == "__main__":
    import django

    django.setup()
    for number in range(int(sys.argv[1])):
        reserve.delay(number)
