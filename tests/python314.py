"""Runs the tests on the Python 3.14 of Debian's forky suite, in a folder made by debootstrap. ``make python314`` calls it.

The folder has the interpreter alone. This repository, and the interpreters of the environments with other packages, are the machine's: they
are mounted into the folder for as long as the tests run, in a name space of mounts that ends with them, so that nothing stays mounted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "collectors"))
from build import MIRROR, SCRIPT, SUITE

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = (
    *("ca-certificates", "gcc", "git", "libc6-dev", "make", "python3.14-dev", "python3.14-venv"),
    # Of the interpreters that are mounted.
    *("libbz2-1.0", "libffi8", "liblzma5", "libncursesw6", "libreadline8t64", "libsqlite3-0", "libssl3t64", "libuuid1", "zlib1g"),
)
ENVIRONMENTS = ("legacy", "older", "distro")
_OF_THE_MACHINE = ("/etc/hosts", "/etc/resolv.conf", "/etc/ssl", "/etc/pip.conf", "/etc/xdg/pip", "~/.config/pip")
_MOUNT = """
set -e
root=$1; shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
while [ "$1" != -- ]; do
    if [ -d "$1" ]; then mkdir -p "$root$1"; else mkdir -p "$root$(dirname "$1")"; touch "$root$1"; fi
    mount --bind "$1" "$root$1"
    shift
done
shift
exec chroot "$root" sh -ec '
    cd "$1"; shift
    [ -x /opt/venv/bin/python ] || python3.14 -m venv /opt/venv
    /opt/venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --editable ".[test]"
    exec /opt/venv/bin/python -m pytest --quiet "$@"
' sh "$@"
"""


def missing(path: str) -> str:
    """Return why the tests cannot run here; empty where they can."""
    for name, package in (("debootstrap", "debootstrap"), ("chroot", "coreutils"), ("unshare", "util-linux")):
        if shutil.which(name, path=path) is None:
            return f"{name} is not installed: apt-get install {package}"
    return "" if os.geteuid() == 0 else "the folder with the interpreter can only be made by root"


def make(folder: Path, mirror: str, environment: dict[str, str]) -> None:
    """Make the folder with the interpreter."""
    half = folder.with_name(f"{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.parent.mkdir(parents=True, exist_ok=True)
    included = f"--include={','.join(PACKAGES)}"
    subprocess.run(["debootstrap", "--variant=minbase", included, SUITE, half, mirror, SCRIPT], env=environment, check=True)
    half.rename(folder)


def mounted() -> list[str]:
    """Return what of the machine the tests see, by absolute path."""
    places = [str(REPOSITORY)]
    for name in ENVIRONMENTS:
        python = REPOSITORY / ".venvs" / name / "bin" / "python"
        prefixes = subprocess.run(
            [python, "-c", "import sys; print(sys.base_prefix, sys.prefix, sep='\\n')"], capture_output=True, text=True, check=True
        ).stdout.split("\n")
        base, own = prefixes[0], os.path.realpath(prefixes[1])
        if base == "/usr":
            raise SystemExit(
                f"{python} is the system's: make it with another interpreter, as `make envs PYTHON=~/.pyenv/versions/3.11.7/bin/python`"
            )
        places += [base, own]
    places += [found for name in _OF_THE_MACHINE if os.path.exists(found := os.path.expanduser(name))]
    return [place for place in dict.fromkeys(places) if not any(place.startswith(f"{other}/") for other in places)]


def main() -> int:
    """Make the folder, where there is none, and run the tests; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder with the interpreter; it is made where it is missing")
    parser.add_argument("--mirror", default=MIRROR, help="where Debian's packages come from; default %(default)s")
    arguments, options = parser.parse_known_args()
    # debootstrap is root's, and not on every PATH.
    path = os.pathsep.join([*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/sbin"])
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")} | {"PATH": path, "LC_ALL": "C.UTF-8"}
    if why := missing(path):
        sys.stdout.write(f"make python314 is left out: {why}\n")
        return 0
    folder = arguments.folder.absolute()
    if not folder.exists():
        make(folder, arguments.mirror, environment)
    command = ["unshare", "--mount", "sh", "-ec", _MOUNT, "sh", folder, *mounted(), "--", REPOSITORY, *options]
    return subprocess.run(command, env={**environment, "HOME": "/root"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
