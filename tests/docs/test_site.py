"""The site of the guide, which ``make docs`` builds: its pages, and Markdown as GitHub shows it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
NAVIGATION = "docs/mkdocs.yml"


def _load(name):
    """Import a module of ``docs/``, which is no package."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


github_markdown = _load("github_markdown")
reference = _load("reference")


def _pages(entries):
    """Return the pages of a navigation, in its order."""
    found = []
    for entry in entries:
        value = entry if isinstance(entry, str) else next(iter(entry.values()))
        found.extend(_pages(value) if isinstance(value, list) else [value])
    return found


def test_each_page_is_in_the_navigation_once():
    """A page of the guide has its line under `nav` in docs/mkdocs.yml, and each line there has its page."""
    listed = _pages(yaml.safe_load((REPOSITORY / NAVIGATION).read_text(encoding="utf-8"))["nav"])
    guide = {f"migration_guide/{path.name}" for path in (REPOSITORY / "migration_guide").glob("*.md")}
    top = {path.name for path in REPOSITORY.glob("*.md")}
    pages = {*guide, *top, "benchmarks/README.md", *reference.pages(REPOSITORY)}
    missing, without_page = sorted(pages - set(listed)), sorted(set(listed) - pages)
    assert (missing, without_page) == ([], []), f"`nav` in {NAVIGATION} is the list"
    assert sorted(set(listed)) == sorted(listed)


def test_the_index_leads_to_each_page():
    """The first page of the guide links to every other one."""
    index = (REPOSITORY / "migration_guide/README.md").read_text(encoding="utf-8")
    pages = sorted(path.name for path in (REPOSITORY / "migration_guide").glob("*.md") if path.name != "README.md")
    assert [page for page in pages if f"]({page}" not in index] == []


def test_the_reference_shows_each_public_name():
    """What a package offers is on its page, once."""
    for package in ("appinsights_exporter", "opencensus_compat"):
        page = reference.pages(REPOSITORY)[f"reference/{package}.md"]
        offered = [name for name in importlib.import_module(package).__all__ if not name.startswith("_")]
        assert [page.splitlines().count(f"::: {package}.{name}") for name in offered] == [1] * len(offered)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param("text\n- one\n- two", "text\n\n- one\n- two", id="a list after text"),
        pytest.param("- one\n  more\n- two", "- one\n    more\n- two", id="text of an item"),
        pytest.param("- one\nmore\n- two", "- one\n    more\n- two", id="text of an item that is not indented"),
        pytest.param("- one\n  - below\n- two", "- one\n    - below\n- two", id="a list in a list"),
        pytest.param("1. one\n   - below\n\n   text\n2. two", "1. one\n    - below\n\n    text\n2. two", id="a numbered list"),
        pytest.param("- for release\n  2. More", "- for release 2. More", id="a number at the beginning of a line"),
        pytest.param("1) one\n2) two", "1. one\n2. two", id="numbers with brackets"),
        pytest.param("- one\n\nafter", "- one\n\nafter", id="text after a list"),
        pytest.param("text\n| a |\n|---|\n| b |", "text\n\n| a |\n|---|\n| b |", id="a table after text"),
        pytest.param("```sh\n- no list\n1) nor this\n```", "```sh\n- no list\n1) nor this\n```", id="code"),
        pytest.param("- one\n  ```sh\n  a\n    b\n  ```", "- one\n    ```sh\n    a\n      b\n    ```", id="code of an item"),
    ],
)
def test_lists_and_tables_are_read_as_on_github(written, read):
    """What GitHub reads as a list or a table is written as Python-Markdown needs it; code stays as it is."""
    assert github_markdown.for_python_markdown(written) == read + "\n"


def test_anchors_are_those_of_github():
    """Signs go, spaces become hyphens, links leave their text, and the second heading of a name gets a number."""
    text = "# What is lost?\n```sh\n# no heading\n```\n## `--target` and *others*\n## [Steps](steps.md): all\n## What is lost?\n"
    assert github_markdown.anchors(text) == ["what-is-lost", "--target-and-others", "steps-all", "what-is-lost-1"]
