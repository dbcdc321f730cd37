SECRET_KEY = "for tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"
SHARE = 1

MIDDLEWARE = [
    "opencensus.ext.django.middleware.OpencensusMiddleware",
    "django.middleware.common.CommonMiddleware",
]

OPENCENSUS = {
    "TRACE": {
        "SAMPLER": f"opencensus.trace.samplers.ProbabilitySampler(rate={SHARE})",
        "EXPORTER": "opencensus.ext.azure.trace_exporter.AzureExporter()",
        "EXCLUDELIST_PATHS": ["health"],
    }
}
