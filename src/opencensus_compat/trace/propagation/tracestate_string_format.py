"""The text form of a trace state, ``key=value,key=value``."""

from __future__ import annotations

import re

from opencensus_compat.trace.tracestate import _KEY_FORMAT, _VALUE_FORMAT, Tracestate

_DELIMITER_RE = re.compile(r"[ \t]*,[ \t]*")
_MEMBER_RE = re.compile(f"(?P<key>{_KEY_FORMAT})=(?P<value>{_VALUE_FORMAT})")


class TracestateStringFormatter:
    """Reads and writes the `tracestate` header's value."""

    def from_string(self, string: str) -> Tracestate:
        """Return the trace state of a header's value.

        Raises:
            ValueError: A member is not ``key=value``, or a key comes twice.

        Loses:
            What follows a second ``=`` in a member.
        """
        tracestate = Tracestate()
        for member in _DELIMITER_RE.split(string):
            found = _MEMBER_RE.match(member)
            if not found:
                raise ValueError(f"illegal key-value format {member!r}: expected key=value")
            if found["key"] in tracestate:
                raise ValueError(f"conflict key {found['key']!r}: expected each key once")
            tracestate[found["key"]] = found["value"]
        return tracestate

    def to_string(self, tracestate: Tracestate) -> str:
        """Return the header's value for a trace state."""
        return ",".join(f"{key}={value}" for key, value in tracestate.items())
