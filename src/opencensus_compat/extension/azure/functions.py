"""The extension for the Python worker of Azure Functions, which gives each invocation a tracer."""

from __future__ import annotations

from typing import Any

from azure.functions import AppExtensionBase

from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.extension.azure import _invocation, _without_hooks
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.samplers import ProbabilitySampler
from opencensus_compat.trace.tracer import Tracer

# Names of OpenCensus's module.
_IMPORTED = (ProbabilitySampler, TraceContextPropagator, Tracer)


class OpenCensusExtension(AppExtensionBase):
    """Gives each invocation `context.tracer`, whose spans continue the host's trace. Defining the class registers it with the worker.

    The worker calls its hooks where the application setting `PYTHON_ENABLE_WORKER_EXTENSIONS` is 1; the worker of Python 3.13 and newer
    calls none. There, functions that the decorators of the second programming model have registered get their tracer without hooks.

    While a function runs, the host's span is the current one: log records outside spans belong to the invocation, and spans of OpenTelemetry
    code continue it.
    """

    _exporter: AzureExporter | None = None
    _flush_s: float = 0.0

    @classmethod
    def init(cls) -> None:
        """Start without an exporter; the metaclass calls this as the class is defined."""
        cls._exporter = None

    @classmethod
    def configure(cls, **options: Any) -> None:
        """Set where the spans go.

        Args:
            options: Those of `AzureExporter`, and `flush_invocations`: seconds that the end of each invocation waits at most until what it
                has made is sent, True for 5. Default is what `OPENCENSUS_COMPAT_FLUSH_INVOCATIONS` says, else no flush.

        Raises:
            ValueError: An option that cannot work; the message says what was expected, what came, and from where.
        """
        cls._flush_s = _invocation.flush_s(options.pop("flush_invocations", None))
        cls._exporter = AzureExporter(**options)
        _without_hooks.serve(cls)

    @classmethod
    def pre_invocation_app_level(
        cls,
        logger: Any,
        context: Any,
        func_args: Any = {},  # noqa: ARG003, B006 - as in OpenCensus
        *args: Any,  # noqa: ARG003
        **kwargs: Any,  # noqa: ARG003
    ) -> None:
        """Set `context.tracer`; the worker calls this before a function, in its thread or task.

        Args:
            logger: The worker's, for this extension.
            context: Of the invocation.
            func_args: The function's arguments.
            args: Of later workers.
            kwargs: The same.
        """
        if not cls._exporter:
            logger.warning(
                "OpenCensusExtension has no exporter, so that context.tracer is not set: call OpenCensusExtension.configure() once, where "
                "the function app is loaded"
            )
            return
        context.tracer = _invocation.begin(context, cls._exporter, cls._flush_s)

    @classmethod
    def post_invocation_app_level(  # type: ignore[override]  # what OpenCensus requires
        cls,
        logger: Any,  # noqa: ARG003 - the worker's call
        context: Any,
        func_args: Any,  # noqa: ARG003
        func_ret: Any,  # noqa: ARG003
        *args: Any,  # noqa: ARG003
        **kwargs: Any,  # noqa: ARG003
    ) -> None:
        """Remove `context.tracer`; the worker calls this after a function that has returned.

        Args:
            logger: The worker's, for this extension.
            context: Of the invocation.
            func_args: The function's arguments.
            func_ret: What it returned.
            args: Of later workers.
            kwargs: The same.
        """
        tracer = getattr(context, "tracer", None)
        if tracer:
            del context.tracer
        begun = _invocation.running() if not isinstance(tracer, _invocation.InvocationTracer) else tracer
        if begun is not None:
            _invocation.end(begun)
            begun._flush()
