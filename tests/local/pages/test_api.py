from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pytest

from opencensus_compat.local import LocalEndpoint, transaction
from opencensus_compat.local.filters import Filter, conditions

KEY = "00000000-0000-0000-0000-000000000001"


def _envelope(kind, base, operation=None, parent=None, role="shop", second=0.0):
    tags = {"ai.cloud.role": role}
    if operation:
        tags.update({"ai.operation.id": operation, "ai.operation.parentId": parent or operation})
    return {
        "name": "Microsoft.ApplicationInsights." + kind.removesuffix("Data"),
        "time": f"2023-11-14T22:13:{second:09.6f}Z",
        "iKey": KEY,
        "tags": tags,
        "data": {"baseType": kind, "baseData": {"ver": 2, **base}},
    }


def _request(own, name, success=True, **place):
    base = {"id": own, "name": name, "duration": "00:00:00.100", "responseCode": "200" if success else "500", "success": success}
    return _envelope("RequestData", base, **place)


def _call(own, name, kind="HTTP", target="pay", **place):
    base = {"id": own, "name": name, "duration": "00:00:00.040", "resultCode": "0", "success": True, "type": kind, "target": target}
    return _envelope("RemoteDependencyData", base, **place)


def _metric(name, value, route=None, second=0.0, **point):
    properties = {} if route is None else {"route": route}
    base = {"metrics": [{"name": name, "value": value, **point}], "properties": properties}
    return _envelope("MetricData", base, second=second)


ITEMS = [
    _request("a1", "GET /orders", False, operation="op-1", second=20),
    _call("a2", "POST /charge", operation="op-1", parent="a1", second=20.01),
    _request("b1", "POST /charge", role="pay", operation="op-1", parent="a2", second=20.02),
    _call("b2", "step", "INPROC", "", role="pay", operation="op-1", parent="b1", second=20.03),
    _call("b3", "SELECT", "SQL", "db", role="pay", operation="op-1", parent="b1", second=20.04),
    _envelope("MessageData", {"message": "no such cart", "severityLevel": 2, "properties": {"cart": "c-42"}}, "op-1", "a1", second=20.05),
    _envelope("ExceptionData", {"exceptions": [{"typeName": "KeyError", "message": "c-42", "stack": "…"}]}, "op-1", "a1", second=20.06),
    _request("c1", "GET /health", operation="op-2", second=30),
    _metric("latency", 10, "/a", 20, count=2, min=4, max=6),
    _metric("latency", 30, "/a", 21, count=4, min=5, max=9),
    _metric("latency", 100, "/b", 21, count=1),
    _metric("latency", 8, "/a", 24, count=1),
]


@pytest.fixture
def endpoint():
    """Run an endpoint with pages that has received ``ITEMS``, and one item without a name."""
    with LocalEndpoint(pages=True, clock=lambda: 1700000040.0) as running:
        bad = _request("d1", "x")
        del bad["data"]["baseData"]["id"]
        _post(running.url, [*ITEMS, bad])
        yield running


def _post(url, items):
    """Send items."""
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        connection.request("POST", "/v2.1/track", json.dumps(items))
        return connection.getresponse().read()


def _exchange(url, path, method="GET", body=None, **headers):
    """Return status, headers and body of an answer."""
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()


@pytest.fixture
def ask(endpoint):
    """Return a function that asks the endpoint's pages a question."""

    def answer(question, **query):
        status, _, body = _exchange(endpoint.url, f"/_api/{question}?{urlencode(query)}")
        assert status == 200, body
        return json.loads(body)

    return answer


def test_state_and_events(endpoint, ask):
    """The state is told with the first event, and again, whole, when an item has arrived."""
    told = ask("state")
    assert {key: told[key] for key in ("title", "last", "refused", "comparison")} == {
        "title": "in memory",
        "last": 12,
        "refused": 1,
        "comparison": False,
    }
    assert told["connectionString"] == endpoint.connection_string
    with closing(HTTPConnection(urlsplit(endpoint.url).netloc, timeout=10)) as connection:
        connection.request("GET", "/_api/events")
        stream = connection.getresponse()
        assert stream.headers["Content-Type"] == "text/event-stream"
        first = json.loads(stream.readline().removeprefix(b"data: "))
        assert first == {key: told[key] for key in ("last", "cleared", "tables", "refused", "warnings")}
        _post(endpoint.url, [_request("e1", "GET /late", second=31)])
        stream.readline()
        assert json.loads(stream.readline().removeprefix(b"data: "))["last"] == 13
        endpoint.clear()
        stream.readline()
        assert json.loads(stream.readline().removeprefix(b"data: ")) == {
            **first,
            "last": 0,
            "cleared": 1,
            "refused": 0,
            "warnings": 0,
            "tables": dict.fromkeys(first["tables"], 0),
        }


def test_browsers_do_not_keep_the_endpoint_busy(endpoint):
    """An open page is nothing that anybody waits for, and the end of the endpoint ends it."""
    with closing(HTTPConnection(urlsplit(endpoint.url).netloc, timeout=10)) as connection:
        connection.request("GET", "/_api/events")
        stream = connection.getresponse()
        stream.readline()
        endpoint.wait_idle(5)
        endpoint.stop()
        stream.readline()
        assert stream.read() == b""


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, Filter()),
        ({"table": "traces", "where": "customDimensions.cart=c-42"}, Filter(("traces",), conditions({"customDimensions.cart": "c-42"}))),
        ({"failed": "1"}, Filter(failed=True)),
        ({"text": "charge"}, Filter(text="charge")),
    ],
)
def test_lists_are_those_of_the_terminal(endpoint, ask, query, wanted):
    """A list has the items that `local show` prints for the same filter, and says so in KQL."""
    found = ask("numbers", **query)
    numbers = found.get("numbers") or list(range(found["from"], found["to"] + 1))
    shown = {row["itemId"] for table in endpoint.counts() if wanted.tables in ((), (table,)) for row in _rows_of(endpoint, table, wanted)}
    listed = ask("items", numbers=",".join(map(str, numbers)))["items"]
    assert {item["row"]["itemId"] for item in listed} == shown != set()
    assert found["total"] == len(shown)
    assert found["kql"].endswith("order by timestamp desc")


def _rows_of(endpoint, table, wanted):
    """Return the rows that the terminal shows; a table without the column has none."""
    try:
        return endpoint.select(table, wanted)
    except KeyError:
        return []


def test_an_item(endpoint, ask):
    """An item has its row as the terminal has it, its envelope as sent, and a query that finds it."""
    [row] = endpoint.rows("traces")
    found = ask("item/6")
    assert (found["table"], found["row"], json.loads(found["envelope"])) == ("traces", row, ITEMS[5])
    assert found["kql"] == 'traces\n| where timestamp == datetime(2023-11-14T22:13:20.0500000Z)\n| where operation_Id == "op-1"'
    assert ask("item/1")["kql"] == 'requests\n| where id == "a1"'


def test_an_operation_is_that_of_the_terminal(endpoint, ask):
    """Order, depths, parents and notes are those of `local transaction`."""
    expected = transaction.as_dict(transaction.find(endpoint, "op-1"))
    found = ask("transaction/op-1")
    assert found["operationId"] == "op-1"
    assert [(item["depth"], item["table"], item["parentId"], item["note"], item["row"]["itemId"]) for item in found["items"]] == [
        (item["depth"], item["table"], item["parentId"], item["note"], item["row"]["itemId"]) for item in expected["items"]
    ]
    assert [item["number"] for item in found["items"]] == [1, 2, 3, 4, 5, 6, 7]
    assert found["kql"].splitlines()[1:] == ['| where operation_Id == "op-1"', "| order by timestamp asc"]


def test_operations(ask):
    """The newest come first, with what went wrong."""
    found = ask("operations")["operations"]
    assert [(one["operation_id"], one["name"], one["success"]) for one in found] == [
        ("op-2", "GET /health", True),
        ("op-1", "GET /orders", False),
    ]
    assert ask("operations", before=found[0]["last_number"])["operations"] == found[1:]


def test_a_metric_is_drawn_as_the_portal_draws_it(ask):
    """An average is that of the values, not of the points; an interval without points is no zero."""
    [listed] = ask("metrics")["metrics"]
    assert (listed["name"], listed["points"], listed["dimensions"], listed["cumulative"]) == ("latency", 4, ["route"], False)
    whole = ask("metric", table="customMetrics", name="latency", grain=1)
    [line] = whole["series"]
    assert whole["times_s"] == [1700000000, 1700000001, 1700000002, 1700000003, 1700000004]
    assert line["sum"] == [10, 130, None, None, 8]
    assert line["count"] == [2, 5, None, None, 1]
    assert line["avg"] == [5, 26, None, None, 8]
    assert (line["min"], line["max"]) == ([4, 5, None, None, 8], [6, 100, None, None, 8])
    split = ask("metric", table="customMetrics", name="latency", by="route", grain=1)
    assert {one["value"]: one["sum"] for one in split["series"]} == {"/a": [10, 30, None, None, 8], "/b": [None, 100, None, None, None]}
    assert "sum(valueSum) / sum(valueCount)" in split["kql"]


@pytest.mark.parametrize(("values", "cumulative"), [((1, 2, 5), True), ((5, 2, 9), False), ((3, 3, 3), False), ((1, 2), False)])
def test_cumulative_values_are_recognised(values, cumulative):
    """Values of a series that grow, and never fall, seem to include those before; a constant, or a few, say nothing."""
    with LocalEndpoint(pages=True, clock=lambda: 1700000040.0) as endpoint:
        _post(endpoint.url, [_metric("orders", value, "/a", second) for second, value in enumerate(values)])
        [found] = json.loads(_exchange(endpoint.url, "/_api/metrics")[2])["metrics"]
    assert found["cumulative"] is cumulative


def test_the_map(ask):
    """Roles call each other where the ids say so; steps inside a role are no calls; counts are those of the tables."""
    found = ask("map")
    places = [(place["kind"], place["name"]) for place in found["places"]]
    assert {place["name"]: (place["calls"], place["failed"], place["exceptions"]) for place in found["places"] if "calls" in place} == {
        "shop": (2, 1, 1),
        "pay": (1, 0, 0),
    }
    assert {(places[one["from"]], places[one["to"]], one["calls"], one["p50"], one["p95"]) for one in found["calls"]} == {
        (("role", "shop"), ("role", "pay"), 1, 40.0, 40.0),
        (("role", "pay"), ("SQL", "db"), 1, 40.0, 40.0),
    }


def test_problems(ask):
    """A refused item is shown as it was sent, with what was wrong."""
    [found] = ask("problems")["refused"]
    assert found["status"] == 400
    assert "Field 'id' on type 'RequestData'" in found["message"]
    assert json.loads(found["envelope"])["data"]["baseData"]["name"] == "x"
    assert found["path"] == "$.data.baseData"


@pytest.mark.parametrize(
    ("question", "status", "said"),
    [
        ("nonsense", 404, "no such question: nonsense"),
        ("item/99", 404, "nothing is here: item/99"),
        ("item/x", 400, "invalid literal"),
        ("transaction/absent", 404, "nothing is here"),
        ("numbers?where=colour=red", 400, "no table has a column 'colour'"),
        ("items?numbers=" + ",".join(map(str, range(501))), 400, "expected at most 500 numbers, got 501"),
        ("metric?table=requests&name=x", 400, "expected a table of metrics"),
        ("comparison", 404, "nothing is here"),
    ],
)
def test_questions_without_an_answer(endpoint, question, status, said):
    """They are told why."""
    found, _, body = _exchange(endpoint.url, f"/_api/{question}")
    assert (found, said in json.loads(body)["error"]) == (status, True)


PATHS = ["/", "/_ui/", "/_ui/app.js", "/_api/state", "/_api/events", "/_api/nonsense"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=str,
)
def test_other_sites_get_nothing(endpoint, path, headers):
    """Whatever a page of another site asks for, or a name that was bound to this machine, the answer is 403."""
    status, replied, body = _exchange(endpoint.url, path, **headers)
    assert status == 403
    assert "default-src 'none'" in replied["Content-Security-Policy"]
    assert b"op-1" not in body


@pytest.mark.parametrize("path", PATHS[:4])
def test_every_answer_is_guarded(endpoint, path):
    """No script but the pages' own runs in them, no other site shows them, nothing keeps them."""
    _, headers, _ = _exchange(endpoint.url, path)
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["connect-src"], policy["frame-ancestors"]) == (
        "'none'",
        "'self'",
        "'self'",
        "'none'",
    )
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"], headers["Cache-Control"]) == (
        "nosniff",
        "no-referrer",
        "no-store",
    )


def test_a_change_needs_a_header(endpoint):
    """A form of another page cannot send JSON without being asked first."""
    assert _exchange(endpoint.url, "/_api/accept", "POST", "{}")[0] == 403
    assert _exchange(endpoint.url, "/_api/accept", "POST", "{}", Content_Type="application/json")[0] == 404
    for method in ("PUT", "DELETE", "OPTIONS"):
        assert _exchange(endpoint.url, "/_api/state", method, Content_Type="application/json")[0] == 405


@pytest.mark.parametrize(
    "path", ["/_ui/../api.py", "/_ui/%2e%2e/api.py", "/_ui//etc/passwd", "/_ui/vendor/README.md", "/_ui/vendor/../../api.py"]
)
def test_only_files_of_the_pages_are_served(endpoint, path):
    """No path leads out of the folder."""
    assert _exchange(endpoint.url, path)[0] == 404


def test_without_pages_there_are_none():
    """An endpoint for tests serves none."""
    with LocalEndpoint() as endpoint:
        assert endpoint.pages_url is None
        assert [_exchange(endpoint.url, path)[0] for path in ("/", "/_ui/", "/_api/state")] == [404, 404, 404]
