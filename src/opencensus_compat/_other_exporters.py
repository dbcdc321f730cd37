"""Who else sends to Application Insights: exporters that an application has put on its providers itself.

What OpenTelemetry code makes is then left to them, and what OpenCensus code makes is kept from them, so that each item is sent once and to
the resource it is for. The SDK gives out a provider's processors, and the exporters behind them, under private names only; they are read
here and nowhere else. Where a release has other names nobody is found, and that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from opencensus_compat import _wiring

__all__ = ["NOBODY", "Others", "exporters_key", "of_logger_provider", "of_span_processors", "readers_key"]

_OFFICIAL = "azure.monitor.opentelemetry.exporter"
_OURS = "appinsights_exporter"
_BEHIND = ("span_exporter", "_exporter", "exporter", "_batch_processor")
"""Where processors and readers of all releases have the exporter, or what has it."""
_DEPTH = 6
"""Most objects between a provider and an exporter: processors and exporters of a program's own wrap those of the SDK."""


class Others:
    """The processors of one provider, seen as those which send to Application Insights, and the rest.

    Args:
        processors: Returns the processors; the same object as long as there are no new ones. None where they cannot be seen.
    """

    def __init__(self, processors: Callable[[], Iterable[Any] | None]) -> None:
        self._processors = processors
        self._seen: object = ()
        self._keys: dict[str, str] = {}
        self.rest: tuple[Any, ...] = ()
        """The processors that do not send to Application Insights."""
        self._are_expected = True

    def keys(self) -> dict[str, str]:
        """Return the instrumentation keys that processors send to, with the classes of their exporters."""
        now = self._processors()
        if now is not self._seen:
            found = [(processor, exporters_key(processor)) for processor in now or ()]
            self.rest = tuple(processor for processor, key in found if key is None)
            self._keys = {key[0]: key[1] for _, key in found if key is not None}
            self._seen = now
        return self._keys

    def expect_more_than(self, own: Any, signal: str) -> None:
        """Say, once, that nobody gets what is not sent directly, if a processor of ours is the only one there is.

        Args:
            own: That processor.
            signal: What nobody gets.
        """
        if not self._are_expected:
            return
        self._are_expected = False
        now = self._processors()
        if now is not None and all(processor is own for processor in now):
            _wiring.has_no_effect(
                f"nobody receives {signal}, since the OpenTelemetry provider has no processor. Start the program by opentelemetry-instrument, "
                "or set a provider with an exporter"
            )

    def are_more_than(self, kind: type) -> bool:
        """Return whether there are processors of other classes, as far as they can be seen."""
        now = self._processors()
        return now is None or any(type(processor) is not kind for processor in now)

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Show a span that starts to the rest."""
        for processor in self.rest:
            processor.on_start(span, parent_context)

    def on_end(self, span: Any) -> None:
        """Show a span that has ended to the rest."""
        for processor in self.rest:
            processor.on_end(span)


NOBODY = Others(lambda: None)
"""Of a provider that is not known yet."""


def of_span_processors(processor: Any) -> Others:
    """Return who is behind the `span_processor` of the SDK's tracers."""
    return Others(lambda: getattr(processor, "_span_processors", None))


def of_logger_provider(provider: Any) -> Others:
    """Return who is behind one of the SDK's logger providers."""
    several = getattr(provider, "_multi_log_record_processor", None)
    return Others(lambda: getattr(several, "_log_record_processors", None))


def exporters_key(processor: Any) -> tuple[str, str] | None:
    """Return the instrumentation key that a processor or reader sends to, and the class of its exporter; None for any other."""
    exporter = processor
    for _ in range(_DEPTH):
        for kind in type(exporter).__mro__:
            package = kind.__module__
            if package == _OURS or package.startswith((f"{_OURS}.", f"{_OFFICIAL}.")):
                key = _key_of(exporter)
                if key:
                    return key, f"{_OFFICIAL if package.startswith(_OFFICIAL) else _OURS}.{kind.__name__}"
        exporter = _behind(exporter)
        if exporter is None:
            return None
    return None


def _behind(holder: Any) -> Any:
    """Return what a processor, reader or exporter hands everything on to; None where that is nobody, or where there are several."""
    for name in _BEHIND:
        found = getattr(holder, name, None)
        if found is not None:
            return found
    # One of the program's own: a tail processor, an exporter that filters.
    found = {id(value): value for value in getattr(holder, "__dict__", {}).values() if _takes_telemetry(value)}
    return next(iter(found.values())) if len(found) == 1 else None


def _takes_telemetry(value: Any) -> bool:
    kind = type(value)
    return hasattr(kind, "shutdown") and any(hasattr(kind, name) for name in ("export", "on_end", "on_emit", "emit"))


def _key_of(exporter: Any) -> str | None:
    settings = getattr(exporter, "settings", None)
    key = getattr(settings, "instrumentation_key", None) or getattr(exporter, "_instrumentation_key", None)
    return key if isinstance(key, str) else None


def readers_key(provider: Any) -> dict[str, str]:
    """Return the instrumentation keys that a meter provider's readers send to, with the classes of their exporters."""
    readers = getattr(provider, "_metric_readers", None)
    if readers is None:
        readers = getattr(getattr(provider, "_sdk_config", None), "metric_readers", None)
    found = [exporters_key(reader) for reader in readers or ()]
    return {key[0]: key[1] for key in found if key is not None}
