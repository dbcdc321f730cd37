"""`census-compat rewrite --verify` on a legacy service: what is printed, written, noted and returned."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat import _cli
from opencensus_compat.rewrite import rounds
from opencensus_compat.rewrite.edits import Edit

from .conftest import committed

TELEMETRY = """
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
"""

SHOP = """
import telemetry
from opencensus.trace import execution_context


def order(number):
    with telemetry.tracer.span(name="order"):
        execution_context.get_opencensus_tracer().add_attribute_to_current_span("number", number)
        if number > 100:
            execution_context.get_opencensus_tracer().add_attribute_to_current_span("big", True)
        execution_context.get_opencensus_tracer().add_attribute_to_current_span("paid", 7)


for number in range(2):
    order(number)
"""


@pytest.fixture
def shop(service):
    """A service with OpenCensus code in one file, and the file that is to be rewritten."""
    (service / "telemetry.py").write_text(TELEMETRY, encoding="utf-8")
    (service / "shop.py").write_text(SHOP, encoding="utf-8")
    committed(service)
    return service


@pytest.fixture
def command(capsys):
    """Return a function that runs the command, and returns its exit code and what it printed."""

    def call(*words):
        code = _cli.main(["rewrite", "shop.py", "--verify", *words, "--", sys.executable, "shop.py"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


_REQUESTS = Path(__file__).parents[2] / "pairs" / "programs" / "W001_requests_by_name.before.py"


def test_what_instrumentations_change_is_accepted(shop, command):
    """Edits of the class shape are proven beside the rows of the guide, where these are asked for."""
    shutil.copy(_REQUESTS, shop / "shop.py")
    committed(shop)
    code, printed, said = command("--include", "shape", "--write", "--accept-known", "instrumentations")
    assert (code, said) == (0, "")
    assert "accepted: known: http-clients [instrumentations.md]" in printed
    assert "RequestsInstrumentor()" in (shop / "shop.py").read_text(encoding="utf-8")


@pytest.fixture
def wrong(monkeypatch):
    """Let the rule of attributes of the current span write another value, where the attribute is `paid`."""
    right = rounds.REWRITERS["T016"]

    def rewriter(found, file):
        [*edits] = right(found, file)
        call = next(node for node in ast.walk(file.tree) if isinstance(node, ast.Call) and found.node in (node, node.func))
        name, value = call.args
        return [*edits, Edit(file.start(value), file.end(value), b"8")] if name.value == "paid" else edits

    monkeypatch.setitem(rounds.REWRITERS, "T016", rewriter)


def test_written_with_a_proof(shop, command):
    """All edits are written where nothing differs, and the step is noted for the reviewer."""
    code, printed, said = command("--write", "--report", "report.md")
    assert (code, said) == (0, ""), printed
    assert "3 edits: 2 proven by 2 items, 1 unproven." in printed
    assert "unproven: T016 at shop.py:10: the line did not run" in printed
    assert "opencensus_tracer" not in (shop / "shop.py").read_text(encoding="utf-8")
    [line] = (shop / ".census-compat" / "steps.jsonl").read_text(encoding="utf-8").splitlines()
    step = json.loads(line)
    assert (step["step"], step["rules"], step["files"], step["tables"]) == ("files", {"T016": 3}, ["shop.py"], {"dependencies": [2, 2]})
    assert {len(hash_) for hash_ in step["recordings"].values()} == {64}
    assert "**3 edits: 2 proven by 2 items, 1 unproven.**" in (shop / "report.md").read_text(encoding="utf-8")


def test_a_wrong_edit(shop, command, wrong):
    """The edit is named by rule and line, nothing is written, and the rest is offered."""
    before = (shop / "shop.py").read_bytes()
    code, printed, said = command("--write")
    assert (code, said) == (4, ""), printed
    assert 'T016 at shop.py:11 changes customDimensions.paid in 2 of 2 dependencies: "7" → "8"' in printed
    assert "after:  with 2 of 3 edits" in printed
    assert "3 edits: 1 proven by 2 items, 1 unproven, 1 refuted.\nNothing was written" in printed
    assert ((shop / "shop.py").read_bytes(), (shop / ".census-compat").exists()) == (before, False)


def test_the_proven_rest(shop, command, wrong):
    """Edits that ran and make no difference are written, if that is wanted, and no other one."""
    code, printed, said = command("--write-proven", "--json")
    assert (code, said) == (4, ""), printed
    found = json.loads(printed)
    guide = (Path(__file__).parents[3] / "migration_guide" / "steps.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (`.*?) \|", guide.partition("has these keys:")[2].partition("\n## ")[0], re.MULTILINE)
    assert set(re.findall(r"\w+", " ".join(told))) == found.keys()
    page = {key: [(each["rule"], each["path"], each["line"]) for each in found[key]] for key in ("proven", "unproven", "refuted")}
    assert page == {"proven": [("T016", "shop.py", 8)], "unproven": [("T016", "shop.py", 10)], "refuted": [("T016", "shop.py", 11)]}
    text = (shop / "shop.py").read_text(encoding="utf-8")
    assert [line.count("opencensus") for line in text.splitlines()[7:13]] == [0, 0, 0, 1, 1, 0], text


def test_the_way_back(shop, command):
    """The patch and the diff are of what was written, and undo it."""
    code, printed, _ = command("--write-proven", "--patch", "way.patch", "--diff")
    assert (code, printed.count("+++ b/shop.py")) == (1, 1), printed
    assert (shop / "shop.py").read_text(encoding="utf-8") != SHOP
    subprocess.run(["git", "apply", "-R", "way.patch"], check=True)
    assert (shop / "shop.py").read_text(encoding="utf-8") == SHOP


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rewrite", "--verify"], "--verify: expected a command after --"),
        (["rewrite", "--drive", "x"], "--drive is for --verify"),
        (["rewrite", "--", "python"], "-- CMD is for --verify"),
        (["rewrite", "--verify", "--timeout", "0", "--", "x"], "--timeout: expected a number of seconds above 0"),
        (["rewrite", "--verify", "--stop-signal", "SIGINT", "--", "x"], "--stop-signal is for servers"),
        (["rewrite", "--verify", "--require-proof", "--", "x"], "--require-proof says what --write writes"),
        (["rewrite", "--verify", "--report", "no/where.md", "--", "x"], "--report: cannot write"),
        (["rewrite", "--verify", "--recordings", "nowhere", "--", "x"], "--recordings: there is no folder"),
        (["rewrite", "shop.py", "--verify", "--accept", "no.toml", "--", "x"], "cannot read the accepted list 'no.toml'"),
        (["rewrite", "shop.py", "--verify", "--copy", "..", "--", "x"], "--copy: expected a path below"),
        (["rewrite", "shop.py", "--verify", "--", "A=1"], "--verify: expected a command such as"),
    ],
)
def test_wrong_usage(shop, capsys, words, told):
    """What was expected and what came is said before any program runs."""
    assert _cli.main(words) == 2
    assert told in capsys.readouterr().err


def test_uncommitted_changes(shop, command):
    """Files that git could not bring back are not written, and that is said before the program runs."""
    (shop / "shop.py").write_text(SHOP + "\n", encoding="utf-8")
    code, printed, said = command("--write", "--drive", "nowhere")
    assert (code, printed) == (2, "")
    assert "uncommitted changes in shop.py" in said


def test_nothing_to_rewrite(shop, capsys):
    """Without edits nothing runs."""
    assert _cli.main(["rewrite", "sending.py", "--verify", "--", "nowhere"]) == 0
    assert "Nothing to rewrite" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix", reason="signals and process groups")
def test_an_interrupted_verification(shop, temporary_folder):
    """A Ctrl+C ends the program, writes nothing, and leaves no copy behind."""
    with socket.create_server(("127.0.0.1", 0)) as waiting:
        code = f"import socket; s = socket.create_connection(('127.0.0.1', {waiting.getsockname()[1]})); s.recv(1)"
        words = ["rewrite", "shop.py", "--verify", "--write", "--", sys.executable, "-S", "-E", "-c", code]
        with subprocess.Popen(
            [sys.executable, "-m", "opencensus_compat", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            connection, _ = waiting.accept()
            process.send_signal(signal.SIGINT)
            printed, said = process.communicate(timeout=60)
            with connection:
                connection.settimeout(60)
                assert connection.recv(1) == b""  # the program has gone
    assert (process.returncode, printed) == (130, "")
    assert said == "census-compat rewrite: interrupted; the programs are ended, and nothing was written\n"
    assert ((shop / "shop.py").read_text(encoding="utf-8"), list(temporary_folder.iterdir())) == (SHOP, [])
