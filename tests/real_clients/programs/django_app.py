import logging

import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
from opencensus.trace import execution_context
from shop import CALLER, Recorder, plain, show

recorder = Recorder()
settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="s",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    MIDDLEWARE=["opencensus.ext.django.middleware.OpencensusMiddleware"],
    OPENCENSUS={
        "TRACE": {
            "SAMPLER": "opencensus.trace.samplers.ProbabilitySampler(rate=1)",
            "EXPORTER": recorder,
            "PROPAGATOR": "opencensus.trace.propagation.trace_context_http_header_format.TraceContextPropagator()",
            "EXCLUDELIST_PATHS": ["health"],
        }
    },
)
django.setup()
logging.disable(logging.CRITICAL)


def orders(request, number):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with execution_context.get_opencensus_tracer().span("price") as span:
        span.add_attribute("number", number)
    return HttpResponse(number)


def fails(request):
    raise ValueError("no such order")


def health(request):
    return HttpResponse("well")


urlpatterns = [path("orders/<number>", orders), path("fails", fails), path("health", health)]

from django.test import Client

client = Client(raise_request_exception=False)
answers = [client.get(path, headers=headers).status_code for path, headers in CALLER]
show([answers, plain(recorder.spans)])
