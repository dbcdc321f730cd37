"""The resource of providers that this package makes."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from opencensus_compat._bridge.context import in_empty_context
from opencensus_compat._bridge.exporter import failure
from opencensus_compat._bridge.process import pool_numbers_kept
from opencensus_compat._bridge.settings import resource_attribute

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

__all__ = ["resource_of_role"]


def resource_of_role(role: str) -> Resource:
    """Return the resource of a provider for programs that have none, with the role that their OpenCensus telemetry carries."""
    from opentelemetry.sdk.resources import Resource

    named = {"service.name": role, "service.instance.id": platform.node()}
    # Merged last, so that they stand in for the SDK's own defaults; what the environment says about them stays.
    ours = {key: value for key, value in named.items() if not resource_attribute(key)}
    return in_empty_context(_detected).merge(Resource(ours))


def _detected() -> Resource:
    """Return the resource that the SDK detects, also where its detectors raise, or no thread can be started any more to run them in."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.version import __version__ as sdk_version

    try:
        with pool_numbers_kept():
            return Resource.create()
    except failure():
        # A detector may be the program's, and the first record of a program may come with its end. What the SDK says of itself, and the environment of the program:
        sdk = {"telemetry.sdk.language": "python", "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.version": sdk_version}
        return Resource(sdk).merge(OTELResourceDetector().detect())
