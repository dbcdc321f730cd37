"""Programs in which something is wrong, run and looked at from inside."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.doctor.broken_programs import PROGRAMS, Program

from opencensus_compat.doctor.asked import parse_asked
from opencensus_compat.doctor.check import OK, SKIPPED, run_checks
from opencensus_compat.doctor.facts import Absent, Facts
from opencensus_compat.doctor.programs import run
from opencensus_compat.doctor.sections.run import Run
from opencensus_compat.local import LocalEndpoint

_WIRING = ("wiring", "run")


@pytest.fixture(scope="module")
def facts_of(tmp_path_factory):
    """Facts of each program: all of them run in one command, for starting Python and loading OpenTelemetry takes longer than most do."""
    folder = tmp_path_factory.mktemp("programs")
    told, output = folder / "programs.json", folder / "output"
    told.write_text(json.dumps({each.name: (each.code, each.variables) for each in PROGRAMS}), encoding="utf-8")
    with LocalEndpoint() as endpoint:
        environ = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string,
            "APPINSIGHTS_EXPORTER_STORAGE_FOLDER": str(folder),
        }
        script = f'exec "$0" "$@" > "{output}" 2>&1'
        seen = run(["sh", "-c", script, sys.executable, str(Path(__file__).with_name("one_after_another.py")), str(told)], environ)
    lines = [line.split(" ", 2) for line in output.read_text(encoding="utf-8").splitlines() if line[:1].isdigit()]
    names = {int(pid): (name, int(status)) for pid, status, name in lines}
    assert dict(names.values()) == {each.name: each.signal for each in PROGRAMS}, output.read_text(encoding="utf-8")
    return {names[facts.wiring.pid][0]: facts for facts in seen.facts if facts.wiring.pid in names}


def _alone(facts: Facts, program: Program) -> Facts:
    """Return the facts as if the program had been the command."""
    assert isinstance(facts.run, Run)
    [process] = [each for each in facts.run.processes if each.pid == facts.wiring.pid]
    asked = parse_asked(program.log) if program.log else None
    return replace(facts, run=Run("python app.py", 0, (process,), asked=asked))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_what_is_wrong_is_named_alone(facts_of, program):
    """Of a program in which one thing is wrong, exactly the check for that says so; of a healthy one none does."""
    facts = _alone(facts_of[program.name], program)
    said = [
        (result.check.id, finding.verdict.value, finding.text)
        for result in run_checks(facts)
        for finding in result.findings
        if result.check.group in _WIRING and result.verdict not in (OK, SKIPPED)
    ]
    assert [(id, verdict) for id, verdict, _ in said] == ([(program.id, program.verdict)] if program.id else []), said
    assert all(program.says in text for _, _, text in said), said


def test_facts_are_all_there(facts_of):
    """No section of the facts that a program shows is left out for an error."""
    absent = {
        (name, section, getattr(facts, section).absent_because)
        for name, facts in facts_of.items()
        for section in _WIRING
        if isinstance(getattr(facts, section), Absent)
    }
    assert absent == set()
