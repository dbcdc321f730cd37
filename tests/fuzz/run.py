"""``make fuzz``: give each target what atheris makes up from the coverage that it sees, for a time.

``run.py --seconds 20 [TARGET …]``. An input that raises is printed and kept in ``--findings``; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
MAX_BYTES = 4096


def fuzz(name, arguments):
    """Run one target in this process until its time is up; atheris ends the process."""
    import atheris

    with atheris.instrument_imports(include=["appinsights_exporter", "opencensus_compat"]):
        sys.path.insert(0, str(HERE))
        import targets

    logging.disable(logging.CRITICAL)
    atheris.Setup([sys.argv[0], *arguments], targets.TARGETS[name])
    atheris.Fuzz()


def main():
    """Run the targets one after the other, each in its own process, and return whether none found anything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help="names of targets; all of them by default")
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    parser.add_argument("--findings", default=".fuzz", help="folder for inputs that raise")
    asked = parser.parse_args()
    sys.path.insert(0, str(HERE))
    from targets import SEEDS, TARGETS

    findings = Path(asked.findings)
    findings.mkdir(exist_ok=True)
    clean = True
    for name in asked.targets or TARGETS:
        with tempfile.TemporaryDirectory() as corpus:
            for number, seed in enumerate(SEEDS[name]):
                Path(corpus, str(number)).write_bytes(seed)
            options = [f"-max_total_time={asked.seconds}", f"-max_len={MAX_BYTES}", f"-artifact_prefix={findings}/{name}-"]
            ran = subprocess.run(
                [sys.executable, __file__, "--fuzz", name, *options, corpus],
                check=False,
                capture_output=True,
                text=True,
                errors="replace",
                # The targets are imported under their own names, and atheris stands in front of the finders.
                env={**os.environ, "OPENCENSUS_COMPAT_DISABLED": "1"},
            )
        lines = ran.stderr.splitlines()
        done = next((line for line in reversed(lines) if line.startswith("Done ")), "")
        print(f"{name:20} {done if ran.returncode == 0 else 'FINDING'}", flush=True)
        if ran.returncode != 0:
            clean = False
            print("\n".join([*ran.stdout.splitlines()[-20:], *lines[-30:]]), flush=True)
    return clean


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fuzz"]:
        fuzz(sys.argv[2], sys.argv[3:])
    sys.exit(0 if main() else 1)
