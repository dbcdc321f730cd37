"""Real environments for the import tests: a fresh venv per test, our wheel built once, the real packages taken from a legacy venv.

Nothing here needs the network: the real wheels are packed again from the files that the legacy environment's RECORDs list, and what
our package depends on is lent from the environment that runs the tests, through PYTHONPATH.
"""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

REPOSITORY = Path(__file__).resolve().parents[2]
REAL_PACKAGES = ("opencensus", "opencensus-context", "opencensus-ext-azure")
INTEGRATION = "opencensus-ext-zipkin"


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Run a program and return what it printed; fail the test with its error text when it does not succeed or complains."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OPENCENSUS_", "PIP_"))}
    environment = {
        **inherited,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_CACHE_DIR": "1",  # pip warns of a home that it may not write to
        **(environment or {}),
    }
    done = subprocess.run([str(word) for word in command], env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Environment:
    """A venv of its own."""

    folder: Path
    first_installs: dict[tuple[Path, ...], Environment]
    """By wheels: an environment that pip has installed them into, and nothing else since."""

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """The folder that pip installs into."""
        return Path(sysconfig.get_path("purelib", "posix_prefix", {"base": str(self.folder)}))

    def pip(self, *arguments: str | Path) -> str:
        """Run pip on it."""
        return run([sys.executable, "-m", "pip", "--quiet", "--python", self.python, *arguments])

    def install(self, *wheels: Path) -> None:
        """Install wheels as they are, again if they are there already.

        Into an empty environment pip installs the same wheels once in a session; the next gets a copy of what pip wrote.
        """
        is_first = not any(self.site_packages.iterdir())
        if is_first and wheels in self.first_installs:
            self._copy(self.first_installs[wheels])
            return
        self.pip("install", "--no-deps", "--no-compile", "--force-reinstall", *wheels)
        if is_first:
            kept = _new_environment(self.folder.with_name("first_install"), {})
            kept._copy(self)
            self.first_installs[wheels] = kept

    def _copy(self, other: Environment) -> None:
        """Get what is installed in another environment; scripts name the interpreter."""
        shutil.copytree(other.site_packages, self.site_packages, symlinks=True, dirs_exist_ok=True)
        for script in set(os.listdir(other.python.parent)).difference(os.listdir(self.python.parent)):
            path = self.python.with_name(script)
            shutil.copy2(other.python.with_name(script), path)
            path.write_text(path.read_text("utf-8").replace(str(other.folder), str(self.folder)), "utf-8")

    def uninstall(self, *names: str) -> None:
        """Uninstall distributions."""
        self.pip("uninstall", "--yes", *names)

    def execute(self, code: str, *flags: str, variables: Mapping[str, str] | None = None, lend: bool = True) -> str:
        """Run ``code``, warnings being errors, and return what it printed.

        Args:
            code: Python source.
            flags: Options of the interpreter.
            variables: Environment variables.
            lend: Whether what our package depends on is on PYTHONPATH.
        """
        variables = dict(variables or {})
        if lend:
            variables["PYTHONPATH"] = os.pathsep.join(filter(None, [variables.get("PYTHONPATH"), sysconfig.get_path("purelib")]))
        return run([self.python, "-W", "error", *flags, "-c", code], variables).strip()

    def files(self) -> dict[str, str]:
        """Return path -> digest of everything installed."""
        return {
            str(path.relative_to(self.site_packages)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.site_packages.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def environment(tmp_path: Path, first_installs: dict[tuple[Path, ...], Environment]) -> Environment:
    """An empty environment."""
    return _new_environment(tmp_path / "venv", first_installs)


@pytest.fixture(scope="session")
def first_installs() -> dict[tuple[Path, ...], Environment]:
    """What environments keep of their first install, for the next that gets the same."""
    return {}


@pytest.fixture(scope="session")
def installed(
    tmp_path_factory: pytest.TempPathFactory, our_wheel: Path, first_installs: dict[tuple[Path, ...], Environment]
) -> Environment:
    """An environment with our wheel and nothing else; tests do not change it."""
    environment = _new_environment(tmp_path_factory.mktemp("installed") / "venv", first_installs)
    environment.install(our_wheel)
    return environment


@pytest.fixture(scope="session")
def our_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our wheel."""
    return _build(tmp_path_factory.mktemp("wheel"), "build_wheel")


@pytest.fixture(scope="session")
def our_editable_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``pip install -e .`` builds and installs."""
    return _build(tmp_path_factory.mktemp("editable"), "build_editable")


@pytest.fixture(scope="session")
def real_wheels(tmp_path_factory: pytest.TempPathFactory, legacy_wheel: Callable[[str, Path], Path]) -> list[Path]:
    """Wheels of the real SDK and its Azure exporter."""
    folder = tmp_path_factory.mktemp("real")
    return [legacy_wheel(name, folder) for name in REAL_PACKAGES]


@pytest.fixture(scope="session")
def integration_wheel(tmp_path_factory: pytest.TempPathFactory, legacy_wheel: Callable[[str, Path], Path]) -> Path:
    """Wheel of a real integration that we do not replace."""
    return legacy_wheel(INTEGRATION, tmp_path_factory.mktemp("integration"))


@pytest.fixture(scope="session")
def legacy_wheel(legacy_python: str | Path) -> Callable[[str, Path], Path]:
    """A function ``(distribution, folder) -> wheel`` that packs an installed distribution of the legacy environment again."""
    site_packages = Path(run([legacy_python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())

    def pack(name: str, folder: Path) -> Path:
        (info,) = site_packages.glob(f"{name.replace('-', '_')}-[0-9]*.dist-info")
        wheel = folder / f"{info.stem}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for path in _wheel_members(info):
                archive.write(site_packages / path, path)
        return wheel

    return pack


def _wheel_members(info: Path) -> Iterator[str]:
    """Yield the files of an installed distribution without those that the installer added."""
    with (info / "RECORD").open(newline="") as record:
        for path, *_ in csv.reader(record):
            if "__pycache__" not in path and Path(path).name not in {"INSTALLER", "REQUESTED", "direct_url.json"}:
                yield path


def _new_environment(folder: Path, first_installs: dict[tuple[Path, ...], Environment]) -> Environment:
    venv.create(folder, with_pip=False, symlinks=True)
    return Environment(folder, first_installs)


def _build(folder: Path, hook: str) -> Path:
    """Call a hook of our build back end in a process of its own, as pip does."""
    code = f"import sys; from hatchling.build import {hook} as build; print(build(sys.argv[1]))"
    return folder / run([sys.executable, "-c", code, folder], cwd=REPOSITORY).strip()
