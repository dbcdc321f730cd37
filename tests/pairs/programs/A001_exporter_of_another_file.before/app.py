from middleware import Middleware
from tracing import exporter, get_tracer

app = Middleware(len, exporter=exporter)
app("/orders")
with get_tracer().span(name="outside"):
    pass
