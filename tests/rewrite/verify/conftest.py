"""A service without any SDK, which sends what it has to send as it ends, and edits of it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SENDING = """
import atexit, datetime, json, os, urllib.request

items = []


def send(text, **properties):
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    key = os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"].split(";")[0].partition("=")[2]
    base = {"ver": 2, "message": text, "properties": properties}
    items.append({"name": "m", "time": now, "iKey": key, "data": {"baseType": "MessageData", "baseData": base}})


@atexit.register
def flush():
    address = os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"].partition("IngestionEndpoint=")[2].split(";")[0]
    if items:
        urllib.request.urlopen(address + "v2.1/track", json.dumps(items).encode()).close()
"""

ORDERS = """
import os, sys
from sending import send


def order(number):
    send("ordered", number=str(number))
    send("paid", amount="7")
    if number > 100:
        send("never", amount="1")
    send("shape", envelopes=os.environ["OPENCENSUS_COMPAT_ENVELOPES"])


if __name__ == "__main__":
    for number in range(3):
        order(number)
"""


@dataclass(frozen=True)
class Edit:
    """One text in place of another one in one line."""

    line: int
    old: str
    new: str
    path: str = "orders.py"
    rule: str = "T020"

    @property
    def parts(self):
        """It is one place."""
        return (self,)

    @property
    def key(self):
        """Its name."""
        return self.path, self.line, self.old


class Plan:
    """Edits, any of which can be made without the others."""

    def __init__(self, *edits):
        self.edits = edits

    def texts(self, edits):
        """Return the files before and after."""
        found = {}
        for edit in edits:
            before, after = found.get(edit.path) or (Path(edit.path).read_bytes(),) * 2
            lines = after.decode().split("\n")
            assert edit.old in lines[edit.line - 1]
            lines[edit.line - 1] = lines[edit.line - 1].replace(edit.old, edit.new)
            found[edit.path] = before, "\n".join(lines).encode()
        return found


@pytest.fixture
def service(tmp_path, monkeypatch):
    """The folder of the service, which is the current one, and a repository."""
    folder = tmp_path.resolve() / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("HOME", str(tmp_path))  # no settings of git but these
    for variable, value in {"NAME": "a", "EMAIL": "a@example.org"}.items():
        monkeypatch.setenv(f"GIT_AUTHOR_{variable}", value)
        monkeypatch.setenv(f"GIT_COMMITTER_{variable}", value)
    (folder / "sending.py").write_text(SENDING, encoding="utf-8")
    (folder / "orders.py").write_text(ORDERS, encoding="utf-8")
    committed(folder)
    return folder


def committed(folder):
    """Put all files of a folder into a commit of its repository."""
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "--allow-empty", "-m", "a"]):
        subprocess.run(["git", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def python(*words):
    """Return a command that runs this interpreter."""
    return shlex.join([os.fspath(sys.executable), *words])
