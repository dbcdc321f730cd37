from types import SimpleNamespace

import azure.functions as func
from appinsights_exporter import configure
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.context import attach
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
app = func.FunctionApp()


@app.route(route="orders/{number}")
def order(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer one request."""
    attach(propagate.extract({"traceparent": context.trace_context.trace_parent, "tracestate": context.trace_context.trace_state}))
    with trace.get_tracer(__name__).start_as_current_span("look up"):
        with trace.get_tracer(__name__).start_as_current_span("read"):
            pass
    span = trace.get_tracer(__name__).start_span("price")
    token = otel_context.attach(trace.set_span_in_context(span))
    trace.get_current_span().set_attribute("number", req.route_params["number"])
    span.end()
    otel_context.detach(token)
    return func.HttpResponse("found")


answer = app.get_functions()[0].get_user_function()
for caller in ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"):
    asked = func.HttpRequest("GET", "/api/orders/7", route_params={"number": "7"}, body=b"")
    answer(req=asked, context=SimpleNamespace(trace_context=SimpleNamespace(trace_parent=caller, trace_state=None)))
