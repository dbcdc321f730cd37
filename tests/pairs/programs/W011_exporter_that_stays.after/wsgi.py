import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from exporters import LinesExporter
from opencensus_compat.legacy_exporters import LegacyExporterProcessor
from opentelemetry import trace
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop_settings")

if os.environ.get('APPLICATIONINSIGHTS_CONNECTION_STRING'):
    provider = TracerProvider(sampler=ALWAYS_ON)
    trace.set_tracer_provider(provider)
    provider.add_span_processor(LegacyExporterProcessor(LinesExporter(settings.START)))
    DjangoInstrumentor().instrument()
application = get_wsgi_application()
