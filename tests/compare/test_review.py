"""A person says which differences are meant, and the list gets them."""

from __future__ import annotations

import argparse
import datetime
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat.compare import ABSENT, PRESENT, ROW, Accepted, Change, Difference, compare, read_accepted
from opencensus_compat.compare.accepted import parse_toml_subset
from opencensus_compat.compare.cli import add_arguments, run
from opencensus_compat.compare.model import Comparison
from opencensus_compat.compare.reports import Sides
from opencensus_compat.compare.review import Dialogue, append, review
from opencensus_compat.local.commands.terminal import CommandError
from opencensus_compat.local.render import Style

INTERRUPT = signal.SIGINT
_TODAY = datetime.date(2026, 11, 30)


def _change(before, after, *examples, count=1):
    return Change(before, after, count, count, examples)


def _difference(table, column, *changes, distinct=None):
    return Difference(table, column, changes, distinct or len(changes), len(changes), len(changes), 9)


class _Person:
    """Answers, and keeps what was said."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked, self.said = [], []

    def ask(self, question):
        self.asked.append(question)
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)

    def review(self, *differences):
        comparison = Comparison((), differences, (), (), (), (), (), 0)
        return review(comparison, Sides("a", "b"), Dialogue(self.ask, self.said.append, Style(80, False, True)), _TODAY)


_TYPE = _difference("dependencies", "type", _change("INPROC", "InProc", "charge"))
_AMOUNTS = _difference("traces", "customDimensions.amount", *(_change(str(n), f'"{n}"', "sold #") for n in range(3)))
_NEW = _difference("traces", ROW, _change(ABSENT, PRESENT, "charged c-# of <id>"), _change(ABSENT, PRESENT, "re: x"))


def test_accepting_a_change():
    """An entry is for the change that was shown, with its reason and its last day."""
    person = _Person("a", "as meant", "2027-06-30")
    assert person.review(_TYPE) == [
        Accepted("as meant", "dependencies", "type", before="INPROC", after="InProc", until=datetime.date(2027, 6, 30))
    ]
    assert "1 of 1: dependencies" in person.said[0]
    assert any('"charge"' in line for line in person.said)
    assert person.asked[0] == "[a]ccept this change, every change of the [c]olumn, [s]kip, [q]uit? "


def test_accepting_several_changes():
    """Each change is an entry of its own, or all of the column are one."""
    assert len(_Person("a", "as text", "").review(_AMOUNTS)) == 3
    assert _Person("c", "as text", "").review(_AMOUNTS) == [Accepted("as text", "traces", "customDimensions.amount")]


def test_skipping_and_quitting():
    """What was accepted before counts, whether the person quits or goes."""
    assert len(_Person("s", "a", "so", "", "q").review(_TYPE, _AMOUNTS, _NEW)) == 3
    assert len(_Person("a", "so", "").review(_TYPE, _AMOUNTS)) == 1


def test_wrong_answers():
    """An answer that is none is asked for again: a choice, a reason, a day that is one and not over."""
    person = _Person("x", "", "a", " ", "so", "tomorrow", "2020-01-01", "2026-11-30")
    (entry,) = person.review(_TYPE)
    assert (entry.reason, entry.until) == ("so", _TODAY)
    assert person.said[-2:] == ["'tomorrow' is no day like 2027-06-30.", "2020-01-01 is over."]


def test_rows():
    """Rows are accepted by their names, in which digits and ids may be others; all rows of a table never are."""
    person = _Person("a", "new", "")
    assert [entry.where for entry in person.review(_NEW)] == [
        {"message": r"re:charged\ c\-(\d+|#)\ of\ .*"},
        {"message": r"re:re:\ x"},
    ]
    assert person.asked[0] == "[a]ccept these rows, [s]kip, [q]uit? "


def test_more_changes_than_are_shown():
    """Changes that nobody has seen are accepted as a column, or not at all."""
    person = _Person("a", "s")
    assert person.review(_difference("traces", "message", _change("a", "b"), distinct=30)) == []
    assert person.asked[0] == "every change of the [c]olumn, [s]kip, [q]uit? "


@pytest.mark.parametrize(
    "value",
    [
        pytest.param('a "b" \\ \t\x00\x7f\n☃', id="characters"),
        pytest.param("re:.*", id="what looks like a pattern"),
        pytest.param("x" * 5000, id="long"),
        pytest.param("plain" + "x" * 5000 + "y", id="long, and longer than the other one"),
        pytest.param("half \ud83d of a pair", id="half of a pair"),
    ],
)
@pytest.mark.parametrize("name", ["accept.toml", "accept.json"])
def test_what_is_written_accepts_it(record, shop, tmp_path, name, value):
    """A list of the answers accepts the differences that they are about, and the same in TOML for each Python."""
    runs = shop(0, 2), shop(1, 2)
    for run_, text in zip(runs, ("plain", value), strict=True):
        run_.item("Message", None, None, {"message": "m 7", "properties": {"a b.c": text}})
        run_.item("Message", None, None, {"message": f"only {text[:20]} 8", "severityLevel": len(text)})
    files = [record(run_.arrived()) for run_ in runs]
    found = compare(*files)
    person = _Person(*["a", "so", ""] * len(found.open_differences))
    append(tmp_path / name, person.review(*found.open_differences))
    after = compare(*files, accepted=read_accepted(tmp_path / name))
    assert after.verdict == "equal"
    assert after.unused == ()
    if name == "accept.toml":
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert [entry["reason"] for entry in parse_toml_subset(text)["accept"]] == [
            entry.reason for entry in read_accepted(tmp_path / name)
        ]


def test_what_is_there_is_kept(tmp_path):
    """Comments, newlines and mode of a list stay, and so does the file that a link names."""
    file = tmp_path / "real.toml"
    file.write_bytes(b'# ours\r\n[[accept]]\r\nreason = "x" # why')
    file.chmod(0o640)
    (tmp_path / "accept.toml").symlink_to(file)
    append(tmp_path / "accept.toml", [Accepted("so", "traces", "message", {"a.b": "c"})])
    assert file.read_bytes() == (
        b'# ours\r\n[[accept]]\r\nreason = "x" # why\r\n\r\n[[accept]]\r\ntable = "traces"\r\ncolumn = "message"\r\n'
        b'where = { "a.b" = "c" }\r\nreason = "so"\r\n'
    )
    assert file.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "accept.toml").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["accept.toml", "real.toml"]


def test_a_list_that_cannot_be_continued(tmp_path):
    """A form that no entry can follow stays as it is, and the message has the entries."""
    file = tmp_path / "accept.toml"
    file.write_text('accept = [{ reason = "x" }]\n')
    with pytest.raises(CommandError, match=r'which is as it was(?s:.*)reason = "so"'):
        append(file, [Accepted("so")])
    assert file.read_text() == 'accept = [{ reason = "x" }]\n'


def _runs(record, shop):
    before, after = shop(0, 2), shop(1, 2)
    after.items[0]["data"]["baseData"]["responseCode"] = "500"
    return record(before.arrived()), record(after.arrived())


def _at_a_terminal(answers, *words, cwd):
    """Run the command at a terminal, answer its questions, and return its exit code and what it wrote."""
    master, slave = os.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "dumb"}
    process = subprocess.Popen(
        [sys.executable, "-m", "opencensus_compat", "compare", *map(str, words)],
        stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    written = b""
    try:
        while select.select([master], [], [], 60)[0]:
            try:
                piece = os.read(master, 4096)
            except OSError:  # the other side is closed
                break
            written += piece
            if answers == [INTERRUPT]:
                process.send_signal(answers.pop())
            elif answers and written.rstrip(b" ").endswith((b"?", b"sentence:", b"ever:")):
                os.write(master, answers.pop(0))
        return process.wait(30), written.decode()
    finally:
        process.kill()
        process.wait()
        os.close(master)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals here")
def test_at_a_terminal(record, shop, tmp_path):
    """The command asks, writes the list, and its report and exit code are those with the new list."""
    files = _runs(record, shop)
    code, written = _at_a_terminal([b"a\n", b"as meant\n", b"\n"], *files, "--review", cwd=tmp_path)
    assert code == 0, written
    assert "1 entry added to accept.toml." in written
    assert "No difference beside 1 that is accepted." in written
    assert [entry.reason for entry in read_accepted(tmp_path / "accept.toml")] == ["as meant"]
    code, written = _at_a_terminal([], *files, "--review", cwd=tmp_path)
    assert code == 0
    assert "[q]uit" not in written


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals here")
def test_interrupted_at_a_terminal(record, shop, tmp_path):
    """A Ctrl+C in the middle leaves no list behind."""
    code, written = _at_a_terminal([b"a\n", INTERRUPT], *_runs(record, shop), "--review", cwd=tmp_path)
    assert code == 130, written
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".toml") == []


def test_without_a_terminal(record, shop, tmp_path, monkeypatch, capsys):
    """Where nobody can be asked the command says so at once."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    monkeypatch.chdir(tmp_path)
    assert run(parser.parse_args([*map(str, _runs(record, shop)), "--review"])) == 2
    assert "--review asks questions: expected a terminal" in capsys.readouterr().err
    assert not Path("accept.toml").exists()
