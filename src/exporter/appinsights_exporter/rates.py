"""At which rate the OpenTelemetry SDK's own samplers kept a span, as far as that can be known.

A sampler's description has its rate (:func:`of_sampler`). :class:`SampleRateProcessor` notes it on spans as they start; without the
processor, :class:`SpanRates` finds the sampler of an ended span by the provider that made it. What cannot be known stays without a rate.
"""

from __future__ import annotations

import gc
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span, Tracer, TracerProvider
from opentelemetry.sdk.trace.sampling import Sampler, TraceIdRatioBased

from .convert.legacy_spans import SCOPE as FACADE_SCOPE
from .convert.spans import SAMPLE_RATE, threshold_percent
from .processor_base import ProcessorWithoutQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import SpanContext

_RATIO = re.compile(r"root=ComposableTraceIDRatioBased\{threshold=[0-9a-f]+, ratio=([0-9.e-]+)\}")
_MOST_RESOURCES = 64
_MOST_TRACES = 4096


@dataclass(frozen=True, slots=True)
class Rates:
    """Percent at which a sampler keeps each sort of span; above 0 and below 100, or None for 100 and for not known."""

    root: float | None = None
    remote_sampled: float | None = None
    remote_not_sampled: float | None = None
    local_sampled: float | None = None
    local_not_sampled: float | None = None
    by_threshold: bool = False
    """Whether traces are kept by the threshold of consistent samplers, rather than as ``TraceIdRatioBased`` does."""

    def keeps(self, trace_id: int) -> bool:
        """Return whether a trace that begins here is one that is kept at a known rate."""
        if self.root is None:
            return False
        if self.by_threshold:
            return trace_id % 2**56 >= (1 - self.root / 100) * 2**56
        return ratio_keeps(trace_id, self.root)

    def percent(self, parent: SpanContext | None, of_local_parent: Callable[[SpanContext], float | None]) -> float | None:
        """Return the rate of a span by the kind of its parent: above 0 and below 100 percent; None for 100, and where it is not known.

        Args:
            parent: The span's parent.
            of_local_parent: Returns the rate of a parent in this process that was sampled. It and the sampler's own together give the
                lower one, because nested decisions by the same trace id agree.
        """
        if parent is None or not parent.is_valid:
            return self.root
        sampled = parent.trace_flags.sampled
        if parent.is_remote:
            return self.remote_sampled if sampled else self.remote_not_sampled
        if not sampled:
            return self.local_not_sampled
        rate = of_local_parent(parent)
        own = self.local_sampled
        return own if rate is None else rate if own is None else min(rate, own)


UNKNOWN = Rates()


def of_sampler(sampler: Sampler | None) -> Rates:
    """Return the rates of ``TraceIdRatioBased``, ``ParentBased`` and ``AlwaysRecordSampler``, nested in any way, and of the consistent samplers
    that leave no threshold on children; of others none is known.
    """
    if sampler is None:
        return UNKNOWN
    try:
        return _described(sampler.get_description())
    except Exception:  # noqa: BLE001 - an application's sampler may be anything, and its description matters to us alone.
        return UNKNOWN


def ratio_keeps(trace_id: int, rate_percent: float) -> bool:
    """Return whether ``TraceIdRatioBased`` keeps a trace."""
    return trace_id & TraceIdRatioBased.TRACE_ID_LIMIT < TraceIdRatioBased.get_bound_for_rate(rate_percent / 100)


def sample_rate_percent(span: trace.Span | ReadableSpan) -> float | None:
    """Return the rate at which a span was kept: above 0 and below 100 percent; None for 100, and where it is not known."""
    if not isinstance(span, ReadableSpan):
        return None
    rate = (span.attributes or {}).get(SAMPLE_RATE)
    if rate is None and span.context is not None:
        rate = threshold_percent(span.context.trace_state)
    if isinstance(rate, (int, float)) and not isinstance(rate, bool) and 0 < rate < 100:
        return float(rate)
    return None


class SampleRateProcessor(ProcessorWithoutQueue):
    """Sets the rate at which OpenTelemetry's samplers kept a span, when the span starts.

    Without it their items carry no rate, and the service counts too few::

        provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(0.25)))
        provider.add_span_processor(SampleRateProcessor(provider.sampler))

    A span takes the rate of its local parent, too; both together give the lower one (:meth:`Rates.percent`). A rate that is on
    the span already is left alone, and so are spans that OpenCensus code made: OpenCensus decides about those.

    Args:
        sampler: The provider's. Understood are ``TraceIdRatioBased``, ``ParentBased`` and ``AlwaysRecordSampler``, nested in any way, by
            their descriptions; of others only what a span inherits is known.

    Limits: the rate of a remote parent is not known. A span that is given more attributes than it can hold loses its first ones, and
    the rate is among them.
    """

    def __init__(self, sampler: Sampler | None) -> None:
        self._rates = of_sampler(sampler)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note the rate, unless it is 100 % or not known."""
        if SAMPLE_RATE in (span.attributes or ()):
            return
        scope = span.instrumentation_scope
        if scope is not None and scope.name == FACADE_SCOPE:
            return
        rate = self._rates.percent(span.parent, lambda parent: self._of_local_parent(parent, parent_context))
        if rate is not None:
            span.set_attribute(SAMPLE_RATE, rate)

    def _of_local_parent(self, of_parent: trace.SpanContext, parent_context: Context | None) -> float | None:
        parent = trace.get_current_span(parent_context)
        if isinstance(parent, ReadableSpan):
            return sample_rate_percent(parent)
        # A parent that was handed on as a bare context. Where the sampler would have kept the trace, it was the one that did.
        return self._rates.root if self._rates.keeps(of_parent.trace_id) else None


class SpanRates:
    """The rates of ended spans, found by the samplers of their providers: an exporter is not given its provider.

    Under ``ParentBased`` the rate of a child is that of the first span of its trace in this process, which ends after it. Where that is in
    no batch so far, a trace that the sampler keeps counts as one that it kept, unless traces have come that began elsewhere.
    """

    def __init__(self) -> None:
        self.exist = False
        """Whether any rate is known."""
        # Resources are kept, so that the id of one is not given to another.
        self._known: dict[int, tuple[Rates, Resource]] = {}
        self._roots: dict[int, float | None] = {}
        self._began_elsewhere = False

    def look_at(self, batch: Sequence[ReadableSpan]) -> None:
        """Learn the sampler of the first span's provider, and the rates of spans without a local parent in a batch."""
        self.learn(getattr(batch[0], "resource", None))
        if not self.exist:
            return
        for span in batch:
            rates = self._rates_of(span)
            if rates is None or rates is UNKNOWN:
                continue
            parent = span.parent
            rate: float | None = None
            if parent is None or not parent.is_valid:
                if span.instrumentation_scope is None or span.instrumentation_scope.name != FACADE_SCOPE:
                    said: Any = (span.attributes or {}).get(SAMPLE_RATE) or threshold_percent(span.context.trace_state)
                    rate = rates.root if said is None else said if said < 100 else None
            elif parent.is_remote:
                rate = rates.remote_sampled if parent.trace_flags.sampled else rates.remote_not_sampled
            else:
                continue
            self._began_elsewhere = self._began_elsewhere or rate is None
            if len(self._roots) >= _MOST_TRACES:
                self._roots.pop(next(iter(self._roots)), None)
            self._roots[span.context.trace_id] = rate

    def learn(self, resource: Resource | None) -> None:
        """Find the sampler of the provider that a resource is of; that is done once for each."""
        if resource is None or id(resource) in self._known:
            return
        found = {sampler.get_description(): of_sampler(sampler) for sampler in samplers_with(resource)}
        # Where providers share a resource and sample in different ways, the resource does not say which one made a span.
        rates = next(iter(found.values())) if len(found) == 1 else UNKNOWN
        if len(self._known) >= _MOST_RESOURCES:
            self._known.clear()
        self._known[id(resource)] = (rates, resource)
        self.exist = self.exist or rates != UNKNOWN

    def percent(self, span: ReadableSpan, *, guess: bool = True) -> float | None:
        """Return the rate of a span, above 0 and below 100 percent; None for 100, and where it is not known.

        Args:
            span: Of OpenTelemetry code.
            guess: Whether a child of an unseen span takes the rate of the sampler that would have kept its trace.
        """
        rates = self._rates_of(span)
        if rates is None:
            return None
        return rates.percent(span.parent, lambda parent: self._of_trace(parent.trace_id, rates, guess=guess))

    def _of_trace(self, trace_id: int, rates: Rates, *, guess: bool) -> float | None:
        """Return the rate of the first span of a trace in this process."""
        if trace_id in self._roots:
            return self._roots[trace_id]
        return rates.root if guess and not self._began_elsewhere and rates.keeps(trace_id) else None

    def _rates_of(self, span: ReadableSpan) -> Rates | None:
        found = self._known.get(id(getattr(span, "resource", None)))
        return None if found is None else found[0]


def samplers_with(resource: Resource) -> list[Sampler]:
    """Return the samplers of the SDK's providers that have a resource, the very object.

    An exporter is handed spans, which refer to their provider's resource and to nothing else of it; so the question is who else refers to
    that. It takes as long as a full garbage collection and is put once for each provider. A program that wants to do without it adds
    ``SampleRateProcessor``, or names its rates by a sampler of this package.
    """
    found = []
    for holder in _referrers(resource):
        if isinstance(holder, (Tracer, TracerProvider)):
            found.append(holder.sampler)
        elif type(holder) is dict and "sampler" in holder and "id_generator" in holder:
            # The attributes of one of the two, as Python 3.10 shows them.
            found.append(holder["sampler"])
    return [sampler for sampler in found if isinstance(sampler, Sampler)]


def _referrers(resource: Resource) -> Iterable[object]:
    try:
        return gc.get_referrers(resource)
    except Exception:  # noqa: BLE001 - other implementations of Python need not have it.
        return []


def _described(description: str) -> Rates:
    """Return what a description says, as the SDK's samplers write it: ``ParentBased{root:TraceIdRatioBased{0.25},...}``."""
    name, brace, rest = description.partition("{")
    if not brace or not rest.endswith("}"):
        return UNKNOWN
    inner = rest[:-1]
    if name == "TraceIdRatioBased":
        # Rounding takes away what the multiplication adds: 0.07 becomes 7.000000000000001.
        percent = round(float(inner) * 100, 10)
        rate = percent if 0 < percent < 100 else None
        return Rates(rate, rate, rate, rate, rate)
    if name == "ComposableParentThreshold":
        # Its children have no threshold of their own in their trace state: releases up to 1.45 do not hand them their parent's.
        ratio = _RATIO.fullmatch(inner)
        percent = 0.0 if ratio is None else round(float(ratio[1]) * 100, 10)
        return Rates(root=percent, by_threshold=True) if 0 < percent < 100 else UNKNOWN
    if name == "AlwaysRecordSampler":
        return _described(inner)
    if name == "ParentBased":
        by_case = {key: _described(value) for key, _, value in (part.partition(":") for part in _outer_parts(inner))}
        return Rates(
            root=by_case["root"].root,
            remote_sampled=by_case["remoteParentSampled"].remote_sampled,
            remote_not_sampled=by_case["remoteParentNotSampled"].remote_not_sampled,
            local_sampled=by_case["localParentSampled"].local_sampled,
            local_not_sampled=by_case["localParentNotSampled"].local_not_sampled,
        )
    return UNKNOWN


def _outer_parts(text: str) -> list[str]:
    """Return what stands between the commas that are in no braces."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
        else:
            depth += {"{": 1, "}": -1}.get(character, 0)
    return [*parts, text[start:]]
