"""Sending to a local endpoint in place of the resource that a program names."""

from __future__ import annotations

import pytest

from appinsights_exporter import ApplicationInsightsSpanExporter, redirect
from appinsights_exporter.errors import ConfigurationError
from appinsights_exporter.redirect import REDIRECT_VARIABLE
from appinsights_exporter.settings import Settings, resolve
from appinsights_exporter.testing import CONNECTION_STRING, KEY

LOCAL = {REDIRECT_VARIABLE: "http://127.0.0.1:8080/"}
THERE = "http://127.0.0.1:8080/_from/https%3A%2F%2Fingest.test"


class Credential:
    """A token credential."""

    def get_token(self, *scopes):
        """Never called here."""
        raise AssertionError


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.setattr(redirect, "redirected_endpoints", set())


def test_only_the_key_of_the_program_counts():
    """Under a redirect the endpoint is local; the credential, proxies and files of the real resource are left alone."""
    settings = resolve(
        CONNECTION_STRING + ";AADAudience=https://aad.test",
        credential=Credential(),
        proxies={"http": "http://proxy.test"},
        take_legacy=True,
        legacy_folder="/somewhere",
        environ=LOCAL,
    )
    assert (settings.instrumentation_key, settings.track_url) == (KEY, f"{THERE}/v2.1/track")
    assert (settings.credential, settings.aad_audience, dict(settings.proxies)) == (None, None, {})
    assert (settings.take_legacy, settings.legacy_folder) == (False, None)
    assert settings.sources["ingestion_endpoint"] == REDIRECT_VARIABLE
    assert redirect.redirected_endpoints == {"https://ingest.test"}


def test_two_endpoints_stay_two():
    """The original endpoint stays visible, so that two resources with one key are two destinations."""
    made = {resolve(f"InstrumentationKey={KEY};IngestionEndpoint=https://{host}.test", environ=LOCAL).track_url for host in "ab"}
    assert len(made) == 2


def test_the_local_endpoint_itself_is_not_redirected():
    """A string that names the local endpoint already is sent as it is."""
    settings = resolve(f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:8080", environ=LOCAL)
    assert settings.track_url == "http://127.0.0.1:8080/v2.1/track"


def test_settings_made_by_hand_are_redirected(monkeypatch):
    """An exporter redirects settings that did not come from `resolve`, and those that did only once."""
    monkeypatch.setenv(REDIRECT_VARIABLE, LOCAL[REDIRECT_VARIABLE])
    for settings in (Settings(KEY, "https://ingest.test", credential=Credential()), resolve(CONNECTION_STRING)):
        exporter = ApplicationInsightsSpanExporter(settings=settings)
        exporter.shutdown()
        assert (exporter.settings.ingestion_endpoint, exporter.settings.credential) == (THERE, None)


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_variable_redirects_nothing(text):
    """An empty variable is one that is not set."""
    assert resolve(CONNECTION_STRING, environ={REDIRECT_VARIABLE: text}).ingestion_endpoint == "https://ingest.test"


@pytest.mark.parametrize(
    "text",
    [
        "on",
        "https://127.0.0.1:8080",
        "http://example.test",
        "http://127.0.0.1:x",
        "http://127.0.0.1:8080/a",
        "http://u:secret@127.0.0.1",
        "http://[::",
    ],
)
def test_only_a_loopback_address_is_taken(text):
    """Telemetry is never redirected to another machine; the error names the variable and holds no password."""
    with pytest.raises(ConfigurationError, match=f"from {REDIRECT_VARIABLE}") as caught:
        resolve(CONNECTION_STRING, environ={REDIRECT_VARIABLE: text})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["http://localhost:8080", "http://127.8.8.8:8080/", "http://[::1]:8080"])
def test_every_loopback_address_is_taken(text):
    """Loopback addresses of both families and the name for them work."""
    assert resolve(CONNECTION_STRING, environ={REDIRECT_VARIABLE: text}).ingestion_endpoint.startswith(text.rstrip("/"))
