"""Components named in settings, and integrations switched on by name."""

from __future__ import annotations

import logging
import sys
from types import SimpleNamespace

import pytest

from opencensus_compat.common import configuration
from opencensus_compat.trace import config_integration, integrations
from opencensus_compat.trace.integrations import _Integrations


def test_a_settings_expression_names_legacy_modules(monkeypatch):
    """The module is imported by its OpenCensus name, when the constructor is called and not before."""
    made = SimpleNamespace(Thing=lambda *args, **kwargs: (args, kwargs))
    assert str(configuration.Namespace("opencensus").settings_test.Thing) == "opencensus.settings_test.Thing"
    monkeypatch.setitem(sys.modules, "opencensus.settings_test", made)
    assert configuration.load("opencensus.settings_test.Thing(1, rate=0.5)") == ((1,), {"rate": 0.5})


def test_a_settings_expression_has_no_other_names():
    """Only `opencensus` is defined in it."""
    with pytest.raises(NameError):
        configuration.load("sys.exit()")


def test_integrations_are_found_by_their_legacy_name(monkeypatch, caplog):
    """Each gets the tracer; one that fails is told in the log and does not stop the others."""
    tracers = []

    def work(tracer):
        tracers.append(tracer)

    def fail(tracer):
        raise RuntimeError("cannot patch")

    monkeypatch.setitem(sys.modules, "opencensus.ext.works.trace", SimpleNamespace(trace_integration=work))
    monkeypatch.setitem(sys.modules, "opencensus.ext.fails.trace", SimpleNamespace(trace_integration=fail))
    with caplog.at_level(logging.WARNING):
        assert config_integration.trace_integrations(["fails", "works"], tracer="mine") == ["works"]
    assert tracers == ["mine"]
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("opencensus.trace.config_integration", "Integration opencensus.ext.fails.trace is not in use: cannot patch")
    ]


def test_integrations_are_counted_as_bits():
    """Adding twice is adding once; the module's number is what legacy tests read."""
    before = integrations.get_integrations()
    integrations.add_integration(_Integrations.PYRAMID)
    integrations.add_integration(_Integrations.PYRAMID)
    assert integrations.get_integrations() == integrations._INTEGRATIONS_BIT_MASK == before | 512
    integrations.remove_intregration(_Integrations.PYRAMID)
    assert integrations.get_integrations() == before & ~512
