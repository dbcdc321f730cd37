"""A Django project with the logging of the product's documentation."""

from __future__ import annotations

import re
import signal
import socket
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"


@pytest.fixture
def project(start, endpoint):
    """Return a function that starts a program of the project."""

    def run(*arguments):
        return start(*arguments, SHOP_CONNECTION_STRING=endpoint.connection_string)

    return run


def _ask(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=120) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.fixture
def port():
    """A port for a server that allows its address to be reused, and for nobody else as long as the test runs."""
    with socket.socket() as holding:
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holding.bind(("127.0.0.1", 0))
        yield holding.getsockname()[1]


def _interrupt(pid, number):
    """Interrupt the server itself: its reloader gives it a quarter of a second after a Ctrl+C of its own, and kills it then."""
    for process in psutil.Process(pid).children() or [psutil.Process(pid)]:
        process.send_signal(number)


def _listens(port):
    with socket.socket() as asking:
        return not asking.connect_ex(("127.0.0.1", port))


def _check(endpoint):
    """Compare what arrived: records and exceptions hang below their requests."""
    endpoint.wait_idle()
    (shown, broken) = sorted(endpoint.rows("requests"), key=lambda row: row["resultCode"])
    assert [(row["name"], row["resultCode"]) for row in (shown, broken)] == [("GET orders/<int:number>", "200"), ("GET broken", "500")]
    (message,) = endpoint.rows("traces")
    assert (message["message"], message["severityLevel"], message["customDimensions"]["order"]) == ("order 7 shown", 1, "7")
    assert (message["operation_Id"], message["operation_ParentId"]) == (shown["operation_Id"], shown["id"])
    (error,) = endpoint.rows("exceptions")
    assert (error["type"], error["severityLevel"]) == ("LookupError", 3)
    assert error["outerMessage"].startswith("Internal Server Error: /broken\nTraceback")
    assert (error["operation_Id"], error["operation_ParentId"]) == (broken["operation_Id"], broken["id"])
    return shown, broken


@pytest.mark.parametrize("arguments", [("--noreload",), ()], ids=["one process", "with the reloader"])
def test_runserver(project, endpoint, port, arguments):
    """The development server starts, answers, ends when it is interrupted, and everything has arrived."""
    server = project("manage.py", "runserver", *arguments, f"127.0.0.1:{port}")
    server.until(lambda: "Quit the server" in server.printed)
    url = f"http://127.0.0.1:{port}"
    server.until(lambda: _listens(port))
    assert _ask(f"{url}/orders/7", traceparent=f"00-{TRACE}-{CALLER}-01") == 200
    assert _ask(f"{url}/broken") == 500
    status, took_s = server.end(signal.SIGINT, _interrupt)
    assert status == 0
    assert took_s < 20
    shown, _ = _check(endpoint)
    assert (shown["operation_Id"], shown["operation_ParentId"]) == (TRACE, CALLER)
    assert f"INFO shop.urls {TRACE} order 7 shown" in server.printed


def test_test_client(project, endpoint):
    """So it does from a project's own tests."""
    program = project("client.py")
    assert program.wait() == 0, program.printed
    assert "[200, 500]" in program.printed
    _check(endpoint)


def test_management_commands(project, endpoint):
    """A command that logs nothing sends nothing and leaves at once."""
    program = project("manage.py", "check")
    assert program.wait() == 0, program.printed
    assert endpoint.requests == []


SERVERS = {
    "runserver": ("manage.py", "runserver", "127.0.0.1:{port}"),
    "gunicorn": ("-m", "gunicorn", "--worker-class", "gthread", "--threads", "8", "--bind", "127.0.0.1:{port}", "shop.wsgi"),
    "uvicorn": ("-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "shop.asgi:application"),
}


@pytest.mark.parametrize("server", SERVERS)
def test_two_hundred_requests_at_once(start, endpoint, port, tmp_path, server):
    """OpenCensus's middleware: each request has its own query, span, record and exception, and a SIGTERM loses none."""
    arguments = [argument.format(port=port) for argument in SERVERS[server]]
    variables = {"DJANGO_SETTINGS_MODULE": "shop.census_settings", "SHOP_DATABASE": str(tmp_path / "shop.sqlite3")}
    # uvicorn kills itself by the signal that has stopped it.
    variables["OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM"] = "1"
    running = start(*arguments, SHOP_CONNECTION_STRING=endpoint.connection_string, **variables)
    running.until(lambda: _listens(port))
    ways = ("orders", "later", "parts")

    def ask(number):
        return _ask(f"http://127.0.0.1:{port}/{ways[number % 3]}/{number}")

    with ThreadPoolExecutor(50) as pool:
        health = pool.submit(_ask, f"http://127.0.0.1:{port}/health")
        answers = dict(enumerate(pool.map(ask, range(200))))
        assert health.result() == 200
    failed = {number for number in range(200) if number % 10 == 0 and number % 3 != 2}
    assert answers == {number: 500 if number in failed else 200 for number in range(200)}
    # The development server knows Ctrl+C alone.
    running.end(*((signal.SIGINT, _interrupt) if server == "runserver" else ()))
    assert "Logging error" not in running.printed
    endpoint.wait_idle()
    requests = {row["id"]: row for row in endpoint.rows("requests")}
    numbers = {key: int(row["url"].rpartition("/")[2]) for key, row in requests.items()}
    assert sorted(numbers.values()) == [*range(200)]
    assert {numbers[key] for key, row in requests.items() if row["resultCode"] == "500"} == failed
    dependencies = endpoint.rows("dependencies")
    prices = {row["id"]: row for row in dependencies if row["name"].startswith("price ")}
    assert _misplaced(prices.values(), numbers, lambda row: row["name"]) == []
    assert len(prices) == 200
    queries = [row for row in dependencies if row["id"] not in prices]
    inside = {key: numbers[row["operation_ParentId"]] for key, row in prices.items()}
    assert _misplaced(queries, inside, lambda row: row["customDimensions"]["db.statement"]) == []
    assert len(queries) == 200
    records = endpoint.rows("traces")
    assert _misplaced(records, inside, lambda row: row["message"].rpartition(" ")[0]) == []
    assert len(records) == 200
    errors = endpoint.rows("exceptions")
    assert _misplaced(errors, numbers, lambda row: row["outerMessage"]) == []
    assert len(errors) == len(failed)
    assert len({row["operation_Id"] for row in requests.values()}) == 200


def _misplaced(rows, numbers, text):
    """Return the rows whose text does not end with the number of what is around them."""
    return [row for row in rows if not re.search(rf"\D{numbers.get(row['operation_ParentId'])}$", text(row))]


def test_celery(start, endpoint, messages, tmp_path):
    """Workers of the same project send records and spans once each; queries are traced where the middleware is, as in OpenCensus."""
    queue = tmp_path / "queue"
    queue.mkdir()
    variables = {"QUEUE": str(queue), "SHOP_DATABASE": str(tmp_path / "shop.sqlite3"), "SHOP_CONNECTION_STRING": endpoint.connection_string}
    options = "--pool prefork --concurrency 2 --without-gossip --without-mingle --without-heartbeat --loglevel WARNING"
    worker = start("-m", "celery", "--app", "shop.jobs", "worker", *options.split(), **variables)
    client = start("-m", "shop.jobs", "6", **variables)
    assert client.wait() == 0, client.printed
    worker.until(lambda: len(list(queue.glob("*.done"))) == 6)
    status, _ = worker.end()
    assert status == 0, worker.printed
    assert messages() == {f"job {number} done": 1 for number in range(6)}
    spans = {row["id"]: row["name"] for row in endpoint.rows("dependencies")}
    assert sorted(spans.values()) == [f"job {number}" for number in range(6)]
    assert _misplaced(endpoint.rows("traces"), spans, lambda row: f".{row['message'].removesuffix(' done')}") == []
