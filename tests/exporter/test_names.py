"""How the store's folder is named."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from appinsights_exporter.delivery.names import default_folder


def test_the_folder_is_one_per_user_and_destination(monkeypatch, tmp_path):
    """It depends on key, endpoint and user, on nothing else, and shows neither key nor endpoint."""
    key, endpoint = "0F000000-0000-0000-0000-000000000001", "https://h.test/"
    folder = default_folder(key, endpoint)
    monkeypatch.chdir(tmp_path)
    assert default_folder(key.lower(), "https://h.test") == folder
    assert folder.parent == Path(tempfile.gettempdir())
    assert re.fullmatch(rf"appinsights-exporter-{os.geteuid()}-[0-9a-f]{{32}}", folder.name)
    assert len({folder, default_folder(key, "https://i.test/"), default_folder(key.replace("F", "e"), endpoint)}) == 3
    assert default_folder(key, endpoint, tmp_path) == tmp_path / folder.name
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    assert default_folder(key, endpoint).name.startswith("appinsights-exporter-4242-")


def test_a_system_without_temporary_folder(monkeypatch):
    """Where nothing can be written, there is still a path, and storing there will say why it fails."""

    def nothing():
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(tempfile, "gettempdir", nothing)
    assert default_folder("k", "e").parent == Path("/tmp")
