"""Whether a program has replaced a step of an export, which must then be called as OpenCensus calls it."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Steps"]


class Steps:
    """Methods that subclasses override, and that programs patch or wrap, on a class or on one object.

    Args:
        kind: The class of this package that has them.
        names: Names of the methods.
    """

    def __init__(self, kind: type, *names: str) -> None:
        self._originals = tuple((name, getattr(kind, name)) for name in names)

    def are_replaced(self, handle: object, own: Mapping[str, object] | None = None) -> bool:
        """Return whether the class of an exporter or handler, or the object itself, has something else in the place of one of these.

        Args:
            handle: The exporter or handler.
            own: The attributes of the object itself, if its `__dict__` is not to be read.
        """
        kind, attributes = type(handle), handle.__dict__ if own is None else own
        # A loop over pairs, and by identity: this runs for every span and every log record, and a wrapper is equal to what it wraps.
        for name, original in self._originals:  # noqa: SIM110 - `any` of a generator takes half as long again
            if name in attributes or getattr(kind, name, None) is not original:
                return True
        return False
