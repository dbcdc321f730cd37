"""Statuses of the failures that integrations of HTTP clients meet."""

from __future__ import annotations

from opencensus_compat.trace import _grpc_codes
from opencensus_compat.trace.status import Status

CANCELLED = Status(_grpc_codes.CANCELLED)
INVALID_URL = Status(_grpc_codes.INVALID_ARGUMENT, message="invalid URL")
TIMEOUT = Status(_grpc_codes.DEADLINE_EXCEEDED, message="request timed out")


def unknown(exception: BaseException) -> Status:
    """Return the status of any other failure."""
    return Status.from_exception(exception)
