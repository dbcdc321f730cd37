"""The command that was run: which Python processes it had, and how they ended."""

from __future__ import annotations

from collections.abc import Iterator

from opencensus_compat.doctor.check import PROBLEM, SKIPPED, WARNING, CouldNotCheck, Finding, check
from opencensus_compat.doctor.checks.messages import about
from opencensus_compat.doctor.facts import Absent, Facts
from opencensus_compat.doctor.sections.counts import Counts
from opencensus_compat.doctor.sections.run import Process, Run

_FLUSH = "OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM=1"
_ENDS = (0, *(end for number in (2, 9, 15) for end in (-number, 128 + number)))
"""Exit codes of programs that have not failed: the next check names signals."""
_SIGNALS = {2: "SIGINT", 9: "SIGKILL", 15: "SIGTERM"}


@check("D100", group="run", title="the program runs, and uses this package")
def processes(facts: Facts) -> Iterator[Finding]:
    """Whether the command could be run, and what its processes had loaded."""
    if isinstance(facts.run, Absent):
        yield Finding(SKIPPED, facts.run.absent_because)
        return
    run = facts.run
    if run.failure:
        raise CouldNotCheck(run.failure)
    if not run.processes and isinstance(facts.counts, Counts) and facts.counts.processes:
        # A frozen program reads no PYTHONPATH; its exporter counts all the same.
        yield Finding(
            SKIPPED,
            f"{run.command} cannot be looked at from inside: it is packed, or its Python ignores PYTHONPATH (-E, -I, -S). What it counted is told.",
        )
    elif not run.processes and run.exit_code in _ENDS:
        yield Finding(
            PROBLEM,
            f"{run.command} started no Python that could be looked at: the program is none of Python, or its Python ignores PYTHONPATH (-E, -I, -S).",
            "give the command that runs the program itself, such as: census-compat doctor -- python app.py",
        )
    for process in run.processes:
        yield from _untold(process)
    if run.exit_code not in _ENDS:
        raise CouldNotCheck(
            f"{run.command} ended with {run.exit_code}: its own output says why; what comes after its failure was not seen."
        )
    if run.exit_code or isinstance(facts.wiring, Absent) or not all(process.told for process in run.processes):
        return
    if not any(name != "opentelemetry" for name in facts.wiring.uses):
        yield Finding(
            PROBLEM,
            f"{run.command} imported nothing of opencensus: nothing of it reaches this package.",
            "look whether it is the right program; its imports of opencensus come before its first telemetry",
        )


def _untold(process: Process) -> Iterator[Finding]:
    if process.why_not.startswith("ModuleNotFoundError"):
        uses = f"; it has loaded {', '.join(process.loaded)}" if process.loaded else ""
        yield Finding(
            PROBLEM if process.loaded else WARNING,
            f"The Python of the program, {process.python}, has no census-compat{uses}.",
            f"{process.python} -m pip install census-compat",
            (f"{process.command}: {process.why_not}",),
        )
    elif process.why_not:
        raise CouldNotCheck(f"Process {process.pid} ({process.command}) gave no facts: {process.why_not}")


@check("D101", group="run", title="the program ends with its exit hooks")
def ends(facts: Facts) -> Iterator[Finding]:
    """Whether processes could export what was queued."""
    yield from about(facts, "D101")
    if isinstance(facts.run, Absent):
        yield Finding(SKIPPED, facts.run.absent_because)
        return
    cut = [process for process in facts.run.processes if not (process.told or process.why_not)]
    if cut and not facts.run.failure:
        yield _cut(facts.run, cut)
    if not isinstance(facts.wiring, Absent) and facts.wiring.waiting:
        process = next((each for each in facts.run.processes if each.pid == facts.wiring.pid), None)
        if process is not None and process.ended:
            yield Finding(
                PROBLEM,
                f"A process ended by {process.ended}, without its exit hooks, while {facts.wiring.waiting} items were queued: they are lost.",
                "opencensus_compat.flush(5) before that" if process.ended.startswith("os._exit") else _FLUSH,
                (f"process {process.pid}: {process.command}",),
            )


def _cut(run: Run, cut: list[Process]) -> Finding:
    number = -run.exit_code if run.exit_code < 0 else run.exit_code - 128 if run.exit_code > 128 else 0
    by = _SIGNALS.get(number, "") or run.stop_signal
    how = f"were ended by {by}" if by else "were ended by a signal"
    evidence = tuple(f"process {process.pid}: {process.command}" for process in cut)
    ended = cut[0].ended
    if ended and len(cut) == 1:
        # It said so, and was slower than its end may be held up.
        return Finding(
            PROBLEM,
            f"A process ended by {ended}, without its exit hooks, while nothing of its wiring could be seen in time: what was queued is lost.",
            "opencensus_compat.flush(5) before that" if ended.startswith("os._exit") else _FLUSH,
            evidence,
        )
    return Finding(
        PROBLEM,
        f"{len(cut)} of {len(run.processes)} Python processes {how}, without their exit hooks: what was queued is lost, and nothing of their wiring "
        "could be seen.",
        f"{_FLUSH}; to look inside, end a server with --stop-signal SIGINT"
        if by != "SIGKILL"
        else "end the program in another way than by SIGKILL",
        evidence,
    )
