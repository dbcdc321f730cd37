import os

from exporters import LinesExporter

SECRET_KEY = "for tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"
START = "span"

MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]

if os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING"):
    MIDDLEWARE.insert(0, "opencensus.ext.django.middleware.OpencensusMiddleware")
    OPENCENSUS = {
        "TRACE": {
            "SAMPLER": "opencensus.trace.samplers.AlwaysOnSampler()",
            "EXPORTER": LinesExporter(START),
        }
    }
