"""Which authorities are trusted to say who the other side is: by the rules of requests, whose variables name another file than certifi's."""

from __future__ import annotations

import os
import ssl
from typing import NamedTuple

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class BundleError(Exception):
    """The certificates to check the other side's against cannot be read. Its text is ours."""


class Trusted(NamedTuple):
    """The certificates of the authorities that are trusted: a file, or a folder of files."""

    file: str | None
    folder: str | None
    written_ns: int
    """When the file was written. One that is exchanged counts for connections that are opened from then on."""


def trusted() -> Trusted:
    """Return whom to trust now.

    Raises:
        BundleError: There are no certificates to check the other side's against.
    """
    found = next((value for name in VARIABLES if (value := os.environ.get(name))), None)
    if found is None:
        import certifi

        found = certifi.where()
    try:
        written_ns = os.stat(found).st_mtime_ns
    except OSError:
        raise BundleError(f"{source()} cannot be read") from None
    is_folder = os.path.isdir(found)
    return Trusted(None if is_folder else found, found if is_folder else None, written_ns)


def source() -> str:
    """Return who says which authorities are trusted, for messages."""
    name = next((name for name in VARIABLES if os.environ.get(name)), None)
    return (
        "the file of trusted certificates of the package certifi"
        if name is None
        else f"the file of trusted certificates in the variable {name}"
    )


def tls(whom: Trusted) -> ssl.SSLContext:
    """Return how TLS is spoken with the other side, whose certificate is always checked.

    Raises:
        ssl.SSLError: What is trusted are no certificates.
    """
    made = ssl.create_default_context(cafile=whom.file, capath=whom.folder)
    made.set_alpn_protocols(["http/1.1"])
    return made
