"""What running processes have counted: is anything sent, does anything wait, what is lost, and how did they end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from opencensus_compat.doctor.check import PROBLEM, SKIPPED, WARNING, Finding, check, need
from opencensus_compat.doctor.counted import ago
from opencensus_compat.doctor.facts import Absent, Facts
from opencensus_compat.doctor.sections.counts import CountedProcess, CountedResource

_HELPS = {
    "refused by the service: quota exceeded": "Raise the daily cap of the resource, or sample.",
    "paused: quota exceeded": "Raise the daily cap of the resource, or sample.",
    "refused by the service: not found": "Copy the connection string from the resource's overview page.",
    "refused by the service": "Run the program with census-compat local -- CMD: it says which field of which item is refused.",
    "queue full": "Give the exporter a longer queue (queue_capacity), or sample.",
    "too many records": "Give the handler a longer queue (queue_capacity), or log fewer lines.",
    "store full": "Give the store more room (storage_max_size), and look at why the service does not take telemetry.",
    "stored too long": "Nothing brings it back: the service refuses items of more than 48 hours. Look at what kept them.",
    "stored file damaged": "Look at the disk of the store.",
    "not stored: disk full": "Make room on the disk, or name another folder in APPINSIGHTS_EXPORTER_STORAGE_FOLDER.",
    "not stored": "Name a folder that the user of the process may write to in APPINSIGHTS_EXPORTER_STORAGE_FOLDER.",
    "not delivered": "Let the process store on disk (APPINSIGHTS_EXPORTER_STORAGE): it ended while the service did not take telemetry.",
    "not accepted, no reason given": "Look whether the endpoint is the service itself, and nothing in between.",
    "no time left to convert": "Make telemetry processors and formatters faster, or the grace_period longer.",
    "a telemetry processor raised": "Raise no SystemExit and the like in telemetry processors.",
    "offered after shutdown": "Shut exporters and providers down last.",
    "payload too large": "Make the properties of the item smaller.",
}
"""What a reason begins with -> the next step; the longest that fits counts."""
_STEP = "Look the reason up: census-compat guide losses"


@check("D065", group="counts", title="counts of a running process")
def readable(facts: Facts) -> Iterator[Finding]:
    """What was asked for is there and can be read."""
    counts = need(facts.counts)
    if not counts.asked:
        yield _not_asked()
    elif counts.problem:
        yield Finding(PROBLEM, counts.problem, counts.step)
    for each in counts.unreadable:
        yield Finding(
            PROBLEM, f"{each}.", "Name the file that APPINSIGHTS_EXPORTER_COUNTS_FILE names, and run doctor as a user that may read it."
        )


@check("D066", group="counts", title="telemetry that processes have lost")
def lost(facts: Facts) -> Iterator[Finding]:
    """Nothing was dropped."""
    if not need(facts.counts).asked:
        yield _not_asked()
    dropped: Counter[str] = Counter()
    where: dict[str, list[str]] = {}
    for process, resource in _resources(facts):
        for each in resource.dropped:
            dropped[each.reason] += each.items
            detail = (
                f": {resource.loss.detail}"
                if resource.loss is not None and resource.loss.reason == each.reason and resource.loss.detail
                else ""
            )
            where.setdefault(each.reason, []).append(f"process {process.pid}, resource {resource.key}: {each.items}{detail}")
    for reason, items in dropped.most_common():
        found = max((each for each in _HELPS if reason.startswith(each)), key=len, default="")
        yield Finding(PROBLEM, f"{_items(items)} lost: {reason}.", _HELPS.get(found, _STEP), tuple(where[reason]))


@check("D067", group="counts", title="telemetry that waits in processes")
def waiting(facts: Facts) -> Iterator[Finding]:
    """The service takes what it is sent."""
    if not need(facts.counts).asked:
        yield _not_asked()
    for process, resource in _resources(facts):
        failure, success = resource.failure, resource.success
        if failure is None or (success is not None and success.ago_s <= failure.ago_s) or _is_explained(facts, resource):
            continue
        since = f"since {success.at}" if success is not None else "since it began"
        cause = f"{failure.reason}: {failure.detail}" if failure.detail else failure.reason
        yield Finding(
            PROBLEM,
            f"Process {process.pid} has sent nothing to resource {resource.key} {since} ({cause}, last {ago(failure.ago_s)}); "
            f"{_items(resource.waiting)} wait{'s' if resource.waiting == 1 else ''}.",
            "See the checks of the endpoint; with --counts, run doctor in the environment of the process, for they look at what is set there.",
            (f"{process.path}: endpoint {resource.endpoint}",),
        )


@check("D068", group="counts", title="processes that ended without a word")
def ended(facts: Facts) -> Iterator[Finding]:
    """A process that is gone has said so."""
    if not need(facts.counts).asked:
        yield _not_asked()
    if not isinstance(facts.run, Absent):
        # Of a program that doctor has run, other checks know more: what was queued as it ended, and the way of what it made.
        return
    for process in need(facts.counts).processes:
        if process.is_alive is False and process.state == "running":
            yield Finding(
                WARNING,
                f"Process {process.pid} ({process.program}) is gone and ran no exit hooks: what was queued in it then is lost, or was stored before.",
                "Let it end in the ordinary way: OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM=1 for SIGTERM, opencensus_compat.flush(5) before os._exit.",
                (f"{process.path}: written {process.written.at}",),
            )
        elif not any(_offered(each) for each in process.resources):
            yield Finding(
                WARNING,
                f"Process {process.pid} ({process.program}) was given no telemetry to send.",
                "Look at the way of its spans, records and measurements: census-compat doctor -- CMD.",
            )


def _is_explained(facts: Facts, resource: CountedResource) -> bool:
    """Return whether the way to the same endpoint was gone just now, and its checks say what is wrong there."""
    network = facts.network
    if isinstance(network, Absent) or network.reach is None or network.resource.endpoint != resource.endpoint:
        return False
    reach = network.reach
    failed = reach.proxy_problem or reach.name_problem or reach.connect_problem or reach.tls_problem
    return bool(failed) or (reach.answer is not None and reach.answer.status not in (200, 206))


def _not_asked() -> Finding:
    return Finding(SKIPPED, "No counts were asked for.", "To see what becomes of a running process's telemetry: --pid N or --counts FILE.")


def _resources(facts: Facts) -> Iterator[tuple[CountedProcess, CountedResource]]:
    for process in need(facts.counts).processes:
        for resource in process.resources:
            yield process, resource


def _offered(resource: CountedResource) -> int:
    return resource.sent + resource.filtered + resource.stored + resource.held + sum(each.items for each in resource.dropped)


def _items(number: int) -> str:
    return f"{number:,} item{'' if number == 1 else 's'}"
