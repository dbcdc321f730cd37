"""What running processes have counted, as text for a terminal and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from opencensus_compat.doctor.facts import Absent
from opencensus_compat.doctor.sections.counts import CountedProcess, CountedResource, Counts, LastTime

__all__ = ["ago", "as_plain", "as_table"]


def ago(seconds: float) -> str:
    """Return how long ago something was, in words."""
    for unit_s, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit_s:
            return f"{int(seconds // unit_s)} {unit} ago"
    return f"{int(seconds)} s ago"


def as_table(counts: Counts | Absent) -> str:
    """Return a block of lines for each process; empty where none was asked for."""
    if isinstance(counts, Absent):
        return ""
    return "".join(f"{line}\n" for process in counts.processes for line in (*_process(process), ""))


def as_plain(counts: Counts | Absent) -> list[dict[str, object]]:
    """Return what JSON can hold of each process."""
    return [] if isinstance(counts, Absent) else [asdict(process) for process in counts.processes]


def _process(process: CountedProcess) -> Iterator[str]:
    gone = {True: process.state, False: "gone", None: f"on host {process.host}"}[process.is_alive]
    yield f"process {process.pid} {process.program}, {gone}; counts of {process.written.at} ({ago(process.written.ago_s)})"
    for resource in process.resources:
        yield f"  resource {resource.key}, {resource.endpoint}"
        yield from (f"    {name:<14}{value}" for name, value in _rows(resource))


def _rows(resource: CountedResource) -> Iterator[tuple[str, str]]:
    yield "sent", f"{resource.sent:,}"
    yield "waiting", f"{resource.waiting:,}"
    for name, number in (
        ("stored", resource.stored),
        ("held in memory", resource.held),
        ("filtered", resource.filtered),
        ("possibly twice", resource.possibly_duplicated),
    ):
        if number:
            yield name, f"{number:,}"
    for name, counted in (("retried", resource.retried), ("lost", resource.dropped)):
        yield from ((name, f"{each.items:,} x {each.reason}") for each in counted)
    if not resource.dropped:
        yield "lost", "0"
    yield "last success", _last(resource.success)
    yield "last failure", _last(resource.failure)
    if resource.loss is not None:
        yield "last loss", _last(resource.loss)


def _last(last: LastTime | None) -> str:
    if last is None:
        return "none"
    why = ": ".join(filter(None, (last.reason, last.detail)))
    return f"{last.at} ({ago(last.ago_s)})" + (f": {why}" if why else "")
