from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus.trace.tracer import Tracer


class Telemetry:
    def __init__(self, config):
        self.config = config

    def _exporter(self, component):
        exporter = AzureExporter(
            export_interval=1.0,
            timeout=5,
        )
        exporter.add_telemetry_processor(self._role(component))
        return exporter

    def _role(self, component):
        def set_role(envelope):
            envelope.tags["ai.cloud.role"] = component

        return set_role

    def get_tracer(self, component="shop", parent=None):
        sampler = AlwaysOnSampler()
        exporter = self._exporter(component)
        if not self.config["enabled"]:
            sampler = AlwaysOffSampler()
        if parent is None:
            tracer = Tracer(exporter=exporter, sampler=sampler)
        else:
            tracer = Tracer(span_context=parent.span_context, exporter=exporter, sampler=sampler)
        return tracer
