"""Two recordings, and what differs between them."""

from __future__ import annotations

from opencensus_compat.compare import compare


def test_a_program_against_itself(record, shop):
    """Fifty runs that differ in ids, times, durations and order of arrival are equal."""
    first = record(shop(0).arrived())
    found = [compare(first, record(shop(seed).arrived())) for seed in range(1, 51)]
    assert {comparison.verdict for comparison in found} == {"equal"}
    assert {change.before for change in found[0].tables} == {change.after for change in found[0].tables}


def test_counts_are_those_of_the_portal(record, shop):
    """A sampled item counts as often as the sampler left one out."""
    (dependencies,) = [row for row in compare(record(shop(0).arrived()), record(shop(1).arrived())).tables if row.table == "dependencies"]
    assert (dependencies.before, dependencies.rows_before) == (20 * (1 + 1 + 4), 60)


def test_empty_against_empty(record):
    """Nothing is not the same as nothing: it is no comparison."""
    comparison = compare(record([]), record([]))
    assert comparison.verdict == "not comparable"
    assert [problem.kind for problem in comparison.problems] == ["empty", "empty"]


def test_refused_items(record, shop):
    """Where items were refused, what arrived is not what the program sent."""
    comparison = compare(record(shop(0).arrived()), record(shop(1).arrived(), refused=["103: no name"]))
    assert [problem.kind for problem in comparison.problems] == ["refused"]
    assert "103: no name" in comparison.problems[0].text


def test_the_same_below_each_of_many(record, shop):
    """Items that are the same belong to the parent that tells itself apart, whatever thread was first."""
    runs = [shop(seed, 0) for seed in (0, 1)]
    for run in runs:
        trace, top = run.hexadecimal(32), run.hexadecimal(16)
        run.span("Request", trace, None, top, name="all")
        jobs = [(number, run.hexadecimal(16)) for number in range(12)]
        for number, job in jobs:
            run.span("RemoteDependency", trace, top, job, name=f"job {number}")
        run.chance.shuffle(jobs)
        for _, job in jobs:
            run.span("RemoteDependency", trace, job, run.hexadecimal(16), name="save")
    assert compare(*(record(run.arrived()) for run in runs)).open_differences == ()


def test_long_texts(record, shop):
    """Of long texts the place is shown in which they part."""
    runs = [shop(seed, 0) for seed in (0, 1)]
    for run, end in zip(runs, "ab", strict=True):
        run.item("Message", None, None, {"message": "m", "properties": {"long": "x" * 5000 + end + "y" * 1000}})
    (found,) = compare(*(record(run.arrived()) for run in runs)).open_differences
    assert [(change.before, change.after) for change in found.changes] == [
        tuple("…" + "x" * 40 + end + "y" * 259 + "… (6001 characters)" for end in "ab")
    ]


def test_releases_of_python_mark_tracebacks_otherwise(record, shop):
    """Of a frame its first line of code counts; the marks below it, and further lines of the statement, are the interpreter's."""
    runs = [shop(seed, 0) for seed in (0, 1)]
    for run, marks in zip(runs, ("", '\n        "kettle",\n        ^^^^^^^^^\n    )\n    ^'), strict=True):
        text = f'no kettle\nTraceback (most recent call last):\n  File "a.py", line 1, in <module>\n    reserve({marks}\nKeyError: "kettle"'
        run.item("Message", None, None, {"message": text, "properties": {}})
    assert compare(*(record(run.arrived()) for run in runs)).open_differences == ()


def test_an_exception_of_another_type_in_the_same_place(record, shop):
    """It is the same item, also where no tag of the process is the same."""
    runs = [shop(seed, 0) for seed in (0, 1)]
    stack = [{"level": 0, "method": "load", "fileName": "orders.py", "line": 28, "assembly": "a"}]
    for run, name in zip(runs, ("KeyError", "OutOfStock"), strict=True):
        trace, request = run.hexadecimal(32), run.hexadecimal(16)
        run.span("Request", trace, None, request, name="load")
        details = {"typeName": name, "message": f"of {name}", "hasFullStack": True, "stack": f"stack of {name}", "parsedStack": stack}
        run.item("Exception", trace, request, {"exceptions": [details], "severityLevel": 3, "properties": {"type": name}})
        run.items[-1]["tags"]["ai.device.locale"] = name
    assert not [found for found in compare(*(record(run.arrived()) for run in runs)).open_differences if found.column == "row"]


def test_a_request_that_changed_is_known_by_what_is_below_it(record, shop):
    """A failed request with another name and little of its content is the same one where its exception is."""
    runs = []
    for seed, route, columns in ((1, "GET /orders/7", {"error": "a"}), (2, "GET orders/<int:n>", {"flavor": "b", "peer": "c"})):
        run = shop(seed, orders=0)
        trace, request = run.hexadecimal(32), run.hexadecimal(16)
        run.span("Request", trace, None, request, name=route, responseCode=str(seed), url=f"http://{seed}", properties=columns)
        details = {"typeName": "KeyError", "message": "no 7", "hasFullStack": True, "parsedStack": [], "id": 1}
        run.item("Exception", trace, request, {"exceptions": [details], "severityLevel": 3, "properties": {}})
        runs.append(record(run.arrived()))
    found = compare(*runs)
    assert ("name", "GET /orders/7", "GET orders/<int:n>") in [
        (difference.column, change.before, change.after)
        for difference in found.differences
        if difference.table == "requests"
        for change in difference.changes
    ]
