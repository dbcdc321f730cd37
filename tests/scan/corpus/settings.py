"""Settings of Django: names and source in text. A comment names the rules of its line."""

import os

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "opencensus.ext.django.middleware.OpencensusMiddleware",  #: W011
]
KEY = os.environ.get("KEY")
OPENCENSUS = {  #: W018
    "TRACE": {
        "SAMPLER": "opencensus.trace.samplers.ProbabilitySampler(rate=1)",  #: N005
        "EXPORTER": f"""opencensus.ext.azure.trace_exporter.AzureExporter(connection_string="{KEY}")""",  #: N005
        "PROPAGATOR": "opencensus.trace.propagation.trace_context_http_header_format.TraceContextPropagator",  #: N001
    }
}


def configure(app):
    app.config["OPENCENSUS"] = {}  #: W018
    app.config.update(OPENCENSUS={"TRACE": {}})  #: W018
