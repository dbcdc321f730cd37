"""Components given as text in settings files, such as ``opencensus.trace.samplers.ProbabilitySampler(rate=0.5)``."""

from __future__ import annotations

from typing import Any

__all__ = ["Namespace", "load"]


class Namespace:
    """A dotted name that is imported when it is called.

    Every attribute is a longer name, so nothing is imported while an expression is being put together.
    """

    def __init__(self, name: str, parent: Namespace | None = None) -> None:
        self.parent = parent
        self.name = name

    def __getattr__(self, name: str) -> Namespace:
        return type(self)(name, self)

    def __str__(self) -> str:
        return self.name if self.parent is None else f"{self.parent}.{self.name}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Import the module that the parent names and call what this name means in it."""
        import importlib

        return getattr(importlib.import_module(str(self.parent)), self.name)(*args, **kwargs)

    @classmethod
    def eval(cls, expr: str) -> Any:
        """Return the value of a Python expression in which `opencensus` is the only name.

        The text must be as trusted as the settings file it stands in: evaluating it can run anything.
        """
        return eval(expr, {}, {"opencensus": cls("opencensus")})  # noqa: S307 -- the settings form that OpenCensus defined


def load(expr: str) -> Any:
    """Return the component that an expression of a settings file builds; see `Namespace.eval`."""
    return Namespace.eval(expr)
