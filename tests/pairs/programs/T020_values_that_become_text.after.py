import uuid
from datetime import date
from decimal import Decimal
from json import dumps

from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("pay") as span:
    total = Decimal("2.50")
    try:
        [][total]
    except TypeError as error:
        span.set_attribute("error", str(error))
        span.add_event("failed", {"why": str(error), "tries": 2, "order": str(uuid.UUID(int=4))})
    span.set_attribute("sent", repr(b"\xff"))
    span.set_attribute("total", str(total))
    trace.get_current_span().set_attribute("day", str(date(2020, 1, 2)))
    span.set_attribute("nothing", None)
    span.set_attribute("lines", dumps({"tea": 2, "price": total, "größe": None}, default=str, ensure_ascii=False, separators=(",", ":")))
    span.set_attribute("sizes", dumps([1, "L"], ensure_ascii=False, separators=(",", ":")))
