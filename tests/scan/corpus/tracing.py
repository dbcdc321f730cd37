"""Tracers and spans in all their forms. A comment names the rules of its line."""

import functools

import opencensus.trace  #: I003
import opencensus.trace.span_context as sc  #: I002
from opencensus.ext.azure.trace_exporter import AzureExporter  #: I001
from opencensus.trace import attributes_helper, config_integration  #: I001 I001
from opencensus.trace import execution_context
#: I001 @-1
from opencensus.trace import tracer as tracer_module  #: I002
from opencensus.trace.propagation.google_cloud_format import GoogleCloudFormatPropagator  #: I001
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator  #: I001
from opencensus.trace.samplers import (
    AlwaysOffSampler,  #: I001
    AlwaysOnSampler,  #: I001
    ProbabilitySampler,  #: I001
    Sampler,  #: I001
)
from opencensus.trace.span import SpanKind  #: I001
from opencensus.trace.status import Status  #: I001
from opencensus.trace.tracer import Tracer  #: I001

KEY = "InstrumentationKey=00000000-0000-0000-0000-000000000000"  #: A003
WHOLE = "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://example.com/"

tracer = Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(1.0))  #: T001 A001 A005 T060
silent = tracer_module.Tracer(sampler=AlwaysOffSampler())  #: T001 T062
through = tracer_module.Tracer(sampler=tracer_module.samplers.AlwaysOnSampler())  #: T001 T061
Tracer()  #: T002
config_integration.trace_integrations(["requests", "logging"])  #: W001


def request(headers):
    context = TraceContextPropagator().from_headers(headers)  #: T053 T053
    print(context.trace_id)  #: T050
    inner = Tracer(span_context=context, exporter=AzureExporter(instrumentation_key="k"), sampler=AlwaysOnSampler())  #: T003 A001 A004 T061
    with inner.span(name="request") as span:  #: T010
        span.span_kind = SpanKind.SERVER  #: T021 T031
        span.name = "GET /"  #: T022
        span.attributes["a"] = 1  #: T024
        span.status = Status(2, "no")  #: T025 T025
        span.set_status(Status(0))  #: T025 T025
        span.span_id = "1234567890123456"  #: T023
        span.add_attribute("http.status_code", 200)  #: T020
        span.add_annotation("text", key="value")  #: T026
        span.add_link(None)  #: T027
        span.add_message_event(None)  #: T028
        inner.add_attribute_to_current_span(attribute_key="a", attribute_value="b")  #: T016
        with span.span(name="child") as child:  #: T029
            child.add_attribute("a", "b")  #: T020
    inner.finish()  #: T014
    GoogleCloudFormatPropagator().to_headers(context)  #: T054 T054


def by_hand(span: "opencensus.trace.span.Span"):  #: T032
    made = tracer.start_span(name="work")  #: T012
    made.add_attribute("a", "b")  #: T020
    tracer.end_span()  #: T013
    loose = tracer.span("loose")  #: T011
    loose.start()  #: T030
    loose.finish()  #: T030
    print(tracer.span_context.trace_id, span.context_tracer.trace_id)  #: T019 T019
    print(tracer.current_span().span_id, sc.generate_trace_id())  #: T015 T023 T051
    return tracer.exporter  #: T018


def current():
    here = execution_context.get_opencensus_tracer()  #: T040
    with here.span("a"):  #: T010
        now = execution_context.get_current_span()  #: T041
        now.add_attribute("a", "b")  #: T020
    execution_context.get_opencensus_tracer().add_attribute_to_current_span("a", "b")  #: T040 T016
    execution_context.set_opencensus_attr("excludelist_hostnames", ["x"])  #: T042
    execution_context.clear()  #: T043
    execution_context.set_is_exporter(True)  #: T044
    return attributes_helper.COMMON_ATTRIBUTES["HTTP_URL"]  #: T073


@tracer.trace_decorator()  #: T017
def decorated():
    return opencensus.trace.tracer.Tracer  #: T001


class Own(Tracer):  #: B001
    pass


class Quiet(AzureExporter):  #: B002
    def emit(self, batch):
        batch = [self.span_data_to_envelope(item) for item in batch]  #: A002
        self._transmit(batch)  #: X001
        super().emit(batch)  #: A001
        super(Quiet, self).export(batch)  #: A001


class Picky(Sampler):  #: B004
    def should_sample(self, span_context):
        return True


class Service:
    def __init__(self, tracer=None):
        self.tracer = tracer or Tracer(exporter=Quiet(connection_string=WHOLE))  #: T001 A001
        self.exporter = AzureExporter(connection_string=f"InstrumentationKey={tracer}")  #: A001 A003

    def work(self):
        with self.tracer.span(name="work") as span:  #: T010
            span.add_attribute("a", "b")  #: T020
        self.exporter._queue  #: X001
        return self.exporter.add_telemetry_processor(functools.partial(print))  #: A006


def helper(tracer, parent_span, propagator):
    propagator.to_headers(parent_span)  #: T053
    for sampler in (AlwaysOnSampler, AlwaysOffSampler):  #: T061 T062
        sampler().should_sample(None)  #: T061 T061
    for envelope in range(3):
        envelope.tags["ai.user.id"] = "1"  #: A007
    with tracer.span(name="untyped"):  #: T010
        parent_span.add_attribute("a", "b")  #: T020


def make() -> Tracer:  #: T001
    return Tracer()  #: T001


made = make()
made.finish()  #: T014


def late():
    try:
        from opencensus.trace.print_exporter import PrintExporter  #: I004
    except ImportError:
        return None
    return PrintExporter()  #: T070
