"""Settings of the exporters: resolved once, frozen, and able to say where each value came from.

===================== ========================================== ======================= =====================================
field                 environment variable                       default                 meaning
===================== ========================================== ======================= =====================================
instrumentation_key   APPLICATIONINSIGHTS_CONNECTION_STRING,     none: it is required    which resource receives the telemetry
                      APPINSIGHTS_INSTRUMENTATIONKEY
ingestion_endpoint    APPLICATIONINSIGHTS_CONNECTION_STRING;     the public cloud's      base URL, no trailing slash
                      APPINSIGHTS_EXPORTER_REDIRECT overrules it
aad_audience          APPLICATIONINSIGHTS_CONNECTION_STRING      the public cloud's      token audience for Entra ID
credential            (argument; the exporters read              none                    object with ``get_token``
                      APPLICATIONINSIGHTS_AUTHENTICATION_STRING)
connect_timeout_s     (argument ``timeout_s`` only)              10 s                    limit for connecting
read_timeout_s        (argument ``timeout_s`` only)              30 s                    limit for one reply
proxies               HTTP_PROXY, HTTPS_PROXY, NO_PROXY (read    those variables         scheme to proxy URL
                      by requests at each send)
storage_enabled       APPINSIGHTS_EXPORTER_STORAGE               ``on``                  ``on`` or ``off``: keep on disk what
                                                                                         cannot be sent
storage_folder        APPINSIGHTS_EXPORTER_STORAGE_FOLDER        for temporary files     in it the store makes a folder of its own
storage_max_bytes     (argument only)                            50 MiB                  limit on disk, per resource and user
storage_max_age_s     (argument only)                            48 h, also the most     limit for what is kept
min_backoff_s         (argument only)                            10 s                    shortest wait after a failure
max_backoff_s         (argument only)                            1 h                     longest wait after failures
grace_period_s        (argument only)                            5 s                     limit for the end of the process
take_legacy           OPENCENSUS_COMPAT_TAKE_STORED              no; the facade: ``on``  ``on`` or ``off``: send what the retired
                                                                                         exporter left on disk
legacy_folder         (argument only)                            the retired exporter's  where it left it
envelope_shape        OPENCENSUS_COMPAT_ENVELOPES                ``legacy``              ``legacy`` or ``otel``, facade items
counts_file           APPINSIGHTS_EXPORTER_COUNTS_FILE           none                    where the process keeps its counts,
                                                                                         for who looks from outside
url_query             APPINSIGHTS_EXPORTER_URL_QUERY             ``redact``              ``redact`` secrets in the ``?…`` of URLs,
                                                                                         ``keep`` or ``drop`` it
scope_as_namespace    APPLICATIONINSIGHTS_METRIC_NAMESPACE_OPT_IN ``false``              ``true`` or ``false``: list metrics in
                                                                                         the portal under their meter's name
===================== ========================================== ======================= =====================================

Key, endpoint and audience always come from ONE source: an argument's key is never sent to the environment's endpoint, unless it is the
environment's own key. Spaces and quotes around what a variable says are taken off.
"""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from . import connection_string as _connection_string
from .connection_string import ConnectionString
from .errors import ConfigurationError
from .redirect import REDIRECT_VARIABLE, local_endpoint
from .spelling import unquoted, variable_problems

CONNECTION_STRING_VARIABLE = "APPLICATIONINSIGHTS_CONNECTION_STRING"
INSTRUMENTATION_KEY_VARIABLE = "APPINSIGHTS_INSTRUMENTATIONKEY"
STORAGE_VARIABLE = "APPINSIGHTS_EXPORTER_STORAGE"
STORAGE_FOLDER_VARIABLE = "APPINSIGHTS_EXPORTER_STORAGE_FOLDER"
TAKE_LEGACY_VARIABLE = "OPENCENSUS_COMPAT_TAKE_STORED"
ENVELOPES_VARIABLE = "OPENCENSUS_COMPAT_ENVELOPES"
COUNTS_FILE_VARIABLE = "APPINSIGHTS_EXPORTER_COUNTS_FILE"
URL_QUERY_VARIABLE = "APPINSIGHTS_EXPORTER_URL_QUERY"
METRIC_NAMESPACE_VARIABLE = "APPLICATIONINSIGHTS_METRIC_NAMESPACE_OPT_IN"

PREFIX = "APPINSIGHTS_EXPORTER_"
"""What the names of variables begin with that nobody else reads."""
VARIABLES: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    (STORAGE_VARIABLE, STORAGE_FOLDER_VARIABLE, COUNTS_FILE_VARIABLE, URL_QUERY_VARIABLE, REDIRECT_VARIABLE), ()
)
"""Those variables. Of each that has a choice, :func:`resolve` refuses other values itself."""
_SHARED_VARIABLES = (
    CONNECTION_STRING_VARIABLE,
    INSTRUMENTATION_KEY_VARIABLE,
    METRIC_NAMESPACE_VARIABLE,
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
)

ARGUMENT = "argument"
DEFAULT = "default"

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
STORAGE_MAX_BYTES = 50 * 1024 * 1024
MAX_AGE_S = 48 * 3600.0
"""The service refuses older items, seconds."""
MIN_BACKOFF_S = 10.0
MAX_BACKOFF_S = 3600.0
LEAST_BACKOFF_S = 0.01
"""A dead endpoint is not asked without any pause, whatever the setting says."""
GRACE_PERIOD_S = 5.0

_NUMBERS = {
    "storage_max_bytes": STORAGE_MAX_BYTES,
    "storage_max_age_s": MAX_AGE_S,
    "min_backoff_s": MIN_BACKOFF_S,
    "max_backoff_s": MAX_BACKOFF_S,
    "grace_period_s": GRACE_PERIOD_S,
}
"""Settings that only arguments set, and their defaults."""

_SOME_KEY = "00000000-0000-0000-0000-000000000000"
"""For what does not depend on the resource."""
_USER_INFO = re.compile(r"^(\w[\w+.-]*://)?.*@", re.DOTALL)
"""Up to the last ``@``: a password that was not encoded may hold anything."""
_said: set[str] = set()
"""Warnings that were logged in this process; they are about what does not change while it runs."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an exporter needs to know, from one call of :func:`resolve`."""

    instrumentation_key: str
    """Lower-case UUID of the resource."""
    ingestion_endpoint: str
    """Base URL without a trailing slash."""
    aad_audience: str | None = None
    """Token audience; None means the public cloud's."""
    credential: object | None = None
    """Azure ``TokenCredential``; None sends with the instrumentation key alone."""
    connect_timeout_s: float = CONNECT_TIMEOUT_S
    """Seconds allowed for connecting."""
    read_timeout_s: float = READ_TIMEOUT_S
    """Seconds allowed for a reply."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    """URL scheme to proxy URL; empty leaves the choice to the environment."""
    storage_enabled: bool = True
    """Whether what cannot be sent is kept on disk; else a few minutes' worth is held in memory."""
    storage_folder: str | None = None
    """Folder in which the store makes its own; None means the system's for temporary files."""
    storage_max_bytes: int = STORAGE_MAX_BYTES
    """Most bytes on disk."""
    storage_max_age_s: float = MAX_AGE_S
    """Seconds for which items are kept."""
    min_backoff_s: float = MIN_BACKOFF_S
    """Shortest wait of our own after a failure, seconds."""
    max_backoff_s: float = MAX_BACKOFF_S
    """Longest wait of our own after failures, seconds."""
    grace_period_s: float = GRACE_PERIOD_S
    """Seconds that the end of the process may take."""
    take_legacy: bool = False
    """Whether to send what the retired exporter left on disk for the same key."""
    legacy_folder: str | None = None
    """Where it left it; None means its default."""
    counts_file: str | None = None
    """What the process's file of counts is named after; None keeps none."""
    envelope_shape: str = "legacy"
    """``legacy`` or ``otel``: shape of the envelopes of spans that OpenCensus code made."""
    url_query: str = "redact"
    """``redact``, ``keep`` or ``drop``: what becomes of the query of URLs of OpenTelemetry spans."""
    scope_as_namespace: bool = False
    """Whether the portal lists OpenTelemetry metrics under the name of their meter, rather than all together."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Field name to where its value came from: ``argument``, an environment variable, or ``default``."""

    @property
    def track_url(self) -> str:
        """URL that batches are posted to."""
        return f"{self.ingestion_endpoint}/v2.1/track"

    def __repr__(self) -> str:
        """Show the settings with keys, credentials and proxy passwords masked."""
        proxies = {scheme: _USER_INFO.sub(r"\1***@", url) for scheme, url in self.proxies.items()}
        credential = None if self.credential is None else f"<{type(self.credential).__name__}>"
        return (
            f"Settings(instrumentation_key='{self.instrumentation_key[:8]}-***', ingestion_endpoint={self.ingestion_endpoint!r}, "
            f"aad_audience={self.aad_audience!r}, credential={credential}, connect_timeout_s={self.connect_timeout_s}, "
            f"read_timeout_s={self.read_timeout_s}, proxies={proxies}, storage_enabled={self.storage_enabled}, "
            f"storage_folder={self.storage_folder!r}, storage_max_bytes={self.storage_max_bytes}, "
            f"storage_max_age_s={self.storage_max_age_s}, min_backoff_s={self.min_backoff_s}, max_backoff_s={self.max_backoff_s}, "
            f"grace_period_s={self.grace_period_s}, take_legacy={self.take_legacy}, legacy_folder={self.legacy_folder!r}, "
            f"counts_file={self.counts_file!r}, envelope_shape={self.envelope_shape!r}, url_query={self.url_query!r}, scope_as_namespace={self.scope_as_namespace}, sources={dict(self.sources)})"
        )


def resolve(
    connection_string: str | None = None,
    *,
    instrumentation_key: str | None = None,
    credential: object | None = None,
    timeout_s: float | None = None,
    proxies: Mapping[str, str] | None = None,
    storage_enabled: bool | None = None,
    storage_folder: str | os.PathLike[str] | None = None,
    storage_max_bytes: int = STORAGE_MAX_BYTES,
    storage_max_age_s: float = MAX_AGE_S,
    min_backoff_s: float = MIN_BACKOFF_S,
    max_backoff_s: float = MAX_BACKOFF_S,
    grace_period_s: float = GRACE_PERIOD_S,
    take_legacy: bool | None = False,
    legacy_folder: str | os.PathLike[str] | None = None,
    envelope_shape: str | None = None,
    url_query: str | None = None,
    scope_as_namespace: bool | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Return settings from arguments, else the environment, else defaults.

    Args:
        connection_string: As the portal shows it.
        instrumentation_key: Bare key; used when the connection string argument has none.
        credential: Object with ``get_token``.
        timeout_s: Seconds for connecting, and as many for the reply; None means 10 and 30.
        proxies: URL scheme to proxy URL; None or empty leaves it to the environment.
        storage_enabled: Whether what cannot be sent is kept on disk; None leaves it to the environment.
        storage_folder: Folder in which the store makes its own; None leaves it to the environment.
        storage_max_bytes: Most bytes on disk.
        storage_max_age_s: Seconds for which items are kept, at most 48 hours: the service refuses older ones.
        min_backoff_s: Shortest wait after a failure, seconds.
        max_backoff_s: Longest wait after failures, seconds.
        grace_period_s: Seconds that the end of the process may take.
        take_legacy: Whether to send what the retired exporter left; None leaves it to the environment, where the default is yes.
        legacy_folder: Where it left it.
        envelope_shape: ``"legacy"`` or ``"otel"``.
        url_query: ``"redact"`` keeps the query of URLs without the values of secret keys, ``"keep"`` and ``"drop"`` do as they say.
        scope_as_namespace: Whether metrics are listed under the name of their meter.
        environ: Replaces ``os.environ`` in tests.

    Raises:
        ConfigurationError: A value that cannot work; the message says which, from where, and what to do.
    """
    environment = os.environ if environ is None else environ
    for problem in variable_problems(environment, PREFIX, VARIABLES, _SHARED_VARIABLES):
        _warn_once(problem)
    sources: dict[str, str] = {}
    target, target_source = _target(connection_string, instrumentation_key, environment)
    for name in ("instrumentation_key", "ingestion_endpoint", "aad_audience"):
        sources[name] = target_source
    if credential is not None and not callable(getattr(credential, "get_token", None)):
        raise ConfigurationError(
            "credential",
            ARGUMENT,
            expected="an object with a get_token method (an Azure TokenCredential)",
            came=type(credential).__name__,
            advice="Pass for example azure.identity.DefaultAzureCredential().",
        )
    sources["credential"] = DEFAULT if credential is None else ARGUMENT
    connect_s, read_s = _timeouts(timeout_s)
    sources["connect_timeout_s"] = sources["read_timeout_s"] = DEFAULT if timeout_s is None else ARGUMENT
    sources["proxies"] = ARGUMENT if proxies else DEFAULT
    on_disk, sources["storage_enabled"] = _choice("storage_enabled", _word(storage_enabled), STORAGE_VARIABLE, ("on", "off"), environment)
    legacy, sources["take_legacy"] = _choice("take_legacy", _word(take_legacy), TAKE_LEGACY_VARIABLE, ("on", "off"), environment)
    named = unquoted(environment.get(STORAGE_FOLDER_VARIABLE, ""))
    sources["storage_folder"] = ARGUMENT if storage_folder is not None else STORAGE_FOLDER_VARIABLE if named else DEFAULT
    counted = unquoted(environment.get(COUNTS_FILE_VARIABLE, ""))
    sources["counts_file"] = COUNTS_FILE_VARIABLE if counted else DEFAULT
    numbers = {
        "storage_max_bytes": storage_max_bytes,
        "storage_max_age_s": storage_max_age_s,
        "min_backoff_s": min_backoff_s,
        "max_backoff_s": max_backoff_s,
        "grace_period_s": grace_period_s,
    }
    for name, value in numbers.items():
        _check_number(name, value)
        # Seven days, which the retired exporter kept things for, are no more than the service allows here, either.
        sources[name] = DEFAULT if value == _NUMBERS[name] or (name == "storage_max_age_s" and value > MAX_AGE_S) else ARGUMENT
    shape, sources["envelope_shape"] = _choice("envelope_shape", envelope_shape, ENVELOPES_VARIABLE, ("legacy", "otel"), environment)
    query, sources["url_query"] = _choice("url_query", url_query, URL_QUERY_VARIABLE, ("redact", "keep", "drop"), environment)
    spaced = None if scope_as_namespace is None else ("true" if scope_as_namespace else "false")
    spaced, sources["scope_as_namespace"] = _choice("scope_as_namespace", spaced, METRIC_NAMESPACE_VARIABLE, ("false", "true"), environment)
    resolved = Settings(
        instrumentation_key=target.instrumentation_key or "",
        ingestion_endpoint=target.ingestion_endpoint,
        aad_audience=target.aad_audience,
        credential=credential,
        connect_timeout_s=connect_s,
        read_timeout_s=read_s,
        proxies=MappingProxyType(_proxies(proxies)),
        storage_enabled=on_disk == "on",
        storage_folder=os.fsdecode(storage_folder) if storage_folder is not None else named or None,
        storage_max_bytes=int(storage_max_bytes),
        storage_max_age_s=min(float(storage_max_age_s), MAX_AGE_S),
        min_backoff_s=max(float(min_backoff_s), LEAST_BACKOFF_S),
        max_backoff_s=float(max_backoff_s),
        grace_period_s=float(grace_period_s),
        take_legacy=legacy == "on",
        legacy_folder=None if legacy_folder is None else os.fsdecode(legacy_folder),
        counts_file=counted or None,
        envelope_shape=shape,
        url_query=query,
        scope_as_namespace=spaced == "true",
        sources=MappingProxyType(sources),
    )
    return redirected(resolved, environment)


def environment_problems(environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for each variable of an environment that has no effect, or that `resolve` refuses, the target's own aside.

    Args:
        environ: The environment variables.
    """
    found = list(variable_problems(environ, PREFIX, VARIABLES, _SHARED_VARIABLES))
    for name in (*VARIABLES, METRIC_NAMESPACE_VARIABLE, TAKE_LEGACY_VARIABLE, ENVELOPES_VARIABLE):
        if name in environ:
            try:
                resolve(instrumentation_key=_SOME_KEY, environ={name: environ[name]})
            except ConfigurationError as problem:
                found.append(str(problem))
    return found


def redirected(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Return the settings with the local endpoint that the environment names in place of their own; without one, the settings themselves.

    The instrumentation key stays. Credential and proxies go: no token is requested, and no proxy sees what stays on this machine. What
    the retired exporter left on disk stays there, for it belongs to the real resource.

    Raises:
        ConfigurationError: The environment names no http URL of a loopback address.
    """
    endpoint = local_endpoint(settings.ingestion_endpoint, environ)
    if endpoint is None:
        return settings
    return replace(
        settings,
        ingestion_endpoint=endpoint,
        aad_audience=None,
        credential=None,
        proxies=MappingProxyType({}),
        take_legacy=False,
        legacy_folder=None,
        sources=MappingProxyType({**settings.sources, "ingestion_endpoint": REDIRECT_VARIABLE}),
    )


_OF_DELIVERY = (
    "connect_timeout_s",
    "read_timeout_s",
    "proxies",
    "storage_enabled",
    "storage_folder",
    "storage_max_bytes",
    "storage_max_age_s",
)
"""Fields that all exporters for a resource share: those of the first one count."""


DeliveryKey = tuple[str, str, int | None]
"""Instrumentation key, ingestion endpoint, and which credential."""


def delivery_key(settings: Settings) -> DeliveryKey:
    """Return what exporters that share a delivery have in common."""
    return settings.instrumentation_key, settings.ingestion_endpoint, None if settings.credential is None else id(settings.credential)


def conflicting_settings(settings: Settings, first: Settings) -> list[str]:
    """Return the delivery settings that were given, and that the first exporter for the resource has otherwise.

    A default conflicts with nothing. Neither does ``storage_enabled=False``, which counts whichever exporter has it.
    """
    given = [name for name in _OF_DELIVERY if settings.sources.get(name, DEFAULT) != DEFAULT]
    if not settings.storage_enabled:
        given = [name for name in given if name != "storage_enabled"]
    return [name for name in given if getattr(settings, name) != getattr(first, name)]


def _target(text: str | None, key: str | None, environ: Mapping[str, str]) -> tuple[ConnectionString, str]:
    """Return key, endpoint and audience from the first source that names a resource, and that source."""
    if text is not None:
        parsed = _connection_string.parse(text, source=ARGUMENT)
        if parsed.instrumentation_key is None:
            # Both are arguments of one call, so a key beside a string that has only the endpoint is one source.
            parsed = _with_key(parsed, key, "InstrumentationKey in the connection string", ARGUMENT, text)
        warn_of_misspelt(text, ARGUMENT)
        return _completed(parsed, environ)
    if key is not None:
        return _completed(_bare_key(key, ARGUMENT, "instrumentation_key"), environ)
    text = unquoted(environ.get(CONNECTION_STRING_VARIABLE, ""))
    if text:
        parsed = _connection_string.parse(text, source=CONNECTION_STRING_VARIABLE)
        found = _with_key(parsed, parsed.instrumentation_key, "InstrumentationKey in it", CONNECTION_STRING_VARIABLE, text)
        warn_of_misspelt(text, CONNECTION_STRING_VARIABLE)
        return found, CONNECTION_STRING_VARIABLE
    key = unquoted(environ.get(INSTRUMENTATION_KEY_VARIABLE, ""))
    if key:
        return _bare_key(key, INSTRUMENTATION_KEY_VARIABLE, "instrumentation_key"), INSTRUMENTATION_KEY_VARIABLE
    raise ConfigurationError(
        "connection_string",
        "argument and environment",
        expected="a connection string",
        came="none",
        advice=f"Pass connection_string=… or set {CONNECTION_STRING_VARIABLE} to the text on the resource's overview page.",
    )


def _completed(given: ConnectionString, environ: Mapping[str, str]) -> tuple[ConnectionString, str]:
    """Return what an argument says and its source; the environment's own key brings the environment's endpoint and audience."""
    text = unquoted(environ.get(CONNECTION_STRING_VARIABLE, ""))
    if given.names_endpoint or not text:
        return given, ARGUMENT
    completed = _connection_string.completed(given, _connection_string.parse(text, source=CONNECTION_STRING_VARIABLE))
    return completed, ARGUMENT if completed is given else CONNECTION_STRING_VARIABLE


def _with_key(parsed: ConnectionString, key: str | None, expected: str, source: str, text: str) -> ConnectionString:
    if key is None:
        fields = _connection_string.described(_connection_string.pairs(text, source=source))
        raise ConfigurationError(
            "connection_string",
            source,
            expected=expected,
            came="none" if fields == "none" else f"none, but {fields}",
            advice="Copy the whole string from the resource's overview page.",
        )
    return replace(parsed, instrumentation_key=_connection_string.instrumentation_key(key, source=source, setting="instrumentation_key"))


def _bare_key(key: str, source: str, setting: str) -> ConnectionString:
    checked = _connection_string.instrumentation_key(key, source=source, setting=setting)
    return ConnectionString(checked, _connection_string.DEFAULT_INGESTION_ENDPOINT, None)


def warn_of_misspelt(text: str, source: str) -> None:
    """Log, once each, the fields of a connection string that look like another one that is missing: they have no effect.

    Args:
        text: A connection string that can be read.
        source: Where it came from.
    """
    for field_name, meant in _connection_string.misspelt(_connection_string.pairs(text, source=source)).items():
        _warn_once(
            f"connection_string (from {source}): the field {field_name!r} is not known and has no effect. {meant} is probably meant."
        )


def _warn_once(message: str) -> None:
    if message not in _said:
        _said.add(message)
        _logger.warning("%s", message)


def _timeouts(timeout_s: float | None) -> tuple[float, float]:
    if timeout_s is None:
        return CONNECT_TIMEOUT_S, READ_TIMEOUT_S
    number = isinstance(timeout_s, (int, float)) and not isinstance(timeout_s, bool)
    if not number or not math.isfinite(timeout_s) or timeout_s <= 0:
        raise ConfigurationError(
            "timeout_s", ARGUMENT, expected="a positive number of seconds", came=repr(timeout_s), advice="Leave it out for 10 s and 30 s."
        )
    return float(timeout_s), float(timeout_s)


def _check_number(setting: str, value: float) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        raise ConfigurationError(
            setting, ARGUMENT, expected="a number that is not negative", came=repr(value), advice="Leave it out for the default."
        )


def _word(value: bool | None) -> str | None:
    return None if value is None else "on" if value else "off"


def _proxies(proxies: Mapping[str, str] | None) -> dict[str, str]:
    if proxies is None:
        return {}
    readable = isinstance(proxies, Mapping) and all(isinstance(k, str) and isinstance(v, str) for k, v in proxies.items())
    if not readable:
        raise ConfigurationError(
            "proxies",
            ARGUMENT,
            expected="a mapping of URL scheme to proxy URL",
            came=type(proxies).__name__,
            advice="For example {'https': 'http://proxy:3128'}.",
        )
    return dict(proxies)


def _choice(setting: str, argument: str | None, variable: str, allowed: tuple[str, ...], environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the chosen word and its source; the first allowed word is the default."""
    if argument is not None:
        value, source = argument, ARGUMENT
    else:
        value, source = unquoted(environ.get(variable, "")).lower(), variable
        if not value:
            return allowed[0], DEFAULT
    if value not in allowed:
        raise ConfigurationError(
            setting,
            source,
            expected=" or ".join(repr(word) for word in allowed),
            came=repr(value),
            advice=f"Correct {variable} or remove it." if source == variable else "Leave it out for the default.",
        )
    return value, source
