"""With a release of OpenTelemetry that is not known to work, nothing starts, and the error says what to do."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from opentelemetry import version as api_version
from opentelemetry.sdk import version as sdk_version

from appinsights_exporter import UnsupportedReleaseError, _releases

TEXT = (
    "census-compat works with {0} >=1.28,<2; {1} is installed, and nothing would be exported with it. "
    'Install a release in that range: pip install "{0}>=1.28,<2"; or a census-compat that knows {1}.'
)

REFUSED = ["0.17b0", "1.0.0", "1.27.0", "1.27.0rc1", "2.0.0", "2.0.0a1", "3.1"]
TAKEN = ["1.28.0", "1.28.0.dev0", "1.45.2", "1.46.0b1", "1.100", "of our own", ""]


@pytest.mark.parametrize("installed", REFUSED)
@pytest.mark.parametrize(
    ("module", "sdk", "distribution"),
    [(api_version, False, "opentelemetry-api"), (sdk_version, True, "opentelemetry-sdk")],
    ids=["api", "sdk"],
)
def test_refused(monkeypatch, installed, module, sdk, distribution):
    """A release outside the range is refused, also a pre-release of the next major one."""
    monkeypatch.setattr(module, "__version__", installed)
    with pytest.raises(UnsupportedReleaseError, match=re.escape(TEXT.format(distribution, installed))) as caught:
        _releases.check(sdk=sdk)
    assert (caught.value.installed, isinstance(caught.value, ImportError)) == (installed, False)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.installed) == (str(caught.value), installed)


@pytest.mark.parametrize("installed", TAKEN)
def test_taken(monkeypatch, installed):
    """What is in the range works, pre-releases and later minor releases included; what cannot be read is its owner's to judge."""
    monkeypatch.setattr(api_version, "__version__", installed)
    monkeypatch.setattr(sdk_version, "__version__", installed)
    _releases.check(sdk=False)
    _releases.check(sdk=True)


def test_the_range_is_the_distributions():
    """What is checked is what pip is told."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert re.findall(r'"(opentelemetry-(?:api|sdk))(.*)",\n', text)[:2] == [
        ("opentelemetry-api", _releases.SUPPORTED),
        ("opentelemetry-sdk", _releases.SUPPORTED),
    ]


PROGRAMS = {
    "a legacy program": ("opentelemetry.version", "opencensus.ext.azure.trace_exporter"),
    "a legacy program that only logs": ("opentelemetry.version", "opencensus.ext.azure.log_exporter"),
    "a native one": ("opentelemetry.sdk.version", "appinsights_exporter.exporters"),
    "a native one that logs": ("opentelemetry.sdk.version", "appinsights_exporter.log_exporter"),
    "a native one with metrics": ("opentelemetry.sdk.version", "appinsights_exporter.metric_exporter"),
}


@pytest.mark.parametrize(("version", "imported"), PROGRAMS.values(), ids=PROGRAMS)
def test_programs(run_program, version, imported):
    """The import fails, also inside a `try` that does without libraries which are not there."""
    program = f"""
        import importlib
        importlib.import_module("{version}").__version__ = "2.0.0"
        try:
            try:
                importlib.import_module("{imported}")
            except ImportError:
                print("goes on without")
        except RuntimeError as error:
            print(type(error).__name__)
    """
    assert run_program(program) == "UnsupportedReleaseError\n"
