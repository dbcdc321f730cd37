"""Options of the Azure exporters."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.exporter import BaseObject
from opencensus_compat._bridge.process import report
from opencensus_compat._bridge.settings import sends_directly, variable_text
from opencensus_compat.ext.azure.common import utils

if TYPE_CHECKING:
    from opencensus_compat._bridge.exporter import Settings

INGESTION_ENDPOINT = "ingestionendpoint"
INSTRUMENTATION_KEY = "instrumentationkey"
_AUDIENCE = "aadaudience"
TEMPDIR_PREFIX = "opencensus-python-"

_CONNECTION_STRING_VARIABLE = "APPLICATIONINSIGHTS_CONNECTION_STRING"
_INSTRUMENTATION_KEY_VARIABLE = "APPINSIGHTS_INSTRUMENTATIONKEY"
_LEAST = {
    "export_interval": 0,
    "grace_period": 0,
    "max_batch_size": 1,
    "minimum_retry_interval": 0,
    "queue_capacity": 0,
    "storage_max_size": 0,
    "storage_retention_period": 0,
    "timeout": 0,
}
"""Options that are numbers, and their least values."""
_OLD_PATHS = ("/v2/track", "/v2.1/track")

_logger = logging.getLogger("opencensus.ext.azure.common")


def parse_connection_string(connection_string: str | None) -> dict[str, str | None]:
    """Return the pairs of a connection string, keys in lower case. Where it names no ingestion endpoint, that follows from its suffix.

    Raises:
        ValueError: It cannot be read; the message says which part.

    Source:
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/common/__init__.py#L81-L111
    """
    return _parsed(connection_string, "argument")


def _parsed(connection_string: str | None, source: str) -> dict[str, str | None]:
    return {} if connection_string is None else _exporter.connection_string_pairs(connection_string, source)


def process_options(options: Options) -> None:
    """Set the options that follow from others or from the environment. Constructors of exporters and handlers check the rest, in `settings_of`.

    Instrumentation key and endpoint come from one place: the connection string given, else the key given, else the environment's
    connection string, else the environment's key. (OpenCensus mixed them: a key given went to the environment's endpoint. It still
    does where the key is the environment's own, whether it is given alone or in a connection string that names no endpoint.)

    Raises:
        ValueError: A connection string that cannot be read, or a credential that is none; the message says what was expected, what came,
            from where.

    Source:
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/common/__init__.py#L28-L78
    """
    if not options.connection_string and (options.instrumentation_key or (not _environment() and _key_of_environment())):
        _warn_about_bare_key()
    key, source = _resource(options)
    options.instrumentation_key = key
    if "endpoint" in options:
        options.endpoint = _without_path(options.endpoint)
    else:
        options.endpoint = source.get(INGESTION_ENDPOINT) or "https://dc.services.visualstudio.com"
    if options.credential and not hasattr(options.credential, "get_token"):
        raise ValueError(
            "Must pass in valid TokenCredential. Expected an object with a get_token method, such as "
            f"azure.identity.DefaultAzureCredential(), got {type(options.credential).__name__}."
        )
    if options.storage_path is None:
        options.storage_path = _default_storage_path(options)
    if options.proxies is None:
        options.proxies = "{}"


def _resource(options: Options) -> tuple[str | None, Mapping[str, str | None]]:
    """Return the instrumentation key, and the pairs of the connection string that endpoint and audience are from; the same each time."""
    environment = _environment()
    key_of_environment = environment.get(INSTRUMENTATION_KEY) or _key_of_environment()
    given = options.connection_string
    pairs = parse_connection_string(given) if given is not None else {}
    key = pairs.get(INSTRUMENTATION_KEY) or options.instrumentation_key or (key_of_environment if given is None else None)
    if isinstance(key, str):
        key = _exporter.unquoted(key).lower()
    if not pairs.get(INGESTION_ENDPOINT) and key == key_of_environment:
        pairs = {**environment, **{name: value for name, value in pairs.items() if value}}
    return key, pairs


def _environment() -> dict[str, str | None]:
    text = variable_text(_CONNECTION_STRING_VARIABLE)
    return _parsed(text or None, _CONNECTION_STRING_VARIABLE)


def _key_of_environment() -> str | None:
    return variable_text(_INSTRUMENTATION_KEY_VARIABLE).lower() or None


def _warn_about_bare_key() -> None:
    report("an instrumentation key without a connection string is deprecated by Azure: use a connection string instead")


def _without_path(endpoint: str) -> str:
    endpoint = endpoint.rstrip("/")
    for path in _OLD_PATHS:
        endpoint = endpoint.removesuffix(path)
    return endpoint.rstrip("/")


def _check_numbers(options: Options) -> None:
    for name, least in _LEAST.items():
        value = options[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value < float("inf"):
            words = "Max batch size must be at least 1. " if name == "max_batch_size" else ""
            raise ValueError(f"{words}{name}: expected a number of at least {least}, got {value!r} as an argument.")
    if not options.timeout:
        raise ValueError(f"timeout: expected a number of seconds above 0, got {options.timeout!r} as an argument.")


def _default_storage_path(options: Options) -> str:
    import tempfile  # with shutil and what that imports a twentieth of importing an exporter's module; needed when one is made

    try:
        parent = tempfile.gettempdir()
    except OSError:
        # Nothing can be written anywhere. That is no reason not to start: the store will say so when it is needed.
        parent = os.path.join(os.sep, "tmp")
    return os.path.join(parent, TEMPDIR_PREFIX + (options.instrumentation_key or ""))


def _storage_path_of(options: Options) -> str | None:
    """Return the option `storage_path` where it is not the default."""
    path = options.storage_path
    return None if path == _default_storage_path(options) else os.fsdecode(path)


def proxies_of(options: Options) -> dict[str, str]:
    """Return the option `proxies` as a dict of scheme to URL.

    Raises:
        ValueError: It is neither a dict nor the JSON text of one.
    """
    value = options.proxies
    try:
        parsed = value if isinstance(value, Mapping) else json.loads(value)
    except (TypeError, ValueError):
        parsed = None
    if not isinstance(parsed, Mapping):
        raise ValueError(f'proxies: expected JSON text such as \'{{"https": "http://proxy:8080"}}\', got {type(value).__name__}.')
    return dict(parsed)


def settings_of(options: Options) -> Settings:
    """Return the exporter's settings for options, which it checks.

    Raises:
        ValueError: A value that cannot work; the message says what was expected, what came, from where.
    """
    _check_numbers(options)
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        report("OTEL_SDK_DISABLED switches OpenTelemetry off: OpenCensus spans, log records and views are not exported either")
    given = options.connection_string
    text, name = (variable_text(_CONNECTION_STRING_VARIABLE), _CONNECTION_STRING_VARIABLE) if given is None else (given, "argument")
    # Tests of programs put their own function there, so that a key such as `test` will do.
    is_any_key = utils.validate_instrumentation_key is not _VALIDATE
    if text and not is_any_key:
        _exporter.check_connection_string(text, name)
    if options.instrumentation_key or sends_directly():
        _check_key(options)
    _, source = _resource(options)
    key = options.instrumentation_key
    if is_any_key and not utils.uuid_regex_pattern.match(str(key).lower()):
        key = None
    return _exporter.settings(options, key, proxies_of(options), _storage_path_of(options), source.get(_AUDIENCE))


_VALIDATE = utils.validate_instrumentation_key


def _check_key(options: Options) -> None:
    try:
        utils.validate_instrumentation_key(options.instrumentation_key)
    except ValueError as error:
        given = options.connection_string
        source = "argument" if given is not None else _CONNECTION_STRING_VARIABLE
        text = given if given is not None else os.environ.get(_CONNECTION_STRING_VARIABLE, "")
        if options.instrumentation_key and options.instrumentation_key == _key_of_environment():
            raise ValueError(f"environment variable {_INSTRUMENTATION_KEY_VARIABLE}: {error}") from None
        if given is not None and not options.instrumentation_key and not text.strip():
            # What OpenCensus says of an empty one.
            raise ValueError(f"Invalid connection string: it is empty. {error}") from None
        if options.instrumentation_key or not text.strip():
            raise
        # The names of the fields help to see which one is missing.
        fields = _exporter.described_fields(text, source)
        raise ValueError(f"{error} The connection string (from {source}) has these fields: {fields}.") from None


class Options(BaseObject):
    """The options of the Azure exporters, read as attributes.

    A keyword that never was an option is kept and readable, as in OpenCensus, and named once in a warning: it has no effect. None for a
    number or the endpoint counts as absent: programs pass on what their configuration lacks.
    """

    _default: ClassVar[Mapping[str, Any]] = {
        "connection_string": None,
        "credential": None,
        "enable_local_storage": True,
        "enable_standard_metrics": True,
        "endpoint": "https://dc.services.visualstudio.com/v2/track",
        "export_interval": 15.0,
        "grace_period": 5.0,
        "instrumentation_key": None,
        "logging_sampling_rate": 1.0,
        "max_batch_size": 100,
        "minimum_retry_interval": 60,
        "proxies": None,
        "queue_capacity": 8192,
        "storage_maintenance_period": 60,
        "storage_max_size": 50 * 1024 * 1024,
        "storage_path": None,
        "storage_retention_period": 7 * 24 * 60 * 60,
        "timeout": 10.0,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self:
            if name not in self._default:
                report(f"the Azure exporters have no option {name!r}: it is accepted, as in OpenCensus, and has no effect")
        for name in (*_LEAST, "endpoint"):
            if self[name] is None:
                del self[name]
        process_options(self)
