"""The interceptor for servers of `grpc`."""

from __future__ import annotations

from typing import Any

import grpc

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat.ext.grpc import _calls, _serving

__getattr__ = patch_targets(
    __name__,
    "opencensus_compat.trace.attributes_helper",
    "opencensus_compat.trace.execution_context",
    "opencensus_compat.trace.propagation.binary_format",
    "opencensus_compat.trace.stack_trace",
    "opencensus_compat.trace.status",
    "opencensus_compat.trace.time_event",
    grpc_utils="opencensus_compat.ext.grpc.utils",
    oc_grpc="opencensus_compat.ext.grpc",
    span_module="opencensus_compat.trace.span",
    tracer_module="opencensus_compat.trace.tracer",
)

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
        method, sampler, exporter = handler_call_details.method, self.sampler, self.exporter
        return _wrap_rpc_behavior(
            continuation(handler_call_details),
            lambda behavior, takes, gives: _serving.inside_span(behavior, takes, gives, method, sampler, exporter),
        )


def _wrap_rpc_behavior(handler: Any, fn: Any) -> Any:
    """Return a handler whose function is what ``fn(function, request_streaming, response_streaming)`` returns; None for None."""
    if handler is None:
        return None
    return _serving.with_behavior(handler, fn(_serving.behavior_of(handler), handler.request_streaming, handler.response_streaming))
