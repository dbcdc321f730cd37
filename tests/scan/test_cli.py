"""The command: what it prints, where, and its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from opencensus_compat import _cli
from opencensus_compat.scan import cli

_PROGRAM = """\
from opencensus.trace.tracer import Tracer

tracer = Tracer()
tracer.start_span("work")
tracer.end_span()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with one program, which is the current one."""
    (tmp_path / "app.py").write_text(_PROGRAM, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_text(capsys):
    """A use has its place, its rule, its line and its class; a question follows where a person must decide."""
    assert _cli.main(["scan", "app.py"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert [re.sub(r" +", " ", line).strip() for line in out.splitlines()] == [
        "app.py",
        "1:37 I001 from opencensus.trace.tracer import Tracer exact",
        "3:10 T001 tracer = Tracer() exact",
        '4:1 T012 tracer.start_span("work") exact',
        "5:1 T013 tracer.end_span() decide",
        "Which function holds the span and the token of `attach`?",
        "4 uses in 1 of 1 file: 3 exact, 1 to be decided.",
    ]


def test_text_fits_80_columns(folder, capsys):
    """Without a terminal no line is longer than 80 columns, but for a path, and there is no colour."""
    (folder / "app.py").write_text(_PROGRAM + f"tracer.start_span({'x' * 300!r})\n", encoding="utf-8")
    _cli.main(["scan"])
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out


def test_text_does_nothing_to_a_terminal(folder, capsys):
    """Control characters of a line are not printed."""
    (folder / "app.py").write_text(_PROGRAM + "tracer.start_span('\x1b[31m\u202e')\n", encoding="utf-8")
    _cli.main(["scan"])
    assert not re.search("[\x1b\u202e]", capsys.readouterr().out)


def test_json(capsys):
    """JSON has everything that the text has, and nothing else is on standard output."""
    assert _cli.main(["scan", "--format", "json", "app.py"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["version"], document["files"], document["problems"]) == (1, 1, [])
    assert document["uses"][3] == {
        "path": "app.py",
        "line": 5,
        "column": 1,
        "rule": "T013",
        "class": "decide",
        "form": "end of the current span",
        "counterpart": "`span.end()` and `context.detach(token)`; the current span's end, and the context around it, where another function started it",
        "question": "Which function holds the span and the token of `attach`?",
        "arrives": [{"table": "requests", "columns": ["duration"]}, {"table": "dependencies", "columns": ["duration"]}],
        "symbol": "trace.tracer.Tracer.end_span",
        "text": "tracer.end_span()",
    }


def test_github(folder, capsys):
    """Each line with a use is annotated once; what would end a field is written in another way."""
    (folder / "a,b.py").write_text(_PROGRAM.replace('"work"', '"100%"'), encoding="utf-8")
    assert _cli.main(["scan", "--format", "github", "a,b.py"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "::notice file=a%2Cb.py,line=1,col=37,title=OpenCensus%3A I001::import of a name (exact): drop it with the last use of the name",
        (
            "::notice file=a%2Cb.py,line=3,col=10,title=OpenCensus%3A T001::"
            "tracer (exact): `trace.get_tracer(__name__)`; exporter and sampler in one TracerProvider"
        ),
        (
            "::notice file=a%2Cb.py,line=4,col=1,title=OpenCensus%3A T012::"
            "start of a span without its end (exact): `start_span` and `context.attach`: OpenCensus makes the span current"
        ),
        (
            "::warning file=a%2Cb.py,line=5,col=1,title=OpenCensus%3A T013::"
            "end of the current span (decide): Which function holds the span and the token of `attach`?"
        ),
        "4 uses in 1 of 1 file: 3 exact, 1 to be decided.",
    ]


def test_markdown(folder, capsys):
    """The tables have each rule and each use; source keeps its bars and backticks to itself."""
    (folder / "app.py").write_text("from opencensus.trace.tracer import Tracer\nTracer() or '`|`'\n", encoding="utf-8")
    assert _cli.main(["scan", "--format", "markdown", "app.py"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["# Uses of OpenCensus", "", "2 uses in 1 of 1 file: 2 exact."]
    assert "| 1 | I001 | exact | import of a name | drop it with the last use of the name |" in lines
    assert lines[-1] == "| app.py:2 | T001 | `` Tracer() or '`\\|`' `` |"


def test_output(folder, capsys):
    """A report goes to a file, which is there whole or not at all."""
    assert _cli.main(["scan", "--format", "json", "--output", "report.json"]) == 0
    assert capsys.readouterr().out == ""
    assert len(json.loads((folder / "report.json").read_text(encoding="utf-8"))["uses"]) == 4
    assert sorted(path.name for path in folder.iterdir()) == ["app.py", "report.json"]


def test_output_that_cannot_be_written(folder, capsys):
    """The message names the file and the reason."""
    assert _cli.main(["scan", "--output", "absent/report.txt"]) == 2
    assert capsys.readouterr().err == "census-compat scan: cannot write absent/report.txt: No such file or directory\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param([], 0, id="found"),
        pytest.param(["--fail-on", "none"], 0, id="nothing fails"),
        pytest.param(["--fail-on", "decide"], 1, id="a decision"),
        pytest.param(["--fail-on", "any"], 1, id="any use"),
        pytest.param(["--fail-on", "any", "--exclude", "app.py"], 0, id="nothing found"),
        pytest.param(["absent"], 2, id="path that does not exist"),
    ],
)
def test_exit_code(arguments, code, capsys):
    """The exit code says what was found, as `--fail-on` asks for it."""
    assert _cli.main(["scan", *arguments]) == code
    capsys.readouterr()


def test_a_path_that_does_not_exist_is_named(capsys):
    """Nothing is scanned where a path is wrong."""
    assert _cli.main(["scan", "app.py", "absent"]) == 2
    assert capsys.readouterr() == ("", "census-compat scan: expected files or folders, found no 'absent'\n")


def test_what_cannot_be_read_is_told(folder, capsys):
    """The code is 3, the file is named with the reason, and the rest is in the report."""
    (folder / "link.py").symlink_to("nowhere")
    assert _cli.main(["scan", ".", "link.py"]) == 3
    out = capsys.readouterr().out
    assert "cannot read link.py: neither a regular file nor a folder" in out
    assert "4 uses" in out


def test_statistics(capsys):
    """The uses of each form are counted."""
    _cli.main(["scan", "--statistics"])
    assert "      1  T012  exact   start of a span without its end\n" in capsys.readouterr().out


def test_interrupted(folder, capsys, monkeypatch):
    """Ctrl+C leaves no report."""

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "scan", interrupted)
    assert _cli.main(["scan", "--output", "report.txt"]) == 130
    assert capsys.readouterr().err == "census-compat scan: interrupted; no report was written\n"
    assert [path.name for path in folder.iterdir()] == ["app.py"]
