"""The interceptor for servers of `grpc`."""

from __future__ import annotations

from typing import Any

import grpc

from opencensus_compat.ext.grpc import _calls, _serving

ATTRIBUTE_COMPONENT = "COMPONENT"
ATTRIBUTE_ERROR_NAME = "ERROR_NAME"
ATTRIBUTE_ERROR_MESSAGE = "ERROR_MESSAGE"
RECV_PREFIX = _calls.RECV_PREFIX


class OpenCensusServerInterceptor(grpc.ServerInterceptor):  # type: ignore[misc] # grpcio has no types
    """Makes a server span of every call: `grpc.server(pool, interceptors=[OpenCensusServerInterceptor(sampler, exporter)])`.

    Each call has a tracer of its own, which is the current one in the handler. The span continues the caller's trace, and ends when the
    handler returns, or with the last response of a stream.

    Args:
        sampler: Decides about the calls that no caller's trace has decided about.
        exporter: Where the spans go.
    """

    def __init__(self, sampler: Any = None, exporter: Any = None) -> None:
        self.sampler = sampler
        self.exporter = exporter

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Return the handler of a call, inside a span; None where the server has none."""
        return _serving.wrapped(continuation(handler_call_details), handler_call_details.method, self.sampler, self.exporter)
