from types import SimpleNamespace

import azure.functions as func
from opencensus.extension.azure.functions import OpenCensusExtension

OpenCensusExtension.configure()
app = func.FunctionApp()


@app.route(route="orders/{number}")
def order(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Answer one request."""
    with context.tracer.span("look up"):
        with context.tracer.span("read"):
            pass
    context.tracer.start_span("price")
    context.tracer.add_attribute_to_current_span("number", req.route_params["number"])
    context.tracer.end_span()
    return func.HttpResponse("found")


answer = app.get_functions()[0].get_user_function()
for caller in ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"):
    asked = func.HttpRequest("GET", "/api/orders/7", route_params={"number": "7"}, body=b"")
    answer(req=asked, context=SimpleNamespace(trace_context=SimpleNamespace(trace_parent=caller, trace_state=None)))
