from opencensus.trace.print_exporter import PrintExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


class Middleware:
    def __init__(self, app, exporter=None):
        self.app = app
        self.exporter = exporter or PrintExporter()

    def __call__(self, path):
        tracer = Tracer(exporter=self.exporter, sampler=AlwaysOnSampler())
        with tracer.span(name=path):
            return self.app(path)
