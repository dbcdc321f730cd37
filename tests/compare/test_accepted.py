"""Accepted lists: what is meant, with reasons, until when."""

from __future__ import annotations

import datetime
import json
import sys

import pytest

from opencensus_compat.compare import ROW, Accepted, AcceptedListError, compare, read_accepted
from opencensus_compat.compare.accepted import parse_toml_subset

LIST = """\
# what the step changes
[[accept]]
table = "dependencies"   # of the portal
column = 'type'
where = { name = "save", "customDimensions.region" = 're:w.*' }
before = "InProc"
after = "INPROC \\u00e9"
reason = "the spelling, \\"as it was\\""
until = 2027-06-30

[[accept]]
column = "customDimensions.paid"
before = true
after = 1.5
reason = "numbers"

[accept.where]
message = "order 1 saved"
"""


@pytest.fixture
def accept(tmp_path):
    """Return what reads a list with the given text."""

    def read(text, name="accept.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return read_accepted(path)

    return read


@pytest.fixture
def changed(record, shop):
    """Return two recordings: the type of each `save` differs, and one log line is gone."""
    run = shop(1)
    for item in run.items:
        if item["data"]["baseData"].get("name") == "save":
            item["data"]["baseData"]["type"] = "INPROC"
    run.items.remove(next(item for item in run.items if item["data"]["baseType"] == "MessageData"))
    return record(shop(0).arrived()), record(run.arrived())


def test_a_list(accept):
    """Entries have the portal's names, and values as a comparison shows them."""
    first, second = accept(LIST)
    assert first.where == {"name": "save", "customDimensions.region": "re:w.*"}
    assert (first.before, first.after, first.until) == ("InProc", "INPROC é", datetime.date(2027, 6, 30))
    assert (first.reason, first.source.rpartition(", ")[2]) == ('the spelling, "as it was"', "entry 1")
    assert (second.table, second.before, second.after, second.where) == ("*", "true", "1.5", {"message": "order 1 saved"})


def test_a_list_in_json(accept):
    """The same list in JSON is the same."""
    text = json.dumps(parse_toml_subset(LIST), default=str)
    for one, other in zip(accept(LIST), accept(text, "accept.json"), strict=True):
        assert (one.where, one.before, one.until, one.reason) == (other.where, other.before, other.until, other.reason)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="has no tomllib")
@pytest.mark.parametrize("text", [LIST, "", "[[accept]]\n", LIST.replace("\n", "\r\n")])
def test_the_reader_for_python_3_10(text):
    """It reads such a file as the standard library does from Python 3.11 on."""
    import tomllib

    assert parse_toml_subset(text) == tomllib.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "[[accept]\n",
        "a = \n",
        'a = "x\n',
        'a = "x" y\n',
        "a = { b = 1\n",
        "a = 1\na = 2\n",
        "a = [1]\n",
        "just text\n",
        "a = { b = 1 c = 2 }\n",
    ],
)
def test_what_that_reader_does_not_know(text):
    """Anything else is an error with the line, rather than another meaning."""
    with pytest.raises(ValueError, match=r"^line \d"):
        parse_toml_subset(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[accept]]\ntable = 'traces'\n", "entry 1 has no reason"),
        ("[[accept]]\nreason = ' '\n", "entry 1 has no reason"),
        ("[[accept]]\nreason = 'r'\ncolum = 'x'\n", "unknown key 'colum'; the keys are reason, table, column, where, before, after, until"),
        ("[[accept]]\nreason = 'r'\nuntil = 'soon'\n", "until is a day like 2027-06-30"),
        ("[[accept]]\nreason = 'r'\nuntil = 5\n", "until is a day like 2027-06-30"),
        ("[[accept]]\nreason = 'r'\nbefore = 're:('\n", "before is no regular expression"),
        ("[[accept]]\nreason = 'r'\nwhere = 'x'\n", "where holds columns"),
        ("reason = 'r'\n", "is no accepted list"),
        ("accept = 5\n", "is no accepted list"),
        ("not a list", "cannot read the accepted list"),
    ],
)
def test_a_wrong_list(text, said, accept):
    """What is wrong is said, with the file and the entry."""
    with pytest.raises(AcceptedListError) as error:
        accept(text)
    assert said in str(error.value)
    assert "accept.toml" in str(error.value)


def test_a_list_that_is_not_there(tmp_path):
    """A missing file is an error that names it."""
    with pytest.raises(AcceptedListError, match=r"absent\.toml"):
        read_accepted(tmp_path / "absent.toml")


def test_accepted_differences(changed):
    """What an entry accepts has its reason; what is left is open."""
    entry = Accepted("spelling", "dependencies", "type", {"name": "save"}, "InProc", "INPROC")
    comparison = compare(*changed, accepted=[entry])
    assert [found.accepted for found in comparison.differences] == [None, entry]
    assert [(found.table, found.column) for found in comparison.open_differences] == [("traces", ROW)]
    assert comparison.differences[1].count == 20
    everything = compare(*changed, accepted=[entry, Accepted("the line is gone", "traces", ROW)])
    assert everything.verdict == "equal"
    assert len(everything.differences) == 2


def test_all_columns_are_no_whole_rows(changed):
    """An entry for all columns accepts no row that comes or goes."""
    assert [found.column for found in compare(*changed, accepted=[Accepted("all")]).open_differences] == [ROW]


def test_entries_that_nothing_needs(changed):
    """Unused entries are reported; of those that overlap, the first counts."""
    needed = Accepted("r", "dependencies", "type")
    others = [
        Accepted("r", "requests", "type"),
        Accepted("r", "dependencies", "type", {"name": "load"}),
        Accepted("r", "dependencies", "type"),
    ]
    comparison = compare(*changed, accepted=[needed, *others])
    assert comparison.unused == tuple(others)
    assert comparison.expired == ()


def test_expired_entries(changed):
    """An entry counts on its last day, and accepts nothing afterwards."""
    entry = Accepted("r", "dependencies", "type", until=datetime.date(2027, 6, 30))
    on_the_day = compare(*changed, accepted=[entry], today=datetime.date(2027, 6, 30))
    later = compare(*changed, accepted=[entry], today=datetime.date(2027, 7, 1))
    assert [len(found.open_differences) for found in (on_the_day, later)] == [1, 2]
    assert (on_the_day.expired, later.expired, later.unused) == ((), (entry,), ())


def test_parts_of_a_column_by_where(changed):
    """An entry with `where` accepts a part of what differs in a column; the rest is open."""
    entry = Accepted("r", "dependencies", "type", {"operation_ParentId": "re:.*[0-7]"})
    found = [row for row in compare(*changed, accepted=[entry]).differences if row.column == "type"]
    assert [row.accepted for row in found] == [None, entry]
    assert sum(row.count for row in found) == 20
