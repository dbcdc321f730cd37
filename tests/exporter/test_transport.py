"""One exchange over real loopback HTTP."""

from __future__ import annotations

import functools
import gc
import gzip
import http.client
import http.server
import os
import socket
import threading
import time
import tracemalloc
import zlib
from functools import lru_cache

import pytest
from opentelemetry import context

from appinsights_exporter.delivery import connections, proxies
from appinsights_exporter.delivery.transport import MAX_REPLY_BYTES, HttpTransport, Reply, SendError

BODY = gzip.compress(b"[]")
CLOSED_PORT = 9
"""Nobody offers the discard service any more; a port that was free a moment ago may be somebody's by now."""


class Server:
    """A server that notes requests and answers from a function of the handler."""

    def __init__(self):
        self.requests = []
        self.connections = 0
        self.answer = lambda handler: reply(handler, 200, b"{}")
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                outer.connections += 1
                super().setup()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.requestline, dict(self.headers.items()), body))
                outer.answer(self)

            def log_message(self, *args):
                """Print nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._server.handle_error = lambda *_: None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v2.1/track"

    def close(self):
        """Stop it."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


def reply(handler, status, body=b"", **headers):
    """Answer with a whole reply."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def server():
    """A server for one test."""
    made = Server()
    yield made
    made.close()


@pytest.fixture
def transport(server, monkeypatch):
    """A transport to the server, away from the machine's proxies."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = HttpTransport(server.url)
    yield made
    made.close()


@pytest.fixture(params=["first", "later"])
def either(request, server, transport):
    """A transport before its first exchange, which finds the way, and after it."""
    if request.param == "later":
        assert transport.send(BODY, {}, 60).status == 200
        server.requests.clear()
    return transport


def test_request(server, either):
    """The body arrives as it is, with our headers and a short constant agent."""
    made = either.send(BODY, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 60)
    ((line, headers, body),) = server.requests
    assert (made.status, made.body, made.error) == (200, b"{}", None)
    assert (line, body) == ("POST /v2.1/track HTTP/1.1", BODY)
    assert headers["User-Agent"] == "census-compat"
    assert headers["Accept"] == "application/json"
    assert headers["Content-Encoding"] == "gzip"


def test_later_exchanges_are_like_the_first(server, transport):
    """What is sent does not depend on whether the way was known."""
    for _ in range(3):
        transport.send(BODY, {"Content-Type": "application/json"}, 60)
    first, second, third = server.requests
    assert first == second == third


@pytest.fixture
def looks(monkeypatch):
    """The URLs for which it is found out whether there is a proxy."""
    found, real = [], proxies.proxy_for
    monkeypatch.setattr(proxies, "proxy_for", lambda url, given: found.append(url) or real(url, given))
    return found


def test_the_way_is_found_out_once(server, transport, looks):
    """While the environment stays the same and nothing goes wrong, a known way is taken; after an error it is found out anew."""
    for _ in range(3):
        transport.send(BODY, {}, 60)
    assert len(looks) == 1
    server.answer = reset
    assert transport.send(BODY, {}, 60).error.kind == "reply"
    server.answer = lambda handler: reply(handler, 200, b"{}")
    assert transport.send(BODY, {}, 60).status == 200
    assert len(looks) == 2


def test_the_way_is_found_out_again_after_a_minute(server, looks):
    """What the operating system is set to, which nobody announces, counts after a minute at the latest."""
    now_s = [0.0]
    made = HttpTransport(server.url, clock=lambda: now_s[0])
    found = []
    for now_s[0] in (0.0, 30.0, 59.0, 61.0, 62.0):
        made.send(BODY, {}, 60)
        found.append(len(looks))
    made.close()
    assert found == [1, 1, 1, 2, 2]


@pytest.mark.parametrize("at", ["adapters.HTTPAdapter.send", "Session.send", "Session.request", "sessions.Session.request", "api.request"])
def test_what_intercepts_requests_gets_the_exchange(server, transport, monkeypatch, at):
    """What replaces a step of `requests.post`, as responses, requests-mock and patches by hand do, sees telemetry, as with the retired exporter."""
    import requests

    def sent(*args, **given):
        # A prepared request, or what one would be made of.
        prepared = next((each for each in args if isinstance(each, requests.PreparedRequest)), None)
        seen.append((given.get("url", args[-1]), given["data"]) if prepared is None else (prepared.url, prepared.body))
        response = requests.Response()
        response.status_code, response._content = 200, b'{"itemsAccepted": 1}'
        return response

    seen = []
    assert transport.send(BODY, {}, 60).status == 200
    monkeypatch.setattr(f"requests.{at}", sent)
    reply = transport.send(gzip.compress(b"[]"), {}, 60)
    assert (reply.status, reply.body, seen, len(server.requests)) == (200, b'{"itemsAccepted": 1}', [(server.url, "[]")], 1)


@pytest.mark.parametrize("at", ["HTTPConnectionPool.urlopen", "HTTPConnectionPool._make_request", "HTTPConnectionPool.ConnectionCls"])
def test_what_intercepts_urllib3_gets_the_exchange(server, transport, monkeypatch, at):
    """What replaces a step of urllib3's below that, as VCR.py does, sees telemetry, also once a connection is kept."""

    def refuse(*args, **given):
        seen.append(at)
        raise OSError

    seen = []
    assert transport.send(BODY, {}, 60).status == 200
    monkeypatch.setattr(f"urllib3.connectionpool.{at}", refuse)
    assert transport.send(gzip.compress(b"[]"), {}, 60).error is not None
    monkeypatch.undo()
    assert transport.send(BODY, {}, 60).status == 200
    assert (seen, len(server.requests)) == ([at], 2)


def test_a_class_of_connections_that_a_test_replaces_does_not_stay(server, run_program):
    """A first export while a test has replaced the standard library's connections fails, and the next one is sent."""
    printed = run_program(
        f"""
        from unittest import mock
        from appinsights_exporter.delivery.transport import HttpTransport

        transport = HttpTransport({server.url!r})
        with mock.patch("http.client.HTTPConnection"):
            print(transport.send(b"[]", {{}}, 60).error is not None)
        print(transport.send(b"[]", {{}}, 60).status)
        transport.close()
        """
    )
    assert printed == "True\n200\n"


def test_what_instruments_requests_is_not_in_the_way(server, transport, monkeypatch):
    """A wrapper that names the function that it wraps, as instrumentations do, intercepts nothing."""
    import requests

    real = requests.adapters.HTTPAdapter.send

    @functools.wraps(real)
    def traced(*args, **kwargs):
        return real(*args, **kwargs)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", traced)
    assert transport.send(BODY, {}, 60).status == 200
    assert server.requests[0][2] == BODY


def test_neither_requests_nor_urllib3_is_loaded(server, run_program):
    """Where there is no proxy, an exchange needs neither: they would take half of the time until the first one, and 7 MiB."""
    printed = run_program(
        f"""
        import sys
        from appinsights_exporter.delivery.transport import HttpTransport

        transport = HttpTransport({server.url!r})
        print(transport.send(b"[]", {{}}, 60).status, {{"requests", "urllib3"}} & set(sys.modules))
        transport.close()
        """
    )
    assert printed == "200 set()\n"


@pytest.fixture
def elsewhere(server, monkeypatch):
    """A URL of another machine that leads to the server: an address that only proxies know would be none for later exchanges."""
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest: real("127.0.0.1" if host == "elsewhere.test" else host, *rest))
    return server.url.replace("127.0.0.1", "elsewhere.test")


def test_a_proxy_that_appears_later(elsewhere, transport, monkeypatch):
    """A proxy that the program sets in its environment while it runs is used from the next exchange on."""
    assert transport.send(BODY, {}, 60, url=elsewhere).status == 200
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{CLOSED_PORT}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert transport.send(BODY, {}, 60, url=elsewhere).error.kind == "connect"
    monkeypatch.delenv("http_proxy")
    assert transport.send(BODY, {}, 60, url=elsewhere).status == 200


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_trusted_certificates_that_nobody_needs(server, transport, monkeypatch, tmp_path, variable):
    """Where the environment names a file of them that is not there, an endpoint without TLS, as of a sidecar, is reached all the same."""
    monkeypatch.setenv(variable, str(tmp_path / "nowhere.pem"))
    assert transport.send(BODY, {}, 60).status == 200
    assert len(server.requests) == 1


def test_connection_is_kept(server, transport):
    """Several exchanges use one connection."""
    for _ in range(3):
        assert transport.send(BODY, {}, 60).status == 200
    assert (len(server.requests), server.connections) == (3, 1)


def test_a_kept_connection_that_the_server_has_ended(server, transport):
    """What the server ended while nothing was sent costs no exchange: the next one has a connection of its own."""
    ended = threading.Event()

    def answer(handler):
        reply(handler, 200, b"{}")
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)
        ended.set()

    server.answer = answer
    for connections_so_far in (1, 2, 3):
        assert transport.send(BODY, {}, 60).status == 200
        assert ended.wait(60)
        ended.clear()
        assert server.connections == connections_so_far


@pytest.mark.parametrize(("path", "line"), [("/a b/é?c=d e", "/a%20b/%C3%A9?c=d%20e"), ("/%20?x=%C3%A9#z", "/%20?x=%C3%A9"), ("", "/")])
def test_what_the_request_line_names(server, transport, path, line):
    """Characters that no request line may have are encoded, those that are encoded stay, and a fragment is nobody's."""
    assert transport.send(BODY, {}, 60, url=server.url.replace("/v2.1/track", path)).status == 200
    assert server.requests[0][0] == f"POST {line} HTTP/1.1"


def test_the_last_dot_of_a_host(server, transport, monkeypatch):
    """It keeps the resolver from other domains, and is not part of the name that the server is told."""
    asked, real = [], socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest: asked.append(host) or real("127.0.0.1", *rest))
    assert transport.send(BODY, {}, 60, url=server.url.replace("127.0.0.1", "elsewhere.test.")).status == 200
    assert (asked, server.requests[0][1]["Host"].partition(":")[0]) == (["elsewhere.test."], "elsewhere.test")


def test_headers_of_one_name(server, transport):
    """Two headers of one name are one, with a comma between."""
    server.answer = lambda handler: (handler.send_response_only(200), handler.send_header("Retry-After", "7"), reply_with(handler))

    def reply_with(handler):
        handler.send_header("retry-after", "8")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    assert transport.send(BODY, {}, 60).headers["retry-after"] == "7, 8"


def test_close_and_use_again(server, transport):
    """After close the transport opens a new connection."""
    transport.send(BODY, {}, 60)
    transport.close()
    transport.close()
    assert transport.send(BODY, {}, 60).status == 200
    assert server.connections == 2


def test_headers_come_back_in_lower_case(server, either):
    """Headers of the reply are found whatever their case was."""
    server.answer = lambda handler: reply(handler, 503, b"", Retry_After="7")
    made = either.send(BODY, {}, 60)
    assert (made.status, made.headers["retry-after"]) == (503, "7")


def test_redirects_are_not_followed(server, either):
    """A redirect is a reply like any other."""
    server.answer = lambda handler: reply(handler, 307, b"", Location="/elsewhere")
    made = either.send(BODY, {}, 60)
    assert (made.status, made.headers["location"], len(server.requests)) == (307, "/elsewhere", 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_have_bodies(server, either, status):
    """The body of a redirect is read like that of any reply, and no further."""
    server.answer = lambda handler: reply(handler, status, b"<a>there</a>", Location="/elsewhere")
    made = either.send(BODY, {}, 60)
    assert (made.error, made.status, made.body, len(server.requests)) == (None, status, b"<a>there</a>", 1)
    bomb, encoding = bomb_of(("gzip", "gzip"))
    server.answer = lambda handler: reply(handler, status, bomb, Location="/elsewhere", Content_Encoding=encoding)
    assert len(either.send(BODY, {}, 60).body) == MAX_REPLY_BYTES


def test_other_address(server, transport):
    """One request may go elsewhere."""
    assert transport.send(BODY, {}, 60, url=server.url.replace("v2.1/track", "other")).status == 200
    assert server.requests[0][0] == "POST /other HTTP/1.1"


def test_cookies_are_not_kept(server, transport):
    """What the server sets does not come back."""
    server.answer = lambda handler: reply(handler, 200, b"", Set_Cookie="a=b; Path=/")
    transport.send(BODY, {}, 60)
    transport.send(BODY, {}, 60)
    assert "Cookie" not in server.requests[1][1]


def test_netrc_is_not_read(server, transport, monkeypatch, tmp_path):
    """A password in the user's netrc file is not sent to the endpoint, and a header of ours stays."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    transport.send(BODY, {}, 60)
    transport.send(BODY, {"Authorization": "Bearer t"}, 60)
    assert [headers.get("Authorization") for _, headers, _ in server.requests] == [None, "Bearer t"]


def test_long_replies_are_cut(server, either):
    """No more than the limit is kept, and the next exchange is not disturbed by the rest."""
    server.answer = lambda handler: reply(handler, 400, b"x" * (3 * MAX_REPLY_BYTES))
    assert len(either.send(BODY, {}, 60).body) == MAX_REPLY_BYTES
    server.answer = lambda handler: reply(handler, 200, b"{}")
    made = either.send(BODY, {}, 60)
    assert (made.status, made.body) == (200, b"{}")


def test_compressed_replies(server, either):
    """A gzipped reply is decoded, and a bomb does not explode."""
    server.answer = lambda handler: reply(handler, 200, gzip.compress(b"{}"), Content_Encoding="gzip")
    assert either.send(BODY, {}, 60).body == b"{}"
    server.answer = lambda handler: reply(handler, 200, gzip.compress(b"0" * 50_000_000), Content_Encoding="gzip")
    assert len(either.send(BODY, {}, 60).body) == MAX_REPLY_BYTES


def layered(body, *names):
    """Return a body encoded over and over, and what that is called."""
    for name in names:
        if "gzip" in name:
            body = gzip.compress(body)
        else:
            packer = zlib.compressobj(wbits=-15 if name == "deflate" else 15)
            body = packer.compress(body) + packer.flush()
    return body, ", ".join(name.replace("zlib", "deflate") for name in names)


@lru_cache
def bomb_of(names):
    """Return a body that becomes large, encoded."""
    return layered(b"0" * 40_000_000, *names)


LAYERS = [("gzip", "gzip"), ("gzip", "deflate"), ("zlib", "x-gzip", "gzip"), ("deflate",)]


@pytest.mark.parametrize("names", LAYERS, ids=map("+".join, LAYERS))
def test_replies_encoded_more_than_once(server, either, names):
    """Whatever encodings lie over each other, a reply is decoded, and a bomb of them takes no more memory than the limit allows."""
    body, encoding = layered(b"{}", *names)
    server.answer = lambda handler: reply(handler, 200, body, Content_Encoding=encoding)
    assert either.send(BODY, {}, 60).body == b"{}"
    bomb, encoding = bomb_of(names)
    server.answer = lambda handler: reply(handler, 200, bomb, Content_Encoding=encoding)
    tracemalloc.start()
    try:
        made = either.send(BODY, {}, 60)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(made.body) == MAX_REPLY_BYTES
    assert peak < 12 * MAX_REPLY_BYTES


def raw(text):
    """Return an answer of exactly these bytes, after which the connection ends."""

    def answer(handler):
        handler.wfile.write(text)
        handler.close_connection = True

    return answer


def reset(handler):
    """End the connection without an answer, rudely."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()
    handler.rfile.close()
    handler.wfile = type("Nothing", (), {"flush": lambda _: None, "close": lambda _: None, "closed": False})()
    handler.close_connection = True


NO_REPLIES = {
    "ends without an answer": raw(b""),
    "reset": reset,
    "no HTTP": raw(b"hello\r\n\r\n"),
    "half a status line": raw(b"HTTP/1.1 2"),
    "half a body": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"),
    "two lengths": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a length that is none": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}"),
    "early hints, and no more": raw(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "an encoding that was not asked for": raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}"),
    "too many encodings": raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip, gzip, gzip\r\nContent-Length: 2\r\n\r\n{}"),
    "broken chunks": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "broken gzip": raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"),
    "too many headers": raw(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500 + b"\r\n"),
}


NO_BODIES = [
    NO_REPLIES[name] for name in ("half a body", "an encoding that was not asked for", "too many encodings", "broken chunks", "broken gzip")
]


@pytest.mark.parametrize("answer", NO_REPLIES.values(), ids=NO_REPLIES)
def test_what_may_have_arrived(server, either, answer):
    """Whatever goes wrong after the request was sent is an error that says it may have arrived."""
    server.answer = answer
    made = either.send(BODY, {}, 60)
    assert made.status == (200 if answer in NO_BODIES else 0)
    assert made.body == b""
    assert made.error.kind == "reply"
    assert made.error.text


PLACES = [
    ("http://[::1]/", "::1", 80),
    ("https://[2001:db8::7]/v2.1/track", "2001:db8::7", 443),
    ("https://[2001:db8::7]:8443/", "2001:db8::7", 8443),
    ("http://b\u00fccher.example/", "xn--bcher-kva.example", 80),
    ("https://fa\u00df.example/", "xn--fa-hia.example", 443),
]


@pytest.mark.parametrize(("url", "host", "port"), PLACES, ids=[url for url, _, _ in PLACES])
def test_where_a_host_is_looked_for(monkeypatch, url, host, port):
    """IPv6 addresses need no port, and names beyond ASCII are those that requests looks for."""

    def look(host, port, *args):
        asked.append((host, port))
        raise socket.gaierror

    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", look)
    made = HttpTransport(url)
    assert made.send(BODY, {}, 60).error == SendError("connect", "the name of the host was not found")
    assert asked == [(host, port)]


def test_clear_text_through_a_proxy_needs_no_certificates(server, monkeypatch):
    """A file of trusted certificates that is not there keeps nothing from a plain endpoint behind a plain proxy."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "nowhere.pem")
    made = HttpTransport("http://endpoint.example/", proxies={"http": server.url.removesuffix("/v2.1/track")})
    assert made.send(BODY, {}, 60).status == 200
    assert server.requests[0][0] == "POST http://endpoint.example/ HTTP/1.1"
    made.close()


@pytest.mark.parametrize("interim", [b"103 Early Hints\r\nLink: </a>", b"102 Processing", b"100 Continue"])
def test_interim_replies(server, either, interim):
    """What a server says before its reply is passed over: the items may be accepted by then, and would be sent again."""
    server.answer = raw(
        b"HTTP/1.1 " + interim + b"\r\n\r\n" + b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    )
    made = either.send(BODY, {}, 60)
    assert (made.status, made.body, made.error) == (200, b"{}", None)


@pytest.mark.parametrize("name", ["utf-8", "aws-chunked", "none"])
def test_what_is_no_encoding(server, either, name):
    """A header that names a character set, or whatever else is no encoding, leaves the body as it is, as with the retired exporter."""
    server.answer = raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: " + name.encode() + b"\r\nContent-Length: 2\r\n\r\n{}")
    made = either.send(BODY, {}, 60)
    assert (made.status, made.body, made.error) == (200, b"{}", None)


@pytest.mark.parametrize("encoding", ["", "Content-Encoding: br\r\n"], ids=["cut short", "encoded oddly"])
def test_status_and_headers_without_a_body(server, either, encoding):
    """They are known although the body cannot be read, and the next exchange has a connection of its own."""
    # A reply that was read whole leaves its connection for the next one, unless it says that the server closes it.
    length = 2 if encoding else 99
    server.answer = raw(f"HTTP/1.1 429 x\r\nConnection: close\r\nRetry-After: 7\r\n{encoding}Content-Length: {length}\r\n\r\n{{}}".encode())
    made = either.send(BODY, {}, 60)
    assert (made.status, made.headers["retry-after"], made.body) == (429, "7", b"")
    assert made.error.kind == "reply"
    server.answer = lambda handler: reply(handler, 200, b"{}")
    made = either.send(BODY, {}, 60)
    assert made == Reply(status=200, headers=made.headers, body=b"{}")


def test_silent_server(server, either):
    """A server that never answers is given up after the time limit, not the library's (peer defect 10)."""
    release = threading.Event()
    server.answer = lambda _: release.wait(60)
    begun_s = time.monotonic()
    made = either.send(BODY, {}, 0.2)
    assert made.error.kind == "reply"
    assert time.monotonic() - begun_s < 30
    release.set()


@pytest.mark.parametrize(("limit_s", "early"), [(30.0, True), (0.2, False)], ids=["cut short", "in full"])
def test_a_wait_that_says_nothing_of_the_server(server, limit_s, early):
    """Where a flush or the end of the process cut the wait short, the error says so: a reply may have been under way."""
    release = threading.Event()
    server.answer = lambda _: release.wait(60)
    made = HttpTransport(server.url, read_timeout_s=limit_s)
    error = made.send(BODY, {}, 0.3).error
    release.set()
    made.close()
    assert (error.kind, error.early) == ("reply", early)


def dripping(first, then):
    """Return an answer that begins so and goes on so, slowly and for ever, and the event that tells that the other side has left."""
    left = threading.Event()

    def answer(handler):
        handler.close_connection = True
        try:
            handler.wfile.write(first)
            while True:
                handler.wfile.write(then)
                handler.wfile.flush()
                left.wait(0.02)
        except OSError:
            left.set()

    return answer, left


DRIPS = {
    "headers": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "a status line": (b"HTTP/1.1 ", b"2"),
    "interim replies": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "a body without a length": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "one chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", b"x"),
}


@pytest.mark.parametrize(("first", "then"), DRIPS.values(), ids=DRIPS)
def test_a_peer_that_drips(server, either, first, then):
    """Whatever comes a byte at a time, the exchange ends at its deadline, and with it its connection and the work of its thread."""
    before = set(threading.enumerate())
    server.answer, left = dripping(first, then)
    made = either.send(BODY, {}, 0.4)
    assert made.error == SendError("reply", "there was no whole reply in time", early=True)
    assert left.wait(60)
    server.answer = lambda handler: reply(handler, 200, b"{}")
    assert either.send(BODY, {}, 60).status == 200
    # The thread of the exchange is the one that makes the next.
    assert len([thread for thread in set(threading.enumerate()) - before if thread.name == "appinsights-send"]) <= 1


def test_a_proxy_that_drips():
    """A proxy that answers CONNECT for ever is left at the deadline, too."""
    left = threading.Event()

    def serve(connection):
        connection.recv(65536)
        try:
            while True:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                left.wait(0.02)
        except OSError:
            left.set()

    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        connection, _ = listener.accept()
        with connection:
            serve(connection)

    thread = threading.Thread(target=accept)
    thread.start()
    made = HttpTransport("https://nowhere.invalid/", proxies={"https": f"http://127.0.0.1:{listener.getsockname()[1]}"})
    assert made.send(BODY, {}, 0.4).error is not None
    assert left.wait(60)
    made.close()
    thread.join()
    listener.close()


def test_dripping_server(server, either):
    """A server that sends a byte now and then does not hold the sender longer than the limit."""
    release = threading.Event()

    def drip(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(2000):
            handler.wfile.write(b"1\r\nx\r\n")
            handler.wfile.flush()
            if release.wait(0.05):
                return

    server.answer = drip
    begun_s = time.monotonic()
    made = either.send(BODY, {}, 0.3)
    release.set()
    assert made.error.kind == "reply"
    assert time.monotonic() - begun_s < 30


UNSENT = {
    "nobody listens": (f"http://127.0.0.1:{CLOSED_PORT}/", "the connection was refused"),
    "no such host": ("http://nowhere.invalid/", "the name of the host was not found"),
    "host that cannot be encoded": ("http://" + "a" * 70 + ".test/", "the address of the endpoint cannot be used"),
    "no scheme": ("nowhere", "the address of the endpoint cannot be used"),
    "bad port": ("http://h:99999999/", "the address of the endpoint cannot be used"),
    "bad brackets": ("http://[::1/", "the address of the endpoint cannot be used"),
}


@pytest.mark.parametrize(("url", "cause"), UNSENT.values(), ids=UNSENT)
def test_what_was_not_sent(transport, url, cause):
    """No connection and an impossible address are told apart from a lost reply, and have a cause in our words."""
    made = transport.send(BODY, {}, 60, url=url)
    assert (made.status, made.error) == (0, SendError("connect", cause))


def test_a_server_that_goes_away(server, transport):
    """Where nobody listens any more, nothing was sent, though the way was known."""
    server.answer = lambda handler: reply(handler, 200, b"{}", Connection="close")
    assert transport.send(BODY, {}, 60).status == 200
    server.close()
    assert transport.send(BODY, {}, 60).error.kind == "connect"
    assert transport.send(BODY, {}, 60).error.kind == "connect"


def test_tls_is_checked(server, transport):
    """A server that does not speak TLS, or has no good certificate, gets nothing."""
    made = transport.send(BODY, {}, 60, url=server.url.replace("http:", "https:"))
    assert made.error.kind == "connect"
    assert server.requests == []


def test_bad_header(either):
    """A header that cannot be sent is our error, not an exception, and is not quoted."""
    assert either.send(BODY, {"X": "a\r\nb"}, 60).error == SendError("connect", "a header of the request cannot be sent")


def test_proxy(server):
    """The proxy given is used, and wins over the environment's."""
    made = HttpTransport("http://nowhere.invalid/v2.1/track", proxies={"http": server.url.replace("/v2.1/track", "")})
    assert made.send(BODY, {}, 60).status == 200
    assert server.requests[0][0] == "POST http://nowhere.invalid/v2.1/track HTTP/1.1"
    made.close()


def test_proxy_from_the_environment(server, monkeypatch):
    """Without one given, the environment's proxy is used."""
    monkeypatch.setenv("http_proxy", server.url.replace("/v2.1/track", ""))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    made = HttpTransport("http://nowhere.invalid/v2.1/track")
    assert made.send(BODY, {}, 60).status == 200
    assert server.requests[0][0] == "POST http://nowhere.invalid/v2.1/track HTTP/1.1"
    made.close()


def test_a_token_in_clear_text_passes_no_proxy(server, monkeypatch):
    """Over http, which only the loopback interface may have with a token, no proxy sees it: neither one given nor the environment's."""
    dead = f"http://127.0.0.1:{CLOSED_PORT}"
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, dead)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    made = HttpTransport(server.url, proxies={"http": dead})
    assert made.send(b"[]", {"Authorization": "Bearer x"}, 5.0).error is None
    assert made.send(b"[]", {}, 60.0).error is not None


def test_dead_proxy():
    """A proxy that is not there means that nothing was sent."""
    made = HttpTransport("http://nowhere.invalid/", proxies={"http": f"http://127.0.0.1:{CLOSED_PORT}"})
    assert made.send(BODY, {}, 60).error.kind == "connect"
    made.close()


def test_instrumentation_is_suppressed_while_sending(transport, monkeypatch):
    """Instrumentations of HTTP libraries see that the call is not the application's, and only during it."""
    seen = []
    real = http.client.HTTPConnection.request

    def request(self, *args, **kwargs):
        seen.append(context.get_value("suppress_instrumentation"))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(http.client.HTTPConnection, "request", request)
    transport.send(BODY, {}, 60)
    assert seen == [True]
    assert context.get_value("suppress_instrumentation") is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_has_its_own_connection(server, transport):
    """A process made by fork does not share its parent's connection, and does not break it."""
    transport.send(BODY, {}, 60)
    pid = os.fork()
    if pid == 0:
        status = transport.send(BODY, {}, 60).status
        transport.close()
        os._exit(0 if status == 200 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert transport.send(BODY, {}, 60).status == 200
    assert (len(server.requests), server.connections) == (3, 2)


def test_threads_share_a_transport(server, transport):
    """Several threads may send at once."""
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(transport.send(BODY, {}, 60).status)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8


def test_a_failure_leaves_nothing_to_the_garbage_collector():
    """What a send that failed has held is free when it returns, and its connection when the transport is closed: request bodies are large."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        def hosts():
            # By its class: a lazy object of another test (Django's settings) answers `isinstance` by loading itself.
            return sum(type(each) is connections.Direct and each._port == port for each in gc.get_objects())

        transport = HttpTransport(f"http://127.0.0.1:{port}/v2.1/track")
        gc.disable()
        try:
            assert transport.send(BODY, {}, 60).error.kind == "connect"
            assert hosts() == 1
            transport.close()
            assert hosts() == 0
        finally:
            gc.enable()
