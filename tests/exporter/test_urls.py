"""URLs are taken apart without raising."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appinsights_exporter.convert.urls import (
    SECRET_KEYS,
    authority,
    host_and_port,
    mended,
    redacted,
    split,
    without_credentials,
    without_port,
    without_query,
)

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


AUTHORITIES = {
    "name": ("h", "", None, "h"),
    "name and port": ("h", "81", None, "h:81"),
    "default port": ("h", "80", "80", "h"),
    "own default port": ("h:80", "", "80", "h"),
    "own port, no default": ("h:80", "", None, "h:80"),
    "own port wins": ("localhost:8080", "5000", "80", "localhost:8080"),
    "own default port wins": ("h:443", "8443", "443", "h"),
    "empty own port": ("h:", "81", None, "h:81"),
    "own port that is none": ("h:abc", "81", None, "h:81"),
    "port that is none": ("h", "abc", None, "h"),
    "port that is too large": ("h", "65536", None, "h"),
    "port 0": ("h", "0", None, "h"),
    "two own ports": ("h:8080:5000", "", None, "h:8080"),
    "IPv4": ("10.0.0.1:81", "5000", None, "10.0.0.1:81"),
    "IPv6": ("::1", "81", None, "[::1]:81"),
    "IPv6, default port": ("::1", "80", "80", "[::1]"),
    "IPv6 without port": ("2001:db8::7", "", None, "[2001:db8::7]"),
    "IPv6 with its port behind it": ("::1:8080", "8080", None, "[::1]:8080"),
    "IPv6 that ends like its port": ("::8080", "8080", None, "[::8080]:8080"),
    "IPv6 with a zone": ("fe80::1%eth0", "81", None, "[fe80::1]:81"),
    "IPv6 in brackets": ("[::1]", "81", None, "[::1]:81"),
    "IPv6 in brackets with port": ("[::1]:8080", "5000", None, "[::1]:8080"),
    "IPv4 in IPv6": ("::ffff:10.0.0.1", "", None, "[::ffff:10.0.0.1]"),
    "brackets around anything": ("[x]", "81", None, ""),
    "brackets that stay open": ("[::1", "81", None, "[::1]:81"),
    "user": ("u:p@h:81", "", None, "h:81"),
    "URL": ("https://u@h:81/p", "5000", None, "h:81"),
    "several": ("b1:9092,b2:9092", "", None, "b1:9092"),
    "gRPC": ("ipv6:%5B::1%5D:50051", "", None, "[::1]:50051"),
    "gRPC by name": ("dns:///h:50051", "", None, "h:50051"),
    "SQL Server": ("tcp:h,1433", "", None, "h"),
    "instance": ("h\\i", "1433", "1433", "h\\i"),
    "socket": ("/run/app.sock", "80", None, ""),
    "two ports after IPv4": ("127.0.0.1:8080:5000", "5000", None, "127.0.0.1:8080"),
    "two ports after a name of hex digits": ("cafe.de:8443:443", "443", None, "cafe.de:8443"),
    "hosts without ports": ("a,b", "80", None, "a:80"),
    "abstract socket by scheme": ("unix-abstract:app", "80", None, ""),
    "virtual machine socket": ("vsock:3:1024", "80", None, ""),
    "socket by scheme": ("unix:app", "80", None, ""),
    "socket in a URL": ("%2Frun%2Fdocker.sock", "", None, ""),
    "abstract socket": ("@app", "80", None, ""),
    "abstract socket as the kernel has it": ("\0app", "80", None, ""),
    "pipe": (r"\\.\pipe\docker", "80", None, ""),
    "empty": ("", "80", None, ""),
}


@pytest.mark.parametrize(("address", "port", "default", "shown"), AUTHORITIES.values(), ids=AUTHORITIES)
def test_authority(address, port, default, shown):
    """Host and port as a URL has them; a port in the address wins, and what is no host gives nothing."""
    assert authority(address, port, default) == shown


MENDED = {
    "two ports": ("http://localhost:8080:5000/x?y=1", "5000", "http://localhost:8080/x?y=1"),
    "two ports and a user": ("http://u:p@h:8080:5000/x", "", "http://h:8080/x"),
    "IPv6": ("http://::1:5000/x", "5000", "http://[::1]:5000/x"),
    "IPv6 without port": ("http://::1/x", "", "http://[::1]/x"),
    "whole": ("http://[::1]:5000/a:b", "81", "http://[::1]:5000/a:b"),
    "colons elsewhere": ("http://h:1/a:b?c=d:e", "81", "http://h:1/a:b?c=d:e"),
}


@pytest.mark.parametrize(("url", "port", "whole"), MENDED.values(), ids=MENDED)
def test_mended(url, port, whole):
    """A URL that nobody could open gets one port, and brackets around IPv6."""
    assert mended(url, port) == whole


SECRETS = {
    "alone": ("/a?sig=x", "/a?sig=REDACTED"),
    "among others": ("/a?a=1&sig=x&b=2", "/a?a=1&sig=REDACTED&b=2"),
    "twice": ("?sig=x&sig=y", "?sig=REDACTED&sig=REDACTED"),
    "without a question mark": ("sig=x&a=1", "sig=REDACTED&a=1"),
    "capitals": ("?ToKeN=x", "?ToKeN=REDACTED"),
    "encoded key": ("?%73ig=x&%61=1", "?sig=REDACTED&%61=1"),
    "semicolons": ("?a=1;token=x;y&b=2", "?a=1;token=REDACTED&b=2"),
    "fragment": ("/a?x=1#access_token=x&state=y", "/a?x=1#access_token=REDACTED&state=y"),
    "URL in the query": ("?u=http://h/?sig=x", "?u=http://h/?sig=REDACTED"),
    "= in the value": ("?sig=a=b==&c=1", "?sig=REDACTED&c=1"),
    "no value": ("?sig=&token&a=1", "?sig=&token&a=1"),
    "part of a key": ("?design=1&sigma=2&x-code=3", "?design=1&sigma=2&x-code=3"),
    "in the path": ("https://h/sig=x/a", "https://h/sig=x/a"),
}


@pytest.mark.parametrize(("url", "shown"), SECRETS.values(), ids=SECRETS)
def test_redacted(url, shown):
    """Values of keys that carry secrets go, and nothing else."""
    assert redacted(url) == shown


@pytest.mark.parametrize("key", sorted(SECRET_KEYS))
def test_every_secret_key_is_redacted(key):
    """Each key, in any case, loses its value."""
    assert redacted(f"https://h/?{key}=s3cret&{key.upper()}=s3cret") == f"https://h/?{key}=REDACTED&{key.upper()}=REDACTED"


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
    authority(url, url, "80")
    mended(url, url)
    redacted(url)


@given(st.from_regex(r"https?://[a-z.]{1,10}(:[0-9]{1,4})?(/[a-z0-9/;]{0,10})?(\?[a-z=]{0,5})?(#[a-z]{0,3})?", fullmatch=True))
def test_agrees_with_the_standard_library(url):
    """For well-formed URLs the parts are those of urlsplit."""
    parts = urlsplit(url)
    assert split(url) == (parts.scheme, parts.netloc, parts.path)
