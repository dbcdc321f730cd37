"""What the conversion reads of a log record, whichever release of OpenTelemetry made it: their classes differ, these attributes do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.util.instrumentation import InstrumentationScope


class LogRecord(Protocol):
    """A log record of the API or the SDK. It may also have ``event_name``, and those of the facade the exceptions as ``raised``."""

    @property
    def timestamp(self) -> int | None:
        """When it was made, nanoseconds since the Unix epoch; 0 and None for unset."""

    @property
    def observed_timestamp(self) -> int | None:
        """When it was seen, same unit."""

    @property
    def trace_id(self) -> int | None:
        """128 bits; 0 and None for none."""

    @property
    def span_id(self) -> int | None:
        """64 bits; 0 and None for none."""

    @property
    def severity_text(self) -> str | None:
        """As the logging library names the level."""

    @property
    def severity_number(self) -> object:
        """By the OpenTelemetry table: a number, a member of the enumeration, or None."""

    @property
    def body(self) -> object:
        """Text, or any other value."""

    @property
    def attributes(self) -> Mapping[str, object] | None:
        """What else is known of it."""

    @property
    def trace_flags(self) -> int | None:
        """Of the trace."""


class LogData(Protocol):
    """What processors and exporters are given: a record with its resource and scope. Where the resource is differs by release."""

    @property
    def log_record(self) -> LogRecord:
        """The record."""

    @property
    def instrumentation_scope(self) -> InstrumentationScope | None:
        """The scope, which stands for the logger."""
