import os


class Config:
    CONNECTION_STRING = os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING")
    sampler = "opencensus.trace.samplers.ProbabilitySampler(rate=1.0)"
    OPENCENSUS = {
        "TRACE": {
            "SAMPLER": sampler,
            "EXPORTER": 'opencensus.ext.azure.trace_exporter.AzureExporter(connection_string="' + CONNECTION_STRING + '")',
            "BLACKLIST_PATHS": ["health"],
        }
    }
