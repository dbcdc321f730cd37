"""The text form of a trace state, ``key=value,key=value``."""

from __future__ import annotations

import re

from opencensus_compat.trace.tracestate import _KEY_FORMAT, _VALUE_FORMAT, Tracestate

_BLANKS = " \t"
_MOST_CHARS = 513
"""Characters of the longest member that W3C allows: a key of 256, a sign, a value of 256. What is behind them is not looked at."""
_MEMBER_RE = re.compile(f"(?P<key>{_KEY_FORMAT})=(?P<value>{_VALUE_FORMAT})")


class TracestateStringFormatter:
    """Reads and writes the `tracestate` header's value."""

    def from_string(self, string: str) -> Tracestate:
        """Return the trace state of a header's value.

        Raises:
            TypeError: It is no text.
            ValueError: A member is not ``key=value``, or a key comes twice.

        Loses:
            What follows a second ``=`` in a member.
        """
        if not isinstance(string, str):
            raise TypeError(f"expected a text of key=value,key=value, got {type(string).__name__}")
        tracestate = Tracestate()
        # Blanks around commas go, and no others. A pattern that looks for them takes the square of their number.
        members = string.split(",")
        last = len(members) - 1
        for position, member in enumerate(members):
            if position:
                member = member.lstrip(_BLANKS)  # noqa: PLW2901 - the same member
            if position < last:
                member = member.rstrip(_BLANKS)  # noqa: PLW2901 - the same member
            found = _MEMBER_RE.match(member[:_MOST_CHARS])
            if not found:
                raise ValueError(f"illegal key-value format {member!r}: expected key=value")
            if found["key"] in tracestate:
                raise ValueError(f"conflict key {found['key']!r}: expected each key once")
            tracestate[found["key"]] = found["value"]
        return tracestate

    def to_string(self, tracestate: Tracestate) -> str:
        """Return the header's value for a trace state."""
        return ",".join(f"{key}={value}" for key, value in tracestate.items())
