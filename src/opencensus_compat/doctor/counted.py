"""What is shown whether something is wrong or not: what running processes have counted, and a test item that was sent. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from opencensus_compat.doctor.facts import Absent
from opencensus_compat.doctor.sections.counts import CountedProcess, CountedResource, Counts, LastTime
from opencensus_compat.doctor.sections.network import MARK, Network, Sent

__all__ = ["ago", "as_plain", "as_table", "is_accepted", "sent_plain", "sent_table"]


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
    lines = (line for process in counts.processes for line in (*_process(process), ""))
    # A file may be anybody's.
    return "".join(f"{''.join(letter if letter.isprintable() else ' ' for letter in line)}\n" for line in lines)


def as_plain(counts: Counts | Absent) -> list[dict[str, object]]:
    """Return what JSON can hold of each process."""
    return [] if isinstance(counts, Absent) else [asdict(process) for process in counts.processes]


def sent_table(network: Network | Absent) -> str:
    """Return what became of the test item, and how it is found; empty where none was sent."""
    if isinstance(network, Absent) or network.sent is None:
        return ""
    answer = network.sent.answer
    became = "accepted" if is_accepted(network.sent) else f"not accepted (status {answer.status})" if answer.status else "not answered"
    lines = [f"test item {network.sent.mark}: {became}"]
    if became == "accepted":
        lines += ["  in some minutes this query finds it in the resource's logs:", f"  {_query(network.sent)}"]
    return "\n".join([*lines, "", ""])


def sent_plain(network: Network | Absent) -> dict[str, object] | None:
    """Return what JSON can hold of the test item; None where none was sent."""
    if isinstance(network, Absent) or network.sent is None:
        return None
    return {
        "mark": network.sent.mark,
        "accepted": is_accepted(network.sent),
        "status": network.sent.answer.status,
        "query": _query(network.sent),
    }


def is_accepted(sent: Sent) -> bool:
    """Return whether the service took a test item."""
    return sent.answer.status == 200 and sent.answer.accepted in (1, -1)


def _query(sent: Sent) -> str:
    return f'traces | where timestamp > ago(1d) and customDimensions.{MARK} == "{sent.mark}"'


def _process(process: CountedProcess) -> Iterator[str]:
    gone = {True: process.state, False: "gone" if process.state == "running" else "ended", None: f"on host {process.host}"}[
        process.is_alive
    ]
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
