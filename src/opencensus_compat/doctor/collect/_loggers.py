"""Loggers, their filters and handlers, as they are now. Only what is loaded is looked at."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import Any

from opencensus_compat.doctor.collect._named import class_name, key_end
from opencensus_compat.doctor.sections.wiring import Filter, Handler, Logger, Logging

__all__ = ["logging_of_process"]

_AZURE = "opencensus_compat.ext.azure.log_exporter"
_OWN_ROOTS = ("appinsights_exporter", "opencensus", "opencensus_compat")
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_MOST = 2_000
"""Most loggers that are looked at."""


def logging_of_process(watched: Any) -> Logging:
    """Return the tree of loggers.

    Args:
        watched: What was seen as the program ran; None where nothing was.
    """
    manager = logging.Logger.manager
    named = [logger for _, logger in sorted(manager.loggerDict.items()) if isinstance(logger, logging.Logger)]
    roots = {each.name.partition(".")[0] for each in named}
    of_program = {root for root in roots if _is_of_program(root)}
    loggers = [_logger(each, watched, of_program) for each in [manager.root, *named[:_MOST]]]
    loggers = [each for each in loggers if each.is_of_program or _has_more(each)]
    placed = {handler.identity for logger in loggers for handler in logger.handlers}
    factory = logging.getLogRecordFactory()
    return Logging(
        loggers=tuple(loggers),
        disabled_level=int(manager.disable),
        disabled_from="" if watched is None else watched.disabled_from,
        loose=tuple(handler for handler in _alive(watched) if handler.kind and handler.identity not in placed),
        record_factory="" if factory is logging.LogRecord else _function_name(factory),
    )


def _has_more(logger: Logger) -> bool:
    """Return whether there is more to a logger than its name."""
    return replace(logger, name="", is_of_program=True) != Logger("")


def _alive(watched: Any) -> list[Handler]:
    references = list(getattr(logging, "_handlerList", ()))
    alive = [handler for reference in references if (handler := reference()) is not None]
    return [_handler(handler, watched) for handler in alive]


def _logger(logger: logging.Logger, watched: Any, of_program: set[str]) -> Logger:
    is_root = logger is logging.Logger.manager.root
    asked: dict[Any, Any] = dict(getattr(logger, "_cache", {}))
    return Logger(
        name="" if is_root else logger.name,
        level=int(logger.level),
        level_from=_level_from(logger, watched),
        disabled=bool(logger.disabled),
        propagate=bool(logger.propagate),
        filters=tuple(map(_filter, logger.filters)),
        handlers=tuple(_handler(handler, watched) for handler in logger.handlers),
        taken=tuple(sorted(int(level) for level, takes in asked.items() if takes)),
        untaken=tuple(sorted(int(level) for level, takes in asked.items() if not takes)),
        passed=() if watched is None else _by_level(watched.passed, logger),
        refused=() if watched is None else _by_level(watched.refused, logger),
        is_of_program=is_root or logger.name.partition(".")[0] in of_program,
    )


def _by_level(counted: Any, owner: object) -> tuple[tuple[int, int], ...]:
    """Return level and number of the records of a logger or handler."""
    return tuple(sorted((level, number) for (who, level), number in list(counted.items()) if who == id(owner)))


def _level_from(owner: object, watched: Any) -> str:
    try:
        return "" if watched is None else str(watched.levels.get(owner, ""))
    except TypeError:
        return ""


def _handler(handler: logging.Handler, watched: Any) -> Handler:
    kind, key, is_direct = _sends(handler)
    return Handler(
        name=class_name(type(handler)),
        kind=kind,
        level=int(handler.level),
        level_from=_level_from(handler, watched),
        filters=tuple(map(_filter, handler.filters)),
        passed=() if watched is None else _by_level(watched.passed, handler),
        refused=() if watched is None else _by_level(watched.refused, handler),
        key=key,
        is_direct=is_direct,
        exempt_level=next((each.exempt_level for each in handler.filters if hasattr(each, "exempt_level")), None),
        identity=id(handler),
    )


def _sends(handler: logging.Handler) -> tuple[str, str, bool]:
    """Return a handler's kind, the end of the key that it sends to, and whether it sends itself."""
    own = sys.modules.get(_AZURE)
    if own is not None and isinstance(handler, own.BaseLogHandler):
        resource = getattr(handler, "_resource", None)
        kind = "event" if handler._is_event else "azure"
        return (
            kind,
            key_end(getattr(getattr(resource, "settings", None), "instrumentation_key", "")),
            bool(getattr(resource, "is_direct", True)),
        )
    for base in type(handler).__mro__:
        if base.__module__.startswith("opencensus.") and base.__name__.startswith("Azure"):
            return ("event" if "Event" in base.__name__ else "azure"), "", True
        if base.__name__ == "LoggingHandler" and base.__module__.startswith("opentelemetry."):
            return "otel", _key_of_provider(handler), True
        if base.__name__ == "ProviderHandler" and base.__module__.startswith("appinsights_exporter."):
            return ("event" if getattr(handler, "_is_event", False) else "otel"), _key_of_provider(handler), True
    return "", "", True


def _key_of_provider(handler: logging.Handler) -> str:
    """Return the end of the key that the logger provider of a handler sends to."""
    from opencensus_compat._bridge import others

    for held in list(vars(handler).values()):
        if callable(getattr(type(held), "add_log_record_processor", None)):
            keys = others.of_logger_provider(held).keys()
            return next(map(key_end, keys), "")
    return ""


def _filter(each: Any) -> Filter:
    if isinstance(each, logging.Filter):
        rate = getattr(each, "probability", None)
        name = class_name(type(each)) if type(each) is not logging.Filter else f"logging.Filter({each.name!r})"
        return Filter(name, float(rate) if isinstance(rate, (int, float)) else None)
    return Filter(class_name(type(each)) if hasattr(each, "filter") else _function_name(each))


def _function_name(function: Any) -> str:
    module = str(getattr(function, "__module__", "") or "")
    name = str(getattr(function, "__qualname__", type(function).__qualname__))
    return f"{module}.{name}" if module not in ("", "__main__") else name


def _is_of_program(root: str) -> bool:
    """Return whether a logger's name begins with that of no library: a module of the program, or none."""
    if root in _OWN_ROOTS or root in sys.stdlib_module_names:
        return False
    module = sys.modules.get(root)
    files = [getattr(module, "__file__", None) or "", *map(str, getattr(module, "__path__", ()))]
    if not any(part in f"{file}{os.sep}" for part in _INSTALLED for file in files):
        return True
    # A program that is installed itself uses OpenCensus; libraries do not.
    return any(_uses_opencensus(module) for name, module in list(sys.modules.items()) if name.partition(".")[0] == root)


def _uses_opencensus(module: ModuleType) -> bool:
    try:
        # Past the module's own `__getattribute__`, which may load something.
        values = list(object.__getattribute__(module, "__dict__").values())
    except AttributeError:
        return False
    for value in values:
        kind = type(value)
        named = value.__name__ if kind is ModuleType else value.__module__ if kind in (type, FunctionType) else ""
        if str(named).partition(".")[0] in _OWN_ROOTS:
            return True
    return False
