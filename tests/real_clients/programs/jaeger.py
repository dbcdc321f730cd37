"""To a collector by HTTP, and to an agent by UDP: Thrift, read with the package's own definitions."""

import socket

from opencensus.ext.jaeger.trace_exporter import JaegerExporter
from opencensus.ext.jaeger.trace_exporter.gen.jaeger import agent, jaeger
from shop import listening, show, trade
from thrift.protocol import TBinaryProtocol, TCompactProtocol
from thrift.transport import TTransport


def fields(found):
    """Return a Thrift structure as dicts and lists."""
    if isinstance(found, list):
        return [fields(each) for each in found]
    return {key: fields(each) for key, each in vars(found).items()} if hasattr(found, "__dict__") else found


def call(kind, body, arguments):
    """Return the name of a call, and its arguments."""
    protocol = kind(TTransport.TMemoryBuffer(body))
    name, _, _ = protocol.readMessageBegin()
    arguments.read(protocol)
    return [name, fields(arguments)]


with listening() as (port, taken):
    trade(JaegerExporter(service_name="shop", host_name="127.0.0.1", port=port, endpoint="/api/traces"))
    show([[path, call(TBinaryProtocol.TBinaryProtocol, body, jaeger.submitBatches_args())] for path, body in taken])

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as socket_of_agent:
    socket_of_agent.bind(("127.0.0.1", 0))
    socket_of_agent.settimeout(30)
    trade(JaegerExporter(service_name="shop", agent_host_name="127.0.0.1", agent_port=socket_of_agent.getsockname()[1]))
    show([call(TCompactProtocol.TCompactProtocol, socket_of_agent.recv(65000), agent.emitBatch_args()) for _ in range(3)])
