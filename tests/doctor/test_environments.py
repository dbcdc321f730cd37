"""The command, end to end, in environments with one fault each: it names that fault, and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
try:
    import delivery_setups
    import setups
    from environments import ENVIRONMENTS, HEALTHY, Environment
finally:
    sys.path.pop(0)

from opencensus_compat.doctor.check import run_checks
from opencensus_compat.doctor.collect import gather
from opencensus_compat.doctor.request import Request

_CONNECTION_STRING = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=https://localhost:1/"
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_BAD = ("problem", "warning", "could not check")


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


Said = dict[str, list[tuple[str, str]]]
"""Id -> verdict and text of what is not well."""


def _setup(name: str) -> Callable[[setups.Run], contextlib.AbstractContextManager[None]]:
    return getattr(setups, name, None) or getattr(delivery_setups, name) if name else contextlib.nullcontext


def _look(environment: Environment, folder: Path) -> Said:
    """Look at some sections of an environment in this process, and return what is not well."""
    _write(folder, environment.files)
    _write(folder / "path", environment.path)
    run = setups.Run(folder, {"APPLICATIONINSIGHTS_CONNECTION_STRING": _CONNECTION_STRING, "TMPDIR": str(folder)}, environment.without)
    with _setup(environment.setup)(run):
        environ = {**run.variables, **environment.variables}
        with pytest.MonkeyPatch.context() as patch:
            # The exporter's own code, which is asked about proxies and certificates, reads the process's.
            for name, value in environ.items():
                patch.setenv(name, value)
            request = Request(
                environ=environ,
                folder=str(folder),
                path=(str(folder), str(folder / "path"), *sys.path),
                offline=not environment.online,
                send="--send" in environment.arguments,
                counts=run.counts,
            )
            facts = gather(request, environment.sections)
    return {
        result.check.id: found
        for result in run_checks(facts)
        if (found := [(each.verdict.value, each.text) for each in result.findings if each.verdict.value in _BAD])
    }


def _run(environment: Environment, folder: Path) -> Said:
    """Run the command in an environment, and return what is not well."""
    program, path = folder / "program", folder / "path"
    _write(program, environment.files)
    _write(path, environment.path)
    program.mkdir(exist_ok=True)
    variables = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    variables["APPLICATIONINSIGHTS_CONNECTION_STRING"] = _CONNECTION_STRING
    run = setups.Run(folder, variables, environment.without)
    if environment.path:
        run.add_to_path(path)
    with _setup(environment.setup)(run):
        command = [run.interpreter, *environment.flags, "-m", "opencensus_compat", "doctor", "--json", "--offline", *environment.arguments]
        done = subprocess.run(
            command,
            cwd=program,
            env={**run.variables, **environment.variables},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
    assert done.stderr == ""
    results = json.loads(done.stdout)["results"]
    bad = {
        result["id"]: [(each["verdict"], each["text"]) for each in result["findings"] if each["verdict"] in _BAD]
        + [("could not check", result["failure"])] * bool(result["failure"])
        for result in results
    }
    return {id: said for id, said in bad.items() if said}


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.name)
def test_each_fault_is_named_alone(environment, tmp_path):
    """The check that looks for the fault names it, and no other check finds anything."""
    said = _look(environment, tmp_path) if environment.sections else _run(environment, tmp_path)
    if environment.unchecked:
        said = {id: found for id, found in said.items() if {verdict for verdict, _ in found} != {"could not check"}}
    assert {id: {verdict for verdict, _ in found} for id, found in said.items()} == {environment.id: {environment.verdict}}, said
    assert environment.says in " ".join(text for _, text in said[environment.id])


@pytest.mark.parametrize("environment", HEALTHY, ids=lambda environment: environment.name)
def test_a_healthy_environment(environment, tmp_path):
    """Where nothing is wrong, nothing is found."""
    assert _run(environment, tmp_path) == {}
