"""Settings with the logging of the product's documentation: a handler for Azure beside the console, on the application's loggers."""

import os
import sys

SECRET_KEY = "not-so-secret"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = []
MIDDLEWARE = ["shop.tracing.TracingMiddleware"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "default": {"format": "%(levelname)s %(name)s %(traceId)s %(message)s"},
    },
    "handlers": {
        "azure": {
            "level": "DEBUG",
            "class": "opencensus.ext.azure.log_exporter.AzureLogHandler",
            "connection_string": os.environ["SHOP_CONNECTION_STRING"],
        },
        "console": {
            "level": "DEBUG",
            "class": "logging.StreamHandler",
            "stream": sys.stdout,
            "formatter": "default",
        },
    },
    "loggers": {
        "shop": {"handlers": ["azure", "console"], "level": "INFO"},
        "django.request": {"handlers": ["azure", "console"], "level": "WARNING"},
    },
}
