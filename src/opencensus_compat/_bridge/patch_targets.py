"""Names that modules of OpenCensus have by their imports, and that tests of programs patch, where the module of ours does without."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

__all__ = ["patch_targets"]


def patch_targets(module: str, *names: str, **others: str) -> Callable[[str], object]:
    """Return a module's `__getattr__`, which imports a name when it is read, and nothing before.

    Args:
        module: Name of the module.
        names: Modules that are known in it under their last name.
        others: What is known in it under another name, or is no module: as `module:name`.
    """
    targets = {name.rpartition(".")[2]: name for name in names} | others

    def found(name: str) -> object:
        if name not in targets:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, within = targets[name].partition(":")
        imported = import_module(home)
        return getattr(imported, within) if within else imported

    return found
