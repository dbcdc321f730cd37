"""Options of the Azure exporters: defaults, where values come from, and what cannot work."""

from __future__ import annotations

import logging
import tempfile
from unittest import mock

import pytest

import opencensus_compat
from opencensus_compat._bridge.providers.lifecycle import flush
from opencensus_compat.ext.azure.common import Options, parse_connection_string, settings_of
from opencensus_compat.ext.azure.log_exporter import AzureLogHandler
from opencensus_compat.ext.azure.metrics_exporter import MetricsExporter
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local.misbehave import Status
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer

KEY, OTHER = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-aaaaaaaaaaaa"
PUBLIC = "https://dc.services.visualstudio.com"
STRING = "APPLICATIONINSIGHTS_CONNECTION_STRING"
KEY_VARIABLE = "APPINSIGHTS_INSTRUMENTATIONKEY"

DEFAULTS = {
    "connection_string": None,
    "credential": None,
    "enable_local_storage": True,
    "enable_standard_metrics": True,
    "export_interval": 15.0,
    "grace_period": 5.0,
    "instrumentation_key": None,
    "logging_sampling_rate": 1.0,
    "max_batch_size": 100,
    "minimum_retry_interval": 60,
    "proxies": "{}",
    "queue_capacity": 8192,
    "storage_maintenance_period": 60,
    "storage_max_size": 52428800,
    "storage_retention_period": 604800,
    "timeout": 10.0,
}


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items())
def test_defaults(name, value):
    """Each option has the name and default that it had."""
    assert getattr(Options(), name) == value


def test_each_option_has_its_row():
    """Every option is in the table above, but for the two whose defaults follow from others."""
    assert DEFAULTS.keys() == Options._default.keys() - {"endpoint", "storage_path"}


def test_derived_defaults():
    """The endpoint is the public cloud's, and the storage path is in the temporary folder, named after the key."""
    options = Options(connection_string=f"InstrumentationKey={KEY}")
    assert options.endpoint == PUBLIC
    assert options.storage_path == f"{tempfile.gettempdir()}/opencensus-python-{KEY}"


@pytest.mark.parametrize("name", sorted(DEFAULTS.keys() - {"connection_string", "credential", "instrumentation_key", "proxies"}))
def test_options_given(name):
    """A value that is given is the one that is read, `0`-like ones too."""
    value = 7 if not isinstance(DEFAULTS[name], bool) else False
    assert getattr(Options(**{name: value}), name) == value


NUMBERS = [name for name, value in DEFAULTS.items() if type(value) in (int, float)]
NEVER_NONE = {"logging_sampling_rate", "storage_maintenance_period"}
"""The first was refused at construction, nobody reads the second."""


@pytest.mark.parametrize("name", ["endpoint", *(name for name in NUMBERS if name not in NEVER_NONE)])
def test_none_is_nothing_given(name):
    """None, as programs pass on what their configuration does not have, leaves the default of a number and of the endpoint."""
    assert getattr(Options(**{name: None}), name) == getattr(Options(), name)


WHERE = {
    # arguments, environment -> key, endpoint
    "string": ({"connection_string": f"InstrumentationKey={KEY};IngestionEndpoint=https://a/"}, {}, KEY, "https://a"),
    "string before environment": (
        {"connection_string": f"InstrumentationKey={KEY}"},
        {STRING: f"InstrumentationKey={OTHER};IngestionEndpoint=https://env/"},
        KEY,
        PUBLIC,
    ),
    "string before key": (
        {"connection_string": f"InstrumentationKey={KEY}", "instrumentation_key": OTHER},
        {},
        KEY,
        PUBLIC,
    ),
    "key": ({"instrumentation_key": KEY}, {}, KEY, PUBLIC),
    "key before environment": ({"instrumentation_key": KEY}, {STRING: f"InstrumentationKey={OTHER};IngestionEndpoint=https://env/"}, KEY, PUBLIC),
    "key that the environment names too": (
        {"instrumentation_key": KEY},
        {STRING: f"InstrumentationKey={KEY};IngestionEndpoint=https://env/"},
        KEY,
        "https://env",
    ),
    "string with only the key that the environment names": (
        {"connection_string": f" InstrumentationKey = '{KEY.upper()}' ;"},
        {STRING: f'"InstrumentationKey={KEY};IngestionEndpoint=https://env/"'},
        KEY,
        "https://env",
    ),
    "key of the environment's other variable": (
        {"connection_string": f"InstrumentationKey={KEY}"},
        {STRING: "IngestionEndpoint=https://env/", KEY_VARIABLE: f"'{KEY.upper()}'"},
        KEY,
        "https://env",
    ),
    "environment": ({}, {STRING: f"InstrumentationKey={KEY};IngestionEndpoint=https://env/"}, KEY, "https://env"),
    "environment string before its key": ({}, {STRING: f"InstrumentationKey={KEY}", KEY_VARIABLE: OTHER}, KEY, PUBLIC),
    "environment key": ({}, {KEY_VARIABLE: KEY}, KEY, PUBLIC),
    "endpoint given": ({"instrumentation_key": KEY, "endpoint": "https://b/v2/track"}, {}, KEY, "https://b"),
    "suffix": ({"connection_string": f"InstrumentationKey={KEY};EndpointSuffix=azure.cn"}, {}, KEY, "https://dc.azure.cn"),
    "nothing": ({}, {}, None, PUBLIC),
    "trailing semicolon": ({"connection_string": f"InstrumentationKey={KEY};IngestionEndpoint=https://a/;"}, {}, KEY, "https://a"),
    "spaces and case": ({"connection_string": f" instrumentationkey = {KEY.upper()} ; INGESTIONENDPOINT = https://a/ ;"}, {}, KEY, "https://a"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "environment", "key", "endpoint"), WHERE.values(), ids=WHERE)
def test_where_key_and_endpoint_come_from(monkeypatch, arguments, environment, key, endpoint):
    """Both come from one source: the string given, else the key given, else the environment's string, else its key."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    options = Options(**arguments)
    assert (options.instrumentation_key, options.endpoint) == (key, endpoint)


BAD = {
    # arguments -> what the message must say
    "no key": ({}, ["Instrumentation key", "connection_string", STRING]),
    "empty string": ({"connection_string": ""}, ["Instrumentation key", "connection_string"]),
    "misspelt field": (
        {"connection_string": f"InstrumentatonKey={KEY}"},
        ["Instrumentation key cannot be none or empty", "(from argument)", "'instrumentatonkey' (is InstrumentationKey meant?)"],
    ),
    "key that is none": ({"instrumentation_key": "abc"}, ["UUID", "'abc'"]),
    "pair without value": ({"connection_string": f"InstrumentationKey={KEY};Nonsense"}, ["connection_string (from argument)", "part 2"]),
    "bad authorization": ({"connection_string": f"InstrumentationKey={KEY};Authorization=magic"}, ["magic", "uthorization"]),
    "endpoint without scheme": ({"connection_string": f"InstrumentationKey={KEY};IngestionEndpoint=a.b"}, ["http", "a.b"]),
    "key in string": (
        {"connection_string": "InstrumentationKey=abc"},
        ["connection_string (from argument)", "01234567-89ab-cdef-0123-456789abcdef", "3 characters"],
    ),
    "credential": ({"instrumentation_key": KEY, "credential": "secret"}, ["get_token", "str"]),
    "interval text": ({"instrumentation_key": KEY, "export_interval": "15"}, ["export_interval", "number", "'15'"]),
    "interval negative": ({"instrumentation_key": KEY, "export_interval": -1}, ["export_interval", "-1"]),
    "interval nan": ({"instrumentation_key": KEY, "export_interval": float("nan")}, ["export_interval", "nan"]),
    "batch of none": ({"instrumentation_key": KEY, "max_batch_size": 0}, ["max_batch_size", "1", "0"]),
    "capacity bool": ({"instrumentation_key": KEY, "queue_capacity": True}, ["queue_capacity", "True"]),
    "timeout text": ({"instrumentation_key": KEY, "timeout": "10"}, ["timeout", "'10'"]),
    "timeout of nothing": ({"instrumentation_key": KEY, "timeout": 0}, ["timeout: ", "above 0", "got 0"]),
    "proxies text": ({"instrumentation_key": KEY, "proxies": "http://proxy"}, ["proxies", "JSON"]),
    "proxies list": ({"instrumentation_key": KEY, "proxies": "[]"}, ["proxies", "JSON"]),
    "proxies of numbers": ({"instrumentation_key": KEY, "proxies": '{"https": 1}'}, ["proxies"]),
}


@pytest.mark.parametrize(("arguments", "parts"), BAD.values(), ids=BAD)
def test_what_cannot_work_raises_at_construction(otel, arguments, parts):
    """The error is a ValueError that says what was expected and what came."""
    with pytest.raises(ValueError, match=r"nstrumentation|[eE]xpected") as caught:
        AzureExporter(**arguments)
    assert [part for part in parts if part not in str(caught.value)] == []


LATER = {name: arguments for name, (arguments, _) in BAD.items() if name not in {"pair without value", "bad authorization", "credential"}}


@pytest.mark.parametrize("arguments", LATER.values(), ids=LATER)
def test_options_check_only_what_they_checked(arguments):
    """Options by themselves take what OpenCensus's took; exporters and handlers check the rest."""
    assert Options(**arguments)


WORDS = {
    # arguments -> what the message of OpenCensus says
    "no key": ({}, "Instrumentation key cannot be none or empty."),
    "key": ({"instrumentation_key": "abc"}, "Invalid instrumentation key."),
    "key in string": ({"connection_string": "InstrumentationKey=abc"}, "Invalid instrumentation key."),
    "string": ({"connection_string": "abc"}, "Invalid connection string"),
    "empty string": ({"connection_string": ""}, "Invalid connection string"),
    "no string": ({"connection_string": 5}, "Invalid connection string"),
    "authorization": ({"connection_string": "Authorization=a"}, "Invalid authorization mechanism"),
    "credential": ({"instrumentation_key": KEY, "credential": "a"}, "Must pass in valid TokenCredential."),
    "batch": ({"instrumentation_key": KEY, "max_batch_size": 0}, "Max batch size must be at least 1."),
}


@pytest.mark.parametrize("kind", [AzureExporter, AzureLogHandler, MetricsExporter])
@pytest.mark.parametrize(("arguments", "words"), WORDS.values(), ids=WORDS)
def test_messages_keep_the_words(otel, kind, arguments, words):
    """Programs match the words of OpenCensus's messages; ours add what was expected and what came."""
    with pytest.raises(ValueError, match=r"got|environment variable") as caught:
        kind(**arguments)
    assert words in str(caught.value)
    assert len(str(caught.value)) > len(words)


@pytest.mark.parametrize(("variable", "value"), [(STRING, "InstrumentationKey=abc"), (KEY_VARIABLE, "abc")])
def test_a_bad_environment_says_where_it_is(otel, monkeypatch, variable, value):
    """A value from the environment is told with the variable's name."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=variable):
        AzureExporter()


@pytest.mark.parametrize(("value", "is_said"), [("true", True), (" TRUE ", True), ("false", False), ("1", False), ("", False)])
def test_a_switched_off_sdk_is_said(otel, caplog, monkeypatch, value, is_said):
    """Where OpenTelemetry is switched off, as its SDK understands it, nothing is sent, and a warning says why."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", value)
    AzureExporter(instrumentation_key=KEY)
    said = "OTEL_SDK_DISABLED switches OpenTelemetry off: OpenCensus spans, log records and views are not exported either (said once)"
    assert (said in caplog.messages) is is_said


def test_secrets_are_not_in_messages(otel):
    """The message about a credential does not show it."""
    with pytest.raises(ValueError, match="str") as caught:
        AzureExporter(instrumentation_key=KEY, credential="hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("interval", [0, 0.0, 0.001])
def test_a_tiny_interval_is_accepted(otel, interval):
    """Samples used `export_interval=0.0`; it works, with a floor of a tenth of a second."""
    exporter = AzureExporter(instrumentation_key=KEY, export_interval=interval)
    assert exporter._pipeline.batching.export_interval_s == 0.1


def test_queue_capacity_without_limit(otel):
    """Zero meant no limit."""
    assert AzureExporter(instrumentation_key=KEY, queue_capacity=0)._pipeline.batching.queue_capacity == 1_000_000


def test_a_batch_larger_than_the_queue(endpoint, otel):
    """A queue smaller than a batch works: the batch is as large as the queue."""
    from opencensus_compat.trace.samplers import AlwaysOnSampler
    from opencensus_compat.trace.tracer import Tracer

    exporter = AzureExporter(connection_string=endpoint.connection_string, queue_capacity=5, max_batch_size=100)
    with Tracer(sampler=AlwaysOnSampler(), exporter=exporter).span():
        pass
    assert flush(5.0)
    assert endpoint.accepted == 1


def test_a_keyword_that_never_was_an_option(otel, caplog):
    """It is accepted and kept, and one warning names it, however many exporters are made with it."""
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            exporter = AzureExporter(connection_string=f"InstrumentationKey={KEY}", sampler="x", colour="red")
    assert exporter.options.sampler == "x"
    assert [word for word in ("'sampler'", "'colour'") if word not in caplog.text] == []
    assert len(caplog.records) == 2


def test_a_bare_key_is_deprecated(otel, caplog):
    """A key without a connection string works, with one warning."""
    with caplog.at_level(logging.WARNING):
        AzureExporter(instrumentation_key=KEY)
        AzureExporter(instrumentation_key=KEY)
    assert len(caplog.records) == 1
    assert "connection string" in caplog.text


def test_options_behave_like_attributes_and_items():
    """Options read as attributes and items, and may be assigned."""
    options = Options(instrumentation_key=KEY)
    options.timeout = 3
    assert (options.timeout, options["timeout"], "timeout" in options) == (3, 3, True)
    with pytest.raises(AttributeError):
        _ = options.no_such_option


def test_parse_connection_string():
    """Keys in lower case, with the endpoint worked out; nothing gives nothing."""
    assert parse_connection_string(None) == {}
    parsed = parse_connection_string(f"InstrumentationKey={KEY};IngestionEndpoint=https://a/;")
    assert (parsed["instrumentationkey"], parsed["ingestionendpoint"]) == (KEY, "https://a")


DELIVERY = {
    # options -> settings
    "defaults": (
        {},
        {
            "storage_enabled": True,
            "storage_folder": None,
            "legacy_folder": None,
            "take_legacy": True,
            "storage_max_bytes": 50 * 1024 * 1024,
            "storage_max_age_s": 48 * 3600.0,
            "min_backoff_s": 10.0,
            "connect_timeout_s": 10.0,
            "read_timeout_s": 10.0,
            "grace_period_s": 5.0,
            "credential": None,
        },
    ),
    "storage_path": ({"storage_path": "/a/b"}, {"storage_folder": "/a/b", "legacy_folder": "/a/b"}),
    "storage_max_size": ({"storage_max_size": 1000}, {"storage_max_bytes": 1000}),
    "storage_retention_period": ({"storage_retention_period": 60}, {"storage_max_age_s": 60.0}),
    "minimum_retry_interval": ({"minimum_retry_interval": 30}, {"min_backoff_s": 30.0}),
    "minimum_retry_interval=0": ({"minimum_retry_interval": 0}, {"min_backoff_s": 1.0}),
    "enable_local_storage": ({"enable_local_storage": False}, {"storage_enabled": False}),
    "timeout": ({"timeout": 3}, {"connect_timeout_s": 3.0, "read_timeout_s": 3.0}),
    "grace_period": ({"grace_period": 1}, {"grace_period_s": 1.0}),
}


@pytest.mark.parametrize(("options", "expected"), DELIVERY.values(), ids=DELIVERY)
def test_options_of_delivery(otel, options, expected):
    """What the options of storage, waiting and time limits mean for delivery."""
    settings = AzureExporter(instrumentation_key=KEY, **options)._pipeline.settings
    assert {name: getattr(settings, name) for name in expected} == expected


def test_credential_of_the_environment(otel, monkeypatch):
    """`APPLICATIONINSIGHTS_AUTHENTICATION_STRING` signs in where no credential is given, with one destination for all handles."""
    monkeypatch.setenv("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "Authorization=AAD")
    first, second = AzureExporter(instrumentation_key=KEY), AzureExporter(instrumentation_key=KEY)
    assert type(first._pipeline.settings.credential).__name__ == "ManagedIdentity"
    assert first._pipeline is second._pipeline


def test_proxies_reach_the_settings(otel):
    """The JSON text of `proxies`, and the timeout, are what the pipeline sends with."""
    exporter = AzureExporter(instrumentation_key=KEY, proxies='{"https": "http://proxy:8080"}', timeout=3)
    settings = exporter._pipeline.settings
    assert (dict(settings.proxies), settings.connect_timeout_s) == ({"https": "http://proxy:8080"}, 3.0)


def test_the_environments_audience_belongs_to_its_key(monkeypatch):
    """Tokens are for the environment's audience where the key is the environment's own, whichever way it was given, and for no other key."""
    monkeypatch.setenv(STRING, f"InstrumentationKey={KEY};IngestionEndpoint=https://env/;AADAudience=https://audience.test")
    given = [
        {},
        {"connection_string": f"InstrumentationKey={KEY}"},
        {"instrumentation_key": KEY.upper()},
        {"connection_string": f"InstrumentationKey={OTHER}"},
    ]
    assert [settings_of(Options(**options)).aad_audience for options in given] == ["https://audience.test"] * 3 + [None]


def test_a_misspelt_field_of_the_environment_is_named(monkeypatch):
    """The error says where the connection string is from and which fields it has."""
    monkeypatch.setenv(STRING, f"InstrumentatonKey={KEY};IngestionEndpoint=https://env/")
    with pytest.raises(ValueError, match=rf"\(from {STRING}\) has these fields: 'instrumentatonkey' \(is Instr.*\), IngestionEndpoint\."):
        AzureExporter()


@pytest.mark.parametrize("kind", [AzureExporter, AzureLogHandler, MetricsExporter])
def test_variables_that_are_set_in_vain(otel, monkeypatch, caplog, kind):
    """The first exporter or handler warns of each variable that is misspelt, or whose value means nothing, and no later one does."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_TAKE_STORD", "off")
    monkeypatch.setenv("OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM", "nope")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            kind(connection_string=f"InstrumentationKey={KEY}")
    said = sorted(record.getMessage() for record in caplog.records)
    assert len(said) == 2
    assert "OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM: expected '1' or 'true' or" in said[0]
    assert "OPENCENSUS_COMPAT_TAKE_STORED is probably meant" in said[1]


def test_no_local_storage_counts_in_any_order(otel, endpoint, temporary_folder, caplog):
    """Nothing is stored for a resource once a handle says so, by exporters that were made before either; it is said."""
    options = {"connection_string": endpoint.connection_string, "export_interval": 3600.0}
    endpoint.misbehave(Status(503))
    first = AzureExporter(**options)
    AzureLogHandler(**options, enable_local_storage=False)
    with Tracer(exporter=first, sampler=AlwaysOnSampler()).span(name="held"):
        pass
    assert not opencensus_compat.flush(60.0)
    assert first._pipeline.exporter.counts.snapshot().held == 1
    assert "created without storage on disk" in caplog.text
    opencensus_compat.shutdown(0.1)
    assert list(temporary_folder.rglob("*.jsonl.gz")) == []


@pytest.mark.parametrize("made", [AzureExporter, AzureLogHandler, MetricsExporter])
def test_a_key_that_a_test_of_a_program_lets_pass(made):
    """Where it has put its own function in the place of the check, any key will do, and the option keeps it."""
    with mock.patch("opencensus.ext.azure.common.utils.validate_instrumentation_key") as check:
        assert made(connection_string="InstrumentationKey=test").options.instrumentation_key == "test"
        assert made(connection_string=f"InstrumentationKey={KEY}").options.instrumentation_key == KEY
    assert check.mock_calls == [mock.call("test"), mock.call(KEY)]
    with pytest.raises(ValueError, match="Invalid instrumentation key"):
        made(connection_string="InstrumentationKey=test")
