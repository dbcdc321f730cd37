"""The same project with OpenCensus's own middleware, as its documentation has it, and a database."""

import os

from opencensus.trace import config_integration

from .settings import *

config_integration.trace_integrations(["logging"])

ROOT_URLCONF = "shop.census_urls"
MIDDLEWARE = [
    "opencensus.ext.django.middleware.OpencensusMiddleware",
    "django.middleware.common.CommonMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SHOP_DATABASE"]}}

OPENCENSUS = {
    "TRACE": {
        "SAMPLER": "opencensus.trace.samplers.ProbabilitySampler(rate=1)",
        "EXPORTER": f'''opencensus.ext.azure.trace_exporter.AzureExporter(
            connection_string="{os.environ["SHOP_CONNECTION_STRING"]}"
        )''',
        "EXCLUDELIST_PATHS": ["health"],
    }
}

# A line for each failing request beside those of the view.
LOGGING["loggers"]["django.request"]["handlers"] = ["console"]
