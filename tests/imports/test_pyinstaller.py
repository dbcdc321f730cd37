"""What a wheel of ours tells PyInstaller. `make packed` freezes programs with it."""

from __future__ import annotations

import json
import re
import runpy
import sys
import types
import zipfile
from importlib import util
from pathlib import Path

import pytest

import appinsights_exporter
import opencensus_compat
from opencensus_compat import _pyinstaller

FOLDER = Path(_pyinstaller.hook_dirs()[0])


def test_the_wheel_brings_the_hooks(our_wheel):
    """The wheel has the entry point that PyInstaller looks for, and all files of the folder that it names."""
    with zipfile.ZipFile(our_wheel) as wheel:
        names = set(wheel.namelist())
        (entry_points,) = (wheel.read(name).decode() for name in names if name.endswith("/entry_points.txt"))
    assert re.search(r"^\[pyinstaller40\]\nhook-dirs = opencensus_compat._pyinstaller:hook_dirs$", entry_points, re.MULTILINE)
    files = {path.relative_to(FOLDER.parents[1]).as_posix() for path in FOLDER.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert len(files) == 6
    assert files <= names


@pytest.mark.parametrize("package", [opencensus_compat, appinsights_exporter])
def test_all_modules_are_collected(package):
    """Every module is, also those that nothing imports by a statement, and nothing is that is no module."""
    found = set(_pyinstaller.modules(package.__name__))
    folder = Path(package.__file__).parent
    files = {path for path in folder.rglob("*.py") if not {"_run", "_pyinstaller"} & {*path.relative_to(folder).parts}}
    ours = {name for name in found if name.partition(".")[0] == package.__name__}
    assert {util.find_spec(name).origin for name in ours} == set(map(str, files))
    assert all(util.find_spec(name) for name in found - ours)


def test_what_is_imported_by_name_is_collected():
    """Texts given to `import_module` are in the list, for PyInstaller sees statements only."""
    texts = [path.read_text(encoding="utf-8") for path in Path(appinsights_exporter.__file__).parent.rglob("*.py")]
    named = {name for text in texts for name in re.findall(r'(?:import_module|_imported)\("([\w.]+)"\)', text)}
    from appinsights_exporter import _releases

    assert named | {_releases._API[0], _releases._SDK[0]} <= set(_pyinstaller._LOADED_BY_NAME)
    assert len(named) >= 3


def test_metadata_with_entry_points_are_collected():
    """OpenTelemetry finds its context, its samplers and our exporters by metadata of distributions."""
    assert {"census-compat", "opentelemetry-api", "opentelemetry-sdk"} <= set(_pyinstaller.distributions())
    found = _pyinstaller.entry_point_modules()
    assert {"opentelemetry.context.contextvars_context", "appinsights_exporter.sampling", "opencensus_compat.propagators"} <= set(found)


def test_integrations_are_collected_as_files(tmp_path, monkeypatch):
    """Integrations and modules of others on the path are copied where the finder looks for them, without those that we stand in for."""
    for name in (
        "ext/vendor/__init__.py",
        "ext/vendor/data.json",
        "ext/azure/old.py",
        "ext/vendor/__pycache__/x.pyc",
        "common/more.py",
        "trace/tracer.py",
    ):
        path = tmp_path / "opencensus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "from __future__ import annotations\nimport opencensus.trace, wave\nfrom colorsys import hls_to_rgb\nfrom . import x\n"
        )
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    found = _pyinstaller.integrations()
    assert sorted((Path(file).name, Path(folder).as_posix()) for file, folder in found) == [
        ("__init__.py", "opencensus/ext/vendor"),
        ("data.json", "opencensus/ext/vendor"),
    ]
    assert _pyinstaller.needed_by(file for file, _ in found) == ["colorsys", "wave"]


@pytest.mark.parametrize("name", ["opencensus_compat", "appinsights_exporter"])
def test_a_hook_names_modules_and_metadata(name, monkeypatch):
    """Each hook runs, and says what to collect by the names that PyInstaller reads."""
    hooks = types.ModuleType("PyInstaller.utils.hooks")
    hooks.copy_metadata = lambda distribution: [(distribution, "metadata")]
    monkeypatch.setitem(sys.modules, "PyInstaller.utils.hooks", hooks)
    said = runpy.run_path(str(FOLDER / f"hook-{name}.py"))
    assert {f"{name}.__main__" if name == "opencensus_compat" else f"{name}.exporters", "requests"} <= set(said["hiddenimports"])
    assert ("census-compat", "metadata") in said["datas"]


def test_opencensus_is_an_alias():
    """Before PyInstaller looks for `opencensus`, it hears that the name is one of ours."""
    aliases = []
    api = types.SimpleNamespace(add_alias_module=lambda *names: aliases.append(names))
    runpy.run_path(str(FOLDER / "pre_safe_import_module" / "hook-opencensus.py"))["pre_safe_import_module"](api)
    assert aliases == [("opencensus_compat", "opencensus")]


def test_the_runtime_hook_installs_the_finder(installed):
    """A frozen program runs, before its own code, a hook that does what the path file does elsewhere."""
    table = json.loads((FOLDER / "rthooks.dat").read_text(encoding="utf-8"))
    [file] = table["opencensus_compat"]
    hook = installed.site_packages / "opencensus_compat" / "_pyinstaller" / "rthooks" / file
    code = f"import runpy; runpy.run_path({str(hook)!r}); import opencensus.trace; print(opencensus.trace.__name__)"
    assert installed.execute(code, "-S", variables={"PYTHONPATH": str(installed.site_packages)}) == "opencensus_compat.trace"
