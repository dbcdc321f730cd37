"""The copy of a folder: what is in it, and that each run begins with the same."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from opencensus_compat.local.commands.terminal import CommandError
from opencensus_compat.rewrite.verify.tree import Copy, root_of

from .conftest import committed


@pytest.fixture
def folder(service):
    """A repository with what git ignores, links, a virtual environment, and a repository in it."""
    (service / ".gitignore").write_text(".env\n*.dump\n.venv/\ndata/\n", encoding="utf-8")
    for path in ("app/main.py", "data/big.csv", "data/small.csv", ".venv/pyvenv.cfg", ".venv/bin/python", "inner/lib.py", "old.dump"):
        (service / path).parent.mkdir(parents=True, exist_ok=True)
        (service / path).write_text("x = 1\n", encoding="utf-8")
    (service / ".env").write_text("A=1\n", encoding="utf-8")
    (service / "old.dump").write_bytes(bytes(1_000_001))
    (service / "main.py").symlink_to("app/main.py")
    (service / "absolute.py").symlink_to(service / "app" / "main.py")
    committed(service)
    committed(service / "inner")
    (service / "new.py").write_text("not yet known to git\n", encoding="utf-8")
    return service


@pytest.fixture
def copied(folder, tmp_path):
    """Return what copies the folder."""

    def copy(*also):
        made = Copy(folder, tmp_path / "copy")
        made.fill(also, lambda _: None)
        return made

    return copy


def _files(folder):
    found = {}
    for path in sorted(folder.rglob("*")):
        if ".git" not in path.parts and ".venv" not in path.relative_to(folder).parts[:-1] and (path.is_file() or path.is_symlink()):
            found[str(path.relative_to(folder))] = os.readlink(path) if path.is_symlink() else path.read_bytes()
    return found


@pytest.mark.parametrize("has_git", [True, False])
def test_what_is_copied(folder, copied, has_git, monkeypatch):
    """What git ignores is left out, but for small files and for what is named; virtual environments are linked."""
    if not has_git:
        monkeypatch.setattr(shutil, "which", lambda _: None)
    copy = copied("data/small.csv")
    found = _files(copy.folder)
    known = {
        ".gitignore",
        ".env",
        "absolute.py",
        "main.py",
        "new.py",
        "orders.py",
        "sending.py",
        "app/main.py",
        "inner/lib.py",
        "data/small.csv",
        ".venv",
    }
    assert found.keys() == known
    assert (found["main.py"], found[".venv"]) == ("app/main.py", str(folder / ".venv"))
    assert found["absolute.py"] == str(copy.folder / "app" / "main.py")


def test_each_run_begins_with_the_same(copied):
    """What a run wrote, changed or removed, and the edits of another run, are undone."""
    copy = copied()
    before = _files(copy.folder)
    copy.put({"orders.py": b"edited\n", "main.py": b"edited through a link\n"})
    assert _files(copy.folder)["orders.py"] == b"edited\n"
    assert _files(copy.folder)["app/main.py"] == b"x = 1\n"
    (copy.folder / "made" / "there").mkdir(parents=True)
    (copy.folder / "made" / "there" / "a.db").touch()
    (copy.folder / "new.log").touch()
    (copy.folder / ".env").write_text("A=2\n", encoding="utf-8")
    shutil.rmtree(copy.folder / "app")
    copy.put({})
    assert _files(copy.folder) == before
    assert not (copy.folder / "made").exists()


def test_bytecode_of_edited_files_goes(copied):
    """Python tells bytecode from its source by seconds and size, which an edit may leave as they were."""
    copy = copied()
    cache = copy.folder / "__pycache__"
    for edits, left in (({"orders.py": b"1"}, ["sending"]), ({}, ["sending"]), ({}, ["orders", "sending"])):
        cache.mkdir(exist_ok=True)
        for name in ("orders", "sending"):
            (cache / f"{name}.cpython-311.pyc").touch()
        copy.put(edits)
        assert sorted(path.name.partition(".")[0] for path in cache.iterdir()) == left


def test_which_folder_is_copied(folder, monkeypatch, tmp_path):
    """It is that of the repository, and what is edited lies below it."""
    monkeypatch.chdir(folder / "app")
    assert root_of(["main.py"]) == folder
    with pytest.raises(CommandError, match="expected files below"):
        root_of([str(tmp_path)])
    monkeypatch.chdir(tmp_path)  # which HOME names
    with pytest.raises(CommandError, match="is none"):
        root_of([])


def test_paths_in_the_copy(folder, copied):
    """A path of the original has one in the copy, unless it is only linked or left out."""
    copy = copied()
    assert copy.inside("orders.py") == str(copy.folder / "orders.py")
    assert copy.inside(str(folder / "app")) == str(copy.folder / "app")
    assert [copy.inside(path) for path in (".venv/bin/python", "data/big.csv", "/", str(Path.home()))] == [None] * 4
