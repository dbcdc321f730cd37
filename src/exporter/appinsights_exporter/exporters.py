"""The OpenTelemetry SDK's exporter interfaces over conversion and delivery. Thin: convert, encode, deliver, map the outcome.

What the exporters of all signals share is :class:`ExporterBase`; the span exporter is here. The exporter of log records is in
``log_exporter.py``, so that a program without logs does not load what the SDK's logs need.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import time
import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from . import _releases, counted_spans, roles
from . import settings as _settings
from .convert import ended, legacy_spans, patterns, resource, spans, standard
from .counts import TRACES, Counts, RateLimit
from .delivery import credentials, encode, interrupt, process_end, sharing
from .delivery.results import Result
from .envelope import Envelope
from .errors import ConfigurationError
from .foreign import failure
from .item_groups import TOGETHER, ItemGroups, WrittenItems
from .pace import Pace
from .rates import SpanRates
from .reasons import AFTER_SHUTDOWN, NO_TIME_TO_CONVERT, NOT_ENCODED, PROCESSOR_RAISED, SPAN_NOT_CONVERTED, Reason
from .resource_tags import ResourceTags
from .telemetry_processors import ProcessorError, TelemetryProcessor, TelemetryProcessors

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from opentelemetry.sdk.resources import Resource

    from .delivery.results import Delivers
    from .settings import Settings

_releases.check(sdk=True)

_T = TypeVar("_T")


class Records(Protocol):
    """Knows the exceptions that log records bring to a resource."""

    def bring(self, envelope: Mapping[str, object]) -> bool:
        """Return whether a record brings the exception of a span's item."""
        ...


_AT_ONCE = 512
"""Spans that are written at a time, which is a batch: the more are of one kind, the less each takes."""

_records: weakref.WeakValueDictionary[str, Records] = weakref.WeakValueDictionary()
"""Instrumentation key -> the records that reach its resource past the exporters here."""

_logger = logging.getLogger(__name__)


@runtime_checkable
class BringsEnvelopes(Protocol):
    """A span or log record that is its own converter: it brings finished items, and the exporter only encodes and delivers them.

    The facade gives such to the exporter when a program overrides the conversion of the retired exporter. One that has an attribute
    ``span``, the ended span that the items are of, gets them marked if that span is in standard metrics; ``pieces`` says for how many spans or
    records it stands, if not for one.
    """

    def to_envelopes(self) -> Iterable[Mapping[str, object]]:
        """Return the items. Values may be of any type; what JSON cannot hold is sent as text."""
        ...


class ExporterBase(Generic[_T]):
    """What the exporters of all signals share: settings, a share of the delivery, tags, telemetry processors, counting of losses.

    A subclass says its signal and how one piece of its telemetry becomes items.

    Args:
        connection_string: As the portal shows it; None reads ``APPLICATIONINSIGHTS_CONNECTION_STRING``.
        credential: Object with ``get_token``; it is checked here. None reads ``APPLICATIONINSIGHTS_AUTHENTICATION_STRING``.
        settings: Resolved settings instead of the two above.
        legacy_context_tags: Tags for facade telemetry instead of those of its resource. Read again for each batch, so it may be changed
            at any time.
        delivery: Where items go; None takes a share of the delivery to the settings' destination, which :meth:`shutdown` gives back. One
            that is given here is closed by its owner.

    Raises:
        ConfigurationError: No or bad connection string, bad credential, contradicting arguments.
    """

    counts: Counts
    """What was sent and lost, by reason; shared with the delivery."""

    _signal: ClassVar[str]
    """Under which name items are counted."""
    _not_converted: ClassVar[Reason]
    """Reason for which telemetry is counted as lost that could not be converted."""

    def __init__(
        self,
        connection_string: str | None = None,
        *,
        credential: object | None = None,
        settings: Settings | None = None,
        legacy_context_tags: Mapping[str, object] | None = None,
        delivery: Delivers | None = None,
    ) -> None:
        if settings is None:
            settings = _settings.resolve(
                connection_string, credential=credentials.credential_from_environment() if credential is None else credential
            )
        elif connection_string is not None or credential is not None:
            raise ConfigurationError(
                "settings",
                _settings.ARGUMENT,
                expected="either settings, or a connection string and credential",
                came="both",
                advice="Give the connection string and credential to settings.resolve().",
            )
        else:
            settings = _settings.redirected(settings, os.environ)
        self._settings = settings
        self._key = settings.instrumentation_key
        self._legacy_shape = settings.envelope_shape == "legacy"
        self._url_query = settings.url_query
        self._legacy_context_tags = legacy_context_tags
        self._owns_delivery = delivery is None
        self._delivery: Delivers = sharing.shared(settings) if delivery is None else delivery
        self.counts = self._delivery.counts
        self._processors = TelemetryProcessors()
        self._known_context_tags: tuple[dict[str, object], dict[str, str]] = ({}, {})
        self._resources = ResourceTags()
        self._log_limit = RateLimit()
        self._pace, self._callers_pace = (Pace(min(1.0, settings.grace_period_s / 5)) for _ in range(2))
        self._under_way: dict[object, int] = {}
        self._is_shut_down = False
        self._prepare()

    def _prepare(self) -> None:
        """Set what a signal has besides; called once, when all else is set."""

    @property
    def settings(self) -> Settings:
        """The resolved settings."""
        return self._settings

    @property
    def may_drop(self) -> bool:
        """Whether a telemetry processor may drop what comes here."""
        return self._processors.exist

    def add_telemetry_processor(self, processor: TelemetryProcessor) -> None:
        """Let a function see every item before it is sent: it may change the envelope, and drops it by returning False."""
        self._processors.add(processor)

    def clear_telemetry_processors(self) -> None:
        """Remove all telemetry processors."""
        self._processors.clear()

    def deliver(self, telemetry: Sequence[_T]) -> Result:
        """Send telemetry as ``export`` does, and return what became of it: ``DELIVERED`` when the service took all of it."""
        if self._is_shut_down:
            self.counts.dropped(AFTER_SHUTDOWN, len(telemetry), signal=self._signal)
            return Result.LOST
        lost: list[BaseException] = []
        result = self._delivery.deliver(self._items(telemetry, lost), self._signal)
        return Result.LOST if lost else result

    def envelopes(self, one: _T) -> list[Mapping[str, Any]]:
        """Return the items of one piece of telemetry as ``export`` sends them, before telemetry processors see them.

        Raises:
            ConversionError: It lacks something without which no item can be made.
        """
        return list(self._envelopes(one, self._legacy_tags_for_one()))

    def force_flush(self, timeout_millis: float = 30000) -> bool:
        """Return True: nothing is held back between exports but what the service refused for now, and no flush would change that."""
        return True

    def set_deadline(self, timeout_s: float) -> None:
        """Let no export take longer than so many seconds from now, because the process is about to end; what is left then is stored."""
        self._delivery.set_deadline(timeout_s)

    def hurry(self, timeout_s: float) -> None:
        """Let an export that is under way take no longer than so many seconds from now; what has no reply then is stored."""
        self._delivery.hurry(timeout_s)

    def has_time(self) -> bool:
        """Return whether the caller can convert one more piece by itself before the process ends; always while it does not end."""
        left_s = self._delivery.remaining_s()
        return left_s == math.inf or self._callers_pace.has_time(left_s)

    def took(self, spent_s: float) -> None:
        """Note how many seconds the caller's conversion of one piece took; see :meth:`has_time`."""
        self._callers_pace.took(spent_s)

    def no_time(self, number: int) -> None:
        """Count telemetry as lost for which there was no time."""
        self.counts.dropped(NO_TIME_TO_CONVERT, number, signal=self._signal)

    def give_up(self) -> None:
        """Count what is being converted as lost: the process ends before that is done."""
        for key, number in list(self._under_way.items()):
            if self._under_way.pop(key, None) is not None:
                self.no_time(number)

    def shutdown(self, *_: object, **__: object) -> None:
        """Refuse further telemetry. Waits up to ``grace_period_s`` for an export under way, and gives its share of the delivery back."""
        if self._is_shut_down:
            return
        self._is_shut_down = True
        if self._owns_delivery:
            self._delivery.shutdown(self._settings.grace_period_s)
        if process_end.has_begun():
            interrupt.restore()

    def _legacy_tags_for_one(self) -> dict[str, str] | None:
        """Return the tags for facade telemetry where one piece of it is converted outside of a batch."""
        return self._legacy_tags()

    def _envelopes(self, one: _T, legacy_tags: dict[str, str] | None) -> Iterable[Mapping[str, object]]:
        """Return the items of one piece of telemetry.

        Args:
            one: As the SDK gives it to the exporter.
            legacy_tags: For facade telemetry; None for those of its resource.
        """
        raise NotImplementedError

    def _written(self, telemetry: Sequence[_T], start: int, end: int, legacy_tags: dict[str, str] | None) -> Sequence[str | None]:
        """Return the items of the pieces from one index to another as JSON, None for each piece that cannot be written at once.

        Args:
            telemetry: All of it.
            start: Where to begin.
            end: Where to stop; what is returned may stop before.
            legacy_tags: For facade telemetry; None for those of its resource.
        """
        return ()

    def _brought(self, telemetry: Sequence[_T], start: int, end: int, brought: list[bytes], lost: list[BaseException]) -> int:
        """Encode the items that pieces bring themselves, up to the first piece that brings none, or until the process begins to end.

        Args:
            telemetry: All of it.
            start: Where to begin.
            end: Where to stop.
            brought: Gets the items.
            lost: Gets the reasons of losses.
        Returns: Where it stopped.
        """
        return start

    def _items(self, telemetry: Sequence[_T], lost: list[BaseException]) -> Iterator[bytes | encode.Together]:
        """Yield the encoded items in order, as long as there is time for it; note in the list why something was lost."""
        key = object()
        self._under_way[key] = len(telemetry)
        try:
            began_s = time.monotonic()
            is_whole = yield from self._converted(telemetry, lost)
            if is_whole:
                self._pace.usual_s = (time.monotonic() - began_s) / max(1, len(telemetry))
        finally:
            self._under_way.pop(key, None)

    def _converted(self, telemetry: Sequence[_T], lost: list[BaseException]) -> Generator[bytes | encode.Together, None, bool]:
        """Yield the encoded items, and return whether there was time for all."""
        legacy_tags = self._legacy_tags()
        records = _records.get(self._key) if self._signal == TRACES else None
        # What the package has converted alone is plain; without processors nobody puts a number into it after that.
        is_plain = not self._processors.exist
        groups = ItemGroups(lambda error: self._lost(NOT_ENCODED, error, lost))
        written = WrittenItems()
        own: list[bytes] = []
        is_quick = is_ending = False
        index, number = 0, len(telemetry)
        while index < number:
            if not is_quick or is_ending or groups.are_full:
                yield from groups.take()
                left_s = self._delivery.remaining_s()
                is_ending = left_s != math.inf
                if is_ending and not self._pace.has_time(left_s):
                    lost.append(TimeoutError())
                    self.no_time(number - index)
                    return False
            if is_plain and written.are_over(index):
                end = min(number, index + (1 if is_ending else _AT_ONCE))
                written.begin(index, self._written(telemetry, index, end, legacy_tags))
            until = min(number, index + (1 if is_ending else TOGETHER))
            if ready := written.ready(index):
                groups.add_texts(ready)
                index += len(ready)
                is_quick = True
            elif is_plain and (stopped := self._brought(telemetry, index, until, own, lost)) > index:
                groups.bytes_list().extend(own)
                own.clear()
                index = stopped
                is_quick = self._delivery.remaining_s() == math.inf
            else:
                is_quick = self._convert(telemetry[index], legacy_tags, records, groups, lost, is_plain=is_plain)
                index += 1
            if is_ending:
                self._pace.took(left_s - self._delivery.remaining_s())
        yield from groups.take()
        return True

    def _convert(
        self,
        one: _T,
        legacy_tags: dict[str, str] | None,
        records: Records | None,
        groups: ItemGroups,
        lost: list[BaseException],
        *,
        is_plain: bool,
    ) -> bool:
        """Add the items of one piece, and return whether that took microseconds: a program's code may take any time."""
        try:
            made = self._envelopes(one, legacy_tags)
            # A list is what a conversion of this package made.
            if is_plain and type(made) is list:
                groups.add_envelopes(made if records is None else [item for item in made if self._look_at(item, records) is not None])
                return True
            self._encode_carefully(made, records, groups.bytes_list(), lost)
            return self._delivery.remaining_s() == math.inf
        except failure() as error:  # One span or record must not lose the others, whatever is wrong with it.
            self._lost(self._not_converted, error, lost, getattr(one, "pieces", 1))
            return False

    def _encode_carefully(
        self,
        made: Iterable[Mapping[str, object]],
        records: Records | None,
        encoded: list[bytes],
        lost: list[BaseException],
    ) -> None:
        """Encode items that a program has made, or may change by telemetry processors: at once, since it may change them later."""
        is_looked_at = self._processors.exist or records is not None
        for envelope in made:
            try:
                seen = self._look_at(envelope, records) if is_looked_at else envelope
                if seen is not None:
                    encoded.append(encode.item(seen))
            except failure() as error:  # One item must not lose the others, whatever is in it.
                raised = isinstance(error, ProcessorError)
                self._lost(PROCESSOR_RAISED if raised else NOT_ENCODED, error.__cause__ or error, lost)

    def _look_at(self, envelope: Mapping[str, object], records: Records | None) -> Mapping[str, object] | None:
        """Return an item as telemetry processors leave it, None for one that they drop or that a log record brings."""
        if records is not None and _is_exception(envelope) and records.bring(envelope):
            return None
        if not self._processors.exist:
            return envelope
        seen = self._processors.apply(envelope)
        if seen is None:
            self.counts.filtered(1, self._signal)
        return seen

    def context_tags(self, of: Resource) -> dict[str, str]:
        """Return the tags of facade telemetry of a resource."""
        return dict(self._tags(of, self._legacy_tags(), facade=True))

    def _tags(self, of: Resource, legacy_tags: dict[str, str] | None, facade: bool) -> dict[str, str]:
        """Return the context tags for telemetry of a resource, not to be changed."""
        tags, named, _ = self._resources.known.get(id(of)) or self._resources.remember(of)
        if facade and self._legacy_shape and legacy_tags is not None:
            return legacy_tags
        # The program's name says more than the SDK's unknown_service, and both APIs have one role where nothing says another.
        return tags if named else self._resources.with_role(of, tags, roles.role(legacy_tags))

    def _with_key(self, envelopes: Iterable[Mapping[str, object]]) -> Iterable[Mapping[str, object]]:
        # No list: that stands for what this package alone has made. And no tuple of what may fail midway: what came before is kept.
        if type(envelopes) is not list:
            return map(self._keyed, envelopes)
        return tuple([each if type(each) is Envelope and each.get("iKey") else self._keyed(each) for each in envelopes])

    def _keyed(self, envelope: Mapping[str, object]) -> Mapping[str, object]:
        # Programs send what they like; what is no item is the service's to refuse.
        if type(envelope) is not dict and not hasattr(envelope, "get"):
            return envelope
        return envelope if envelope.get("iKey") else {**envelope, "iKey": self._key}

    def _lost(self, reason: Reason, error: BaseException, lost: list[BaseException], pieces: int = 1) -> None:
        lost.append(error)
        # The error's text may quote the data, so the warning names only its type.
        self.counts.dropped(reason, pieces, detail=type(error).__name__, signal=self._signal)
        _logger.debug("%s", reason.text, exc_info=error)

    def _legacy_tags(self) -> dict[str, str] | None:
        if self._legacy_context_tags is None:
            return None
        try:
            # Compared, since the mapping is copied five times as fast as its values are made what the wire takes.
            known, tags = self._known_context_tags
            if type(self._legacy_context_tags) is dict and self._legacy_context_tags == known:
                return tags
            said = dict(self._legacy_context_tags)
            if said != known:
                tags = resource.context_tags(said)
                if all(type(value) is str for value in said.values()):
                    # An object could change and stay equal to itself.
                    self._known_context_tags = (said, tags)
            return tags
        except failure():  # The mapping is the program's own and may do anything; the telemetry still has a resource.
            if self._log_limit.due("context tags"):
                _logger.warning("The context tags of OpenCensus telemetry could not be read; its resource's are used.", exc_info=True)
            return None


_MAX_PATTERNS = 16


class _Source:
    """What is the same for the spans of one resource.

    Args:
        resource: The resource.
        tags: Its tags, not to be changed.
        known: Patterns of its items; None where items are marked, because standard metrics count them.
        is_facade: Whether the spans are of OpenCensus code.
    """

    __slots__ = ("is_facade", "patterns", "resource", "tags")

    def __init__(self, resource: Resource, tags: dict[str, str], known: patterns.Patterns | None, is_facade: bool) -> None:
        self.resource, self.tags, self.patterns, self.is_facade = resource, tags, known, is_facade


class ApplicationInsightsSpanExporter(ExporterBase["ReadableSpan"], SpanExporter):
    """Sends OpenTelemetry spans to Application Insights as requests, dependencies, exceptions and messages.

    Each call of :meth:`export` sends at once: use it with the SDK's ``BatchSpanProcessor``. Items that the service does not accept now are
    stored on disk and sent later, by this process or the next; all exporters of one resource share one connection and one store. Role name and
    instance come from each span's own resource. Spans of the OpenCensus facade keep the retired exporter's envelope shape unless the
    settings say ``otel``.

    Args:
        connection_string: As the portal shows it; None reads ``APPLICATIONINSIGHTS_CONNECTION_STRING``.
        credential: Object with ``get_token``; it is checked here. None reads ``APPLICATIONINSIGHTS_AUTHENTICATION_STRING``.
        settings: Resolved settings instead of the two above.
        legacy_context_tags: Tags for facade spans instead of those of their resource. Read again for each batch, so it may be changed at
            any time.
        delivery: Where items go; None takes a share of the delivery to the settings' destination, which :meth:`shutdown` gives back. One
            that is given here is closed by its owner.

    Raises:
        ConfigurationError: No or bad connection string, bad credential, contradicting arguments.
    """

    _signal = TRACES
    _not_converted = SPAN_NOT_CONVERTED

    def _prepare(self) -> None:
        # What is known of the sampling of the providers; None beside the facade, which notes rates on the spans.
        self._rates = SpanRates() if self._legacy_context_tags is None else None
        self._sources: tuple[_Source | None, _Source | None] = (None, None)
        """Of the last span of OpenTelemetry code in this batch, and of OpenCensus code."""
        self._tags_of_sources: dict[str, str] | None = None
        self._patterns: dict[object, patterns.Patterns] = {}

    def deliver(self, telemetry: Sequence[ReadableSpan]) -> Result:
        """Send spans as ``export`` does, and return what became of them: ``DELIVERED`` when the service took all of them."""
        if telemetry and self._rates is not None:
            try:
                self._rates.look_at(telemetry)
            except Exception:
                _logger.debug("the sampler of spans could not be read", exc_info=True)
        return super().deliver(telemetry)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans, and return SUCCESS only if all of them were accepted by the service or are on disk to be sent later.

        Never raises. A span that cannot be converted or encoded is counted and loses no other.
        """
        return SpanExportResult.SUCCESS if self.deliver(spans) >= Result.STORED else SpanExportResult.FAILURE

    def _written(self, telemetry: Sequence[ReadableSpan], start: int, end: int, legacy_tags: dict[str, str] | None) -> Sequence[str | None]:
        some = telemetry[start:end]
        try:
            return self._texts(some, legacy_tags)
        except Exception:
            # A span made by hand may be anything; its conversion says what is wrong with it, and the others are written.
            _logger.debug("spans are written one by one", exc_info=True)
        texts: list[str | None] = []
        for one in some:
            texts.append(None)
            with contextlib.suppress(Exception):
                texts[-1:] = self._texts([one], legacy_tags)
        return texts

    def _texts(self, some: Sequence[ReadableSpan], legacy_tags: dict[str, str] | None) -> Sequence[str | None]:
        """Return the items of spans as JSON, None for each span that is to be converted.

        Raises: whatever a span made by hand leads to.
        """
        bringing = {kind for kind in set(map(type, some)) if hasattr(kind, "to_envelopes")}
        usual = [one for one in some if type(one) not in bringing] if bringing else some
        rows = ended.rows(usual)
        sources: list[_Source] = []
        of: object = self
        scope: object = self
        for row in rows:
            if row[0] is not of or row[1] is not scope:
                of, scope = row[0], row[1]
                facade = scope is not None and row[1].name == legacy_spans.SCOPE
                source = self._sources[facade]
                if source is None or source.resource is not of:
                    source = self._source(row[0], legacy_tags, facade)
            sources.append(source)  # type: ignore[arg-type]  # that of a row before
        if not bringing and sources.count(sources[0]) == len(rows):
            # All are of one, mostly.
            return self._texts_of(sources[0], rows, usual)
        made: list[str | None] = [None] * len(usual)
        for source in {id(source): source for source in sources}.values():
            places = [place for place, found in enumerate(sources) if found is source]
            texts = self._texts_of(source, [rows[place] for place in places], [usual[place] for place in places])
            for place, text in zip(places, texts, strict=True):
                made[place] = text
        others = iter(made)
        return [None if type(one) in bringing else next(others) for one in some]

    def _texts_of(self, source: _Source, rows: list[ended.Ended], some: Sequence[ReadableSpan]) -> Sequence[str | None]:
        if source.patterns is None:
            return [None] * len(rows)
        rates = self._rates if self._rates is not None and self._rates.exist and not source.is_facade else None
        return source.patterns.texts(rows, None if rates is None else [rates.percent(one) for one in some])

    def _envelopes(self, one: ReadableSpan, legacy_tags: dict[str, str] | None) -> Iterable[Mapping[str, object]]:
        own = getattr(one, "to_envelopes", None)
        if own is not None:
            brought = own()
            if counted_spans.is_counted(getattr(one, "span", None), self._settings):
                brought = map(standard.marked, brought)
            return self._with_key(brought)
        scope = one.instrumentation_scope
        facade = scope is not None and scope.name == legacy_spans.SCOPE
        source = self._sources[facade]
        if source is None or source.resource is not one.resource:
            source = self._source(one.resource, legacy_tags, facade)
        if facade and self._legacy_shape:
            made = legacy_spans.envelopes(one, self._key, source.tags)
            if type(made) is not list:
                return map(standard.marked, made) if counted_spans.is_counted(one, self._settings) else made
        else:
            # By position: sorting out names in four calls took a hundredth of a span's whole conversion.
            rates = self._rates
            rate = rates.percent(one) if rates is not None and rates.exist and not facade else None
            made = spans.envelopes(one, self._key, source.tags, self._url_query, facade, rate)
        if counted_spans.are_counted() and counted_spans.is_counted(one, self._settings):
            standard.mark(made)
        return made

    def _source(self, of: Resource, legacy_tags: dict[str, str] | None, facade: bool) -> _Source:
        """Make and return what is the same for the spans of a resource, those of OpenCensus code or all others, in this batch."""
        tags = self._tags(of, legacy_tags, facade)
        kind = (facade, *tags.items())
        known = self._patterns.get(kind)
        if known is None:
            if len(self._patterns) >= _MAX_PATTERNS:
                self._patterns.clear()
            if facade and self._legacy_shape:
                known = patterns.of_legacy_spans(self._key, tags)
            else:
                known = patterns.of_spans(self._key, self._url_query, facade, tags)
            self._patterns[kind] = known
        source = _Source(of, tags, None if counted_spans.are_counted() else known, facade)
        self._sources = (self._sources[False], source) if facade else (source, self._sources[True])
        return source

    def _legacy_tags_for_one(self) -> dict[str, str] | None:
        known = self._tags_of_sources
        return known if known is not None and super()._legacy_tags() is known else self._legacy_tags()

    def _legacy_tags(self) -> dict[str, str] | None:
        # Read for each batch, and so is all that follows from them.
        self._sources = (None, None)
        self._tags_of_sources = super()._legacy_tags()
        return self._tags_of_sources


def leave_exceptions_to(records: Records, key: str) -> None:
    """Let the span exporters of a resource leave out the exceptions that log records bring.

    Args:
        records: Knows the records. It is held weakly.
        key: Instrumentation key of the resource.
    """
    _records[key] = records


def _is_exception(envelope: Mapping[str, object]) -> bool:
    data: Any
    try:
        data = envelope["data"]
        return bool(data["baseType"] == "ExceptionData")
    except (KeyError, TypeError):
        # One that a program has made.
        return False
