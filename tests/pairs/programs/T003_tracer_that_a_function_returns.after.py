from appinsights_exporter import configure
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


class Middleware:
    def __init__(self, app):
        self.app = app

    def _tracer(self, request) -> trace.Tracer:
        tracer = trace.get_tracer(__name__)
        return tracer

    def __call__(self, each):
        tracer = self._tracer(each)
        with tracer.start_as_current_span("GET /", context=propagate.extract(each["headers"]), kind=trace.SpanKind.SERVER) as span:
            return self.app(each)


configure(signals=["traces"], sampler=ALWAYS_ON)
app = Middleware(len)
app({"headers": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}})
