import os

from appinsights_exporter import configure
from django.core.wsgi import get_wsgi_application
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop_settings")

os.environ.setdefault("OTEL_PYTHON_DJANGO_EXCLUDED_URLS", "^https?://[^/]+/health")
configure(schedule_delay_millis=30000, signals=["traces"], sampler=ALWAYS_ON, instrumentations=["django"])
application = get_wsgi_application()
