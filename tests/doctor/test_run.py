"""The command that runs a program and looks at it from inside."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat.doctor import cli
from opencensus_compat.doctor.check import PROBLEM, SKIPPED, UNCHECKED, run_checks
from opencensus_compat.doctor.programs import facts_of, run
from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.sections.counts import Counts
from opencensus_compat.local import LocalEndpoint

_SENDS = """
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span("checkout"):
    pass
"""


@pytest.fixture
def environ(tmp_path):
    """Return an environment without settings of telemetry."""
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}


def _run(code: str, environ, *options: str) -> object:
    return run([sys.executable, *options, "-c", code], environ)


def test_what_a_program_sees(environ, tmp_path):
    """A program has the arguments, the exit code and the path that it has without, and its functions look as ever."""
    code = (
        "import json, logging, signal, sys, os\n"
        "logging.getLogger().warning('on standard error')\n"
        "with open(sys.argv[1], 'w') as file: json.dump([sys.argv[2:], sys.path, logging.Filterer.filter.__name__], file)\n"
        "sys.exit(7)\n"
    )
    seen = []
    for number, start in enumerate(
        (lambda command: run(command, environ).run.exit_code, lambda command: subprocess.call(command, env=environ))
    ):
        answer = tmp_path / str(number)
        seen.append((start([sys.executable, "-c", code, str(answer), "--flag"]), answer.read_text(encoding="utf-8")))
    assert seen[0] == seen[1]
    assert seen[0][0] == 7


def test_processes_that_a_program_starts(environ):
    """Children answer, too: those of multiprocessing by fork, and interpreters of their own."""
    code = (
        "import multiprocessing, subprocess, sys\n"
        "if __name__ == '__main__':\n"
        "    child = multiprocessing.get_context('fork').Process(target=print)\n"
        "    child.start(); child.join()\n"
        "    subprocess.check_call([sys.executable, '-c', 'pass'])\n"
    )
    assert [process.told for process in _run(f"import sys; sys.stdout = open('{os.devnull}', 'w')\n{code}", environ).run.processes] == [
        True
    ] * 3


def test_a_python_without_this_package(environ):
    """Where the program's Python lacks this package, the process says so, and what of OpenCensus it has loaded."""
    code = "import sys, types; sys.modules['opencensus'] = types.ModuleType('opencensus')"
    # Behind the links of the virtual environment.
    [process] = run([os.path.realpath(sys.executable), "-c", code], environ).run.processes
    assert (process.told, process.why_not, process.loaded) == (
        False,
        "ModuleNotFoundError: No module named 'opencensus_compat'",
        ("opencensus",),
    )


@pytest.mark.parametrize(
    ("code", "verdict", "said"),
    [
        (
            _SENDS,
            SKIPPED,
            "What it counted is told.",
        ),
        ("pass", PROBLEM, "started no Python that could be looked at"),
        ("raise SystemExit(3)", UNCHECKED, "ended with 3: its own output says why"),
    ],
    ids=["sends", "sends nothing", "fails"],
)
def test_a_program_that_reads_no_path(environ, code, verdict, said):
    """A packed program reads no PYTHONPATH, as this Python with -I: what it counted is told; where it counted nothing, that it is unseen."""
    with LocalEndpoint() as endpoint:
        environ["APPLICATIONINSIGHTS_CONNECTION_STRING"] = endpoint.connection_string
        request = Request(environ=environ, folder=os.getcwd(), offline=True)
        command = [sys.executable, "-I", "-c", code]
        [facts] = facts_of(command, request, asked=None, drive=None, stop_signal="SIGTERM", to_stderr=True)
    [result] = [result for result in run_checks(facts) if result.check.id == "D100"]
    assert result.verdict is verdict
    assert said in (result.failure or result.findings[0].text)
    counted = [process.resources[0].sent for process in facts.counts.processes] if isinstance(facts.counts, Counts) else []
    assert counted == ([1] if verdict is SKIPPED else [])


def test_a_server_that_is_driven(environ):
    """A server is driven as soon as it listens, and ended by the signal that was chosen."""
    seen = run(
        [sys.executable, "-m", "http.server", "0"],
        environ,
        drive=f"{sys.executable} -c 'import urllib.request; urllib.request.urlopen(\"http://127.0.0.1:{{port}}/\")'",
        stop_signal="SIGINT",
    )
    assert (seen.run.failure, [process.told for process in seen.run.processes]) == ("", [True])


def test_a_command_that_cannot_be_started(environ):
    """A command that cannot be started is said, with the reason."""
    assert run(["no-such-command"], environ).run.failure == "'no-such-command' cannot be started: No such file or directory"


def _namespace(*arguments: str, program: tuple[str, ...] = ()) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    return parser.parse_args(arguments, argparse.Namespace(program=list(program)))


@pytest.mark.parametrize(
    ("namespace", "message"),
    [
        (_namespace("--log", "shop:INFO"), "--log: only the running program shows that"),
        (_namespace("--drive", "curl"), "--drive: only the running program shows that"),
        (_namespace("--log", "shop", program=("python",)), "--log: expected NAME:LEVEL"),
        (_namespace("--stop-signal", "SIGINT", program=("python",)), "--stop-signal is for servers"),
        (_namespace("--pid", "1", program=("python",)), "--counts and --pid are about processes that run already"),
    ],
)
def test_usage(namespace, message, capsys):
    """Options that need others end with 2 and say what they need."""
    assert cli.run(namespace) == 2
    assert message in capsys.readouterr().err


def test_json_of_a_run(environ, tmp_path):
    """With --json the document stands alone on standard output, what the program prints on standard error, and problems end with 1."""
    code = (
        "import logging, sys\nfrom opencensus.ext.azure.log_exporter import AzureLogHandler\nprint('of the program')\n"
        "logging.getLogger().addHandler(AzureLogHandler(connection_string=sys.argv[1], enable_local_storage=False))\n"
        "logging.getLogger('shop.orders').info('lost')\n"
    )
    key = "InstrumentationKey=12345678-1234-4234-8234-123456789abc"
    command = [str(Path(sys.executable).with_name("census-compat")), "doctor", "--offline", "--json", "--log", "shop.orders:INFO"]
    done = subprocess.run(
        [*command, "--", sys.executable, "-c", code, key], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    document = json.loads(done.stdout)
    problems = [result["id"] for result in document["results"] if result["verdict"] == "problem"]
    assert (done.returncode, done.stderr, problems) == (1, "of the program\n", ["D031"])
    assert "123456789abc" not in done.stdout
