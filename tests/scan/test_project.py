"""Scans of folders with all that folders hold: nothing of it ends a scan, and nothing else is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opencensus_compat.scan import project
from opencensus_compat.scan.findings import Result
from opencensus_compat.scan.project import Program, scan
from opencensus_compat.scan.walk import walk

_USE = "from opencensus.trace.tracer import Tracer\n"


def _write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _found(*paths: Path, exclude: tuple[str, ...] = ()) -> list[tuple[str, int, int, str]]:
    """The uses below some paths: name of the file, line, column, rule."""
    result = scan([str(path) for path in paths], exclude=exclude)
    assert result.problems == []
    return [(Path(use.path).name, use.line, use.column, use.rule_id) for use in result.uses]


@pytest.mark.parametrize(
    ("content", "uses"),
    [
        pytest.param(b"\xef\xbb\xbf" + _USE.encode(), [(1, 37, "I001")], id="byte order mark"),
        pytest.param(b"# x\r\n" + _USE.encode().replace(b"\n", b"\r\n"), [(2, 37, "I001")], id="CRLF"),
        pytest.param(b"# -*- coding: latin-1 -*-\nA = '\xe9'\n" + _USE.encode(), [(3, 37, "I001")], id="latin-1, declared"),
        pytest.param(b"A = '\xe9'\n" + _USE.encode(), [(2, 37, "I001")], id="latin-1, not declared"),
        pytest.param(
            "from opencensus.trace.tracer import Tracer\n'é', Tracer()\n".encode(), [(1, 37, "I001"), (2, 6, "T001")], id="column"
        ),
        pytest.param(b"print 'x'\n" + _USE.encode() * 3, [(2, 1, "F001")], id="Python 2"),
        pytest.param(b"import opencensus.trace\ndef broken(:\n", [(1, 1, "F001")], id="syntax error"),
        pytest.param(b"def broken(:\n# opencensus\n", [(1, 1, "F001")], id="syntax error without an import"),
        pytest.param(b"import opencensus.trace\0\n", [], id="binary"),
        pytest.param(b"import opencensus.trace\n" + b"#" * 1000 + b"\0", [(1, 1, "F001")], id="zero byte"),
        pytest.param(_USE.encode() + b"a = " + b"(" * 5000 + b")" * 5000, [(1, 1, "F001")], id="nested deeply"),
        pytest.param(_USE.encode() + b"a = 1" + b" + 1" * 30000, [(1, 1, "F001")], id="sum of thousands"),
        pytest.param(b"'\\d' is 1\n" + _USE.encode(), [(2, 37, "I001")], id="what Python warns of"),
        pytest.param(b"", [], id="empty"),
    ],
)
def test_any_file(tmp_path, content, uses):
    """A file in any encoding and of any Python is read, or reported once."""
    _write(tmp_path, "a.py", content)
    assert _found(tmp_path) == [("a.py", *use) for use in uses]


def test_a_giant_file_is_read_by_lines(tmp_path, monkeypatch):
    """A file that is too large for a syntax tree is reported once, with its first import."""
    monkeypatch.setattr(project, "_LARGEST_BYTES", 10_000)
    _write(tmp_path, "with_use.py", "A = 1\n" * 5000 + _USE * 2)
    _write(tmp_path, "without.py", "A = 'opencensus'\n" * 5000)
    assert _found(tmp_path) == [("with_use.py", 5001, 1, "F002")]


def test_a_word_across_two_parts_of_a_file_is_found(tmp_path, monkeypatch):
    """A file is read in parts, and what lies across two of them counts."""
    for size in range(20, 40):
        monkeypatch.setattr(project, "_PART_BYTES", size)
        _write(tmp_path, "a.py", "#" * 20 + "\n" + _USE)
        assert _found(tmp_path) == [("a.py", 2, 37, "I001")]


def test_nothing_that_is_read_runs(tmp_path):
    """A file is neither imported nor run."""
    _write(tmp_path, "a.py", f"{_USE}open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit(9)\n")
    assert len(_found(tmp_path)) == 1
    assert not (tmp_path / "ran").exists()


def test_links_make_no_circles(tmp_path):
    """A link to a folder is not followed, one to a file is, and one that leads nowhere is nothing."""
    _write(tmp_path, "in/a.py", _USE)
    (tmp_path / "in/loop").symlink_to(tmp_path)
    (tmp_path / "in/b.py").symlink_to(tmp_path / "in/a.py")
    (tmp_path / "in/c.py").symlink_to("nowhere")
    (tmp_path / "in/d.py").symlink_to("d.py")
    result = scan([str(tmp_path)])
    assert [Path(use.path).name for use in result.uses] == ["a.py", "b.py"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_opened(tmp_path):
    """What would block is left alone."""
    os.mkfifo(tmp_path / "a.py")
    assert _found(tmp_path) == []


def test_a_file_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    """What the system refuses is told by name and reason, and the rest is scanned."""
    _write(tmp_path, "a.py", _USE)
    _write(tmp_path, "b.py", _USE)
    look = project._look

    def refuse(path):
        if path.endswith("a.py"):
            raise PermissionError(13, "Permission denied")
        return look(path)

    monkeypatch.setattr(project, "_look", refuse)
    result = scan([str(tmp_path)])
    assert [(Path(problem.path).name, problem.reason) for problem in result.problems] == [("a.py", "Permission denied")]
    assert [Path(use.path).name for use in result.uses] == ["b.py"]


@pytest.mark.parametrize(
    ("ignored", "names"),
    [
        pytest.param("a.py", {"b.py", "sub/c.py"}, id="name"),
        pytest.param("sub/", {"a.py", "b.py"}, id="folder"),
        pytest.param("/*.py", {"sub/a.py", "sub/c.py"}, id="at the top"),
        pytest.param("*.py\n!b.py", {"b.py"}, id="but for one"),
        pytest.param("**/c.py\n# a.py\n\n", {"a.py", "b.py", "sub/a.py"}, id="at any depth, and a comment"),
        pytest.param("sub/**", {"a.py", "b.py"}, id="all below"),
        pytest.param("[!a].py", {"a.py", "sub/a.py"}, id="characters"),
        pytest.param("[", {"a.py", "b.py", "sub/a.py", "sub/c.py"}, id="broken pattern"),
    ],
)
def test_git_ignores(tmp_path, ignored, names):
    """What git ignores is left out."""
    for name in ("a.py", "b.py", "sub/a.py", "sub/c.py"):
        _write(tmp_path, name, _USE)
    _write(tmp_path, ".gitignore", ignored)
    result = scan([str(tmp_path)])
    assert {Path(use.path).relative_to(tmp_path).as_posix() for use in result.uses} == names


def test_the_repository_around_a_folder_counts(tmp_path):
    """A `.gitignore` above the folder counts up to the top of the repository; a folder that is named is looked at."""
    _write(tmp_path, ".gitignore", "a.py\nbuild/\n")
    (tmp_path / ".git").mkdir()
    for name in ("sub/a.py", "sub/b.py", "build/a.py"):
        _write(tmp_path, name, _USE)
    assert [name for name, *_ in _found(tmp_path / "sub")] == ["b.py"]
    assert [name for name, *_ in _found(tmp_path / "build")] == ["a.py"]


def test_exclude(tmp_path):
    """Names and paths that match a pattern are left out."""
    for name in ("a.py", "test_a.py", "sub/b.py", "sub/deep/c.py"):
        _write(tmp_path, name, _USE)
    assert [name for name, *_ in _found(tmp_path, exclude=("test_*", "sub/deep"))] == ["a.py", "b.py"]


def test_environments_are_left_out(tmp_path):
    """A virtual environment below the folder is no code of the project, unless it is named."""
    _write(tmp_path, "env/pyvenv.cfg", "")
    _write(tmp_path, "env/a.py", _USE)
    assert _found(tmp_path) == []
    assert len(_found(tmp_path / "env")) == 1


def test_a_copy_of_opencensus_is_one_finding(tmp_path):
    """The real package inside the code is told once."""
    for name in ("trace/tracer.py", "trace/span.py", "stats/view.py"):
        _write(tmp_path, f"vendor/opencensus/{name}", _USE)
    assert [rule for *_, rule in _found(tmp_path)] == ["R003"]


def test_scripts_without_a_suffix(tmp_path):
    """A script says by its first line that it is Python's."""
    _write(tmp_path, "script", "#!/usr/bin/env python3\n" + _USE)
    _write(tmp_path, "other", _USE)
    assert [name for name, *_ in _found(tmp_path)] == ["script"]


def test_a_file_named_twice_is_read_once(tmp_path):
    """The same file by two paths is one file."""
    path = _write(tmp_path, "a.py", _USE)
    assert len(_found(tmp_path, path)) == 1


def test_names_travel_over_several_modules(tmp_path):
    """A name is followed from module to module, through stars and packages, wherever the files are in the order of names."""
    _write(tmp_path, "shop/__init__.py", "")
    _write(tmp_path, "shop/z_base.py", _USE + "class Base:\n    tracer = Tracer()\nshared = Tracer()\n")
    _write(tmp_path, "shop/y.py", "from .z_base import *\n")
    _write(tmp_path, "shop/x.py", "from shop.y import shared as common\n")
    _write(tmp_path, "shop/a.py", "from shop import x\nx.common.finish()\n")
    _write(tmp_path, "shop/b.py", "def shared():\n    pass\nshared.finish()\n")
    assert [use for use in _found(tmp_path) if use[0] in "a.py b.py"] == [("a.py", 2, 1, "T014")]


def test_modules_of_the_same_name_are_told_apart(tmp_path):
    """An import means the nearest module of its name."""
    for app in ("one", "two"):
        _write(tmp_path, f"{app}/use.py", "from telemetry import tracer\ntracer.finish()\n")
    _write(tmp_path, "one/telemetry.py", _USE + "tracer = Tracer()\n")
    _write(tmp_path, "two/telemetry.py", "tracer = None\n")
    assert [Path(use.path).parent.name for use in scan([str(tmp_path)]).uses if use.rule_id == "T014"] == ["one"]


def test_only_files_that_may_get_something_are_parsed(tmp_path):
    """A module of the same last name in another package, or of the standard library, is not the one that hands something on."""
    for path, text in {
        "app/settings.py": "from opencensus.trace.tracer import Tracer\n\ntracer = Tracer()\n",
        "app/logging.py": "from opencensus.trace.tracer import Tracer\n\ntracer = Tracer()\n",
        "app/__init__.py": "",
        "app/views.py": "from app.settings import tracer\n",
        "other/settings.py": "tracer = None\n",
        "other/views.py": "from other.settings import tracer\n",
        "other/logs.py": "import logging\n\ntracer = logging.tracer\n",
        "other/__init__.py": "",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    program = Program(Result())
    for path in walk([str(tmp_path)]):
        program.add(path)
    program.readings = {}
    program.connect()
    assert {path.removeprefix(f"{tmp_path}/") for path in program.readings} == {"app/settings.py", "app/logging.py", "app/views.py"}


def test_what_a_rewritten_file_still_has(tmp_path):
    """Data of records and envelopes in a file of the native exporter is no use of OpenCensus, whatever other files have."""
    (tmp_path / "old.py").write_text("from opencensus.trace import execution_context\n", encoding="utf-8")
    text = 'def role(envelope):\n    envelope.tags["ai.cloud.role"] = "shop"\n'
    (tmp_path / "new.py").write_text(f"from appinsights_exporter import configure\n\n\n{text}", encoding="utf-8")
    (tmp_path / "apart.py").write_text(text, encoding="utf-8")
    found = {(os.path.basename(use.path), use.rule_id) for use in scan([str(tmp_path)]).uses}
    assert found == {("old.py", "I001"), ("apart.py", "A007")}
