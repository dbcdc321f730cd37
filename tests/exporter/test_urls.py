"""URLs are taken apart without raising."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appinsights_exporter.convert.urls import host_and_port, split, without_credentials, without_default_port, without_port, without_query

SPLITS = {
    "whole": ("https://h.com:8080/a/b?x=1#f", ("https", "h.com:8080", "/a/b")),
    "no path": ("https://h.com", ("https", "h.com", "")),
    "query at once": ("https://h.com?x", ("https", "h.com", "")),
    "scheme in capitals": ("HTTP://H/x", ("http", "H", "/x")),
    "credentials": ("http://u:p@h/x", ("http", "u:p@h", "/x")),
    "malformed port": ("http://h:abc/p", ("http", "h:abc", "/p")),
    "broken IPv6": ("http://[::1/p", ("http", "[::1", "/p")),
    "no scheme": ("//h/x", ("", "h", "/x")),
    "path": ("/a/b?x", ("", "", "/a/b")),
    "no authority": ("h.com/p?x", ("", "", "h.com/p")),
    "URL in the query": ("/r?u=http://x/y", ("", "", "/r")),
    "empty": ("", ("", "", "")),
}


@pytest.mark.parametrize(("url", "parts"), SPLITS.values(), ids=SPLITS)
def test_split(url, parts):
    """Scheme, authority and path."""
    assert split(url) == parts


CREDENTIALS = {
    "user and password": ("https://u:p@h.com/a@b?c@d", "https://h.com/a@b?c@d"),
    "user": ("https://u@h.com", "https://h.com"),
    "@ in the password": ("https://u:p@q@h.com/", "https://h.com/"),
    "none": ("https://h.com/a@b", "https://h.com/a@b"),
    "no scheme": ("//u:p@h.com/", "//h.com/"),
    "no authority": ("mailto:a@b", "mailto:a@b"),
}


@pytest.mark.parametrize(("url", "clean"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_without_credentials(url, clean):
    """User and password go, whatever else holds an @."""
    assert without_credentials(url) == clean


PORTS = {
    "default": ("h:80", "80", "h"),
    "other": ("h:81", "80", "h:81"),
    "empty port": ("h:", None, "h"),
    "none": ("h", "80", "h"),
    "no default": ("h:80", None, "h:80"),
    "IPv6": ("[::1]:80", "80", "[::1]"),
    "bare IPv6": ("::80", "80", "::80"),
}


@pytest.mark.parametrize(("host", "default", "shown"), PORTS.values(), ids=PORTS)
def test_without_default_port(host, default, shown):
    """Only the default port goes."""
    assert without_default_port(host, default) == shown


@pytest.mark.parametrize(
    ("host", "name"), [("h:80", "h"), ("h", "h"), ("h:", "h"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("::1", "::1")]
)
def test_without_port(host, name):
    """The port goes, whatever it is."""
    assert without_port(host) == name


def test_small_parts():
    """Query and fragment go; an authority loses its user."""
    assert without_query("/a#f?x") == "/a"
    assert without_query("/a?x#f") == "/a"
    assert host_and_port("u:p@h:1") == "h:1"


@given(st.text())
def test_nothing_raises(url):
    """Any text can be taken apart."""
    split(url)
    without_credentials(url)
    without_query(url)
    without_default_port(url, "80")


@given(st.from_regex(r"https?://[a-z.]{1,10}(:[0-9]{1,4})?(/[a-z0-9/;]{0,10})?(\?[a-z=]{0,5})?(#[a-z]{0,3})?", fullmatch=True))
def test_agrees_with_the_standard_library(url):
    """For well-formed URLs the parts are those of urlsplit."""
    parts = urlsplit(url)
    assert split(url) == (parts.scheme, parts.netloc, parts.path)
