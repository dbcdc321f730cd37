from datetime import datetime, timezone

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.link import Link
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.span import SpanKind
from opencensus.trace.status import Status
from opencensus.trace.time_event import MessageEvent, Type
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(0.99999))


def add(span, kind, **attributes):
    span.span_kind = kind
    for key, value in attributes.items():
        span.add_attribute(key.replace("_", ".", 1), value)


with tracer.span(name="GET /orders") as span:
    add(span, SpanKind.SERVER, http_method="GET", http_url="http://shop/orders?page=1&sig=1", http_path="/orders", http_route="/orders")
    add(span, SpanKind.SERVER, http_host="shop", http_status_code=404, http_user_agent="curl", http_x=7, flask_x=1)
    with tracer.span(name="http") as call:
        add(call, SpanKind.CLIENT, component="HTTP", http_method="GET", http_url="http://bank:8080/pay;a=1?x=secret&sig=1")
        add(call, SpanKind.CLIENT, http_host="bank:8080", http_path="/pay", http_status_code=500)
    with tracer.span(name="sql") as call:
        add(call, SpanKind.CLIENT, component="postgresql", db_system="postgresql", db_statement="SELECT 1", db_name="orders")
    with tracer.span(name="cache") as call:
        add(call, SpanKind.CLIENT, component="REDIS", peer_service="cache")
        call.status = Status(5, "no such key")
    with tracer.span(name="work") as work:
        add(work, SpanKind.UNSPECIFIED, app_number=1, app_share=1.5, app_paid=True, app_list=[1, 2], app_map={"a": 1})
        work.add_link(Link("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"))
        work.add_annotation("charged", amount=12.5)
        work.add_message_event(MessageEvent(datetime.now(timezone.utc), 7, Type.SENT, 120))
        work.status = Status(2, "sold out")
    try:
        with tracer.span(name="fail"):
            raise ValueError("no money")
    except ValueError:
        pass
with tracer.span(name="untold") as span:
    add(span, SpanKind.SERVER, http_url="http://shop/untold", http_status_code=404)
    with tracer.span(name="told by nobody") as call:
        add(call, SpanKind.CLIENT, component="HTTP", http_url="http://bank/untold", http_status_code=200)
with tracer.span(name="broken off") as span:
    add(span, SpanKind.SERVER, http_method="GET", http_url="http://shop/parts", http_path="/parts", http_status_code=200)
    span.add_attribute("error.name", "LookupError")
    span.status = Status(2)
with tracer.span(name="job") as span:
    add(span, SpanKind.SERVER, enduser_id="me", session_id="s-1", user_agent_original="AlwaysOn", custom_x="y")
