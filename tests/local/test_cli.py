from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from opencensus_compat.local import LocalEndpoint
from opencensus_compat.local.cli import add_arguments, run
from opencensus_compat.local.commands.variables import CONNECTION_STRING_VARIABLE
from opencensus_compat.local.misbehave import RULES

SENDER = """
import json, os, sys, urllib.request
key, address = (part.partition("=")[2] for part in os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"].split(";"))
items = json.loads(sys.argv[1])
for item in items:
    item["iKey"] = key
urllib.request.urlopen(address + "v2.1/track", json.dumps(items).encode()).read()
print("sender's own output")
sys.exit(int(sys.argv[2]))
"""


@pytest.fixture
def command(monkeypatch):
    """Return a function that runs the command in this process and returns its exit code."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv(CONNECTION_STRING_VARIABLE, raising=False)

    def call(*words):
        parser = argparse.ArgumentParser()
        parsers = parser.add_subparsers()
        add_arguments(parsers.add_parser("local"))  # as the dispatching command line does it
        return run(parser.parse_args(["local", *words]))

    return call


@pytest.fixture
def items(message):
    """Return a request with a log line, both of now, as JSON-ready envelopes."""
    from datetime import datetime, timezone

    now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
    tags = {"ai.cloud.role": "shop", "ai.operation.id": "0af7651916cd43dd8448eb211c80319c"}
    span = {"ver": 2, "id": "1111111111111111", "name": "GET /a", "duration": "0.00:00:00.020", "responseCode": "200", "success": True}
    return [
        message(time=now, tags={**tags, "ai.operation.parentId": "1111111111111111"}),
        {
            "name": "Microsoft.ApplicationInsights.Request",
            "time": now,
            "iKey": "k",
            "tags": tags,
            "data": {"baseType": "RequestData", "baseData": span},
        },
    ]


@pytest.fixture
def filled(items, connect):
    """Run an endpoint that has received ``items`` and one bad item."""
    with LocalEndpoint() as endpoint:
        connect(endpoint).post([*items, {}])
        yield endpoint


class Process(subprocess.Popen):
    """A process that ends with its block, also where the block fails."""

    def __exit__(self, kind, *failure):
        if kind is not None:
            self.kill()
        super().__exit__(kind, *failure)


def process(*words, **options):
    """Start the command in a process of its own."""
    return Process(
        [sys.executable, "-m", "opencensus_compat.local", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"},
        **options,
    )


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["requests", "--text", "/A"], 1),
        (["requests", "--failed"], 0),
        (["requests", "--where", "customDimensions.absent=1"], 0),
        (["traces", "--severity", "1"], 1),
        (["traces", "--severity", "4"], 0),
        (["traces", "--since", "2000-01-01", "--until", "2100-01-01T00:00"], 1),
        (["traces", "--until", "2000-01-01"], 0),
        (["traces", "--most", "1"], 1),
    ],
)
def test_show_chooses_rows(command, items, connect, tmp_path, capfd, words, found):
    """A file and a running endpoint answer the same question with the same rows."""
    with LocalEndpoint(database=tmp_path / "items.db") as endpoint:
        connect(endpoint).post(items)
        assert command("show", *words, "--url", endpoint.url, "--json") == (0 if found else 1)
        remote = capfd.readouterr().out
        assert command("show", *words, "--database", str(tmp_path / "items.db"), "--json") == (0 if found else 1)
    assert capfd.readouterr().out == remote
    assert len(json.loads(remote)["rows"]) == found


def test_run_a_command(command, items, capfd):
    """The command finds the connection string in its environment; tables and trees follow its own output."""
    assert command("--", sys.executable, "-c", SENDER, json.dumps(items), "0") == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "sender's own output"
    assert lines[1].endswith(" ended with 0 and sent:")
    assert [line for line in lines if line.endswith("(1)")] == ["requests (1)", "traces (1)"]
    assert lines[-3].startswith("operation 0af7651916cd43dd8448eb211c80319c   2 items, 20 ms, shop   ")
    assert lines[-2].split()[:6] == ["✓", "GET", "/a", "request", "200", "20"]
    assert lines[-1].startswith("└─ · stock low")


def test_run_a_command_for_programs(command, items, capfd):
    """With --json one document is all of standard output, and the exit code is the command's."""
    assert command("--json", "--", sys.executable, "-c", SENDER, json.dumps([*items, {"bad": 1}]), "7") == 7
    captured = capfd.readouterr()
    report = json.loads(captured.out)
    assert captured.err == "sender's own output\n"
    assert list(report) == ["connectionString", "exitCode", "tables", "transactions", "warnings", "refused"]
    assert {table: len(rows) for table, rows in report["tables"].items()} == {"requests": 1, "traces": 1}
    assert [(item["depth"], item["table"]) for item in report["transactions"][0]["items"]] == [(0, "requests"), (1, "traces")]
    assert [refused["index"] for refused in report["refused"]] == [2]


def test_run_a_command_that_sends_nothing(command, capfd):
    """A command that sends nothing is told so, with the likely reasons; its exit code stands."""
    assert command("--", sys.executable, "-S", "-c", "import sys; sys.exit(3)") == 3
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].endswith(" ended with 3.")
    assert lines[2:6] == [
        "No telemetry has arrived.",
        "",
        "likely reasons",
        "  - The program failed with status 3: its own output says why.",
    ]
    assert lines[-1] == "More: census-compat guide troubleshooting"


def test_run_a_command_that_is_killed(command, capfd):
    """A signal that ends the command is 128 + its number, as in a shell."""
    assert command("--", sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)") == 128 + signal.SIGKILL
    capfd.readouterr()


def test_run_a_command_with_misbehaviour(command, items, capfd):
    """Rules apply to the command's requests."""
    sender = SENDER.replace("urllib.request.urlopen", "from urllib.error import HTTPError\ntry:\n    urllib.request.urlopen").replace(
        ".read()\nprint", ".read()\nexcept HTTPError as error:\n    sys.exit(error.code - 500)\nprint"
    )
    assert command("--misbehave", "status:code=503", "--", sys.executable, "-c", sender, json.dumps(items), "0") == 3
    printed = capfd.readouterr().out
    assert "\nNo telemetry has arrived.\n" in printed
    assert "  - Telemetry requests arrived (1), and --misbehave let none of their items in.\n" in printed


def test_count_only(command, items, capfd):
    """With --count-only the report is one line of counts."""
    assert command("--count-only", "--", sys.executable, "-c", SENDER, json.dumps(items), "0") == 0
    assert capfd.readouterr().out.splitlines()[-1] == "1 requests, 2 items received, 2 accepted"


def test_words_of_the_command_are_its_own(command, capfd):
    """Options, a second "--", and the names of our own actions belong to the command behind "--"."""
    code = "import sys; print(sys.argv[1:])"
    assert command("--", sys.executable, "-c", code, "--json", "--", "show", "-h") == 0
    assert capfd.readouterr().out.splitlines()[0] == "['--json', '--', 'show', '-h']"


@pytest.mark.parametrize("form", ["url", "connection_string", "environment"])
def test_show_a_running_endpoint(command, filled, capfd, monkeypatch, form):
    """A running endpoint can be looked at by URL, by connection string, or by the variable that programs use."""
    if form == "environment":
        monkeypatch.setenv(CONNECTION_STRING_VARIABLE, filled.connection_string)
        assert command("show") == 0
    else:
        assert command("show", "--url", getattr(filled, form)) == 0
    assert capfd.readouterr().out == "1  requests\n1  traces\n\nrefused (1)\n    1 x 400 Invalid instrumentation key\n"


def test_show_for_programs(command, filled, capfd):
    """With --json the counts and findings are one document, and a table's rows another."""
    assert command("show", "--url", filled.url, "--json") == 0
    shown = json.loads(capfd.readouterr().out)
    assert (shown["tables"]["traces"], shown["warnings"], len(shown["refused"])) == (1, [], 1)
    assert command("show", "traces", "--url", filled.url, "--json", "--where", "message=stock low") == 0
    assert json.loads(capfd.readouterr().out) == {"table": "traces", "rows": filled.rows("traces")}


def test_show_a_table(command, filled, capfd):
    """A table is shown by its portal name."""
    assert command("show", "requests", "--url", filled.url) == 0
    title, heading, row = capfd.readouterr().out.splitlines()
    assert (title, heading.split(), row.split()[1:4]) == (
        "requests (1)",
        ["time", "ok", "name", "result", "duration", "role", "operation"],
        ["✓", "GET", "/a"],
    )


@pytest.mark.parametrize("wanted", ["latest", "0af7651916cd43dd8448eb211c80319c", "0af7"])
def test_transaction(command, filled, capfd, wanted):
    """A transaction is shown by id, by its beginning, or as the latest."""
    assert command("transaction", wanted, "--url", filled.url) == 0
    assert capfd.readouterr().out.splitlines()[-1].startswith("└─ · stock low")


def test_transaction_with_an_exception(command, filled, items, connect, capfd):
    """The stacks of exceptions follow the tree."""
    frame = {"level": 0, "method": "pay", "fileName": "/srv/app.py", "line": 7}
    fields = {"ver": 2, "exceptions": [{"typeName": "ValueError", "message": "bad", "hasFullStack": True, "parsedStack": [frame]}]}
    data = {"baseType": "ExceptionData", "baseData": fields}
    connect(filled).post([{**items[-1], "name": "Microsoft.ApplicationInsights.Exception", "data": data}])
    assert command("transaction", "latest", "--url", filled.url) == 0
    assert capfd.readouterr().out.splitlines()[-3:] == ["", "! ValueError: bad", "    pay  /srv/app.py:7"]


def test_database_file(command, tmp_path, connect, items, capfd):
    """What an endpoint kept in a file is shown after it has ended."""
    path = str(tmp_path / "items.db")
    with LocalEndpoint(database=path) as endpoint:
        connect(endpoint).post(items)
    assert command("show", "--database", path) == 0
    assert command("--database", path, "transaction", "latest", "--json") == 0
    overview, tree = capfd.readouterr().out.split("\n{")
    assert overview == "1  requests\n1  traces"
    assert json.loads("{" + tree)["operationId"] == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        pytest.param(["show", "--url", "URL", "customEvents"], 1, "No rows in customEvents.", id="empty-table"),
        pytest.param(["transaction", "none", "--url", "URL"], 1, "no telemetry with operation id 'none'", id="unknown-transaction"),
        pytest.param(["show", "--url", "http://127.0.0.1:1/"], 1, "no local endpoint answers at http://127.0.0.1:1/", id="nobody-there"),
        pytest.param(["show"], 2, "give --database FILE, or --url URL", id="no-source"),
        pytest.param(["show", "--url", "::"], 2, "expected the URL of a running endpoint", id="bad-url"),
        pytest.param(["show", "--database", "/nonexistent/x.db"], 2, "cannot open '/nonexistent/x.db'", id="no-file"),
        pytest.param(["show", "traces", "--url", "URL", "--where", "x=1"], 2, "no column 'x' in traces", id="bad-column"),
        pytest.param(["show", "traces", "--url", "URL", "--where", "x"], 2, "expected COLUMN=VALUE", id="bad-condition"),
        pytest.param(["show", "--url", "URL", "--where", "x=1"], 2, "options that choose rows need a table", id="where-without-table"),
        pytest.param(["dance"], 2, "expected 'show', 'transaction' or '-- CMD', got 'dance'", id="unknown-action"),
        pytest.param(["shwo"], 2, "got 'shwo'; did you mean 'show'?", id="misspelt-action"),
        pytest.param(
            ["--json", "sh", "-c", "echo a b"],
            2,
            "got 'sh'; to run it, put -- before it: census-compat local -- sh -c 'echo a b'",
            id="command-without-dashes",
        ),
        pytest.param(["--"], 2, "expected a command after '--'", id="no-command"),
        pytest.param(["--", "/nonexistent/program"], 127, "cannot run '/nonexistent/program'", id="no-program"),
        pytest.param(["--misbehave", "nonsense"], 2, "unknown rule 'nonsense'", id="bad-rule"),
        pytest.param(["--port", "99999999"], 2, "cannot listen on 127.0.0.1 port 99999999", id="bad-port"),
        pytest.param(["--database", "/nonexistent/x.db"], 2, "cannot open '/nonexistent/x.db'", id="bad-database"),
    ],
)
def test_exit_codes(command, filled, capfd, words, code, text):
    """Failures have stable exit codes and one line that says what was expected."""
    assert command(*(filled.url if word == "URL" else word for word in words)) == code
    captured = capfd.readouterr()
    lines = (captured.out + captured.err).splitlines()
    assert len(lines) == 1
    assert text in lines[0]


@pytest.mark.parametrize(
    "words", [["show", "nothing"], ["show", "--nothing"], ["--nothing"], ["transaction"], ["--instrumentation-key", "abc"]]
)
def test_wrong_usage(command, capfd, words):
    """What the parser refuses exits with 2."""
    with pytest.raises(SystemExit) as caught:
        command(*words)
    assert caught.value.code == 2
    capfd.readouterr()


@pytest.mark.parametrize("words", [["--help"], ["show", "--help"], ["transaction", "-h"]])
def test_help(command, capfd, words):
    """Every action has a help text."""
    with pytest.raises(SystemExit) as caught:
        command(*words)
    assert caught.value.code == 0
    assert "usage: " in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "example"),
    [
        (["--help"], "census-compat local -- python app.py"),
        (["show", "--help"], "census-compat local show traces --where severityLevel=3"),
        (["transaction", "--help"], "census-compat local transaction latest"),
    ],
)
def test_help_is_short_and_has_examples(command, capfd, monkeypatch, words, example):
    """A help text fits two screens of a terminal, and shows how the command is called."""
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        command(*words)
    printed = capfd.readouterr().out
    assert example in printed
    assert len(printed.splitlines()) <= 48


@pytest.mark.parametrize("words", [["--misbehave", "help"], ["--misbehave", "help", "--", "false"]])
def test_misbehaviour_rules_have_a_help_of_their_own(command, capfd, monkeypatch, words):
    """Every rule is listed, no line is longer than the terminal is wide, and nothing is run."""
    monkeypatch.setenv("COLUMNS", "80")
    assert command(*words) == 0
    lines = capfd.readouterr().out.splitlines()
    assert {line.strip().partition(":")[0] for line in lines if line.startswith("  ") and line[2] != " "} >= RULES.keys()
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("words", [["--help"], ["show", "--help"], ["transaction", "--help"]])
def test_help_fits_the_terminal(command, capfd, monkeypatch, words, columns):
    """No line of a help text is longer than the terminal is wide."""
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        command(*words)
    assert [line for line in capfd.readouterr().out.splitlines() if len(line) > columns] == []


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_serve_until_interrupted(connect, items, signal_number, tmp_path):
    """Serving prints the connection string first, then with --follow each item, and ends with 0 and a summary."""
    path = tmp_path / "items.db"
    with process("--follow", "--database", str(path)) as server:
        connection_string = server.stdout.readline().strip()
        connect(argparse.Namespace(url=connection_string.partition("IngestionEndpoint=")[2])).post([*items, {}])
        followed = [server.stdout.readline() for _ in items]
        server.send_signal(signal_number)
        rest, errors = server.communicate(timeout=120)
    assert [line.split()[1:4] for line in followed] == [["·", "trace", "stock"], ["✓", "request", "GET"]]
    assert (server.returncode, rest) == (0, "")
    assert errors.splitlines() == [
        f"Listening. Set {CONNECTION_STRING_VARIABLE} to the line above; Ctrl-C ends.",
        "1 requests, 3 items received, 2 accepted, 1 refused by the schema",
    ]


def test_what_nohup_started_serves_on(connect, items):
    """A terminal that is closed does not end it, as its signal is ignored."""
    with process(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as server:
        url = server.stdout.readline().strip().partition("IngestionEndpoint=")[2]
        server.send_signal(signal.SIGHUP)
        connect(argparse.Namespace(url=url)).post(items)
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=120)
    assert (server.returncode, errors.splitlines()[-1][:10]) == (0, "1 requests")


def test_serve_for_programs(connect, items):
    """With --json the address and each item are one document per line."""
    key = "01234567-89ab-cdef-0123-456789abcdef"
    with process("--json", "--follow", "--instrumentation-key", key.upper()) as server:
        listening = json.loads(server.stdout.readline())
        connect(argparse.Namespace(url=listening["url"])).post(items)
        followed = [json.loads(server.stdout.readline()) for _ in items]
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=120)
    assert listening == {
        "event": "listening",
        "connectionString": f"InstrumentationKey={key};IngestionEndpoint={listening['url']}",
        "url": listening["url"],
    }
    assert [(line["event"], line["table"]) for line in followed] == [("item", "traces"), ("item", "requests")]
    assert followed[0]["row"]["customDimensions"] == {"sku": "A1"}
    assert (server.returncode, errors) == (0, "")


def test_port_in_use(filled):
    """A port that is taken is one line and exit code 2, without a traceback."""
    with process("--port", filled.url.rstrip("/").rpartition(":")[2]) as server:
        output, errors = server.communicate(timeout=120)
    assert (server.returncode, output, len(errors.splitlines())) == (2, "", 1)


def test_reader_that_leaves(filled):
    """A pipe whose reader has gone ends the command quietly."""
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        done = subprocess.run(
            [sys.executable, "-m", "opencensus_compat.local", "show", "--url", filled.url],
            stdout=theirs,
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_plain_terminal(items):
    """Where output is ASCII, the report is ASCII."""
    message = items[0]
    message["data"]["baseData"]["message"] = "日本語"
    done = subprocess.run(
        [sys.executable, "-m", "opencensus_compat.local", "--", sys.executable, "-c", SENDER, json.dumps(items), "0"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "COLUMNS": "100"},
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "`- - \\u65e5\\u672c\\u8a9e" in done.stdout.decode("ascii")


def _served(process):
    """Return status and answer of the pages whose address is the first line of a process, and of sending an item there."""
    address = process.stdout.readline().strip()
    address = json.loads(address)["url"] if address.startswith("{") else address
    host = urlsplit(address).netloc
    answers = []
    for method, path in (("GET", "/_api/state"), ("POST", "/v2.1/track")):
        with contextlib.closing(http.client.HTTPConnection(host, timeout=30)) as connection:
            connection.request(method, path, headers={"Content-Type": "application/json"})
            reply = connection.getresponse()
            answers.append((reply.status, json.loads(reply.read())))
    return answers


@pytest.mark.parametrize("json_words", [[], ["--json"]], ids=["text", "json"])
def test_look_at_a_recording(items, connect, tmp_path, json_words):
    """A finished recording is shown, nothing is accepted, and SIGTERM ends it; the file stays as it was."""
    file = tmp_path / "items.db"
    with LocalEndpoint(database=file) as endpoint:
        connect(endpoint).post(items)
    before = file.read_bytes()
    with process("--database", str(file), "--look", *json_words) as looking:
        (status, state), (refused, reply) = _served(looking)
        looking.send_signal(signal.SIGTERM)
        assert looking.wait(30) == 0
    assert (status, state["title"], state["last"], state["connectionString"]) == (200, "items.db", 2, None)
    assert (refused, reply) == (405, {"error": "This server shows a recording, and takes no telemetry"})
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--look"], "--look needs the recording: --database FILE"),
        (["--look", "--database", "FILE", "show"], "--look only shows a recording; expected nothing after it, got show"),
        (["--look", "--database", "FILE"], "as a database of received telemetry"),
        (["--pages", "--count-only"], "--pages needs items to show, and --count-only keeps none"),
    ],
)
def test_look_at_nothing(command, tmp_path, capfd, words, message):
    """What is missing is said at once."""
    assert command(*(word.replace("FILE", str(tmp_path / "absent.db")) for word in words)) == 2
    assert message in capfd.readouterr().err


def test_pages_stay_when_the_program_has_ended(items):
    """With --pages the address comes first; when the program has ended the pages go on, until they are told to end; the exit code is the program's."""
    with process("--pages", "--", sys.executable, "-c", SENDER, json.dumps(items), "7") as running:
        address = running.stderr.readline().removeprefix("Pages: ").strip()
        said = next(line for line in running.stderr if line.startswith("The pages"))
        with contextlib.closing(http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)) as connection:
            connection.request("GET", "/_api/state")
            state = json.loads(connection.getresponse().read())
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 7
    assert said == f"The pages stay at {address}; Ctrl-C ends.\n"
    assert state["last"] == 2
