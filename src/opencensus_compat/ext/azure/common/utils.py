"""Helpers of the Azure exporters, and the tags that every item of OpenCensus telemetry carries."""

from __future__ import annotations

import datetime
import platform
import re
from typing import Any

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.settings import default_role
from opencensus_compat.common.utils import timestamp_to_microseconds, to_iso_str
from opencensus_compat.common.version import __version__ as opencensus_version  # noqa: F401 - programs take it from here
from opencensus_compat.ext.azure.common.version import __version__ as ext_version  # noqa: F401 - the same

azure_monitor_context: dict[str, Any] = {
    "ai.cloud.role": default_role(),
    "ai.cloud.roleInstance": platform.node(),
    "ai.device.id": platform.node(),
    "ai.device.osVersion": platform.version(),
    "ai.device.type": "Other",
    **_exporter.host_tags(),
}
"""Tags of every item. Programs change them in place, at any time, to set their role name.

Unlike OpenCensus, the role is the configured service name (`OTEL_SERVICE_NAME`) where there is one, `ai.device.locale` is absent where it
is not known, and `ai.internal.sdkVersion` names this package.

Source:
    https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/common/utils.py#L26-L38
"""

uuid_regex_pattern = re.compile("^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$")


def microseconds_to_duration(microseconds: int) -> str:
    """Return the wire duration.

    Args:
        microseconds: At least 0.
    Returns: `d.hh:mm:ss.fff`; days always present, unpadded.
    Loses: anything below one millisecond (rounded half up).

    Source:
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/common/utils.py#L41-L47
    """
    milliseconds = (microseconds + 500) // 1000
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days:d}.{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"


def timestamp_to_duration(start_time: str, end_time: str) -> str:
    """Return the wire duration between two OpenCensus times (`2020-01-31T10:20:30.123456Z`)."""
    return microseconds_to_duration(int(timestamp_to_microseconds(end_time) - timestamp_to_microseconds(start_time)))


def timestamp_to_iso_str(timestamp: float) -> str:
    """Return seconds since the epoch as an OpenCensus time (`2020-01-31T10:20:30.123456Z`)."""
    return to_iso_str(datetime.datetime.fromtimestamp(timestamp, datetime.timezone.utc))


def validate_instrumentation_key(instrumentation_key: object) -> None:
    """Check an instrumentation key.

    Raises:
        ValueError: It is missing, or no UUID (capitals are accepted).
    """
    if not instrumentation_key:
        raise ValueError(
            "Instrumentation key cannot be none or empty. Pass connection_string='InstrumentationKey=...;IngestionEndpoint=...' "
            "or set the environment variable APPLICATIONINSIGHTS_CONNECTION_STRING to the text on the resource's overview page."
        )
    if not isinstance(instrumentation_key, str) or not uuid_regex_pattern.match(instrumentation_key.lower()):
        raise ValueError(
            f"Invalid instrumentation key. Expected a UUID such as 00000000-0000-0000-0000-000000000001, got {instrumentation_key!r}. "
            "Copy it from the resource's overview page."
        )
