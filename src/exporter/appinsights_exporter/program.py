"""The program: its resource, and the settings that it gives by arguments."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from opentelemetry.sdk.resources import SERVICE_NAME, Resource

from . import settings as _settings
from .delivery import credentials
from .errors import ConfigurationError
from .settings import Settings

__all__ = ["SendingArguments", "program_resource", "program_settings"]

_FIELDS = {
    "storage_max_size": "storage_max_bytes",
    "storage_retention_period": "storage_max_age_s",
    "storage_min_retry_interval": "min_backoff_s",
    "timeout": "timeout_s",
}
"""Argument, as users of the official distro know it -> that of :func:`settings.resolve`."""
_LEAST_RETRY_INTERVAL_S = 1.0
"""A fraction of a second would ask a dead endpoint without pause."""
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


@dataclass(frozen=True, slots=True)
class SendingArguments:
    """Arguments that say where a program sends, and what it keeps: those of :func:`configure`, of pipelines and of the handlers alike.

    :func:`configure` explains each; None is one that the program leaves out.
    """

    connection_string: str | None
    credential: object | None
    storage_directory: str | os.PathLike[str] | None
    disable_offline_storage: bool | None
    storage_max_size: int | None
    storage_retention_period: float | None
    storage_min_retry_interval: float | None
    timeout: float | None
    proxies: Mapping[str, str] | str | None


def program_settings(given: SendingArguments) -> Settings:
    """Return the settings for arguments of a program.

    Raises:
        ConfigurationError: A value that cannot work; it names the argument.
    """
    numbers = {field: getattr(given, name) for name, field in _FIELDS.items()}
    chosen: dict[str, Any] = {field: value for field, value in numbers.items() if value is not None}
    try:
        found = _settings.resolve(
            given.connection_string,
            credential=credentials.credential_from_environment() if given.credential is None else given.credential,
            storage_folder=given.storage_directory,
            storage_enabled=None if given.disable_offline_storage is None else not given.disable_offline_storage,
            proxies=_parsed(given.proxies),
            **chosen,
        )
    except ConfigurationError as error:
        name = next((argument for argument, field in _FIELDS.items() if field == error.setting), error.setting)
        error.args = (name + str(error).removeprefix(error.setting),)
        error.setting = name
        raise
    if given.storage_min_retry_interval is not None and found.min_backoff_s < _LEAST_RETRY_INTERVAL_S:
        return replace(found, min_backoff_s=_LEAST_RETRY_INTERVAL_S)
    return found


def _parsed(proxies: Any) -> Any:
    """Return proxies that may be JSON text, as in the settings of OpenCensus; what is no JSON stays, to be refused."""
    try:
        return json.loads(proxies) if isinstance(proxies, str) else proxies
    except ValueError:
        return proxies
