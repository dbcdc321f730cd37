"""What says nothing: between twins of an unchanged program, and by declaration."""

from __future__ import annotations

import pytest

from opencensus_compat.compare import NOT_COMPARED, compare
from opencensus_compat.local.tables import TABLES


def _base(item):
    return item["data"]["baseData"]


def _of(run, kind, name=None):
    return [item for item in run.items if item["data"]["baseType"] == f"{kind}Data" and name in (None, _base(item).get("name"))]


def _noisy(run):
    """Give the log lines a property, and one of the dependencies data, of this run alone."""
    for item in _of(run, "Message"):
        _base(item)["properties"]["worker"] = run.hexadecimal(9)
    for item in _of(run, "RemoteDependency", "audit"):
        _base(item)["data"] = f"http://audit/{run.hexadecimal(9)}"
    return run


def test_twins_name_the_noise(record, shop):
    """What differs between two runs of the unchanged program is volatile, and named with its items; nothing else is."""
    before, twin, after = (record(_noisy(shop(seed)).arrived()) for seed in range(3))
    assert {found.column for found in compare(before, after).differences} == {"customDimensions.worker", "data"}
    comparison = compare(before, after, twins=[twin])
    assert comparison.verdict == "equal"
    assert [(row.table, row.column, row.items) for row in comparison.volatile] == [
        ("dependencies", "data", ("audit",)),
        ("traces", "customDimensions.worker", ("order # saved",)),
    ]


def test_noise_hides_nothing_else(record, shop):
    """The same column of other items still counts, and so does another column of the same items."""
    before, twin = (record(_noisy(shop(seed)).arrived()) for seed in range(2))
    run = _noisy(shop(2))
    for item in _of(run, "RemoteDependency", "load"):
        _base(item)["data"] = "SELECT 1"
    for item in _of(run, "Message"):
        _base(item)["properties"]["number"] += "0"
    comparison = compare(before, record(run.arrived()), twins=[twin])
    assert {(row.table, row.column) for row in comparison.open_differences} == {
        ("dependencies", "data"),
        ("traces", "customDimensions.number"),
    }


def test_names_that_are_noise(record, shop):
    """Messages with a random word are noise between twins, wherever they hang."""

    def run(seed):
        made = shop(seed)
        for item in _of(made, "Message"):
            _base(item)["message"] = f"saved as {made.hexadecimal(6)}"
        return record(made.arrived())

    comparison = compare(run(0), run(1), twins=[run(2), run(3)])
    assert comparison.open_differences == ()
    assert comparison.problems == ()


def test_names_of_roots_that_are_noise(record, shop):
    """So are names of what hangs below nothing, in transactions that share nothing."""

    def run(seed):
        made = shop(seed, 0)
        for _ in range(20):
            base = {"message": f"begin {made.hexadecimal(6)}", "severityLevel": 1, "properties": {"region": "west"}}
            made.item("Message", made.hexadecimal(32), None, base)
        return record(made.arrived())

    comparison = compare(run(0), run(1), twins=[run(2)])
    assert (comparison.open_differences, comparison.problems) == ((), ())
    assert {row.column for row in comparison.volatile} == {"message"}


def test_measured_metrics_are_noise(record, shop):
    """Figures of a series that differ between twins say nothing; those of others count."""

    def run(seed, sold=100):
        made = shop(seed)
        made.metric("load", 40 + seed, {})
        made.metric("sold", sold, {})
        return record(made.arrived())

    comparison = compare(run(0), run(1, sold=90), twins=[run(2)])
    assert {(row.table, row.column, row.changes[0].examples) for row in comparison.differences} == {
        ("customMetrics", "valueSum", ("sold",)),
        ("customMetrics", "valueMax", ("sold",)),
    }
    assert {row.items for row in comparison.volatile} == {("load",)}


def test_unstable_twins(record, shop):
    """A program that sends other items each time is not comparable, and an example is named."""
    run = shop(1)
    run.items.remove(_of(run, "Event")[0])
    comparison = compare(record(shop(0).arrived()), record(shop(2).arrived()), twins=[record(run.arrived())])
    assert comparison.verdict == "not comparable"
    (problem,) = comparison.problems
    assert problem.kind == "unstable"
    assert "'checkout' in customEvents" in problem.text


def test_a_sampler_without_a_seed(record, shop):
    """A sampler that keeps other transactions each time is unstable."""

    def run(seed):
        made = shop(seed)
        kept = {item["tags"].get("ai.operation.id") for item in made.items if made.chance.random() < 0.5}
        made.items = [item for item in made.items if item["tags"].get("ai.operation.id") in kept]
        return record(made.arrived())

    assert [problem.kind for problem in compare(run(0), run(1), twins=[run(5)]).problems] == ["unstable"]


def test_order_at_the_same_time(record, shop):
    """Items at the same time have no order: which arrived first says nothing."""
    run = shop(1)
    for item in run.items:
        item["time"] = "2026-11-30T08:00:00.000000Z"
    backwards = run.items[::-1]
    assert compare(record(run.items), record(backwards)).verdict == "equal"
    assert compare(record(shop(0).items), record(backwards)).verdict == "equal"


def test_ids_in_texts(record, shop):
    """An id of an item inside a text stands for the item."""

    def run(seed):
        made = shop(seed)
        for item in _of(made, "Message"):
            tags = item["tags"]
            _base(item)["properties"]["traceparent"] = f"00-{tags['ai.operation.id']}-{tags['ai.operation.parentId']}-01"
        return record(made.arrived())

    assert compare(run(0), run(1)).verdict == "equal"


def test_ids_of_a_caller(record, shop):
    """A trace id that both runs have is the caller's: it tells which transaction is which where all look alike."""

    def run(seed, parents):
        made = shop(seed, 0)
        for number in made.chance.sample(range(20), 20):
            made.span("Request", f"{number + 1:032x}", parents[number], made.hexadecimal(16), name="GET /", responseCode="200")
        return record(made.arrived())

    parents = [f"{number + 100:016x}" for number in range(20)]
    assert compare(run(0, parents), run(1, parents)).verdict == "equal"
    others = [*parents[:5], parents[6], parents[5], *parents[7:]]
    (found,) = compare(run(0, parents), run(1, others)).differences
    assert (found.column, found.rows) == ("operation_ParentId", 2)
    assert (found.changes[0].before, found.changes[0].after) == ("<id of no item here>", "<another id of no item here>")


def test_durations_within_a_tolerance(record, shop):
    """Durations are compared only where a tolerance says how far they may be apart."""
    before, after = record(shop(0).arrived()), record(shop(1).arrived())
    assert compare(before, after, tolerances={"duration": 1.0}).verdict == "equal"
    found = compare(before, after, tolerances={"duration": 0.01}).open_differences
    assert {(row.table, row.column) for row in found} == {("dependencies", "duration"), ("requests", "duration")}


@pytest.mark.parametrize("row", NOT_COMPARED, ids=lambda row: f"{row.table}-{row.column}")
def test_what_is_declared(row):
    """Each column that is never compared is one of the portal's, and says why."""
    tables = TABLES if row.table == "*" else {row.table: TABLES[row.table]}
    assert any(row.column.partition(".")[0] in columns for columns in tables.values())
    assert row.reason
