"""Files other than Python's: requirements, and logging configurations by name."""

from __future__ import annotations

from importlib import metadata

import pytest

from appinsights_exporter import _sdk_logs
from opencensus_compat import __version__
from opencensus_compat.rewrite import texts
from opencensus_compat.rewrite.edits import apply
from opencensus_compat.rewrite.rewriting import Options, rewrite
from opencensus_compat.rewrite.texts import requirements

HANDLER = "opencensus.ext.azure.log_exporter.AzureLogHandler"
NEW = "appinsights_exporter.ApplicationInsightsLoggingHandler"
GUID = "11111111-1111-1111-1111-111111111111"
FLASK = "opentelemetry-instrumentation-flask"


def rewritten(path: str, text: str, wanted: tuple[str, ...] = ()) -> str:
    """Return a file after its changes, each of which is applied; a second run must change nothing."""
    changes, _ = texts.changes(path, text.encode(), wanted)
    after = apply(text.encode(), [edit for change in changes for part in change.parts for edit in part.edits])
    lacking = [name for name in wanted if name not in texts.required(path, after)]
    assert path.startswith("constraints") or texts.changes(path, after, lacking)[0] == []
    return after.decode()


def reasons(path: str, text: str) -> list[tuple[int, str, str]]:
    """Return what stays in a file that nothing changes: line, rule and name."""
    changes, left = texts.changes(path, text.encode())
    assert changes == []
    assert all(one.reason for one in left)
    return [(one.line, one.rule, one.symbol) for one in left]


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        pytest.param("requirements.txt", "flask\nopencensus-ext-azure\n", "flask\ncensus-compat\n", id="without a version"),
        pytest.param("requirements/base.txt", "opencensus-ext-azure", "census-compat", id="without an end of line"),
        pytest.param(
            "requirements.in",
            "# traces\r\nopencensus==0.11.4\r\nflask==3\r\nopencensus-ext-azure[x] ~= 1.1 ; python_version > '3' # pinned\r\n",
            "# traces\r\ncensus-compat==VERSION\r\nflask==3\r\n",
            id="pinned, CRLF",
        ),
        pytest.param(
            "requirements.txt",
            "opencensus-ext-azure>=1.0,<2 ; python_version > '3.7'  # telemetry\n",
            "census-compat>=VERSION ; python_version > '3.7'  # telemetry\n",
            id="range, marker, comment",
        ),
        pytest.param("requirements.txt", "opencensus-ext-azure @ git+https://host/x@main\n", "census-compat\n", id="address"),
        pytest.param(
            "requirements.txt",
            "census-compat\nOpenCensus_Ext_Flask~=0.8 \\\n    --no-binary x\nflask\n",
            "census-compat\nflask\n",
            id="already there, continued line",
        ),
        pytest.param("constraints.txt", "flask==3\nopencensus-ext-azure==1.1.9\n", "flask==3\n", id="constraints"),
        pytest.param("requirements.txt", "my-opencensus==1\nopencensus-tools\n", "my-opencensus==1\nopencensus-tools\n", id="others"),
        pytest.param("requirements.txt", "# é\nopencensus~=0.11 # ü\n", "# é\ncensus-compat~=VERSION # ü\n", id="not ASCII"),
        pytest.param(
            "pyproject.toml",
            '[project]\ndependencies = [\n    "opencensus-ext-azure>=1.1", # why\n    "opencensus",\n    "flask",\n]\n',
            '[project]\ndependencies = [\n    "census-compat>=VERSION", # why\n    "flask",\n]\n',
            id="array over lines",
        ),
        pytest.param(
            "pyproject.toml",
            '[project.optional-dependencies]\na = ["opencensus", "x"]\nb = ["x", "opencensus"]\nc = ["opencensus", "y", "opencensus-ext-azure"]\n',
            '[project.optional-dependencies]\na = ["census-compat", "x"]\nb = ["x", "census-compat"]\nc = ["census-compat", "y"]\n',
            id="arrays on a line",
        ),
        pytest.param(
            "pyproject.toml",
            "[tool.poetry.group.dev.dependencies]\nopencensus = '^0.11'\n"
            '[tool.poetry.dependencies]\npython = "^3.10"\nopencensus-ext-azure = {version = "~1.1", extras = ["x"], optional = true}\nopencensus = "*"\n',
            "[tool.poetry.group.dev.dependencies]\ncensus-compat = '^VERSION'\n"
            '[tool.poetry.dependencies]\npython = "^3.10"\ncensus-compat = {version = "~VERSION", optional = true}\n',
            id="poetry",
        ),
        pytest.param(
            "pyproject.toml",
            'a = ["census-compat", "opencensus", "opencensus-ext-azure"]\nb = ["opencensus", "census-compat"]\n',
            'a = ["census-compat", ]\nb = ["census-compat"]\n',
            id="neighbours that go",
        ),
        pytest.param(
            "pyproject.toml", '[tool.mypy]\nopencensus = "x"\n', '[tool.mypy]\nopencensus = "x"\n', id="a key that is no requirement"
        ),
        pytest.param(
            "pyproject.toml",
            '[tool.ruff.lint]\nbanned-module-level-imports = ["pandas", "opencensus"]\n[tool.uv]\ndev-dependencies = ["opencensus"]\n',
            '[tool.ruff.lint]\nbanned-module-level-imports = ["pandas", "opencensus"]\n[tool.uv]\ndev-dependencies = ["census-compat"]\n',
            id="names of modules in the table of a linter",
        ),
        pytest.param(
            "Pipfile",
            '[packages]\nopencensus = "*"\nopencensus-ext-azure = "==1.1"\n[dev-packages]\nopencensus-ext-azure = "==1.1"\n',
            '[packages]\ncensus-compat = "*"\n[dev-packages]\ncensus-compat = "==VERSION"\n',
            id="Pipfile",
        ),
        pytest.param(
            "setup.cfg",
            "[options]\ninstall_requires =\n    opencensus-ext-azure>=1\n    opencensus\n    flask\n[options.extras_require]\nazure = opencensus-ext-azure\n",
            "[options]\ninstall_requires =\n    census-compat>=VERSION\n    flask\n[options.extras_require]\nazure = census-compat\n",
            id="setup.cfg",
        ),
        pytest.param("tox.ini", "[testenv]\ndeps = opencensus\n    pytest\n", "[testenv]\ndeps = census-compat\n    pytest\n", id="tox"),
        pytest.param(
            "environment.yml",
            "dependencies:\n  - python=3.11\n  - pip:\n    - opencensus-ext-azure==1.1.0\n    - 'opencensus'\n    - flask\n",
            "dependencies:\n  - python=3.11\n  - pip:\n    - census-compat==VERSION\n    - flask\n",
            id="list of pip in an environment of conda",
        ),
        pytest.param(
            ".pre-commit-config.yaml",
            "- additional_dependencies: [opencensus-ext-azure, 'opencensus==1', mypy]\n- additional_dependencies:\n  - opencensus\n",
            "- additional_dependencies: [census-compat, mypy]\n- additional_dependencies:\n  - census-compat\n",
            id="lists in YAML",
        ),
        pytest.param(
            "Dockerfile",
            "RUN pip install flask opencensus-ext-azure==1.1 opencensus && rm x\nRUN pip3 install --no-cache-dir \\\n"
            "    opencensus-ext-azure \\\n    opencensus \\\n    flask\n# pip install opencensus\n"
            "RUN uv pip install 'opencensus>=0.11' \"opencensus-ext-azure\"\nLABEL a=opencensus-ext-azure\n",
            "RUN pip install flask census-compat==VERSION && rm x\nRUN pip3 install --no-cache-dir \\\n"
            "    census-compat \\\n    flask\n# pip install opencensus\n"
            "RUN uv pip install 'census-compat>=VERSION'\nLABEL a=opencensus-ext-azure\n",
            id="commands of an image",
        ),
        pytest.param(
            "azure-pipelines.yml",
            "- script: pip install opencensus-ext-azure\n- script: |\n    pip install opencensus flask\n",
            "- script: pip install census-compat\n- script: |\n    pip install census-compat flask\n",
            id="commands of a pipeline",
        ),
        pytest.param(
            "devcontainer.json",
            '{"postCreateCommand": "pip install opencensus-ext-azure flask"}',
            '{"postCreateCommand": "pip install census-compat flask"}',
            id="a command in JSON",
        ),
    ],
)
def test_requirements(path, before, after):
    """What census-compat stands for, becomes it, once in each list, and the rest of the file stays."""
    assert rewritten(path, before) == after.replace("VERSION", __version__)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        pytest.param("requirements.txt", "opencensus\nflask", f"census-compat\n{FLASK}\nflask", id="line"),
        pytest.param("requirements.txt", "opencensus==0.11", f"census-compat==VERSION\n{FLASK}>=0.49b0", id="pinned line at the end"),
        pytest.param(
            "pyproject.toml",
            'dependencies = [\n  "opencensus",\n]\n',
            f'dependencies = [\n  "census-compat",\n  "{FLASK}",\n]\n',
            id="array",
        ),
        pytest.param("pyproject.toml", "a = ['opencensus']\n", f"a = ['census-compat', '{FLASK}']\n", id="array on a line"),
        pytest.param("Pipfile", '[packages]\nopencensus = "*"\n', f'[packages]\ncensus-compat = "*"\n{FLASK} = "*"\n', id="Pipfile"),
        pytest.param(
            "setup.cfg",
            "[options]\ninstall_requires =\n    opencensus>1\n",
            f"[options]\ninstall_requires =\n    census-compat>=VERSION\n    {FLASK}>=0.49b0\n",
            id="setup.cfg",
        ),
        pytest.param(
            "Dockerfile", "RUN pip install opencensus==1 x\n", f"RUN pip install census-compat==VERSION '{FLASK}>=0.49b0' x\n", id="command"
        ),
        pytest.param(
            "Dockerfile",
            "RUN pip install \\\n  opencensus \\\n  x\n",
            f"RUN pip install \\\n  census-compat \\\n  {FLASK} \\\n  x\n",
            id="command over lines",
        ),
        pytest.param("requirements.txt", "census-compat\n", f"census-compat\n{FLASK}\n", id="where census-compat is there"),
        pytest.param(
            "Dockerfile",
            "FROM a\nRUN pip install opencensus\n# why\nRUN pip install -U opencensus-ext-azure x\nRUN pip install \\\n  opencensus-ext-flask\n"
            "RUN pip3 install opencensus\nRUN pip install opencensus-ext-azure && rm y\nFROM b\nRUN pip install opencensus\n",
            f"FROM a\nRUN pip install census-compat {FLASK}\n# why\nRUN pip install -U x\n"
            f"RUN pip3 install census-compat {FLASK}\nRUN pip install census-compat {FLASK} && rm y\nFROM b\nRUN pip install census-compat {FLASK}\n",
            id="lines of a stage of an image",
        ),
        pytest.param("constraints.txt", "opencensus==1\n", "", id="not in constraints"),
    ],
)
def test_instrumentations(path, before, after):
    """The instrumentations that the code imports are added, in the form of the requirement beside which they stand."""
    assert rewritten(path, before, (FLASK,)) == after.replace("VERSION", __version__)


@pytest.mark.parametrize(
    ("path", "text", "left"),
    [
        pytest.param("poetry.lock", '[[package]]\nname = "opencensus"\n', [(2, "R001", "opencensus")], id="lock file"),
        pytest.param(
            "requirements.txt",
            "#\n# This file is autogenerated by pip-compile\n#\nopencensus==0.11.4\n    # via opencensus-ext-azure\n",
            [(4, "R001", "opencensus")],
            id="compiled",
        ),
        pytest.param("requirements.txt", "opencensus==0.11.4 \\\n    --hash=sha256:00\n", [(1, "R001", "opencensus")], id="with hashes"),
        pytest.param("requirements.txt", "opencensus-ext-jaeger\n", [(1, "R001", "opencensus-ext-jaeger")], id="another maker's exporter"),
        pytest.param("environment.yml", "dependencies:\n  - opencensus=0.7\n", [(2, "R001", "opencensus")], id="list of conda"),
        pytest.param(
            "logging.yaml",
            f"handlers:\n  a:\n    class: {HANDLER}\n    grace_period: 1\n",
            [(3, "N003", "ext.azure.log_exporter.AzureLogHandler")],
            id="handler with another option",
        ),
        pytest.param(
            "logging.yaml",
            f"handlers:\n  a:\n    instrumentation_key: ext://shop.KEY\n    class: {HANDLER}\n",
            [(4, "N003", "ext.azure.log_exporter.AzureLogHandler")],
            id="key from elsewhere",
        ),
        pytest.param(
            "logging.ini",
            f"[handler_a]\nclass={HANDLER}\nargs=('x',)\n",
            [(2, "N003", "ext.azure.log_exporter.AzureLogHandler")],
            id="by place",
        ),
    ],
)
def test_what_stays(path, text, left):
    """What a tool makes, what other packages need and what has no counterpart stays, with the reason."""
    assert reasons(path, text) == left


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        pytest.param(
            "logging.yaml",
            f"handlers:\n  a:\n    # the key\n    level: INFO\n    class: {HANDLER}  # why\n    connection_string: 'x'\n  b:\n    storage_path: x\n",
            f"handlers:\n  a:\n    # the key\n    level: INFO\n    class: {NEW}  # why\n    connection_string: 'x'\n  b:\n    storage_path: x\n",
            id="YAML",
        ),
        pytest.param(
            "logging.yml",
            f"handlers:\n- instrumentation_key: '{GUID}'\n  class: '{HANDLER}'\n- {{instrumentation_key: ${{KEY}}, class: {HANDLER}}}\n",
            f"handlers:\n- connection_string: 'InstrumentationKey={GUID}'\n  class: '{NEW}'\n- {{connection_string: InstrumentationKey=${{KEY}}, class: {NEW}}}\n",
            id="key in YAML",
        ),
        pytest.param(
            "logging.yaml",
            "loggers:\n  opencensus.ext.azure.common.transport:\n    level: ERROR\n  opencensus.ext.zipkin: {}\n  opencensus: {level: INFO}\n",
            "loggers:\n  appinsights_exporter:\n    level: ERROR\n  opencensus.ext.zipkin: {}\n  opentelemetry: {level: INFO}\n",
            id="loggers in YAML",
        ),
        pytest.param(
            "logging.json",
            f'{{"handlers": {{"a": {{"class": "{HANDLER}", "filters": ["x"], "instrumentation_key": "{GUID}"}}}}, "loggers": {{"opencensus.ext.azure": {{}}}}}}',
            f'{{"handlers": {{"a": {{"class": "{NEW}", "filters": ["x"], "connection_string": "InstrumentationKey={GUID}"}}}}, "loggers": {{"appinsights_exporter": {{}}}}}}',
            id="JSON",
        ),
        pytest.param(
            "logging.yaml",
            "handlers:\n  a:\n    class: opencensus.ext.azure.log_exporter.AzureEventHandler\n    enable_local_storage: false\n"
            "    storage_path: /x\n    export_interval: 2.5  # seconds\n    queue_capacity: 9\n",
            "handlers:\n  a:\n    class: appinsights_exporter.ApplicationInsightsEventHandler\n    disable_offline_storage: true\n"
            "    storage_directory: /x\n    export_interval_millis: 2500  # seconds\n    queue_capacity: 9\n",
            id="options, and events",
        ),
        pytest.param(
            "logging.toml",
            f'[handlers.a]\n"()" = "{HANDLER}"\ninstrumentation_key = "{GUID}"\n[handlers.b]\nclass = "x"\ngrace_period = 3\n',
            f'[handlers.a]\n"()" = "{NEW}"\nconnection_string = "InstrumentationKey={GUID}"\n[handlers.b]\nclass = "x"\ngrace_period = 3\n',
            id="TOML",
        ),
        pytest.param(
            "logging.ini",
            f"[handler_a]\nclass = {HANDLER}\nargs = ()\nkwargs = {{'instrumentation_key': '{GUID}'}}\n[logger_b]\nqualname=opencensus.ext.azure\n",
            f"[handler_a]\nclass = {NEW}\nargs = ()\nkwargs = {{'connection_string': 'InstrumentationKey={GUID}'}}\n[logger_b]\nqualname=appinsights_exporter\n",
            id="INI",
        ),
    ],
)
def test_logging_configurations(path, before, after):
    """A handler becomes that of the native exporter, with its key as a connection string; loggers become this package's."""
    assert rewritten(path, before) == after


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("Dockerfile", "# why\nFROM python:3.8-slim AS a\nRUN pip install -r requirements.txt\n", 2),
        ("Dockerfile.dev", "FROM mcr.microsoft.com/azure-functions/python:4-python3.9\n", 1),
        ("Dockerfile", "FROM python:3.10\nFROM python\n", 0),
        ("Pipfile", "[requires]\npython_version = '3.7'\n", 2),
        ("pyproject.toml", "[project]\nrequires-python = '>=3.9,<4'\n", 2),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.8"\n', 2),
        ("pyproject.toml", '[project]\nrequires-python = ">=3.11"\n', 0),
        ("setup.cfg", "[options]\npython_requires = >= 3.6\n", 2),
        ("environment.yaml", "dependencies:\n  - python=3.7.9\n", 2),
    ],
)
def test_a_python_that_is_too_old(tmp_path, path, text, line):
    """Where a file beside a requirement of census-compat is for a Python before 3.10, the report names the line, in each run."""
    (tmp_path / "requirements.txt").write_text("opencensus\n")
    (tmp_path / path).write_text(text)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / path).write_text(text)
    for _ in range(2):
        result = rewrite([str(tmp_path)])
        left = [(one.path, one.line, one.text.split(":")[0]) for one in result.left]
        assert left == ([(str(tmp_path / path), line, "census-compat takes Python 3.10 or newer")] if line else [])
        for name, data in result.after.items():
            with open(name, "wb") as file:
                file.write(data)


def test_the_oldest_python():
    """What the report says of Python is what our package says."""
    assert metadata.metadata("census-compat")["Requires-Python"] == ">=" + ".".join(map(str, requirements.OLDEST_PYTHON))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("RUN pip install -U opencensus-ext-ocagent\n", "RUN pip install -U census-compat\n"),
        ("RUN pip install flask opencensus-ext-ocagent && rm x\n", "RUN pip install flask && rm x\n"),
        ("RUN pip install opencensus\nRUN pip install opencensus-ext-ocagent\n", "RUN pip install census-compat\n"),
    ],
)
def test_a_command_that_would_install_nothing(tmp_path, before, after):
    """A command whose last package goes installs census-compat, for it fails without one."""
    (tmp_path / "app.py").write_text("import flask\n")
    (tmp_path / "Dockerfile").write_text(before)
    assert rewrite([str(tmp_path)]).after[str(tmp_path / "Dockerfile")].decode() == after


def test_changes_of_one_list_belong_together():
    """The requirement that comes and those that go are one change."""
    changes, _ = texts.changes("requirements.txt", b"opencensus\nopencensus-ext-azure\n", [FLASK])
    assert [[(part.rule, part.line, part.symbol) for part in change.parts] for change in changes] == [
        [("R001", 1, "opencensus"), ("R001", 2, FLASK), ("R001", 2, "opencensus-ext-azure")]
    ]


def test_what_the_code_imports():
    """Instrumentations are known by the imports of the code, and what a file requires by its lines."""
    assert texts.needed([b"x = 1\nfrom opentelemetry.instrumentation.flask import FlaskInstrumentor\n", b"import flask\n"]) == {FLASK}
    assert texts.needed([b"# configure(instrumentations=['flask'])\nimport appinsights_exporter\n"]) == set()
    assert texts.needed([b"from opentelemetry.instrumentation.instrumentor import BaseInstrumentor\n"]) == set()
    assert texts.required("requirements.txt", b"Flask>=3\nopentelemetry_instrumentation.flask\n") == {"flask", FLASK}
    assert texts.required("poetry.lock", b'name = "flask"\n') == set()


def test_what_a_file_without_opencensus_requires(tmp_path):
    """An instrumentation that another file asks for is not asked for once more, nor what code without OpenCensus has of its own."""
    (tmp_path / "app.py").write_text("import opencensus\nfrom opentelemetry.instrumentation.flask import FlaskInstrumentor\n")
    (tmp_path / "Pipfile").write_text(f'[packages]\n{FLASK} = "*"\n')
    (tmp_path / "requirements.txt").write_text("opencensus\n")
    assert rewrite([str(tmp_path)]).after[str(tmp_path / "requirements.txt")] == b"census-compat\n"
    (tmp_path / "Pipfile").unlink()
    assert rewrite([str(tmp_path)]).after[str(tmp_path / "requirements.txt")] == f"census-compat\n{FLASK}\n".encode()
    (tmp_path / "app.py").write_text("from opentelemetry.instrumentation.flask import FlaskInstrumentor\n")
    assert rewrite([str(tmp_path)]).after[str(tmp_path / "requirements.txt")] == b"census-compat\n"


@pytest.mark.parametrize(
    ("code", "settings", "stays"),
    [
        ("import flask\n", "", False),
        ("from opencensus.ext.ocagent import trace_exporter\nprint(trace_exporter)\n", "", True),
        ("from opencensus.ext import azure, ocagent\nprint(azure, ocagent)\n", "", True),
        ("import flask\n", "[handler_a]\nclass = opencensus.ext.ocagent.Handler\n", True),
        (None, "", True),
    ],
)
def test_an_exporter_of_another_maker_that_nothing_names(tmp_path, code, settings, stays):
    """Its requirement goes, where code and settings name no module of it."""
    (tmp_path / "requirements.txt").write_text("django\nopencensus-ext-ocagent>=0.4\nopencensus-ext-azure\n")
    (tmp_path / "logging.ini").write_text(settings)
    if code is not None:
        (tmp_path / "app.py").write_text(code)
    result = rewrite([str(tmp_path)], Options(markers=False))
    after = result.after[str(tmp_path / "requirements.txt")].decode()
    assert after == f"django\n{'opencensus-ext-ocagent>=0.4' + chr(10) if stays else ''}census-compat\n"
    assert [each.text for each in result.left if each.rule == "R001"] == (["goes with the last use of it"] if stays else [])


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        ("requirements.txt", "sqlalchemy==2.1.3\n", True),
        ("requirements.txt", "SQLAlchemy[asyncio]>=2.0\n", True),
        ("requirements.txt", "sqlalchemy\n", True),
        ("requirements.txt", "sqlalchemy~=2.1.0\n", True),
        ("requirements.txt", "sqlalchemy~=2.0.3\n", False),
        ("requirements.txt", "sqlalchemy>=1.4,<2.1\n", False),
        ("requirements.txt", "sqlalchemy==2.0.36\n", False),
        ("requirements.txt", "sqlalchemy<3\n", True),
        ("constraints.txt", "sqlalchemy==2.1.3\n", True),
        ("pyproject.toml", '[tool.poetry.dependencies]\nsqlalchemy = "^2.0"\n', True),
        ("pyproject.toml", '[tool.poetry.dependencies]\nsqlalchemy = "~2.0.3"\n', False),
    ],
)
def test_releases_that_an_instrumentation_refuses(path, text, says):
    """A requirement that allows them is listed, while the code instruments the library."""
    used = {"opentelemetry-instrumentation-sqlalchemy"}
    _, left = texts.changes(path, f"{text}# census-compat\n".encode(), (), used)
    assert [each.symbol for each in left] == (["sqlalchemy"] if says else [])
    assert texts.changes(path, f"{text}# census-compat\n".encode())[1] == []


def test_what_instrumentations_refuse():
    """The table has the limits of the releases that are installed, where those are not of the oldest OpenTelemetry."""
    if not _sdk_logs.KEEPS_MAPPINGS:
        pytest.skip("older instrumentations name other limits")
    for name, (library, limit) in requirements.TAKES_BELOW.items():
        taken = [each for each in metadata.requires(name) if "instruments" in each]
        assert f"{library}<{'.'.join(map(str, limit))}" in taken[0]


def test_an_option_of_another_type_in_an_ini_file():
    """Numbers and truth values of `kwargs` follow, as texts do."""
    before = f"[handler_a]\nclass = {HANDLER}\nargs = ()\nkwargs = {{'export_interval': 3, 'enable_local_storage': False, 'timeout': 5}}\n"
    after = f"[handler_a]\nclass = {NEW}\nargs = ()\nkwargs = {{'export_interval_millis': 3000, 'disable_offline_storage': True, 'timeout': 5}}\n"
    assert rewritten("log.ini", before) == after


def test_an_option_that_code_sets():
    """A handler stays where Python code sets an option, of which the new one has another name, in what it has read."""
    text = f"handlers:\n  azure:\n    class: {HANDLER}\n"
    assert texts.set_by_code([b"cfg['handlers']['azure'][\"instrumentation_key\"] = KEY", b"cfg['connection_string'] = C"]) == {
        "instrumentation_key"
    }
    changes, (left,) = texts.changes("log.yaml", text.encode(), set_later={"instrumentation_key"})
    assert changes == []
    assert "`connection_string`" in left.reason
    assert texts.changes("log.yaml", text.encode(), set_later=())[0]
