"""What the command prints: at 80 columns, in words beside marks, as JSON, and as a block for an issue."""

from __future__ import annotations

import json
import os
import re
import sys

import pytest

from opencensus_compat import _cli
from opencensus_compat.doctor.check import OK, PROBLEM, SKIPPED, WARNING, Check, Finding, Result
from opencensus_compat.doctor.facts import Facts
from opencensus_compat.doctor.report import Look, as_json, as_report, as_text
from opencensus_compat.doctor.sections.versions import Installed, Versions

FACTS = Facts(
    versions=Versions((3, 12, 1), "cpython", (Installed("requests", "2.32.0", "/site"), Installed("census-compat", "0.1.0", "/site")))
)


def _nothing(facts: Facts) -> list[Finding]:
    return []


def _result(id: str, *findings: Finding, failure: str = "") -> Result:
    return Result(Check(id, "test", f"title of {id}", _nothing), findings, failure)


RESULTS = (
    _result("D901", Finding(WARNING, "It may be lost.", "Set it right.", ("app.py:3",))),
    _result("D902"),
    _result(
        "D903",
        Finding(
            PROBLEM,
            "The logger 'orders.api' is at WARNING, which was set by nobody: what info() logs goes nowhere.",
            "Set the level: setLevel(INFO)",
        ),
        Finding(SKIPPED, "There is none."),
    ),
    _result("D904", failure="It is not there."),
    _result("D905", failure="It is not there."),
    _result("D906", Finding(SKIPPED, "It was not wanted.", "Want it.")),
    _result("D907", Finding(SKIPPED, "It was not wanted.", "Want it.")),
)
TEXT = """\
✗ problem D903: The logger 'orders.api' is at WARNING, which was set by nobody:
  what info() logs goes nowhere.
  next: Set the level: setLevel(INFO)

! warning D901: It may be lost.
  next: Set it right.

? could not check D904, D905: It is not there.

@ skipped D903: There is none.
@ skipped 2 checks: It was not wanted.

✗ 1 problem, 1 warning, 2 could not be checked; 1 of 7 checks found nothing to
  say.
"""


def test_text():
    """Problems come first, then warnings; each has its mark, its word and the next step, and the last line counts."""
    assert as_text(RESULTS, Look()) == TEXT.replace("@", "\N{EN DASH}")


@pytest.mark.parametrize("width", [40, 80, 100])
def test_no_line_is_wider(width):
    """No line is wider than the terminal, colours aside, also where a text has line ends and controls in it."""
    results = (*RESULTS, _result("D908", Finding(PROBLEM, "a\nb\x1b[2J" + " word" * 60, "next " * 30, ("seen " * 40,))))
    text = as_text(results, Look(width, colour=True, verbose=True))
    assert max(map(len, re.sub(r"\x1b\[\d+m", "", text).splitlines())) <= width
    assert set(re.findall(r"\x1b\[[^m]*m?", text)) == {f"\x1b[{code}m" for code in (0, 2, 31, 32, 33, 35)}


def test_without_its_characters():
    """A terminal without the marks gets others, and the words are the same."""
    text = as_text(RESULTS, Look(unicode=False, verbose=True))
    assert text.isascii()
    assert [line.split(":")[0] for line in text.splitlines() if line[:2] in ("x ", "! ", "? ", "- ", "+ ")] == [
        "x problem D903",
        "! warning D901",
        "? could not check D904, D905",
        "- skipped D903",
        "- skipped D906, D907",
        "+ ok D902",
        "x 1 problem, 1 warning, 2 could not be checked; 1 of 7 checks found nothing to",
    ]


def test_verbose():
    """Evidence, reasons for what was skipped, and checks that found nothing are in the long text alone."""
    text = as_text(RESULTS, Look(verbose=True))
    assert "  seen: app.py:3\n" in text
    assert "skipped D906, D907: It was not wanted.\n  next: Want it.\n" in text
    assert "ok D902: title of D902\n" in text


def test_json():
    """JSON has each check with its verdict and findings, the exit code, and what tells the environment from others."""
    document = json.loads(as_json(FACTS, RESULTS, strict=False, mask=str))
    assert document["exit_code"] == 1
    assert document["counts"] == {"problems": 1, "warnings": 1, "could_not_check": 2, "skipped": 2, "ok": 1}
    assert [(result["id"], result["verdict"]) for result in document["results"]] == [
        ("D901", "warning"),
        ("D902", "ok"),
        ("D903", "problem"),
        ("D904", "could not check"),
        ("D905", "could not check"),
        ("D906", "skipped"),
        ("D907", "skipped"),
    ]
    assert document["results"][0]["findings"] == [
        {"verdict": "warning", "text": "It may be lost.", "step": "Set it right.", "evidence": ["app.py:3"]}
    ]
    assert document["environment"]["Python"] == "cpython 3.12.1"


def test_report_for_an_issue():
    """The block names releases, and what was found with its evidence; checks that found nothing are counted alone."""
    lines = as_report(FACTS, RESULTS).splitlines()
    assert "- distributions: requests 2.32.0" in lines
    assert "  seen: app.py:3" in lines
    assert not [line for line in lines if "D902" in line or "skipped D" in line]
    assert lines[-1] == "```"


def test_nothing_found():
    """Without findings one line says so."""
    assert as_text([_result("D901"), _result("D902")], Look()) == "✓ no problem found; 2 of 2 checks found nothing to say.\n"
    assert _result("D901").verdict is OK


def test_wrong_usage(capsys):
    """Options that exclude each other end with 2."""
    with pytest.raises(SystemExit) as ended:
        _cli.main(["doctor", "--json", "--verbose"])
    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")
@pytest.mark.parametrize(
    ("variables", "has_colour"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)], ids=["colour", "NO_COLOR", "dumb"]
)
def test_in_a_terminal(variables, has_colour, tmp_path):
    """In a terminal of 80 columns the text fits, in colours unless they are not wanted."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environ = {"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8", "OTEL_SDK_DISABLED": "true", "TMPDIR": str(tmp_path)}
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "opencensus_compat", "doctor"],
        {**environ, **variables},
        file_actions=[(os.POSIX_SPAWN_DUP2, theirs, 1), (os.POSIX_SPAWN_DUP2, theirs, 2), (os.POSIX_SPAWN_CLOSE, ours)],
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:  # The other side is closed.
            break
        if not read:
            break
        said += read
    os.close(ours)
    _, status = os.waitpid(process, 0)
    text = said.decode().replace("\r\n", "\n")
    assert os.waitstatus_to_exitcode(status) == 1
    assert ("\x1b[31m✗\x1b[0m problem D092" in text, "\x1b" in text) == (has_colour, has_colour)
    assert max(map(len, re.sub(r"\x1b\[\d+m", "", text).splitlines())) <= 80
