"""Differences that the migration guide tells, by the id of their row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from opencensus_compat.compare import compare, known
from opencensus_compat.compare.model import ABSENT, PRESENT, ROW, Change, Difference
from opencensus_compat.compare.reports import Sides
from opencensus_compat.compare.steps import STEPS
from opencensus_compat.local.tables import TABLES

_GUIDE = Path(__file__).resolve().parents[2] / "migration_guide" / "differences.md"


def test_rows_are_those_of_the_guide():
    """Every row of the guide's first table is known, in its order: a row that is added there is added to `known`."""
    rows = re.findall(r"^\| \[([\w-]+)\]\(#\1\) \|", _GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [row.id for row in known.KNOWN] == rows


def test_rows_say_where_they_show():
    """A row accepts something, suggests something, or says why no recording shows it."""
    assert [row.id for row in known.KNOWN if bool(row.accepts or row.suggests) == bool(row.elsewhere)] == []
    assert {row.elsewhere for row in known.KNOWN} == {"", "request", "program", "time"}
    entries = [entry for row in known.KNOWN for entry in (*row.accepts, *row.suggests)]
    assert {entry.table for entry in entries} <= {"*", *TABLES}
    assert [text for entry in entries for text in (entry.column, entry.before, entry.after) if text and not _compiles(text)] == []


def _compiles(text):
    return not text.startswith("re:") or re.compile(text[3:])


def test_whole_rows_are_accepted_only_by_name():
    """No row of the guide accepts that any item comes or goes."""
    assert [row.id for row in known.KNOWN for entry in row.accepts if entry.column == ROW and not entry.where] == []


def test_an_unknown_id():
    """An id that no row has is an error."""
    with pytest.raises(KeyError):
        known.accepted("no-such-row")


def test_suggestions():
    """What values alone do not tell is left to a person, with the rows that it may be."""
    lost = Difference("dependencies", ROW, (Change(ABSENT, PRESENT, 1, 1, ("GET",)),), 1, 1, 1, 1)
    assert {"httpx-async", "failed-statements"} <= set(known.suggested(lost))
    assert "mongodb-twice" not in known.suggested(lost)


def _old(run):
    """Return a run as the retired SDK sends it."""
    for item in run.items:
        tags, base = item["tags"], item["data"]["baseData"]
        tags["ai.internal.sdkVersion"] = "py3.11.7:oc0.11.4:ext1.1.15"
        tags["ai.device.locale"] = None
        item.pop("sampleRate", None)
        if item["data"]["baseType"] == "MessageData":
            tags["ai.operation.parentId"] = f"|{tags['ai.operation.id']}.{tags['ai.operation.parentId']}."
            base["properties"] |= {"list": [1, "a"], "process": None}
        if item["data"]["baseType"] == "EventData":
            tags["ai.operation.id"], tags["ai.operation.parentId"] = "0" * 32, f"|{'0' * 32}.{'0' * 16}."
        if item["data"]["baseType"] == "ExceptionData":
            base["severityLevel"] = 5
        if base.get("name") == "audit":
            base["properties"] |= {"mapping": {"a": 1}, "none": None, "long": "x" * 9000, "request.url": "http://bob:secret@shop:80/orders"}
    return run


def _new(run):
    for item in run.items:
        tags, base = item["tags"], item["data"]["baseData"]
        tags["ai.internal.sdkVersion"] = "py3.11.7:otel1.45.2:cc0.1.0"
        del tags["ai.device.locale"]
        if item["data"]["baseType"] == "MessageData":
            base["properties"] |= {"list": '[1, "a"]'}
        if item["data"]["baseType"] == "ExceptionData":
            base["severityLevel"] = 4
        if base.get("name") == "audit":
            base["properties"] |= {"mapping": '{"a": 1}', "long": "x" * 8192, "request.url": "http://shop:80/orders"}
    return run


def test_known_differences_are_recognised(record, shop):
    """What the guide tells of the retired SDK is accepted, by the row's id; the same the other way round is not."""
    old, new = record(_old(shop(0)).arrived()), record(_new(shop(1)).arrived())
    comparison = compare(old, new, known=known.accepted())
    assert comparison.open_differences == ()
    assert {found.accepted.known for found in comparison.differences} == {
        *("sdk-version", "null-values", "sample-rate", "log-parent-id", "log-correlation", "structured-dimensions"),
        *("structured-attributes", "none-attributes", "limits", "credentials-in-urls", "severity-above-critical"),
    }
    assert comparison.unused == ()
    assert len(compare(new, old, known=known.accepted()).open_differences) >= 10


@pytest.mark.parametrize("step", STEPS)
def test_steps(step, record, shop):
    """A step accepts its own differences alone, and names the page that has its rows."""
    before, after = shop(0), shop(1)
    for item in after.items:
        base = item["data"]["baseData"]
        if base.get("type") == "InProc":
            base["type"] = "INPROC"
    found = compare(record(before.arrived()), record(after.arrived()), known=STEPS[step].accepted())
    assert [(each.table, each.column) for each in found.open_differences] == [("dependencies", "type")]
    assert Sides("a", "b", STEPS[step]).guide == STEPS[step].guide
    assert (_GUIDE.parent / STEPS[step].guide).exists()
