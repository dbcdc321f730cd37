import threading

import grpc
from google.protobuf.json_format import MessageToDict
from grpc_receiver import receiving
from opencensus.ext.ocagent import stats_exporter
from opencensus.ext.ocagent.trace_exporter import TraceExporter
from opencensus.proto.agent.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opencensus.proto.agent.trace.v1 import trace_service_pb2
from shop import measured, record, show, trade

SPANS = "/opencensus.proto.agent.trace.v1.TraceService/Export"
METRICS = "/opencensus.proto.agent.metrics.v1.MetricsService/Export"


def message(kind, body):
    found = MessageToDict(kind.FromString(body))
    # Process id, start and version of the SDK.
    assert set(found.pop("node")) == {"identifier", "libraryInfo", "serviceInfo"}
    return found


with receiving({SPANS: (b"", True), METRICS: (b"", True)}) as (address, taken):
    trade(TraceExporter(service_name="shop", host_name="here", endpoint=address))
    show([[method, message(trace_service_pb2.ExportTraceServiceRequest, body)] for method, body in taken])
    taken.clear()

    census, latency = measured()
    record(census, latency)
    stub = metrics_service_pb2_grpc.MetricsServiceStub(grpc.insecure_channel(address))
    exporter = stats_exporter.StatsExporter(stats_exporter.ExportRpcHandler(stub, "shop", "here"))
    exporter.export_metrics(list(census.get_metrics()))
    # The call is a stream, which says nothing of what has arrived.
    waits = threading.Event()
    while not taken:
        waits.wait(0.05)
    show([[method, message(metrics_service_pb2.ExportMetricsServiceRequest, body)] for method, body in taken])
