from __future__ import annotations

import pytest

from opencensus_compat.local.render import (
    Style,
    clean,
    columns,
    duration,
    fit,
    headline,
    item,
    overview,
    problems,
    stacks,
    table,
    transaction,
)
from opencensus_compat.local.transaction import build

PLAIN = Style(width=80)


def request(**changes):
    """Return a row of the requests table."""
    return {
        "timestamp": "2023-11-14T22:13:20.1234560Z",
        "id": "1",
        "name": "GET /a",
        "success": "True",
        "resultCode": "200",
        "duration": 1235.0,
        "itemType": "request",
        "customDimensions": {"tenant": "t7"},
        "operation_Id": "aabbccddeeff00112233445566778899",
        "operation_ParentId": None,
        "cloud_RoleName": "shop",
        **changes,
    }


def trace(message="hello", **changes):
    """Return a row of the traces table."""
    return {
        "timestamp": "2023-11-14T22:13:20.2000000Z",
        "message": message,
        "severityLevel": 2,
        "itemType": "trace",
        "operation_ParentId": "1",
        "cloud_RoleName": "shop",
        **changes,
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\ttab", "two\\nlines\\ttab"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("日本語 é", "日本語 é"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\u2028", "\\u2028"),
        ("\x9b31m", "\\x9b31m"),
        ("\ud800", "\\ud800"),
        (5, "5"),
    ],
)
def test_clean(text, shown):
    """What could move the cursor, colour the terminal or turn the text around is escaped; the rest is untouched."""
    assert clean(text) == shown


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("👍", 2), ("", 0)])
def test_columns(text, width):
    """Wide characters take two columns, combining marks none."""
    assert columns(text) == width


@pytest.mark.parametrize(
    ("text", "width", "options", "shown"),
    [
        ("ab", 4, {}, "ab  "),
        ("ab", 4, {"right": True}, "  ab"),
        ("abcdef", 4, {}, "abc…"),
        ("日本語", 4, {}, "日… "),
        ("日本語", 5, {}, "日本…"),
        ("abcdef", 1, {}, "…"),
        ("abcdef", 0, {}, ""),
        ("abcdef", 3, {"mark": "~"}, "ab~"),
    ],
)
def test_fit(text, width, options, shown):
    """A text is padded or cut to exactly the width, never through a wide character."""
    assert fit(text, width, **options) == shown
    assert columns(shown) == width


@pytest.mark.parametrize(("text", "shown"), [("one", "one"), ("\n\n one\ntwo", "one …"), ("", ""), (" \n ", ""), ("a\x1bb", "a\\x1bb")])
def test_headline(text, shown):
    """A text of several lines is shown by its first, with a mark."""
    assert headline(text) == shown


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (0, "0.0 ms"),
        (0.44, "0.4 ms"),
        (9.94, "9.9 ms"),
        (10, "10 ms"),
        (999, "999 ms"),
        (1235.0, "1.24 s"),
        (59_990, "59.99 s"),
        (60_000, "1 min 00 s"),
        (125_000, "2 min 05 s"),
        (3_660_000, "1 h 01 min"),
        (None, ""),
    ],
)
def test_duration(milliseconds, shown):
    """Durations are shown in the unit that people would choose."""
    assert duration(milliseconds) == shown


def test_table():
    """A table has a title, headings and a line per row by time; columns without values are left out."""
    rows = [request(timestamp="2023-11-14T22:13:21.0000000Z", name="POST /b", success="False", resultCode="500"), request()]
    assert table("requests", rows, Style(width=100)).splitlines() == [
        "requests (2)",
        "time          ok  name     result  duration  role  operation  customDimensions",
        "22:13:20.123  ✓   GET /a      200    1.24 s  shop  aabbccdd   tenant=t7",
        "22:13:21.000  ✗   POST /b     500    1.24 s  shop  aabbccdd   tenant=t7",
    ]


@pytest.mark.parametrize("width", [20, 40, 57, 80, 100, 200])
def test_tables_fit_every_width(width):
    """No line is wider than the terminal, whatever the texts; narrow terminals lose columns from the right."""
    rows = [request(name="日本語" * 50, customDimensions={"k": "v\n" * 500}, url="http://h/" + "x" * 500, cloud_RoleName="r" * 90)]
    lines = table("requests", rows, Style(width=width)).splitlines()
    assert len(lines) == 3
    assert max(map(columns, lines)) <= width


def test_hostile_text_stays_in_its_cell():
    """A message of control characters is one line, escaped."""
    lines = table("traces", [trace("\x1b[2J\x08evil", customDimensions={"k\n": "\x1b]0;x\x07"})], Style(width=100)).splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert "\\x1b[2J\\x08evil" in lines[2]


def test_no_colour_unless_asked():
    """Escape sequences appear only in a style with colour, and do not change the text."""
    plain, coloured = (table("requests", [request()], Style(width=100, colour=colour)) for colour in (False, True))
    assert "\x1b" not in plain
    assert "\x1b[32m✓" in coloured


def test_ascii():
    """Without Unicode everything is ASCII."""
    tree = build("op", {"requests": [request()], "traces": [trace(), trace("x" * 300)]})
    style = Style(width=110, unicode=False)
    for text in (table("requests", [request(name="x" * 300)], style), transaction(tree, style), item("requests", request(), style)):
        assert text.isascii()


def test_series_of_a_metric_are_told_apart():
    """At 80 columns a table of metrics still shows the dimensions; least, greatest and role go first."""
    made = {**trace(), "name": "orders", "valueSum": 2.0, "valueCount": 1, "valueMin": 2.0, "valueMax": 2.0}
    rows = [{**made, "customDimensions": {"route": route, "code": "200"}} for route in ("/a", "/b")]
    lines = table("customMetrics", rows, Style(width=80)).splitlines()
    assert [line.split("1  ")[1][:18] for line in lines[-2:]] == ["route=/a, code=200", "route=/b, code=200"]


@pytest.mark.parametrize(
    ("name", "row", "line"),
    [
        ("requests", request(), "22:13:20.123  ✓  request     GET /a                                200  1.24 s  shop"),
        ("traces", trace("a\nb"), "22:13:20.200  ·  trace       a …                                                shop"),
        (
            "exceptions",
            {**trace(), "itemType": "exception", "type": "ValueError", "outerMessage": "bad"},
            "22:13:20.200  !  exception   ValueError: bad                                    shop",
        ),
        (
            "customMetrics",
            {**trace(), "name": "q", "valueSum": 10.0, "valueCount": 2, "valueMin": 1, "valueMax": 9.5, "itemType": "customMetric"},
            "22:13:20.200  ·  metric      q = 10 (2 values, 1 to 9.5)                        shop",
        ),
        (
            "performanceCounters",
            {
                **trace(),
                "name": "% Processor Time",
                "category": "Process",
                "instance": "p",
                "value": 1.25,
                "itemType": "performanceCounter",
            },
            "22:13:20.200  ·  counter     Process(p) % Processor Time = 1.25                 shop",
        ),
        (
            "customEvents",
            {**trace(), "name": "Checkout", "itemType": "customEvent"},
            "22:13:20.200  ·  event       Checkout                                           shop",
        ),
        (
            "availabilityResults",
            {**trace(), "name": "ping", "success": "0", "duration": 5.0, "itemType": "availabilityResult"},
            "22:13:20.200  ✗  available   ping                                       5.0 ms  shop",
        ),
    ],
)
def test_item(name, row, line):
    """An arriving item is one line: time, mark, kind, what, result, duration, role."""
    assert item(name, row, Style(width=84)) == line


def test_transaction():
    """A transaction is a heading and a tree with type, result, duration, role and a time line."""
    rows = {
        "requests": [
            request(),
            request(
                id="3",
                operation_ParentId="2",
                name="GET /b",
                cloud_RoleName="stock",
                timestamp="2023-11-14T22:13:20.6000000Z",
                duration=100,
            ),
            request(id="9", operation_ParentId="gone", name="", timestamp="2023-11-14T22:13:21.0000000Z", duration=10.0),
        ],
        "dependencies": [
            request(
                id="2",
                operation_ParentId="1",
                name="GET /b",
                success="False",
                type="HTTP",
                target="stock:80",
                timestamp="2023-11-14T22:13:20.5000000Z",
                duration=300,
            )
        ],
        "traces": [trace("stock low"), trace("odd", severityLevel=9)],
        "exceptions": [{**trace(), "type": "ValueError", "outerMessage": "bad", "operation_ParentId": "3", "itemType": "exception"}],
    }
    assert transaction(build("op", rows), Style(width=120)).splitlines() == [
        "operation op   7 items, 1.24 s, 2 roles, 1 failed, 1 exception   2023-11-14 22:13:20.123 UTC",
        "✓ GET /a                    request        200  1.24 s  shop                             ━━━━━━━━━━━━━━━━━━━━",
        "├─ · stock low              Warning                     shop                             ┈•┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈",
        "├─ · odd                    severity 9                  shop                             ┈•┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈",
        "└─ ✗ GET /b                 HTTP stock:80  200  300 ms  shop                             ┈┈┈┈┈┈━━━━━┈┈┈┈┈┈┈┈┈",
        "   └─ ✓ GET /b              request        200  100 ms  stock                            ┈┈┈┈┈┈┈━━┈┈┈┈┈┈┈┈┈┈┈",
        "      └─ ! ValueError: bad  exception                   shop                             ┈•┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈",
        "✓ (no name)                 request        200   10 ms  shop  (parent gone is not here)  ┈┈┈┈┈┈┈┈┈┈┈┈┈┈━┈┈┈┈┈",
    ]


@pytest.mark.parametrize("width", [40, 80, 99, 100, 160])
def test_transactions_fit_every_width(width):
    """Neither long names nor deep trees are wider than the terminal."""
    chain = [
        request(
            id=str(number),
            operation_ParentId=str(number - 1) if number > 1 else None,
            name="日本語 name " * 20,
            type="T" * 90,
            target="t" * 90,
        )
        for number in range(1, 61)
    ]
    lines = transaction(build("op" * 100, {"dependencies": chain}), Style(width=width)).splitlines()
    assert max(map(columns, lines)) <= width
    assert len(lines) in (61, 62)


def test_very_deep_trees():
    """A chain of thousands is shown, its depth in numbers."""
    chain = [request(id=str(number), operation_ParentId=str(number - 1) if number > 1 else None, name="n") for number in range(1, 3001)]
    lines = transaction(build("op", {"dependencies": chain}), Style(width=120)).splitlines()
    assert lines[-1].startswith("+2987 ")


def test_notes():
    """Cycles and duplicates are told as such."""
    rows = {"requests": [request(id="a", operation_ParentId="a"), request(id="b"), request(id="b")]}
    text = transaction(build("op", rows), Style(width=90))
    assert "(its parents lead back to it)" in text
    assert "(second item with this id)" in text


def failed(*details, **changes):
    """Return the transaction of a request with one exception."""
    row = {"timestamp": "2023-11-14T22:13:20.3Z", "type": "ValueError", "message": "bad", "operation_ParentId": "1", **changes}
    return build("a", {"requests": [request()], "exceptions": [{**row, "details": list(details)}]})


FRAMES = [
    {"level": 0, "method": "pay", "fileName": "/srv/app.py", "line": 7},
    {"level": 1, "method": "main", "fileName": "/srv/app.py", "line": 12},
]


def test_stacks():
    """An exception is shown with its frames, innermost first, and after it what it was raised from."""
    cause = {"type": "KeyError", "message": "'id'", "parsedStack": [{"level": 0, "method": "query", "fileName": "/srv/db.py", "line": 3}]}
    shown = stacks(
        failed({"type": "ValueError", "message": "no order\nhere", "parsedStack": FRAMES, "rawStack": "not shown"}, cause), PLAIN
    )
    assert shown.splitlines() == [
        "! ValueError: no order …",
        "    pay  /srv/app.py:7",
        "    main  /srv/app.py:12",
        "  from KeyError: 'id'",
        "    query  /srv/db.py:3",
    ]


def test_stacks_in_text():
    """A stack that is text only is shown as it is, its last lines."""
    assert (
        stacks(failed({"type": "E", "message": "m", "rawStack": "first\n  at pay.js:3"}), PLAIN) == "! E: m\n    first\n      at pay.js:3"
    )
    long = stacks(failed({"type": "E", "message": "m", "rawStack": "\n".join(map(str, range(100)))}), PLAIN)
    assert long.splitlines()[1:3] == ["    88", "    89"]


def test_long_stacks():
    """Of many frames the innermost are shown."""
    shown = stacks(failed({"type": "E", "message": "m", "parsedStack": FRAMES * 50}), PLAIN)
    assert len(shown.splitlines()) == 14
    assert shown.endswith("    and 88 more")


NO_STACKS = {
    "no exception": build("a", {"requests": [request()]}),
    "no details": failed(),
    "no stack": failed({"type": "E", "message": "m"}),
    "details of another form": failed(details=None),
    "details that are no objects": failed("text", None, 5),
}


@pytest.mark.parametrize("found", NO_STACKS.values(), ids=NO_STACKS)
def test_no_stacks(found):
    """Where there is no stack there is nothing to show."""
    assert stacks(found, PLAIN) == ""


@pytest.mark.parametrize("width", [20, 40, 200])
def test_stacks_fit_every_width(width):
    """No line is longer than the terminal, and none moves its cursor."""
    hostile = {"method": "m" * 300, "fileName": "\x1b[31m", "line": None}
    shown = stacks(failed({"type": "\x1b" * 50, "message": "日" * 100, "parsedStack": [hostile, None, 5, {}]}), Style(width=width))
    assert max(map(columns, shown.splitlines())) <= width
    assert "\x1b" not in shown


def test_overview():
    """The overview names the tables that have rows."""
    assert overview({"requests": 12, "traces": 0, "exceptions": 3}, PLAIN) == "12  requests\n 3  exceptions"
    assert overview({"requests": 0}, PLAIN) == "No telemetry has arrived."


def test_problems():
    """Equal findings are counted together; without findings there is no text."""
    warning = {"path": "$.time", "text": "names no zone"}
    refusal = {"status": 400, "message": "bad\n"}
    assert problems([refusal], [warning, warning], PLAIN).splitlines() == [
        "refused (1)",
        "    1 x 400 bad\\n",
        "accepted with warnings (2)",
        "    2 x $.time names no zone",
    ]
    assert problems([], [], PLAIN) == ""


def test_numbers_that_the_old_sdk_sent_too():
    """Numbers and booleans in properties are no reason to worry, and are said in one line; lists are."""
    base = "$.data.baseData.properties"
    found = [
        {"path": f"{base}.{name}", "text": f"is {kind}; expected a string"}
        for name, kind in (("lineNumber", "a number"), ("lineNumber", "a number"), ("gift", "a boolean"), ("sizes", "an array"))
    ]
    assert problems([], found, PLAIN).splitlines() == [
        "accepted with warnings (1)",
        f"    1 x {base}.sizes is an array; expected a string",
        "numbers and booleans in properties, as the old SDK sent them: 3; nothing to do",
    ]
