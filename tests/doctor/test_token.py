"""What doctor says of tokens: azure-identity itself, and an identity endpoint on the loopback interface."""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import threading
import time
from pathlib import Path

import pytest

from appinsights_exporter.delivery.credentials import _managed_identity
from opencensus_compat._cli import main
from opencensus_compat.doctor.collect import tokens
from opencensus_compat.local import LocalEndpoint

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from secure import Between, Listener, says

pytestmark = pytest.mark.usefixtures("imports_tried_here")

KEY = "00000000-0000-0000-0000-00000000000e"
CLIENT = "01234567-89ab-cdef-0123-456789abcdef"
TENANT = "11111111-2222-3333-4444-555555555555"


def jwt(**claims):
    """Return a token that says so; nobody has signed it."""

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    told = {"aud": "https://monitor.azure.com/", "exp": int(time.time()) + 3600, "tid": TENANT, "appid": CLIENT, **claims}
    return f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(told)}.c2lnbmF0dXJl"


class Identity:
    """An identity endpoint as App Service has it: gives a token, or answers with a status."""

    def __init__(self):
        self.token = jwt()
        self.status = 200
        self.hangs = None
        self._listener = Listener(self._serve)
        self.variables = {"IDENTITY_ENDPOINT": f"http://127.0.0.1:{self._listener.port}/token", "IDENTITY_HEADER": "header"}
        self.host = f"127.0.0.1:{self._listener.port}"

    def _serve(self, connection):
        with connection.makefile("rb") as head:
            while head.readline().strip():
                pass
        if self.hangs is not None:
            self.hangs.wait(30)
        body = {"access_token": self.token, "expires_on": str(int(time.time()) + 3600), "resource": "r", "token_type": "Bearer"}
        content = json.dumps(body if self.status == 200 else {"error": "no"}).encode()
        head = f"HTTP/1.1 {self.status} X\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + content)

    def close(self):
        """Stop it."""
        self._listener.close()


@pytest.fixture
def identity():
    """One for a test."""
    made = Identity()
    yield made
    made.close()


@pytest.fixture
def endpoint():
    """A local endpoint."""
    with LocalEndpoint(instrumentation_key=KEY) as made:
        yield made


@pytest.fixture
def doctor(capsys, monkeypatch, identity):
    """Return a function that runs the command, and returns what is wrong with the way to the service, and the hosts that it named."""

    def run(*arguments, url, authentication="Authorization=AAD", string="", **environ):
        # Credentials keep their tokens for as long as a process lives.
        _managed_identity.cache_clear()
        with monkeypatch.context() as patch:
            for name in list(os.environ):
                if name.startswith(("AZURE_", "MSI_", "IDENTITY_", "IMDS_")) or name.upper().endswith("_PROXY"):
                    patch.delenv(name)
            variables = {
                "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={KEY};IngestionEndpoint={url}{string}",
                "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": authentication,
                **identity.variables,
                **environ,
            }
            for name, value in variables.items():
                patch.setenv(name, value)
            main(["doctor", "--json", *arguments])
        shown = capsys.readouterr()
        for secret in (identity.token, identity.token.split(".")[-1], CLIENT, TENANT, KEY):
            assert secret not in shown.out + shown.err
        results = json.loads(shown.out)["results"]
        worse = {each["id"]: each for each in results if each["group"] == "network" and each["verdict"] not in ("ok", "skipped")}
        return worse, shown.err.splitlines()

    return run


def texts(worse):
    """Return id -> first sentence."""
    return {id: each["findings"][0]["text"] for id, each in worse.items()}


def test_a_token_that_counts(doctor, endpoint, identity):
    """The managed identity is asked once its host was named, and its token goes with the request."""
    endpoint.misbehave(f"require_authorization:token={identity.token}")
    worse, named = doctor(url=endpoint.url)
    assert worse == {}
    assert named[0] == f"doctor asks {identity.host} for a token of the managed identity."


def test_offline_nobody_is_asked(doctor, endpoint):
    """With --offline there is no token."""
    assert doctor("--offline", url=endpoint.url) == ({}, [])


@pytest.mark.parametrize("code", [401, 403])
def test_refused(doctor, endpoint, code):
    """401 and 403 are told apart: a token that does not count, and a role that is missing; the token's claims are the evidence."""
    endpoint.misbehave(f"require_authorization:token=another,code={code}")
    worse, _ = doctor(url=endpoint.url)
    assert list(worse) == ["D042"]
    (finding,) = worse["D042"]["findings"]
    words = {
        401: "it does not accept the token of the managed identity (client 01234567-***)",
        403: "has no role Monitoring Metrics Publisher",
    }
    assert words[code] in finding["text"]
    assert finding["evidence"][0].startswith(
        "token: audience https://monitor.azure.com/, tenant 11111111-***, client 01234567-***, ends in"
    )
    assert {401: "must be of the tenant", 403: "az role assignment create"}[code] in finding["step"]


def test_no_token_where_one_is_needed(doctor, endpoint):
    """401 without any credential says that the resource wants one."""
    endpoint.misbehave("require_authorization")
    worse, named = doctor(url=endpoint.url, authentication="")
    assert "with an instrumentation key alone" in texts(worse)["D042"]
    assert len(named) == 1


def test_a_token_for_another_audience(doctor, endpoint, identity):
    """The token's own words are compared with what the resource needs."""
    identity.token = jwt(aud="https://management.azure.com/")
    worse, _ = doctor(url=endpoint.url)
    assert texts(worse) == {
        "D048": "The token of the managed identity is for https://management.azure.com/, and the resource needs one for https://monitor.azure.com/."
    }


def test_a_token_that_has_ended(doctor, endpoint, identity):
    """One that has ended by this machine's clock is a problem of the clock."""
    identity.token = jwt(exp=int(time.time()) - 7200)
    worse, _ = doctor(url=endpoint.url)
    assert texts(worse) == {"D048": "The token of the managed identity has ended 2 h ago by the clock of this machine."}


def test_a_token_of_another_form(doctor, endpoint, identity):
    """A token that shows nothing is no problem by itself."""
    identity.token = "opaque-token-of-somebody-0123456789"
    assert doctor(url=endpoint.url)[0] == {}


def test_no_identity(doctor, endpoint, identity):
    """Where the identity endpoint refuses, the kind of the error is said."""
    identity.status = 400
    worse, _ = doctor(url=endpoint.url)
    assert re.fullmatch(r"The managed identity gives no token \(\w*Error.*\)\.", texts(worse)["D048"])
    assert list(worse) == ["D048"]


def test_an_identity_that_hangs(doctor, endpoint, identity, monkeypatch):
    """A credential that does not answer costs one time limit."""
    monkeypatch.setattr(tokens, "_ASK_S", 0.1)
    identity.hangs = threading.Event()
    worse, _ = doctor(url=endpoint.url)
    identity.hangs.set()
    assert "it has not answered in 0 s" in texts(worse)["D048"]


def test_a_user_assigned_identity(doctor, endpoint, identity):
    """Which one is asked is said by the first part of its id."""
    _, named = doctor(url=endpoint.url, authentication=f"Authorization=AAD;ClientId={CLIENT}")
    assert named[0] == f"doctor asks {identity.host} for a token of the managed identity of client 01234567-***."


def test_a_string_that_names_no_credential(doctor, endpoint):
    """What cannot be read is said in the exporter's words, and not quoted."""
    worse, _ = doctor(url=endpoint.url, authentication="Authorization=AAD;Secret=x")
    assert list(worse) == ["D048"]
    assert "expected Authorization=AAD" in texts(worse)["D048"]


def test_another_cloud(doctor):
    """An endpoint of another cloud needs its audience in the connection string; what it is, is the next step."""
    worse, _ = doctor("--offline", url="https://chinanorth3-0.in.applicationinsights.azure.cn")
    assert worse["D048"]["findings"][0]["step"] == "Add AADAudience=https://monitor.azure.cn to the connection string."
    assert doctor("--offline", url="https://c.in.applicationinsights.azure.cn", string=";AADAudience=https://monitor.azure.cn")[0] == {}


def test_a_clock_that_tokens_do_not_take(doctor, endpoint):
    """With tokens, ten minutes are a problem already."""
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\nConnection: close\r\n\r\n{}"
    between = Between(endpoint.url, says(data))
    try:
        worse, _ = doctor(url=between.url)
    finally:
        between.close()
    assert worse["D047"]["verdict"] == "problem"


def test_no_token_in_clear_text(doctor, identity, monkeypatch):
    """A token goes to this machine and by TLS, and never to another one by http."""
    import socket

    seen = []

    def serve(connection):
        with connection.makefile("rb") as head:
            while line := head.readline().strip():
                seen.append(line)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

    server = Listener(serve)
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: real("127.0.0.1" if host == "a.test" else host, *rest, **more))
    try:
        doctor(url=f"http://a.test:{server.port}")
    finally:
        server.close()
    assert seen[0] == b"POST /v2.1/track HTTP/1.1"
    assert [line for line in seen if line.lower().startswith(b"authorization")] == []
