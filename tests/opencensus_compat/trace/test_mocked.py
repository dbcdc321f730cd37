"""Mocks in the places of tracers, samplers, contexts and spans are called as OpenCensus calls them: same calls, same arguments, same order."""

from __future__ import annotations

from unittest import mock

import pytest

import opencensus_compat
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.span import Span
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.tracer import Tracer
from opencensus_compat.trace.tracers import context_tracer, noop_tracer

ON = samplers.AlwaysOnSampler()
ALL = samplers.ProbabilitySampler(1.0)
TRACE_ID, SPAN_ID = "6e0c63257de34c92bf9efcd03927272e", "00f067aa0ba902b7"


@pytest.fixture
def exporter():
    """A mock, as tests of services have it."""
    return mock.Mock()


def _exported(exporter):
    """Return the SpanData that a mock was called with."""
    return [span for call in exporter.export.call_args_list for span in call.args[0]]


def _replace(monkeypatch, cls, name, called):
    """Put a method of the program's into a class, which calls the one that it replaces."""
    own = vars(cls)[name]

    def replacement(self, *args, **kwargs):
        called.append(name)
        return own(self, *args, **kwargs)

    monkeypatch.setattr(cls, name, replacement)


def _work():
    """Do nothing."""


STEPS = [
    (Span, "__init__", 3),
    (Span, "start", 6),
    (context_tracer.ContextTracer, "span", 2),
    (context_tracer.ContextTracer, "start_span", 3),
    (context_tracer.ContextTracer, "end_span", 3),
    (context_tracer.ContextTracer, "finish", 1),
    (context_tracer.ContextTracer, "current_span", 2),
    (context_tracer.ContextTracer, "add_attribute_to_current_span", 1),
]


@pytest.mark.parametrize(("cls", "name", "times"), STEPS, ids=[name for _, name, _ in STEPS])
def test_a_replaced_step(cls, name, times, exporter, otel, monkeypatch):
    """A method that a program puts into a class is called where OpenCensus calls it, and no longer once it is taken out again."""
    tracer, called = Tracer(exporter=exporter, sampler=ON), []
    for number in (times, 0):
        with monkeypatch.context() as replaced:
            if number:
                _replace(replaced, cls, name, called)
            with tracer.span("a"), tracer.span("b"):
                assert tracer.current_span().name == "b"
                tracer.add_attribute_to_current_span("key", "value")
            tracer.trace_decorator()(_work)()
            tracer.finish()
        assert (called.count(name), len(called)) == (number, number)
        called.clear()
        inner, outer, work = _exported(exporter)
        assert [(span.name, dict(span.attributes)) for span in (inner, outer, work)] == [("b", {"key": "value"}), ("a", {}), ("_work", {})]
        assert inner.context.trace_id == outer.context.trace_id != work.context.trace_id
        exporter.reset_mock()


OFF_STEPS = [
    ("span", lambda tracer: tracer.span(name="a"), mock.call("a"), True),
    ("start_span", lambda tracer: tracer.start_span(name="a"), mock.call("a"), True),
    ("start_span", lambda tracer: tracer.span("a"), mock.call(name="a"), True),
    ("current_span", lambda tracer: tracer.current_span(), mock.call(), True),
    ("end_span", lambda tracer: tracer.end_span(), mock.call(), False),
    ("add_attribute_to_current_span", lambda tracer: tracer.add_attribute_to_current_span("key", 1), mock.call("key", 1), False),
    ("finish", lambda tracer: tracer.finish(), mock.call(), False),
]


@pytest.mark.parametrize("around", [False, True], ids=["alone", "inside-a-span"])
@pytest.mark.parametrize(("name", "work", "called", "returns"), OFF_STEPS, ids=[f"{step[0]}-{step[2]}" for step in OFF_STEPS])
def test_a_replaced_step_of_an_unsampled_trace(name, work, called, returns, around, otel, monkeypatch):
    """A method that a program puts into NoopTracer is called, and no longer once it is taken out."""
    tracer = Tracer(sampler=samplers.AlwaysOffSampler())
    if around:
        tracer.start_span("outer")
    with monkeypatch.context() as replaced:
        stub = mock.Mock()
        replaced.setattr(noop_tracer.NoopTracer, name, stub)
        assert work(tracer) is (stub.return_value if returns else None)
        assert stub.mock_calls == [called]
    work(tracer)
    assert stub.mock_calls == [called]


def test_a_decorated_function_by_replaced_steps(exporter, otel):
    """Its span is started and ended by the methods that a program has put into the classes, whatever these return."""
    for cls, sampler in ((context_tracer.ContextTracer, ON), (noop_tracer.NoopTracer, samplers.AlwaysOffSampler())):
        tracer = Tracer(exporter=exporter, sampler=sampler)
        with mock.patch.object(cls, "start_span") as start, mock.patch.object(cls, "end_span") as end:
            tracer.trace_decorator()(_work)()
        assert (start.mock_calls, end.mock_calls) == ([mock.call(name="_work")], [mock.call()])


INNER_STEPS = [
    ("span", lambda tracer: tracer.span(name="a"), mock.call("a")),
    ("start_span", lambda tracer: tracer.start_span(name="a"), mock.call("a")),
    ("start_span", lambda tracer: tracer.span("a"), mock.call(name="a")),
    ("current_span", lambda tracer: tracer.current_span(), mock.call()),
    ("end_span", lambda tracer: tracer.end_span(), mock.call()),
    ("add_attribute_to_current_span", lambda tracer: tracer.add_attribute_to_current_span("key", 1), mock.call("key", 1)),
    ("finish", lambda tracer: tracer.finish(), mock.call()),
]


@pytest.mark.parametrize("sampler", [ON, samplers.AlwaysOffSampler()], ids=["sampled", "unsampled"])
@pytest.mark.parametrize(("name", "work", "called"), INNER_STEPS, ids=[f"{name}-{called}" for name, _, called in INNER_STEPS])
def test_a_replaced_step_of_one_inner_tracer(sampler, name, work, called, exporter, otel):
    """A method that a program puts into the tracer inside one Tracer is called, by that one alone, and no longer once it is taken out."""
    tracer, other = (Tracer(exporter=exporter, sampler=sampler) for _ in range(2))
    with mock.patch.object(tracer.tracer, name) as stub:
        with other.span("other"):
            pass
        assert stub.mock_calls == []
        work(tracer)
    assert stub.mock_calls == [called]
    tracer.start_span("before")
    work(tracer)
    tracer.end_span()
    assert stub.mock_calls == [called]


def test_an_end_replaced_while_its_span_is_open(exporter, otel):
    """A span that is open already ends by the method that a program puts into its tracer meanwhile."""
    tracer = Tracer(exporter=exporter, sampler=ON)
    with tracer.span("a"):
        own, called = tracer.tracer.end_span, []
        tracer.tracer.end_span = lambda: called.append(own())
    assert ([span.name for span in called], [span.name for span in _exported(exporter)]) == (["a"], ["a"])


def test_ids_of_the_programs_own(exporter, otel):
    """Functions in the places of those that make ids make those of each trace and span, and the headers have them."""
    span_ids, trace_ids = ([f"{number:0{digits}x}" for number in range(1, 9)] for digits in (16, 32))
    module = "opencensus.trace"
    with (
        mock.patch(f"{module}.span.generate_span_id", side_effect=span_ids),
        mock.patch(f"{module}.span_context.generate_trace_id", side_effect=trace_ids),
    ):
        tracer = Tracer(exporter=exporter, sampler=ON)
        with tracer.span("outer"), tracer.span("inner"):
            headers = tracer.propagator.to_headers(tracer.span_context)
        with tracer.span("next"):
            pass
    inner, outer, following = _exported(exporter)
    assert [(span.span_id, span.parent_span_id, span.context.trace_id) for span in (outer, inner, following)] == [
        (span_ids[0], None, trace_ids[0]),
        (span_ids[1], span_ids[0], trace_ids[0]),
        (span_ids[2], None, trace_ids[1]),
    ]
    assert headers["traceparent"] == f"00-{trace_ids[0]}-{span_ids[1]}-01"
    assert otel.spans["inner"].parent.span_id == otel.spans["outer"].context.span_id == 1
    with Tracer(exporter=exporter, sampler=ON).span("random"):
        pass
    assert _exported(exporter)[-1].span_id not in span_ids


def test_ids_that_are_none(exporter, otel):
    """A span id that is no id arrives as the text that it is; in the place of a trace id that is none, the span has another one."""
    with (
        mock.patch("opencensus.trace.span.generate_span_id", return_value="span_1"),
        mock.patch("opencensus.trace.span_context.generate_trace_id", return_value="trace_1"),
        Tracer(exporter=exporter, sampler=ON).span("a"),
    ):
        pass
    (span,) = _exported(exporter)
    assert (span.span_id, len(otel.trace_ids)) == ("span_1", 1)


def test_the_id_of_a_blank_span(otel):
    """It is made by the function that a program has put where blank spans look for it."""
    with (
        mock.patch("opencensus.trace.blank_span.generate_span_id", return_value=SPAN_ID),
        Tracer(sampler=samplers.AlwaysOffSampler()).span() as span,
    ):
        assert span.span_id == SPAN_ID


def test_a_class_in_the_place_of_spans(exporter, otel):
    """It is called, and what it returns is started, as OpenCensus does."""
    with mock.patch("opencensus.trace.span.Span") as spans:
        tracer = Tracer(exporter=exporter, sampler=ON)
        assert tracer.start_span("a") is spans.return_value
    assert [name for name, _, _ in spans.mock_calls] == ["", "().start"]
    assert spans.call_args.args == ("a",)
    assert set(spans.call_args.kwargs) == {"parent_span", "context_tracer"}


def test_the_end_of_all_spans_by_a_replaced_step(exporter, otel, monkeypatch):
    """`finish` ends each open span by it; one that ends none is not called for ever."""
    tracer, called = Tracer(exporter=exporter, sampler=ON), []
    _replace(monkeypatch, context_tracer.ContextTracer, "end_span", called)
    for name in "ab":
        tracer.start_span(name)
    tracer.finish()
    assert (len(called), [span.name for span in _exported(exporter)]) == (2, ["b", "a"])
    tracer.start_span("c")
    with mock.patch.object(context_tracer.ContextTracer, "end_span") as ending:
        tracer.finish()
    ending.assert_called_once_with()


def test_a_span_of_the_programs_own_is_the_parent(exporter, otel):
    """A span that a program has built and made current is the parent of what starts inside it, in the tracer's trace."""
    built = Span("built", span_id=SPAN_ID)
    execution_context.set_current_span(built)
    tracer = Tracer(exporter=exporter, sampler=ON)
    with tracer.span("inner"), tracer.span("innermost"):
        pass
    execution_context.set_current_span(None)
    innermost, inner = _exported(exporter)
    assert (inner.parent_span_id, innermost.parent_span_id) == (SPAN_ID, inner.span_id)
    assert otel.spans["inner"].parent.span_id == int(SPAN_ID, 16)
    assert len(otel.trace_ids) == 1


# --- Tracers


@pytest.fixture(params=["constructed", "inside-a-span"])
def tracer(request, exporter, otel):
    """A tracer, without a span and inside one."""
    made = Tracer(exporter=exporter, sampler=ON)
    if request.param == "constructed":
        yield made
    else:
        with made.span("outer"):
            yield made


def test_a_tracer_in_the_place_of_ours(tracer, exporter):
    """Each method goes to what a program assigned to `tracer.tracer`, and nothing is exported."""
    fake = tracer.tracer = mock.Mock()
    assert tracer.span("a") is tracer.span() is fake.span.return_value
    assert tracer.start_span("b") is fake.start_span.return_value
    tracer.start_span(name="c")
    tracer.add_attribute_to_current_span("key", "value")
    assert tracer.current_span() is fake.current_span.return_value
    tracer.end_span()
    tracer.finish()
    call = mock.call
    assert fake.mock_calls == [
        call.span("a"),
        call.span("span"),
        call.start_span("b"),
        call.start_span("c"),
        call.add_attribute_to_current_span("key", "value"),
        call.current_span(),
        call.end_span(),
        call.finish(),
    ]
    assert exporter.mock_calls == []


@pytest.mark.parametrize("kind", [mock.Mock, mock.MagicMock])
def test_a_decorated_function_in_a_fake_tracer(kind, tracer):
    """It is started by name, and ended also when the function raises."""
    fake = tracer.tracer = kind()

    @tracer.trace_decorator()
    def work(number):
        return 1 / number

    assert work(1) == 1
    with pytest.raises(ZeroDivisionError):
        work(0)
    assert fake.mock_calls == [mock.call.start_span(name="work"), mock.call.end_span()] * 2


def test_a_patched_tracer_comes_back(exporter, otel):
    """When the patch ends, spans are exported again."""
    tracer = Tracer(exporter=exporter, sampler=ON)
    with mock.patch.object(tracer, "tracer") as fake, tracer.span("faked"):
        fake.span.assert_called_once_with("faked")
    with tracer.span("real"):
        pass
    assert [span.name for span in _exported(exporter)] == ["real"]


@pytest.mark.parametrize("sampled", [True, False])
def test_patched_classes_of_tracers(sampled, exporter, otel):
    """They are constructed, and used, as OpenCensus does that."""
    module, name = (context_tracer, "ContextTracer") if sampled else (noop_tracer, "NoopTracer")
    with mock.patch.object(module, name) as kind:
        tracer = Tracer(exporter=exporter, sampler=mock.Mock(**{"should_sample.return_value": sampled}))
        tracer.start_span("a")
        tracer.end_span()
        made = mock.call(exporter=exporter, span_context=tracer.span_context) if sampled else mock.call()
    assert kind.mock_calls == [made, mock.call().start_span("a"), mock.call().end_span()]


def test_public_methods_do_not_call_each_other(exporter, otel):
    """A decorated function and `span` start their spans whatever a program has put in the place of other methods."""
    with mock.patch.object(Tracer, "start_span") as start_span, mock.patch.object(Tracer, "end_span") as end_span:
        tracer = Tracer(exporter=exporter, sampler=ON)
        with tracer.span("spanned"), mock.patch.object(Tracer, "span") as span:
            tracer.trace_decorator()(int)()
    assert (start_span.mock_calls, end_span.mock_calls, span.mock_calls) == ([], [], [])
    assert [span.name for span in _exported(exporter)] == ["int", "spanned"]


@pytest.mark.parametrize(
    ("kind", "sampler"),
    [("patched", ON), ("assigned", ON), ("subclass", ON), ("patched", ALL), ("subclass", ALL)],
)
def test_a_tracer_that_decides_itself(kind, sampler, exporter, otel, monkeypatch):
    """Its own `should_sample` decides about each trace, and not the sampler."""
    decide = mock.Mock(side_effect=[False, True, False])
    made = type("Deciding", (Tracer,), {"should_sample": lambda _: decide()}) if kind == "subclass" else Tracer
    if kind == "patched":
        monkeypatch.setattr(Tracer, "should_sample", decide)
    tracer = made.__new__(made)
    if kind == "assigned":
        tracer.should_sample = decide
    tracer.__init__(exporter=exporter, sampler=sampler)
    for name in "abc":
        with tracer.span(name):
            pass
    assert [span.name for span in _exported(exporter)] == ["b"]


def test_a_fake_tracer_of_a_span(otel):
    """A span ends by `end_span` of the tracer that it was given, once."""
    fake = mock.Mock()
    with Span("a", context_tracer=fake):
        pass
    assert fake.mock_calls == [mock.call.end_span()]


def test_a_subclass_that_ends_spans_in_a_way_of_its_own(exporter, otel):
    """The end of a `with` statement goes by its `end_span`."""
    seen = []

    class Own(context_tracer.ContextTracer):
        def end_span(self):
            span = super().end_span()
            seen.append(span.name)
            return span

    with Own(exporter=exporter).span("a"):
        pass
    assert (seen, [span.name for span in _exported(exporter)]) == (["a"], ["a"])


# --- Samplers


@pytest.mark.parametrize("answer", [True, False, mock.Mock()])
def test_a_sampler_is_asked_once_about_the_context(answer, exporter, otel):
    """It gets the tracer's own context, and a mock that says nothing samples."""
    sampler = mock.Mock(**{"should_sample.return_value": answer})
    tracer = Tracer(exporter=exporter, sampler=sampler)
    assert sampler.mock_calls == [mock.call.should_sample(tracer.span_context)]
    with tracer.span("a"):
        pass
    assert sampler.should_sample.call_count == 1
    assert [span.name for span in _exported(exporter)] == (["a"] if answer else [])


@pytest.mark.parametrize("kind", [samplers.AlwaysOnSampler, samplers.AlwaysOffSampler, samplers.ProbabilitySampler])
@pytest.mark.parametrize("where", ["class", "instance"])
@pytest.mark.parametrize("answer", [True, False])
def test_a_patched_decision(kind, where, answer, exporter, otel):
    """What a program puts into a sampler of ours is asked about each trace."""
    sampler = kind()
    with mock.patch.object(kind if where == "class" else sampler, "should_sample", return_value=answer) as should_sample:
        tracer = Tracer(exporter=exporter, sampler=sampler)
        for name in ("a", "b"):
            with tracer.span(name):
                pass
    assert should_sample.call_count == 2
    assert [span.name for span in _exported(exporter)] == (["a", "b"] if answer else [])


def test_a_specified_sampler(exporter, otel):
    """What a mock shows as its rate is not taken for one."""
    sampler = mock.create_autospec(samplers.ProbabilitySampler(0.5), instance=True)
    with Tracer(exporter=exporter, sampler=sampler).span("a"):
        pass
    assert otel.spans["a"].attributes == {}


# --- Contexts


def _contexts():
    specified = mock.Mock(spec=SpanContext())
    specified.trace_id, specified.span_id = TRACE_ID, SPAN_ID
    return {"mock": mock.Mock(), "with-ids": mock.Mock(trace_id=TRACE_ID, span_id=SPAN_ID), "specified": specified}


@pytest.mark.parametrize("case", ["mock", "with-ids", "specified"])
def test_a_mocked_context(case, exporter, otel):
    """It is told that the trace is sampled and which span is current, and comes with each SpanData; nothing else is called."""
    context = _contexts()[case]
    before = context.span_id
    tracer = Tracer(span_context=context, exporter=exporter, sampler=ON)
    with tracer.span("outer") as outer:
        assert context.span_id == outer.span_id
        assert tracer.span_context is context
        with tracer.span("inner") as inner:
            assert context.span_id == inner.span_id
    assert context.mock_calls == [mock.call.trace_options.set_enabled(True)]
    assert context.span_id is before
    spans = _exported(exporter)
    assert [(span.name, span.parent_span_id) for span in spans] == [("inner", outer.span_id), ("outer", before)]
    assert all(span.context is context for span in spans)


def test_a_context_by_its_identity(exporter, otel):
    """A tracer shows the context that it was given, also inside a span."""
    context = SpanContext(trace_id=TRACE_ID)
    tracer = Tracer(span_context=context, exporter=exporter, sampler=ON)
    with tracer.span("a"):
        assert tracer.span_context is context


# --- Current spans


@pytest.mark.parametrize("kind", [mock.Mock, mock.MagicMock, lambda: mock.Mock(spec=Span("a"))])
def test_a_mocked_current_span(kind, exporter, otel):
    """It is the parent of the next span, is asked for its id only, and gets what is meant for the current span."""
    parent = kind()
    execution_context.set_current_span(parent)
    tracer = Tracer(exporter=exporter, sampler=ON)
    with tracer.span("a") as span:
        assert span.parent_span is parent
    execution_context.set_current_span(parent)
    tracer.add_attribute_to_current_span("key", "value")
    tracer.end_span()
    called = [call for call in parent.mock_calls if call != mock.call.__bool__()]
    assert called == [mock.call.add_attribute("key", "value"), mock.call.finish()]
    assert [span.parent_span_id for span in _exported(exporter)] == [parent.span_id]


def test_a_mocked_span_as_span_data(otel):
    """A tracer makes the SpanData of any object that has what a span has."""
    context = mock.Mock()
    span = mock.MagicMock(children=[])
    span.__iter__.return_value = iter([span])
    [data] = context_tracer.ContextTracer(exporter=mock.Mock(), span_context=context).get_span_datas(span)
    assert (data.name, data.attributes, data.context) == (span.name, span.attributes, context)


@pytest.mark.parametrize("kind", [mock.Mock, mock.MagicMock])
def test_a_mocked_provider_of_opentelemetry(kind, exporter):
    """OpenCensus's spans have ids and parents of their own then, and their exporter gets them."""
    opencensus_compat.configure(tracer_provider=kind())
    tracer = Tracer(exporter=exporter, sampler=ON)
    with tracer.span("outer") as outer, tracer.span("inner"):
        pass
    assert [(span.name, span.parent_span_id) for span in _exported(exporter)] == [("inner", outer.span_id), ("outer", None)]
