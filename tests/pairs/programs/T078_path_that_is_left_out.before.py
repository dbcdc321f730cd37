from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import utils
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer


class Shop:
    left_out = None

    def __init__(self, tracer, paths=None):
        self.tracer = tracer
        self.paths = paths

    def serve(self, url):
        if utils.disable_tracing_url(url, ["health", "metrics"]) or utils.disable_tracing_url("shop/" + url):
            return
        if not utils.disable_tracing_url(url, self.paths):
            with self.tracer.span(name=url) as span:
                self.describe(span)

    def describe(self, span):
        span.span_kind = SpanKind.SERVER
        span.add_attribute("http.path", "shop")


tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
for shop in (Shop(tracer), Shop(tracer, ["cart", "admin"])):
    for path in ("cart?id=1", "health/now", "_ah/health", "admin", "metrics", "tea?to=https://shop/cart"):
        shop.serve(f"https://example.org:8080/{path}")
        shop.serve(f"http://example.org/{path}")
