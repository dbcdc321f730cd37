"""The demonstration checks itself; this checks the check."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

_DEMO = Path(__file__).parents[1] / "examples" / "demo.py"


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, with a database of its own."""
    specification = importlib.util.spec_from_file_location("demo", _DEMO)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "demo", module)  # dataclasses look their module up
    specification.loader.exec_module(module)
    module.DATABASE = tmp_path / "build" / "demo.db"
    monkeypatch.setenv("COLUMNS", "80")
    return module


def test_everything_arrives(demo: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """All programs run unchanged, also behind a proxy that answers nobody; what they send is as expected, and no line is too wide."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert demo.main() == 0
    printed = capsys.readouterr().out
    assert f"All as expected: {len(demo.PROGRAMS)} examples" in printed
    before_paths = printed.partition("Look further")[0]
    assert [line for line in before_paths.splitlines() if len(line) > 80] == []
    assert demo.DATABASE.exists()
    compared = printed.partition("on the retired SDK")[2].partition("Look further")[0]
    assert ("dependencies  2 → 2" in compared) == demo.RETIRED.exists()


def test_the_path_of_a_file_is_whole(demo: Any) -> None:
    """No hyphen of a path is a place to begin a line."""
    path = f"/srv/{'-'.join(['shop'] * 10)}/app.py"
    lines = demo._wrapped_properties({"customDimensions": {"process": "MainProcess", "path": path}}, demo.render.Style(80, False, True))
    assert [line.strip() for line in lines] == ["process=MainProcess,", f"path={path}"]


@pytest.mark.parametrize(
    ("program", "expected", "told"),
    [
        ("print('hello')", {"trees": "charge card"}, "expected the transactions"),
        ("print('hello')", {"prints": "goodbye"}, "expected to read 'goodbye'"),
        ("raise SystemExit(3)", {}, "non-zero exit status 3"),
        ("import opencensus_compat", {}, "program.py names opencensus_compat"),
    ],
    ids=["transactions", "output", "failure", "a program that knows us"],
)
def test_what_is_missing_is_told(
    demo: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], program: str, expected: dict[str, str], told: str
) -> None:
    """The exit code is 1, and the last lines say why, if a program did not do what is expected."""
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    demo.EXAMPLES = tmp_path
    demo.RETIRED = tmp_path / "nowhere"
    demo.PROGRAMS = (demo.Program("A program", ("program.py",), "Nothing.", **{"trees": "", **expected}),)
    assert demo.main() == 1
    assert told in capsys.readouterr().out.partition("NOT AS EXPECTED")[2]
