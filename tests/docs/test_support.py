"""``migration_guide/support.md`` says what ``pyproject.toml`` says; ``SECURITY.md`` names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PROJECT = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
SUPPORT = (REPOSITORY / "migration_guide" / "support.md").read_text(encoding="utf-8")


def _declared():
    """Return the hard dependencies as the page writes ranges: ``1.28 to before 2``."""
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", PROJECT, re.MULTILINE | re.DOTALL)[1]
    found = {}
    for name, oldest, before in re.findall(r'^    "([\w-]+)>=([\d.]+)(?:,<([\d.]+))?"', listed, re.MULTILINE):
        found[name] = f"{oldest} to before {before}" if before else f"{oldest} and later"
    assert len(found) == len(listed.strip().splitlines())
    return found


def test_ranges_are_those_of_the_project():
    """Each hard dependency and Python have their row, with the range that is declared."""
    shown = {
        name: row[2]
        for row in re.findall(r"^\| ((?:`[\w-]+`(?:, )?)+|(Python)) \| ([^|]*) \|", SUPPORT, re.MULTILINE)
        for name in re.findall(r"[\w-]+", row[0])
    }
    pythons = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT)
    assert f'requires-python = ">={pythons[0]}"' in PROJECT
    assert shown == {**_declared(), "Python": f"{pythons[0]} to {pythons[-1]}"} | {
        name: shown[name] for name in shown if name == "opentelemetry-opencensus-shim"
    }


def test_the_readme_has_the_same_range():
    """Where the README names a range, it is that of the project."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for words in re.findall(r"OpenTelemetry (1\.\d+ to before \d+)", readme):
        assert words == _declared()["opentelemetry-sdk"]


def test_the_oldest_opentelemetry_is_what_make_oldest_installs():
    """`make oldest` runs the tests on the lower end of the range."""
    oldest = _declared()["opentelemetry-sdk"].split()[0]
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert f"opentelemetry-api=={oldest}.0 opentelemetry-sdk=={oldest}.0" in makefile


def test_legacy_releases_are_those_of_the_environment_with_them():
    """The releases that this package stands for are those that the tests compare with."""
    pinned = dict(
        re.findall(r"^([\w-]+)==([\d.]+)$", (REPOSITORY / "tests/legacy-requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert f"opencensus {pinned['opencensus']} and opencensus-ext-azure {pinned['opencensus-ext-azure']}" in SUPPORT


def test_tests_that_security_names_are_there():
    """Each test that is linked is a function of the file that the link leads to."""
    text = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")
    links = re.findall(r"\[`(test_\w+)`\]\(([^)]+)\)", text)
    assert len(links) > 25
    missing = []
    for name, path in links:
        tree = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
        if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            missing.append((name, path))
    assert missing == []


def test_security_names_every_fuzz_target():
    """Each target of `make fuzz` has its words in the list."""
    words = {
        "connection_strings": "connection strings",
        "replies": "replies and their bodies",
        "reply_bodies": "replies and their bodies",
        "proxy_settings": "proxy settings",
        "envelopes": "envelopes",
        "legacy_lines": "lines that the retired",
        "stored_files": "stored files",
        "local_bodies": "bodies at the local endpoint",
        "trace_headers": "headers and states of traces",
        "trace_states": "headers and states of traces",
        "extracted": "headers and states of traces",
        "tags": "tags",
        "hosts": "host names",
        "tracebacks": "texts of tracebacks",
    }
    source = (REPOSITORY / "tests/fuzz/targets.py").read_text(encoding="utf-8")
    targets = re.findall(r"^def ([a-z]\w+)\(data: bytes\)", source, re.MULTILINE)
    text = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8").partition("## Fuzzing")[2]
    assert set(targets) == words.keys()
    assert [phrase for phrase in words.values() if phrase not in text] == []
