"""The one door to the exporter package: whatever the facade needs of `appinsights_exporter` it takes from here."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import logging
import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from appinsights_exporter import _releases, notices, reasons
from appinsights_exporter import claims as _claims
from appinsights_exporter import connection_string as _connection_string
from appinsights_exporter import foreign as _foreign
from appinsights_exporter import forks as _forks
from appinsights_exporter import redirect as _redirect
from appinsights_exporter import settings as _settings
from appinsights_exporter import spelling as _spelling
from appinsights_exporter.claims import OPENCENSUS, Claim, Sharers
from appinsights_exporter.envelope import (
    BaseObject,
    Data,
    DataPoint,
    Envelope,
    Event,
    ExceptionData,
    Message,
    MetricData,
    RemoteDependency,
    Request,
    filled,
    from_wire,
    owned,
)
from appinsights_exporter.errors import ConfigurationError, ConversionError
from appinsights_exporter.settings import Settings
from opencensus_compat._alias import redirect_at_start
from opencensus_compat._bridge.process import pool_numbers_kept, report_with
from opencensus_compat._bridge.process import process as _process

if TYPE_CHECKING:
    import threading
    from datetime import datetime
    from types import ModuleType, TracebackType

    from opentelemetry.sdk.metrics.export import AggregationTemporality
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import SpanContext

    from appinsights_exporter import (
        ApplicationInsightsLogRecordExporter,
        ApplicationInsightsMetricExporter,
        ApplicationInsightsSpanExporter,
        _sdk_logs,
    )
    from appinsights_exporter import counts as _counts
    from appinsights_exporter.convert import legacy_types
    from appinsights_exporter.convert import records as _records
    from appinsights_exporter.convert.head import Item
    from appinsights_exporter.delivery.bounded_calls import CallThreads
    from appinsights_exporter.delivery.interpreter import HasThreads
    from appinsights_exporter.exporters import Records
    from appinsights_exporter.rates import SampleRateProcessor, SpanRates

__all__ = [
    "OPENCENSUS",
    "BaseObject",
    "Claim",
    "ConfigurationError",
    "ConversionError",
    "Counts",
    "Data",
    "DataPoint",
    "Envelope",
    "Event",
    "ExceptionData",
    "Joinable",
    "LogData",
    "LogExporter",
    "LogRecord",
    "LoggerProvider",
    "Message",
    "MetricData",
    "MetricExporter",
    "Prepared",
    "Reason",
    "RemoteDependency",
    "Request",
    "Settings",
    "SpanExporter",
    "WireItem",
    "are_spans_counted",
    "conflicting_settings",
    "connection_string_pairs",
    "conversion",
    "delivered",
    "delivery_key",
    "described_fields",
    "end_with_interpreter",
    "environment_problems",
    "exc_info_of",
    "failure",
    "filled",
    "from_wire",
    "holds_logging_lock",
    "host_tags",
    "http_server_requests",
    "instrument_names",
    "interpreter_is_over",
    "level_number",
    "load_log_exporter",
    "load_transport",
    "log_exporter",
    "metric_envelope",
    "metric_envelopes",
    "metric_exporter",
    "metric_properties",
    "metric_temporality",
    "note_raised",
    "owned",
    "reasons",
    "run_with_timeout",
    "sample_rate_processor",
    "sampled",
    "sampler_from_environment",
    "say",
    "sdk_logs",
    "settings",
    "share_kept",
    "sharers",
    "shows_no_own_lines",
    "sigterm_handler",
    "span_exporter",
    "span_rates",
    "stored",
    "unquoted",
    "use_role_of",
    "variable_problems",
    "wait_for_at_end",
    "without_disk",
]


_releases.check(sdk=False)
report_with(notices.say)
_forks.on_uwsgi_fork(_process.after_fork_in_child)
if redirect_at_start:
    # Below `census-compat local`; since the process started, the program may have emptied its environment.
    _redirect.at_start = redirect_at_start

Counts: TypeAlias = "_counts.Counts"
LogData: TypeAlias = "_records.LogData"
LogRecord: TypeAlias = "_records.LogRecord"
LoggerProvider: TypeAlias = "_sdk_logs.LoggerProvider"
LogExporter: TypeAlias = "ApplicationInsightsLogRecordExporter"
MetricExporter: TypeAlias = "ApplicationInsightsMetricExporter"
SpanExporter: TypeAlias = "ApplicationInsightsSpanExporter"
WireItem: TypeAlias = Mapping[str, object]
"""An envelope as it is sent: a dict, or an object of the wire types, which is one, too."""
Reason = reasons.Reason
exc_info_of = _foreign.exc_info_of
failure = _foreign.failure
unquoted = _spelling.unquoted
environment_problems = _settings.environment_problems
variable_problems = _spelling.variable_problems

_T = TypeVar("_T")
_NO_RESOURCE = "00000000-0000-0000-0000-000000000000"


class _Flags(int):
    sampled = True


class _Sampled:
    """The context of telemetry that is no span; batch processors read it, and the part of spans does."""

    trace_flags = _Flags(1)


class Joinable:
    """Telemetry that brings its own envelopes into the batch, and of which several may become one."""

    __slots__ = ()

    exist = False
    """Whether there is any, in this process."""

    def join(self, groups: dict[object, Any]) -> Joinable | None:
        """Give its pieces to one in `groups` that makes its envelopes in the same way, and return None; return itself for the first.

        Args:
            groups: What those of one batch know of each other.
        """
        raise NotImplementedError

    def to_envelopes(self) -> list[WireItem]:
        """Return the envelopes."""
        raise NotImplementedError

    def resample(self, sample_rate_percent: float | None) -> None:
        """Set another sample rate, None for all."""
        raise NotImplementedError


class Prepared(Joinable):
    """Telemetry that brings its own envelopes into the batch: they are made when the batch is exported, on the export thread.

    Args:
        make: Returns the envelopes.
        span: The OpenTelemetry span they are of; None when there is none.
        sample_rate_percent: For envelopes that have no `sampleRate`.
        pieces: What they are made of, where `make`, a method of a handle, takes that: `joined` then has it make those of several.
        are_finite: Whether this package's conversion has made them, so that no number in them has to be looked at.
    """

    __slots__ = ("_make", "_pieces", "_sample_rate", "are_finite", "context", "span")

    def __init__(
        self,
        make: Callable[..., Iterable[WireItem]],
        span: ReadableSpan | None,
        sample_rate_percent: float | None = None,
        pieces: Sequence[object] | None = None,
        *,
        are_finite: bool = False,
    ) -> None:
        self._make = make
        self.are_finite = are_finite
        self.span = span
        self.context: type[_Sampled] | SpanContext | None = _Sampled if span is None else span.get_span_context()
        self._sample_rate = sample_rate_percent
        self._pieces = pieces
        if pieces is not None and not Joinable.exist:
            Joinable.exist = True

    def resample(self, sample_rate_percent: float | None) -> None:
        """Set another sample rate, None for all."""
        self._sample_rate = sample_rate_percent

    def to_envelopes(self) -> list[WireItem]:
        """Return the envelopes, with the sample rate where they have none."""
        envelopes = list(self._make() if self._pieces is None else self._make(self._pieces))
        return envelopes if self._sample_rate is None else sampled(envelopes, self._sample_rate)

    @property
    def pieces(self) -> int:
        """How many pieces of telemetry it is."""
        return 1 if self._pieces is None else len(self._pieces)

    def join(self, groups: dict[object, Any]) -> Prepared | None:
        """Give the pieces to the one in `groups` that makes its envelopes in the same way; see `Joinable.join`."""
        if self._pieces is None:
            return self
        # A bound method; its handle is a program's own and may refuse to be hashed.
        first: Prepared = groups.setdefault((id(getattr(self._make, "__self__", None)), self._sample_rate), self)
        if first is self:
            self._pieces = [*self._pieces]
            return self
        first._pieces = [*(first._pieces or ()), *self._pieces]
        return None


def sampled(envelopes: list[WireItem], sample_rate_percent: float) -> list[WireItem]:
    """Return envelopes with the sample rate where they have none."""
    return [envelope if "sampleRate" in envelope else {**envelope, "sampleRate": sample_rate_percent} for envelope in envelopes]


def joined(batch: Sequence[_T]) -> Sequence[_T]:
    """Return a batch in which the pieces that a program's own step of the export takes are together, as in OpenCensus."""
    if not Joinable.exist:
        return batch
    groups: dict[object, Any] = {}
    made: list[_T] = []
    for one in batch:
        prepared: Any = one
        if not isinstance(one, Joinable):
            # A log record has it from within.
            own = getattr(one, "to_envelopes", None) or getattr(getattr(one, "log_record", None), "to_envelopes", None)
            prepared = getattr(own, "__self__", None)
        if not isinstance(prepared, Joinable):
            made.append(one)
        elif (left := prepared.join(groups)) is not None:
            # Itself, within what the SDK made of it, or what stands for all of its group.
            made.append(one if left is prepared and getattr(left, "_pieces", None) is None else left)  # type: ignore[arg-type]  # it stands for telemetry of this kind
    return made


def connection_string_pairs(text: str, source: str) -> dict[str, str | None]:
    """Return the pairs of a connection string, keys in lower case, with the ingestion endpoint where it can be worked out.

    Key and endpoint are normalized where they can be used, and else unchanged: `check_connection_string` refuses them.

    Args:
        text: The connection string.
        source: Where it came from, for error messages.

    Raises:
        ValueError: It cannot be read; the message says which part, in OpenCensus's words and ours.
    """
    with _also_in("Invalid connection string"):
        pairs: dict[str, str | None] = dict(_connection_string.pairs(text, source=source))
    _settings.warn_of_misspelt(text, source)
    try:
        parsed = _connection_string.parse(text, source=source)
    except ValueError:
        if (pairs.get("authorization", "ikey") or "").lower() != "ikey":
            with _also_in("Invalid authorization mechanism"):
                raise
        return {**pairs, "ingestionendpoint": pairs.get("ingestionendpoint")}
    if parsed.instrumentation_key is not None:
        pairs["instrumentationkey"] = parsed.instrumentation_key
    pairs["ingestionendpoint"] = parsed.ingestion_endpoint if parsed.names_endpoint else None
    return pairs


def check_connection_string(text: str, source: str) -> None:
    """Raise ValueError for a connection string whose key or endpoint cannot be used; see `connection_string_pairs`."""
    key = _connection_string.pairs(text, source=source).get("instrumentationkey")
    if key is not None:
        with _also_in("Invalid instrumentation key."):
            _connection_string.instrumentation_key(key, source=source)
    _connection_string.parse(text, source=source)


@contextlib.contextmanager
def _also_in(words: str) -> Iterator[None]:
    """Put OpenCensus's words before the message of an error: programs match them."""
    try:
        yield
    except ValueError as error:
        error.args = (f"{words}{' ' if words.endswith('.') else ': '}{error}",)
        raise


def described_fields(text: str, source: str) -> str:
    """Return the names of the fields of a connection string, each beside the name that is probably meant, for an error message."""
    return _connection_string.described(_connection_string.pairs(text, source=source))


def settings(
    options: BaseObject, instrumentation_key: str | None, proxies: Mapping[str, str], storage_path: str | None, audience: str | None = None
) -> Settings:
    """Return the exporter's settings for checked legacy options.

    Args:
        options: The options. Without a credential, the environment's is taken.
        instrumentation_key: The key; without one, that of no resource is taken.
        proxies: The option `proxies`.
        storage_path: The option of that name where the program gave it; None means the defaults. The retired SDK kept its files right
            in it, this package keeps its own in a folder in it.
        audience: For tokens, where the connection string names one.
    """
    from appinsights_exporter.delivery import credentials

    text = f"InstrumentationKey={instrumentation_key or _NO_RESOURCE};IngestionEndpoint={options.endpoint}"
    if audience:
        text += f";AADAudience={audience}"
    credential = options.credential or credentials.credential_from_environment()
    chosen: dict[str, Any] = {}
    if "minimum_retry_interval" in options:
        # A fraction of a second, or none, would send to a dead endpoint without pause.
        chosen["min_backoff_s"] = max(1.0, options.minimum_retry_interval)
    resolved = _settings.resolve(
        text,
        credential=credential,
        timeout_s=options.timeout,
        proxies=proxies,
        storage_enabled=None if options.enable_local_storage else False,
        storage_folder=storage_path,
        storage_max_bytes=options.storage_max_size,
        storage_max_age_s=options.storage_retention_period,
        grace_period_s=options.grace_period,
        take_legacy=None,
        legacy_folder=storage_path,
        **chosen,
    )
    if "timeout" in options:
        return resolved
    # A default of this package's, not a wish of the program's.
    defaults = dict.fromkeys(("connect_timeout_s", "read_timeout_s"), _settings.DEFAULT)
    return dataclasses.replace(resolved, sources={**resolved.sources, **defaults})


def conflicting_settings(settings: Settings, first: Settings) -> list[str]:
    """Return the names of delivery settings that were given, and that the first exporter for the same resource has otherwise."""
    return _settings.conflicting_settings(settings, first)


def delivery_key(settings: Settings) -> tuple[Hashable, ...]:
    """Return what exporters that share a connection, a back-off and a store have in common."""
    return _settings.delivery_key(settings)


def sharers(settings: Settings, *, is_event: bool) -> Sharers:
    """Return the handlers that send records to the resource of settings, the exporter's own among them; events or others."""
    return _claims.sharers(settings, is_event=is_event)


def without_disk(settings: Settings) -> Settings:
    """Return the same settings with nothing stored on disk, which counts from now on for what is sent to their resource."""
    from appinsights_exporter.delivery import sharing

    sharing.stop_storing(settings)
    return dataclasses.replace(settings, storage_enabled=False)


def span_exporter(settings: Settings, context_tags: Mapping[str, object]) -> SpanExporter:
    """Return a span exporter whose OpenCensus telemetry carries the given tags."""
    from appinsights_exporter import ApplicationInsightsSpanExporter

    return ApplicationInsightsSpanExporter(settings=settings, legacy_context_tags=context_tags)


def leave_exceptions_to(records: Records, key: str) -> None:
    """Let span exporters, those of the application included, leave out the exceptions that log records bring to a resource.

    Args:
        records: Knows the records.
        key: Instrumentation key of the resource.
    """
    from appinsights_exporter.exporters import leave_exceptions_to

    leave_exceptions_to(records, key)


def load_log_exporter() -> None:
    """Import what `log_exporter` needs."""
    from appinsights_exporter import ApplicationInsightsLogRecordExporter  # noqa: F401


def http_server_requests() -> ModuleType:
    """Return what counts the requests that the program answers. Loads `http.server`."""
    return importlib.import_module("appinsights_exporter.http_server_requests")


@functools.cache
def load_transport() -> None:
    """Import what the first export needs, once."""
    for name in ("encodings.idna", "http.client"):
        importlib.import_module(name)
    from appinsights_exporter.delivery import transport

    transport.stand_in_for_post = _stand_in_for_post


post_is_replaced_by: list[Callable[[], Callable[..., object] | None]] = []
"""Return what programs have put in the place of `requests.post` as they see it; None for nothing."""


def _stand_in_for_post() -> Callable[..., object] | None:
    return next((post for replaced in post_is_replaced_by if (post := replaced()) is not None), None)


def log_exporter(settings: Settings, context_tags: Mapping[str, object]) -> LogExporter:
    """Return an exporter of log records whose OpenCensus telemetry carries the given tags."""
    from appinsights_exporter import ApplicationInsightsLogRecordExporter

    return ApplicationInsightsLogRecordExporter(settings=settings, legacy_context_tags=context_tags)


def metric_exporter(settings: Settings, context_tags: Mapping[str, object], sends: Callable[[str], bool]) -> MetricExporter:
    """Return an exporter of metrics whose OpenCensus telemetry carries the given tags.

    Args:
        settings: The exporter's Settings.
        context_tags: The tags.
        sends: Tells by its name whether an OpenCensus metric is sent by it: other exporters of the resource then leave it out.
    """
    from appinsights_exporter import ApplicationInsightsMetricExporter
    from appinsights_exporter.metric_exporter import leave_facade_metrics_to

    made = ApplicationInsightsMetricExporter(settings=settings, legacy_context_tags=context_tags)
    leave_facade_metrics_to(made, sends)
    return made


def metric_temporality() -> dict[type, AggregationTemporality]:
    """Return what the exporter prefers of each instrument: what came to it since the last time, or all of it."""
    from appinsights_exporter.metric_exporter import TEMPORALITY

    return dict(TEMPORALITY)


def instrument_names() -> dict[str, str]:
    """Return where to note the given name of each instrument, under its name in OpenTelemetry: exporters restore it."""
    from appinsights_exporter.metric_exporter import FACADE_NAMES

    return FACADE_NAMES


@functools.cache
def sdk_logs() -> ModuleType:
    """Return the module that has the OpenTelemetry SDK's log names under the same names in all releases."""
    with pool_numbers_kept():
        from appinsights_exporter import _sdk_logs

    return _sdk_logs


def are_spans_counted() -> bool:
    """Return whether a metric exporter of this process sends standard metrics, which spans are in."""
    from appinsights_exporter import counted_spans

    return counted_spans.are_counted()


def conversion(name: str) -> ModuleType:
    """Return a module of the exporter's conversion, loading it at the first call.

    Args:
        name: Of the module, such as `limits`.
    """
    return importlib.import_module(f"appinsights_exporter.convert.{name}")


def metric_envelopes(
    metric: legacy_types.Metric, instrumentation_key: str | None, context_tags: Mapping[str, str]
) -> tuple[list[Item], list[str]]:
    """Return the envelopes of an OpenCensus metric, and what was wrong with the points that became none.

    Args:
        metric: The metric.
        instrumentation_key: The resource.
        context_tags: Tags of the program.
    """
    made: tuple[list[Item], list[str]] = _legacy_metrics().envelopes(metric, instrumentation_key, context_tags)
    return made


def metric_envelope(
    data_point: Mapping[str, object],
    time: datetime,
    properties: Mapping[str, object],
    instrumentation_key: str | None,
    context_tags: Mapping[str, str],
) -> Item:
    """Return the envelope of a data point at a time, which is in UTC where it has no zone."""
    made: Item = _legacy_metrics().item(data_point, time, properties, instrumentation_key, context_tags)
    return made


def metric_properties(
    label_keys: Iterable[legacy_types.LabelKey], label_values: Sequence[legacy_types.LabelValue | None]
) -> dict[str, object]:
    """Return the properties of a series of an OpenCensus metric."""
    made: dict[str, object] = _legacy_metrics().properties(label_keys, label_values)
    return made


@functools.cache
def _legacy_metrics() -> ModuleType:
    with _process.loading:
        from appinsights_exporter.convert import legacy_metrics

    return legacy_metrics


def note_raised(record: LogRecord, error: BaseException, frames: TracebackType | None) -> None:
    """Note an exception on a log record, with all its frames and those that led to it: text leaves some out.

    Args:
        record: OpenTelemetry log record.
        error: The exception.
        frames: Its traceback, or None.
    """
    from appinsights_exporter.convert import exceptions, logs

    setattr(record, logs.RAISED, exceptions.of_error(error, frames))


def share_kept(wanted: float, trace_id: int, of_trace: float, chance: Callable[[], float], *, is_sampled: bool) -> float:
    """Return the share of log records that one stands for; 0.0 where it is not kept. See `appinsights_exporter.log_sampling`."""
    from appinsights_exporter.log_sampling import share_kept as of_exporter

    return of_exporter(wanted, trace_id, of_trace, chance, is_sampled=is_sampled)


def level_number(value: object, name: str, source: str) -> int:
    """Return the number of a level of logging, given by its name or number.

    Raises:
        ValueError: It is neither.
    """
    from appinsights_exporter.log_sampling import level_number as of_exporter

    return of_exporter(value, name, source)


def sample_rate_processor(sampler: Sampler | None) -> SampleRateProcessor:
    """Return a span processor that notes the rate at which an OpenTelemetry sampler kept a span."""
    from appinsights_exporter.rates import SampleRateProcessor

    return SampleRateProcessor(sampler)


def span_rates() -> SpanRates:
    """Return what finds at which rates OpenTelemetry's samplers kept ended spans."""
    from appinsights_exporter.rates import SpanRates

    return SpanRates()


def sampler_from_environment() -> Sampler | None:
    """Return the Application Insights sampler that `OTEL_TRACES_SAMPLER` names; None for a name that the SDK knows itself.

    Raises:
        ValueError: Its argument cannot be read.
    """
    if not os.environ.get("OTEL_TRACES_SAMPLER"):
        # Few programs set it; what makes our samplers is not loaded for the others.
        return None
    from appinsights_exporter.sampling import from_environment

    return from_environment()


def say(logger: logging.Logger, level: int, message: str, *args: object) -> None:
    """Log a line about telemetry; where no handler shows it, on standard error as well."""
    notices.say(logger, level, message, *args)


def holds_logging_lock() -> bool:
    """Return whether this thread holds the lock of the logging module, which others need in order to make loggers or look up levels."""
    return notices.holds_logging_lock()


def shows_no_own_lines(handlers: type[logging.Handler]) -> None:
    """Note that handlers of a class leave out the log lines of these packages: where there are only such, losses go to standard error."""
    notices.leave_out(handlers)


def delivered(result: int) -> bool:
    """Return whether everything was taken by the service."""
    from appinsights_exporter.delivery.results import Result

    return result >= Result.DELIVERED


def stored(result: int) -> bool:
    """Return whether nothing was lost: what the service did not take is kept, and will be sent again."""
    from appinsights_exporter.delivery.results import Result

    return result >= Result.HELD


def end_with_interpreter(owner: HasThreads) -> None:
    """Call an owner's `end_threads()` when an interpreter ends that is one of several in the process."""
    _interpreter().end_with(owner)


def wait_for_at_end(thread: threading.Thread) -> None:
    """Wait for a thread when an interpreter ends that is one of several in the process."""
    _interpreter().wait_for(thread)


def interpreter_is_over() -> bool:
    """Return whether such an interpreter is ending, so that no thread may be started any more."""
    return bool(_interpreter().is_over())


@functools.cache
def _interpreter() -> ModuleType:
    with _process.loading:
        from appinsights_exporter.delivery import interpreter

    return interpreter


def run_with_timeout(call: Callable[[], bool], timeout_s: float) -> bool:
    """Call a function in another thread, and return its result, or False when it takes longer. The call then goes on in that thread.

    Args:
        call: The function.
        timeout_s: Seconds.
    """
    from appinsights_exporter.delivery.bounded_calls import LateError

    try:
        return _call_threads().run(call, timeout_s)
    except LateError:
        return False


@functools.cache
def _call_threads() -> CallThreads:
    from appinsights_exporter.delivery.bounded_calls import CallThreads

    return CallThreads("opencensus-flush")


def sigterm_handler(end: Callable[[], object], is_ending: Callable[[], bool]) -> Callable[..., bool]:
    """Return what sets a handler of SIGTERM that calls a function, unless the process is ending already; see `Sigterm.watch`."""
    from appinsights_exporter.sigterm import Sigterm

    return Sigterm(end, is_ending).watch


def use_role_of(context_tags: Mapping[str, object] | None) -> None:
    """Let OpenTelemetry's items have the role of these tags where their resource names none; None takes that back."""
    from appinsights_exporter import roles

    roles.use_role_of(context_tags)


def host_tags() -> dict[str, str]:
    """Return the tags that the exporter package knows better than the facade: SDK version, and locale where it is known."""
    from appinsights_exporter.host import this_host

    host = this_host()
    tags = {"ai.internal.sdkVersion": host.sdk_version}
    if host.locale:
        tags["ai.device.locale"] = host.locale
    return tags
