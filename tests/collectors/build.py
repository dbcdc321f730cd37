"""Builds an OpenTelemetry Collector of core components from Debian's packages alone, as ``make collectors`` needs it.

``python tests/collectors/build.py .venvs/collectors/otelcol``: debootstrap makes a folder of a Debian suite that has the Collector's
source, the Go compiler in it builds `main.go`, and only the program stays. It takes four minutes and 3 GB, which are given back.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
SUITE = "forky"
"""The first that has the Collector's source, 0.141."""
SCRIPT = "sid"
"""What debootstrap does for it: older releases of debootstrap do not know the suite by name, and for all new ones it is the same."""
PACKAGES = "ca-certificates", "golang-go", "golang-opentelemetry-collector-dev"
_GO = {
    "GO111MODULE": "off",
    "GOPATH": "/usr/share/gocode",
    # Without /proc, the compiler does not find it by itself.
    "GOROOT": "/usr/lib/go",
    "GOCACHE": "/var/cache/go",
    "HOME": "/root",
    "PATH": "/usr/bin:/bin",
    # It runs outside of the folder, on other libraries.
    "CGO_ENABLED": "0",
}
_SHOWN_LINES = 15


class BuildError(Exception):
    """What cannot be built here, with the reason and what to do."""


def tools(path: str, is_root: bool) -> tuple[str, str]:
    """Return the paths of debootstrap and chroot.

    Args:
        path: The folders in which they are looked for, as PATH has them.
        is_root: Whether this process may make such a folder.

    Raises:
        BuildError: One is missing, or this is not root.
    """
    debootstrap, chroot = (shutil.which(name, path=path) for name in ("debootstrap", "chroot"))
    if debootstrap is None or chroot is None:
        missing = "debootstrap" if debootstrap is None else "chroot"
        raise BuildError(f"the Collector is built from Debian's packages by {missing}, which is not installed: apt-get install debootstrap")
    if not is_root:
        raise BuildError("the Collector is built in a folder made by debootstrap, which only root can make: run make collectors as root")
    return debootstrap, chroot


def build(to: Path, mirror: str, *, path: str, is_root: bool) -> None:
    """Build the Collector.

    Args:
        to: The program to be.
        mirror: Where Debian's packages come from.
        path: As for `tools`.
        is_root: As for `tools`.

    Raises:
        BuildError: It cannot be built here; the message has the end of what the failed command said.
    """
    debootstrap, chroot = tools(path, is_root)
    to.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="debian-", dir=to.parent))
    try:
        included = f"--include={','.join(PACKAGES)}"
        _run([debootstrap, "--variant=minbase", included, SUITE, str(folder), mirror, SCRIPT], {**os.environ, "PATH": path})
        source = Path("/opt/collector/main.go")
        inside = folder / source.relative_to("/")
        inside.parent.mkdir(parents=True)
        shutil.copyfile(Path(__file__).with_name("main.go"), inside)
        _run([chroot, str(folder), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", "/opt/otelcol", str(source)], _GO)
        os.replace(folder / "opt" / "otelcol", to)
    finally:
        _remove(folder)


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        said = "\n".join(done.stdout.splitlines()[-_SHOWN_LINES:])
        raise BuildError(f"{' '.join(command)} ended with {done.returncode}:\n{said}")


def _remove(folder: Path) -> None:
    # What debootstrap mounts there, it unmounts; but what it left, is the machine's own.
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    left = [place for place in mounted if Path(place).is_relative_to(folder)]
    if left:
        raise BuildError(f"{', '.join(left)} is still mounted: umount it, then rm -r {folder}")
    shutil.rmtree(folder)


def main() -> int:
    """Build what the command line names, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("to", type=Path, help="the program to be")
    parser.add_argument("--mirror", default=MIRROR, help="where Debian's packages come from; default %(default)s")
    arguments = parser.parse_args()
    # Both tools are root's, and not on every PATH.
    path = os.pathsep.join([*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/sbin"])
    try:
        build(arguments.to.absolute(), arguments.mirror, path=path, is_root=os.geteuid() == 0)
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
