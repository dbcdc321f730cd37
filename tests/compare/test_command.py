"""The command compares real programs through real HTTP: on the retired SDK and on this package, once they end and while they serve."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from opencensus_compat.compare import programs
from opencensus_compat.compare.cli import add_arguments, run

SHOP = """
import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

logger = logging.getLogger("orders")
logger.addHandler(AzureLogHandler())
with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span(name="checkout"):
    logger.warning("sold %d", 3)
"""

SERVER = """
import flask
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.flask.flask_middleware import FlaskMiddleware
from opencensus.trace.samplers import AlwaysOnSampler

app = flask.Flask(__name__)
FlaskMiddleware(app, exporter=AzureExporter(), sampler=AlwaysOnSampler())


@app.route("/orders/<number>")
def order(number):
    return number
"""

DRIVE = """
import sys, urllib.request

for number in range(3):
    urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/orders/{number}").close()
"""

SENDER = """
import datetime, json, os, sys, urllib.request

key, address = (part.partition("=")[2] for part in os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"].split(";"))
texts = sys.argv[1].split()
now = datetime.datetime.now(datetime.timezone.utc).isoformat()
items = [
    {
        "name": "m",
        "time": now,
        "iKey": key,
        "data": {"baseType": "MessageData", "baseData": {"ver": 2, "message": text, "measurements": {"price": float(price or 1)}}},
    }
    for text, _, price in (text.partition(":") for text in texts)
]
if "bad" in sys.argv[2:]:
    items.append({"name": "m", "time": now, "iKey": key, "data": {"baseType": "MessageData", "baseData": {"ver": 2}}})
if "more" in sys.argv[2:]:
    with open("runs", "a+") as runs:
        runs.write(".")
        items *= runs.tell()
urllib.request.urlopen(address + "v2.1/track", json.dumps(items).encode()).close()
"""
"""Sends a message of each word of its first argument, by hand, and so in a twentieth of the time of a program with an SDK."""


@pytest.fixture
def command(monkeypatch):
    """Return a function that runs the command in this process and returns its exit code."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words):
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        return run(parser.parse_args(list(map(str, words))))

    return call


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder with the programs, where the command runs."""
    for name, text in (("shop.py", SHOP), ("sender.py", SENDER), ("server.py", SERVER), ("drive.py", DRIVE)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sending(*words):
    """Return the command that sends messages by hand."""
    return shlex.join([sys.executable, "-S", "-E", "sender.py", *words])


@pytest.fixture
def one_locale(monkeypatch):
    """A locale that all releases of Python name alike."""
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")


@pytest.mark.usefixtures("one_locale")
def test_an_unchanged_program_on_both_sdks(command, here, legacy_python, capsys):
    """What the retired SDK and this package send of one program differs in what is known to differ, and in nothing else."""
    words = ("--before", f"{legacy_python} shop.py", "--after", f"{sys.executable} shop.py")
    code = command(*words, "--accept-known", "bridge")
    shown = capsys.readouterr().out.splitlines()
    assert (code, shown[-1][:14]) == (0, "No difference "), shown
    assert "dependencies  1 → 1" in shown
    assert [line for line in shown if len(line) > 80] == []
    assert "      accepted: known: log-correlation [differences.md]" in shown


def test_a_program_and_its_change(command, here, capsys):
    """A difference is named by table and column, with both values; in a pipe there are no colours."""
    assert command("--before", sending("sold sent"), "--after", sending("sold sent paid")) == 1
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    # Below the two commands, which may be long.
    at = lines.index("traces  2 → 3")
    assert lines[at + 1] == '  ✗ only after: 1 of 3: "paid"'
    assert (lines[-1], captured.err, "\x1b" in captured.out) == ("1 difference.", "", False)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (["nowhere", "a.py"], "sold", "cannot start `nowhere a.py`: No such file or directory. Give a program that is on PATH"),
        (
            "sold",
            [sys.executable, "-c", "print('no card'); raise SystemExit(4)"],
            " ended with 4, so that what it sent may not be all.\n    no card",
        ),
        (
            "sold",
            [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"],
            " was ended by SIGKILL, so that what it sent may not be all.",
        ),
        (
            "sold",
            [sys.executable, "-S", "-E", "-c", ""],
            " ended with 0 and sent nothing. Likely reasons:\n  - No Python with census-compat",
        ),
    ],
    ids=["cannot be started", "fails", "is killed", "sends nothing"],
)
def test_a_program_that_is_of_no_use(command, here, capsys, before, after, told):
    """What happened and what to do is said, and nothing is called equal or different."""
    before, after = (sending(words) if isinstance(words, str) else shlex.join(words) for words in (before, after))
    assert command("--before", before, "--after", after) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("census-compat compare: ")
    assert told in captured.err


@pytest.mark.parametrize(("words", "kind"), [(("sold", "bad"), "refused"), (("sold", "more"), "unstable")])
def test_recordings_that_are_of_no_use(command, here, capsys, words, kind):
    """Refused items, and a program that sends another number of items at each run, are a problem of the comparison, with exit code 3."""
    assert command("--before", sending(*words), "--after", sending(*words), "--format", "json") == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["problems"][0]["kind"]) == ("not comparable", kind)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A folder with recordings of a program before and after a change, as `census-compat local --database` makes them."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "sender.py").write_text(SENDER, encoding="utf-8")
    for name, words in (("before.db", "sold"), ("after.db", "sold <paid>")):
        told = [sys.executable, "-m", "opencensus_compat", "local", "--database", name, "--json", "--", *shlex.split(sending(words))]
        subprocess.run(told, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture
def recordings(recorded, here):
    """The names of the two recordings, in the folder with the programs."""
    for path in recorded.glob("*.db"):
        shutil.copy(path, here)
    return "before.db", "after.db"


@pytest.mark.usefixtures("one_locale")
def test_what_may_be_known(command, here, legacy_python, capsys):
    """A difference that a row of the guide may explain, but that a change may cause as well, stays one; the row is named beside it."""
    program = (
        SHOP.replace("with Tracer(", "tracer = Tracer(").partition(".span(")[0]
        + "\nfor name in 'ab':\n    tracer.start_span(name)\n    tracer.end_span()\n"
    )
    (here / "shop.py").write_text(program, encoding="utf-8")
    words = ("--before", f"{legacy_python} shop.py", "--after", f"{sys.executable} shop.py", "--twins", "1", "--accept-known", "bridge")
    assert command(*words, "--format", "json") == 1
    [found] = [each for each in json.loads(capsys.readouterr().out)["differences"] if each["accepted"] is None]
    assert (found["column"], found["suggested"][0]) == ("operation_Id", "trace-per-root")


def test_a_tolerance(command, here, capsys):
    """Numbers of a column may differ by so many percent of the greater one, and by no more."""
    words = ("--before", sending("sold:100"), "--after", sending("sold:80"), "--tolerance")
    assert [command(*words, f"customMeasurements.price={percent}") for percent in ("20%", "19")] == [0, 1]
    assert "  ✗ customMeasurements.price: in 1 of 1\n      100.0 → 80.0\n" in capsys.readouterr().out


def test_json(command, recordings, capsys):
    """The JSON document is all of standard output, and its fields are those that the guide lists."""
    assert command(*recordings, "--format", "json") == 1
    found = json.loads(capsys.readouterr().out)
    page = (Path(__file__).parents[2] / "migration_guide" / "compare.md").read_text(encoding="utf-8")
    section = page.partition("## JSON\n")[2].partition("\n## ")[0].replace(" |\n| … ", " ")  # keys of what the row above has
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE))
    assert rows.keys() == found.keys()
    for name in ("tables", "differences", "notCompared"):
        assert set(re.findall(r"`(\w+)`", rows[name])) >= found[name][0].keys(), name
    assert [(each["column"], each["changes"][0]["examples"]) for each in found["differences"]] == [("row", ["<paid>"])]


class _Outside(HTMLParser):
    """Notes what a browser would fetch or run."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.text = ""

    def handle_starttag(self, tag, attributes):
        """Note scripts, and attributes that name an address."""
        if tag in {"script", "link", "img", "iframe", "object"} or {"src", "href"} & {name for name, _ in attributes}:
            self.found.append(tag)

    def handle_data(self, data):
        """Keep the text."""
        self.text += data


def test_html(command, recordings, here, capsys):
    """The HTML is one file without script or address, with telemetry as text; the report for people goes to standard output."""
    assert command(*recordings, "--format", "html", "--output", "report.html") == 1
    assert capsys.readouterr().out.endswith("\n1 difference.\n")
    page = _Outside()
    html = (here / "report.html").read_text(encoding="utf-8")
    page.feed(html)
    assert (page.found, "url(" in html, "<paid>" in page.text) == ([], False, True)
    assert sorted(path.name for path in here.glob("report*")) == ["report.html"]


def test_junit(command, recordings, capsys):
    """Each difference is a failure of its own, and the counts are those of the test cases."""
    assert command(*recordings, "--format", "junit") == 1
    suite = ElementTree.fromstring(capsys.readouterr().out)
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "1",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
    }
    assert [case.get("classname") for case in suite.iter("testcase")] == ["compare.traces"]
    assert "only after: 1, as in <paid>" in [failure.text for failure in suite.iter("failure")]


def test_a_failure_for_programs(command, here, capsys):
    """A program that fails is an error in the documents for programs, too, and nothing else is on standard output."""
    words = ("--before", "nowhere a.py", "--after", "nowhere a.py")
    assert command(*words, "--format", "junit") == 3
    captured = capsys.readouterr()
    assert ElementTree.fromstring(captured.out).find("testcase/error").get("message") in captured.err


def test_a_reader_that_has_gone(recordings, here):
    """The exit code is that of the comparison also where nobody reads the report to its end."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as output:
        words = [sys.executable, "-m", "opencensus_compat", "compare", *recordings]
        done = subprocess.run(words, stdout=output, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_an_accepted_list(command, recordings, here, capsys):
    """What a list accepts is no difference, and an entry that accepts nothing is named."""
    entries = [("traces", "row", "one text more"), ("requests", "name", "of another service")]
    text = "".join(f'[[accept]]\ntable = "{table}"\ncolumn = "{column}"\nreason = "{reason}"\n' for table, column, reason in entries)
    (here / "accept.toml").write_text(text, encoding="utf-8")
    assert command(*recordings, "--accept", "accept.toml") == 0
    shown = capsys.readouterr().out
    assert "accepted: one text more [accept.toml, entry 1]" in shown
    assert "! accept.toml, entry 2 (requests, name: of another service) accepts nothing" in shown
    assert shown.endswith("\nNo difference beside 1 that is accepted.\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "expected two recordings, or --before CMD and --after CMD, got nothing"),
        (["one.db"], "got one file: 'one.db'"),
        (["before.db", "absent.db"], "there is no recording 'absent.db'"),
        (["before.db", "sender.py"], "'sender.py' is no recording"),
        (["before.db", "after.db", "--drive", "x"], "--drive is for programs"),
        (["before.db", "after.db", "--accept", "sender.py"], "cannot read the accepted list 'sender.py'"),
        (["before.db", "after.db", "--output", "nowhere/report"], "--output: cannot write 'nowhere/report': there is no folder"),
        (["--before", "x"], "expected --after CMD beside --before"),
        (["--before", "x", "--after", "x", "app.py"], "expected recordings or programs, got both: app.py"),
        (["--before", "'x", "--after", "x"], "--before: expected a command as in a shell"),
        (["--before", "A=1", "--after", "x"], "--before: expected a command such as 'python app.py', got 'A=1'"),
        (["--before", "serve :{port}", "--after", "x"], "--before: {port} is for --drive alone"),
        (["--before", "x", "--after", "x", "--stop-signal", "SIGINT"], "--stop-signal is for servers"),
    ],
)
def test_wrong_usage(command, recordings, capsys, words, told):
    """What was expected and what came is said before any program runs."""
    assert command(*words) == 2
    captured = capsys.readouterr()
    assert (captured.out, told in captured.err) == ("", True), captured.err


@pytest.mark.parametrize(
    "words",
    [
        ["--twins", "0"],
        ["--tolerance", "duration"],
        ["--tolerance", "duration=101"],
        ["--tolerance", "duratoin=5"],
        ["--tolerance", "valueSum=5"],
        ["--format", "xml"],
    ],
)
def test_options_without_sense(command, capsys, words):
    """Values that mean nothing are refused with the usage."""
    with pytest.raises(SystemExit) as ended:
        command("a.db", "b.db", *words)
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err


@pytest.mark.usefixtures("one_locale")
@pytest.mark.parametrize(
    ("server", "signal_name"), [("-m gunicorn -b 127.0.0.1:0", "SIGTERM"), ("-m waitress --listen 127.0.0.1:0", "SIGINT")]
)
def test_a_server_on_both_sdks(command, here, legacy_python, capsys, server, signal_name):
    """A Flask service is started, driven once it listens, and ended by the signal at which it exports what it has."""
    code = command(
        *("--before", f"{legacy_python} {server} server:app", "--after", f"{sys.executable} {server} server:app", "--twins", "1"),
        *("--drive", f"{sys.executable} drive.py {{port}}", "--stop-signal", signal_name, "--accept-known", "bridge"),
    )
    captured = capsys.readouterr()
    assert (code, captured.err) == (0, ""), captured
    assert "requests  3 → 3" in captured.out


@pytest.mark.parametrize(
    ("server", "drive", "told"),
    [
        ("raise SystemExit('port taken')", "", " ended with 1 before it listened on a port.\n    port taken"),
        ("import socket; s = socket.create_server(('127.0.0.1', 0)); s.accept()", "raise SystemExit(5)", " (--drive) ended with 5."),
        (
            # The client sees the end of its connection, which the process closes as it ends: it may be sent the signal by then.
            "import os, socket; s = socket.create_server(('127.0.0.1', 0)); c = s.accept(); os._exit(6)",
            "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1]))).recv(1)",
            " ended with 6 ",
        ),
        (
            "import socket; s = socket.create_server(('127.0.0.1', 0)); s.accept(); s.accept()",
            "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])))",
            " was ended by SIGTERM and sent nothing. Likely reasons:\n  - The signal ended the server without the exit hooks of Python",
        ),
    ],
    ids=["does not start", "drive fails", "ends too soon", "exports nothing"],
)
def test_a_server_that_is_of_no_use(command, here, capsys, server, drive, told):
    """What went wrong with the server, or with what drives it, is said with its last words."""
    program, client = (shlex.join([sys.executable, "-S", "-E", "-c", code]) for code in (server, drive))
    assert command("--before", program, "--after", program, "--drive", f"{client} {{port}}") == 3
    assert told in capsys.readouterr().err


def test_a_server_that_does_not_end(command, here, capsys, monkeypatch):
    """A server that ignores the signal is ended all the same, and its telemetry counts for nothing."""
    monkeypatch.setattr(programs, "_ENDS_WITHIN_S", 0.1)
    monkeypatch.setattr(programs, "_LAST_WORDS_S", 0.1)
    code = "import signal, socket; signal.signal(15, signal.SIG_IGN); s = socket.create_server(('127.0.0.1', 0)); s.accept()[0].recv(1); s.accept()"
    client = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])))"
    program, drive = (shlex.join([sys.executable, "-S", "-E", "-c", text]) for text in (code, client))
    assert command("--before", program, "--after", program, "--drive", f"{drive} {{port}}") == 3
    assert " has not ended within 0 s of SIGTERM; let that signal end it." in capsys.readouterr().err


def test_a_program_that_takes_too_long(tmp_path):
    """A limit ends a program that does not end by itself, in the folder where it runs."""
    words = shlex.join([sys.executable, "-S", "-E", "-c", "import os, signal; print(os.getcwd(), flush=True); signal.pause()"])
    with pytest.raises(programs.NotComparable, match=r"has not ended within 1 s\.\n    ") as failure:
        programs.record(programs.parse("--", words), tmp_path / "a.db", conditions=programs.Conditions(tmp_path, 1))
    assert str(failure.value).endswith(f"\n    {tmp_path}")


def test_a_program_that_leaves_processes_behind(command, here, capsys, monkeypatch):
    """A process that could still send makes the recording no whole one, and is ended."""
    monkeypatch.setattr(programs, "_SENDS_WITHIN_S", 0.1)
    child = (
        "import os, socket; port = os.environ['APPLICATIONINSIGHTS_CONNECTION_STRING'].rstrip('/').rpartition(':')[2]; "
        "s = socket.create_connection(('127.0.0.1', int(port))); print(flush=True); s.recv(1)"
    )
    code = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-E', '-c', {child!r}], stdout=subprocess.PIPE).stdout.readline()"
    )
    program = shlex.join([sys.executable, "-S", "-E", "-c", code])
    assert command("--before", program, "--after", program) == 3
    assert "left processes behind that are still connected after 0 s" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals and process groups")
def test_an_interrupt_while_a_program_starts(tmp_path, monkeypatch):
    """A Ctrl+C in the midst of the start waits until the program is known, which is ended then."""
    started = []

    class Starting(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Starting)
    command = programs.parse("--before", shlex.join([sys.executable, "-S", "-E", "-c", "import signal; signal.pause()"]))
    with pytest.raises(KeyboardInterrupt), programs._started(command, os.environ, tmp_path / "output", None):
        pytest.fail("the program runs on")
    assert started[0].returncode is not None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupted_comparison(here):
    """A Ctrl+C ends the program, also where a shell started it, and writes no report."""
    with socket.create_server(("127.0.0.1", 0)) as waiting:
        port = waiting.getsockname()[1]
        code = f"import socket; s = socket.create_connection(('127.0.0.1', {port})); s.recv(1)"
        program = shlex.join(["sh", "-c", f"{shlex.join([sys.executable, '-S', '-E', '-c', code])}; true"])
        words = ["compare", "--before", program, "--after", program, "--output", "report.txt"]
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
    assert said == "census-compat compare: interrupted; the programs are ended, and no report is written\n"
    assert list(here.glob("report*")) == []


def test_a_recording_that_cannot_be_written_is_not_comparable(tmp_path):
    """No program is started where its recording has no place, such as on a full disk."""
    with pytest.raises(programs.NotComparable, match="cannot be recorded: cannot open"):
        programs.record(programs.parse("--", "touch started"), tmp_path / "missing" / "a.db", conditions=programs.Conditions(tmp_path, 1))
    assert not (tmp_path / "started").exists()
