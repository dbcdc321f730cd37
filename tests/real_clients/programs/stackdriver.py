import functools

import grpc
from google.auth.credentials import AnonymousCredentials
from google.cloud import monitoring_v3
from google.cloud.monitoring_v3.services.metric_service.transports.grpc import MetricServiceGrpcTransport
from google.cloud.trace.client import Client
from google.cloud.trace_v2.gapic import trace_service_client
from google.cloud.trace_v2.gapic.transports import trace_service_grpc_transport
from google.cloud.trace_v2.proto import tracing_pb2
from google.cloud.trace._gapic import _TraceAPI
from google.protobuf.json_format import MessageToDict
from grpc_receiver import receiving
from opencensus.common.transports.async_ import AsyncTransport
from opencensus.ext.stackdriver import stats_exporter
from opencensus.ext.stackdriver.trace_exporter import StackdriverExporter
from shop import measured, record, show, trade

SPANS = "/google.devtools.cloudtrace.v2.TraceService/BatchWriteSpans"
DESCRIPTOR = "/google.monitoring.v3.MetricService/CreateMetricDescriptor"
SERIES = "/google.monitoring.v3.MetricService/CreateTimeSeries"

with receiving({SPANS: (b"", False), DESCRIPTOR: (b"", False), SERIES: (b"", False)}) as (address, taken):
    channel = grpc.insecure_channel(address)
    client = Client(project="shop", credentials=AnonymousCredentials())
    transport = trace_service_grpc_transport.TraceServiceGrpcTransport(channel=channel)
    client._trace_api = _TraceAPI(trace_service_client.TraceServiceClient(transport=transport), client)
    # The default transport pauses for a minute between two batches.
    exporter = StackdriverExporter(client=client, transport=functools.partial(AsyncTransport, wait_period=0.01))
    trade(exporter)
    exporter.transport.flush()
    assert {method for method, _ in taken} == {SPANS}
    requests = [MessageToDict(tracing_pb2.BatchWriteSpansRequest.FromString(body)) for _, body in taken]
    assert {request["name"] for request in requests} == {"projects/shop"}
    spans = [span for request in requests for span in request["spans"]]
    for span in spans:
        agent = span["attributes"]["attributeMap"].pop("g.co/agent")
        assert agent["stringValue"]["value"].startswith("opencensus-python [")
    show(spans)
    taken.clear()

    census, latency = measured()
    record(census, latency)
    client = monitoring_v3.MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))
    options = stats_exporter.Options(project_id="shop", default_monitoring_labels={})
    stats_exporter.StackdriverStatsExporter(options=options, client=client).export_metrics(census.get_metrics())
    kinds = {DESCRIPTOR: monitoring_v3.CreateMetricDescriptorRequest, SERIES: monitoring_v3.CreateTimeSeriesRequest}
    show([[method, MessageToDict(kinds[method].pb(kinds[method].deserialize(body)))] for method, body in taken])
