"""Settings: one source for each value, and the result remembers which."""

from __future__ import annotations

import pickle

import pytest

from appinsights_exporter.connection_string import DEFAULT_INGESTION_ENDPOINT
from appinsights_exporter.errors import ConfigurationError
from appinsights_exporter.settings import resolve
from appinsights_exporter.testing import CONNECTION_STRING, KEY

OTHER = "00000000-0000-0000-0000-00000000000a"
THIRD = "00000000-0000-0000-0000-00000000000b"
ENV_STRING = {"APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={OTHER};IngestionEndpoint=https://env.test"}
ENV_KEY = {"APPINSIGHTS_INSTRUMENTATIONKEY": THIRD}


class Credential:
    """A token credential."""

    def get_token(self, *scopes):
        """Never called here."""
        raise AssertionError


TARGETS = {
    "argument string": ({"connection_string": CONNECTION_STRING}, {}, KEY, "https://ingest.test", "argument"),
    "argument before environment": (
        {"connection_string": CONNECTION_STRING},
        ENV_STRING | ENV_KEY,
        KEY,
        "https://ingest.test",
        "argument",
    ),
    "argument key takes no endpoint from the environment": (
        {"connection_string": f"InstrumentationKey={KEY}"},
        ENV_STRING,
        KEY,
        DEFAULT_INGESTION_ENDPOINT,
        "argument",
    ),
    "bare key argument takes no endpoint from the environment": (
        {"instrumentation_key": KEY},
        ENV_STRING,
        KEY,
        DEFAULT_INGESTION_ENDPOINT,
        "argument",
    ),
    "string before bare key": (
        {"connection_string": CONNECTION_STRING, "instrumentation_key": OTHER},
        {},
        KEY,
        "https://ingest.test",
        "argument",
    ),
    "key beside a string without one": (
        {"connection_string": "IngestionEndpoint=https://e.test", "instrumentation_key": KEY.upper()},
        ENV_STRING,
        KEY,
        "https://e.test",
        "argument",
    ),
    "key alone that is the environment's own": (
        {"connection_string": f" InstrumentationKey = '{OTHER.upper()}' ;"},
        ENV_STRING,
        OTHER,
        "https://env.test",
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
    ),
    "bare key that is the environment's own": (
        {"instrumentation_key": f" {OTHER.upper()} "},
        ENV_STRING,
        OTHER,
        "https://env.test",
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
    ),
    "the environment's own key with an endpoint": (
        {"connection_string": f"InstrumentationKey={OTHER};IngestionEndpoint=https://ingest.test"},
        ENV_STRING,
        OTHER,
        "https://ingest.test",
        "argument",
    ),
    "quotes in the environment": (
        {},
        {"APPLICATIONINSIGHTS_CONNECTION_STRING": f'"InstrumentationKey={OTHER};IngestionEndpoint=https://env.test"'},
        OTHER,
        "https://env.test",
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
    ),
    "environment string": ({}, ENV_STRING | ENV_KEY, OTHER, "https://env.test", "APPLICATIONINSIGHTS_CONNECTION_STRING"),
    "environment key": ({}, ENV_KEY, THIRD, DEFAULT_INGESTION_ENDPOINT, "APPINSIGHTS_INSTRUMENTATIONKEY"),
    "blank environment string": (
        {},
        {"APPLICATIONINSIGHTS_CONNECTION_STRING": " "} | ENV_KEY,
        THIRD,
        DEFAULT_INGESTION_ENDPOINT,
        "APPINSIGHTS_INSTRUMENTATIONKEY",
    ),
}


@pytest.mark.parametrize(("arguments", "environ", "key", "endpoint", "source"), TARGETS.values(), ids=TARGETS)
def test_key_and_endpoint_come_from_one_source(arguments, environ, key, endpoint, source):
    """Key and endpoint come from the first source that names a resource, never one from each (peer defect 18)."""
    settings = resolve(**arguments, environ=environ)
    assert (settings.instrumentation_key, settings.ingestion_endpoint) == (key, endpoint)
    assert settings.sources["instrumentation_key"] == settings.sources["ingestion_endpoint"] == source


def test_url_has_no_double_slash():
    """The portal's trailing slash does not end up as a double slash (peer defect 16)."""
    assert resolve(CONNECTION_STRING, environ={}).track_url == "https://ingest.test/v2.1/track"


def test_defaults():
    """Without more than a connection string: 10 and 30 s, the environment's proxies, legacy envelopes, no query in URLs."""
    settings = resolve(CONNECTION_STRING, environ={})
    assert (settings.connect_timeout_s, settings.read_timeout_s, dict(settings.proxies)) == (10.0, 30.0, {})
    assert (settings.envelope_shape, settings.url_query, settings.credential, settings.aad_audience) == ("legacy", "redact", None, None)
    assert {settings.sources[name] for name in ("connect_timeout_s", "proxies", "envelope_shape", "url_query", "credential")} == {"default"}


def test_arguments_win():
    """An argument wins over its variable, and false is a value."""
    credential = Credential()
    settings = resolve(
        CONNECTION_STRING,
        credential=credential,
        timeout_s=3,
        proxies={"https": "http://p:1"},
        envelope_shape="legacy",
        url_query="drop",
        environ={"OPENCENSUS_COMPAT_ENVELOPES": "otel", "APPINSIGHTS_EXPORTER_URL_QUERY": "keep"},
    )
    assert (settings.connect_timeout_s, settings.read_timeout_s, dict(settings.proxies)) == (3.0, 3.0, {"https": "http://p:1"})
    assert (settings.envelope_shape, settings.url_query, settings.credential) == ("legacy", "drop", credential)
    named = {"instrumentation_key", "connect_timeout_s", "proxies", "envelope_shape", "url_query", "credential", "take_legacy"}
    assert {settings.sources[name] for name in named} == {"argument"}


def test_delivery_settings():
    """Defaults of what is kept and how long is waited; arguments; a retention over 48 hours is cut to what the service takes."""
    default = resolve(CONNECTION_STRING, environ={})
    assert (default.storage_enabled, default.storage_folder, default.storage_max_bytes) == (True, None, 50 * 1024 * 1024)
    assert (default.storage_max_age_s, default.min_backoff_s, default.max_backoff_s) == (172800.0, 10.0, 3600.0)
    assert (default.grace_period_s, default.take_legacy, default.legacy_folder) == (5.0, False, None)
    given = resolve(
        CONNECTION_STRING,
        storage_enabled=False,
        storage_folder="/a",
        storage_max_bytes=7,
        storage_max_age_s=7 * 86400,
        min_backoff_s=0,
        max_backoff_s=0,
        grace_period_s=1,
        take_legacy=True,
        legacy_folder="/b",
        environ={"APPINSIGHTS_EXPORTER_STORAGE": "on", "APPINSIGHTS_EXPORTER_STORAGE_FOLDER": "/c"},
    )
    assert (given.storage_enabled, given.storage_folder, given.storage_max_bytes) == (False, "/a", 7)
    assert (given.storage_max_age_s, given.min_backoff_s, given.max_backoff_s) == (172800.0, 0.01, 0.0)
    assert (given.grace_period_s, given.take_legacy, given.legacy_folder) == (1.0, True, "/b")


@pytest.mark.parametrize(
    ("take_legacy", "environ", "expected"),
    [
        (None, {}, (True, None, True)),
        (False, {"OPENCENSUS_COMPAT_TAKE_STORED": "on"}, (True, None, False)),
        (None, {"APPINSIGHTS_EXPORTER_STORAGE": " OFF ", "OPENCENSUS_COMPAT_TAKE_STORED": "off"}, (False, None, False)),
        (None, {"APPINSIGHTS_EXPORTER_STORAGE_FOLDER": " /c "}, (True, "/c", True)),
    ],
)
def test_storage_from_the_environment(take_legacy, environ, expected):
    """Storage can be switched off, and put elsewhere, without a change to the program."""
    settings = resolve(CONNECTION_STRING, take_legacy=take_legacy, environ=environ)
    assert (settings.storage_enabled, settings.storage_folder, settings.take_legacy) == expected


@pytest.mark.parametrize(("word", "shape"), [("otel", "otel"), (" OTEL ", "otel"), ("legacy", "legacy"), ("", "legacy")])
def test_envelope_shape_from_the_environment(word, shape):
    """The variable is read whatever its case and blanks; empty means the default."""
    settings = resolve(CONNECTION_STRING, environ={"OPENCENSUS_COMPAT_ENVELOPES": word, "APPINSIGHTS_EXPORTER_URL_QUERY": "keep"})
    assert settings.envelope_shape == shape
    assert settings.url_query == "keep"
    assert settings.sources["url_query"] == "APPINSIGHTS_EXPORTER_URL_QUERY"


@pytest.mark.parametrize(
    ("argument", "word", "expected"),
    [
        (None, "", (False, "default")),
        (None, " True ", (True, "APPLICATIONINSIGHTS_METRIC_NAMESPACE_OPT_IN")),
        (False, "true", (False, "argument")),
    ],
)
def test_metric_namespaces(argument, word, expected):
    """Metrics are listed under their meter's name only when asked for; the official exporter's variable is understood."""
    settings = resolve(CONNECTION_STRING, scope_as_namespace=argument, environ={"APPLICATIONINSIGHTS_METRIC_NAMESPACE_OPT_IN": word})
    assert (settings.scope_as_namespace, settings.sources["scope_as_namespace"]) == expected
    assert f"scope_as_namespace={expected[0]}" in repr(settings)


BAD = {
    "nothing": ({"environ": {}}, "set APPLICATIONINSIGHTS_CONNECTION_STRING"),
    "empty string": ({"connection_string": "", "environ": ENV_STRING}, "InstrumentationKey in the connection string; got none"),
    "string without key": (
        {"connection_string": "IngestionEndpoint=https://e.test", "environ": ENV_KEY},
        "got none, but IngestionEndpoint.",
    ),
    "misspelt key": (
        {"connection_string": f"InstrumentatonKey={KEY};Live=secret", "environ": ENV_KEY},
        "got none, but 'instrumentatonkey' (is InstrumentationKey meant?), 'live'.",
    ),
    "environment string without key": (
        {"environ": {"APPLICATIONINSIGHTS_CONNECTION_STRING": "IngestionEndpoint=https://e.test"} | ENV_KEY},
        "from APPLICATIONINSIGHTS_CONNECTION_STRING",
    ),
    "string that is none": ({"connection_string": 5, "environ": {}}, "expected text; got int"),
    "empty key": ({"instrumentation_key": "", "environ": ENV_STRING}, "instrumentation_key (from argument)"),
    "credential": ({"connection_string": CONNECTION_STRING, "credential": "secret", "environ": {}}, "get_token method"),
    "zero timeout": ({"connection_string": CONNECTION_STRING, "timeout_s": 0, "environ": {}}, "positive number of seconds; got 0"),
    "endless timeout": ({"connection_string": CONNECTION_STRING, "timeout_s": float("inf"), "environ": {}}, "positive number of seconds"),
    "timeout in text": ({"connection_string": CONNECTION_STRING, "timeout_s": "3", "environ": {}}, "positive number of seconds"),
    "proxies in text": ({"connection_string": CONNECTION_STRING, "proxies": "http://p", "environ": {}}, "mapping of URL scheme"),
    "negative size": ({"connection_string": CONNECTION_STRING, "storage_max_bytes": -1, "environ": {}}, "storage_max_bytes"),
    "wait in text": ({"connection_string": CONNECTION_STRING, "min_backoff_s": "1", "environ": {}}, "not negative; got '1'"),
    "storage": (
        {"connection_string": CONNECTION_STRING, "environ": {"APPINSIGHTS_EXPORTER_STORAGE": "no"}},
        "Correct APPINSIGHTS_EXPORTER_STORAGE",
    ),
    "envelopes": (
        {"connection_string": CONNECTION_STRING, "environ": {"OPENCENSUS_COMPAT_ENVELOPES": "new"}},
        "expected 'legacy' or 'otel'; got 'new'. Correct OPENCENSUS_COMPAT_ENVELOPES",
    ),
    "envelopes argument": (
        {"connection_string": CONNECTION_STRING, "envelope_shape": "new", "environ": {}},
        "envelope_shape (from argument)",
    ),
}


@pytest.mark.parametrize(("arguments", "words"), BAD.values(), ids=BAD)
def test_bad_values_raise_at_once(arguments, words):
    """A value that cannot work raises, and says what was expected, what came and from where, without quoting a secret."""
    with pytest.raises(ConfigurationError) as caught:
        resolve(**arguments)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_repr_masks_secrets():
    """The repr shows neither key, credential nor proxy password."""
    settings = resolve(CONNECTION_STRING, credential=Credential(), proxies={"https": "http://u:secret@p:1"}, environ={})
    shown = repr(settings)
    assert KEY not in shown
    assert "secret" not in shown
    assert "credential=<Credential>" in shown
    assert "http://***@p:1" in shown


def test_errors_survive_pickling():
    """An error keeps its message and fields across processes."""
    with pytest.raises(ConfigurationError) as caught:
        resolve(environ={})
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.setting, copy.source) == (
        ConfigurationError,
        str(caught.value),
        "connection_string",
        "argument and environment",
    )


def test_the_environments_own_key_brings_its_audience():
    """A key alone takes endpoint and audience from the environment's string where that has the same key, and its own audience counts."""
    environ = {"APPLICATIONINSIGHTS_CONNECTION_STRING": f"{CONNECTION_STRING};AADAudience=https://env.test"}
    alone = f"InstrumentationKey={KEY}"
    audiences = [
        resolve(text, environ=environ).aad_audience for text in (alone, f"{alone};AADAudience=https://own.test", CONNECTION_STRING)
    ]
    assert audiences == ["https://env.test", "https://own.test", None]


def test_a_misspelt_endpoint_is_said_once(caplog):
    """A field that is nearly the endpoint is named beside what is meant, once: telemetry goes to the public cloud."""
    for _ in range(2):
        settings = resolve(f"InstrumentationKey={KEY};IngestionEndpont=https://e.test", environ={})
    assert settings.ingestion_endpoint == DEFAULT_INGESTION_ENDPOINT
    assert [record.getMessage() for record in caplog.records] == [
        "connection_string (from argument): the field 'ingestionendpont' is not known and has no effect. IngestionEndpoint is probably meant."
    ]


def test_a_misspelt_variable_is_said_once(caplog):
    """A variable of this package's that there is not is named beside the nearest that there is, once."""
    for _ in range(2):
        resolve(CONNECTION_STRING, environ={"APPINSIGHTS_EXPORTER_STORAGE_FOLDR": "/data"})
    (record,) = caplog.records
    assert record.getMessage().startswith("environment variable APPINSIGHTS_EXPORTER_STORAGE_FOLDR is not known")
    assert "APPINSIGHTS_EXPORTER_STORAGE_FOLDER is probably meant" in record.getMessage()
