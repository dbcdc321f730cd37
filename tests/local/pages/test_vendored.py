from __future__ import annotations

import hashlib
import re
from importlib.resources import files

import pytest

STATIC = files("opencensus_compat.local.pages").joinpath("static")
MOST_BYTES = 150 * 1024


def _listed():
    rows = re.findall(r"^\| (\S+) \| .* \| ([0-9a-f]{64}) \|$", STATIC.joinpath("vendor/README.md").read_text(), re.MULTILINE)
    return dict(rows)


def _files(folder=STATIC, prefix=""):
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()


SERVED = {name: content for name, content in _files() if name.endswith((".js", ".css", ".html", ".svg"))}


def test_vendored_files_are_those_of_their_packages():
    """Each is byte for byte the file of its package, with its licence beside it; no other is there."""
    vendored = {name.removeprefix("vendor/"): content for name, content in SERVED.items() if name.startswith("vendor/")}
    assert {name: hashlib.sha256(content).hexdigest() for name, content in vendored.items()} == _listed()
    licences = set(re.findall(r"\b\w+\.LICENSE", STATIC.joinpath("vendor/README.md").read_text()))
    assert licences == {entry.name for entry in STATIC.joinpath("vendor").iterdir() if entry.name.endswith(".LICENSE")}


def test_the_pages_are_small():
    """They are loaded at once, also over a tunnel."""
    assert sum(map(len, SERVED.values())) <= MOST_BYTES


@pytest.mark.parametrize("name", [name for name in SERVED if not name.startswith("vendor/")])
def test_no_file_names_another_host(name):
    """Nothing is loaded from elsewhere, and nothing of telemetry becomes markup."""
    text = SERVED[name].decode().replace("http://www.w3.org/2000/svg", "")
    assert (
        re.findall(r"https?://|//[a-z]+\.[a-z]|innerHTML|dangerouslySetInnerHTML|insertAdjacentHTML|\beval\(|document\.write", text) == []
    )
