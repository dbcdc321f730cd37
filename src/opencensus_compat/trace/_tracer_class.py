"""The class of the class `Tracer`: what programs, such as tests of them, put into that."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

from opencensus_compat._bridge.settings import shim_is_used, use_shim

_SHIM = "opentelemetry.shim.opencensus"
_DECISIONS = frozenset({"get_tracer", "should_sample", "store_tracer"})
patched: set[str] = set()
"""Which of these a program, such as a test of it, has ever put into the class in the place of this package's own."""


class TracerClass(ABCMeta):
    """The class of `Tracer`, whose `tracer` OpenTelemetry's shim for OpenCensus would replace by a property; that of programs' subclasses, too."""

    _tracer: Any

    def __setattr__(cls, name: str, value: Any) -> None:
        if name in _DECISIONS:
            patched.add(name)
        super().__setattr__(name, value)

    @property
    def tracer(cls) -> Any:
        """What a program has put into the class, where in OpenCensus only objects have something under this name."""
        if "_tracer" in vars(cls):
            return cls._tracer
        if shim_is_used():
            # For `uninstall_shim()`, which asks whether it is there.
            return property()
        raise AttributeError(f"type object {cls.__name__!r} has no attribute 'tracer'")

    @tracer.setter
    def tracer(cls, value: Any) -> None:
        if isinstance(value, property) and getattr(value.fget, "__module__", "").startswith(_SHIM):
            use_shim(True)
        elif value is not vars(cls).get("tracer"):
            cls._tracer = value
        elif "_tracer" in vars(cls):
            # A patch of a test ends by what it has found among the class's names.
            del cls._tracer

    @tracer.deleter
    def tracer(cls) -> None:
        if "_tracer" in vars(cls):
            del cls._tracer
        else:
            use_shim(False)
