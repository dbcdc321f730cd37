import json

from opencensus.ext.zipkin.trace_exporter import ZipkinExporter
from shop import listening, show, trade

with listening() as (port, taken):
    trade(ZipkinExporter(service_name="shop", host_name="127.0.0.1", port=port, ipv4="10.0.0.1"), events=False)
    spans = [[path, json.loads(body)] for path, body in taken]
    for _, sent in spans:
        for span in sent:
            assert span["localEndpoint"].pop("port") == port
    show(spans)
