"""From a record that a handler has taken to what waits for its export: on the thread of the hand-over."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.convert import log_records
from opencensus_compat._bridge.pipeline import taken as _taken
from opencensus_compat._bridge.process import LOGS
from opencensus_compat._bridge.providers.logs import log_router
from opencensus_compat.ext.azure.log_exporter._conversion import otel_record
from opencensus_compat.ext.azure.log_exporter._copies import copy_as_logged, set_as_logged
from opencensus_compat.ext.azure.log_exporter._formatting import Formatted
from opencensus_compat.ext.azure.log_exporter._ids import ids_of, set_ids
from opencensus_compat.ext.azure.log_exporter._waiting import Waiting

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from opencensus_compat._bridge.pipeline.logs import LogPart, Made
    from opencensus_compat.ext.azure.common.protocol import Envelope
    from opencensus_compat.ext.azure.log_exporter import BaseLogHandler
    from opencensus_compat.ext.azure.log_exporter._copies import Frozen
    from opencensus_compat.ext.azure.log_exporter._ids import Ids
    from opencensus_compat.ext.azure.log_exporter._waiting import Piece

__all__ = ["ABSENT", "emit_taken", "envelope_of"]

ABSENT: Any = object()
"""Stands for a field that a record of a program's own class lacks."""
_NO_MORE: tuple[object, float | None] = (None, None)
_PLAIN = logging.LogRecord
_items = _taken.Items()


def emit_taken(
    handler: BaseLogHandler,
    taken: logging.LogRecord,
    context: Context,
    changing: Frozen,
    dimensions: object,
    more: tuple[object, float | None] | None,
    form: object,
    arguments: object,
    level: object,
    exc_info: object,
) -> None:
    """Hand on a record that a handler has taken, to its part of the pipeline or through the logger provider.

    Args:
        handler: The handler.
        taken: The record.
        context: The OpenTelemetry context in which it was logged.
        changing: What could have changed of its message since then.
        dimensions: Its custom dimensions then; None for none.
        more: Its custom measurements then, and the share of records that it stands for; None for each that it has not, or for both.
        form: Its `msg` then: formatters are known to change it, and what follows.
        arguments: Its `args` then.
        level: Its `levelname` then; `ABSENT` where it lacks that or `exc_info`.
        exc_info: Its `exc_info` then, likewise.
    """
    router = log_router()
    resource = handler._resource
    if not handler._is_event and router.has_seen(taken, resource):
        return
    item, is_first = None, True
    sharers = handler._sharers
    claim = sharers.claim(taken) if sharers.has_native and handler._is_direct else None
    measurements, share = more or _NO_MORE
    has_exception = exc_info is not ABSENT and bool(exc_info) and not handler._is_event
    # Nobody else sends the record where there is no other handler, nor its exception where there is none.
    if has_exception or claim is not None or resource.log_handlers > 1:
        item, is_first = _items.of(taken, handler, resource, handler._conversion())
        item.claim = claim
        item.add_share(1.0 if share is None else share)
        if item.is_certain:
            return
        percent = item.percent
    else:
        percent = None if share is None or share >= 1 else share * 100.0
    part: LogPart = resource.part(LOGS)  # type: ignore[assignment]  # as in the handler's `_pipeline`, without the call
    # Whether a handler of the exporter package has sent the record is known when it is exported.
    may_refuse = handler._is_direct and bool(claim is not None or handler._telemetry_processors or handler._is_changed())
    fields: dict[str, Any] = taken.__dict__.copy()
    fields["msg"], fields["args"] = form, arguments
    if level is not ABSENT:
        fields["levelname"], fields["exc_info"] = level, exc_info
    if dimensions is not None:
        fields["custom_dimensions"] = dimensions
    if measurements is not None:
        fields["custom_measurements"] = measurements
    if changing is not None:
        set_as_logged(fields, changing)
    ids = ids_of(taken, context, as_otel=handler._as_otel)
    if ids.trace_text:
        set_ids(fields, ids)
    has_exception = has_exception and bool(ids.trace_text)
    record = None
    if type(taken) is not _PLAIN or type(changing) is str or has_exception or not may_refuse:
        record = copy_as_logged(taken, fields, changing)
    if has_exception and is_first and item is not None and record is not None:
        resource.exceptions.note(ids.trace_text, log_records.exc_info_of(record), item)
    is_alone = router.is_passed_by(part)
    if record is not None and is_first and not may_refuse and (percent is None or resource.log_handlers <= 1):
        if handler._as_otel or not is_alone:
            router.send(_otel(handler, record, ids, percent, context), part, None)
        else:
            router.send_made(part, _written(handler, part, record, ids, percent))
        if item is not None:
            item.is_certain = True
        return
    if has_exception or claim is not None or (is_first and not is_alone):
        if record is None:
            record = copy_as_logged(taken, fields, changing)
        _send_read(handler, record, ids, item, percent, context, is_read=is_first and not is_alone, has_exception=has_exception)
    else:
        waiting = Waiting(handler, fields, None, item, percent) if record is None else Waiting(handler, None, record, item, percent)
        if item is not None:
            item.attach(waiting)
        router.send_made(part, waiting)
    if item is not None:
        item.is_certain = not may_refuse


def _send_read(
    handler: BaseLogHandler,
    record: logging.LogRecord,
    ids: Ids,
    item: _taken.Item | None,
    percent: float | None,
    context: Context,
    *,
    is_read: bool,
    has_exception: bool,
) -> None:
    """Hand on a record which the program's code converts, and which is not for that alone.

    Args:
        record: The record.
        ids: Its trace and span.
        item: What it becomes, where other handlers, or spans, may send that, too.
        percent: The share of records that it stands for; None for itself alone.
        context: The context in which it was logged.
        is_read: Whether processors of the provider get it as OpenTelemetry's.
        has_exception: Whether it has an exception that a span of its trace may have, too.
    """
    router = log_router()
    formatted = otel = None
    if is_read and router.has_audience():
        # The application's processors get the text, too; the program's own conversion gets the record from before it was formatted.
        formatted = Formatted(record)
        otel = _otel(handler, formatted.twin, ids, percent, context)
        formatted.text = otel.body
    elif is_read:
        otel = _otel(handler, record, ids, percent, context, is_read=False)
    pieces: list[Piece] = [(record, item, formatted)]
    if handler._takes_batches():
        prepared = _exporter.Prepared(handler._envelopes, None, percent, pieces)
    else:
        convert: Callable[[], _taken.Envelopes] = functools.partial(handler._envelopes, pieces)
        if has_exception and item is not None:
            convert = _taken.Maker(item, convert).envelopes
        prepared = _exporter.Prepared(convert, None, percent)
    if item is not None:
        item.attach(prepared)
    if otel is None:
        router.send_made(handler._pipeline, prepared)
    else:
        router.send(otel, handler._pipeline, prepared.to_envelopes)


def _otel(
    handler: BaseLogHandler, record: logging.LogRecord, ids: Ids, percent: float | None, context: Context, *, is_read: bool = True
) -> Any:
    """Return the OpenTelemetry record of a record; see `otel_record`."""
    return otel_record(handler, record, ids, percent, context, is_event=handler._is_event, as_otel=handler._as_otel, is_read=is_read)


def _written(handler: BaseLogHandler, part: LogPart, record: logging.LogRecord, ids: Ids, percent: float | None) -> Made:
    """Return the item of a record in whose envelope no code of the program has a say: its JSON, which takes little memory."""
    envelope = envelope_of(handler, part, record, ids)
    if percent is not None and 0 < percent < 100:
        envelope["sampleRate"] = percent
    try:
        made: Made = part.exporter.written(envelope)
    except _exporter.failure():  # Counted when it is exported, as all that cannot be encoded
        made = _exporter.Prepared(lambda: [envelope], None)
    return made


def envelope_of(handler: BaseLogHandler, part: LogPart, record: logging.LogRecord, ids: Ids) -> Envelope:
    """Return the envelope of a record, in which no code of the program has had a say but the formatter."""
    exporter = part.exporter
    key, tags = exporter.facade_head()
    as_otel = handler._as_otel
    if as_otel or tags is None:
        # In OpenTelemetry's shape; or with the tags of the provider's resource, as the program's own cannot be read.
        made = otel_record(handler, record, ids, is_event=handler._is_event, as_otel=as_otel)
        [converted] = part.convert(log_router().held(made))
        return converted
    return _envelope()(
        record,
        handler._text_of,
        ids,
        key,
        tags,
        exporter.warn_skipped,
        is_event=handler._is_event,
    )


@functools.cache
def _envelope() -> Callable[..., Envelope]:
    # Loaded with the first handler.
    from opencensus_compat._bridge.convert.log_envelopes import envelope

    return envelope
