"""Which points of a collection are sent."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics

from opencensus_compat._bridge.pipeline.metric_readers import TICK
from opencensus_compat._bridge.process import SCOPE

__all__ = ["points_to_send"]


def points_to_send(collected: MetricsData, is_exported: Callable[[str], bool] | None, *, only_facade: bool) -> MetricsData | None:
    """Return what is to be sent of a collection, None when that is nothing.

    Args:
        collected: As the reader collected it.
        is_exported: Returns whether a facade instrument's metric, by its name in OpenTelemetry, is to be sent; None stands for none of them.
        only_facade: Whether others are not to be sent.
    """
    kept: list[ResourceMetrics] = []
    for of_resource in collected.resource_metrics:
        scopes: list[ScopeMetrics] = []
        for of_scope in of_resource.scope_metrics:
            if of_scope.scope.name == TICK or (only_facade and of_scope.scope.name != SCOPE):
                continue
            if of_scope.scope.name == SCOPE:
                exported = [] if is_exported is None else [metric for metric in of_scope.metrics if is_exported(metric.name)]
                of_scope = ScopeMetrics(scope=of_scope.scope, metrics=exported, schema_url=of_scope.schema_url)  # noqa: PLW2901 - its part
            if of_scope.metrics:
                scopes.append(of_scope)
        if scopes:
            kept.append(ResourceMetrics(resource=of_resource.resource, scope_metrics=scopes, schema_url=of_resource.schema_url))
    return MetricsData(resource_metrics=kept) if kept else None
