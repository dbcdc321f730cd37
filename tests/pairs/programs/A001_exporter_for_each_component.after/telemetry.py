from appinsights_exporter import SpanPipeline
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased


class Telemetry:
    def __init__(self, config):
        self.config = config

    def _exporter(self, component):
        exporter = SpanPipeline(
            schedule_delay_millis=1000,
            timeout=5,
        )
        exporter.add_telemetry_processor(self._role(component))
        return exporter

    def _role(self, component):
        def set_role(envelope):
            envelope.tags["ai.cloud.role"] = component

        return set_role

    def get_tracer(self, component="shop", parent=None):
        sampler = ParentBased(ALWAYS_ON)
        exporter = self._exporter(component)
        if not self.config["enabled"]:
            sampler = ParentBased(ALWAYS_OFF)
        if parent is None:
            tracer = exporter.tracer_provider(sampler=sampler).get_tracer(__name__)
        else:
            tracer = exporter.tracer_provider(sampler=sampler).get_tracer(__name__)
        return tracer
