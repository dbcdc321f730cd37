"""What doctor says of the counts of running processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from appinsights_exporter.delivery.sharing import shared
from appinsights_exporter.reasons import EVICTED
from appinsights_exporter.settings import resolve
from opencensus_compat._cli import main
from opencensus_compat.doctor.checks import counts as checks
from opencensus_compat.doctor.collect import counts as collect
from opencensus_compat.doctor.counted import ago
from opencensus_compat.local import LocalEndpoint

pytestmark = pytest.mark.usefixtures("imports_tried_here")

VARIABLE = "APPINSIGHTS_EXPORTER_COUNTS_FILE"
DEAD = 4_194_303
"""The id of no process."""


@pytest.fixture
def doctor(capsys):
    """Return a function that runs the command and returns the counts of its results: id -> texts, and the processes."""

    def run(*arguments):
        with pytest.MonkeyPatch.context() as patch:
            # With --pid the command takes the variables of the process over for good.
            patch.setattr(os, "environ", os.environ.copy())
            main(["doctor", "--json", "--offline", *arguments])
        document = json.loads(capsys.readouterr().out)
        group = [each for each in document["results"] if each["group"] == "counts"]
        said = {
            each["id"]: (each["verdict"], [finding["text"] for finding in each["findings"]]) for each in group if each["verdict"] != "ok"
        }
        return said, document["processes"]

    return run


def write(named, connection_string, items=1, dropped=0):
    """Send items as a program does, and leave its counts in a file."""
    share = shared(resolve(connection_string, environ={VARIABLE: str(named)}))
    share.deliver([b'{"n":1}'] * items)
    if dropped:
        share.counts.dropped(EVICTED, dropped)
    share.shutdown(5)
    return Path(f"{os.path.splitext(named)[0]}.{os.getpid()}.json")


def test_nothing_is_asked_for(doctor):
    """Without the options the checks are skipped."""
    said, processes = doctor()
    assert ({verdict for verdict, _ in said.values()}, processes) == ({"skipped"}, [])


@pytest.mark.parametrize("by", ["value of the variable", "file", "folder"])
def test_counts_of_a_healthy_process(doctor, tmp_path, by):
    """The file, what it is named after and its folder lead to the numbers, and nothing is wrong."""
    with LocalEndpoint(store=False) as endpoint:
        named = tmp_path if by == "folder" else tmp_path / "c.json"
        path = write(tmp_path / "counts.json" if by == "folder" else named, endpoint.connection_string, items=3)
    said, (process,) = doctor("--counts", str(path if by == "file" else named))
    assert said == {}
    assert (process["pid"], process["is_alive"], process["resources"][0]["sent"]) == (os.getpid(), True, 3)


@pytest.mark.usefixtures("caplog")
def test_what_is_wrong_is_said(doctor, tmp_path, capsys):
    """Items that wait are one problem and items that were lost another; the table has the numbers, within 80 columns in a pipe."""
    write(
        tmp_path / "c.json", "InstrumentationKey=00000000-0000-0000-0000-00000000000c;IngestionEndpoint=http://127.0.0.1:9", 2, dropped=1200
    )
    said, _ = doctor("--counts", str(tmp_path / "c.json"))
    assert said.pop("D066") == ("problem", ["1,200 items lost: store full: the oldest dropped."])
    verdict, (text,) = said.pop("D067")
    pattern = r"Process \d+ has sent nothing to resource 00000000-\*\*\* since it began \(no connection: the connection was refused, last \d+ s ago\); 2 items wait\."
    assert (verdict, said) == ("problem", {})
    assert re.fullmatch(pattern, text)
    assert main(["doctor", "--counts", str(tmp_path / "c.json")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "  resource 00000000-***, http://127.0.0.1:9"
    assert lines[2:6] == ["    sent          0", "    waiting       2", "    stored        2", "    retried       2 x no connection"]
    assert lines[6] == "    lost          1,200 x store full: the oldest dropped"


def change(path, **fields):
    """Change what a file says."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_a_process_that_was_killed(doctor, tmp_path):
    """A process that is gone and has not said so is named; one that ended in the ordinary way is not, and neither is one of another host."""
    with LocalEndpoint(store=False) as endpoint:
        path = write(tmp_path / "c.json", endpoint.connection_string)
    change(path, pid=DEAD, state="running")
    said, (process,) = doctor("--counts", str(path))
    assert (list(said), process["is_alive"]) == (["D068"], False)
    change(path, state="ended")
    assert doctor("--counts", str(path))[0] == {}
    change(path, state="running", host="elsewhere")
    said, (process,) = doctor("--counts", str(path))
    assert (said, process["is_alive"]) == ({}, None)
    change(path, host=json.loads(path.read_text())["host"], pid=os.getpid(), started="2001-01-01T00:00:00+00:00")
    assert doctor("--counts", str(path))[1][0]["is_alive"] is None


def test_a_process_that_was_given_nothing(doctor, tmp_path):
    """A process whose telemetry never reaches an exporter is told from one whose exporter cannot send."""
    with LocalEndpoint(store=False) as endpoint:
        path = write(tmp_path / "c.json", endpoint.connection_string)
    change(path, resources=[])
    assert doctor("--counts", str(path))[0]["D068"][0] == "warning"


def test_what_would_write_on_a_terminal(tmp_path, capsys):
    """A file may be anybody's: what breaks lines or colours terminals is not shown."""
    with LocalEndpoint(store=False) as endpoint:
        path = write(tmp_path / "c.json", endpoint.connection_string)
    change(path, program="evil\x1b[31m\n\u202e")
    main(["doctor", "--offline", "--counts", str(path)])
    shown = capsys.readouterr().out
    assert "evil [31m" in shown
    assert not {"\x1b", "\u202e"} & set(shown)


@pytest.mark.parametrize(
    "content", ["{}", "[]", "no JSON", '{"format": "census-compat counts 1"}'], ids=["empty", "list", "No JSON, 1", "lacks"]
)
def test_a_file_that_is_none(doctor, tmp_path, content):
    """Another file is no counts; it is named, and nothing of it is shown."""
    (tmp_path / "c.1.json").write_text(content)
    said, processes = doctor("--counts", str(tmp_path / "c.json"))
    assert (said["D065"], processes) == (("problem", [f"{tmp_path}{os.sep}c.1.json: it is no file of counts."]), [])


def test_no_file(doctor, tmp_path):
    """Where no process has written anything, the variable to set is said; a folder that is missing is named."""
    assert doctor("--counts", str(tmp_path / "c.json"))[0]["D065"] == (
        "problem",
        [f"{tmp_path}{os.sep}c.json has no counts of any process."],
    )
    assert "cannot be read: No such file" in doctor("--counts", str(tmp_path / "missing" / "c.json"))[0]["D065"][1][0]


PROGRAM = """
import subprocess, sys
from appinsights_exporter.delivery.sharing import shared
from appinsights_exporter.settings import resolve

share = shared(resolve())
share.deliver([b"{}"])
share.counts.listener.settled()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def process(tmp_path):
    """Return a function that starts a program with an environment of its own; it lives until the test ends."""
    started = []

    def start(*arguments, **environment):
        made = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **environment},
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(made)
        assert made.stdout.readline() == "ready\n"
        return made.pid

    yield start
    for made in started:
        made.communicate()


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc here")
def test_a_process_is_asked_by_its_id(doctor, process):
    """Its environment and its folder say where its counts are; a parent's id shows the children's."""
    with LocalEndpoint(store=False) as endpoint:
        settings = {"APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string, VARIABLE: "c.json"}
        parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
        pid = process("-c", parent, PROGRAM, **settings)
        said, (found,) = doctor("--pid", str(pid))
        assert said == {}
        assert (found["pid"] != pid, found["is_alive"], found["resources"][0]["sent"]) == (True, True, 1)
        assert doctor("--pid", str(found["pid"]))[1][0]["pid"] == found["pid"]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc here")
def test_the_variables_of_a_process_are_looked_at(process, capsys):
    """The other checks look at what the process was started with, and not at what doctor was; variables of interpreters stay doctor's."""
    with pytest.MonkeyPatch.context() as patch:
        # The command takes the variables over for good.
        patch.setattr(os, "environ", os.environ.copy())
        patch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", "nonsense")
        patch.setenv("NO_PROXY", "mine")
        pid = process(
            "-S",
            "-c",
            "import sys; print('ready', flush=True); sys.stdin.read()",
            APPLICATIONINSIGHTS_CONNECTION_STRING="InstrumentationKey=00000000-0000-0000-0000-00000000000c;IngestionEndpoint=https://portal.azure.com",
            PYTHONHASHSEED="7",
        )
        main(["doctor", "--json", "--offline", "--pid", str(pid)])
        assert ("PYTHONHASHSEED" in os.environ, os.environ["NO_PROXY"]) == (False, "mine")
    document = json.loads(capsys.readouterr().out)
    problems = {each["id"] for each in document["results"] if each["verdict"] == "problem"}
    assert problems == {"D041", "D065"}


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc here")
def test_a_process_that_keeps_no_counts(doctor, process, tmp_path):
    """A process without the variable, one that has sent nothing, and one that is not there: each is told what to do."""
    waits = "import sys; print('ready', flush=True); sys.stdin.read()"
    pid = process("-S", "-c", waits)
    assert doctor("--pid", str(pid))[0]["D065"][1][0].startswith(f"Process {pid} was not started with {VARIABLE}")
    pid = process("-S", "-c", waits, **{VARIABLE: str(tmp_path / "c.json")})
    assert "there is no file of it" in doctor("--pid", str(pid))[0]["D065"][1][0]
    assert doctor("--pid", str(DEAD))[0]["D065"] == ("problem", [f"There is no process {DEAD}."])


def test_the_environment_of_another_user(doctor, monkeypatch):
    """Where the system refuses to show it, the way out is said."""
    import psutil

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(collect, "open", refuse, raising=False)
    assert doctor("--pid", str(psutil.Process().pid))[0]["D065"][1] == [
        f"What process {os.getpid()} was started with may not be read by this user."
    ]


def test_each_reason_that_helps_is_one():
    """The reasons that a step is known for are in the table of losses.md."""
    page = (Path(__file__).parents[2] / "migration_guide" / "losses.md").read_text(encoding="utf-8")
    assert [reason for reason in checks._HELPS if f"| `{reason}" not in page] == []


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s ago"), (119, "119 s ago"), (120, "2 min ago"), (7200, "2 h ago"), (200_000, "2 d ago")]
)
def test_ago(seconds, said):
    """Ages are whole numbers of the largest unit of which there are two."""
    assert ago(seconds) == said
