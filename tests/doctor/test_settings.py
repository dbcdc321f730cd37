"""Environment variables where this package itself is broken, and below the local endpoint."""

from __future__ import annotations

import sys

from opencensus_compat import _bridge
from opencensus_compat.doctor.check import run_checks
from opencensus_compat.doctor.collect import gather
from opencensus_compat.doctor.facts import Facts
from opencensus_compat.doctor.request import Request


def _verdicts(facts: Facts) -> dict[str, str]:
    return {result.check.id: result.verdict.value for result in run_checks(facts) if result.check.group == "settings"}


def test_what_needs_no_import(monkeypatch):
    """Where this package cannot be imported, a variable that switches telemetry off is found all the same."""
    monkeypatch.setitem(sys.modules, "opencensus_compat._bridge.exporter", None)
    monkeypatch.delattr(_bridge, "exporter", raising=False)
    facts = gather(Request(environ={"OTEL_SDK_DISABLED": " 'true' "}, folder=""), ["settings"])
    verdicts = _verdicts(facts)
    assert [id for id, verdict in verdicts.items() if verdict == "could not check"] == ["D090", "D091", "D096"]
    assert verdicts["D092"] == "problem"


def test_a_redirect_of_the_local_endpoint():
    """Below `census-compat local` the redirect is what is wanted."""
    environ = {"APPINSIGHTS_EXPORTER_REDIRECT": "http://127.0.0.1:1", "OPENCENSUS_COMPAT_LOCAL_NOTES": "notes"}
    assert _verdicts(gather(Request(environ=environ, folder=""), ["settings"]))["D095"] == "ok"
