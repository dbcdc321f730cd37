"""The integration with the client libraries of Google Cloud: the calls that they make by gRPC and by requests."""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Callable
from typing import Any

import grpc

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.process import report
from opencensus_compat.ext import _patching
from opencensus_compat.ext.grpc.client_interceptor import OpenCensusClientInterceptor
from opencensus_compat.ext.requests.trace import trace_integration as trace_requests
from opencensus_compat.trace import integrations

__getattr__ = patch_targets(__name__, "google.cloud._helpers", "google.api_core.grpc_helpers")

log = logging.getLogger("opencensus.ext.google_cloud_clientlibs.trace")

MODULE_NAME = "google_cloud_clientlibs"

MAKE_SECURE_CHANNEL = "make_secure_channel"
INSECURE_CHANNEL = "insecure_channel"
CREATE_CHANNEL = "create_channel"


def trace_integration(tracer: Any = None) -> None:
    """Make a client span of every call of the client libraries: over the channels that are made from now on, and over requests.

    Calling it again changes nothing.

    Args:
        tracer: Whose spans they are; None for the tracer that is current at each call.
    """
    log.info("Integrated module: %s", MODULE_NAME)
    trace_grpc(tracer)
    trace_http(tracer)
    integrations.add_integration(integrations._Integrations.GOOGLE_CLOUD)


def trace_grpc(tracer: Any = None) -> None:
    """Trace the channels of `grpc.insecure_channel`, and of Google's own functions as far as they are installed.

    Args:
        tracer: Whose spans they are; None for the tracer that is current at each call.
    """
    _patching.wrap(grpc, INSECURE_CHANNEL, lambda function: wrap_insecure_channel(function, tracer))
    _wrap_in("google.cloud._helpers", MAKE_SECURE_CHANNEL, lambda function: wrap_make_secure_channel(function, tracer))
    _wrap_in("google.api_core.grpc_helpers", CREATE_CHANNEL, lambda function: wrap_create_channel(function, tracer))
    _wrap_in("google.api_core.grpc_helpers_async", CREATE_CHANNEL, lambda function: _wrap_create_aio_channel(function, tracer))


def trace_http(tracer: Any = None) -> None:
    """Trace requests.

    Args:
        tracer: Made the current one of this context, if given.
    """
    trace_requests(tracer)


def wrap_make_secure_channel(make_secure_channel_func: Callable[..., Any], tracer: Any = None) -> Callable[..., Any]:
    """Return a `google.cloud._helpers.make_secure_channel` whose channels are traced."""
    return _wrapped(make_secure_channel_func, tracer, "host", 2, "Failed to wrap secure channel, clientlibs grpc calls not traced.")


def wrap_insecure_channel(insecure_channel_func: Callable[..., Any], tracer: Any = None) -> Callable[..., Any]:
    """Return a `grpc.insecure_channel` whose channels are traced."""
    return _wrapped(insecure_channel_func, tracer, "target", 0, "Failed to wrap insecure channel, clientlibs grpc calls not traced.")


def wrap_create_channel(create_channel_func: Callable[..., Any], tracer: Any = None) -> Callable[..., Any]:
    """Return a `google.api_core.grpc_helpers.create_channel` whose channels are traced."""
    return _wrapped(create_channel_func, tracer, "target", 0, "Failed to wrap create_channel, clientlibs grpc calls not traced.")


def _wrapped(make_channel: Callable[..., Any], tracer: Any, name: str, position: int, failure: str) -> Callable[..., Any]:
    """Return a function that makes channels which are traced.

    Args:
        make_channel: The function.
        tracer: Whose spans they are.
        name: Its parameter that says where a channel leads.
        position: The same, where it is not given by name.
        failure: What is logged where a channel cannot be traced.
    """

    @functools.wraps(make_channel)
    def call(*args: Any, **kwargs: Any) -> Any:
        channel = make_channel(*args, **kwargs)
        try:
            return grpc.intercept_channel(channel, OpenCensusClientInterceptor(tracer, _target(name, position, args, kwargs)))
        except Exception:  # noqa: BLE001 -- a channel of others may be anything, and the program goes on with it
            log.warning(failure)
            return channel

    return call


def _wrap_create_aio_channel(create_channel: Callable[..., Any], tracer: Any) -> Callable[..., Any]:
    """Return a `google.api_core.grpc_helpers_async.create_channel` whose channels are traced."""

    @functools.wraps(create_channel)
    def call(*args: Any, **kwargs: Any) -> Any:
        from opencensus_compat.ext.grpc import aio

        own = aio.client_interceptors(tracer, _target("target", 0, args, kwargs))
        return create_channel(*args, **{**kwargs, "interceptors": [*(kwargs.get("interceptors") or ()), *own]})

    return call


def _target(name: str, position: int, args: Any, kwargs: Any) -> Any:
    return kwargs[name] if name in kwargs else args[position] if len(args) > position else None


def _wrap_in(module_name: str, name: str, wrapper: Callable[[Any], Any]) -> None:
    """Wrap a function of a module; one that is not installed is left out and reported."""
    try:
        # A test of a program may have put a mock in the place of the module that this one knows.
        module = globals().get(module_name.rpartition(".")[2]) or importlib.import_module(module_name)
        getattr(module, name)
    except Exception as error:  # noqa: BLE001 -- a package that does not fit the others may raise anything as it is imported
        report(f"opencensus.ext.{MODULE_NAME} leaves out {module_name}.{name}: %s", error)
    else:
        _patching.wrap(module, name, wrapper)
