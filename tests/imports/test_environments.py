"""Who answers ``import opencensus``, however the real packages and ours came and went."""

from __future__ import annotations

import zipfile

import pytest

WHO = "import opencensus.common.utils; print(opencensus.common.utils.__name__)"
OURS = "opencensus_compat.common.utils"
REAL = "opencensus.common.utils"


@pytest.mark.parametrize(
    ("steps", "answer"),
    [
        pytest.param(["ours"], OURS, id="real packages absent"),
        pytest.param(["real", "ours"], OURS, id="installed over the real ones"),
        pytest.param(["ours", "real"], OURS, id="real ones installed later"),
        pytest.param(["real", "ours", "real"], OURS, id="real ones installed again"),
        pytest.param(["ours", "real", "no real"], OURS, id="real ones uninstalled"),
        pytest.param(["real", "ours", "no ours"], REAL, id="ours uninstalled"),
    ],
)
def test_who_answers(environment, our_wheel, real_wheels, steps, answer):
    """Our modules answer while we are installed, whatever was installed or uninstalled before or after; then the real ones do."""
    actions = {
        "ours": lambda: environment.install(our_wheel),
        "real": lambda: environment.install(*real_wheels),
        "no ours": lambda: environment.uninstall("census-compat"),
        "no real": lambda: environment.uninstall("opencensus", "opencensus-ext-azure", "opencensus-context"),
    }
    for step in steps:
        actions[step]()
    assert environment.execute(WHO) == answer


@pytest.mark.parametrize("ours_first", [True, False])
def test_uninstalling_ours_leaves_the_real_packages_byte_for_byte(environment, our_wheel, real_wheels, ours_first):
    """What stays on disk after we are gone is what the real packages put there, in either order of installation."""
    environment.install(*real_wheels)
    alone = environment.files()
    if ours_first:
        environment.uninstall("opencensus", "opencensus-ext-azure", "opencensus-context")
        environment.install(our_wheel)
        environment.install(*real_wheels)
    else:
        environment.install(our_wheel)
    environment.uninstall("census-compat")
    assert environment.files() == alone


def test_the_documented_clean_up_line_does_not_remove_ours(environment, our_wheel, real_wheels):
    """``pip freeze | grep opencensus | xargs pip uninstall -y`` names the real packages only."""
    environment.install(our_wheel, *real_wheels)
    found = {line.partition(" ")[0] for line in environment.pip("freeze").splitlines() if "opencensus" in line.partition(" ")[0]}
    assert found == {"opencensus", "opencensus-context", "opencensus-ext-azure"}


def test_editable_install(environment, our_editable_wheel, real_wheels):
    """An editable install answers as a wheel does, the real packages being there, and has both packages on the path."""
    environment.install(our_editable_wheel, *real_wheels)
    assert environment.execute(f"{WHO}; import appinsights_exporter") == OURS


def test_target_folder_with_auto(environment, tmp_path, our_wheel, real_wheels):
    """In a ``pip install --target`` folder, where no ``.pth`` is read, ``import opencensus_compat.auto`` switches us on."""
    environment.pip("install", "--no-deps", "--no-compile", "--target", tmp_path / "packages", our_wheel, *real_wheels)
    variables = {"PYTHONPATH": str(tmp_path / "packages")}
    answers = [environment.execute(code, variables=variables) for code in (WHO, f"import opencensus_compat.auto; {WHO}")]
    assert answers == [REAL, OURS]


def test_without_site(installed):
    """``python -S`` reads no ``.pth``; ``import opencensus_compat.auto`` works there too."""
    variables = {"PYTHONPATH": str(installed.site_packages)}
    assert installed.execute(f"import opencensus_compat.auto; {WHO}", "-S", variables=variables) == OURS


def test_disabled_by_the_environment(environment, our_wheel, real_wheels):
    """``OPENCENSUS_COMPAT_DISABLED=1`` gives one process the real packages, even where the program asks for ours."""
    environment.install(our_wheel, *real_wheels)
    variables = {"OPENCENSUS_COMPAT_DISABLED": "1"}
    assert environment.execute(f"import opencensus_compat.auto; {WHO}", variables=variables) == REAL


def test_a_real_integration_runs_on_our_facades(environment, our_wheel, integration_wheel):
    """An integration that we do not have is loaded from disk, and what it inherits from is ours."""
    environment.install(our_wheel, integration_wheel)
    code = """
from opencensus.ext.zipkin import trace_exporter
from opencensus_compat.trace import base_exporter
print(trace_exporter.__name__, issubclass(trace_exporter.ZipkinExporter, base_exporter.Exporter))
"""
    assert environment.execute(code) == "opencensus.ext.zipkin.trace_exporter True"


def test_a_module_that_only_the_real_sdk_has_is_refused_with_the_reason(environment, our_wheel, real_wheels):
    """Half of the real SDK is never mixed with ours: what we lack fails to import, and the message says why and what to do."""
    environment.install(our_wheel, *real_wheels)
    extra = environment.site_packages / "opencensus" / "only_real.py"
    extra.write_text("")
    code = """
try:
    import opencensus.only_real
except ModuleNotFoundError as error:
    print(error.name)
    print(error)
"""
    assert environment.execute(code) == (
        "opencensus.only_real\n"
        "No module named 'opencensus.only_real': census-compat stands in for opencensus here and has no such module. The installed "
        f"distribution has one ({extra}), but the two do not mix; OPENCENSUS_COMPAT_DISABLED=1 gives the real packages."
    )


def test_modules_of_another_distribution_beside_the_real_sdk(environment, our_wheel, real_wheels, tmp_path):
    """What another distribution has installed below the folders of the real SDK is imported; what the real one has installed is not."""
    wheel = tmp_path / "opencensus_correlation-1.0-py3-none-any.whl"
    files = {
        "opencensus/common/correlation/__init__.py": "from opencensus.common import utils\n",
        "opencensus/trace/exporters/foo.py": "",
        "opencensus/ext/azure/company.py": "",
        "opencensus_correlation-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: opencensus-correlation\nVersion: 1.0\n",
        "opencensus_correlation-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr("opencensus_correlation-1.0.dist-info/RECORD", "".join(f"{name},,\n" for name in files))
    environment.install(our_wheel, *real_wheels, wheel)
    (environment.site_packages / "opencensus" / "common" / "of_the_real_one.py").write_text("")
    code = """
import importlib
for name in ("common.correlation", "trace.exporters.foo", "ext.azure.company", "common.of_the_real_one"):
    try:
        print(importlib.import_module("opencensus." + name).__name__)
    except ModuleNotFoundError as error:
        print(error.name, "do not mix" in str(error))
from opencensus.common import correlation
print(correlation.utils.__name__)
"""
    assert environment.execute(code).splitlines() == [
        "opencensus.common.correlation",
        "opencensus.trace.exporters.foo",
        "opencensus.ext.azure.company",
        "opencensus.common.of_the_real_one True",
        OURS,
    ]


LISTED = """
import importlib, pkgutil
def walk(package):
    for found in pkgutil.iter_modules(package.__path__, package.__name__.replace("opencensus_compat", "opencensus") + "."):
        try:
            module = importlib.import_module(found.name)
        except ImportError:
            continue
        print(found.name)
        if found.ispkg:
            walk(module)
walk(importlib.import_module("opencensus"))
"""


def test_no_name_is_new_below_opencensus(installed, real_wheels, built_in):
    """What can be imported below ``opencensus`` is what the real distributions have, and the integrations that we bring."""
    ours = set(installed.execute(LISTED).split())
    files = [
        name.removesuffix(".py").split("/") for wheel in real_wheels for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")
    ]
    real = {".".join(parts).removesuffix(".__init__") for parts in files}
    integrations = ("opencensus.extension", *(f"opencensus.ext.{name}" for name in built_in))
    assert [name for name in sorted(ours - real) if not name.startswith(integrations)] == []
    assert real - ours == {"opencensus", "opencensus.ext.azure.statsbeat.statsbeat_metrics"}


def test_start_imports_only_our_two_files(environment, our_wheel):
    """The interpreter's start loads our package, the finder, and nothing that it would not have loaded with any other ``.pth``."""
    code = "import sys; print(*sorted(sys.modules))"
    (environment.site_packages / "another.pth").write_text("import sys\n")
    before = set(environment.execute(code, lend=False).split())
    environment.install(our_wheel)
    assert set(environment.execute(code, lend=False).split()) - before == {"opencensus_compat", "opencensus_compat._alias"}


def test_a_namespace_path_file_of_an_old_install(environment, our_wheel, real_wheels):
    """A ``-nspkg.pth`` file, read after ours, puts a bare ``opencensus`` root in place; what is below it is ours all the same."""
    environment.install(our_wheel, *real_wheels)
    (environment.site_packages / "opencensus-nspkg.pth").write_text(
        "import os, sys, types; root = sys.modules.setdefault('opencensus', types.ModuleType('opencensus')); "
        "root.__path__ = [os.path.join(sys._getframe(1).f_locals['sitedir'], 'opencensus')]\n"
    )
    assert environment.execute(f"{WHO}; from opencensus.trace import link; print(link.__name__)").split() == [
        OURS,
        "opencensus_compat.trace.link",
    ]


def test_start_after_the_real_packages_were_imported(environment, our_wheel, real_wheels):
    """When an earlier ``.pth`` file has imported the real packages, the interpreter starts with them all the same."""
    environment.install(our_wheel, *real_wheels)
    (environment.site_packages / "a_first.pth").write_text("import opencensus.common.utils\n")
    assert environment.execute(WHO, "-W", "ignore") == REAL


def test_install_after_the_real_packages_were_imported(environment, our_wheel, real_wheels):
    """``install`` says what it found and what to do; at the interpreter's start the same words are a warning."""
    environment.install(our_wheel, *real_wheels)
    code = """
import warnings
import opencensus.common.utils
from opencensus_compat import _alias
try:
    _alias.install()
except RuntimeError as error:
    print(error)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    _alias.install_at_start()
print(*(f"{warning.category.__name__}: {warning.message}" for warning in caught))
"""
    words = (
        "expected no opencensus module to be loaded yet, found 2 of the real SDK, among them 'opencensus.common'; make "
        "`import opencensus_compat.auto` the first import of the program, or start it with `python -m opencensus_compat run -- CMD`"
    )
    printed = environment.execute(code, "-S", variables={"PYTHONPATH": str(environment.site_packages)})
    assert printed.splitlines() == [words, f"RuntimeWarning: census-compat is not active: {words}"]
