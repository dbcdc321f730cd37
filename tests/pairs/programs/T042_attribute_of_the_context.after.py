import contextvars
from contextvars import ContextVar

from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

_tenant = ContextVar("tenant", default=None)

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def charge():
    with tracer.start_as_current_span("charge") as span:
        span.set_attribute("tenant", _tenant.get() or "nobody")


def serve(tenant):
    _tenant.set(tenant)
    with tracer.start_as_current_span("serve"):
        charge()


for tenant in ("t1", "t2"):
    contextvars.copy_context().run(serve, tenant)
charge()
