from datetime import datetime

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.time_event import MessageEvent, Type
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="send") as span:
    span.add_message_event(MessageEvent(datetime.now(), 7, type=Type.SENT, uncompressed_size_bytes=120, compressed_size_bytes=120))
