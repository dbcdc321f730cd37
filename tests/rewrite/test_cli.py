"""The command: what it prints and writes, when it refuses, and its exit codes."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat import _cli
from opencensus_compat.rewrite import cli, files
from opencensus_compat.scan.rules import BY_ID

_BEFORE = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span(name="work"):
    pass
"""
_AFTER = """\
from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
with trace.get_tracer(__name__).start_as_current_span("work"):
    pass
"""
_QUESTION = "from opencensus.trace.tracer import Tracer\n\ntracer = Tracer()\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with one program, which is the current one and no repository."""
    (tmp_path / "app.py").write_text(_BEFORE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return tmp_path


def _git(*arguments: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def repository(folder) -> Path:
    """The same folder as a repository in which everything is committed."""
    _git("init", "-q")
    _git("add", ".")
    _git("commit", "-qm", "all")
    return folder


def _run(*arguments: str) -> int:
    return _cli.main(["rewrite", *arguments])


def test_nothing_is_written_without_write(folder):
    """The diff alone changes no file, and says so by its exit code."""
    assert _run("app.py", "--json") == 1
    assert (folder / "app.py").read_text(encoding="utf-8") == _BEFORE


def test_write(repository):
    """A committed file is written with its mode, and a second run has nothing to do."""
    (repository / "app.py").chmod(0o751)
    _git("commit", "-qam", "mode")
    assert _run("--write") == 0
    assert (repository / "app.py").read_text(encoding="utf-8") == _AFTER
    assert stat.S_IMODE((repository / "app.py").stat().st_mode) == 0o751
    assert _run() == 0
    assert sorted(os.listdir()) == [".git", "app.py"]


def test_uncommitted_changes_are_refused(repository, capsys):
    """A file that git could not bring back is not written without a word for it."""
    with (repository / "app.py").open("a", encoding="utf-8") as file:
        file.write("print(1)\n")
    assert _run("--write") == 2
    assert "uncommitted changes in app.py" in capsys.readouterr().err.replace(f".{os.sep}", "")
    assert "opencensus" in (repository / "app.py").read_text(encoding="utf-8")
    assert _run("--write", "--allow-dirty") == 0
    assert (repository / "app.py").read_text(encoding="utf-8") == f"{_AFTER}print(1)\n"


def test_without_git_a_patch_is_the_way_back(folder, capsys):
    """Outside a repository nothing is written unless a patch is kept, which undoes it."""
    assert _run("--write") == 2
    assert "--patch FILE" in capsys.readouterr().err
    assert _run("--write", "--patch", "undo.patch") == 0
    assert (folder / "app.py").read_text(encoding="utf-8") == _AFTER
    _git("apply", "-R", "undo.patch")
    assert (folder / "app.py").read_text(encoding="utf-8") == _BEFORE


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="for root no file is read-only")
def test_a_read_only_file_is_refused(repository, capsys):
    """Where one file cannot be written, none is."""
    (repository / "app.py").chmod(0o444)
    assert _run("--write") == 2
    assert "read-only" in capsys.readouterr().err


def test_what_is_half_written_goes_back(repository, monkeypatch, capsys):
    """An interruption, or a disk that is full, leaves all files as they were."""
    (repository / "b.py").write_text(_BEFORE, encoding="utf-8")
    write = files.write

    def failing(path, data):
        if path.endswith("b.py"):
            raise KeyboardInterrupt
        write(path, data)

    monkeypatch.setattr(files, "write", failing)
    assert _run("--write", "--allow-dirty") == 2
    assert "nothing was written: interrupted" in capsys.readouterr().err
    assert (repository / "app.py").read_text(encoding="utf-8") == _BEFORE


def test_a_file_that_does_not_parse(folder, capsys):
    """It is reported, and the others are rewritten."""
    (folder / "old.py").write_text("import opencensus\nprint 'Python 2'\n", encoding="utf-8")
    assert _run("--json") == 5
    document = json.loads(capsys.readouterr().out)
    assert [problem["path"] for problem in document["problems"]] == [f".{os.sep}old.py"]
    assert len(document["changes"]) == 1
    assert _run() == 5
    assert "Left: 1 file that could not be read." in capsys.readouterr().out


def test_strict(folder):
    """A question is an exit code of its own where it is asked for."""
    (folder / "app.py").write_text(_QUESTION, encoding="utf-8")
    assert _run("--no-markers") == 0
    assert _run("--no-markers", "--strict") == 3


def test_generated_files_are_left_alone(folder, capsys):
    """A file that a tool makes is listed and not changed."""
    (folder / "app.py").write_text(f"# Generated by a tool. DO NOT EDIT.\n{_BEFORE}", encoding="utf-8")
    assert _run("--json") == 0
    assert {each["why"] for each in json.loads(capsys.readouterr().out)["left"]} == {"generated"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.py"], "found no 'absent.py'"),
        (["--rule", "T999"], "got T999"),
        (["--line", "app.py"], "expected FILE:LINE"),
        (["-", "--write"], "standard input"),
        (["--explain", "X"], "got 'X'"),
    ],
)
def test_wrong_usage(arguments, message, capsys):
    """What was expected and what came is said, and the exit code is 2."""
    assert _run(*arguments) == 2
    assert message in capsys.readouterr().err


def test_standard_input(monkeypatch, capfdbinary):
    """One file comes in and goes out; the report is beside it."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(_BEFORE.encode())))
    assert _run("-") == 0
    out, err = capfdbinary.readouterr()
    assert out.decode() == _AFTER
    assert b"Nothing is left" in err


def test_standard_input_that_has_nothing_comes_out_again(monkeypatch, capfdbinary):
    """A file without OpenCensus goes through as it is."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"print(1)\r\n")))
    assert _run("-") == 0
    assert capfdbinary.readouterr().out == b"print(1)\r\n"


def test_rules_and_lines_choose(folder, capsys):
    """A rule or a line chooses the changes that have it."""
    two = "from opencensus.trace import execution_context as e\n\ne.get_opencensus_tracer().finish()\ne.get_current_span()\n"
    (folder / "app.py").write_text(two, encoding="utf-8")
    for arguments in (["--rule", "t014"], ["--line", "app.py:3"]):
        assert _run("--json", *arguments) == 1
        (change,) = json.loads(capsys.readouterr().out)["changes"]
        assert {use["line"] for use in change["uses"]} == {3}


def test_lines_fit_80_columns(folder, capfdbinary):
    """What is said to people is no wider than 80 columns, and has no colour without a terminal."""
    (folder / "app.py").write_text(_QUESTION, encoding="utf-8")
    _run("--no-markers")
    out = capfdbinary.readouterr().out.decode()
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out


def test_interrupted(monkeypatch, capsys):
    """Ctrl+C ends with a sentence and no file changed."""

    def interrupted(*_arguments: object, **_keywords: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "rewrite", interrupted)
    assert _run() == 130
    assert "no file was changed" in capsys.readouterr().err


@pytest.mark.parametrize("rule", [rule for rule in BY_ID.values() if rule.pair], ids=lambda rule: rule.id)
def test_rules_are_explained(rule, capsys):
    """Each rule with a pair shows its programs, and what becomes of the form."""
    assert _run("--explain", rule.id.lower()) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{rule.id}  {rule.form}\n")
    assert [f"{side} ({name})" in out for name in rule.pair.split() for side in ("before", "after")] == [True] * (
        2 * len(rule.pair.split())
    )


def test_the_rules_are_listed(capsys):
    """The list has one line for each rule that is rewritten."""
    assert _run("--list-rules") == 0
    out = capsys.readouterr().out
    assert "T010  exact" in out
    assert max(map(len, out.splitlines())) <= 80
