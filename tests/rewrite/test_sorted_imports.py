"""Imports that were sorted stay sorted; others stay as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_PROGRAMS = Path(__file__).parents[1] / "pairs" / "programs"
_LEGACY = (
    "from opencensus.ext.azure.trace_exporter import AzureExporter\n"
    "from opencensus.trace.samplers import AlwaysOnSampler\n"
    "from opencensus.trace.tracer import Tracer\n"
)
_CONFIGURE, _TRACE = "from appinsights_exporter import configure\n", "from opentelemetry import trace\n"
_SAMPLING = "from opentelemetry.sdk.trace.sampling import ALWAYS_ON\n"
_USE = "\nwith Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span(name='a'):\n    print({})\n"
_NEW_USE = (
    "\nconfigure(signals=[\"traces\"], sampler=ALWAYS_ON)\nwith trace.get_tracer(__name__).start_as_current_span('a'):\n    print({})\n"
)


def _unsorted(folder: Path, *options: str) -> set[str]:
    """Return the names of the files in a folder whose imports Ruff would sort."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "I001", "--output-format", "concise"]
    command += ["--line-length", "320", *options, str(folder)]
    # Elsewhere than in this repository, whose packages are no others' own.
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    return {Path(line.partition(":")[0]).name for line in found.stdout.splitlines() if "I001" in line}


def test_programs_that_were_sorted_stay_so(tmp_path):
    """Of the pairs' programs none whose imports Ruff finds sorted is unsorted after."""
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        folder.mkdir()
    for path in _PROGRAMS.glob("*.before.py"):
        text = path.read_bytes()
        (before / path.name).write_bytes(text)
        (after / path.name).write_bytes(rewrite_text(text, path.name, Options(shape=True)).after.get(path.name, text))
    assert _unsorted(after) - _unsorted(before) == set()


_BLOCKS = {
    "among others": (
        f"import flask\nfrom azure import identity\n{_LEGACY}from requests import get\n",
        f"import flask\n{_CONFIGURE}from azure import identity\n{_TRACE}{_SAMPLING}from requests import get\n",
    ),
    "statements of both kinds in one order": (
        f"from azure import identity\nimport flask\n{_LEGACY}from requests import get\nimport zope\n",
        f"{_CONFIGURE}from azure import identity\nimport flask\n{_TRACE}{_SAMPLING}from requests import get\nimport zope\n",
    ),
    "a module that is there": (
        f"{_LEGACY}from opentelemetry import baggage\n",
        f"{_CONFIGURE}from opentelemetry import baggage, trace\n{_SAMPLING}",
    ),
    "comments stay with their imports": (
        f"import flask  # web\n# of Azure\nfrom azure import identity\n{_LEGACY}",
        f"import flask  # web\n{_CONFIGURE}# of Azure\nfrom azure import identity\n{_TRACE}{_SAMPLING}",
    ),
    "sections": (
        f"import os\n\nimport flask\n{_LEGACY}\nfrom . import shop\n",
        f"import os\n\nimport flask\n{_CONFIGURE}{_TRACE}{_SAMPLING}\nfrom . import shop\n",
    ),
    "no order": (
        f"from requests import get\nimport flask\n{_LEGACY}from azure import identity\n",
        f"from requests import get\nimport flask\n{_CONFIGURE}{_TRACE}{_SAMPLING}from azure import identity\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), _BLOCKS.values(), ids=_BLOCKS)
def test_blocks(before, after):
    """New imports stand in their places where there is an order, and where the first old one stood where there is none."""
    names = "flask, identity, get" if "flask" in before else "baggage"
    result = rewrite_text((before + _USE.format(names)).encode(), "app.py")
    assert result.after["app.py"].decode() == after + _NEW_USE.format(names)
    assert rewrite_text(result.after["app.py"], "app.py").after == {}


_HEADS = {
    "before the program's own": (
        "import os\n\nfrom telemetry import tracer\n",
        "import os\n\nfrom opentelemetry import trace\n\nfrom telemetry import sold, tracer\n",
    ),
    "among other makers'": (
        "import os\n\nimport flask\nimport zope\n\nfrom telemetry import tracer\n",
        "import os\n\nimport flask\nimport zope\nfrom opentelemetry import trace\n\nfrom telemetry import sold, tracer\n",
    ),
    "without order": (
        "import zope\nfrom telemetry import tracer\nimport os\n",
        "import zope\nfrom telemetry import sold, tracer\nfrom opentelemetry import trace\nimport os\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), _HEADS.values(), ids=_HEADS)
def test_a_file_that_never_imports_opencensus(tmp_path, before, after):
    """Its section of other makers' packages gets the import, or is made."""
    (tmp_path / "telemetry.py").write_text(
        f"{_LEGACY}\nsold = 1\ntracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())\n", encoding="utf-8"
    )
    path = tmp_path / "app.py"
    use = "\nwith tracer.{}('a'):\n    {}('a', sold)\n"
    old = use.format("span", "tracer.add_attribute_to_current_span")
    path.write_text(before.replace("import tracer", "import sold, tracer") + old, encoding="utf-8")
    done = rewrite([str(tmp_path)]).after[str(path)].decode()
    assert done == after + use.format("start_as_current_span", "trace.get_current_span().set_attribute")


def test_imports_that_nothing_read_before(tmp_path):
    """Those of the standard library stay, in functions too; what the run itself makes idle goes."""
    (tmp_path / "app.py").write_text(
        "from datetime import datetime, timedelta\n\nfrom opencensus.trace.tracer import Tracer\n\n\n"
        "def f():\n    import calendar\n    from datetime import datetime, timedelta\n\n    return datetime.now()\n"
    )
    (tmp_path / "other.py").write_text("def g():\n    import re\n")
    assert {path.rpartition("/")[2]: data.decode() for path, data in rewrite([str(tmp_path)]).after.items()} == {
        "app.py": "from datetime import datetime, timedelta\n\n\n"
        "def f():\n    import calendar\n    from datetime import datetime, timedelta\n\n    return datetime.now()\n"
    }
