"""What the distribution is made of."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile

from opencensus_compat.scan.rules import RULES


def test_wheel_installs_two_packages_and_one_path_file(our_wheel):
    """The wheel's top level is our two packages, one ``.pth`` and its own metadata: nothing under ``opencensus``."""
    with zipfile.ZipFile(our_wheel) as archive:
        top = {name.partition("/")[0] for name in archive.namelist()}
    assert top == {"opencensus_compat", "appinsights_exporter", "census_compat.pth", "census_compat-0.1.0.dist-info"}


def test_wheel_has_markers_licence_and_no_left_overs(our_wheel):
    """Both packages are marked as typed, the licence is there, and compiled files are not."""
    with zipfile.ZipFile(our_wheel) as archive:
        names = set(archive.namelist())
    assert {
        "opencensus_compat/py.typed",
        "appinsights_exporter/py.typed",
        "census_compat-0.1.0.dist-info/licenses/LICENSE",
        "opencensus_compat/_run/sitecustomize.py",
        "opencensus_compat/local/start/retired_sdk.py",
        "opencensus_compat/local/start/sitecustomize.py",
    } <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_wheel_has_the_programs_that_explain_rules(our_wheel):
    """Each rule's programs are in the wheel, so that ``rewrite --explain`` shows them where the repository is not."""
    with zipfile.ZipFile(our_wheel) as archive:
        shipped = {
            name.split("/")[3].removesuffix(".py") for name in archive.namelist() if name.startswith("opencensus_compat/rewrite/pairs/")
        }
    assert shipped == {f"{name}.{side}" for rule in RULES for name in rule.pair.split() for side in ("before", "after")}


def test_an_installed_command_explains_rules(installed):
    """The command of an installed wheel shows a form before and after, of a program of several files, too."""
    shown = installed.execute("import sys; from opencensus_compat._cli import main; sys.exit(main(['rewrite', '--explain', 'I007']))")
    assert "before (I007_names_of_another_module)" in shown
    assert "    # telemetry.py\n    from appinsights_exporter import configure" in shown


def test_an_installed_command_shows_the_guide(installed):
    """The pages are in the wheel: the command of an installed one shows a row of ``differences.md``."""
    shown = installed.execute(
        "import sys; from opencensus_compat._cli import main; sys.exit(main(['guide', 'differences', 'sdk-version']))"
    )
    assert shown.startswith("### sdk-version\n- Retired SDK: ")


def test_dependencies_are_few_and_wide(our_wheel):
    """The hard dependencies are the six that the design names, none of them pinned."""
    with zipfile.ZipFile(our_wheel) as archive:
        metadata = archive.read("census_compat-0.1.0.dist-info/METADATA").decode()
    lines = [line.removeprefix("Requires-Dist: ") for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    assert sorted(line for line in lines if "extra ==" not in line) == [
        "azure-identity<2,>=1.5",
        "opentelemetry-api<2,>=1.28",
        "opentelemetry-sdk<2,>=1.28",
        "orjson<4,>=3.8",
        "psutil>=5.6.3",
        "requests<3,>=2.20",
    ]


def test_source_distribution_builds_the_same_wheel(our_wheel, tmp_path, request):
    """A wheel built from the source distribution has the files of the one built from the repository."""
    hatch = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run([*hatch, "-t", "sdist"], cwd=request.config.rootpath, check=True, capture_output=True)
    with tarfile.open(tmp_path / "census_compat-0.1.0.tar.gz") as archive:
        archive.extractall(tmp_path / "unpacked", **({"filter": "data"} if sys.version_info >= (3, 12) else {}))
    subprocess.run([*hatch, "-t", "wheel"], cwd=tmp_path / "unpacked" / "census_compat-0.1.0", check=True, capture_output=True)
    with zipfile.ZipFile(our_wheel) as ours, zipfile.ZipFile(tmp_path / our_wheel.name) as again:
        assert sorted(ours.namelist()) == sorted(again.namelist())
