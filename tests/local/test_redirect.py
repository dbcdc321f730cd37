"""`census-compat local -- CMD` with programs that name their resources in code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from appinsights_exporter import redirect
from opencensus_compat._bridge import notes
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.local.commands import variables
from opencensus_compat.local.commands.program import program_environment

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES_ITS_RESOURCES = """
import logging, multiprocessing, os, subprocess, sys
from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags.tag_map import TagMap
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

KEY = "00000000-0000-0000-0000-00000000000%d"
STRING = "InstrumentationKey=" + KEY + ";IngestionEndpoint=https://%s.invalid/"

class Credential:
    def get_token(self, *scopes, **options):
        raise SystemExit("a token was requested")

def log(handler, name):
    logger = logging.getLogger(name)
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.info(name)

def native():
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from appinsights_exporter import ApplicationInsightsSpanExporter
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ApplicationInsightsSpanExporter(STRING % (5, "native"), credential=Credential())))
    provider.get_tracer("native").start_span("native").end()
    provider.shutdown()

if __name__ == "__main__":
    if sys.argv[1:] == ["grandchild"]:
        log(AzureLogHandler(connection_string=STRING % (6, "grandchild")), "grandchild")
        sys.exit()
    subprocess.run([sys.executable, __file__, "grandchild"], check=True)
    if hasattr(os, "fork"):
        fork = multiprocessing.get_context("fork").Process(target=native)
        fork.start()
        fork.join()
    else:
        native()
    exporter = AzureExporter(connection_string=STRING % (1, "spans"), credential=Credential(), proxies={"http": "http://127.0.0.1:1"})
    with Tracer(exporter=exporter, sampler=AlwaysOnSampler()).span("order"):
        log(AzureLogHandler(connection_string="InstrumentationKey=" + KEY % 2), "line")
        log(AzureEventHandler(instrumentation_key=KEY % 3, endpoint="https://event.invalid/v2/track"), "event")
    size = measure.MeasureInt("size", "size", "1")
    stats.stats.view_manager.register_view(view.View("size", "size", [], size, aggregation.LastValueAggregation()))
    metrics = metrics_exporter.new_metrics_exporter(connection_string=STRING % (4, "metrics"), enable_standard_metrics=False)
    stats.stats.view_manager.register_exporter(metrics)
    measurements = stats.stats.stats_recorder.new_measurement_map()
    measurements.measure_int_put(size, 7)
    measurements.record(TagMap())
"""


def run(*words, environment=None):
    """Run the command in a process of its own and return its JSON report."""
    command = [sys.executable, "-m", "opencensus_compat.local", "--json", *words]
    inherited = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        command, env={**inherited, **(environment or {})}, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def program(tmp_path):
    """The program."""
    path = tmp_path / "program.py"
    path.write_text(NAMES_ITS_RESOURCES, encoding="utf-8")
    return path


def test_every_exporter_of_a_program_is_redirected(program):
    """Traces, logs, events, metrics and native spans, of children too, arrive with their keys, without a token, and past every proxy."""
    closed = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:1")
    report = run("--", sys.executable, str(program), environment=closed)
    assert report["exitCode"] == 0
    arrived = {
        table: sorted((row.get("name") or row.get("message"), row["iKey"][-1]) for row in rows) for table, rows in report["tables"].items()
    }
    assert arrived == {
        "dependencies": [("native", "5"), ("order", "1")],
        "traces": [("grandchild", "6"), ("line", "2")],
        "customEvents": [("event", "3")],
        "customMetrics": [("size", "4")],
    }
    assert report["redirected"] == {
        "https://spans.invalid": 1,
        "https://dc.services.visualstudio.com": 1,
        "https://event.invalid": 1,
        "https://metrics.invalid": 1,
        "https://native.invalid": 1,
        "https://grandchild.invalid": 1,
    }


PASSES = """
import sys
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
with Tracer(exporter=AzureExporter(connection_string=sys.argv[1]), sampler=AlwaysOnSampler()).span("order"):
    pass
"""


EMPTIES = "import os; os.environ.clear()" + PASSES


def test_a_program_that_empties_its_environment():
    """It is redirected all the same: nothing is sent anywhere."""
    string = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=https://emptied.invalid/"
    report = run("--", sys.executable, "-c", EMPTIES, string)
    assert report["redirected"] == {"https://emptied.invalid": 1}


RETIRED = """
import logging, sys
from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.statsbeat import state
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags.tag_map import TagMap
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

class Credential:
    def get_token(self, *scopes, **options):
        raise SystemExit("a token was requested")

assert not AzureExporter.__module__.startswith("opencensus_compat")
assert not state.is_statsbeat_enabled()
key = "InstrumentationKey=00000000-0000-0000-0000-000000000001"
logging.getLogger().addHandler(AzureLogHandler(connection_string=key + ";IngestionEndpoint=https://logs.invalid/"))
logging.error("failed")
size = measure.MeasureInt("size", "", "1")
metrics = metrics_exporter.new_metrics_exporter(connection_string=key, enable_standard_metrics=False)
stats.stats.view_manager.register_exporter(metrics)
stats.stats.view_manager.register_view(view.View("size", "", [], size, aggregation.SumAggregation()))
measurements = stats.stats.stats_recorder.new_measurement_map()
measurements.measure_int_put(size, 3)
measurements.record(TagMap())
spans = AzureExporter(connection_string=key + ";IngestionEndpoint=https://spans.invalid/", credential=Credential(), storage_path=sys.argv[1])
with Tracer(exporter=spans, sampler=AlwaysOnSampler()).span("order"):
    pass
"""


@pytest.mark.parametrize("beside", [False, True], ids=["in an environment of its own", "beside this package"])
def test_the_retired_sdk_is_redirected(beside, legacy_python, tmp_path):
    """All exporters of the real packages are, and what lies in their folder stays there."""
    sources = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY / "src" / "exporter")])
    environment = {"OPENCENSUS_COMPAT_DISABLED": "1", "PYTHONPATH": sources} if beside else {"PYTHONPATH": ""}
    program = f"import opencensus_compat.auto\n{RETIRED}" if beside else RETIRED
    report = run("--", str(legacy_python), "-c", program, str(tmp_path / "stored"), environment=environment)
    assert report["tables"].keys() == {"dependencies", "traces", "customMetrics"}
    assert report["redirected"].keys() == {"https://spans.invalid", "https://logs.invalid"}
    assert not (tmp_path / "stored").exists()


def test_another_sitecustomize_has_its_turn(tmp_path):
    """What a program's environment runs at the start of Python still runs."""
    (tmp_path / "sitecustomize.py").write_text("import builtins\nbuiltins.started = True\n", encoding="utf-8")
    report = run("--", sys.executable, "-c", "import sys; sys.exit(7 if started else 1)", environment={"PYTHONPATH": str(tmp_path)})
    assert report["exitCode"] == 7


def test_a_summary_names_redirected_endpoints():
    """The line of counts names them as well."""
    string = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=https://named.invalid/"
    command = [sys.executable, "-m", "opencensus_compat.local", "--count-only", "--", sys.executable, "-c", PASSES, string]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True)
    assert done.stdout == "1 requests, 1 items received, 1 accepted, redirected from https://named.invalid\n"


def test_pass_through_leaves_the_string_in_the_code_alone():
    """With the option a program sends where it says; the report says why nothing arrived."""
    with LocalEndpoint() as elsewhere:
        report = run("--pass-through", "--", sys.executable, "-c", PASSES, elsewhere.connection_string)
        elsewhere.wait_idle()
        assert [row["name"] for row in elsewhere.rows("dependencies")] == ["order"]
    assert (report["tables"], "redirected" in report) == ({}, False)
    assert [reason.partition(":")[0] for reason in report["reasons"]] == ["--pass-through"]


def test_an_inherited_redirect_does_not_outlive_pass_through(monkeypatch, tmp_path):
    """Inside another `census-compat local`, the option still leaves the string in the code alone."""
    with LocalEndpoint() as endpoint:
        outer = {variables.REDIRECT_VARIABLE: "http://127.0.0.1:1/"}
        passed = program_environment(endpoint, outer, str(tmp_path / "notes"), pass_through=True)
        redirected = program_environment(endpoint, outer, str(tmp_path / "notes"), pass_through=False)
    assert variables.REDIRECT_VARIABLE not in passed
    assert redirected[variables.REDIRECT_VARIABLE] == endpoint.url


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://p"}, None),
        ({"HTTP_PROXY": "http://p"}, "127.0.0.1,localhost"),
        ({"all_proxy": "http://p", "no_proxy": "a.test, localhost"}, "a.test,localhost,127.0.0.1"),
        ({"http_proxy": "http://p", "NO_PROXY": "*", "no_proxy": "*"}, "*"),
    ],
)
def test_other_sdks_reach_the_endpoint_past_a_proxy(given, expected):
    """Where http goes through a proxy, the command's NO_PROXY has this machine, beside what it had."""
    with LocalEndpoint() as endpoint:
        made = program_environment(endpoint, given, "notes", pass_through=False)
    assert (made.get("no_proxy"), made.get("NO_PROXY")) == (expected, expected)


def test_both_halves_mean_the_same_variable():
    """The command sets what the exporters read."""
    assert variables.REDIRECT_VARIABLE == redirect.REDIRECT_VARIABLE == notes._REDIRECT


UNSAMPLED = """
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOffSampler
from opencensus.trace.tracer import Tracer
with Tracer(exporter=AzureExporter(), sampler=AlwaysOffSampler()).span("order"):
    pass
"""


@pytest.mark.parametrize(
    ("words", "start"),
    [
        pytest.param([sys.executable, "-c", UNSAMPLED], "Spans were not sampled.", id="unsampled"),
        pytest.param([sys.executable, "-c", "pass"], "No exporter was made: the program imported nothing", id="no exporter"),
        pytest.param([sys.executable, "-S", "-c", "pass"], "No Python with census-compat was started.", id="without the path file"),
        pytest.param([sys.executable, "-c", "import os; os._exit(0)"], "Python processes ended without", id="no exit hooks"),
    ],
)
def test_the_report_says_why_nothing_arrived(words, start):
    """What processes note of themselves is in the reasons."""
    [reason] = run("--", *words)["reasons"]
    assert reason.startswith(start)
