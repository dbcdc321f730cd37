import os

from appinsights_exporter import configure
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop_settings")

os.environ.setdefault("OTEL_PYTHON_DJANGO_EXCLUDED_URLS", "^https?://[^/]+/health")
configure(signals=["traces"], sampler=ParentBased(TraceIdRatioBased(settings.SHARE)), instrumentations=["django"])
application = get_wsgi_application()
