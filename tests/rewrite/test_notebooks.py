"""Notebooks: the code of their cells is rewritten, and every byte outside of changed lines stays."""

from __future__ import annotations

import json
import subprocess
from textwrap import dedent

import pytest

from opencensus_compat import _cli
from opencensus_compat.rewrite.model import Options
from opencensus_compat.rewrite.rewriting import rewrite, rewrite_text
from opencensus_compat.scan import notebooks
from opencensus_compat.scan.project import scan

_IMPORTS = """\
import logging
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())"""
_NEW_IMPORTS = """\
import logging
from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)"""
_SPAN, _NEW_SPAN = "with tracer.span(name='wörk'):\n    pass\n", "with tracer.start_as_current_span('wörk'):\n    pass\n"


def _notebook(*sources: object, **style: object) -> bytes:
    """Return a notebook with some cells of code, after one of text."""
    text = {"cell_type": "markdown", "metadata": {}, "source": ["# opencensus\n", "Grüße \\n\n"]}
    code = [
        {"cell_type": "code", "execution_count": 1, "metadata": {"source": ["a\n"]}, "outputs": [{"text": ["source\n"]}], "source": each}
        for each in sources
    ]
    document = {"cells": [text, *code], "metadata": {"kernelspec": {"language": "python"}}, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(document, **{"indent": 1, "ensure_ascii": False, **style}) + "\n").encode()


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _sources(data: bytes) -> list[str]:
    cells = json.loads(data.decode("utf-8-sig"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def _rewritten(data: bytes) -> bytes:
    result = rewrite_text(data, "a.ipynb")
    assert result.problems == []
    return result.after.get("a.ipynb", data)


_STYLES: dict[str, dict[str, object]] = {
    "as Jupyter writes": {},
    "in one line": {"indent": None},
    "with tabs": {"indent": "\t"},
    "with escapes": {"ensure_ascii": True},
}


@pytest.mark.parametrize("style", _STYLES.values(), ids=_STYLES)
@pytest.mark.parametrize("as_text", [False, True], ids=["lists of lines", "texts"])
def test_lines_that_change_and_no_others(style, as_text):
    """Names go from cell to cell; the JSON of all lines that are the same keeps its bytes, and a second run changes none."""
    sources = [_IMPORTS, "x = 'Ü\\n'\n", _SPAN]
    before = _notebook(*(each if as_text else _lines(each) for each in sources), **style)
    after = _rewritten(before)
    assert _sources(after) == [_NEW_IMPORTS, "x = 'Ü\\n'\n", _NEW_SPAN]
    assert after == _notebook(*(each if as_text else _lines(each) for each in [_NEW_IMPORTS, sources[1], _NEW_SPAN]), **style)
    assert _rewritten(after) == after


def test_json_of_another_hand():
    """Bytes between the lines that stay are not written anew: blanks, escapes, a mark at the head."""
    head = '\ufeff{ "cells" :[ {"cell_type": "code",\n "source" : [ "\\u0069mport logging\\n"'
    tail = ' , "\\u0078 = 1\\n"  ,"y = 1"  ] , "outputs":[] }] }\n'
    before = f'{head} ,\n\n "from opencensus.trace.tracer import Tracer\\n"{tail}'
    assert _rewritten(before.encode()).decode() == head + tail


_MAGICS = {
    "lines of IPython": "%matplotlib inline\n!ls \\\n  -l\n?print\nprint??\nfiles = !ls\nx = %sql select 1\n{}",
    "a line of a block": "if True:\n    !ls\n    %cd ..\n{}",
    "a line that goes on": "x = (7\n  % 2)\n!ls\n'''\n% no\n'''\ny = 1 + \\\n  2\n{}",
    "a cell that is timed": "%%time\n{}",
    "a cell that is caught": "\n%%capture out\n!ls\n{}",
    "awaits": "await work()\n!ls\n{}",
}


@pytest.mark.parametrize("cell", _MAGICS.values(), ids=_MAGICS)
def test_what_is_no_python_stays(cell):
    """Magics, lines for the shell and questions stay as they are among code that changes."""
    before = _notebook(_IMPORTS, cell.replace("{}", _SPAN))
    assert _sources(_rewritten(before)) == [_NEW_IMPORTS, cell.replace("{}", _NEW_SPAN)]


def test_packages_in_lines_for_the_shell():
    """`pip install` in a cell installs what takes the place of OpenCensus's packages, with the instrumentations of the notebook; other commands stay."""
    shell = "%pip install opencensus-ext-azure opencensus pandas\n!conda install opencensus\nif True:\n    !{python} -m pip install -q opencensus"
    code = "from opencensus.trace import config_integration\nconfig_integration.trace_integrations(['requests'])\n"
    before = _notebook(shell, code)
    result = rewrite_text(before, "a.ipynb", Options(shape=True))
    added = "census-compat opentelemetry-instrumentation-requests"
    assert _sources(result.after["a.ipynb"])[0] == (
        f"%pip install {added} pandas\n!conda install opencensus\nif True:\n    !{{python}} -m pip install -q {added}"
    )
    assert [(change.cell, change.line) for change in result.changes if change.rule == "R001"] == [(2, 1), (2, 4)]
    again = rewrite_text(result.after["a.ipynb"], "a.ipynb", Options(shape=True))
    assert again.after == {}
    assert [(one.cell, one.line, one.rule, one.why) for one in again.left] == [(2, 2, "R001", "keep")]


@pytest.mark.parametrize("cell", ["%%bash\necho opencensus\n", "%%writefile a.py\nimport opencensus.trace\n", "?\n", "def broken(:\n", ""])
def test_a_cell_of_something_else(cell):
    """A cell of another language, or one that is no Python and has none of OpenCensus's names, stays, and the others change."""
    assert _sources(_rewritten(_notebook(_IMPORTS, cell, _SPAN))) == [_NEW_IMPORTS, cell, _NEW_SPAN]


def test_code_behind_a_magic():
    """The code of `%timeit` changes as all code; a line whose code goes goes with it."""
    before = _notebook(_IMPORTS, "%time tracer.finish()\nif True:\n    %timeit -n 3 -r1 tracer.add_attribute_to_current_span('a', 1)")
    assert _sources(_rewritten(before))[1] == "if True:\n    %timeit -n 3 -r1 trace.get_current_span().set_attribute('a', 1)"


@pytest.mark.parametrize("cell", ["def broken(:\n    tracer.span('a')", "opencensus ="])
def test_a_cell_that_cannot_be_parsed(cell):
    """Where such a cell may use what others have of OpenCensus, the notebook stays, and the report names the cell."""
    result = rewrite_text(_notebook(_IMPORTS, cell), "a.ipynb")
    assert result.after == {}
    assert [problem.reason.rpartition(":")[0] for problem in result.problems] == [
        "this Python cannot parse cell 3, and no cell was changed"
    ]


def test_no_notebook():
    """A file that is named as a notebook, and is none, is reported."""
    assert [problem.reason for problem in rewrite_text(b'["opencensus"]', "a.ipynb").problems] == [
        "no notebook: expected a notebook with cells"
    ]


def test_signs_of_ours():
    """Characters that stand for cells here are refused in a notebook."""
    reasons = [problem.reason for problem in rewrite_text(_notebook(f"'\ue001'\n{_IMPORTS}"), "a.ipynb").problems]
    assert reasons == ["no notebook: expected no characters U+E000 to U+E002, which stand for cells here"]


def test_markers():
    """A question stands above the line in its cell, is written once, and goes with the use."""
    cells = ["%%time\nfrom opencensus.trace.tracer import Tracer\ntracer = Tracer()\n"]
    after = _rewritten(_notebook(*cells))
    lines = _sources(after)[0].splitlines()
    assert lines[:2] == cells[0].splitlines()[:2]
    assert lines[2].startswith("# census-compat: T001 ")
    assert lines[3:] == ["tracer = Tracer()"]
    assert _rewritten(after) == after


def test_a_span_from_cell_to_cell():
    """A span that one cell starts and another one ends is a question: cells need not run in one context."""
    begin, end = "tracer.start_span('a')", "tracer.end_span()"
    result = rewrite_text(_notebook(_IMPORTS, begin, end), "a.ipynb")
    assert [(left.cell, left.line, left.rule) for left in result.left if left.why == "decide"] == [(3, 1, "T012"), (4, 1, "T013")]
    assert rewrite_text(_notebook(_IMPORTS, f"{begin}\n{end}"), "a.ipynb").left == []


def test_blank_lines_at_the_borders_of_cells():
    """A cell does not begin or end with the blank lines of what has gone, and one of which everything goes is empty."""
    first = "from opencensus.trace.tracer import Tracer\n\nx = 1"
    before = _notebook(_lines(_IMPORTS), _lines(first), _lines("y = 1\n\nfrom opencensus.trace import samplers"), _lines(first)[:1])
    after = _rewritten(before)
    assert _sources(after) == [_NEW_IMPORTS, "x = 1", "y = 1", ""]
    assert json.loads(after)["cells"][-1]["source"] == []


def test_a_tracer_of_a_module(tmp_path):
    """A notebook that never names OpenCensus and uses a module's tracer is found, and changes with the module."""
    (tmp_path / "telemetry.py").write_text(_IMPORTS + "\n", encoding="utf-8")
    cell = f"from telemetry import tracer\n!ls\n{_SPAN}"
    (tmp_path / "a.ipynb").write_bytes(_notebook(_lines(cell)))
    assert {(use.cell, use.line, use.rule_id) for use in scan([str(tmp_path)]).uses if use.cell} == {(2, 1, "I007"), (2, 3, "T010")}
    result = rewrite([str(tmp_path)])
    assert _sources(result.after[str(tmp_path / "a.ipynb")]) == [cell.replace(_SPAN, _NEW_SPAN)]
    alone = rewrite([str(tmp_path / "telemetry.py")])
    assert alone.after == {}
    assert any("a.ipynb:2:" in left.text for left in alone.left)


def test_the_command(tmp_path, monkeypatch, capsys):
    """The diff is by cell, `--line` names a cell, `--patch` keeps a patch of the file, and a second run says that nothing is left."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.ipynb"
    before = _notebook(_lines(_IMPORTS), _lines(_SPAN))
    path.write_bytes(before)
    assert _cli.main(["rewrite", "a.ipynb", "--line", "a.ipynb:3:1"]) == 1
    assert (
        dedent("""\
        --- a/a.ipynb cell 3
        +++ b/a.ipynb cell 3
        @@ -1,2 +1,2 @@
        -with tracer.span(name='wörk'):
        +with tracer.start_as_current_span('wörk'):
             pass
        """)
        in capsys.readouterr().out
    )
    assert _cli.main(["rewrite", "a.ipynb", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert {(use["cell"], use["line"], use["rule"]) for change in document["changes"] for use in change["uses"]} >= {(3, 1, "T010")}
    assert _cli.main(["rewrite", "a.ipynb", "--write", "--patch", "way-back", "--allow-dirty"]) == 0
    assert _sources(path.read_bytes()) == [_NEW_IMPORTS, _NEW_SPAN]
    assert _cli.main(["rewrite", "a.ipynb"]) == 0
    subprocess.run(["git", "apply", "-R", "way-back"], check=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize("place", ["a.ipynb:3", "a.py:x", "a.ipynb:0:1", ":1"])
def test_a_place_that_is_none(place, capsys):
    """`--line` says what it expects."""
    assert _cli.main(["rewrite", ".", "--line", place]) == 2
    assert "expected FILE:LINE after --line, or FILE:CELL:LINE of a notebook" in capsys.readouterr().err


@pytest.mark.parametrize(
    "cell", ["a\n\n", "", "\n", "%%time", "%%time\n", "!a\\\n\\\nb", "a = !b\\\n c", "%time x = 1", "if a:\n\t!b\n", "a\r\n!b\r\n"]
)
def test_there_and_back(cell):
    """The Python of a notebook gives the notebook back."""
    data = _notebook(cell, _lines(cell))
    notebook = notebooks.read(data)
    assert list(notebook.cells().values()) == [cell, cell]
    assert notebook.with_text(notebook.text) == data
