"""Runs the program that is to be looked at from inside, and reads what its Python processes have written down."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opencensus_compat.doctor.collect import SECTIONS, gather
from opencensus_compat.doctor.collect.counts import VARIABLE as COUNTS_VARIABLE
from opencensus_compat.doctor.collect.inside import SEEN_INSIDE
from opencensus_compat.doctor.facts import Absent, Facts, from_json
from opencensus_compat.doctor.inside import VARIABLE
from opencensus_compat.doctor.masking import masked, secrets_of
from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.sections.counts import Counts
from opencensus_compat.doctor.sections.run import Asked, Process, Run
from opencensus_compat.doctor.sections.wiring import Wiring

__all__ = ["Seen", "facts_of", "run"]

_INSIDE = Path(__file__).with_name("inside.py")
_WATCHING = Path(__file__).with_name("watching.py")
_NOT_STARTED = 127
_USED = ("opencensus_compat", "appinsights_exporter")


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of running a command."""

    run: Run
    facts: tuple[Facts, ...]
    """Of each process that could say what it made; ``run`` and ``counts`` are in them."""
    counts: Counts | Absent
    """What all processes have counted."""


def run(
    command: Sequence[str],
    environ: Mapping[str, str],
    *,
    asked: Asked | None = None,
    drive: str | None = None,
    stop_signal: str = "SIGTERM",
    to_stderr: bool = False,
) -> Seen:
    """Run a command to its end and return what was seen of it.

    Args:
        command: The program and its arguments.
        environ: Its environment.
        asked: The record whose way is to be told.
        drive: A command that sends requests to it, when it is a server, as `compare` takes it; None waits for its end.
        stop_signal: Ends a server that was driven: ``SIGTERM`` or ``SIGINT``.
        to_stderr: Write to standard error what the command writes to standard output.

    """
    with tempfile.TemporaryDirectory(prefix="census-compat-", ignore_cleanup_errors=True) as at:
        path, answers = Path(at, "path"), Path(at, "answers")
        path.mkdir()
        answers.mkdir()
        shutil.copyfile(_INSIDE, path / "sitecustomize.py")
        told, counts = Path(at, "told"), environ.get(COUNTS_VARIABLE, "").strip() or str(Path(at, "counts.json"))
        told.write_text(json.dumps({"watching": str(_WATCHING), "answers": str(answers)}), encoding="utf-8")
        changed = {
            **environ,
            VARIABLE: str(told),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(path), environ.get("PYTHONPATH")))),
            COUNTS_VARIABLE: counts,
        }
        if drive is None:
            code, failure = _to_the_end(command, changed, to_stderr=to_stderr)
        else:
            code, failure = _driven(command, changed, drive, stop_signal)
        secrets = secrets_of(environ)
        found = list(_answered(answers, lambda text: masked(text, secrets)))
        counted = _counted(environ, counts)
    ran = Run(
        command=masked(shlex.join(command), secrets),
        exit_code=code,
        processes=tuple(process for process, _ in found),
        stop_signal="" if drive is None else stop_signal,
        asked=asked,
        failure=masked(failure, secrets),
    )
    return Seen(ran, tuple(replace(facts, run=ran, counts=counted) for _, facts in found if facts is not None), counted)


def _counted(environ: Mapping[str, str], path: str) -> Counts | Absent:
    """Return what the processes have counted; a program that sends nothing counts nothing."""
    request = Request(environ=environ, folder=os.getcwd())
    counted = gather(replace(request, counts=path), ["counts"]).counts
    if isinstance(counted, Counts) and not counted.processes and not counted.unreadable:
        return gather(request, ["counts"]).counts
    return counted


def facts_of(
    command: Sequence[str], request: Request, *, asked: Asked | None, drive: str | None, stop_signal: str, to_stderr: bool
) -> list[Facts]:
    """Run a command and return the facts of each of its processes that uses this package; those of any, where none does.

    Args:
        command: As for `run`, like all but the next one.
        request: What is to be looked at, in the command's environment.
        asked: See `run`.
        drive: See `run`.
        stop_signal: See `run`.
        to_stderr: See `run`.

    """
    seen = run(command, request.environ, asked=asked, drive=drive, stop_signal=stop_signal, to_stderr=to_stderr)
    if not seen.facts:
        outside = [name for name in SECTIONS if name != "counts"]
        return [replace(gather(replace(request, goes_to=_endpoint(seen)), outside), run=seen.run, counts=seen.counts)]
    using = [facts for facts in seen.facts if isinstance(facts.wiring, Wiring) and any(name in facts.wiring.uses for name in _USED)]
    outside = [name for name in SECTIONS if name not in (*SEEN_INSIDE, "counts")]
    gathered = gather(replace(request, goes_to=_endpoint(seen)), outside)
    found: dict[str, Any] = {name: getattr(gathered, name) for name in outside}
    return [replace(facts, **found) for facts in using or seen.facts]


def _endpoint(seen: Seen) -> str:
    """Return where the program was seen to send to, also by a connection string in its code; empty where it sent nothing."""
    processes = seen.counts.processes if isinstance(seen.counts, Counts) else ()
    return next((resource.endpoint for process in processes for resource in process.resources), "")


def _to_the_end(command: Sequence[str], environ: Mapping[str, str], *, to_stderr: bool) -> tuple[int, str]:
    """Run a command in this terminal, and return its exit code, or why there is none. A Ctrl+C reaches the command itself."""
    sys.stdout.flush()
    try:
        process = subprocess.Popen(list(command), env=dict(environ), stdout=sys.stderr if to_stderr else None)  # noqa: S603  # the user's own
    except (OSError, ValueError) as error:
        return _NOT_STARTED, f"{command[0]!r} cannot be started: {getattr(error, 'strerror', None) or error}"
    while process.poll() is None:
        with contextlib.suppress(KeyboardInterrupt):
            process.wait()
    return process.returncode, ""


def _driven(command: Sequence[str], environ: Mapping[str, str], drive: str, stop_signal: str) -> tuple[int, str]:
    from opencensus_compat.compare import programs

    driving = programs.Driving(programs.parse("--drive", drive), stop_signal)
    try:
        return programs.drive(programs.command("--", command), environ, driving), ""
    except programs.NotComparable as problem:
        return 1, str(problem)


def _answered(answers: Path, mask: Any) -> Iterator[tuple[Process, Facts | None]]:
    """Yield each Python process that was started, with its facts where it gave any."""
    for path in sorted(answers.glob("*.started"), key=lambda path: path.stat().st_mtime_ns):
        started = json.loads(path.read_text(encoding="utf-8"))
        process = Process(started["pid"], started["python"], mask(shlex.join(started["command"])), told=False)
        facts: Facts | None = None
        ended = path.with_suffix(".ended")
        if ended.exists():
            process = replace(process, ended=ended.read_text(encoding="utf-8"))
        without, with_facts = path.with_suffix(".without"), path.with_suffix(".facts")
        if with_facts.exists():
            try:
                facts = from_json(with_facts.read_text(encoding="utf-8"))
                process = replace(process, told=True)
            except ValueError as error:
                process = replace(process, why_not=f"its census-compat is of another version than this one ({error})")
        elif without.exists():
            told = json.loads(without.read_text(encoding="utf-8"))
            process = replace(process, why_not=mask(told["why"]), loaded=tuple(told["loaded"]))
        yield process, facts
