"""A Flask service under WSGI servers: each item arrives once, under its own request, and none is lost as SIGTERM ends the server."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

_GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "2")
SERVERS = {
    "gunicorn": _GUNICORN,
    "gunicorn with threads": (*_GUNICORN, "--worker-class", "gthread", "--threads", "8"),
    "gunicorn with gevent": (*_GUNICORN, "--worker-class", "gevent"),
    "waitress": (),
}


def _ask(url):
    """Return the status of the answer."""
    try:
        with urllib.request.urlopen(url, timeout=120) as reply:
            reply.read()
            return reply.status
    except urllib.error.HTTPError as error:
        with error:
            return error.status


def _path(number):
    """Return the path of a request; every third answer is a stream."""
    return f"/{'orders' if number % 3 else 'parts'}/{number}"


@pytest.mark.threads_at_exit
@pytest.mark.parametrize("name", SERVERS)
def test_everything_under_its_own_request(start, endpoint, tmp_path, name):
    """Of 200 requests, 50 at a time, spans, log lines and exceptions, also those of responses that are made while they are sent."""
    command = SERVERS[name]
    # waitress ends by the signal without the exit hooks of Python.
    variables = {} if command else {"OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM": "1"}
    arguments = (*command, "--worker-tmp-dir", tmp_path, "flask_shop:app") if command else ("flask_shop.py",)
    server = start(*arguments, **variables)
    url = server.until(lambda: re.search(r"Listening at: (http://[\d.:]+)", server.printed))[1]
    with ThreadPoolExecutor(50) as pool:
        health = pool.submit(_ask, f"{url}/health")
        statuses = list(pool.map(_ask, [f"{url}{_path(number)}" for number in range(200)]))
        assert health.result() == 200
    failing = {number for number in range(200) if number % 10 >= 8 and number % 3}
    assert statuses == [500 if number in failing else 200 for number in range(200)]
    server.end()
    endpoint.wait_idle()
    requests = {int(row["url"].rpartition("/")[2]): row for row in endpoint.rows("requests")}
    assert sorted(requests) == [*range(200)], server.printed
    assert [requests[number]["resultCode"] for number in range(200)] == [str(status) for status in statuses]
    assert {row["name"] for row in requests.values()} == {"GET /orders/<int:number>", "GET /parts/<int:number>"}
    places = {number: (row["operation_Id"], row["id"]) for number, row in requests.items()}
    assert len(set(places.values())) == 200

    def found(table, text):
        rows = ((row[text].splitlines()[0], (row["operation_Id"], row["operation_ParentId"])) for row in endpoint.rows(table))
        return sorted(rows)

    assert found("dependencies", "name") == sorted((f"price {number}", places[number]) for number in range(200))
    lines = [row for row in found("traces", "message") if row[0] != "health"]
    assert lines == sorted((f"request {number}", places[number]) for number in range(200))
    # Flask logs what leaves a view; the record has the exception of its span.
    assert found("exceptions", "outerMessage") == sorted((f"Exception on {_path(number)} [GET]", places[number]) for number in failing)
    (health_line,) = [row for row in endpoint.rows("traces") if row["message"] == "health"]
    assert health_line["operation_ParentId"] is None
