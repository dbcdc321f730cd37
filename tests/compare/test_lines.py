"""Lines of code that a change of the program moved."""

from __future__ import annotations

import argparse
from typing import NamedTuple

import pytest

from opencensus_compat.compare import LineMap, compare
from opencensus_compat.compare.cli import add_arguments, run

_BEFORE = """\
import logging
tracer = Tracer(
    exporter=AzureExporter(),
    sampler=AlwaysOnSampler(),
)


def sell(cart):
    with tracer.span(name="sell"):
        log.info("sold")
        charge(cart)


def charge(cart):
    raise KeyError(cart)
"""
_AFTER = """\
import logging

from opentelemetry import trace
configure(signals=["traces"])


def sell(cart):
    with trace.get_tracer(__name__).start_as_current_span("sell"):
        log.info("sold")
        charge(cart)


def charge(cart):
    if cart:
        raise KeyError(cart)
"""


class Edit(NamedTuple):
    """One replacement."""

    start: int
    end: int
    replacement: bytes


def _edit(text, old, new):
    start = text.index(old)
    return Edit(start, start + len(old), new)


@pytest.fixture
def moved():
    """Return the map of the program."""
    return LineMap.of_texts("shop/orders.py", _BEFORE, _AFTER)


@pytest.mark.parametrize(
    ("line", "after"),
    [
        pytest.param(1, (1, 1), id="the same"),
        pytest.param(2, (2, 4), id="a statement of another form"),
        pytest.param(5, (2, 4), id="its last line"),
        pytest.param(9, (8, 8), id="a similar line"),
        pytest.param(10, (9, 9), id="moved"),
        pytest.param(15, (15, 15), id="indented"),
        pytest.param(99, (99, 99), id="beyond the text"),
    ],
)
def test_lines_of_texts(moved, line, after):
    """A line is found after the change by its text, by a similar text in its place, or in its block."""
    assert moved.file("/srv/shop/orders.py", "before").find(line, "before") == after


def test_a_line_that_went():
    """A line without a counterpart has none, and one that came is none of those before."""
    file = LineMap.of_texts("a.py", "one()\ngone()\ntwo()\n", "one()\ntwo()\nnew_call()\n").file("a.py", "before")
    assert [file.find(line, "before") for line in (1, 2, 3)] == [(1, 1), None, (2, 2)]
    assert file.find(3, "after") == (3, 3)


def test_lines_of_edits():
    """Edits say which lines moved, also in texts that repeat themselves, with letters of several bytes."""
    before = "é = 1\nx()\nx()\nspan = tracer.start_span(\n    'é',\n)\nx()\n".encode()
    edits = [
        _edit(before, b"x()\nx()\n", b"x()\n"),
        Edit(0, 0, b"from opentelemetry import trace\n"),
        _edit(before, b"tracer.start_span(\n    '\xc3\xa9',\n)", b"trace.get_tracer(__name__).start_span('\xc3\xa9')"),
    ]
    file = LineMap.of_edits("a.py", before, edits).file("a.py", "before")
    assert [file.find(line, "before") for line in (1, 2, 3, 4, 5, 6, 7)] == [(2, 2), (3, 3), None, (4, 4), (4, 4), (4, 4), (5, 5)]


def test_files_that_the_map_does_not_know(moved):
    """Another file's lines have not moved, also where its name ends alike."""
    assert moved.file("/srv/bookshop/orders.py", "before") is None
    assert moved.file("orders.py", "before") is None


def test_folders(tmp_path):
    """Files of folders are found by their path here, by a relative one, and by the path of another machine; those of packages are not."""
    for name, text in (("one", _BEFORE), ("two", _AFTER)):
        (tmp_path / name / "shop").mkdir(parents=True)
        (tmp_path / name / "shop" / "orders.py").write_text(text)
    lines = LineMap.of_folders(tmp_path / "one", tmp_path / "two")
    for path in (str(tmp_path / "one/shop/orders.py"), "shop/orders.py", "./shop/orders.py", "/app/shop/orders.py"):
        assert lines.file(path, "before").find(10, "before") == (9, 9)
        assert lines.file(path, "before").name == "shop/orders.py"
    assert lines.file("/venv/lib/python3.11/site-packages/shop/orders.py", "before") is None
    assert lines.file("<string>", "before") is None
    assert lines.file("../one/shop/orders.py", "after") is None


_TRACEBACK = """\
Traceback (most recent call last):
  File "{path}", line {call}, in sell
    charge(cart)
  File "{path}", line {failed}, in charge
{code}
KeyError: 'c-1'
"""
_CODE = ("    raise KeyError(cart)", "    raise KeyError(cart)\n    ^^^^^^^^^^^^^^^^^^^^")


def _run(shop, seed, path, log, call, failed, code):
    """Return a run whose items name lines in each way that there is."""
    run = shop(seed)
    frames = [
        {"level": 0, "method": "charge", "fileName": path, "line": failed, "assembly": f"orders.py:{failed}"},
        {"level": 1, "method": "sell", "fileName": path, "line": call},
    ]
    stack = _TRACEBACK.format(path=path, call=call, failed=failed, code=code)
    details = {"typeName": "KeyError", "message": f"orders.py:{call} {stack}", "hasFullStack": True, "parsedStack": frames, "stack": stack}
    properties = {"fileName": path, "lineNumber": call, "module": "orders", "stacktrace": stack}
    base = {"exceptions": [details], "problemId": f"KeyError at charge:{failed}", "properties": properties}
    run.item("Exception", None, None, base)
    otel = {"code.file.path": path, "code.line.number": str(log), "code.function.name": "sell"}
    run.item("Message", None, None, {"message": f"sell:{log} orders.py({log}) order:{log} sold", "properties": otel})
    return run.arrived()


def test_moved_lines_are_the_same(record, shop, moved):
    """Properties, rows and texts of stacks, and texts that spell a place are equal where the map says so."""
    before = record(_run(shop, 0, "/old/shop/orders.py", 10, 11, 15, _CODE[0]))
    after = record(_run(shop, 1, "/new/shop/orders.py", 9, 10, 15, _CODE[1]))
    found = compare(before, after, lines=moved)
    assert {difference.column for difference in found.open_differences} == {"message"}
    assert [(change.before, change.after) for change in found.open_differences[0].changes] == [
        ("sell:9 orders.py(9) order:10 sold", "sell:9 orders.py(9) order:9 sold")
    ]
    assert {difference.column for difference in compare(before, after).open_differences} >= {
        "customDimensions.code.line.number",
        "customDimensions.code.file.path",
        "customDimensions.lineNumber",
        "details.parsedStack.line",
        "details.rawStack",
    }


def test_other_lines_stay_different(record, shop, moved):
    """A line that the map does not explain is a difference, and is shown where the map expects it."""
    before = record(_run(shop, 0, "/old/shop/orders.py", 10, 11, 15, _CODE[0]))
    after = record(_run(shop, 1, "/new/shop/orders.py", 9, 9, 14, _CODE[0]))
    found = {difference.column: difference.changes for difference in compare(before, after, lines=moved).open_differences}
    assert set(found) == {
        *("message", "outerMessage", "innermostMessage", "details.message", "details.rawStack", "customDimensions.stacktrace"),
        *("problemId", "assembly", "outerAssembly", "innermostAssembly", "details.parsedStack.assembly", "details.parsedStack.line"),
        "customDimensions.lineNumber",
    }
    assert [(change.before, change.after) for change in found["customDimensions.lineNumber"]] == [("11, now 10", "9")]


def test_sources(record, shop, tmp_path, capsys):
    """The command takes two folders with the program's code, and says so of anything else."""
    for name, text in (("one", _BEFORE), ("two", _AFTER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "orders.py").write_text(text)
    before = record(_run(shop, 0, str(tmp_path / "one/orders.py"), 9, 11, 15, _CODE[0]))
    after = record(_run(shop, 1, str(tmp_path / "two/orders.py"), 8, 10, 15, _CODE[1]))
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args([str(before), str(after), "--sources", str(tmp_path / "one"), str(tmp_path / "two")])) == 1
    text = capsys.readouterr().out
    assert text.splitlines()[-1] == "1 difference."
    assert "message: in 1 of" in text
    assert run(parser.parse_args([str(before), str(after), "--sources", str(tmp_path / "one"), str(tmp_path / "none")])) == 2
    assert "--sources: expected two folders" in capsys.readouterr().err
