import telemetry

SECRET_KEY = "for tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"

MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",
]
