from abc import ABC

from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


class Reporter(ABC):
    def span(self, name="span"):
        return self.start_span(name)

    def start_span(self, name="span"):
        pass

    def end_span(self):
        pass

    def current_span(self):
        pass

    def add_attribute_to_current_span(self, attribute_key, attribute_value):
        pass


class Kept(Reporter):
    def __init__(self):
        self.steps = []

    def start_span(self, name="span"):
        self.steps.append(name)


class Several(Reporter):
    def __init__(self, *reporters):
        self.reporters = reporters

    def start_span(self, name="span"):
        super().start_span(name)
        for each in self.reporters:
            each.start_span(name)


kept = Kept()
everybody = Several(kept)
configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)
with tracer.start_as_current_span("work") as work:
    everybody.span("load")
    everybody.start_span("store")
    work.set_attribute("steps", ", ".join(kept.steps))
