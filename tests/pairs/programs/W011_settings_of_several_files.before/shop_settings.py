from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import ProbabilitySampler
from shop_base import *

if CONNECTION_STRING.startswith("InstrumentationKey="):
    rate = float("1.0")

    def without_health(envelope):
        return not envelope.data.baseData.get("url", "").endswith("/health")

    exporter = AzureExporter(connection_string=CONNECTION_STRING)
    exporter.add_telemetry_processor(without_health)
    MIDDLEWARE += ["opencensus.ext.django.middleware.OpencensusMiddleware"]
    OPENCENSUS = {
        "TRACE": {
            "SAMPLER": ProbabilitySampler(rate=rate),
            "EXPORTER": exporter,
        }
    }
