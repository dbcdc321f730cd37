"""What the pages name is there: commands and their options, targets of make, files, tests, public names, checks and rules; and pages that the
sources name.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import re
from pathlib import Path
from runpy import run_path

import pytest

from opencensus_compat import _cli
from opencensus_compat.doctor.check import all_checks
from opencensus_compat.local import cli as local_cli
from opencensus_compat.scan.rules import RULES

REPOSITORY = Path(__file__).parents[2]
GUIDE = REPOSITORY / "migration_guide"
GITHUB = run_path(str(REPOSITORY / "docs" / "github_markdown.py"))
PAGES = {
    path.relative_to(REPOSITORY).as_posix(): path.read_text(encoding="utf-8") for path in (*REPOSITORY.glob("*.md"), *GUIDE.glob("*.md"))
}
TOLD = {name: text for name, text in PAGES.items() if name != "CHANGELOG.md"}
"""The changelog tells of what was, too."""
SOURCES = [path for path in (REPOSITORY / "src").rglob("*") if path.suffix in {".py", ".js", ".html"} and "vendor" not in path.parts]
CODE = re.compile(r"^```\w*\n(.*?)^```$|`([^`\n]+)`", re.MULTILINE | re.DOTALL)


def _code(text):
    """Return each block of code and each piece of a line in code."""
    return [block or piece for block, piece in CODE.findall(text)]


@functools.cache
def _options(command):
    """Return the options that a command takes, with those of its own commands."""
    parser = argparse.ArgumentParser()
    importlib.import_module(_cli._COMMANDS[command][0]).add_arguments(parser)
    found, parsers = set(), [parser, *map(local_cli._look_parser, ("show", "transaction") if command == "local" else ())]
    while parsers:
        one = parsers.pop()
        found.update(one._option_string_actions)
        parsers += [each for action in one._actions if isinstance(action, argparse._SubParsersAction) for each in action.choices.values()]
    return found


def _commands(text):
    """Yield command and options of each `census-compat COMMAND ...` in a text, up to the program that it runs."""
    for code in _code(text):
        for line in re.sub(r"\\\n\s*", " ", code).splitlines():
            # What stands in quotation marks is a command of the program's.
            line = re.sub(r"'[^']*'|\"[^\"]*\"", "''", line)  # noqa: PLW2901 -- the rest of it
            for name, rest in re.findall(r"(?:^|[\"'=] ?|[$|&;(] ?|&& |- )census-compat ([a-z]+)((?: [^|&;#`]*)?)", line):
                if name not in ("is", "needs"):  # verbs of messages
                    yield name, re.findall(r"(?<= )--?[a-z][\w-]*", rest.partition(" -- ")[0])


@pytest.mark.parametrize("page", TOLD)
def test_commands_and_options_are_there(page):
    """A page names no command and no option that the command line does not have."""
    wrong = []
    for name, options in _commands(TOLD[page]):
        known = _options(name) if name in _cli._COMMANDS else {"--help"} if name in ("run", "help") else None
        wrong += (
            [f"census-compat {name}"] if known is None else [f"census-compat {name} {option}" for option in options if option not in known]
        )
    assert wrong == []


@pytest.mark.parametrize("command", _cli._COMMANDS)
def test_each_option_is_told(command):
    """Each option of a command is named by a page."""
    told = "\n".join(code for text in TOLD.values() for code in _code(text))
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", told))
    # One of a pair is the default.
    named |= {option.replace("--no-", "--") for option in named}
    assert sorted(option for option in _options(command) - {"--help"} if option.startswith("--") and option not in named) == []


def test_targets_of_make_are_there():
    """Each `make TARGET` of a page is in the Makefile, and each target of the Makefile is in CONTRIBUTING or in the Makefile's head."""
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    named = {name for text in PAGES.values() for code in _code(text) for name in re.findall(r"(?:^|\$ |\n)make ([a-z]\w*)", code)}
    assert named <= targets
    head = makefile.partition("\n\n")[0]
    assert sorted(target for target in targets if f"make {target}" not in head) == []


FILES = re.compile(r"(?<![\w./-])((?:tests|src|docs|benchmarks|examples|migration_guide)/[\w./-]*\w\.\w+)(?:::(\w+))?")


@pytest.mark.parametrize("page", TOLD)
def test_files_and_tests_are_there(page):
    """A path below the repository's folders leads to a file, and a test that is named after it is in the file."""
    missing = []
    for code in _code(TOLD[page]):
        for path, test in FILES.findall(code):
            file = REPOSITORY / path
            if "NAME" in path or "FILE" in path:
                continue
            if not file.exists() or (test and not re.search(rf"^ *def {test}\b", file.read_text(encoding="utf-8"), re.MULTILINE)):
                missing.append(f"{path}::{test}" if test else path)
    assert missing == []


@functools.cache
def _module(path):
    """Return the module that a dotted path begins with, and the rest of the path."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        name = ".".join(parts[:end])
        try:
            return importlib.import_module(name), parts[end:]
        except ModuleNotFoundError:
            continue
    raise LookupError(path)


@pytest.mark.parametrize("page", TOLD)
def test_public_names_are_there(page):
    """A dotted name of one of the packages is a module, or an attribute of one."""
    missing = []
    for code in _code(TOLD[page]):
        for path in re.findall(r"(?<![\w./-])((?:appinsights_exporter|opencensus_compat)(?:\.[A-Za-z]\w*)+)(?![\w/]|\.py)", code):
            found, rest = _module(path)
            for part in rest:
                if not hasattr(found, part):
                    missing.append(path)
                    break
                found = getattr(found, part)
    assert missing == []


def test_checks_and_rules_are_there():
    """Ids of checks of `doctor` and of rules for forms of use are those of the code."""
    checks = {number for check in all_checks() for number in _ids_of(check)}
    rules = {rule.id for rule in RULES}
    wrong = []
    for page, text in TOLD.items():
        for code in _code(text):
            wrong += [f"{page}: {name}" for name in re.findall(r"\b[A-Z]\d{3}\b", code) if name not in checks | rules]
    assert wrong == []


def _ids_of(check):
    return re.findall(r"\bD\d{3}\b", str(vars(check) if hasattr(check, "__dict__") else [getattr(check, name) for name in check.__slots__]))


def _anchors(page):
    return GITHUB["anchors"](PAGES[page])


def test_pages_that_the_sources_name_are_there():
    """A page that a message, a comment or a file of the pages names is there, and so is its heading."""
    missing = set()
    for path in SOURCES:
        for name, anchor in re.findall(r"(?<![\w/.-])([\w/]+\.md)(?![\w(])(?:#([\w-]+))?", path.read_text(encoding="utf-8")):
            page = next((place for place in (name, f"migration_guide/{name}") if place in PAGES), None)
            if page is None or (anchor and anchor not in _anchors(page)):
                missing.add(f"{path.relative_to(REPOSITORY)}: {name}#{anchor}")
    assert sorted(missing) == []


def test_headings_have_one_anchor_each():
    """No page has a heading twice: a link to the second one would break when the first one goes."""
    twice = []
    for page in TOLD:
        found = _anchors(page)
        twice += [f"{page}#{anchor}" for anchor in found if re.search(r"-\d+$", anchor) and re.sub(r"-\d+$", "", anchor) in found]
    assert twice == []


def test_the_sources_are_read():
    """There is something to look at."""
    assert len(SOURCES) > 300
    assert sum(len(list(_commands(text))) for text in TOLD.values()) > 50
