"""The integration with gRPC: interceptors that a program gives to its channels and servers.

There is nothing to switch on by name. `client_interceptor` and `server_interceptor` are for `grpc`, `aio` is for `grpc.aio`, which
OpenCensus did not serve.
"""

from __future__ import annotations

UNARY_UNARY = "unary_unary"
UNARY_STREAM = "unary_stream"
STREAM_UNARY = "stream_unary"
STREAM_STREAM = "stream_stream"

GRPC_TRACE_KEY = "grpc-trace-bin"
"""Metadata key of the binary trace context. Python's grpcio keeps what has this key from servers, which go by `traceparent`."""
