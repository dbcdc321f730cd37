"""What every span answers to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from opencensus_compat.trace.link import Link
    from opencensus_compat.trace.status import Status
    from opencensus_compat.trace.time_event import MessageEvent


class BaseSpan:
    """Base class of spans; a subclass overrides every method."""

    @staticmethod
    def on_create(callback: Callable[[Any], object]) -> None:
        """Call a function with every span that is made from now on."""
        raise NotImplementedError

    @property
    def children(self) -> list[Any]:
        """The spans made by `span`."""
        raise NotImplementedError

    def span(self, name: str = "child_span") -> Any:
        """Return a new child of this span, not started."""
        raise NotImplementedError

    def add_attribute(self, attribute_key: str, attribute_value: Any) -> None:
        """Set an attribute."""
        raise NotImplementedError

    def add_annotation(self, description: str, **attrs: Any) -> None:
        """Add a text with attributes, at the time of the call."""
        raise NotImplementedError

    def add_message_event(self, message_event: MessageEvent) -> None:
        """Add a message that was sent or received."""
        raise NotImplementedError

    def add_link(self, link: Link) -> None:
        """Add a pointer to another span."""
        raise NotImplementedError

    def set_status(self, status: Status) -> None:
        """Set how the span ended."""
        raise NotImplementedError

    def start(self) -> None:
        """Let the span begin now."""
        raise NotImplementedError

    def finish(self) -> None:
        """Let the span end now."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        """Yield the span and what is below it."""
        raise NotImplementedError

    def __enter__(self) -> Any:
        """Start the span and return it."""
        raise NotImplementedError

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the span."""
        raise NotImplementedError
