"""The option byte of a span context, of which OpenCensus uses one bit: whether the trace is sampled."""

from __future__ import annotations

import logging

DEFAULT = "1"
"""Options of a `TraceOptions()`: sampled."""

_ENABLED_BIT = 1
_MAX_BYTE = 255

# What nearly every instance is made of; a look-up spares the parsing of numbers in each span.
_ENABLED_BY_TEXT = {"0": False, "1": True, "00": False, "01": True}

_logger = logging.getLogger("opencensus.trace.trace_options")


class TraceOptions:
    """A byte of options, mutable.

    Args:
        trace_options_byte: The byte as a number or as decimal text, kept in the form given. Out of range counts as `DEFAULT`,
            with a warning.

    Raises:
        ValueError: Text that is not a number.
    """

    def __init__(self, trace_options_byte: str | int | None = None) -> None:
        if trace_options_byte is None:
            trace_options_byte = DEFAULT
        enabled = _ENABLED_BY_TEXT.get(trace_options_byte)  # type: ignore[arg-type]  # a number is simply not found
        if enabled is None:
            self.trace_options_byte = self.check_trace_options(trace_options_byte)
            self.enabled = self.get_enabled()
        else:
            self.trace_options_byte = trace_options_byte
            self.enabled = enabled

    def check_trace_options(self, trace_options_byte: str | int) -> str | int:
        """Return the options given, or `DEFAULT` when they do not fit into a byte."""
        if 0 <= int(trace_options_byte) <= _MAX_BYTE:
            return trace_options_byte
        _logger.warning("Trace options must be a byte, 0 to %d, got %s; using %s", _MAX_BYTE, trace_options_byte, DEFAULT)
        return DEFAULT

    def __repr__(self) -> str:
        return f"{type(self).__name__}(enabled={self.get_enabled()})"

    def get_enabled(self) -> bool:
        """Return whether the trace is sampled."""
        byte = self.trace_options_byte
        enabled = _ENABLED_BY_TEXT.get(byte)  # type: ignore[arg-type]  # a number is simply not found
        return bool(int(byte) & _ENABLED_BIT) if enabled is None else enabled

    def set_enabled(self, enabled: bool) -> None:
        """Set whether the trace is sampled; the byte becomes text if it was not."""
        bit = "1" if enabled else "0"
        byte = self.trace_options_byte
        # The text form's options are a bool, which has no last digit to put the bit in.
        self.trace_options_byte = bit if isinstance(byte, bool) else str(byte)[:-1] + bit
        self.enabled = self.get_enabled()
