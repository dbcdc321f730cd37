from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(schedule_delay_millis=30000, signals=["traces"], sampler=ALWAYS_ON)
sampler = ALWAYS_ON
tracer = trace.get_tracer(__name__)
