"""Components named in settings, and integrations switched on by name."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from opencensus_compat import ext
from opencensus_compat._integrations import INTEGRATIONS
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


def _warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "opencensus.trace.config_integration"]


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
    assert _warnings(caplog) == ["Integrations that are not in use: fails: RuntimeError: cannot patch"]


def test_one_warning_tells_of_all_integrations_that_are_not_in_use(monkeypatch, caplog):
    """Each with its reason and what to do: a name that is none, one of an exporter, and a middleware."""
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not Path(entry, "opencensus").is_dir()])
    assert config_integration.trace_integrations(["sqlalchmy", "zipkin", "flask", "logging", 5]) == ["logging"]
    [warning] = _warnings(caplog)
    assert warning.startswith(
        "Integrations that are not in use: sqlalchmy: there is no such integration, did you mean 'sqlalchemy'? (there"
    )
    assert "; zipkin: opencensus-ext-zipkin has an exporter and nothing to switch on by name; " in warning
    assert "; flask: it is not switched on by name; use FlaskMiddleware(app, exporter=...) of opencensus.ext.flask.fl" in warning
    assert "; 5: there is no such integration (there are google_cloud_clientlibs, httplib, " in warning


LIBRARIES = {
    "absent": (None, "PyMongo is not installed (no pymongo): pip install pymongo"),
    "too old": ("2.9", f"pymongo 2.9 is too old (no pymongo): pip install 'pymongo>={INTEGRATIONS['ext.pymongo'].tested[0]}'"),
    "as old as they get": (INTEGRATIONS["ext.pymongo"].tested[0], "no pymongo"),
    "new, and odd": ("5.x", "no pymongo"),
}


@pytest.mark.parametrize(("release", "reason"), LIBRARIES.values(), ids=LIBRARIES)
def test_a_library_that_is_absent_or_too_old(monkeypatch, caplog, release, reason):
    """The warning names the release that is there, and the command that mends it."""

    def fail(tracer):
        raise ImportError("no pymongo")

    monkeypatch.setitem(sys.modules, "opencensus.ext.pymongo.trace", SimpleNamespace(trace_integration=fail))
    monkeypatch.setattr(config_integration, "_installed", {"pymongo": release}.get)
    assert config_integration.trace_integrations(["pymongo"]) == []
    assert _warnings(caplog) == [f"Integrations that are not in use: pymongo: {reason}"]


def test_a_name_alone_is_one_integration(caplog):
    """A text in the place of a list is not taken letter by letter, as in OpenCensus."""
    assert config_integration.trace_integrations("logging") == ["logging"]
    assert _warnings(caplog) == []


def test_each_integration_of_ours_has_a_bit_of_its_own(built_in, run_program):
    """Switched on by its name, twice, it is in use and adds a bit that no other has; in OpenCensus, threading has none."""
    names = [name for name in built_in if not INTEGRATIONS[f"ext.{name}"].switched_on]
    # It switches requests on.
    names.sort(key=lambda name: name == "google_cloud_clientlibs")
    source = f"""
    import json
    from opencensus.trace import config_integration, integrations

    bits = {{}}
    for name in {names}:
        before = integrations.get_integrations()
        assert config_integration.trace_integrations([name, name]) == [name, name]
        bits[name] = integrations.get_integrations() ^ before
    print(json.dumps(bits))
    """
    # Of google-api-core, on interpreters near their end.
    bits = json.loads(run_program(source, options=("-W", "error", "-W", "ignore::FutureWarning")))
    assert list(bits) == names
    assert [name for name, bit in bits.items() if not bit] == ["threading"]


def test_integrations_that_make_client_spans_ask_opentelemetry_first():
    """A call that an OpenTelemetry instrumentation traces is traced once, whichever integration would trace it too."""
    folder = Path(ext.__file__).parent
    texts = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}
    makes = [name for name, text in texts.items() if ("SpanKind.CLIENT" in text and "span_kind = " in text) or "_client.begin(" in text]
    assert "httplib/trace.py" in makes
    assert [name for name in makes if "_patching.opentelemetry_traces(" not in texts[name]] == []


def test_integrations_are_counted_as_bits():
    """Adding twice is adding once; the module's number is what legacy tests read."""
    before = integrations.get_integrations()
    integrations.add_integration(_Integrations.PYRAMID)
    integrations.add_integration(_Integrations.PYRAMID)
    assert integrations.get_integrations() == integrations._INTEGRATIONS_BIT_MASK == before | 512
    integrations.remove_intregration(_Integrations.PYRAMID)
    assert integrations.get_integrations() == before & ~512
