"""A measurement's way: measures, views, exporters of metrics."""

from __future__ import annotations

from collections.abc import Iterator

from opencensus_compat.doctor.check import PROBLEM, SKIPPED, WARNING, Finding, check
from opencensus_compat.doctor.checks.messages import about
from opencensus_compat.doctor.facts import Absent, Facts
from opencensus_compat.doctor.sections.wiring import Measured, Wiring

_MANAGER = "stats.stats.view_manager"


def _at(measured: Measured) -> str:
    return f" (recorded at {measured.place})" if measured.place else ""


@check("D037", group="wiring", title="views show what is measured")
def views(facts: Facts) -> Iterator[Finding]:
    """Measures without a view, and views of other measures or tags."""
    if isinstance(facts.wiring, Absent):
        yield Finding(SKIPPED, facts.wiring.absent_because)
        return
    for each in facts.wiring.metrics.measured:
        if each.unviewed:
            total = each.unviewed + each.recorded
            yield Finding(
                WARNING if each.recorded else PROBLEM,
                f"No view of the measure {each.name!r} was registered when {each.unviewed} of {total} measurements were made{_at(each)}: they are "
                "lost.",
                f"{_MANAGER}.register_view(view), before the first measurement",
            )
        if each.other:
            yield Finding(
                PROBLEM,
                f"Views show another measure of the name {each.name!r} than the {each.kind} that was recorded {each.other} times{_at(each)}: they "
                "show nothing of it.",
                "make each measure once, and give the same object to the views and to the measurement map",
            )
    for view in facts.wiring.metrics.views:
        if view.untagged:
            columns = ", ".join(map(repr, view.untagged))
            yield Finding(
                WARNING,
                f"The view {view.name!r} has the column {columns}, and no measurement had such a tag: the dimension stays empty.",
                "measurement_map.record(tag_map), with the tag in the map",
            )
    yield from about(facts, "D037")


@check("D038", group="wiring", title="metrics are exported")
def exporters(facts: Facts) -> Iterator[Finding]:
    """Who exports views and gauges, and whether it came to that."""
    if isinstance(facts.wiring, Absent):
        yield Finding(SKIPPED, facts.wiring.absent_because)
        return
    wiring = facts.wiring
    metrics = wiring.metrics
    shown = [view.name for view in metrics.views if view.series]
    is_read = _is_read(wiring)
    for name in metrics.unstarted:
        short = name.rpartition(".")[2]
        yield Finding(
            PROBLEM,
            f"A {short} is registered with the view manager, and nothing has it export: it exports only what a thread brings.",
            "metrics_exporter.new_metrics_exporter() in its place",
        )
    others = [name for name in metrics.registered if name not in metrics.unstarted]
    if shown and not (metrics.unstarted or others or is_read or any(each.has_views for each in metrics.exporting)):
        names = ", ".join(map(repr, shown[:3]))
        yield Finding(
            PROBLEM,
            f"The view {names} has measurements, and nobody exports views.",
            "metrics_exporter.new_metrics_exporter(), once, as the program starts",
        )
    for each in metrics.exporting:
        if not each.at_end and each.interval_s > wiring.age_s:
            yield Finding(
                PROBLEM,
                f"The {each.name} exports every {each.interval_s:g} s and not at the end; the program ended after {wiring.age_s:.0f} s.",
                "a shorter interval, or close() of the thread that get_exporter_thread returns, at the end",
            )
    if metrics.unread_gauges and not is_read:
        names = ", ".join(map(repr, metrics.unread_gauges[:3]))
        yield Finding(
            PROBLEM,
            f"The gauge {names} is in a registry that nobody exports.",
            "transport.get_exporter_thread([registry], exporter) of opencensus.metrics",
        )


def _is_read(wiring: Wiring) -> bool:
    """Return whether somebody else's reader sees views and gauges as instruments."""
    return any(
        provider.signal == "metrics" and (not provider.can_be_seen or any(not reader.is_own for reader in provider.processors))
        for provider in wiring.providers
    )


@check("D039", group="wiring", title="values can be recorded")
def values(facts: Facts) -> Iterator[Finding]:
    """Values that nothing can be made of."""
    if isinstance(facts.wiring, Absent):
        yield Finding(SKIPPED, facts.wiring.absent_because)
        return
    for each in facts.wiring.metrics.measured:
        if each.negative:
            yield Finding(
                PROBLEM,
                f"{each.negative} measurements with the measure {each.name!r}{_at(each)} were dropped: a value was below 0, or no number.",
                "a gauge for values that may be below 0",
            )
    yield from about(facts, "D039")
