"""Proxies: which one an exchange goes through, and settings of them that cannot be used."""

from __future__ import annotations

import logging
import sys
from random import Random

import pytest

from appinsights_exporter.delivery.backoff import Backoff
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.delivery.proxies import OPTION, Proxy, ProxySettingError, check, is_loopback, proxy_for
from appinsights_exporter.delivery.results import Result
from appinsights_exporter.delivery.store import Store
from appinsights_exporter.delivery.transport import HttpTransport
from appinsights_exporter.testing import ManualClock

ENDPOINT = "https://dc.services.visualstudio.com/v2.1/track"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """No proxy is set."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


CHOICES = {
    "none": ({}, {}, ENDPOINT, None),
    "of the scheme": ({"HTTPS_PROXY": "http://p:1"}, {}, ENDPOINT, ("http://p:1", "the variable HTTPS_PROXY")),
    "small letters win": (
        {"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:1"},
        {},
        ENDPOINT,
        ("http://q:1", "the variable https_proxy"),
    ),
    "of another scheme": ({"HTTP_PROXY": "http://p:1"}, {}, ENDPOINT, None),
    "of all schemes": ({"ALL_PROXY": "http://p:1"}, {}, ENDPOINT, ("http://p:1", "the variable ALL_PROXY")),
    "not for this host": ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".visualstudio.com"}, {}, ENDPOINT, None),
    "not for any host": ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, {}, ENDPOINT, None),
    "an odd list of exceptions": (
        {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "[::1,,/,http://x:y,10.0.0.0/99"},
        {},
        ENDPOINT,
        ("http://p:1", "the variable HTTPS_PROXY"),
    ),
    "the option wins": ({"HTTPS_PROXY": "http://p:1"}, {"https": "http://q:1"}, ENDPOINT, ("http://q:1", OPTION)),
    "the option for this host": ({}, {"https://dc.services.visualstudio.com": "http://q:1"}, ENDPOINT, ("http://q:1", OPTION)),
    "an empty option means none": ({"HTTPS_PROXY": "http://p:1"}, {"https": ""}, ENDPOINT, None),
    "an option for another scheme": (
        {"HTTPS_PROXY": "http://p:1"},
        {"http": "http://q:1"},
        ENDPOINT,
        ("http://p:1", "the variable HTTPS_PROXY"),
    ),
    "exceptions in the option": ({"HTTPS_PROXY": "http://p:1"}, {"no_proxy": "dc.services.visualstudio.com"}, ENDPOINT, None),
    "this machine": ({"HTTP_PROXY": "http://p:1", "ALL_PROXY": "http://p:1"}, {}, "http://127.0.0.1:8080/v2.1/track", None),
    "this machine by name": ({"HTTP_PROXY": "http://p:1"}, {}, "http://localhost:8080/v2.1/track", None),
    "this machine over IPv6": ({"HTTPS_PROXY": "http://p:1"}, {}, "https://[::1]:8080/v2.1/track", None),
    "the option for this machine": ({}, {"http": "http://q:1"}, "http://localhost:8080/v2.1/track", ("http://q:1", OPTION)),
}


@pytest.mark.parametrize(("variables", "option", "url", "expected"), CHOICES.values(), ids=CHOICES)
def test_choice(monkeypatch, variables, option, url, expected):
    """The option counts before the environment, which counts as in requests, but never for this machine."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(url, option)
    assert (None if found is None else (found.url, found.source)) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost.example.com", False),
        ("128.0.0.1", False),
        ("::2", False),
        ("", False),
        (None, False),
    ],
)
def test_loopback(host, expected):
    """This machine is known by its name and its addresses."""
    assert is_loopback(host) is expected


SECRET = "s3cret"
UNUSABLE = {
    "slash in the password": f"http://user:p/{SECRET}@proxy.test:8080",
    "number sign in the password": f"http://user:p#{SECRET}@proxy.test:8080",
    "what looks like a host before it": f"http://{SECRET}:1#2@proxy.test:8080",
    "question mark in the password": f"http://user:{SECRET}?@proxy.test:8080",
    "without a scheme": f"user:p/{SECRET}@proxy.test:8080",
    "port that is none": f"http://user:{SECRET}@proxy.test:port",
    "port too large": f"http://user:{SECRET}@proxy.test:99999",
    "no host": f"http://user:{SECRET}@",
    "blank": " ",
    "only a scheme": "http://",
    "broken address": f"http://user:{SECRET}@[::1",
    "ftp": f"ftp://user:{SECRET}@proxy.test:21",
    "unknown scheme": f"gopher://user:{SECRET}@proxy.test:70",
    "password outside Latin-1": f"http://user:{SECRET}\u0142\u20ac@proxy.test:8080",
    "SOCKS without its package": f"socks5h://user:{SECRET}@proxy.test:1080",
}


@pytest.mark.parametrize("place", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY", "option"])
@pytest.mark.parametrize("value", UNUSABLE.values(), ids=UNUSABLE)
def test_a_setting_that_cannot_be_used(monkeypatch, caplog, tmp_path, value, place):
    """It is an outage: the items are kept, and one warning names the setting and nothing of its value, nor does any other line or number."""
    monkeypatch.setitem(sys.modules, "socks", None)
    if place != "option":
        monkeypatch.setenv(place, value)
    caplog.set_level(logging.DEBUG)
    clock = ManualClock()
    store = Store(tmp_path / "store", clock=clock)
    transport = HttpTransport(ENDPOINT, proxies={"https": value} if place == "option" else None)
    delivery = Delivery(transport, store=lambda: store, backoff=Backoff(Random(1), clock), background=False, clock=clock)
    assert delivery.deliver([b'{"n":1}']) is Result.STORED
    clock.advance(100)
    delivery.drain_step()
    assert delivery.kept() == 1
    (said,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert (OPTION if place == "option" else f"the variable {place}") in said
    assert "cannot be used" in said
    words = f"{caplog.text} {delivery.counts.snapshot()}"
    assert SECRET not in words
    assert "proxy.test" not in words
    delivery.shutdown(5)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://user:p/x@proxy.test:8080", "encode special characters"),
        ("http://user:1#2@proxy.test:8080", "encode special characters"),
        ("user:p?x@proxy.test:8080", "encode special characters"),
        (" ", "expected something like"),
        ("socks5://proxy.test:1080", "needs the package PySocks"),
        ("http://user:p%2Fx@proxy.test:8080/", None),
        ("user:p@proxy.test:8080", None),
        ("ftp://user:p@proxy.test", None),
        ("http://[::1]:3128", None),
    ],
)
def test_what_is_said_of_a_setting(monkeypatch, url, words):
    """What the HTTP libraries would take for something else is named; the rest is left to them."""
    monkeypatch.setitem(sys.modules, "socks", None)
    if words is None:
        check(Proxy(url, OPTION))
    else:
        with pytest.raises(ProxySettingError, match=words):
            check(Proxy(url, OPTION))


def test_a_list_of_exceptions_that_cannot_be_used(monkeypatch):
    """Whatever is wrong with it, the error names the variable."""
    monkeypatch.setenv("HTTPS_PROXY", "http://p:1")
    monkeypatch.setenv("NO_PROXY", "x")
    monkeypatch.setattr("requests.utils.should_bypass_proxies", lambda *_, **__: 1 / 0)
    with pytest.raises(ProxySettingError, match="the variable NO_PROXY cannot be used"):
        proxy_for(ENDPOINT, {})


def test_a_proxy_that_is_not_there(monkeypatch):
    """It is named by its setting: what looks like its host may be a part of a password."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://{SECRET}.invalid:1")
    transport = HttpTransport(ENDPOINT)
    error = transport.send(b"[]", {}, 60).error
    transport.close()
    assert (error.kind, error.text) == ("connect", "the name of the host was not found, through the proxy of the variable HTTPS_PROXY")
