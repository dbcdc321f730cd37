from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


class Shop:
    left_out = None

    def __init__(self, tracer, paths=None):
        self.tracer = tracer
        self.paths = paths

    def serve(self, url):
        if url.removeprefix("https://").removeprefix("http://").partition("/")[2].startswith(("health", "metrics")) or ("shop/" + url).removeprefix("https://").removeprefix("http://").partition("/")[2].startswith("_ah/health"):
            return
        if not url.removeprefix("https://").removeprefix("http://").partition("/")[2].startswith("_ah/health" if self.paths is None else tuple(self.paths)):
            with self.tracer.start_as_current_span(url, kind=trace.SpanKind.SERVER) as span:
                self.describe(span)

    def describe(self, span):
        span.set_attribute("http.path", "shop")


configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)
for shop in (Shop(tracer), Shop(tracer, ["cart", "admin"])):
    for path in ("cart?id=1", "health/now", "_ah/health", "admin", "metrics", "tea?to=https://shop/cart"):
        shop.serve(f"https://example.org:8080/{path}")
        shop.serve(f"http://example.org/{path}")
