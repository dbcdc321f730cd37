"""The wire types, as telemetry processors and subclasses of the exporters use them."""

from __future__ import annotations

from opencensus_compat._bridge.exporter import (
    BaseObject,
    Data,
    DataPoint,
    Envelope,
    Event,
    ExceptionData,
    Message,
    MetricData,
    RemoteDependency,
    Request,
)

__all__ = [
    "BaseObject",
    "Data",
    "DataPoint",
    "Envelope",
    "Event",
    "ExceptionData",
    "Message",
    "MetricData",
    "RemoteDependency",
    "Request",
]
