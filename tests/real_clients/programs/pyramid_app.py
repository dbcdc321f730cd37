from opencensus.trace import execution_context
from opencensus.trace.propagation import trace_context_http_header_format
from opencensus.trace.samplers import AlwaysOnSampler
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from shop import CALLER, Recorder, plain, show


def orders(request):
    with execution_context.get_opencensus_tracer().span("price") as span:
        span.add_attribute("number", request.matchdict["number"])
    return Response("7")


def fails(request):
    raise ValueError("no such order")


recorder = Recorder()
trace = {
    "SAMPLER": AlwaysOnSampler(),
    "EXPORTER": recorder,
    "PROPAGATOR": trace_context_http_header_format.TraceContextPropagator(),
    "EXCLUDELIST_PATHS": ["health"],
}
with Configurator(settings={"OPENCENSUS": {"TRACE": trace}}) as config:
    config.add_tween("opencensus.ext.pyramid.pyramid_middleware.OpenCensusTweenFactory")
    for name, pattern, view in [
        ("orders", "/orders/{number}", orders),
        ("fails", "/fails", fails),
        ("health", "/health", lambda request: Response("well")),
    ]:
        config.add_route(name, pattern)
        config.add_view(view, route_name=name)
app = config.make_wsgi_app()
answers = []
for path, headers in CALLER:
    try:
        answers.append(Request.blank(path, headers=headers).get_response(app).status_code)
    except ValueError as error:
        answers.append(str(error))
show([answers, plain(recorder.spans)])
