"""TLS and proxies over real loopback connections: nothing is sent to a server that cannot prove who it is."""

from __future__ import annotations

import gzip
import http.server
import os
import socket
import ssl
import sys
import threading
from pathlib import Path

import pytest
import requests
import urllib3

from appinsights_exporter.delivery.failures import described
from appinsights_exporter.delivery.transport import HttpTransport, SendError

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from secure import BAD, Authority, Proxy

BODY = gzip.compress(b"[]")


def accept(handler):
    """Answer that all is well."""
    handler.send_response(200)
    handler.send_header("Content-Length", "2")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(b"{}")


class Server:
    """An HTTPS server, whose certificate may be exchanged."""

    def __init__(self, settings):
        self.settings = settings
        self.requests = []
        self.answer = accept
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append(self.requestline)
                self.close_connection = True
                outer.answer(self)

            def log_message(self, *args):
                """Print nothing."""

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def finish_request(self, request, client_address):
                # Here and not when it is accepted: the handshake is the connection's own affair.
                with outer.settings.wrap_socket(request, server_side=True) as secured:
                    super().finish_request(secured, client_address)

            def handle_error(self, request, client_address):
                """Print nothing."""

        self._listener = Listener(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,))
        self._thread.start()
        self.port = self._listener.server_port
        self.url = f"https://127.0.0.1:{self.port}/v2.1/track"

    def close(self):
        """Stop it."""
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()


@pytest.fixture(scope="module")
def authority():
    """One that the programs of these tests trust."""
    return Authority("trusted")


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    """Trust the authority, with no proxy around."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "authority.pem").write_bytes(authority.pem())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))


@pytest.fixture
def server(authority, tmp_path, trusted):
    """A server with a good certificate."""
    made = Server(authority.server(tmp_path))
    yield made
    made.close()


@pytest.fixture
def transport(server):
    """A transport to it."""
    made = HttpTransport(server.url)
    yield made
    made.close()


def test_a_good_certificate(server, transport):
    """A server with a certificate from an authority that the environment names is sent to, again and again."""
    assert [transport.send(BODY, {}, 60).status for _ in range(3)] == [200] * 3
    assert server.requests == ["POST /v2.1/track HTTP/1.1"] * 3


BECAUSE = {
    "expired": "it has expired",
    "not yet valid": "it is not valid yet",
    "of another host": "it is of another host",
    "of a stranger": "an authority that is not trusted signed it",
}


@pytest.mark.parametrize("later", [False, True], ids=["first exchange", "later exchange"])
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_bad_certificate(request, server, transport, authority, tmp_path, bad, later):
    """A server with a bad certificate gets nothing, also where it had a good one before; with a good one again it gets everything."""
    if later:
        assert transport.send(BODY, {}, 60).status == 200
    good, server.settings = server.settings, bad(authority, tmp_path)
    for _ in range(2):
        made = transport.send(BODY, {}, 60)
        assert (made.status, made.error.kind) == (0, "connect")
        assert (
            made.error.text == f"the certificate of the other side is not accepted: {BECAUSE[request.node.callspec.id.partition('-')[0]]}"
        )
    server.settings = good
    assert transport.send(BODY, {}, 60).status == 200
    assert len(server.requests) == 1 + later


@pytest.mark.parametrize("tunnel", [False, True], ids=["direct", "in a tunnel"])
def test_a_peer_that_drips(server, tunnel):
    """Over TLS, too, the exchange ends at its deadline, and with it its connection."""
    left = threading.Event()

    def drip(handler):
        try:
            while not left.wait(0.02):
                handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                handler.wfile.flush()
        except OSError:
            left.set()

    server.answer = drip
    proxy = Proxy()
    made = HttpTransport(server.url, proxies={"https": proxy.url} if tunnel else None)
    found = made.send(BODY, {}, 0.6)
    assert (found.status, found.error.kind) == (0, "reply")
    assert left.wait(60)
    made.close()
    proxy.close()


def test_a_peer_that_says_nothing_before_tls_is_agreed_on():
    """Nothing can have been sent to it, so that sending again makes no duplicates."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        made = HttpTransport(f"https://127.0.0.1:{silent.getsockname()[1]}/", connect_timeout_s=0.3)
        assert made.send(BODY, {}, 60).error == SendError("connect", "there was no connection in time")
        made.close()


def test_the_authority_is_taken_away(server, transport, monkeypatch):
    """Whom the program trusts is what its environment says now."""
    assert transport.send(BODY, {}, 60).status == 200
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert transport.send(BODY, {}, 60).error.kind == "connect"
    assert len(server.requests) == 1


def test_a_bundle_that_is_exchanged(server, transport, authority, tmp_path):
    """Whom the program trusts is what the file says when a connection is opened: such files are renewed while programs run."""
    bundle = tmp_path / "authority.pem"
    for number, (pem, kind) in enumerate(((authority.pem(), None), (Authority("another").pem(), "connect"), (authority.pem(), None))):
        bundle.write_bytes(pem)
        os.utime(bundle, ns=(number, number))
        made = transport.send(BODY, {}, 60)
        assert (made.error and made.error.kind) == kind
    assert len(server.requests) == 2


NO_BUNDLES = {
    "nowhere": lambda folder: folder / "nowhere.pem",
    "no certificates": lambda folder: _written(folder / "notes.txt", "no certificates"),
    "damaged": lambda folder: _written(folder / "bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
}


def _written(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("bundle", NO_BUNDLES.values(), ids=NO_BUNDLES)
def test_a_bundle_that_cannot_be_used(server, monkeypatch, tmp_path, bundle, variable):
    """Where the environment names a file of trusted certificates that is none, the cause names the variable; nothing is sent."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.setenv(variable, str(bundle(tmp_path)))
    made = HttpTransport(server.url)
    found = made.send(BODY, {}, 60)
    made.close()
    assert (found.error.kind, server.requests) == ("connect", [])
    assert found.error.text.startswith(f"the file of trusted certificates in the variable {variable} ")


def test_a_bundle_that_nobody_reads(server, transport, monkeypatch, tmp_path):
    """What only OpenSSL reads may name no file: who is trusted is what the HTTP library says."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere.pem"))
    assert transport.send(BODY, {}, 60).status == 200


def test_a_tunnel(server):
    """Through a proxy an https endpoint is reached in a tunnel, whose other end must prove who it is."""
    proxy = Proxy()
    made = HttpTransport(server.url, proxies={"https": proxy.url})
    assert [made.send(BODY, {}, 60).status for _ in range(2)] == [200, 200]
    assert {line.rpartition(" ")[0] for line in proxy.asked} == {f"CONNECT 127.0.0.1:{server.port}"}
    made.close()
    proxy.close()


def test_a_tunnel_to_a_bad_certificate(server, authority, tmp_path):
    """A proxy that leads to somebody else gets nothing out of us."""
    server.settings = BAD["of a stranger"](authority, tmp_path)
    proxy = Proxy()
    made = HttpTransport(server.url, proxies={"https": proxy.url})
    assert made.send(BODY, {}, 60).error.kind == "connect"
    assert server.requests == []
    made.close()
    proxy.close()


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_refuses(server, status):
    """A proxy that opens no tunnel means that nothing was sent, and the next try may succeed."""
    proxy = Proxy(status)
    made = HttpTransport(server.url, proxies={"https": proxy.url})
    found = made.send(BODY, {}, 60)
    assert (found.status, found.error.kind, server.requests) == (0, "connect", [])
    assert found.error.text == f"the proxy answered with status {status}, through the proxy of the option proxies"
    proxy.status = 200
    assert made.send(BODY, {}, 60).status == 200
    made.close()
    proxy.close()


ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the other side asks for a certificate, and this program has none",
    "WRONG_VERSION_NUMBER": "the other side speaks no TLS",
    "UNSUPPORTED_PROTOCOL": "the other side has no version of TLS that is allowed here",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "TLS cannot be agreed on with the other side",
    None: "TLS cannot be agreed on with the other side",
}


@pytest.mark.parametrize(("reason", "cause"), ALERTS.items())
def test_why_there_is_no_tls(reason, cause):
    """What OpenSSL knows is said, whatever the libraries have wrapped it in."""
    error = ssl.SSLError(1, "x")
    error.reason = reason
    made = described(requests.exceptions.SSLError(urllib3.exceptions.SSLError(error)), None)
    assert (made.unsent, made.cause) == (True, cause)


@pytest.mark.parametrize(
    ("words", "cause"), [("Missing Authority Key Identifier", " (Missing Authority Key Identifier)"), ("of http://u:p@h", "")]
)
def test_a_certificate_with_another_fault(words, cause):
    """A fault that we have no words for has its number, and OpenSSL's words unless there is more than words in them."""
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_code, error.verify_message = 92, words
    assert described(error, None).cause == f"the certificate of the other side is not accepted: number 92 of OpenSSL{cause}"
