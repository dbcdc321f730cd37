"""Everything in the repository that uses OpenCensus, and files that are put together at random."""

from __future__ import annotations

import ast
import difflib
import importlib.util
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opencensus_compat.rewrite.edits import Edit, Origins, apply
from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_ROOT = Path(__file__).parents[2]
_FOLDERS = ("examples", "tests/parity/programs", "tests/real_programs/programs", "tests/mixed/programs", "tests/scan/corpus")
_PROGRAMS = sorted(
    path
    for folder in _FOLDERS
    for path in (_ROOT / folder).rglob("*.py")
    if b"opencensus" in path.read_bytes() and "clean" not in path.parts
)


@pytest.mark.parametrize("shape", [False, True], ids=["exact", "shape"])
def test_programs_of_the_repository(shape):
    """Each can be parsed afterwards, what it imports is there, and a second run changes nothing."""
    wrong = []
    for path in _PROGRAMS:
        data = path.read_bytes()
        after = rewrite_text(data, str(path), Options(shape=shape)).after.get(str(path), data)
        again = rewrite_text(after, str(path), Options(shape=shape)).after
        wrong += [f"{path}: changes again"] if again else []
        wrong += [f"{path}: imports {name}" for name in _imported(after) - _imported(data) if not _is_there(name)]
    assert wrong == []


def _imported(data: bytes) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(data)) if isinstance(node, ast.ImportFrom) and not node.level]
    return {f"{node.module}:{alias.name}" for node in nodes for alias in node.names}


def _is_there(name: str) -> bool:
    module, _, member = name.partition(":")
    try:
        found = importlib.import_module(module)
    except ImportError:
        return module.partition(".")[0] == "opentelemetry"
    return hasattr(found, member) or importlib.util.find_spec(f"{module}.{member}") is not None


_PIECES = {
    "with tracer.span(name='é') as span:\n    span.add_attribute('a', 'ü')  # why\n": "with tracer.start_as_current_span('é') as span:\n    span.set_attribute('a', 'ü')  # why\n",
    "tracer.add_attribute_to_current_span(attribute_key='a',\n    # why\n    attribute_value=1)\n": "trace.get_current_span().set_attribute('a',\n    # why\n    1)\n",
    "x = {\n  'a' : 1,  'b':2 ,\n}\n": None,
    "def f( a,b ) :\n\treturn  a+b\n": None,
    "'''text\n# census-compat: T013 no marker, but text\n'''\n": None,
    "# comment\n\n": None,
    "async def g():\n    async with h() as i, j():\n        await i\n": None,
    "if (n := 1) > 0: print(f'{n!r:>{10}}'); print(2)\n": None,
}
_HEAD = "from opencensus.trace import execution_context\n\ntracer = execution_context.get_opencensus_tracer()\n"
_NEW_HEAD = "from opentelemetry import trace\n\ntracer = trace.get_tracer(__name__)\n"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(_PIECES)), max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_only_uses_change(pieces, line_end):
    """Whatever stands around the uses, in whichever order, stays to the byte."""
    before = (_HEAD + "".join(pieces)).replace("\n", line_end).encode()
    expected = (_NEW_HEAD + "".join(_PIECES[piece] or piece for piece in pieces)).replace("\n", line_end).encode()
    assert rewrite_text(before).after == {"<stdin>": expected}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "", "  c"]), min_size=1, max_size=12), st.data())
def test_lines_are_followed(lines, data):
    """Each line after that no edit wrote stands for the one that it was before."""
    source = "".join(f"{line}{number}\n" for number, line in enumerate(lines)).encode()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    chosen = data.draw(st.lists(st.integers(0, len(lines) - 1), unique=True, max_size=4))
    edits = []
    for at in chosen:
        kind = data.draw(st.sampled_from(["drop", "before", "replace"]))
        end = starts[at] if kind == "before" else starts[at + 1]
        edits.append(Edit(starts[at], end, {"drop": b"", "before": b"new\nnew\n", "replace": b"x\ny\nz\n"}[kind]))
    after = apply(source, edits).splitlines()
    found, before = Origins.of(source, edits), source.splitlines()
    kept = {line for number, line in enumerate(before) if number not in chosen}
    for number, line in enumerate(after, 1):
        if line in kept:
            assert before[found.before(number) - 1] == line


def test_trees_are_equal_outside_the_uses():
    """A program of 200 lines differs in the lines of its uses only."""
    program = (_ROOT / "tests/parity/programs/structure.py").read_text(encoding="utf-8")
    result = rewrite_text(program.encode(), options=Options(shape=True))
    after = next(iter(result.after.values())).decode().splitlines()
    used = {part.line for change in result.changes for part in change.parts} | {each.line for each in result.left}
    before = program.splitlines()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    touched = {line + 1 for tag, start, end, _, _ in matcher.get_opcodes() if tag != "equal" for line in range(start, end)}
    strange = [before[line - 1] for line in touched - used if "import" not in before[line - 1] and before[line - 1].strip()]
    assert [
        line for line in strange if "opencensus" not in line and not line.strip().startswith(("#", ")", "Tracer", "exporter", "sampler"))
    ] == []


_SERVICE = _ROOT / "tests" / "mixed" / "programs" / "service"
_BY_HAND = {
    ("worker.py", "job = pool.submit(RuntimeContext.with_current_context(pack), sku)"),
}
"""What a person has rewritten of the service."""


def test_the_rewritten_service(tmp_path):
    """The service that runs half-migrated is what a rewrite makes of the legacy one, but for lines at which it asks."""
    folder = tmp_path / "service"
    shutil.copytree(_SERVICE / "opencensus", folder)
    result = rewrite([str(folder)], Options(shape=True, markers=False))
    made = {Path(path).name: data for path, data in result.after.items()}
    lines = {path.name: path.read_text(encoding="utf-8").splitlines() for path in folder.glob("*.py")}
    asked = {(name, lines[name][each.line - 1].strip()) for each in result.left if each.why == "decide" for name in [Path(each.path).name]}
    assert asked == _BY_HAND
    for name in sorted(lines.keys() - {"worker.py"}):
        assert made[name] == (_SERVICE / "rewritten" / name).read_bytes(), name
    by_hand = (_SERVICE / "rewritten" / "worker.py").read_text(encoding="utf-8").splitlines()
    assert [line for line in made["worker.py"].decode().splitlines() if line not in by_hand] == [
        "from opencensus.common.runtime_context import RuntimeContext",
        "    job = pool.submit(RuntimeContext.with_current_context(pack), sku)",
    ]
