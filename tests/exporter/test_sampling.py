"""Which traces are kept, at which rate, and that the rate is on every span of them."""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import os
import random
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import IdGenerator, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_ON,
    Decision,
    ParentBased,
    ParentBasedTraceIdRatio,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from appinsights_exporter import sampling
from appinsights_exporter.convert import spans
from appinsights_exporter.errors import ConfigurationError
from appinsights_exporter.sampling import (
    SAMPLE_RATE,
    ApplicationInsightsSampler,
    RateLimitedSampler,
    SampleRateProcessor,
    parent_based,
    sampling_score,
    trace_id_hash,
)
from appinsights_exporter.testing import ManualClock

LOW = 0x0000000000000000_0000000000000001
"""Score 0.023: kept by every sampler of these tests that keeps anything."""
HIGH = 0xFFFFFFFFFFFFFFFF_FFFFFFFFFFFFFFFF
"""Score 0.9996: kept by none but at 100 %; TraceIdRatioBased thinks the same of it."""

VECTORS = [
    ("00000000000000000000000000000000", 50237189, 0.0233935141, True),
    ("00000000000000000000000000000001", 50237190, 0.0233935146, True),
    ("6e0c63257de34c92bf9efcd03927272e", -165933456, 0.0772687868, True),
    ("4bf92f3577b34da6a3ce929d0e0e4736", 718577102, 0.3346135385, True),
    ("d4cda95b652f4a1592b449d5929fda1b", -977465732, 0.4551679513, True),
    ("0af7651916cd43dd8448eb211c80319c", -1133633597, 0.5278892804, False),
    ("7fffffffffffffff8000000000000000", -1921025762, 0.8945473297, False),
    ("5b8efff798038103d269b633813fc60c", 1936156947, 0.9015933368, False),
    ("aabbccddeeff00112233445566778899", -1982509943, 0.9231781326, False),
    ("ffffffffffffffffffffffffffffffff", -2146653755, 0.9996135514, False),
    # The two ends of the range, found by search: the smallest number has no positive counterpart.
    ("f24c35a7eb704cc294256b91fdcac9b0", -2147483648, 1.0, False),
    ("a1712132e691f5444ef163fe51a91fc2", 2147483647, 1.0, False),
]
"""Trace id, hash, score, kept at a half. Source: specification section 11.2, but for the last two."""


class Ids(IdGenerator):
    """Trace ids as given, or from a fixed seed; span ids from one on."""

    def __init__(self, trace_ids=None):
        generator = random.Random(7)
        self._trace_ids = iter(trace_ids or iter(lambda: generator.getrandbits(128), None))
        self._span_ids = itertools.count(1)

    def generate_trace_id(self):
        """Return the next one."""
        return next(self._trace_ids)

    def generate_span_id(self):
        """Return the next one."""
        return next(self._span_ids)


class Told(Sampler):
    """A sampler that keeps everything and describes itself as told."""

    def __init__(self, description):
        self._description = description

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None):
        """Keep the span."""
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)

    def get_description(self):
        """Return what was told, or raise it."""
        if isinstance(self._description, Exception):
            raise self._description
        return self._description


class Traces:
    """A provider with a sampler, and the spans it ended."""

    def __init__(self, sampler, *, trace_ids=None, processor=None):
        self.memory = InMemorySpanExporter()
        self.provider = TracerProvider(sampler=sampler, id_generator=Ids(trace_ids), shutdown_on_exit=False)
        if processor is not None:
            self.provider.add_span_processor(processor)
        self.provider.add_span_processor(SimpleSpanProcessor(self.memory))
        self.tracer = self.provider.get_tracer("my.tracer")

    def rates(self):
        """Return span name to the rate that the exporter reads off it; 100 where it reads none."""
        return {span.name: spans.sample_rate_percent(dict(span.attributes)) or 100 for span in self.memory.get_finished_spans()}

    def nested(self, *names, context=None):
        """End spans, each the child of the one before."""
        if names:
            with self.tracer.start_as_current_span(names[0], context):
                self.nested(*names[1:])


def parent(*, remote, sampled, trace_id=HIGH, state=None):
    """Return a context with a parent that is known by its ids alone."""
    ids = SpanContext(trace_id, 0x22, is_remote=remote, trace_flags=TraceFlags(int(sampled)), trace_state=state)
    return trace.set_span_in_context(NonRecordingSpan(ids))


def recording_parent(attributes=None):
    """Return a context with a local, sampled parent that has these attributes."""
    provider = TracerProvider(sampler=ALWAYS_ON, id_generator=Ids([HIGH]), shutdown_on_exit=False)
    return trace.set_span_in_context(provider.get_tracer("other").start_span("parent", attributes=attributes))


def decided(sampler, trace_id, context=None, **kwargs):
    """Return whether a span is kept, and its rate."""
    result = sampler.should_sample(trace.set_span_in_context(trace.INVALID_SPAN) if context is None else context, trace_id, "n", **kwargs)
    return result.decision.is_sampled(), result.attributes.get(SAMPLE_RATE)


# The hash


@pytest.mark.parametrize(("text", "expected", "score", "kept"), VECTORS, ids=[row[0] for row in VECTORS])
def test_hash(text, expected, score, kept):
    """Hash and score of the specification's trace ids, to the digit."""
    trace_id = int(text, 16)
    assert (trace_id_hash(trace_id), round(sampling_score(trace_id), 10)) == (expected, score)
    assert decided(ApplicationInsightsSampler(0.5), trace_id) == (kept, 50.0 if kept else None)


@given(st.integers(0, 2**128 - 1))
def test_hash_as_defined(trace_id):
    """Two digits at a time give what the definition gives, digit by digit, and the score is from 0 to 1."""
    value = 5381
    for character in f"{trace_id:032x}":
        value = (value * 33 + ord(character)) % 2**32
    assert trace_id_hash(trace_id) % 2**32 == value
    assert -(2**31) <= trace_id_hash(trace_id) < 2**31
    assert 0 <= sampling_score(trace_id) <= 1


@given(st.integers(-(2**200), 2**200))
def test_ids_of_any_size(number):
    """An id generator of the application's may hand over more than 128 bits: the lower ones count, and nothing is raised."""
    assert trace_id_hash(number) == trace_id_hash(number % 2**128)


# Rates


@pytest.mark.parametrize(
    ("percent", "rounded"),
    [
        (0, 0),
        (1e-13, 0),
        (0.5, 0.5),
        (7, 100 / 15),
        (10, 10),
        (24, 20),
        (25, 25),
        (33, 25),
        (33.4, 100 / 3),
        (40, 100 / 3),
        (51, 50),
        (66.7, 50),
        (75, 50),
        (99.99, 50),
        (100, 100),
    ],
)
def test_rounding(percent, rounded):
    """A rate is rounded down to one in N."""
    assert ApplicationInsightsSampler(percent / 100).rate * 100 == pytest.approx(rounded, rel=1e-12)


@given(st.integers(1, 10**9))
def test_one_in_n_stays(n):
    """A rate of that form already is left as it is, also where dividing twice misses a digit."""
    assert ApplicationInsightsSampler(1 / n).rate == 1 / n


@given(st.floats(1e-6, 1))
def test_rounding_is_down_to_the_next(rate):
    """Never more is kept than asked for, and never less than the next whole N."""
    rounded = ApplicationInsightsSampler(rate).rate
    n = round(1 / rounded)
    assert rounded <= rate * (1 + 1e-9)
    assert n == 1 or 1 / (n - 1) > rate


@pytest.mark.parametrize(("ratio", "lines"), [(0.3, 1), (0.25, 0), (1 / 3, 0), (0.3334, 0), (1, 0), (0, 0)])
def test_rounding_is_said(ratio, lines, caplog):
    """A warning tells of a share that is kept smaller than asked for."""
    ApplicationInsightsSampler(ratio)
    assert len(caplog.records) == lines
    assert all("one trace in 4" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("ratio", [-0.1, 1.01, 25, float("nan"), float("inf"), "0.5", True, None])
def test_bad_ratio(ratio):
    """What is no share raises where the sampler is made, and says what is one."""
    with pytest.raises(ConfigurationError, match=r"ratio \(from argument\): expected a share of traces from 0\.0 to 1\.0; got"):
        ApplicationInsightsSampler(ratio)


@pytest.mark.parametrize("limit", [-1, float("nan"), float("inf"), 10**400, "5", False, None])
def test_bad_limit(limit):
    """What is no limit raises where the sampler is made, and says what is one."""
    with pytest.raises(ConfigurationError, match=r"traces_per_second \(from argument\): expected a number of traces per second"):
        RateLimitedSampler(limit)


# Decisions


SAMPLERS = {
    "fixed 25 %": (lambda: ApplicationInsightsSampler(0.25), 25.0),
    "fixed 100 %": (lambda: ApplicationInsightsSampler(1), None),
    "rate-limited": (lambda: RateLimitedSampler(5, clock=ManualClock()), None),
    "parent-based": (lambda: parent_based(ApplicationInsightsSampler(0.25)), 25.0),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_attributes_stay(name):
    """The caller's attributes are kept at every rate, and the caller's mapping is left as it was."""
    make, rate = SAMPLERS[name]
    mine = {"http.method": "GET"}
    result = make().should_sample(None, LOW, "n", attributes=mine)
    assert mine == {"http.method": "GET"}
    assert dict(result.attributes) == ({"http.method": "GET"} if rate is None else {"http.method": "GET", SAMPLE_RATE: rate})


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize(("remote", "sampled"), [(False, False), (False, True), (True, False), (True, True)])
def test_trace_state_stays(name, remote, sampled):
    """The parent's trace state goes on, whatever is decided."""
    state = TraceState([("vendor", "value")])
    make, _ = SAMPLERS[name]
    result = make().should_sample(parent(remote=remote, sampled=sampled, state=state), HIGH, "n")
    assert result.trace_state == state


OWN = {
    "fixed 25 %": lambda: ApplicationInsightsSampler(0.25),
    "fixed 100 %": lambda: ApplicationInsightsSampler(1),
    "fixed 0 %": lambda: ApplicationInsightsSampler(0),
    "rate-limited": lambda: RateLimitedSampler(0.5),
    "rate-limited to 0": lambda: RateLimitedSampler(0),
    "parent-based": lambda: parent_based(ApplicationInsightsSampler(0.25)),
}


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (lambda: recording_parent({SAMPLE_RATE: 12.5}), (True, 12.5)),
        (recording_parent, (True, None)),
        (lambda: recording_parent({SAMPLE_RATE: 100.0}), (True, None)),
        (lambda: recording_parent({SAMPLE_RATE: "nonsense"}), (True, None)),
        (lambda: parent(remote=False, sampled=True), (True, None)),
        (lambda: parent(remote=False, sampled=False), (False, None)),
    ],
    ids=["kept at 12.5 %", "kept", "kept at 100 %", "kept at nonsense", "kept, known by ids", "not kept"],
)
def test_children_follow_local_parents(name, context, expected):
    """A child is kept if its local parent is, at the parent's rate, whatever the sampler would have said."""
    assert decided(OWN[name](), HIGH, context()) == expected


def test_child_of_a_bare_context():
    """A kept local parent that code carried over as a bare context was kept at our own rate, if the hash says so."""
    context = parent(remote=False, sampled=True, trace_id=LOW)
    assert decided(ApplicationInsightsSampler(0.25), LOW, context) == (True, 25.0)
    assert decided(parent_based(ApplicationInsightsSampler(0.25)), LOW, context) == (True, 25.0)


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize(("trace_id", "kept"), [(LOW, True), (HIGH, False)])
def test_remote_parents_do_not_decide(sampled, trace_id, kept):
    """Whether a caller in another process was kept or not, the hash decides here: rates differ between services."""
    context = parent(remote=True, sampled=sampled, trace_id=trace_id)
    assert decided(ApplicationInsightsSampler(0.25), trace_id, context) == (kept, 25.0 if kept else None)


@pytest.mark.parametrize("sampled", [True, False])
def test_parent_based_obeys_remote_parents(sampled):
    """Under parent_based the caller decides; its rate is not known."""
    sampler = parent_based(ApplicationInsightsSampler(0.25))
    assert decided(sampler, HIGH, parent(remote=True, sampled=sampled)) == (sampled, None)
    assert decided(sampler, LOW, parent(remote=True, sampled=sampled, trace_id=LOW)) == (sampled, None)


@pytest.mark.parametrize("make", [lambda: ApplicationInsightsSampler(0.25), lambda: parent_based(ApplicationInsightsSampler(0.25))])
def test_whole_traces(make):
    """In real traces every span or none is kept, all with the rate, and the weights add up to what was started."""
    traces = Traces(make())
    for number in range(2000):
        traces.nested(f"{number} request", f"{number} call", f"{number} query")
    rates = traces.rates()
    kept = {name.split()[0] for name in rates}
    assert set(rates.values()) == {25.0}
    assert len(rates) == 3 * len(kept)
    assert len(kept) * 4 == pytest.approx(2000, rel=0.05)


def test_children_in_other_threads():
    """A child that another thread starts from the parent's context is kept at the parent's rate."""
    traces = Traces(ApplicationInsightsSampler(0.25), trace_ids=[LOW])
    with traces.tracer.start_as_current_span("request"):
        context = trace.set_span_in_context(trace.get_current_span())
        threads = [threading.Thread(target=traces.nested, args=(f"child {n}",), kwargs={"context": context}) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert traces.rates() == {"request": 25.0} | {f"child {n}": 25.0 for n in range(4)}


# The rate-limited sampler


def test_cold_start():
    """A second's worth is kept at once when a process begins, and then the share falls, one in N at a time."""
    sampler = RateLimitedSampler(5, clock=ManualClock())
    assert [decided(sampler, LOW) for _ in range(12)] == [(True, None)] * 5 + [(True, 50.0)] * 5 + [(True, 100 / 3)] * 2


def test_first_trace_under_a_low_limit():
    """The one trace of a short program is kept, however low the limit."""
    assert decided(RateLimitedSampler(0.01, clock=ManualClock()), HIGH) == (True, None)


@pytest.mark.parametrize("limit", [0, 1e-13])
def test_no_traces_at_all(limit):
    """A limit of nothing, or as good as that, keeps none."""
    assert {decided(RateLimitedSampler(limit, clock=ManualClock()), LOW) for _ in range(10)} == {(False, None)}


def test_a_pause_saves_up_one_second():
    """After an hour without traces a burst is held back as at the start: unused time is not hoarded."""
    clock = ManualClock()
    sampler = RateLimitedSampler(5, clock=clock)
    decided(sampler, LOW)
    clock.advance(3600)
    assert [decided(sampler, LOW)[1] for _ in range(6)] == [None] * 5 + [50.0]


def test_traffic_below_the_limit_is_kept():
    """Four regular traces per second under a limit of five all stay, and cost no weight."""
    clock = ManualClock()
    sampler = RateLimitedSampler(5, clock=clock)
    seen = set()
    for _ in range(400):
        seen.add(decided(sampler, HIGH))
        clock.advance(0.25)
    assert seen == {(True, None)}


@pytest.mark.parametrize("per_second", [20, 100, 2000])
def test_steady_traffic(per_second):
    """Above the limit about the limit is kept, never more, and the weights add up to what was started."""
    clock = ManualClock()
    sampler = RateLimitedSampler(5, clock=clock)
    ids = random.Random(11)
    for _ in range(per_second):
        decided(sampler, ids.getrandbits(128))
        clock.advance(1 / per_second)
    started = 20_000
    weights = []
    for _ in range(started):
        kept, rate = decided(sampler, ids.getrandbits(128))
        if kept:
            weights.append(100 / (rate or 100))
        clock.advance(1 / per_second)
    seconds = started / per_second
    # The numbers are fixed by the seed; the tolerance is four standard deviations of a fair draw.
    assert sum(weights) == pytest.approx(started, rel=4 * (per_second / 5 / started) ** 0.5)
    assert 2.5 * seconds * 0.8 <= len(weights) <= 5 * seconds * (1 + 4 / (5 * seconds) ** 0.5)


def test_only_new_traces_count():
    """A thousand children use nothing of the limit."""
    clock = ManualClock()
    traces = Traces(RateLimitedSampler(2, clock=clock), trace_ids=[HIGH] * 3)
    for number in range(2):
        with traces.tracer.start_as_current_span(f"root {number}"):
            for child in range(500):
                traces.nested(f"child {number}.{child}")
    assert set(traces.rates().values()) == {100}
    assert len(traces.rates()) == 1002
    # The third at the same moment is over the limit: two were counted before it.
    traces.nested("root 2")
    assert "root 2" not in traces.rates()


def test_children_keep_the_rate_of_their_trace():
    """A trace that was kept at a half has all its spans, at a half, while the share of new traces goes on falling."""
    traces = Traces(RateLimitedSampler(1, clock=ManualClock()), trace_ids=[LOW] * 4)
    with traces.tracer.start_as_current_span("first"), traces.tracer.start_as_current_span("child of first"):
        pass
    with traces.tracer.start_as_current_span("second"):
        traces.nested("third", context=trace.set_span_in_context(trace.INVALID_SPAN))
        traces.nested("child of second", "grandchild of second")
    assert traces.rates() == {
        "first": 100,
        "child of first": 100,
        "second": 50.0,
        "third": pytest.approx(100 / 3),
        "child of second": 50.0,
        "grandchild of second": 50.0,
    }


def test_clock_that_steps_back():
    """A clock that misbehaves costs nothing but precision."""
    clock = ManualClock()
    sampler = RateLimitedSampler(5, clock=clock)
    decided(sampler, LOW)
    clock.advance(-1000)
    assert decided(sampler, LOW) == (True, None)
    clock.advance(0.5)
    assert decided(sampler, LOW) == (True, None)


def test_threads_count_together():
    """No decision of several threads is forgotten: the share after them is exactly that of their number."""
    sampler = RateLimitedSampler(5, clock=ManualClock())
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda: [decided(sampler, HIGH) for _ in range(1000)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)
    ids = random.Random(13)
    low = next(trace_id for trace_id in iter(lambda: ids.getrandbits(128), None) if sampling_score(trace_id) < 1 / 1000)
    assert decided(sampler, low) == (True, 100 / 801)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork_while_a_thread_decides():
    """A child made while another thread of the parent was deciding is not held up by it."""
    program = """
import os, threading
from appinsights_exporter.sampling import RateLimitedSampler
inside, forked = threading.Event(), threading.Event()
parent = os.getpid()
def clock():
    # Called under the sampler's lock.
    if os.getpid() == parent and threading.current_thread() is not threading.main_thread():
        inside.set()
        forked.wait(60)
    return 1.0
sampler = RateLimitedSampler(5, clock=clock)
thread = threading.Thread(target=sampler.should_sample, args=(None, 1, "n"))
thread.start()
inside.wait(60)
child = os.fork()
if child == 0:
    import signal
    signal.alarm(110)
    os._exit(0 if sampler.should_sample(None, 1, "n").decision.is_sampled() else 1)
forked.set()
thread.join()
print(os.waitpid(child, 0)[1])
"""
    answer = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (answer.stdout, answer.stderr) == ("0\n", "")


# Rates of OpenTelemetry's own samplers


def processed(sampler, context=None, *, trace_ids=(LOW,), scope="my.tracer", names=("request", "call")):
    """Return the rates of nested spans under a sampler, with the processor in the provider."""
    traces = Traces(sampler, trace_ids=trace_ids, processor=SampleRateProcessor(sampler))
    traces.tracer = traces.provider.get_tracer(scope)
    traces.nested(*names, context=context)
    return traces.rates()


def label(value):
    """Return the id of a row's value."""
    if isinstance(value, Told):
        return repr(value._description)
    return value.get_description() if isinstance(value, Sampler) else None


QUARTER = TraceIdRatioBased(0.25)


@pytest.mark.parametrize(
    ("sampler", "request_rate", "call_rate"),
    [
        (ALWAYS_ON, 100, 100),
        (DEFAULT_ON, 100, 100),
        (QUARTER, 25, 25),
        (TraceIdRatioBased(0.07), 7, 7),
        (TraceIdRatioBased(1), 100, 100),
        (TraceIdRatioBased(1e-5), 0.001, 0.001),
        (ParentBasedTraceIdRatio(0.25), 25, 25),
        (ParentBased(QUARTER, local_parent_sampled=TraceIdRatioBased(0.1)), 25, 10),
        (ParentBased(QUARTER, local_parent_sampled=TraceIdRatioBased(0.5)), 25, 25),
        (ParentBased(ParentBased(QUARTER)), 25, 25),
        (ParentBased(ApplicationInsightsSampler(0.25)), 25, 25),
        (ApplicationInsightsSampler(0.25), 25, 25),
        (Told("AlwaysRecordSampler{TraceIdRatioBased{0.25}}"), 25, 25),
        (Told("AlwaysRecordSampler{ParentBased{root:TraceIdRatioBased{0.25}}}"), 100, 100),
        (Told("TraceIdRatioBased{many}"), 100, 100),
        (Told("TraceIdRatioBased{0.25"), 100, 100),
        (Told("Mine"), 100, 100),
        (Told(None), 100, 100),
        (Told(RuntimeError("no description")), 100, 100),
    ],
    ids=label,
)
def test_standard_samplers(sampler, request_rate, call_rate):
    """The rate of a standard sampler, found in its description, is on roots and is inherited."""
    assert processed(sampler) == {"request": request_rate, "call": call_rate}


@pytest.mark.parametrize(
    ("sampler", "sampled", "expected"),
    [
        (ParentBased(QUARTER), True, 100),
        (ParentBased(QUARTER, remote_parent_sampled=TraceIdRatioBased(0.5)), True, 50),
        (ParentBased(ALWAYS_ON, remote_parent_not_sampled=TraceIdRatioBased(0.125)), False, 12.5),
        (QUARTER, True, 25),
        (QUARTER, False, 25),
    ],
    ids=label,
)
def test_standard_samplers_and_remote_parents(sampler, sampled, expected):
    """Under a remote parent the rate is that of the sampler that is asked then; its own rate is not known."""
    assert processed(sampler, parent(remote=True, sampled=sampled, trace_id=LOW)) == {"request": expected, "call": expected}


@pytest.mark.parametrize(
    ("sampler", "sampled", "expected"),
    [
        (ParentBased(QUARTER), True, 25),
        (ParentBased(ALWAYS_ON), True, 100),
        (ParentBased(QUARTER, local_parent_not_sampled=TraceIdRatioBased(0.1)), False, 10),
    ],
    ids=label,
)
def test_standard_samplers_and_bare_local_parents(sampler, sampled, expected):
    """A kept local parent that code carried over as a bare context was kept at the sampler's rate, where it keeps the trace."""
    assert processed(sampler, parent(remote=False, sampled=sampled, trace_id=LOW)) == {"request": expected, "call": expected}


def test_the_lower_rate_counts_below_a_bare_local_parent():
    """The sampler of children decided, too: what it keeps at 25 % is kept at no more."""
    sampler = ParentBased(TraceIdRatioBased(0.5), local_parent_sampled=QUARTER)
    bare = parent(remote=False, sampled=True, trace_id=LOW)
    assert processed(sampler, bare, names=["call"]) == {"call": 25.0}


def test_a_bare_parent_that_the_ratio_would_have_dropped():
    """Such a parent was kept by something else, so nothing is known."""
    assert processed(ParentBased(QUARTER), parent(remote=False, sampled=True)) == {"request": 100, "call": 100}


def test_children_of_facade_spans_inherit():
    """A span that OpenCensus kept at a rate hands it on to its OpenTelemetry children."""
    assert processed(DEFAULT_ON, recording_parent({SAMPLE_RATE: 12.5})) == {"request": 12.5, "call": 12.5}


def test_a_rate_that_is_there_stays():
    """A rate on the span is better known than the sampler's."""
    traces = Traces(QUARTER, trace_ids=[LOW], processor=SampleRateProcessor(QUARTER))
    with traces.tracer.start_as_current_span("request", attributes={SAMPLE_RATE: 5.0}):
        pass
    assert traces.rates() == {"request": 5.0}


def test_spans_of_the_facade_are_left_alone():
    """OpenCensus's sampler decides about those: the provider's was not asked."""
    assert processed(QUARTER, scope="opencensus_compat") == {"request": 100, "call": 100}


def test_no_sampler():
    """Where the sampler is not known, rates are still inherited."""
    traces = Traces(ALWAYS_ON, trace_ids=[LOW], processor=SampleRateProcessor(None))
    traces.nested("request", "call", context=recording_parent({SAMPLE_RATE: 12.5}))
    assert traces.rates() == {"request": 12.5, "call": 12.5}


def test_weights_of_a_standard_ratio_add_up():
    """With the processor the standard sampler's spans stand for as many as were started."""
    sampler = ParentBasedTraceIdRatio(0.25)
    traces = Traces(sampler, processor=SampleRateProcessor(sampler))
    for number in range(2000):
        traces.nested(f"{number} request", f"{number} call")
    rates = traces.rates()
    assert set(rates.values()) == {25.0}
    assert len(rates) * 4 == pytest.approx(4000, rel=0.05)


# Configuration by environment


PROGRAM = """
import json, logging, sys
said = []
handler = logging.Handler(logging.WARNING)
handler.emit = lambda record: said.append(record.getMessage())
logging.getLogger().addHandler(handler)
from opentelemetry import trace
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
_OTelSDKConfigurator().configure()
from appinsights_exporter.sampling import SampleRateProcessor
provider = trace.get_tracer_provider()
provider.add_span_processor(SampleRateProcessor(provider.sampler))
attributes = []
for number in range(200):
    with provider.get_tracer("t").start_as_current_span("n") as span:
        if span.is_recording():
            attributes.append(dict(span.attributes))
print(json.dumps([provider.sampler.get_description(), attributes[0] if attributes else None, said]))
"""


@pytest.mark.parametrize(
    ("name", "argument", "description", "first"),
    [
        ("microsoft.fixed_percentage", "0.25", "ApplicationInsightsSampler0.25", {SAMPLE_RATE: 25.0}),
        ("microsoft.fixed.percentage", None, "ApplicationInsightsSampler1.0", {}),
        ("microsoft.rate_limited", None, "RateLimitedSampler{5.0}", {}),
        ("microsoft.parentbased_rate_limited", "2", "ParentBased{root:RateLimitedSampler{2.0}", {}),
        ("traceidratio", "0.25", "TraceIdRatioBased{0.25}", {SAMPLE_RATE: 25.0}),
        ("always_off", None, "AlwaysOffSampler", None),
    ],
)
def test_sdk_configuration(name, argument, description, first):
    """The SDK's own configuration makes our samplers from their names, and its standard names work as ever."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    environment |= {
        "OTEL_TRACES_SAMPLER": name,
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    environment |= {} if argument is None else {"OTEL_TRACES_SAMPLER_ARG": argument}
    answer = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    made, attributes, said = json.loads(answer.stdout)
    assert made.startswith(description)
    assert (attributes, said) == (first, [])


def test_entry_points():
    """Every name is registered for the SDK, and leads to the same factory as here."""
    registered = {
        point.name: point.load()
        for point in importlib.metadata.entry_points(group="opentelemetry_traces_sampler")
        if point.value.startswith("appinsights_exporter.")
    }
    assert registered == sampling._FACTORIES


@pytest.mark.parametrize(
    ("environ", "description"),
    [
        ({}, None),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}, None),
        ({"OTEL_TRACES_SAMPLER": "unheard.of"}, None),
        ({"OTEL_TRACES_SAMPLER": " Microsoft.Fixed_Percentage ", "OTEL_TRACES_SAMPLER_ARG": " 0.5 "}, "ApplicationInsightsSampler0.5"),
        ({"OTEL_TRACES_SAMPLER": "microsoft.fixed_percentage", "OTEL_TRACES_SAMPLER_ARG": ""}, "ApplicationInsightsSampler1.0"),
        ({"OTEL_TRACES_SAMPLER": "microsoft.rate_limited", "OTEL_TRACES_SAMPLER_ARG": "0"}, "RateLimitedSampler{0.0}"),
        ({"OTEL_TRACES_SAMPLER": "microsoft.rate_limited", "OTEL_TRACES_SAMPLER_ARG": "2.5"}, "RateLimitedSampler{2.5}"),
        (
            {"OTEL_TRACES_SAMPLER": "microsoft.parentbased_fixed_percentage", "OTEL_TRACES_SAMPLER_ARG": "0.1"},
            (
                "ParentBased{root:ApplicationInsightsSampler0.1,remoteParentSampled:AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler,"
                "localParentSampled:ApplicationInsightsSampler0.1,localParentNotSampled:AlwaysOffSampler}"
            ),
        ),
    ],
)
def test_from_environment(environ, description):
    """Our names make a sampler; every other is left to the SDK."""
    sampler = sampling.from_environment(environ)
    assert (None if sampler is None else sampler.get_description()) == description


@pytest.mark.parametrize(
    ("name", "argument", "expected"),
    [
        ("microsoft.fixed_percentage", "a quarter", "a share of traces from 0.0 to 1.0; got 'a quarter'"),
        ("microsoft.fixed_percentage", "25", "a share of traces from 0.0 to 1.0; got 25.0. To keep a quarter of them write 0.25."),
        ("microsoft.rate_limited", "-1", "a number of traces per second, 0 or more; got -1.0"),
        ("microsoft.rate_limited", "nan", "a number of traces per second, 0 or more; got nan"),
    ],
)
def test_bad_argument(name, argument, expected):
    """A bad argument raises, and the message names the variable, what it holds and what would be right."""
    with pytest.raises(ConfigurationError) as caught:
        sampling.from_environment({"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument})
    assert str(caught.value).startswith(f"sampler argument (from OTEL_TRACES_SAMPLER_ARG): expected {expected}")


def test_off_stays_off():
    """A sampler of ours under the SDK's ALWAYS_OFF root is not asked."""
    assert decided(ParentBased(ALWAYS_OFF), LOW) == (False, None)
