"""Why items were lost, or are to be sent another time: each reason is a value with a code.

The English is a key of ``counts.snapshot()`` and stands in the log; the code and the official exporter's words are attributes of the
self-metrics. All three come from here, and nothing reads the English. ``migration_guide/losses.md`` has a row for each reason.

Reasons that the service gives by a status are made in :mod:`.delivery.classify`.
"""

from __future__ import annotations

from typing import NamedTuple

UNKNOWN = "UNKNOWN"
EXCEPTION, TIMEOUT, READ_ONLY, CAPACITY = "CLIENT_EXCEPTION", "CLIENT_TIMEOUT", "CLIENT_READONLY", "CLIENT_PERSISTENCE_CAPACITY"
"""Codes for what the service did not say; it says HTTP statuses."""

REFUSED, NOT_STORED, NOT_DELIVERED = "refused by the service: ", "not stored: ", "not delivered: "
"""What stands before a reason that says why; see :meth:`Reason.after`."""


class Reason(NamedTuple):
    """Why items were lost, or are to be sent another time."""

    text: str
    """In English. From a fixed set, without secrets: it is a key of the counters."""
    code: str = UNKNOWN
    """For the self-metrics: an HTTP status, one of the codes above, or ``UNKNOWN``."""
    official: str = ""
    """The official exporter's words; empty where it has none."""

    @property
    def words(self) -> str:
        """What the self-metrics say beside the code."""
        return self.official or self.text

    def after(self, prefix: str) -> Reason:
        """Return the same reason with what it led to before it."""
        return self._replace(text=prefix + self.text)


_CAPACITY, _NETWORK, _QUOTA = "Client persistence capacity", "Network exception", "Daily quota exceeded"

# Conversion and encoding.
SPAN_NOT_CONVERTED = Reason("a span could not be converted")
LOG_NOT_CONVERTED = Reason("a log record could not be converted")
METRIC_NOT_CONVERTED = Reason("a metric could not be converted")
NOT_FINITE = Reason("a metric's value was not finite")
NOT_ENCODED = Reason("an item could not be encoded")
PROCESSOR_RAISED = Reason("a telemetry processor raised")
"""For items whose telemetry processor wanted to end the thread or the process."""
NO_TIME_TO_CONVERT = Reason("no time left to convert before exit")
"""For telemetry that code of programs took too long for: unconverted it cannot be stored."""
AFTER_SHUTDOWN = Reason("offered after shutdown")

# Sending.
NO_CONNECTION = Reason("no connection", EXCEPTION, _NETWORK)
NO_REPLY = Reason("no reply", TIMEOUT, "Timeout exception")
PAGE = Reason("a page in place of the service's reply", EXCEPTION, _NETWORK)
REDIRECTED_NOWHERE = Reason("redirected to nowhere")
REDIRECT_NOT_TRUSTED = Reason("redirect not trusted")
REDIRECTED_TOO_OFTEN = Reason("redirected too often")
UNEXPLAINED = Reason("not accepted, no reason given")
"""For items that the service did not accept, and for which it listed no error."""
SOME_REFUSED = Reason("some items refused for now")
QUOTA_PAUSE = Reason("paused: quota exceeded", "402", _QUOTA)
NO_TIME_TO_SEND = Reason("no time left before exit")
ENDPOINT_RESTS = Reason("the endpoint is left alone for now")
NOT_BEFORE_EXIT = Reason("not delivered before exit")

# Tokens.
TOKEN_FAILED = Reason("no token: the credential failed")
TOKEN_PENDING = Reason("no token: the credential has not answered")
TOKEN_WITHHELD = Reason("no token may be sent to this address")

# The store, on disk and in memory.
EVICTED = Reason("store full: the oldest dropped", CAPACITY, _CAPACITY)
NO_ROOM = Reason("store full", CAPACITY, _CAPACITY)
TOO_OLD = Reason("stored too long")
DAMAGED = Reason("stored file damaged")
NOT_ONE_LINE = Reason("not stored: not one line of JSON", EXCEPTION)
ITEM_TOO_LONG = Reason("not stored: item too long", EXCEPTION)
DISK_FULL = Reason("disk full", CAPACITY, _CAPACITY)
READ_ONLY_DISK = Reason("read-only disk", READ_ONLY, "Client readonly")
FILE_SIZE_LIMIT = Reason("file size limit", EXCEPTION)
NO_PERMISSION = Reason("no permission", EXCEPTION)
TOO_MANY_FILES = Reason("too many open files", EXCEPTION)
PATH_TOO_LONG = Reason("path too long", EXCEPTION)
NOT_A_FOLDER = Reason("not a folder", EXCEPTION)
FOLDER_REMOVED = Reason("folder removed", EXCEPTION)
OTHER_USER = Reason("belongs to another user", EXCEPTION)
PATH_UNUSABLE = Reason("path unusable", EXCEPTION)
DISK_ERROR = Reason("disk error", EXCEPTION)

# What the retired exporter left.
LEGACY_NOT_JSON = Reason("legacy: line is not JSON")
LEGACY_NOT_AN_ENVELOPE = Reason("legacy: not an envelope")
LEGACY_OTHER_KEY = Reason("legacy: another instrumentation key")
"""Such an item is for another exporter to take, and stays where it is until it is too old."""
LEGACY_STATSBEAT = Reason("legacy: statsbeat")
LEGACY_NO_TIME = Reason("legacy: no readable time")
LEGACY_TOO_OLD = Reason("legacy: older than 48 hours")
LEGACY_NO_VALUE = Reason("legacy: metric without a number")
LEGACY_TOO_LONG = Reason("legacy: item too long")
