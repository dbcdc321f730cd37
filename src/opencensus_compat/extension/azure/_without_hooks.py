"""Functions of the second programming model where the worker calls no hooks, and what they raise where it does.

The worker asks each function that the decorators have registered for the user's function, and calls that. Here it gets one around it.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from typing import Any

from azure import functions

from opencensus_compat._bridge.process import report
from opencensus_compat.ext._patching import wrap
from opencensus_compat.extension.azure import _invocation

_LOGGER = "azure_functions_worker.extension.OpenCensusExtension"
"""The name that the worker gives to the logger of an extension."""
_AROUND = "_opencensus_around"


def serve(extension: Any) -> None:
    """Let an extension serve the functions that the worker asks for from now on; where the library has no decorators, do nothing."""
    function: Any = getattr(functions, "Function", None)
    if function is not None and hasattr(function, "get_user_function"):
        wrap(function, "get_user_function", lambda original: _asked(original, extension))


def _asked(original: Any, extension: Any) -> Any:
    @functools.wraps(original)
    def get_user_function(self: Any) -> Any:
        return _around(original(self), extension)

    return get_user_function


def _around(function: Any, extension: Any) -> Any:
    # Orchestrators of Durable Functions are generators, and are called again and again.
    if not inspect.isfunction(function) or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return function
    if function.__dict__.get(_AROUND) is True:
        return function
    made: Any = _async(function, extension) if inspect.iscoroutinefunction(function) else _sync(function, extension)
    functools.update_wrapper(made, function)
    # The worker takes the function's folder from the file of its code.
    made.__code__ = made.__code__.replace(co_filename=function.__code__.co_filename, co_firstlineno=function.__code__.co_firstlineno)
    setattr(made, _AROUND, True)
    return made


def _sync(function: Any, extension: Any) -> Any:
    def traced(*args: Any, **kwargs: Any) -> Any:
        begun = _Begun(extension, kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            begun.end(error)
            begun.flush()
            raise
        begun.end()
        begun.flush()
        return result

    return traced


def _async(function: Any, extension: Any) -> Any:
    async def traced(*args: Any, **kwargs: Any) -> Any:
        begun = _Begun(extension, kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            begun.end(error)
            if begun.flushes:
                await asyncio.to_thread(begun.flush)
            raise
        begun.end()
        if begun.flushes:
            # On another thread, for the invocations beside this one share the event loop.
            await asyncio.to_thread(begun.flush)
        return result

    return traced


class _Begun:
    """The invocation that a function runs in: the one that a hook has begun, else one of its own; without a context object, none."""

    def __init__(self, extension: Any, arguments: dict[str, Any]) -> None:
        self._own_context: Any = None
        self._tracer: Any = _invocation.running()
        context = arguments.get("context")
        if self._tracer is None and hasattr(context, "trace_context") and getattr(context, "tracer", None) is None:
            try:
                extension.pre_invocation_app_level(logging.getLogger(_LOGGER), context, arguments)
                self._own_context, self._tracer = context, _invocation.running()
            except Exception as problem:  # noqa: BLE001 - the function runs without a tracer then, and says so itself
                report("an invocation has no tracer: %s", type(problem).__name__)

    @property
    def flushes(self) -> bool:
        return self._tracer is not None and bool(self._tracer._flush_s)

    def end(self, error: BaseException | None = None) -> None:
        tracer, context = self._tracer, self._own_context
        if tracer is None:
            return
        if context is not None and getattr(context, "tracer", None) is tracer:
            del context.tracer
        if error is not None:
            _invocation.end_raised(tracer, error)
        elif context is not None:
            _invocation.end(tracer)

    def flush(self) -> None:
        if self._tracer is not None:
            self._tracer._flush()
