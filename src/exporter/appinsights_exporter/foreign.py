"""What code of programs raises where this package calls it: anything, also what is meant to end a thread or a process.

A telemetry processor, a conversion or a value's ``__str__`` that raises ``SystemExit`` or ``CancelledError`` runs in a thread of this
package's, where that would end the thread and lose all later telemetry. Such an error costs its item like any other one. What a
signal raises in the main thread (Ctrl+C, ``sys.exit`` in a handler of SIGTERM, a time limit) is not the called code's, and goes on its way. Use::

    try:
        processor(envelope)
    except failure() as error:
        ...
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from types import CodeType, TracebackType


ExcInfo: TypeAlias = "tuple[type[BaseException] | None, BaseException | None, TracebackType | None]"
"""Class, exception and traceback; None for each that there is not."""


class _NothingError(BaseException):
    """Is never raised, so that a clause that asks for it catches nothing."""


def failure() -> type[BaseException]:
    """Return the class of what is to be caught where code of a program raised, for an ``except`` clause."""
    # The clause is evaluated when something was raised; this is it.
    error = sys.exc_info()[1]
    return BaseException if error is None or not _is_of_signal(error) else _NothingError


def exc_info_of(given: object) -> ExcInfo | None:
    """Return class, exception and traceback of what programs set as a log record's ``exc_info``, whatever type it has; None for none."""
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    return given if isinstance(given, tuple) and len(given) == 3 else None


def _is_of_signal(error: BaseException) -> bool:
    """Return whether a signal raised an error in the midst of what this thread was doing."""
    if threading.current_thread() is not threading.main_thread():
        return False
    handlers = {_code(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    trace = innermost = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in handlers:
            return True
        innermost, trace = trace, trace.tb_next
    # Python's own handler of Ctrl+C is no Python function, and so it has no frame.
    return isinstance(error, KeyboardInterrupt) and not _raises(innermost)


def _code(handler: object) -> CodeType | None:
    """Return the code of a signal handler that is a function or a method."""
    code: CodeType | None = getattr(handler, "__code__", None)
    return code


def _raises(trace: TracebackType | None) -> bool:
    """Return whether an error comes from a `raise` statement."""
    import dis

    return trace is not None and trace.tb_frame.f_code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]
