"""The line of the program's code that made a difference."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from opencensus_compat.compare import Code, LineMap, compare
from opencensus_compat.compare.sources import Sources

_BEFORE = """\
with tracer.span(name="charge") as span:
    span.add_attribute("cart", cart)
    span.add_annotation("charged")
    measure_map.measure_int_put(latency, 3)
    logger.info("sold")
"""
_AFTER = """\
# OpenTelemetry
with trace.get_tracer(__name__).start_as_current_span("charge") as span:
    span.set_attribute("cart", cart)
    span.add_event("charged")
    measure_map.measure_int_put(latency, 3)
    logger.info("sold out")
"""


class Site(NamedTuple):
    """A call that was seen."""

    file: str
    line: int
    symbol: str


_SITES = [
    Site("/srv/orders.py", 1, "trace.tracer.Tracer.span"),
    Site("/srv/orders.py", 2, "trace.span.Span.add_attribute"),
    Site("/srv/orders.py", 3, "trace.span.Span.add_annotation"),
]
_MOVED = LineMap.of_texts("orders.py", _BEFORE, _AFTER)
_TRACEBACK = """\
Traceback (most recent call last):
  File "/srv/orders.py", line 5, in sell
    logger.info("sold")
  File "/usr/lib/python3.11/json/encoder.py", line 200, in encode
TypeError: no JSON
"""


def _code(column, before, after, lines=_MOVED, sites=_SITES):
    texts = [None if cells is None else (lambda cells=cells: cells) for cells in (before, after)]
    return Sources(lines, (lambda: sites, tuple)).finder(column, *texts)()


@pytest.mark.parametrize(
    ("column", "before", "after", "expected"),
    [
        pytest.param(
            "message",
            {"customDimensions.fileName": "/srv/orders.py", "customDimensions.lineNumber": "5"},
            {"customDimensions.code.file.path": "/srv/orders.py", "customDimensions.code.line.number": "6"},
            ('orders.py:5 logger.info("sold")', 'orders.py:6 logger.info("sold out")'),
            id="a record says it",
        ),
        pytest.param(
            "type",
            {"name": "charge"},
            {"name": "charge"},
            (
                'orders.py:1 with tracer.span(name="charge") as span:',
                'orders.py:2 with trace.get_tracer(__name__).start_as_current_span("charg…',
            ),
            id="a span by its name",
        ),
        pytest.param(
            "customDimensions.cart",
            {"name": "charge"},
            {"name": "charge"},
            ('orders.py:2 span.add_attribute("cart", cart)', 'orders.py:3 span.set_attribute("cart", cart)'),
            id="a property by its name",
        ),
        pytest.param(
            "row",
            None,
            {"message": "charged"},
            ('orders.py:3 span.add_annotation("charged")', 'orders.py:4 span.add_event("charged")'),
            id="a new row by the call that sent none",
        ),
        pytest.param(
            "resultCode",
            {"name": "GET /", "customDimensions.stacktrace": _TRACEBACK},
            {"name": "GET /"},
            ('orders.py:5 logger.info("sold")', 'orders.py:6 logger.info("sold out")'),
            id="the program's last line in a traceback",
        ),
        pytest.param(
            "details.parsedStack.line",
            {
                "customDimensions.fileName": "/srv/orders.py",
                "customDimensions.lineNumber": "5",
                "details.0.parsedStack.0.fileName": "/venv/lib/python3.11/site-packages/flask/app.py",
                "details.0.parsedStack.0.line": "7",
                "details.0.parsedStack.0.method": "full_dispatch",
                "details.0.parsedStack.1.fileName": "/srv/orders.py",
                "details.0.parsedStack.1.line": "3",
            },
            None,
            ('orders.py:3 span.add_annotation("charged")', 'orders.py:4 span.add_event("charged")'),
            id="what is in a stack by the program's first line there",
        ),
    ],
)
def test_lines(column, before, after, expected):
    """Each item's line is named, before and after."""
    assert _code(column, before, after) == Code(*expected)


def test_nothing_tells():
    """A name that no call has, and no record: no line is better than a wrong one."""
    assert _code("type", {"name": "refund"}, {"name": "refund"}) is None
    assert _code("type", {"name": ""}, {"name": ""}) is None


def test_without_texts(tmp_path):
    """Without a map of lines a file is read where it lies, and one that is not there has no line."""
    file = tmp_path / "orders.py"
    file.write_text(_BEFORE)
    sites = [site._replace(file=str(file)) for site in _SITES]
    assert _code("type", {"name": "charge"}, {"name": "charge"}, None, sites) == Code(
        f'{file}:1 with tracer.span(name="charge") as span:', ""
    )
    file.unlink()
    assert _code("type", {"name": "charge"}, {"name": "charge"}, None, sites) is None


def test_lines_in_a_comparison(record, shop):
    """A change has the lines of up to three of its items."""
    runs = [shop(0), shop(1)]
    for number, run in enumerate(runs):
        for line in range(5):
            properties = {"code.file.path": "/srv/orders.py", "code.line.number": str(line + 1)}
            run.item("Message", None, None, {"message": f"sold {line}", "severityLevel": number, "properties": properties})
    (found,) = compare(*(record(run.arrived()) for run in runs)).open_differences
    assert found.column == "severityLevel"
    assert {code.before == code.after for code in found.changes[0].code} == {True}
    assert len(found.changes[0].code) == 3
