"""What things are called in facts."""

from __future__ import annotations

__all__ = ["class_name", "key_end", "module_of"]


def class_name(kind: type) -> str:
    """Return the dotted name of a class; of this package's as programs import it."""
    module = module_of(kind)
    return f"{module}.{kind.__qualname__}" if module not in ("", "builtins", "__main__") else kind.__qualname__


def module_of(kind: type) -> str:
    """Return the name of a class's module, as programs import it."""
    module = str(getattr(kind, "__module__", "") or "")
    root, _, rest = module.partition(".")
    if root != "opencensus_compat" or not rest or rest.startswith("_"):
        return module
    public = [part for part in rest.split(".") if not part.startswith("_")]
    return ".".join(["opencensus", *public])


def key_end(key: object) -> str:
    """Return the last digits of an instrumentation key, which tell resources apart and are no secret."""
    return f"\N{HORIZONTAL ELLIPSIS}{key[-4:]}" if isinstance(key, str) and len(key) > 8 else ""
