"""The public surface of our modules against that of the real packages, by reflection."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from opencensus_compat._integrations import INTEGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCRIPT = Path(__file__).with_name("api_surface.py")

COMPARED = (
    "trace",
    "common",
    "log",
    "stats",
    "tags",
    "metrics",
    "extension.azure",
    "ext.azure.metrics_exporter",
    "ext.azure.log_exporter",
    "ext.azure.trace_exporter",
    "ext.azure.common",
    "ext.logging",
    "ext.threading",
    "ext.requests",
    "ext.httplib",
    "ext.grpc",
    "ext.google_cloud_clientlibs",
    "ext.pymongo",
    "ext.gevent",
    "ext.django",
    "ext.httpx",
    "ext.dbapi",
    "ext.mysql",
    "ext.postgresql",
    "ext.pymysql",
    "ext.sqlalchemy",
    "ext.fastapi",
    "ext.flask",
    "ext.pyramid",
)

NOT_COMPARED = {
    "ext.azure.statsbeat": "self-statistics for the old SDK's makers: ours is there for imports, and does nothing",
}
"""Modules of the real packages, and integrations of ours, that are not compared, and why."""


class Difference(NamedTuple):
    """Names whose surface differs on purpose."""

    names: str
    """Regular expression of the differences, in the form ``name: real -> ours``."""
    reason: str


DIFFERENCES: tuple[Difference, ...] = (
    Difference(r"common\.backports\.WeakMethod: .* -> absent", "it is the standard library's class, which Python 2 did not have"),
    Difference(
        r"metrics\.export\.value\.ValueDistribution\.__getattr__: absent -> .*",
        "new: the buckets of a view's distribution are made when they are read",
    ),
    Difference(
        r"stats\.metric_utils\.view_data_to_metric: .*",
        "new argument: label values that are kept from one export to the next",
    ),
    Difference(
        r"stats\.aggregation_data\.SumAggregationDataFloat: absent -> .*",
        "new: an older name of the class, without which opencensus-ext-prometheus fails at sums and last values",
    ),
    Difference(r"stats\.aggregation_data\.logger: .* -> absent", "nothing was ever logged through it"),
    Difference(
        r"tags\.tag\.Tag: .*", "the base class is called what the module calls it; in OpenCensus it had the name of the class itself"
    ),
    Difference(
        r"ext\.azure\.metrics_exporter\.standard_metrics\.AzureStandardMetricsProducer\.(enable|disable): absent -> .*",
        "new: importing measures and patches nothing, and what is patched can be put back",
    ),
    Difference(
        r"ext\.azure\.metrics_exporter\.standard_metrics\.http_requests\.(RequestsSeen|requests_seen|teardown): absent -> .*",
        "new: server spans count as requests, and `http.server` can be put back",
    ),
    Difference(
        r"ext\.azure\.metrics_exporter\.standard_metrics\.process\.PROCESS: .* -> absent",
        "in a forked worker it was the parent process, whose memory the worker then told",
    ),
    Difference(r"trace\.span\.ForeignSpan: absent -> .*", "new: what OpenCensus code sees of a span that OpenTelemetry code opened"),
    Difference(
        r"trace\.tracers\.noop_tracer\.DefaultTracer: absent -> .*", "new: continues OpenTelemetry's trace where no tracer was made"
    ),
    Difference(r"trace\.tracers\.context_tracer\.\w+: absent -> .*", "new: what the tracers share to start and end OpenTelemetry spans"),
    Difference(
        r"ext\.azure\.common\.(Options|protocol\.\w+)\.__getitem__: method \(self, key\) -> attribute",
        "dict's own, which calls `__missing__` for a default: a field that is set is read without a call",
    ),
    Difference(
        r"ext\.azure\.common\.protocol\.\w+\.\w+: absent -> attribute",
        "fields are properties of their classes, too, which read the same items without `__getattr__`",
    ),
    Difference(r"ext\.azure\.common\.protocol\.__all__: absent -> .*", "new: the module shows the exporter's types and says which"),
    Difference(
        r"ext\.azure\.log_exporter\.\w+Handler\.handle: absent -> .*",
        "new: the standard library's own enters a lock from Python 3.13 on, and these handlers have none",
    ),
    Difference(r"ext\.azure\.log_exporter\.\w+Handler\.format: absent -> .*", "new: the formatter runs once for each record, whoever asks"),
    Difference(
        r"ext\.azure\.log_exporter\.(EXEMPT_VARIABLE|SamplingFilter\.exempt_level): absent -> .*",
        "new: errors can be exempted from sampling",
    ),
    Difference(
        r"ext\.azure\.log_exporter\.(\w+Handler|SamplingFilter)\.__setattr__: absent -> .*",
        "new: a filter that a program puts on one object is noted when it is put there",
    ),
    Difference(
        r"ext\.azure\.common\.(proxies_of|settings_of|processor\.check_effect|transport\.collected): absent -> .*",
        "new: how the legacy options reach the exporter",
    ),
    Difference(
        r"ext\.azure\.common\.transport\.each_made: absent -> .*",
        "new: a program's own conversion may return one envelope, several or none, whichever release it was written for",
    ),
    Difference(r"ext\.grpc\.aio: absent -> module", "new: interceptors for `grpc.aio`, which OpenCensus did not serve"),
    Difference(
        r"ext\.grpc\.utils\.WrappedResponseIterator\.__getattr__: absent -> .*",
        "new: whatever else a call has, such as its trailing metadata, is that of the call inside",
    ),
    Difference(
        r"ext\.postgresql\.trace\.TraceCursor\.execute(many)?: absent -> .*",
        "in OpenCensus each cursor got these as attributes, which kept it alive until the garbage collector came",
    ),
    Difference(
        r"ext\.fastapi\.fastapi_middleware\.FastAPIMiddleware\.__call__: absent -> .*",
        "new: it answers requests itself, without a task for each as its base class has",
    ),
    Difference(
        r"metrics\.transport\.PeriodicMetricTask\.end_threads: absent -> .*",
        "new: the thread ends with an interpreter that is one of several in the process",
    ),
    Difference(
        r"ext\.(flask\.flask_middleware\.FlaskMiddleware|django\.middleware\.OpencensusMiddleware)\.blacklist_(paths|hostnames): absent -> .*",
        "new: what releases before 0.7.4 called the attributes",
    ),
    Difference(
        r"ext\.(flask|django|pyramid)\.\w+\.BLACKLIST_(PATHS|HOSTNAMES): absent -> .*",
        "new: what releases before 0.7.4 called the constants, which public programs import",
    ),
    Difference(
        r"ext\.django\.middleware\.OpencensusMiddleware: class \(get_response\) of .*",
        "it can be made without its constructor, which subclasses of public programs do not call; the constructor is the same",
    ),
    Difference(
        r"ext\.django\.middleware\.OpencensusMiddleware\.__call__: absent -> .*",
        "new: the span of a request that an exception leaves ends",
    ),
)


def _surface(python: Path | str, package: str) -> dict[str, Any]:
    """Return what `api_surface.py` prints, run by the given interpreter."""
    finished = subprocess.run([python, str(_SCRIPT), package, *COMPARED], capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stderr
    surface: dict[str, Any] = json.loads(finished.stdout)
    return surface


def _flat(surface: dict[str, Any]) -> dict[str, str]:
    """Return every public name with what it is as text."""
    names = {}
    for module, parts in surface["modules"].items():
        names[module] = "module"
        for part, word in [("functions", "function"), ("constants", "constant"), ("objects", "object"), ("imported", "imported")]:
            names.update({f"{module}.{name}": f"{word} {text}" for name, text in parts[part].items()})
        for cls, own in parts["classes"].items():
            names[f"{module}.{cls}"] = f"class {own['parameters']} of {', '.join(own['bases'])}"
            names.update({f"{module}.{cls}.{name}": f"method {text}" for name, text in own["methods"].items()})
            names.update({f"{module}.{cls}.{name}": f"constant {text}" for name, text in own["constants"].items()})
            names.update({f"{module}.{cls}.{name}": "attribute" for name in own["attributes"]})
    return names


def _differences(real: dict[str, str], ours: dict[str, str]) -> Iterator[str]:
    """Yield the differences. What is below a name that one side does not have is not told one by one."""
    told: tuple[str, ...] = ()
    for name in sorted({*real, *ours}):
        if real.get(name) == ours.get(name) or name.startswith(told or "\0"):
            continue
        # What our modules import for themselves is nobody's interface.
        if name not in real and ours[name].startswith("imported "):
            continue
        if name not in real or name not in ours:
            told += (f"{name}.",)
        yield f"{name}: {real.get(name, 'absent')} -> {ours.get(name, 'absent')}"


@pytest.fixture(scope="module")
def real(legacy_python: Path) -> dict[str, Any]:
    """The surface of the real packages."""
    return _surface(legacy_python, "opencensus")


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    """Our surface."""
    return _surface(sys.executable, "opencensus_compat")


@pytest.fixture(scope="module")
def differences(real: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """How ours differs."""
    return [*_differences(_flat(real), _flat(ours))]


def test_every_module_is_compared_or_has_a_reason(real: dict[str, Any], built_in: list[str]) -> None:
    """No module of the real packages is forgotten, and no integration of ours."""
    known = {*COMPARED, *NOT_COMPARED, "ext", "extension"}
    assert [name for name in [*real["top"], *real["azure"], *(f"ext.{name}" for name in built_in)] if name not in known] == []


def test_every_integration_has_a_program(built_in: list[str]) -> None:
    """Each integration that OpenCensus had is switched on by a program that runs on the real packages too."""
    compared = [name for name in built_in if f"ext.{name}" in COMPARED]
    texts = [path.read_text(encoding="utf-8") for path in _SCRIPT.parent.glob("programs/*.py")]
    switched_on = {
        name for text in texts for names in re.findall(r"trace_integrations\(\[(.*?)\]", text) for name in re.findall(r"\w+", names)
    }
    # The others are switched on by what a program imports of them.
    imported = {name for text in texts for name in re.findall(r"\bopencensus\.ext\.(\w+)", text)}
    switched_on |= {name for name in imported if f"ext.{name}" in INTEGRATIONS and INTEGRATIONS[f"ext.{name}"].switched_on}
    assert [name for name in compared if name not in switched_on] == []


def test_surface_is_that_of_the_real_packages(differences: list[str]) -> None:
    """Modules, classes with their bases, methods, attributes and constants, functions and signatures are all there, or listed."""
    unlisted = [line for line in differences if not any(re.fullmatch(difference.names, line) for difference in DIFFERENCES)]
    assert not unlisted, "\n".join(["the surface differs in", *unlisted])


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.names)
def test_listed_differences_are_real(difference: Difference, differences: list[str]) -> None:
    """No reason outlives its difference."""
    assert any(re.fullmatch(difference.names, line) for line in differences)


def test_the_comparison_sees_what_it_is_for(real: dict[str, Any]) -> None:
    """The reflection finds classes, inherited methods, attributes, constants and defaults, so that nothing passes unseen."""
    names = _flat(real)
    assert names["trace.samplers.DEFAULT_SAMPLING_RATE"] == "constant 0.0001"
    assert names["trace.tracer.Tracer"] == "class (span_context=None, sampler=None, exporter=None, propagator=None) of object"
    assert names["trace.file_exporter.FileExporter"] == (
        "class (file_name='opencensus-traces.json', transport=common.transports.sync.SyncTransport, file_mode='w+') of trace.base_exporter.Exporter"
    )
    assert names["trace.span.Span.status"] == "attribute"
    assert names["trace.span.Span.on_create"] == "method staticmethod (callback)"
    assert names["trace.link.Type.PARENT_LINKED_SPAN"] == "constant 2"
    assert names["common.transports.async_.AsyncTransport.flush"] == "method (self)"
    assert names["trace.utils.Status"] == "imported trace.status.Status"
