"""The order of what follows on each other below one parent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from opencensus_compat.compare import compare


def _request(run, *calls, name="GET /"):
    """Make a request with calls below it: name, milliseconds until the next one begins, and milliseconds that it takes."""
    trace, request = run.hexadecimal(32), run.hexadecimal(16)
    run.span("Request", trace, None, request, name=name, responseCode="200")
    for call, next_ms, takes_ms in calls:
        run.span("RemoteDependency", trace, request, run.hexadecimal(16), name=call, resultCode="0")
        run.items[-1]["data"]["baseData"]["duration"] = f"0.00:00:00.{takes_ms:03d}"
        run.moment += timedelta(milliseconds=next_ms)


def _in_order(*names):
    return [(name, 20, 10) for name in names]


def _at_once(*names):
    return [(name, 2, 50) for name in names]


@pytest.fixture
def comparing(record, shop):
    """Return what compares runs of requests, and returns what differs: column, and the texts before and after."""

    def compared(before, after, twins=()):
        files = []
        for seed, requests in enumerate((before, after, *twins)):
            run = shop(seed, 0)
            for calls in requests:
                _request(run, *calls)
            files.append(record(run.arrived()))
        found = compare(*files[:2], twins=files[2:]).open_differences
        return {(each.column, change.before, change.after, change.count) for each in found for change in each.changes}

    return compared


_SWAPPED = ("timestamp", "<after dependencies 'load'>", "<before dependencies 'load'>")


@pytest.mark.parametrize("requests", [1, 5])
def test_calls_that_change_places(comparing, requests):
    """What followed on each other and is the other way round now differs, once in each transaction."""
    before, after = [_in_order("load", "save", "audit")] * requests, [_in_order("save", "load", "audit")] * requests
    assert comparing(before, after) == {(*_SWAPPED, requests)}


def test_one_of_many(comparing):
    """Where the order was always the same, one transaction with another order is a difference."""
    before = [_in_order("load", "save")] * 5
    assert comparing(before, [*before[1:], _in_order("save", "load")]) == {(*_SWAPPED, 1)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([_at_once("load", "save")], [_at_once("save", "load")], id="at the same time"),
        pytest.param([_in_order("load", "save")], [_at_once("save", "load")], id="at the same time after"),
        pytest.param([_in_order("load", "save"), _in_order("save", "load")], [_in_order("save", "load")] * 2, id="in either order"),
        pytest.param([_in_order("a", "b", "a", "b")], [_in_order("b", "a", "b", "a")], id="again and again"),
        pytest.param([_in_order("load", "save")] * 2, [_in_order("load", "save"), _in_order("save", "load")], id="too few to be sure"),
    ],
)
def test_concurrent_calls(comparing, before, after):
    """Where items overlap, or their order is no rule, it says nothing."""
    assert comparing(before, after) == set()


def test_order_that_differs_between_twins(comparing):
    """What another run of the same program does in another order has none."""
    load_first, save_first = [_in_order("load", "save")], [_in_order("save", "load")]
    assert comparing(load_first, save_first, [save_first]) == set()
    assert comparing(load_first, save_first, [load_first]) == {(*_SWAPPED, 1)}
