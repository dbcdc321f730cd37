"""The program, as the resource of its telemetry names it."""

from __future__ import annotations

import os
import sys

from opentelemetry.sdk.resources import SERVICE_NAME, Resource

__all__ = ["program_resource"]

_UNKNOWN = "unknown_service"
"""What the SDK names programs begins with that name themselves nowhere."""


def program_resource(resource: Resource | None = None) -> Resource:
    """Return the resource of providers for this program; where nothing names its role, that is the script's name, as with OpenCensus.

    Args:
        resource: What the program says of itself; it comes before the environment, and that before what the SDK detects.
    """
    made = Resource.create() if resource is None else Resource.create(resource.attributes, resource.schema_url or None)
    name = str(made.attributes.get(SERVICE_NAME, ""))
    if name and not name.startswith(_UNKNOWN):
        return made
    said = str(Resource.create().attributes.get(SERVICE_NAME, ""))
    script = os.path.basename(sys.argv[0] if sys.argv else "") or "Python Application"
    return made.merge(Resource({SERVICE_NAME: script if not said or said.startswith(_UNKNOWN) else said}))
