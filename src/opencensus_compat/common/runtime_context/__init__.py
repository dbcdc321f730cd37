"""Named slots that follow the flow of a program, as in OpenCensus.

`RuntimeContext` keeps each slot in a context variable, so that threads and asyncio tasks do not see each other's values. The thread
local form stays for programs (gevent) that put it in `RuntimeContext`'s place.

Unlike OpenCensus, the slot `current_span` is not stored here: it reads and writes the OpenTelemetry context
(`opencensus.trace.execution_context`), so that both APIs agree on the current span.
"""

from __future__ import annotations

import contextvars
import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeVar, cast

__all__ = ["RuntimeContext"]

_F = TypeVar("_F", bound=Callable[..., Any])


class _Slot(Protocol):
    """What a slot answers to; `execution_context` brings one of its own."""

    name: str

    def get(self) -> Any: ...

    def set(self, value: Any) -> None: ...

    def clear(self) -> None: ...


def _as_factory(default: Any) -> Callable[[], Any]:
    return default if callable(default) else lambda: default


class _RuntimeContext:
    """Attribute access to registered slots. Unknown names raise AttributeError, as in OpenCensus."""

    # One registry for both forms: a program that puts the other form in place later still finds what modules registered before, and
    # sees the same values as they do.
    _lock: ClassVar[threading.Lock] = threading.Lock()
    _slots: ClassVar[dict[str, _Slot]] = {}
    Slot: ClassVar[type[Any]]

    @classmethod
    def clear(cls) -> None:
        """Set every slot to its default."""
        with cls._lock:
            for slot in cls._slots.values():
                slot.clear()

    @classmethod
    def register_slot(cls, name: str, default: Any = None) -> Any:
        """Add a slot and return it.

        Args:
            name: The attribute it appears under.
            default: Its value where nothing was set, or a callable that makes one.

        Raises:
            ValueError: The name is taken.
        """
        return cls._add_slot(cls.Slot(name, default))

    @classmethod
    def _add_slot(cls, slot: _Slot) -> _Slot:
        with cls._lock:
            if slot.name in cls._slots:
                raise ValueError(f"slot {slot.name} already registered")
            cls._slots[slot.name] = slot
            return slot

    def apply(self, snapshot: Mapping[str, Any]) -> None:
        """Set the slots named in a snapshot to its values."""
        for name, value in snapshot.items():
            setattr(self, name, value)

    def snapshot(self) -> dict[str, Any]:
        """Return the slots' values by name; the values are not copied."""
        return {name: slot.get() for name, slot in self._slots.items()}

    def with_current_context(self, func: _F) -> _F:
        """Return `func` bound to the slots' values of now, wherever it is called; the caller's own values come back afterwards."""
        captured = self.snapshot()

        @functools.wraps(func)
        def call_with_current_context(*args: Any, **kwargs: Any) -> Any:
            before = self.snapshot()
            self.apply(captured)
            try:
                return func(*args, **kwargs)
            finally:
                self.apply(before)

        return cast(_F, call_with_current_context)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.snapshot()})"

    def __getattr__(self, name: str) -> Any:
        try:
            slot = self._slots[name]
        except KeyError:
            raise AttributeError(f"{name} is not a registered context slot") from None
        return slot.get()

    def __setattr__(self, name: str, value: Any) -> None:
        try:
            slot = self._slots[name]
        except KeyError:
            raise AttributeError(f"{name} is not a registered context slot") from None
        slot.set(value)


class _ThreadLocalRuntimeContext(_RuntimeContext):
    """Slots in thread-local storage; gevent makes that greenlet-local."""

    class Slot:
        """One value per thread."""

        _thread_local = threading.local()

        def __init__(self, name: str, default: Any) -> None:
            self.name = name
            self.default = _as_factory(default)

        def clear(self) -> None:
            self.set(self.default())

        def get(self) -> Any:
            try:
                return getattr(self._thread_local, self.name)
            except AttributeError:
                value = self.default()
                self.set(value)
                return value

        def set(self, value: Any) -> None:
            setattr(self._thread_local, self.name, value)


class _AsyncRuntimeContext(_RuntimeContext):
    """Slots in context variables: one value per thread and per asyncio task."""

    class Slot:
        """One value per context."""

        def __init__(self, name: str, default: Any) -> None:
            self.name = name
            self.contextvar: contextvars.ContextVar[Any] = contextvars.ContextVar(name)
            self.default = _as_factory(default)

        def clear(self) -> None:
            self.contextvar.set(self.default())

        def get(self) -> Any:
            try:
                return self.contextvar.get()
            except LookupError:
                value = self.default()
                self.set(value)
                return value

        def set(self, value: Any) -> None:
            self.contextvar.set(value)


RuntimeContext: _RuntimeContext = _AsyncRuntimeContext()
