"""Files other than Python's: packages and names in requirements, lock files, configuration, images, pipelines, notebooks and saved queries; columns in saved queries."""

from __future__ import annotations

import json

import pytest

from opencensus_compat.scan.project import scan

_AZURE = "opencensus-ext-azure"
_HANDLER = "ext.azure.log_exporter.AzureLogHandler"


@pytest.mark.parametrize(
    ("name", "content", "uses"),
    [
        pytest.param(
            "requirements.txt",
            "# opencensus\nopencensus==0.11.4\nopencensus\nopencensus-ext-azure~=1.1 # pinned\nOpenCensus_Ext_Flask\nmy-opencensus==1\n",
            [(2, 1, "R001", "opencensus"), (3, 1, "R001", "opencensus"), (4, 1, "R001", _AZURE), (5, 1, "R001", "opencensus-ext-flask")],
            id="requirements",
        ),
        pytest.param("requirements/base.txt", "opencensus-ext-azure\n", [(1, 1, "R001", _AZURE)], id="folder of requirements"),
        pytest.param("constraints-dev.txt", "opencensus<1\r\n", [(1, 1, "R001", "opencensus")], id="constraints"),
        pytest.param("notes.txt", "opencensus==1\n", [], id="any other text"),
        pytest.param("README.md", "pip install opencensus-ext-azure\n", [], id="documentation"),
        pytest.param(
            "pyproject.toml",
            'dependencies = [\n    "opencensus-ext-azure>=1.1",\n    "opencensus",\n]\n[tool.poetry.dependencies]\nopencensus = "^0.11"\n',
            [(2, 6, "R001", _AZURE), (3, 6, "R001", "opencensus"), (6, 1, "R001", "opencensus")],
            id="pyproject",
        ),
        pytest.param(
            "poetry.lock",
            '[[package]]\nname = "opencensus-context"\ndescription = "The opencensus context"\nurl = "https://x/opencensus/opencensus-1.whl"\n',
            [(2, 9, "R001", "opencensus-context")],
            id="lock file",
        ),
        pytest.param("Pipfile", '[packages]\nopencensus = "*"\n', [(2, 1, "R001", "opencensus")], id="Pipfile"),
        pytest.param("setup.cfg", "install_requires =\n    opencensus-ext-azure\n", [(2, 5, "R001", _AZURE)], id="setup.cfg"),
        pytest.param("setup.py", "setup(install_requires=['opencensus-ext-azure >= 1'])\n", [(1, 25, "R001", _AZURE)], id="setup.py"),
        pytest.param(
            "environment.yml",
            "dependencies:\n  - opencensus\n  - pip:\n    - opencensus-ext-azure==1.1.0\n",
            [(2, 5, "R001", "opencensus"), (4, 7, "R001", _AZURE)],
            id="conda",
        ),
        pytest.param("Dockerfile", "RUN pip install flask opencensus-ext-azure\n", [(1, 23, "R001", _AZURE)], id="image"),
        pytest.param("Dockerfile.dev", "RUN pip install opencensus\n", [(1, 17, "R001", "opencensus")], id="image by another name"),
        pytest.param("azure-pipelines.yml", "- script: pip install opencensus-ext-azure\n", [(1, 23, "R001", _AZURE)], id="pipeline"),
        pytest.param("bom.json", '{"name": "opencensus-ext-azure"}\n', [], id="bill of materials"),
        pytest.param("package-lock.json", '{"opencensus": {}}\n', [], id="packages of another language"),
        pytest.param(
            "logging.yaml",
            "handlers:\n  azure:\n    class: opencensus.ext.azure.log_exporter.AzureLogHandler\nloggers:\n  opencensus.ext: {}\n",
            [(3, 12, "N003", _HANDLER), (5, 3, "N004", "ext")],
            id="dictConfig in YAML",
        ),
        pytest.param(
            "logging.json",
            '{"handlers": {"azure": {"class": "opencensus.ext.azure.log_exporter.AzureLogHandler"}}}',
            [(1, 35, "N003", _HANDLER)],
            id="dictConfig in JSON",
        ),
        pytest.param(
            "logging.ini",
            "[handler_azure]\nclass=opencensus.ext.azure.log_exporter.AzureLogHandler\n[logger_a]\nqualname=opencensus.ext.azure\n; opencensus.trace\n",
            [(2, 7, "N003", _HANDLER), (4, 10, "N004", "ext.azure")],
            id="fileConfig",
        ),
        pytest.param(
            "logging.toml",
            '[handlers.azure]\n"()" = "opencensus.ext.azure.log_exporter.AzureLogHandler"\n',
            [(2, 9, "N003", _HANDLER)],
            id="dictConfig in TOML",
        ),
        pytest.param(
            "settings.yaml",
            "SAMPLER: opencensus.trace.samplers.ProbabilitySampler(rate=1)\nMIDDLEWARE:\n- opencensus.ext.django.middleware.OpencensusMiddleware\n",
            [(1, 10, "N005", "trace.samplers.ProbabilitySampler"), (3, 3, "W011", "ext.django.middleware.OpencensusMiddleware")],
            id="settings in YAML",
        ),
        pytest.param(
            "errors.kql",
            "// customDimensions.fileName\ntraces | where customDimensions.fileName == 'a' and customDimensions['lineNumber'] > 3\n"
            'dependencies | where type == "INPROC" | project client_OS, customDimensions.fileNames\n',
            [
                (2, 16, "Q001", "customDimensions.fileName"),
                (2, 53, "Q002", "customDimensions['lineNumber']"),
                (3, 22, "Q004", 'type == "INPROC"'),
                (3, 49, "Q006", "client_OS"),
            ],
            id="query",
        ),
        pytest.param(
            "workbook.json",
            '{"query": "traces | where customDimensions[\\"level\\"] == 1 and operation_ParentId startswith \\"|\\""}\n',
            [(1, 27, "Q003", 'customDimensions["level"]'), (1, 64, "Q007", 'operation_ParentId startswith "|')],
            id="workbook",
        ),
        pytest.param(
            "alerts.bicep",
            "query: 'requests | where customDimensions[\\'request.url\\'] has \"x\"'\n",
            [(1, 26, "Q005", "customDimensions['request.url']")],
            id="alert in Bicep",
        ),
        pytest.param(
            "alerts.tf",
            "query = \"traces | where customDimensions.module == 'a'\"\n",
            [(1, 25, "Q003", "customDimensions.module")],
            id="Terraform",
        ),
        pytest.param(
            "all.kql",
            "dependencies | where resultCode != '2' or toint(resultCode) in (13) or resultCode == '404' or resultCode == \"20\"\n"
            "requests | extend s = tostring(customDimensions['db.statement']) | where customDimensions.paid == 'true'\n"
            "exceptions | where outerMessage has 'refused' | summarize count() by innermostMessage, cloud_RoleName\n"
            "traces | where cloud_RoleName == 'worker.py' or cloud_RoleName == 'shop' or customDimensions.paid =~ 'true'\n"
            "customMetrics | extend d = valueSum - prev(valueSum) | summarize max(valueMax) - min(valueMin), max(value)\n",
            [
                (1, 22, "Q008", "resultCode != '2'"),
                (1, 49, "Q008", "resultCode) in (13"),
                (2, 32, "Q009", "customDimensions['db.statement']"),
                (3, 20, "Q010", "outerMessage has"),
                (3, 67, "Q010", "by innermostMessage"),
                (4, 16, "Q011", "cloud_RoleName == 'worker.py"),
                (5, 39, "Q012", "prev(valueSum"),
                (5, 66, "Q012", "max(valueMax) - min(valueMin)"),
            ],
            id="other columns",
        ),
        pytest.param(
            "dashboard.json",
            '{"targets": [{"query": "dependencies | where resultCode == \\"2\\" and customDimensions[\\"paid\\"] == \\"true\\""}]}\n',
            [(1, 46, "Q008", 'resultCode == "2"')],
            id="dashboard of Grafana",
        ),
        pytest.param("schema.json", '{"outerMessage": {"type": "string"}, "resultCode": {"key": "resultCode", "x": 2}}\n', [], id="schema"),
        pytest.param("page.yaml", "see: https://opencensus.io/tags and mail@opencensus.trace\n", [], id="addresses"),
        pytest.param("text.yaml", "description: traces with opencensus were here\n", [], id="prose"),
    ],
)
def test_a_file(tmp_path, name, content, uses):
    """A package or dotted name is found at its place, and prose is not."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode())
    assert [(use.line, use.column, use.rule_id, use.symbol) for use in scan([str(tmp_path)]).uses] == uses


def test_the_setting_for_extensions_counts_beside_opencensus(tmp_path):
    """The setting of Azure Functions is reported where the code uses OpenCensus, and only there."""
    (tmp_path / "local.settings.json").write_text('{"PYTHON_ENABLE_WORKER_EXTENSIONS": "1"}', encoding="utf-8")
    assert scan([str(tmp_path)]).uses == []
    (tmp_path / "requirements.txt").write_text("opencensus-extension-azure-functions\n", encoding="utf-8")
    assert [use.rule_id for use in scan([str(tmp_path)]).uses] == ["R002", "R001"]


def test_a_notebook(tmp_path):
    """A use in a notebook has its cell and the line in it; names go from cell to cell, and a broken cell breaks no other."""
    cells = [
        {"cell_type": "markdown", "source": ["opencensus\n"]},
        {"cell_type": "code", "source": ["%pip install opencensus-ext-azure\n", "from opencensus.trace.tracer import Tracer\n"]},
        {"cell_type": "code", "source": "# opencensus\ndef broken(:\n"},
        {"cell_type": "code", "source": ["%%bash\n", "opencensus\n"]},
        {"cell_type": "code", "source": "\ntracer = Tracer()\ntracer.finish()"},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert [(use.cell, use.line, use.column, use.rule_id) for use in scan([str(tmp_path)]).uses] == [
        (2, 1, 14, "R001"),
        (2, 2, 37, "I001"),
        (3, 1, 1, "F001"),
        (5, 2, 10, "T001"),
        (5, 3, 1, "T014"),
    ]


@pytest.mark.parametrize("content", ["opencensus", '["opencensus"]', '{"cells": "opencensus"}', "[" * 100_000 + "opencensus"])
def test_no_notebook(tmp_path, content):
    """A file that is no notebook is told."""
    (tmp_path / "a.ipynb").write_text(content, encoding="utf-8")
    assert [problem.reason.partition(":")[0] for problem in scan([str(tmp_path)]).problems] == ["no notebook"]


def test_no_key_is_shown(tmp_path):
    """Keys in the source are not in the report."""
    key = "01234567-89ab-cdef-0123-456789abcdef"
    (tmp_path / "a.py").write_text(
        "from opencensus.ext.azure.trace_exporter import AzureExporter\n"
        f"AzureExporter(connection_string='InstrumentationKey={key}')\nAzureExporter(instrumentation_key='{key}')\n",
        encoding="utf-8",
    )
    (tmp_path / "b.py").write_text("from opencensus.metrics.label_key import LabelKey\nLabelKey(key=description)\n", encoding="utf-8")
    shown = [use.text for use in scan([str(tmp_path)]).uses]
    assert "LabelKey(key=description)" in shown[-1]
    assert len(shown) == 7
    assert not any("456789abcdef" in text for text in shown)
    assert any("<key>" in text for text in shown)
