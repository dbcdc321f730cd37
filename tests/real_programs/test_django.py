"""A Django project with the logging of the product's documentation."""

from __future__ import annotations

import signal
import socket
import urllib.error
import urllib.request

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
