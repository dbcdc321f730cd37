"""Entra ID tokens: asked for once, renewed in time, sent to the right place only, and never a reason to lose telemetry."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import threading
import weakref
from typing import NamedTuple

import pytest
from opentelemetry import context

from appinsights_exporter import reasons
from appinsights_exporter.delivery.auth import (
    FIRST_PAUSE_S,
    MAX_PAUSE_S,
    STILL_ASKING_S,
    NoToken,
    TokenSource,
    scope,
)
from appinsights_exporter.errors import ConfigurationError
from appinsights_exporter.testing import ManualClock

ENDPOINT = "https://westeurope-5.in.applicationinsights.azure.com"
URL = f"{ENDPOINT}/v2.1/track"
HOUR_S = 3600
EPOCH_S = 1_700_000_000.0
FAILED, UNANSWERED = reasons.TOKEN_FAILED, reasons.TOKEN_PENDING


class Token(NamedTuple):
    """What azure-core's AccessToken looks like."""

    token: str
    expires_on: int


class Credential:
    """A credential that numbers its tokens, or answers from a list: tokens, errors to raise, functions to call."""

    def __init__(self, answers=(), *, life_s=HOUR_S):
        self.scopes = []
        self._answers = iter(answers)
        self._life_s = life_s

    def get_token(self, *scopes):
        """Return the next answer."""
        self.scopes.append(scopes)
        answer = next(self._answers, None)
        if answer is None:
            answer = Token(f"token-{len(self.scopes)}", int(EPOCH_S) + self._life_s)
        answer = answer() if callable(answer) else answer
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Gate:
    """An answer that does not come before it is let through."""

    def __init__(self, answer):
        self.asked = threading.Event()
        self.open = threading.Event()
        self._answer = answer

    def __call__(self):
        """Wait, and return the answer."""
        self.asked.set()
        assert self.open.wait(60)
        return self._answer


def make(credential, **kwargs):
    """Return a source for a credential, and its clock; the wall clock stands at EPOCH_S."""
    clock = ManualClock()
    return TokenSource(credential, ENDPOINT, clock=clock, wall_clock=lambda: EPOCH_S, **kwargs), clock


def header(source):
    """Return what the source gives for the ingestion endpoint, with time enough for any fake."""
    return source.header_for(URL, 20.0)


def wait_for_threads():
    """Wait until no question to a credential is under way."""
    for thread in threading.enumerate():
        if thread.name == "appinsights-token":
            thread.join(60)


# One token, asked for once


def test_header():
    """The first request asks the credential for the public cloud's scope; the following ones use the same token."""
    credential = Credential()
    source, _ = make(credential)
    assert [header(source) for _ in range(3)] == ["Bearer token-1"] * 3
    assert credential.scopes == [("https://monitor.azure.com//.default",)]


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        (None, "https://monitor.azure.com//.default"),
        ("", "https://monitor.azure.com//.default"),
        ("https://monitor.azure.us/", "https://monitor.azure.us//.default"),
        (" https://monitor.azure.cn ", "https://monitor.azure.cn/.default"),
    ],
)
def test_scope(audience, expected):
    """The audience of the connection string decides, as it stands there."""
    credential = Credential()
    source, _ = make(credential, audience=audience)
    header(source)
    assert scope(audience) == source.scope == credential.scopes[0][0] == expected


@pytest.mark.parametrize(
    ("expires_on", "refresh_s"),
    [
        (EPOCH_S + 3600, 3300),
        (EPOCH_S + 600, 300),
        (EPOCH_S + 400, 200),
        (EPOCH_S + 4, 5),
        (EPOCH_S - 50, 5),
        (0, 5),
        ((EPOCH_S + 3600) * 1000, 86100),
        (str(int(EPOCH_S) + 3600), 3300),
        (None, 5),
        ("soon", 5),
        (float("nan"), 5),
        (float("inf"), 86100),
        (10**400, 5),
    ],
)
def test_when_to_renew(expires_on, refresh_s):
    """A token is renewed five minutes before its end, a short-lived one at half of its life; nonsense means ten seconds of life."""
    credential = Credential([Token("first", expires_on)])
    source, clock = make(credential)
    header(source)
    clock.advance(refresh_s - 0.001)
    assert header(source) == "Bearer first"
    wait_for_threads()
    assert len(credential.scopes) == 1
    clock.advance(0.002)
    header(source)
    wait_for_threads()
    assert (len(credential.scopes), header(source)) == (2, "Bearer token-2")


def test_many_threads_ask_once():
    """Threads that all need the first token wait for one question, and get the same answer."""
    gate = Gate(Token("first", EPOCH_S + HOUR_S))
    credential = Credential([gate])
    source, _ = make(credential)
    headers = []
    threads = [threading.Thread(target=lambda: headers.append(header(source))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert gate.asked.wait(60)
    gate.open.set()
    for thread in threads:
        thread.join(60)
    assert (headers, len(credential.scopes)) == (["Bearer first"] * 8, 1)


def test_nobody_waits_while_the_old_token_is_good():
    """While one thread renews, all go on with the old token at once, and then with the new one."""
    gate = Gate(Token("second", EPOCH_S + HOUR_S))
    credential = Credential([Token("first", EPOCH_S + HOUR_S), gate])
    source, clock = make(credential)
    header(source)
    clock.advance(3400)
    assert [header(source) for _ in range(5)] == ["Bearer first"] * 5
    assert gate.asked.wait(60)
    assert [header(source) for _ in range(5)] == ["Bearer first"] * 5
    gate.open.set()
    wait_for_threads()
    assert (header(source), len(credential.scopes)) == ("Bearer second", 2)


def test_an_ended_token_is_not_used():
    """When the old token's time is over, a request waits for the new one."""
    source, clock = make(Credential())
    header(source)
    clock.advance(HOUR_S)
    assert header(source) == "Bearer token-2"


def test_a_hanging_credential_holds_nobody_up(caplog):
    """A request waits as long as it may, and the following ones not again; when the answer comes it is used."""
    gate = Gate(Token("late", EPOCH_S + HOUR_S))
    source, clock = make(Credential([gate]))
    assert source.header_for(URL, 0.05) == NoToken(UNANSWERED, STILL_ASKING_S)
    clock.advance(20.0)
    # Without waiting, although it might take 20 s: the question is that old already.
    assert [header(source) for _ in range(3)] == [NoToken(UNANSWERED, STILL_ASKING_S)] * 3
    gate.open.set()
    wait_for_threads()
    assert header(source) == "Bearer late"
    assert len(caplog.records) == 1
    assert "it has not answered yet" in caplog.text


def test_after_401():
    """A token that the service refused is forgotten and the next request asks anew; a newer token is not forgotten for it."""
    credential = Credential()
    source, _ = make(credential)
    first = header(source)
    source.invalidate(first)
    assert header(source) == "Bearer token-2"
    source.invalidate(first)
    assert (header(source), len(credential.scopes)) == ("Bearer token-2", 2)


def test_own_calls_are_not_traced():
    """Instrumentations are told, where the credential runs, that its calls are not the application's."""
    seen = []
    source, _ = make(Credential([lambda: seen.append(context.get_value("suppress_instrumentation"))]))
    header(source)
    assert seen == [True]


# Failures


class Unprintable(Exception):
    """An error without a text."""

    def __str__(self):
        raise RuntimeError("no text")


class Authentication(Exception):
    """Like azure-core's ClientAuthenticationError."""

    status_code = 401


SECRET = "s3cr3t-that-must-not-appear"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ValueError(SECRET), "): ValueError. The"),
        (Authentication(f"AADSTS7000215: invalid client secret {SECRET}"), "): Authentication (AADSTS7000215, HTTP 401). The"),
        (Unprintable(), "): Unprintable. The"),
        (OSError(111, "refused"), "): ConnectionRefusedError. The"),
        (SystemExit(SECRET), "): it was interrupted. The"),
        (lambda: None, "): AttributeError. The"),
        (lambda: SECRET, "): AttributeError. The"),
        (Token(SECRET.encode(), EPOCH_S + HOUR_S), "): what it gave is not a token. The"),
        (Token(None, EPOCH_S + HOUR_S), "): what it gave is not a token. The"),
        (Token("", EPOCH_S + HOUR_S), "): what it gave is not a token. The"),
        (Token(f"{SECRET}\r\nX-Other: 1", EPOCH_S + HOUR_S), "): what it gave is not a token. The"),
        (Token(f"{SECRET}é", EPOCH_S + HOUR_S), "): what it gave is not a token. The"),
    ],
)
def test_failures(answer, said, caplog):
    """Whatever a credential does is a result with a pause, and one line that quotes nothing of it."""
    source, _ = make(Credential([answer]))
    assert header(source) == NoToken(FAILED, FIRST_PAUSE_S)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("appinsights_exporter.delivery.auth", logging.WARNING)
    assert record.getMessage().startswith(
        "There is no Entra ID token for Application Insights (Credential, scope https://monitor.azure.com//.default"
    )
    assert said in record.getMessage()
    assert SECRET not in caplog.text


def test_a_broken_credential_is_left_alone():
    """Each failure doubles the pause in which it is not asked, up to five minutes; success ends it."""
    credential = Credential([ValueError()] * 8)
    source, clock = make(credential)
    pauses = []
    for _ in range(8):
        failure = header(source)
        pauses.append(failure.after_s)
        clock.advance(failure.after_s - 1)
        assert header(source) == NoToken(FAILED, pytest.approx(1))
        clock.advance(1)
    assert (pauses, len(credential.scopes)) == ([10, 20, 40, 80, 160, 300, 300, 300], 8)
    good = header(source)
    assert good == "Bearer token-9"
    source.invalidate(good)
    credential._answers = iter([ValueError()])
    assert header(source) == NoToken(FAILED, FIRST_PAUSE_S)


def test_a_failed_renewal_costs_nothing_at_first(caplog):
    """While the old token is good a failed renewal is tried again after its pause, and nothing is said."""
    credential = Credential([Token("first", EPOCH_S + HOUR_S), ValueError(), ValueError()])
    source, clock = make(credential)
    header(source)
    clock.advance(3301)
    for _ in range(3):
        assert header(source) == "Bearer first"
        wait_for_threads()
    assert (len(credential.scopes), caplog.records) == (2, [])
    clock.advance(FIRST_PAUSE_S)
    assert header(source) == "Bearer first"
    wait_for_threads()
    assert len(credential.scopes) == 3
    clock.advance(FIRST_PAUSE_S * 2)
    assert header(source) == "Bearer first"
    wait_for_threads()
    assert header(source) == "Bearer token-4"


def test_said_once_a_minute(caplog):
    """A lasting failure gives one line a minute."""
    source, clock = make(Credential([ValueError()] * 100))
    for _ in range(130):
        header(source)
        clock.advance(1)
    assert len(caplog.records) == 3


def test_no_thread_can_be_started():
    """Where no thread can be started, as while the interpreter ends, the credential is asked all the same."""
    source, _ = make(Credential())
    before = threading.stack_size(1 << 46)
    try:
        with pytest.raises(RuntimeError):
            threading.Thread(target=print).start()
        assert header(source) == "Bearer token-1"
    finally:
        threading.stack_size(before)


# Where a token may go


@pytest.mark.parametrize(
    ("endpoint", "url", "sent"),
    [
        (ENDPOINT, f"{ENDPOINT}/v2.1/track", True),
        (ENDPOINT, f"{ENDPOINT}:8443/v2.1/track", True),
        (ENDPOINT, "https://WESTEUROPE-5.in.applicationinsights.azure.com/v2.1/track", True),
        (ENDPOINT, "https://westus-0.in.applicationinsights.azure.com/v2.1/track", True),
        (ENDPOINT, "http://westeurope-5.in.applicationinsights.azure.com/v2.1/track", False),
        (ENDPOINT, "https://dc.services.visualstudio.com/v2/track", False),
        (ENDPOINT, "https://evil.test/v2.1/track", False),
        (ENDPOINT, "https://evil.test/?.in.applicationinsights.azure.com", False),
        (ENDPOINT, "https://westus-0.in.applicationinsights.azure.com@evil.test/", False),
        (ENDPOINT, "https://evilapplicationinsights.azure.com/", False),
        (ENDPOINT, "https://evil.test\\.applicationinsights.azure.com/", False),
        (ENDPOINT, "/v2.1/track", False),
        (ENDPOINT, "//evil.test/", False),
        (ENDPOINT, "https://", False),
        (ENDPOINT, "https://[::1/", False),
        (ENDPOINT, "", False),
        (ENDPOINT, "http://127.0.0.1/", False),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v2.1/track", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:9090/v2.1/track", True),
        ("http://127.9.9.9", "http://127.9.9.9/v2.1/track", True),
        ("http://[::1]:8080", "http://[::1]:8080/v2.1/track", True),
        ("http://localhost:8080", "http://localhost:8080/v2.1/track", True),
        ("http://localhost:8080", "https://localhost:8443/v2.1/track", True),
        ("http://localhost:8080", "http://localhost.evil.test/v2.1/track", False),
        ("http://127.0.0.1:8080", "http://10.0.0.1:8080/v2.1/track", False),
        ("https://proxy.test", "https://proxy.test/v2.1/track", True),
        ("https://proxy.test", "http://proxy.test/v2.1/track", False),
    ],
)
def test_where_a_token_goes(endpoint, url, sent):
    """A token goes over https to the configured host or one that a redirect may lead to, or stays on this machine; else it is not asked for."""
    credential = Credential()
    source = TokenSource(credential, endpoint, clock=ManualClock(), wall_clock=lambda: EPOCH_S)
    expected = "Bearer token-1" if sent else NoToken(reasons.TOKEN_WITHHELD, MAX_PAUSE_S)
    assert source.header_for(url, 20.0) == expected
    assert len(credential.scopes) == int(sent)


@pytest.mark.parametrize("endpoint", ["http://westeurope-5.in.applicationinsights.azure.com", "http://10.0.0.1", "http://collector:8080"])
def test_endpoint_without_encryption(endpoint):
    """A credential beside an endpoint that others could listen to is refused when it is configured."""
    with pytest.raises(ConfigurationError, match=r"expected an https ingestion endpoint beside it; got 'http://"):
        TokenSource(Credential(), endpoint)


class Asynchronous:
    """A credential of azure.identity.aio's kind."""

    async def get_token(self, *scopes):
        """Return no token."""


@pytest.mark.parametrize(("credential", "came"), [(object(), "object"), ("token", "str"), (Asynchronous(), "an asynchronous Asynchronous")])
def test_no_credential(credential, came):
    """What cannot give a token to a thread is refused when it is configured."""
    with pytest.raises(ConfigurationError, match=rf"an object with a get_token method \(an Azure TokenCredential\); got {came}\."):
        TokenSource(credential, ENDPOINT)


def test_no_token_in_any_repr():
    """Neither the source nor what it holds shows a token."""
    source, _ = make(Credential())
    assert header(source) == "Bearer token-1"
    assert "token-1" not in repr(source) + repr(vars(source))


# Processes


def run(program, **kwargs):
    """Return what a program prints; it must end by itself."""
    head = f"import sys\nsys.path[:0] = {sys.path!r}\nfrom appinsights_exporter.delivery.auth import *\nURL = {URL!r}\n"
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", head + program], capture_output=True, text=True, check=False, timeout=120, **kwargs
    )
    assert answer.stderr == ""
    return answer.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork_while_the_credential_is_asked():
    """A child made while a thread asks, and another holds the lock, asks on its own and is not held up."""
    assert run("""
import os, signal, threading, time
asked, forked, clock_read = threading.Event(), threading.Event(), threading.Event()
parent = os.getpid()
class Credential:
    def get_token(self, scope):
        if os.getpid() == parent:
            asked.set()
            forked.wait(60)
        return type("Token", (), {"token": f"of-{'parent' if os.getpid() == parent else 'child'}", "expires_on": time.time() + 3600})
source = TokenSource(Credential(), URL)
waiting = threading.Thread(target=source.header_for, args=(URL, 20.0))
waiting.start()
asked.wait(60)
source._lock.acquire()
child = os.fork()
if child == 0:
    signal.alarm(110)
    print(source.header_for(URL, 60.0), flush=True)
    os._exit(0)
source._lock.release()
forked.set()
status = os.waitpid(child, 0)[1]
waiting.join()
print(status, source.header_for(URL, 60.0))
""") == ["Bearer", "of-child", "0", "Bearer", "of-parent"]


def test_exit_does_not_wait_for_a_credential():
    """A credential that hangs does not keep the process."""
    assert (
        run("""
import logging, threading
logging.disable()
class Credential:
    def get_token(self, scope):
        threading.Event().wait()
print(TokenSource(Credential(), URL).header_for(URL, 0.05).reason.text)
""")
        == UNANSWERED.text.split()
    )


def test_token_at_exit():
    """A program so short that its first token is asked for as it ends gets it."""
    assert run("""
import atexit, time
class Credential:
    def get_token(self, scope):
        return type("Token", (), {"token": "at-exit", "expires_on": time.time() + 3600})
source = TokenSource(Credential(), URL)
atexit.register(lambda: print(source.header_for(URL, 60.0)))
""") == ["Bearer", "at-exit"]


def test_sources_are_let_go():
    """A source that nobody uses is not kept for forks that may come."""
    source, _ = make(Credential())
    kept = weakref.ref(source)
    assert header(source) == "Bearer token-1"
    wait_for_threads()
    del source
    gc.collect()
    assert kept() is None
