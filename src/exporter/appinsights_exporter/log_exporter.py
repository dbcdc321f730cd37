"""The exporter of log records, apart from the others because the SDK's log interfaces take time to load and move between its releases."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

import orjson
from opentelemetry.context import attach, detach

from ._sdk_logs import LogRecordExporter, LogRecordExportResult, record_of, resource_of, scope_of
from .claims import CLAIM
from .convert import legacy_logs, legacy_spans, logs
from .counts import LOGS
from .delivery import encode
from .delivery.own_work import OWN_TRACE_ID, own_context
from .delivery.results import Result
from .envelope import Envelope
from .exporters import ExporterBase
from .foreign import failure
from .reasons import LOG_NOT_CONVERTED, NOT_ENCODED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from .claims import Claim
    from .convert.records import LogData
    from .exporters import Records

_OWN_LOGGERS = frozenset({__name__.partition(".")[0], "opencensus", legacy_spans.SCOPE})
"""First parts of the names under which this package and the facade log."""

_logger = logging.getLogger(__name__)


class Written:
    """A log record of the facade whose item is made already: its JSON waits for the export, in a tenth of the memory of a record.

    Args:
        json: The item, as :func:`.delivery.encode.item` returns it.
    """

    __slots__ = ("json",)

    def __init__(self, json: str) -> None:
        self.json = json

    def to_envelopes(self) -> list[Mapping[str, object]]:
        """Return the item."""
        return [orjson.loads(self.json)]


class _Claimed(list["Mapping[str, object]"]):
    """The items of a record that another handler may send.

    Args:
        items: They.
        record: The record.
        claim: To be settled before they are sent.
    """

    def __init__(self, items: Iterable[Mapping[str, object]], record: object, claim: Claim) -> None:
        super().__init__(items)
        self.record = record
        self.claim = claim


def _of_application(telemetry: Sequence[Any]) -> list[LogData]:
    """Return the records that are not about this package's own work."""
    found: list[Any] = []
    seen, is_own = None, False
    for one in telemetry:
        if type(one) is Written:
            found.append(one)
            continue
        try:
            record = getattr(one, "log_record", None)
            if record is not None:
                if record.trace_id == OWN_TRACE_ID:
                    continue
                scope = one.instrumentation_scope
                # Records of one logger follow each other.
                if scope is not seen:
                    seen, is_own = scope, scope is not None and _is_own(scope)
                if is_own:
                    continue
        except Exception:
            # Made by hand: the conversion takes it, or counts it.
            _logger.debug("the logger of a log record could not be read", exc_info=True)
        found.append(one)
    return found


def _is_own(scope: InstrumentationScope) -> bool:
    """Return whether a scope stands for one of our own loggers.

    That of OpenCensus handlers has the name of one, and a version, which scopes that stand for loggers do not have.
    """
    return scope.name.partition(".")[0] in _OWN_LOGGERS and not (scope.name == legacy_spans.SCOPE and scope.version)


class ApplicationInsightsLogRecordExporter(ExporterBase["LogData"], LogRecordExporter):
    """Sends OpenTelemetry log records to Application Insights as messages, exceptions, custom events and availability results.

    Each call of :meth:`export` sends at once: use it with the SDK's ``BatchLogRecordProcessor``::

        provider = LoggerProvider()
        provider.add_log_record_processor(LogOperationNameProcessor())
        provider.add_log_record_processor(BatchLogRecordProcessor(ApplicationInsightsLogRecordExporter()))
        logging.getLogger().addHandler(LoggingHandler(logger_provider=provider))

    A record with the attribute ``microsoft.custom_event.name`` is a custom event. The mappings ``custom_dimensions`` and
    ``custom_measurements``, which code written for OpenCensus gives as ``extra``, become properties and measurements of their own.
    Delivery, store and connection are shared with the other exporters of the same resource.

    Args:
        connection_string: As the portal shows it; None reads ``APPLICATIONINSIGHTS_CONNECTION_STRING``.
        credential: Object with ``get_token``; it is checked here. None reads ``APPLICATIONINSIGHTS_AUTHENTICATION_STRING``.
        settings: Resolved settings instead of the two above.
        legacy_context_tags: Tags for records of OpenCensus handlers instead of those of their resource. Read again for each batch, so it
            may be changed at any time.
        delivery: Where items go; None takes a share of the delivery to the settings' destination, which :meth:`shutdown` gives back. One
            that is given here is closed by its owner.

    Raises:
        ConfigurationError: No or bad connection string, bad credential, contradicting arguments.

    Limits: releases of the SDK before 1.39 drop mappings from attributes, ``custom_dimensions`` among them, before a record comes here.
    """

    _signal = LOGS
    _not_converted = LOG_NOT_CONVERTED
    _bringing_none: type | None = None
    """Class of the last piece that brought no items itself: `_envelopes` sees what does so all the same."""

    def deliver(self, telemetry: Sequence[LogData]) -> Result:
        """Send log records as ``export`` does, and return what became of them.

        Records that this package or its libraries log while they send are left out: each request would make the next one.
        """
        theirs = _of_application(telemetry)
        if telemetry and not theirs:
            return Result.DELIVERED
        if not self._processors.exist:
            return super().deliver(theirs)
        # What telemetry processors log would come here again, and they log again.
        token = attach(own_context())
        try:
            return super().deliver(theirs)
        finally:
            detach(token)

    def export(self, batch: Sequence[LogData]) -> LogRecordExportResult:
        """Send log records, and return SUCCESS only if all of them were accepted by the service or are on disk to be sent later.

        Never raises. A record that cannot be converted or encoded is counted and loses no other.
        """
        return LogRecordExportResult.SUCCESS if self.deliver(batch) >= Result.STORED else LogRecordExportResult.FAILURE

    def facade_head(self) -> tuple[str, dict[str, str] | None]:
        """Return the instrumentation key of OpenCensus telemetry, and its tags now, not to be changed; None for those of its resource."""
        return self._key, self._legacy_tags()

    def written(self, envelope: Mapping[str, object]) -> Written:
        """Return what takes an item of this package's through the queue.

        Raises:
            EncodingError: It cannot be made short enough.
        """
        return Written(encode.item(envelope, are_numbers_finite=True).decode())

    def _written(self, telemetry: Sequence[Any], start: int, end: int, legacy_tags: dict[str, str] | None) -> Sequence[str]:
        texts: list[str] = []
        while start < end and type(telemetry[start]) is Written:
            texts.append(telemetry[start].json)
            start += 1
        return texts

    def _brought(self, telemetry: Sequence[Any], start: int, end: int, brought: list[bytes], lost: list[BaseException]) -> int:
        # As the base class encodes what `_envelopes` returns, in one loop: that takes 1.3 us less for an item.
        if type(telemetry[start]) is self._bringing_none:
            return start
        item, lasts = encode.item, self._delivery.remaining_s
        while start < end:
            one = telemetry[start]
            own = getattr(one, "to_envelopes", None)
            if own is None or type(one) is Written:
                self._bringing_none = type(one)
                break
            start += 1
            try:
                for envelope in own():
                    keyed = envelope if type(envelope) is Envelope and envelope.get("iKey") else self._keyed(envelope)
                    try:
                        brought.append(item(keyed))
                    except failure() as error:  # One item must not lose the others, whatever is in it.
                        self._lost(NOT_ENCODED, error, lost)
            except failure() as error:  # Nor one record the others.
                self._lost(self._not_converted, error, lost, getattr(one, "pieces", 1))
            if lasts() != math.inf:
                break
        return start

    def _envelopes(self, one: LogData, legacy_tags: dict[str, str] | None) -> Iterable[Mapping[str, object]]:
        own = getattr(one, "to_envelopes", None)
        if own is None:
            record = record_of(one)
            # A record that passed the SDK's processors stands within what they made of it.
            own = getattr(record, "to_envelopes", None)
        if own is not None:
            return self._with_key(own())
        scope = scope_of(one)
        name = scope.name if scope is not None else ""
        facade = name == legacy_spans.SCOPE
        tags = self._tags(resource_of(one), legacy_tags, facade)
        if facade and self._legacy_shape:
            # A list, here and below: no number in it needs a look before it is encoded.
            return [legacy_logs.envelope(record, instrumentation_key=self._key, context_tags=tags, on_skipped=self.warn_skipped)]
        made = [logs.envelope(record, name, instrumentation_key=self._key, context_tags=tags, facade=facade, on_skipped=self.warn_skipped)]
        claim = getattr(record, CLAIM, None)
        return made if claim is None else _Claimed(made, record, claim)

    def _encode_carefully(
        self, made: Iterable[Mapping[str, object]], records: Records | None, encoded: list[bytes], lost: list[BaseException]
    ) -> None:
        if type(made) is not _Claimed:
            super()._encode_carefully(made, records, encoded, lost)
            return
        of_all = super()._encode_carefully

        def encoded_now() -> list[bytes]:
            own: list[bytes] = []
            of_all(made, records, own, lost)
            return own

        encoded += made.claim.settle(made.record, encoded_now)

    def warn_skipped(self, name: str) -> None:
        """Log, from time to time, that a custom measurement is no finite number."""
        if self._log_limit.due("measurements"):
            _logger.warning("The custom measurement %r is skipped: it is not a finite number.", name)
