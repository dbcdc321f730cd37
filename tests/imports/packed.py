"""An unchanged program for OpenCensus, packed by what packs Python programs; each in a folder of its own, and run from another.

`make packed` makes the environment with the tools and runs this: the builds take minutes, too long for every run of the tests. The table is
in `migration_guide/packed.md`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat.local import LocalEndpoint

REPOSITORY = Path(__file__).resolve().parents[2]
CENSUS = """
import logging

from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags import tag_map
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def main():
    orders = measure.MeasureInt("orders", "orders", "1")
    stats.stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter())
    stats.stats.view_manager.register_view(view.View("orders", "", [], orders, aggregation.CountAggregation()))
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    logging.getLogger().addHandler(AzureLogHandler())
    events = logging.getLogger("events")
    events.addHandler(AzureEventHandler())
    events.propagate = False
    events.setLevel(logging.INFO)
    with tracer.span("order"):
        logging.warning("stock is low")
        events.info("ordered")
        measurements = stats.stats.stats_recorder.new_measurement_map()
        measurements.measure_int_put(orders, 1)
        measurements.record(tag_map.TagMap())


if __name__ == "__main__":
    main()
"""
ARRIVES = {"dependencies": ["order"], "traces": ["stock is low"], "customEvents": ["ordered"], "customMetrics": ["orders"]}
INTEGRATED = """
from opencensus.ext import vendor
from opencensus.common import correlation
from shop import main

assert vendor.__name__ == "opencensus.ext.vendor"
main()
"""
NATIVE = """
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from appinsights_exporter import ApplicationInsightsSpanExporter

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter()))
trace.set_tracer_provider(provider)
trace.get_tracer("shop").start_span("order").end()
"""
FIRST = "import opencensus_compat.auto\nimport shop\n\nshop.main()\n"
"""An entry of two lines beside the unchanged program, for what reads no `.pth` file."""
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "shop"
version = "1"
dependencies = ["census-compat"]

[project.scripts]
shop = "shop:main"

[tool.hatch.build.targets.wheel]
only-include = ["shop.py"]
"""
_COMPILED = ("orjson", "psutil", "cryptography", "cffi", "_cffi_backend", "charset_normalizer")


@pytest.fixture(scope="session")
def python(interpreter) -> Path:
    """The interpreter of the environment that has the tools, and this package."""
    return interpreter("packed", "`make packed` makes it")


@pytest.fixture(scope="session")
def execute(python):
    """A function that runs a command with the tools on PATH; of the environment it inherits nothing that changes imports."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OTEL_", "OPENCENSUS_"))}
    path = f"{python.parent}{os.pathsep}{inherited['PATH']}"

    def run(*command: object, cwd: Path, **variables: object) -> None:
        environment = {**inherited, "PATH": path, **{name: str(value) for name, value in variables.items()}}
        done = subprocess.run([str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"

    return run


@pytest.fixture(scope="session")
def wheels(python, execute, tmp_path_factory) -> Path:
    """A folder with wheels of the program, of this package and of all that it needs."""
    project = tmp_path_factory.mktemp("project")
    (project / "shop.py").write_text(CENSUS, encoding="utf-8")
    (project / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    folder = tmp_path_factory.mktemp("wheels")
    execute(python, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--wheel-dir", folder, REPOSITORY, cwd=project)
    execute(python, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, project, cwd=project)
    return folder


@pytest.fixture(scope="session")
def bare(execute, tmp_path_factory) -> Path:
    """An interpreter of an environment without this package."""
    folder = tmp_path_factory.mktemp("bare")
    execute(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    return folder / "bin" / "python"


@pytest.fixture
def shop(tmp_path) -> Path:
    """The program, unchanged, in a folder of its own."""
    path = tmp_path / "source" / "shop.py"
    path.parent.mkdir()
    path.write_text(CENSUS, encoding="utf-8")
    (path.parent / "first.py").write_text(FIRST, encoding="utf-8")
    return path


@pytest.fixture
def target(python, execute, wheels, tmp_path) -> Path:
    """A folder that `pip install --target` has filled."""
    folder = tmp_path / "target"
    execute(python, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", wheels, "--target", folder, "shop", cwd=tmp_path)
    return folder


@pytest.fixture
def arrives(execute, tmp_path):
    """A function that runs a packed program from another folder and returns what arrived, by table."""

    def run(*command: object, **variables: object) -> dict[str, list[str]]:
        with LocalEndpoint() as endpoint:
            execute(*command, cwd=Path("/"), APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string, HOME=tmp_path, **variables)
            endpoint.wait_idle()
            return {
                table: sorted({row.get("name") or row.get("message") for row in endpoint.rows(table)})
                for table, count in endpoint.counts().items()
                if count and table != "performanceCounters"
            }

    return run


def _frozen(python: Path, execute, program: Path, **variables: object) -> Path:
    build = [python, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", program]
    execute(*build, cwd=program.parent, **variables)
    return program.parent / "dist" / program.stem / program.stem


def test_pyinstaller(python, execute, arrives, shop):
    """The facades, an integration and a module of another distribution are in it."""
    site = shop.parent / "site"
    for name in ("ext/vendor/__init__.py", "common/correlation.py"):
        path = Path(site, "opencensus", name)
        path.parent.mkdir(parents=True)
        path.write_text("from opencensus.trace import tracer\nimport colorsys\n", encoding="utf-8")
    program = shop.with_name("integrated.py")
    program.write_text(INTEGRATED, encoding="utf-8")
    assert arrives(_frozen(python, execute, program, PYTHONPATH=site)) == ARRIVES


def test_pyinstaller_without_opencensus(python, execute, arrives, tmp_path):
    """The native exporter works without the facade."""
    program = tmp_path / "native.py"
    program.write_text(NATIVE, encoding="utf-8")
    assert arrives(_frozen(python, execute, program)) == {"dependencies": ["order"]}


def test_cx_freeze(python, execute, arrives, shop, tmp_path):
    """With an entry that imports `opencensus_compat.auto` first, and the packages named whose modules are imported by name."""
    packages = "opencensus_compat,appinsights_exporter,opentelemetry"
    execute(
        python.with_name("cxfreeze"),
        "build",
        "--script",
        shop.with_name("first.py"),
        "--build-exe",
        tmp_path / "built",
        "--packages",
        packages,
        cwd=shop.parent,
    )
    assert arrives(tmp_path / "built" / "first") == ARRIVES


def test_nuitka(python, execute, arrives, shop, tmp_path):
    """The program is compiled, and what is installed stays where it is."""
    execute(python, "-m", "nuitka", "--quiet", "--jobs=1", f"--output-dir={tmp_path}", shop, cwd=shop.parent)
    assert arrives(tmp_path / "shop.bin") == ARRIVES


def test_shiv(python, execute, arrives, wheels, bare, tmp_path):
    """One file, which unpacks itself into a folder that path files are read of."""
    file = tmp_path / "shop.pyz"
    execute(python.with_name("shiv"), "-o", file, "-c", "shop", "--no-index", "--find-links", wheels, "shop", cwd=tmp_path)
    assert arrives(bare, file, SHIV_ROOT=tmp_path / "unpacked") == ARRIVES


@pytest.mark.parametrize("options", [(), ("--venv",)], ids=["zip", "venv"])
def test_pex(python, execute, arrives, wheels, bare, tmp_path, options):
    """One file, in both of its ways to run."""
    file = tmp_path / "shop.pex"
    execute(python.with_name("pex"), "--no-index", "--find-links", wheels, "shop", "-c", "shop", *options, "-o", file, cwd=tmp_path)
    assert arrives(bare, file, PEX_ROOT=tmp_path / "unpacked") == ARRIVES


def test_zipapp_of_the_program(python, execute, arrives, shop, tmp_path):
    """With what it needs installed, nothing is to be done."""
    file = tmp_path / "shop.pyz"
    execute(python, "-m", "zipapp", shop.parent, "-m", "shop:main", "-o", file, cwd=tmp_path)
    assert arrives(python, file) == ARRIVES


def test_zipapp_of_all(python, execute, arrives, target, bare, tmp_path):
    """Modules in C cannot be imported from a zip file: they lie beside it; the entry imports `opencensus_compat.auto` first."""
    beside = tmp_path / "beside"
    beside.mkdir()
    for path in sorted(target.iterdir()):
        if path.name.partition(".")[0].partition("-")[0] in _COMPILED:
            shutil.move(path, beside)
    (target / "__main__.py").write_text(FIRST, encoding="utf-8")
    file = tmp_path / "shop.pyz"
    execute(python, "-m", "zipapp", target, "-o", file, cwd=tmp_path)
    assert arrives(bare, file, PYTHONPATH=beside) == ARRIVES


def test_target(arrives, target, bare, shop):
    """`python -m opencensus_compat run` in front of the command, since path files are not read there."""
    command = (bare, "-m", "opencensus_compat", "run", "--", bare, shop)
    assert arrives(*command, PYTHONPATH=target) == ARRIVES
