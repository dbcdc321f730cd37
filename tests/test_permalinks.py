"""Where the code does as OpenCensus does, it links to the lines of OpenCensus that it imitates; the links lead there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
REPOSITORY = "https://github.com/census-instrumentation/opencensus-python/"
COMMITS = {
    "contrib/opencensus-ext-azure/opencensus/": "cd020b07f06024b6c9243c514b5413cef46f4775",  # opencensus-ext-azure 1.1.15
    "": "296932fe49f7bb21261d03edd9e7dd962f4ad9d4",  # opencensus 0.11.4, and the other packages as they were then
}
PACKAGE = re.compile(r"(contrib/opencensus-[\w-]+/)?opencensus/")
LINK = re.compile(re.escape(REPOSITORY) + r"(\S*)")
TARGET = re.compile(r"blob/([0-9a-f]{40})/(.+\.py)#L(\d+)(?:-L(\d+))?")


def _links():
    """Return each link of the sources once, without the place."""
    found = {link for path in SOURCE.rglob("*.py") for link in LINK.findall(path.read_text(encoding="utf-8"))}
    return sorted(link.rstrip("`.,;)") for link in found)


@pytest.fixture(scope="module")
def legacy_packages(legacy_python):
    """Return where the real packages are."""
    program = "import opencensus.common, os; print(os.path.dirname(os.path.dirname(opencensus.common.__file__)))"
    return Path(subprocess.run([legacy_python, "-c", program], capture_output=True, text=True, timeout=60, check=True).stdout.strip())


def test_links_lead_to_lines_of_the_release(legacy_packages):
    """Each link names the commit of the release that this package stands for, and lines that this release has."""
    links = _links()
    assert len(links) > 10
    wrong = []
    for link in links:
        target = TARGET.fullmatch(link)
        if not target or target[1] != next(commit for start, commit in COMMITS.items() if target[2].startswith(start)):
            wrong.append(link)
            continue
        file = legacy_packages / PACKAGE.sub("", target[2], count=1)
        lines = file.read_text(encoding="utf-8").splitlines()
        ends = [lines[int(number) - 1 : int(number)] for number in (target[3], target[4] or target[3])]
        if not all(line and line[0].strip() for line in ends):
            wrong.append(link)
    assert wrong == []
