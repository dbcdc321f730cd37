"""Log lines about telemetry itself, where no handler may show them: handlers that send log records to the service leave these out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_senders: set[type[logging.Handler]] = set()


def leave_out(handlers: type[logging.Handler]) -> None:
    """Note that handlers of a class do not show the lines of this package to anybody."""
    _senders.add(handlers)


def say(logger: logging.Logger, level: int, message: str, *args: object) -> None:
    """Log a line; where only handlers have it that do not show it, on standard error as well, as logging does where there is none.

    Args:
        logger: Whose line it is.
        level: Of the line; below a warning it does not go to standard error.
        message: With places for the arguments.
        args: Must hold no secret.
    """
    logger.log(level, message, *args, stacklevel=2)
    last = logging.lastResort
    if last is None or level < last.level or not logger.isEnabledFor(level):
        return
    known = tuple(_senders)
    handlers = list(_handlers(logger))
    if handlers and all(isinstance(handler, known) for handler in handlers):
        last.handle(logger.makeRecord(logger.name, level, "", 0, message, args, None))


def _handlers(logger: logging.Logger) -> Iterator[logging.Handler]:
    current: logging.Logger | None = logger
    while current is not None:
        yield from current.handlers
        current = current.parent if current.propagate else None


def holds_logging_lock() -> bool:
    """Return whether this thread holds the lock of the logging module, which others need in order to make loggers or look up levels."""
    is_owned = getattr(getattr(logging, "_lock", None), "_is_owned", None)
    return bool(is_owned()) if callable(is_owned) else False
