"""200 requests to a Django project, 50 at once, each of which has one query; the integration with the database's driver is on, too."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.http import HttpResponse
from django.urls import path
from opencensus.trace import config_integration

config_integration.trace_integrations(["postgresql"])
settings.configure(
    ALLOWED_HOSTS=["testserver"],
    SECRET_KEY="s",
    ROOT_URLCONF=__name__,
    LOGGING_CONFIG=None,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": "127.0.0.1",
            "PORT": os.environ["POSTGRESQL"],
            "USER": "census",
            "NAME": "postgres",
        }
    },
    MIDDLEWARE=["opencensus.ext.django.middleware.OpencensusMiddleware"],
    OPENCENSUS={
        "TRACE": {
            "SAMPLER": "opencensus.trace.samplers.AlwaysOnSampler()",
            "EXPORTER": "opencensus.ext.azure.trace_exporter.AzureExporter()",
        }
    },
)

import django

django.setup()

from django.db import connection, connections
from django.test import Client


def order(request, number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s AS number_" + str(number), [number])
        assert cursor.fetchall() == [(number,)]
    connections.close_all()
    return HttpResponse()


urlpatterns = [path("orders/<int:number>", order)]

if __name__ == "__main__":
    client = Client()
    with ThreadPoolExecutor(50) as pool:
        print(sum(pool.map(lambda number: client.get(f"/orders/{number}").status_code == 200, range(200))))
