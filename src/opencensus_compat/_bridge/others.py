"""The exporters and processors that an application has put on a provider itself.

Which telemetry is left to them, and which is kept from those that send to Application Insights, is the rule in `_bridge.whose`. The SDK
gives out a provider's processors, and the exporters behind them, under private names only: see `otel_private`. Where a release has other
names, or a provider is none of the SDK's, none is found, and the provider counts as one that has an exporter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import otel_private as _private
from opencensus_compat._bridge.handles import span_part_of
from opencensus_compat._bridge.process import LOGS, METRICS, SPANS, report
from opencensus_compat._bridge.settings import report_no_effect

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from opencensus_compat._bridge.exporter import Settings

__all__ = [
    "NO_OTHERS",
    "STANDS_FOR",
    "Others",
    "exporter_behind",
    "exporters_keys",
    "has_exporter",
    "of_logger_provider",
    "of_meter_provider",
    "of_tracer",
    "processors_of",
    "readers_key",
    "report_duplicate",
]

_OFFICIAL = "azure.monitor.opentelemetry.exporter"
_OURS = "appinsights_exporter"
_DEPTH = 6
"""Most objects between a provider and an exporter: processors and exporters of a program's own wrap those of the SDK."""
_WRAPPED = 3
"""Most providers of a program's own around one of the SDK's."""
STANDS_FOR = "census_stands_for"
"""Field of a processor that has another one called in the right thread, which it stands for."""
_WITHOUT_EXPORTER = ("opentelemetry.processor.", "opentelemetry.sdk.", f"{_OURS}.", "opencensus_compat.")
"""Modules whose processors send nothing unless they have an exporter: they add attributes, or count."""


class Others:
    """The processors of one provider, seen as those which send to Application Insights, and the rest.

    Args:
        processors: Returns the processors, a list or tuple; the same object as long as there are no new ones. Anything else, as None,
            where they cannot be seen.
        are_of_ours: Whether this package made the provider.
        are_readers: Whether they are a meter provider's readers, each of which exports metrics.
    """

    def __init__(self, processors: Callable[[], object], *, are_of_ours: bool = False, are_readers: bool = False) -> None:
        self.processors = processors
        self._are_readers = are_readers
        self.are_of_ours = are_of_ours
        self.seen: object = ()
        """The processors that `keys` has looked at last."""
        self.only: Any = None
        """The one processor that `keys` has found; None where there are more, or none."""
        self._keys: dict[str, str] = {}
        self._have_exporter = False
        self.rest: tuple[Any, ...] = ()
        """The processors that do not send to Application Insights."""
        self.adopted: tuple[object, bool] = (None, False)
        """What `_bridge.whose` found: the processors, and whether this package sends what OpenTelemetry code makes with the provider."""
        self._are_expected = True

    def keys(self) -> dict[str, str]:
        """Return the instrumentation keys that processors send to, with the classes of their exporters."""
        seen = self.processors()
        if seen is not self.seen:
            now = _sequence(seen)
            found = [(processor, exporters_keys(processor)) for processor in now or ()]
            self.rest = tuple(_fields_of(processor).get(STANDS_FOR, processor) for processor, keys in found if not keys)
            self._keys = {key: name for _, keys in found for key, name in keys.items()}
            self.only = now[0] if now is not None and len(now) == 1 else None
            self._have_exporter = now is None or any(self._are_readers or has_exporter(processor) for processor, _ in found)
            # Last: another thread that finds it finds the rest.
            self.seen = seen
        return self._keys

    def have_exporter(self) -> bool:
        """Return whether a processor exports what ends, or is emitted; True where that cannot be seen."""
        self.keys()
        return self._have_exporter

    def report_if_alone(self, own: object, signal: str) -> None:
        """Report, once, that a signal which is not sent directly goes nowhere, if a processor of ours is the only one there is.

        Args:
            own: That processor.
            signal: Which one.
        """
        if not self._are_expected:
            return
        self._are_expected = False
        now = _sequence(self.processors())
        if now is not None and all(processor is own for processor in now):
            report_no_effect(
                f"{signal} go nowhere, since the OpenTelemetry provider has no processor. Start the program by opentelemetry-instrument, "
                "or set a provider with an exporter"
            )

    def send_for(self, exporter: object) -> bool:
        """Return whether one of them sends to the resource that a legacy exporter sends to, or they are all that sends."""
        part = span_part_of(exporter)
        return part is not None and (not part.is_direct or part.settings.instrumentation_key in self.keys())

    def are_more_than(self, kind: type) -> bool:
        """Return whether there are processors of other classes, as far as they can be seen."""
        now = _sequence(self.processors())
        return now is None or any(type(processor) is not kind for processor in now)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Show a span that starts to the rest."""
        for processor in self.rest:
            processor.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Show a span that has ended to the rest."""
        for processor in self.rest:
            processor.on_end(span)


NO_OTHERS = Others(lambda: ())
"""Of a provider that is not known yet, or gets no facade spans any more."""


def report_duplicate(others: Others, settings: Settings, signal: str) -> bool:
    """Return whether an exporter of the application's sends to the same resource, and report that the first time."""
    key = settings.instrumentation_key
    exporter = others.keys().get(key)
    if exporter is None:
        return False
    report(
        "both %s and an OpenCensus exporter send " + signal + " to the resource with the instrumentation key that ends in %s: "
        "each item is sent once, OpenTelemetry's by the former, OpenCensus's by the latter",
        exporter,
        key[-4:],
        # A service that is rewritten file by file has both, and both send the same.
        level=logging.DEBUG if exporter.startswith(f"{_OURS}.") else logging.WARNING,
    )
    return True


def of_tracer(provider: object, tracer: object, *, are_of_ours: bool = False) -> Others:
    """Return the processors of a tracer provider, as one of its tracers shows them."""
    several = getattr(tracer, "span_processor", None) or _inside(provider, _private.span_processor, "get_tracer")
    return Others(_private.span_processors(several), are_of_ours=are_of_ours)


def of_logger_provider(provider: object, *, are_of_ours: bool = False) -> Others:
    """Return the processors of a logger provider."""
    several = _inside(provider, _private.log_processor, "get_logger")
    return Others(_private.log_processors(several), are_of_ours=are_of_ours)


def of_meter_provider(provider: object) -> Others:
    """Return the readers of a meter provider of the application's."""
    return Others(lambda: _private.metric_readers(provider), are_readers=True)


_PROCESSORS = {
    SPANS: (_private.span_processor, _private.span_processors, "get_tracer"),
    LOGS: (_private.log_processor, _private.log_processors, "get_logger"),
}
"""Signal -> what finds a provider's processor for several, what reads that one's processors, and what providers of the signal make."""


def processors_of(signal: str, provider: object) -> Sequence[object] | None:
    """Return the processors, or readers, of a provider; None where they cannot be seen."""
    if signal == METRICS:
        return _private.metric_readers(provider)
    find, read, makes = _PROCESSORS[signal]
    several = _inside(provider, find, makes)
    return None if several is None else _sequence(read(several)())


def exporter_behind(processor: object) -> object | None:
    """Return the exporter that a processor or reader hands telemetry on to; None where there is none, or it cannot be seen."""
    return next((each for each in _chain(processor) if each is not processor and hasattr(type(each), "export")), None)


def _inside(provider: object, find: Callable[[object], object | None], makes: str) -> object | None:
    """Return what is found in the SDK's provider, which may be wrapped in one of a program's own; None where there is nothing."""
    for _ in range(_WRAPPED):
        found = find(provider)
        if found is not None:
            return found
        inner = [value for value in _fields_of(provider).values() if callable(getattr(type(value), makes, None))]
        if len(inner) != 1:
            return None
        provider = inner[0]
    return None


def _sequence(found: object) -> Sequence[object] | None:
    return found if isinstance(found, (list, tuple)) else None


def _fields_of(holder: object) -> dict[str, object]:
    fields = getattr(holder, "__dict__", None)
    return fields if isinstance(fields, dict) else {}


def exporters_keys(processor: object) -> dict[str, str]:
    """Return the instrumentation keys that a processor or reader sends to, with the classes of its exporters."""
    found: dict[str, str] = {}
    for each in _chain(processor):
        for kind in type(each).__mro__:
            package = kind.__module__
            if package == _OURS or package.startswith((f"{_OURS}.", f"{_OFFICIAL}.")):
                key = _key_of(each)
                if key:
                    found[key] = f"{_OFFICIAL if package.startswith(_OFFICIAL) else _OURS}.{kind.__name__}"
                    break
    return found


def has_exporter(processor: object) -> bool:
    """Return whether a processor exports what it gets, as far as that can be seen.

    One of a program's own may send without an exporter, unless it does nothing with what ends or is emitted.
    """
    if any(hasattr(type(each), "export") for each in _chain(processor)):
        return True
    methods = [getattr(type(processor), name, None) for name in ("on_end", "on_emit", "emit")]
    return not all(method is None or _sends_nothing(method) for method in methods)


def _sends_nothing(method: object) -> bool:
    if str(getattr(method, "__module__", "")).startswith(_WITHOUT_EXPORTER):
        return True
    code = getattr(method, "__code__", None)
    # A body that uses no name: `pass`, as abstract methods have to be written out.
    return code is not None and not (code.co_names or code.co_freevars)


def _chain(processor: object) -> Iterator[object]:
    """Yield a processor or reader, and all that is behind it."""
    seen: dict[int, object] = {}
    level = [processor]
    for _ in range(_DEPTH):
        level = [each for each in level if id(each) not in seen]
        seen.update((id(each), each) for each in level)
        yield from level
        level = [behind for each in level for behind in _behind(each)]


def _behind(holder: object) -> list[object]:
    """Return what a processor, reader or exporter hands telemetry on to."""
    known = _private.exporter_of(holder)
    # One of the program's own, or of the SDK's for several: a tail processor, an exporter that filters.
    fields = list(_fields_of(holder).values())
    several = [value for field in fields if isinstance(field, (list, tuple)) for value in field]
    return ([] if known is None else [known]) + [value for value in (*fields, *several) if _takes_telemetry(value)]


def _takes_telemetry(value: object) -> bool:
    kind = type(value)
    return hasattr(kind, "shutdown") and any(hasattr(kind, name) for name in ("export", "on_end", "on_emit", "emit"))


def _key_of(exporter: object) -> str | None:
    settings = getattr(exporter, "settings", None)
    key = getattr(settings, "instrumentation_key", None) or _private.instrumentation_key(exporter)
    return key if isinstance(key, str) else None


def readers_key(provider: object) -> dict[str, str]:
    """Return the instrumentation keys that a meter provider's readers send to, with the classes of their exporters."""
    return {key: name for reader in _private.metric_readers(provider) or () for key, name in exporters_keys(reader).items()}
