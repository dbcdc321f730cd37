import os

SECRET_KEY = "for tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"
START = "span"

MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]

if os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING"):
    pass
