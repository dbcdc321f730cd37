"""What tracers of OpenCensus's did, from what was seen as the program ran."""

from __future__ import annotations

from typing import Any

from opencensus_compat.doctor.collect._named import class_name
from opencensus_compat.doctor.sections.wiring import Roots, Tracing

__all__ = ["tracing_of_process"]


def tracing_of_process(watched: Any) -> Tracing:
    """Return it.

    Args:
        watched: What was seen; None where nothing was.
    """
    if watched is None:
        return Tracing()
    groups: dict[tuple[Any, ...], list[int]] = {}
    for (sampler, rate, remote, exporter, sampled), traces in list(watched.roots.items()):
        numbers = groups.setdefault((sampler, rate, remote, exporter), [0, 0])
        numbers[0 if sampled else 1] += traces
    return Tracing(
        roots=tuple(
            Roots(
                sampler=class_name(sampler),
                rate=float(rate) if isinstance(rate, (int, float)) else None,
                sampled=sampled,
                unsampled=unsampled,
                exporter=class_name(exporter),
                parent="" if remote is None else "sampled" if remote else "unsampled",
            )
            for (sampler, rate, remote, exporter), (sampled, unsampled) in groups.items()
        ),
        without_sampler=tuple(watched.without_sampler),
        without_exporter=tuple(watched.without_exporter),
        inside_unsampled=watched.inside_unsampled,
        excluded=tuple(watched.excluded.most_common()),
        without_tracer=tuple(watched.without_tracer.most_common()),
    )
