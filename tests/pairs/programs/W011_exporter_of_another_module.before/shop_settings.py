import telemetry

SECRET_KEY = "for tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"

MIDDLEWARE = [
    "opencensus.ext.django.middleware.OpencensusMiddleware",
    "django.middleware.common.CommonMiddleware",
]

OPENCENSUS = {
    "TRACE": {
        "SAMPLER": telemetry.sampler,
        "EXPORTER": telemetry.exporter,
        "EXCLUDELIST_PATHS": ["health"],
    }
}
