from middleware import Middleware
from tracing import get_tracer

app = Middleware(len)
app("/orders")
with get_tracer().start_as_current_span("outside"):
    pass
