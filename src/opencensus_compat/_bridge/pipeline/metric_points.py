"""Which points of a collection are sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from opentelemetry.sdk.metrics.export import AggregationTemporality, Metric, MetricsData, ResourceMetrics, ScopeMetrics, Sum

from opencensus_compat._bridge.pipeline.metric_readers import TICK
from opencensus_compat._bridge.process import SCOPE

__all__ = ["points_to_send"]


def points_to_send(
    collected: MetricsData,
    is_exported: Callable[[str], bool] | None,
    is_added_to: Callable[[str], bool] = lambda name: False,  # noqa: ARG005 -- of no metric
    *,
    only_facade: bool,
) -> MetricsData | None:
    """Return what is to be sent of a collection, None when that is nothing.

    Args:
        collected: As the reader collected it.
        is_exported: Returns whether a facade instrument's metric, by its name in OpenTelemetry, is to be sent; None stands for none of them.
        is_added_to: Returns whether a program adds to such a metric, rather than having it read.
        only_facade: Whether others are not to be sent.

    Loses: an interval in which a sum of facade code was measured, and only with zeros.
    """
    kept: list[ResourceMetrics] = []
    for of_resource in collected.resource_metrics:
        scopes: list[ScopeMetrics] = []
        for of_scope in of_resource.scope_metrics:
            if of_scope.scope.name == TICK or (only_facade and of_scope.scope.name != SCOPE):
                continue
            if of_scope.scope.name == SCOPE:
                exported = [] if is_exported is None else [metric for metric in of_scope.metrics if is_exported(metric.name)]
                exported = [_as_of_counter(metric) if _has_zeros(metric) and is_added_to(metric.name) else metric for metric in exported]
                exported = [metric for metric in exported if metric.data.data_points]
                of_scope = ScopeMetrics(scope=of_scope.scope, metrics=exported, schema_url=of_scope.schema_url)  # noqa: PLW2901 - its part
            if of_scope.metrics:
                scopes.append(of_scope)
        if scopes:
            kept.append(ResourceMetrics(resource=of_resource.resource, scope_metrics=scopes, schema_url=of_resource.schema_url))
    return MetricsData(resource_metrics=kept) if kept else None


def _has_zeros(metric: Metric) -> bool:
    data = metric.data
    return (
        isinstance(data, Sum)
        and data.is_monotonic
        and data.aggregation_temporality == AggregationTemporality.DELTA
        and any(not point.value for point in data.data_points)
    )


def _as_of_counter(metric: Metric) -> Metric:
    """Return what a counter of OpenTelemetry's sends, where the facade's is an observable one: nothing of a series to which nothing was added."""
    assert isinstance(metric.data, Sum)
    return replace(metric, data=replace(metric.data, data_points=[point for point in metric.data.data_points if point.value]))
