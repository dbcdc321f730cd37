import os

from appinsights_exporter import configure
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop_settings")

if settings.CONNECTION_STRING.startswith('InstrumentationKey='):
    configure(connection_string=settings.CONNECTION_STRING, telemetry_processors=settings.TELEMETRY_PROCESSORS, signals=["traces"], sampler=ParentBased(TraceIdRatioBased(float('1.0'))), instrumentations=["django"])
application = get_wsgi_application()
