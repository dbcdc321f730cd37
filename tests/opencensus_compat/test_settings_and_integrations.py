"""Components named in settings, and integrations switched on by name."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from opencensus_compat import ext
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


def test_each_integration_of_ours_has_a_bit_of_its_own(built_in, run_program):
    """Switched on by its name, twice, it is in use and adds a bit that no other has; in OpenCensus, threading has none."""
    source = f"""
    import json
    from opencensus.trace import config_integration, integrations

    bits = {{}}
    for name in {built_in}:
        before = integrations.get_integrations()
        assert config_integration.trace_integrations([name, name]) == [name, name]
        bits[name] = integrations.get_integrations() ^ before
    print(json.dumps(bits))
    """
    bits = json.loads(run_program(source))
    assert list(bits) == built_in
    assert [name for name, bit in bits.items() if not bit] == ["threading"]


def test_integrations_that_make_client_spans_ask_opentelemetry_first(built_in):
    """A call that an OpenTelemetry instrumentation traces is traced once, whichever integration would trace it too."""
    texts = {name: Path(ext.__file__).with_name(name).joinpath("trace.py").read_text(encoding="utf-8") for name in built_in}
    makes = [name for name, text in texts.items() if "SpanKind.CLIENT" in text]
    assert {"httplib", "requests"} <= set(makes)
    assert [name for name in makes if "_patching.opentelemetry_traces(" not in texts[name]] == []


def test_integrations_are_counted_as_bits():
    """Adding twice is adding once; the module's number is what legacy tests read."""
    before = integrations.get_integrations()
    integrations.add_integration(_Integrations.PYRAMID)
    integrations.add_integration(_Integrations.PYRAMID)
    assert integrations.get_integrations() == integrations._INTEGRATIONS_BIT_MASK == before | 512
    integrations.remove_intregration(_Integrations.PYRAMID)
    assert integrations.get_integrations() == before & ~512
