from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

tracer = None


def start():
    global tracer
    configure(signals=["traces"], sampler=ALWAYS_ON)
    tracer = trace.get_tracer(__name__)
