from opentelemetry import trace


class Middleware:
    def __init__(self, app):
        self.app = app

    def __call__(self, path):
        tracer = trace.get_tracer(__name__)
        with tracer.start_as_current_span(path):
            return self.app(path)
