"""`census-compat step`: what is refused, and what is noted."""

from __future__ import annotations

import json
import shlex
import sys

import pytest

from opencensus_compat import _cli
from opencensus_compat.steps.log import taken

SENDER = """
import datetime, json, os, sys, urllib.request

key, address = (part.partition("=")[2] for part in os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"].split(";"))
try:
    import {imported}
    properties = {{}}
except ModuleNotFoundError:
    properties = {{"without": "it"}}
now = datetime.datetime.now(datetime.timezone.utc).isoformat()
items = [{{"name": "m", "time": now, "iKey": key, "data": {{"baseType": "MessageData", "baseData": {{"ver": 2, "message": "sold", "properties": properties}}}}}}]
urllib.request.urlopen(address + "v2.1/track", json.dumps(items).encode()).close()
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder of a program that sends one message, by hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "app.py").write_text(SENDER.format(imported="json"), encoding="utf-8")
    return tmp_path


def test_a_step_that_changes_nothing(here, capsys):
    """It is noted, without the key in the command."""
    key = "11111111-2222-3333-4444-555555555555"
    assert _cli.main(["step", "shape", "--", sys.executable, "app.py", key]) == 0
    assert "Noted in .census-compat/steps.jsonl." in capsys.readouterr().out
    [line] = (here / ".census-compat" / "steps.jsonl").read_text(encoding="utf-8").splitlines()
    step = json.loads(line)
    assert (step["step"], step["command"], step["tables"]) == (
        "shape",
        shlex.join([sys.executable, "app.py", "<key>"]).replace("'", ""),
        {"traces": [1, 1]},
    )
    assert (taken(here), step["recordings"].keys()) == (["shape"], {"before", "twin", "after"})


def test_a_step_that_changes_something(here, capsys):
    """What differs is shown, and the step is not noted: the program needs a facade that is gone."""
    (here / "app.py").write_text(SENDER.format(imported="opencensus_compat.common"), encoding="utf-8")
    assert _cli.main(["step", "remove", "--", sys.executable, "app.py"]) == 1
    printed = capsys.readouterr().out
    assert "✗ customDimensions.without: in 1 of 1" in printed
    assert printed.endswith("The step remove is not noted.\n")
    assert not (here / ".census-compat").exists()


def test_uses_that_are_left(here, capsys):
    """The last step names the uses that are left, and runs nothing."""
    (here / "app.py").write_text("from opencensus.trace import tracer\n\ntracer.Tracer()\n", encoding="utf-8")
    assert _cli.main(["step", "remove", "--", "nowhere"]) == 1
    said = capsys.readouterr().err
    assert (
        "census-compat step: remove comes last: OpenCensus is still used\n  app.py:1  I001  from opencensus.trace import tracer\n" in said
    )


def test_what_needs_no_opencensus_is_not_left(here):
    """Dimensions of log records stay as they are, also where a file of requirements names OpenCensus still."""
    (here / "requirements.txt").write_text("opencensus==0.11.4\n", encoding="utf-8")
    (here / "log.py").write_text('def said(logger):\n    logger.info("a", extra={"custom_dimensions": {"b": 1}})\n', encoding="utf-8")
    assert _cli.main(["step", "remove", "--", sys.executable, "app.py"]) == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["swap"], 2, "expected a program after --, such as census-compat step swap -- python app.py"),
        (["shape", "--before", "x", "--", "y"], 2, "--before is the program on the retired SDK, for swap"),
        (["swap", "--include", "shape", "--", "y"], 2, "--include is for files: swap rewrites nothing"),
        (["remove", "--accept-known", "instrumentations", "--", "y"], 2, "--accept-known is for files"),
        (["shape", "--stop-signal", "SIGINT", "--", "y"], 2, "--stop-signal is for servers"),
        (["shape", "--accept", "no.toml", "--", "y"], 2, "cannot read the accepted list 'no.toml'"),
        (["shape", "queries", "--", "y"], 2, "expected files or folders, found no 'queries'"),
        (["shape", "--", "nowhere", "a.py"], 3, "cannot start `nowhere a.py`"),
        (["files", "nothing.py", "--", "y"], 2, "expected files or folders, found no 'nothing.py'"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_is_refused(capsys, words, code, told):
    """What was expected and what came is said."""
    assert _cli.main(["step", *words]) == code
    assert told in capsys.readouterr().err
