"""Function apps of Azure Functions as the platform lays them out: packages in `.python_packages`, on PYTHONPATH, where no `.pth` file is read."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from opencensus_compat.local import LocalEndpoint

_WORKER = Path(__file__).parents[1] / "parity" / "functions_worker.py"
_IMPORTS = """import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.extension.azure.functions import OpenCensusExtension

OpenCensusExtension.configure()
logger = logging.getLogger(__name__)
if not logger.handlers:
    logger.addHandler(AzureLogHandler())
"""
_SYNC = """
def {name}(req, context):
    logger.info("outside")
    with context.tracer.span("{name}"):
        logger.info("inside")
        if req % 10 == 0:
            raise LookupError("no such order")
    return req
"""
_ASYNC = _SYNC.replace("def {name}", "async def {name}").replace("raise", "await asyncio.sleep(0)\n            raise")
_FIRST = "import opencensus_compat.auto\n"
_FOLDER = "import opencensus_compat.auto\nimport opencensus\n"
"""`opencensus/__init__.py` in the folder of the app."""


def _first_model(app: Path, first: str) -> None:
    for name, text in (("plain", _SYNC), ("waiting", "import asyncio\n" + _ASYNC)):
        folder = app / name
        folder.mkdir()
        description = {"scriptFile": "__init__.py", "bindings": [{"type": "queueTrigger", "direction": "in", "name": "req"}]}
        (folder / "function.json").write_text(json.dumps(description), encoding="utf-8")
        (folder / "__init__.py").write_text(first + _IMPORTS + text.format(name="main").replace('"main"', f'"{name}"'), encoding="utf-8")


def _second_model(app: Path, first: str) -> None:
    text = f"{first}{_IMPORTS}\nimport asyncio\nimport azure.functions as func\napp = func.FunctionApp()\n"
    for name, function in (("plain", _SYNC), ("waiting", _ASYNC)):
        text += f'\n@app.queue_trigger(arg_name="req", queue_name="q", connection="c"){function.format(name=name)}'
    (app / "function_app.py").write_text(text, encoding="utf-8")


@pytest.fixture
def run(environment, tmp_path, our_wheel):
    """Return a function that runs the stand-in worker on the app, and returns what it printed and what has arrived."""
    app = tmp_path / "wwwroot"
    packages = app / ".python_packages" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    environment.pip("install", "--no-deps", "--no-compile", "--target", packages, our_wheel)

    def worker(hooks, times, status=0):
        with LocalEndpoint() as endpoint:
            variables = {
                "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string,
                # The test environment lends the rest; its own `.pth` is not read from here.
                "PYTHONPATH": os.pathsep.join([str(packages), sysconfig.get_path("purelib")]),
                "PATH": os.environ["PATH"],
                "TMPDIR": str(tmp_path),
            }
            command = [environment.python, "-W", "error", _WORKER, app, hooks, str(times)]
            done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=120)
            assert done.returncode == status, done.stderr
            endpoint.wait_idle()
            return done, {table: endpoint.rows(table) for table in ("dependencies", "traces", "exceptions")}

    worker.app = app
    return worker


def test_without_a_line_or_a_folder(run):
    """The `.pth` file in `.python_packages` is not read: an app that only says `import opencensus` fails to load."""
    _second_model(run.app, "")
    done, _ = run("hooks", 1, status=1)
    assert "No module named 'opencensus'" in done.stderr


@pytest.mark.parametrize(
    ("model", "hooks", "first"),
    [
        pytest.param(_first_model, "hooks", "", id="first model, a folder"),
        pytest.param(_second_model, "hooks", _FIRST, id="second model, a first line"),
        pytest.param(_second_model, "no hooks", "", id="second model, a folder, no hooks"),
    ],
)
def test_fifty_at_once(run, model, hooks, first):
    """With a first line, or with a folder `opencensus` and no change to the code, every item arrives under its invocation."""
    model(run.app, first)
    if not first:
        (run.app / "opencensus").mkdir()
        (run.app / "opencensus" / "__init__.py").write_text(_FOLDER, encoding="utf-8")
    done, arrived = run(hooks, 25)
    printed = json.loads(done.stdout)
    failed = range(0, 50, 10)
    assert printed["errors"] == {str(number): "LookupError: no such order" for number in failed}
    assert printed["returned"] == [None if number in failed else number for number in range(50)]
    spans = {row["operation_Id"]: row for row in arrived["dependencies"]}
    assert {key: (row["name"], row["success"], row["operation_ParentId"]) for key, row in spans.items()} == {
        f"{number + 1:032x}": ("plain" if number < 25 else "waiting", str(number not in failed), f"{number + 1:016x}")
        for number in range(50)
    }
    told = sorted((row["operation_Id"], row["message"], row["operation_ParentId"]) for row in arrived["traces"])
    expected = [(key, "inside", row["id"]) for key, row in spans.items()] + [
        (key, "outside", row["operation_ParentId"]) for key, row in spans.items()
    ]
    assert told == sorted(expected)
    errors = sorted((row["operation_Id"], row["type"], row["operation_ParentId"]) for row in arrived["exceptions"])
    assert errors == [(key, "LookupError", spans[key]["id"]) for key in (f"{number + 1:032x}" for number in failed)]
    assert "Traceback" not in done.stderr


def test_beside_the_legacy_distribution(environment, our_wheel, legacy_wheel, tmp_path):
    """Where the legacy extension is installed, its class is the one that registers with the worker, and it uses our exporter."""
    environment.install(our_wheel, legacy_wheel("opencensus-extension-azure-functions", tmp_path))
    code = """
import opencensus.extension.azure.functions as found
from azure.functions import ExtensionMeta
from opencensus.extension.azure.functions import OpenCensusExtension
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
print(found.__file__.split("site-packages")[1], found.AzureExporter is AzureExporter)
print([hook.ext_name for hook in ExtensionMeta.get_application_hooks().pre_invocation_app_level])
"""
    assert environment.execute(code).splitlines() == ["/opencensus/extension/azure/functions.py True", "['OpenCensusExtension']"]
