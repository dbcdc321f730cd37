"""Whether a program has replaced a step of an export, which must then be called as OpenCensus calls it."""

from __future__ import annotations

from operator import attrgetter

__all__ = ["Steps"]


class Steps:
    """Methods that subclasses override, and that programs patch on a class or on one object.

    Args:
        names: Names of the methods.
        classes: The classes of this package that have them; what any of these has is not replaced.
    """

    def __init__(self, names: tuple[str, ...], *classes: type) -> None:
        # Both are C code: this is asked for every span and every log record.
        self._methods_of = attrgetter(*names)
        self._names = frozenset(names)
        self._originals = tuple(self._methods_of(each) for each in classes)

    def are_replaced(self, handle: object) -> bool:
        """Return whether the class of an exporter or handler, or the object itself, has another method in the place of one of these."""
        try:
            methods = self._methods_of(type(handle))
        except AttributeError:
            # A base class of a program's own has only some of them.
            return True
        return methods not in self._originals or not handle.__dict__.keys().isdisjoint(self._names)
