import json

from opencensus.ext.datadog.traces import DatadogTraceExporter, Options
from shop import listening, show, trade

with listening() as (port, taken):
    trade(DatadogTraceExporter(Options(service="shop", trace_addr=f"127.0.0.1:{port}")), bools=False, events=False)
    show([[path, json.loads(body)] for path, body in taken])
