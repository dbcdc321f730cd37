"""Standard metrics: the durations of all requests and dependencies, counted before anything is left out, for those who ask for them.

Use::

    meters = MeterProvider([PeriodicExportingMetricReader(ApplicationInsightsMetricExporter())])
    provider = TracerProvider()
    provider.add_span_processor(StandardMetricsProcessor(meters))    # before the processor that exports
    provider.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter()))

The service derives such metrics from the items that it receives. With this processor they are made here, as the histograms
``requests/duration`` and ``dependencies/duration`` in milliseconds, and items that are in them are marked so that the service does not
count them a second time.

Each span is counted once, here or by the service. The metric exporter hears of a processor at the first collection that comes from its
meter provider, by a gauge that is not sent (``appinsights.standard_metrics.origin``). From then on spans are counted here, and their items
marked if they go to the same resource; until then, and once the exporter is shut down, the service counts.

Sampling: a span that the sampler drops never ends, as far as a processor can see, so it cannot be counted. Each kept one carries its rate,
and the service multiplies by it; therefore spans that were kept at a rate below 100 % are left to the service, neither counted nor marked.
To count every span at any rate, let the sampler record what it does not keep, at the cost of recording it, and say so here::

    TracerProvider(sampler=RecordOnlySampler(ApplicationInsightsSampler(0.1)))
    StandardMetricsProcessor(meters, all_recorded=True)

Durations that HTTP instrumentations measure themselves (``http.server.request.duration``, in seconds) are no standard metrics: they arrive
under their own name, with their own attributes.

Loses: of over 1,000 different combinations of type, target, code and success in one metric, all but the success. Spans which the sampler
of OpenCensus code did not keep are never counted.
Source: specification sections 6.3 and 6.4.
"""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

from opentelemetry import metrics
from opentelemetry.metrics import Observation
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from . import counted_spans
from ._version import __version__
from .convert import standard
from .counts import RateLimit
from .processor_base import ProcessorWithoutQueue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

MAX_COMBINATIONS = 1000
"""Most combinations of dimensions of one metric."""

_logger = logging.getLogger(__name__)


class StandardMetricsProcessor(ProcessorWithoutQueue):
    """Counts each span that ends in ``requests/duration`` or ``dependencies/duration``; see the module for what that replaces.

    Args:
        meter_provider: None means the global one.
        all_recorded: Whether the sampler records what it does not keep (:class:`RecordOnlySampler`).
    """

    def __init__(self, meter_provider: MeterProvider | None = None, *, all_recorded: bool = False) -> None:
        provider = metrics.get_meter_provider() if meter_provider is None else meter_provider
        meter = provider.get_meter(counted_spans.SCOPE, __version__)
        self._requests = _Duration(meter.create_histogram(standard.REQUESTS, unit="ms"))
        self._dependencies = _Duration(meter.create_histogram(standard.DEPENDENCIES, unit="ms"))
        number = self._number = next(_numbers)
        meter.create_observable_gauge(standard.ORIGIN, [lambda _: [Observation(number)]])
        self._all_recorded = all_recorded
        self._log_limit = RateLimit()

    def on_end(self, span: ReadableSpan) -> None:
        """Count the span. Never raises."""
        try:
            destinations = counted_spans.state.destinations.get(self._number)
            if not destinations:
                return
            context = span.context
            if not self._all_recorded and (context is None or not context.trace_flags.sampled or standard.kept_percent(span) < 100):
                return
            if span.start_time is None or span.end_time is None:
                return
            into = self._requests if standard.is_request(span) else self._dependencies
            into.record(max(0, span.end_time - span.start_time) / 1e6, standard.dimensions(span))
            with counted_spans.state.lock:
                counted_spans.state.counted[span] = destinations
        except Exception:  # What is wrong with one span must not reach the code that ends it.
            if self._log_limit.due("standard metrics"):
                _logger.warning("A span could not be counted in the standard metrics.", exc_info=True)


class RecordOnlySampler(Sampler):
    """Samples what another sampler samples, and records the rest: processors see each span, and the SDK's exporting processors skip the rest.

    Args:
        delegate: The sampler that decides.
    """

    def __init__(self, delegate: Sampler) -> None:
        self._delegate = delegate

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Return the other's decision, with RECORD_ONLY in place of DROP."""
        result = self._delegate.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        if result.decision is not Decision.DROP:
            return result
        return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state)

    def get_description(self) -> str:
        """Return the other's description in ``RecordOnlySampler{…}``."""
        return f"RecordOnlySampler{{{self._delegate.get_description()}}}"


class _Duration:
    """One histogram, with a bounded number of attribute sets: not every release of the SDK bounds them."""

    def __init__(self, histogram: metrics.Histogram) -> None:
        self._histogram = histogram
        self._seen: set[tuple[str, ...]] = set()
        self._said = False

    def record(self, duration_ms: float, dimensions: dict[str, str]) -> None:
        key = tuple(dimensions.values())
        if key not in self._seen:
            # Two threads may both add the last ones, which does no harm.
            if len(self._seen) >= MAX_COMBINATIONS:
                dimensions = standard.overflow(dimensions)
                if not self._said:
                    self._said = True
                    _logger.warning(
                        "Standard metrics have more than %d combinations of dimensions; further ones are counted together.",
                        MAX_COMBINATIONS,
                    )
            else:
                self._seen.add(key)
        self._histogram.record(duration_ms, dimensions)


_numbers = itertools.count(1)
