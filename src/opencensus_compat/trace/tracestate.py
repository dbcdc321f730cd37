"""The W3C trace state: what each tracing system along the way adds to a trace, in order."""

from __future__ import annotations

import re
from collections import OrderedDict

_TENANT_KEY_FORMAT = r"[a-z][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}"
_SIMPLE_KEY_FORMAT = r"[a-z][a-z0-9_*/-]{0,255}"
_KEY_FORMAT = f"{_SIMPLE_KEY_FORMAT}|{_TENANT_KEY_FORMAT}"
# Printable ASCII without comma (2c) and equals sign (3d), not ending in a space.
_VALUE_FORMAT = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"

# As in OpenCensus the beginning decides: the rest of a key is checked only where a header is read. Its `^` and `$` hold for one half each of
# the alternatives: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/tracestate.py#L25
_KEY_BEGINNING_RE = re.compile(_SIMPLE_KEY_FORMAT)
_VALUE_RE = re.compile(f"{_VALUE_FORMAT}$")

_MAX_MEMBERS = 32


class Tracestate(OrderedDict[str, str]):
    """Members by key, the most recent first."""

    def __setitem__(self, key: str, value: str) -> None:
        """Set a member; a key that is there keeps its place.

        Raises:
            ValueError: A key or value that W3C does not allow.
        """
        if not isinstance(key, str):
            raise ValueError(f"key must be an instance of str, got {key!r}")
        if not _KEY_BEGINNING_RE.match(key):
            raise ValueError(f"illegal key provided: expected a beginning of a letter from a to z, got {key!r}")
        if not isinstance(value, str):
            raise ValueError(f"value must be an instance of str, got {value!r}")
        if not _VALUE_RE.match(value):
            raise ValueError(f"illegal value provided: expected 1 to 256 printable characters without ',' and '=', got {value!r}")
        super().__setitem__(key, value)

    def append(self, key: str, value: str) -> None:
        """Set a member and put it last."""
        self.pop(key, None)
        self[key] = value

    def is_valid(self) -> bool:
        """Return whether there are 1 to 32 members."""
        return 0 < len(self) <= _MAX_MEMBERS

    def prepend(self, key: str, value: str) -> None:
        """Set a member and put it first."""
        self[key] = value
        self.move_to_end(key, last=False)
