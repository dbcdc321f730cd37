"""Traceback text to the exceptions that the service shows."""

from __future__ import annotations

import sys
import textwrap
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appinsights_exporter.convert.exceptions import MAX_EXCEPTIONS, MAX_FRAMES, details, of_error, parse, without_span_frames

SIMPLE = """\
Traceback (most recent call last):
  File "/srv/app.py", line 12, in <module>
    main()
  File "/srv/app.py", line 7, in main
    pay(order)
    ~~~^^^^^^^
ValueError: no such order
"""
CAUSE = """\
Traceback (most recent call last):
  File "/srv/db.py", line 3, in query
    raise KeyError("id")
KeyError: 'id'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/app.py", line 9, in load
    query()
shop.errors.NotFound: no row
and a second line

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/app.py", line 20, in handle
    load()
RuntimeError
"""
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/srv/jobs.py", line 30, in run
  |     raise ExceptionGroup("jobs", errors)
  | ExceptionGroup: jobs (3 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/jobs.py", line 4, in first
    |     raise KeyError(1)
    | KeyError: 1
    |\x20
    | The above exception was the direct cause of the following exception:
    |\x20
    | Traceback (most recent call last):
    |   File "/srv/jobs.py", line 6, in first
    |     raise ValueError("v") from error
    | ValueError: v
    +---------------- 2 ----------------
    | Exception Group Traceback (most recent call last):
    |   File "/srv/jobs.py", line 11, in second
    |     raise ExceptionGroup("inner", [OSError()])
    | ExceptionGroup: inner (1 sub-exception)
    +-+---------------- 1 ----------------
      | OSError
      +------------------------------------
    +---------------- 3 ----------------
    | TypeError: t
    +------------------------------------

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/app.py", line 20, in handle
    run()
RuntimeError: after
"""


def frame(level, method, line, file="/srv/app.py"):
    """Return a frame as it is sent."""
    return {"level": level, "method": method, "fileName": file, "line": line}


NO_STACK = {"hasFullStack": False}
CASES = {
    "nothing": (("", "", ""), [{"typeName": "Exception", "message": "Exception", **NO_STACK}]),
    "type and message": (("ValueError", "bad", ""), [{"typeName": "ValueError", "message": "bad", **NO_STACK}]),
    "frames innermost first, level 0 first": (
        ("", "", SIMPLE),
        [
            {
                "typeName": "ValueError",
                "message": "no such order",
                "hasFullStack": True,
                "parsedStack": [frame(0, "main", 7), frame(1, "<module>", 12)],
                "stack": SIMPLE,
            }
        ],
    ),
    "what is given wins over the text": (
        ("T", "m", SIMPLE),
        [
            {
                "typeName": "T",
                "message": "m",
                "hasFullStack": True,
                "parsedStack": [frame(0, "main", 7), frame(1, "<module>", 12)],
                "stack": SIMPLE,
            }
        ],
    ),
    "causes and contexts": (
        ("", "", CAUSE),
        [
            {
                "id": 1,
                "outerId": 0,
                "typeName": "RuntimeError",
                "message": "Exception",
                "hasFullStack": True,
                "parsedStack": [frame(0, "handle", 20)],
                "stack": CAUSE,
            },
            {
                "id": 2,
                "outerId": 1,
                "typeName": "shop.errors.NotFound",
                "message": "no row\nand a second line",
                "hasFullStack": True,
                "parsedStack": [frame(0, "load", 9)],
            },
            {
                "id": 3,
                "outerId": 2,
                "typeName": "KeyError",
                "message": "'id'",
                "hasFullStack": True,
                "parsedStack": [frame(0, "query", 3, "/srv/db.py")],
            },
        ],
    ),
    "never raised": (
        ("", "", "ValueError: bad\n"),
        [{"typeName": "ValueError", "message": "bad", "hasFullStack": False, "stack": "ValueError: bad\n"}],
    ),
    "text of another form is passed on": (
        ("Error", "boom", "Error: boom\n    at pay (/srv/app.js:3:9)"),
        [{"typeName": "Error", "message": "boom", "hasFullStack": False, "stack": "Error: boom\n    at pay (/srv/app.js:3:9)"}],
    ),
    "any words": (("", "m", "it broke"), [{"typeName": "Exception", "message": "m", "hasFullStack": True, "stack": "it broke"}]),
    "long texts keep their ends": (
        ("T" * 2000, "m" * 40_000, "s" * 40_000 + "end"),
        [{"typeName": "T" * 1024, "message": "m" * 32_768, "hasFullStack": True, "stack": "s" * 32_765 + "end"}],
    ),
}


@pytest.mark.parametrize(("given_texts", "expected"), CASES.values(), ids=CASES)
def test_details(given_texts, expected):
    """Each text gives exactly these entries."""
    assert details(*given_texts, with_text=True) == expected


def test_members_of_a_group():
    """A group's members come after it and name it as their outer exception, each followed by its own causes."""
    found = [(entry["id"], entry["outerId"], entry["typeName"], entry["message"]) for entry in details("", "", GROUP, with_text=False)]
    assert found == [
        (1, 0, "RuntimeError", "after"),
        (2, 1, "ExceptionGroup", "jobs (3 sub-exceptions)"),
        (3, 2, "ValueError", "v"),
        (4, 3, "KeyError", "1"),
        (5, 2, "ExceptionGroup", "inner (1 sub-exception)"),
        (6, 5, "OSError", "Exception"),
        (7, 2, "TypeError", "t"),
    ]


def test_without_the_text():
    """The retired shape has numbers always, and the text only where it has no frames."""
    [entry] = details("", "", SIMPLE, with_text=False, always_numbered=True)
    assert (entry["id"], entry["outerId"], "stack" in entry) == (1, 0, False)
    [entry] = details("", "", "it broke", with_text=False)
    assert entry["stack"] == "it broke"


def _deep(depth):
    if depth:
        # On two lines, so that no two frames are the same and Python shows them all.
        return [_deep, _even][depth % 2](depth - 1)
    raise KeyError("deep")


def _even(depth):
    return _deep(depth)


def test_long_stacks():
    """Of more than 100 frames the innermost and the outermost 50 are sent, with their levels."""
    try:
        _deep(150)
    except KeyError:
        text = traceback.format_exc()
    [entry] = details("", "", text, with_text=False)
    levels = [frame["level"] for frame in entry["parsedStack"]]
    total = levels[-1] + 1
    assert len(levels) == MAX_FRAMES
    assert levels == [*range(50), *range(total - 50, total)]
    assert entry["parsedStack"][0]["method"] == "_deep"
    assert entry["parsedStack"][-1]["method"] == "test_long_stacks"


def test_long_chains():
    """Of a long chain the ten exceptions nearest to the end are sent."""
    link = "\n\nDuring handling of the above exception, another exception occurred:\n\n"
    found = details("", "", link.join(f"ValueError: {number}" for number in range(50)), with_text=False)
    assert [entry["message"] for entry in found] == [str(number) for number in range(49, 49 - MAX_EXCEPTIONS, -1)]


def test_repeated_frames():
    """Where Python abbreviates, the frames that it shows are sent, and of the exception itself all, up to the limit."""

    def recurse(depth):
        return recurse(depth - 1) if depth else 1 / 0

    try:
        recurse(200)
    except ZeroDivisionError as error:
        text = traceback.format_exc()
        raised = of_error(error, error.__traceback__)
    [entry] = details("", "", text, with_text=False)
    assert {frame["method"] for frame in entry["parsedStack"]} == {"recurse", "test_repeated_frames"}
    assert len(entry["parsedStack"]) < 10
    [entry] = details("", "", text, with_text=False, raised=raised)
    levels = [frame["level"] for frame in entry["parsedStack"]]
    assert levels == [*range(50), *range(152, 202)]


def test_exceptions_that_go_round():
    """A chain that comes back to itself, frames without a line, notes and a text that cannot be had end somewhere, with a message each."""

    class Mute(ValueError):
        def __str__(self):
            raise RuntimeError("no text")

    first, second = KeyError("a"), Mute()
    first.__cause__, second.__context__ = second, first
    first.__notes__ = ["hint", 3]
    found = details("", "", "", with_text=False, raised=of_error(first, None))
    assert [(entry["typeName"], entry["message"], entry["outerId"]) for entry in found] == [
        ("KeyError", "'a'\nhint\n3", 0),
        ("Mute", "<Mute>", 1),
    ]
    chain = ValueError("0")
    for number in range(1, 5000):
        chain, chain.__cause__ = ValueError(str(number)), chain
    assert len(of_error(chain, None)) == MAX_EXCEPTIONS


def _raised(source):
    try:
        exec(compile(textwrap.dedent(source), "<program>", "exec"), {})
    except (Exception, SystemExit) as error:  # noqa: BLE001 - any error at all is what is wanted.
        return error
    raise AssertionError("nothing was raised")


PROGRAMS = {
    "plain": "1 / 0",
    "message of several lines": "raise ValueError('a\\n  File \"x\", line 1, in y\\n\\nb: c')",
    "syntax": "compile('a b', '<s>', 'exec')",
    "cause": "try:\n    {}['k']\nexcept KeyError as error:\n    raise OSError(2, 'none') from error",
    "context": "try:\n    {}['k']\nexcept KeyError:\n    None.x",
    "no context": "try:\n    {}['k']\nexcept KeyError:\n    raise ValueError from None",
    "class of a function": "def f():\n    class MyError(Exception): pass\n    raise MyError('own')\nf()",
    "exit": "raise SystemExit(3)",
    "notes": "error = ValueError('v')\nerror.__notes__ = ['hint']\nraise error",
}


@pytest.mark.parametrize("source", PROGRAMS.values(), ids=PROGRAMS)
def test_what_python_prints(source):
    """Types, frames and order are those of the exception objects themselves."""
    error = _raised(source)
    expected, seen = [], error
    while seen is not None:
        kind = type(seen)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        frames = [(entry.filename, entry.lineno, entry.name) for entry in traceback.extract_tb(seen.__traceback__)]
        expected.append((name, frames))
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    assert [(found.type_name, found.frames) for found in parse("".join(traceback.format_exception(error)))] == expected
    assert parse("".join(traceback.format_exception(error)))[0].message.startswith(str(error).split("\n", 1)[0][:4])
    of_objects = [(found.type_name, found.frames, found.outer) for found in of_error(error, error.__traceback__)]
    last = len(expected) - 1
    assert of_objects == [(name.rpartition(".")[2], frames, min(max(0, n - 1), last)) for n, (name, frames) in enumerate(expected)]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")
def test_groups_that_python_prints():
    """A group within a group, raised from another error, is found again in what Python prints."""
    error = _raised(
        """
        try:
            1 / 0
        except ZeroDivisionError as cause:
            raise ExceptionGroup("outer", [ValueError("a"), ExceptionGroup("inner", [KeyError("b")])]) from cause
        """
    )
    found = [(entry.type_name, entry.outer) for entry in parse("".join(traceback.format_exception(error)))]
    assert found == [("ExceptionGroup", 0), ("ValueError", 0), ("ExceptionGroup", 0), ("KeyError", 2), ("ZeroDivisionError", 0)]
    assert [(entry.type_name, entry.outer) for entry in of_error(error, error.__traceback__)] == found


PIECES = st.sampled_from([*SIMPLE.splitlines(keepends=True), *CAUSE.splitlines(keepends=True), *GROUP.splitlines(keepends=True)])


@given(st.text(), st.text(), st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)))
def test_any_text(type_name, message, stack):
    """Whatever the text is: type and message are there, numbers point back, limits hold, and innermost frames come first."""
    found = details(type_name, message, stack, with_text=True)
    assert 1 <= len(found) <= MAX_EXCEPTIONS
    for number, entry in enumerate(found, 1):
        assert entry["typeName"]
        assert entry["message"]
        assert entry.get("id", 1) == number
        assert 0 <= entry.get("outerId", 0) < number
        levels = [frame["level"] for frame in entry.get("parsedStack", [])]
        assert levels == sorted(levels)
        assert levels[:1] in ([], [0])


def test_frames_of_decorated_functions():
    """The text begins with the function that a span decorates."""
    error = _raised(
        """
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider

        @TracerProvider().get_tracer("t").start_as_current_span("s")
        def work():
            span = trace.get_current_span()
            error = KeyError("k")
            error.span = span
            raise error

        work()
        """
    )
    shown = without_span_frames(error.span.events[0].attributes["exception.stacktrace"]).splitlines()
    assert [line.rpartition(", in ")[2] for line in shown if line.startswith("  File ")] == ["work"]


@pytest.mark.parametrize("group", [False, True], ids=["error", "group"])
def test_frames_of_spans(group):
    """The text begins with the program's own frames, also where an exception left a span of OpenTelemetry's and came from another."""
    if group and sys.version_info < (3, 11):
        pytest.skip("exception groups came with Python 3.11")
    raised = 'ExceptionGroup("g", [ValueError("v")])' if group else 'KeyError("k")'
    error = _raised(
        f"""
        from opentelemetry.sdk.trace import TracerProvider

        with TracerProvider().get_tracer("t").start_as_current_span("s") as span:
            try:
                int("x")
            except ValueError as cause:
                error = {raised}
                error.span = span
                raise error from cause
        """
    )
    stack = error.span.events[0].attributes["exception.stacktrace"]
    assert ", in use_span" in stack
    expected = [line for line in stack.splitlines() if "opentelemetry" not in line and "yield span" not in line]
    assert without_span_frames(stack).splitlines() == expected
