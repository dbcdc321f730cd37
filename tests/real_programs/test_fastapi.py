"""A FastAPI service under real servers: each item arrives once, under its own request, and none is lost as SIGTERM ends the server."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

UVICORN = ("-m", "uvicorn", "--port", "0", "--log-level", "info", "--no-access-log")
GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "2", "--worker-class", "uvicorn.workers.UvicornWorker")


def ask(url):
    """Return the status of the answer."""
    try:
        with urllib.request.urlopen(url, timeout=120) as reply:
            reply.read()
            return reply.status
    except urllib.error.HTTPError as error:
        with error:
            return error.status


def path(number):
    """Return the path of a request: every other one is answered in a thread."""
    return f"/{'thread' if number % 2 else 'task'}/{number}"


@pytest.mark.parametrize(
    ("command", "processes", "count"),
    [(UVICORN, 1, 200), ((*UVICORN, "--workers", "2"), 2, 50), (GUNICORN, 2, 50)],
    ids=["uvicorn", "uvicorn with workers", "gunicorn"],
)
def test_everything_under_its_own_request(start, endpoint, command, processes, count):
    """Of many requests, 50 at a time, calls of both clients, spans, log lines and exceptions."""
    numbers = range(count)
    if "gunicorn" in command:
        pytest.importorskip("uvicorn.workers")
    server = start(*command, "api:app")
    url = server.until(lambda: re.search(r"(?:running on|Listening at:) (http://[\d.:]+)", server.printed))[1]
    server.until(lambda: server.printed.count("Application startup complete") == processes)
    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(ask, [f"{url}{path(number)}" for number in numbers]))
    failing = [number for number in numbers if number % 10 >= 8]
    assert statuses == [500 if number in failing else 200 for number in numbers]
    server.end()
    endpoint.wait_idle()
    requests = {row["name"]: row for row in endpoint.rows("requests")}
    assert sorted(requests) == sorted(f"GET {path(number)}" for number in numbers), server.printed
    assert [requests[f"GET {path(number)}"]["resultCode"] for number in numbers] == [str(status) for status in statuses]
    ids = {number: (requests[f"GET {path(number)}"]["operation_Id"], requests[f"GET {path(number)}"]["id"]) for number in numbers}
    assert len(set(ids.values())) == len(numbers)

    def found(table, text):
        rows = [(row[text], (row["operation_Id"], row["operation_ParentId"])) for row in endpoint.rows(table)]
        return sorted(rows)

    assert found("dependencies", "name") == sorted(
        (name, ids[number]) for number in numbers for name in (f"GET /stock/{number}", f"price {number}")
    )
    assert found("traces", "message") == sorted((f"request {number}", ids[number]) for number in numbers)
    assert found("exceptions", "outerMessage") == sorted((f"no order {number}", ids[number]) for number in failing)
