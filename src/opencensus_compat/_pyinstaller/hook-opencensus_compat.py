"""PyInstaller's hook for our facade: all modules, whose names are put together at run time, and metadata."""

from __future__ import annotations

from PyInstaller.utils.hooks import copy_metadata

from opencensus_compat import _pyinstaller

datas = _pyinstaller.integrations()
hiddenimports = [
    *_pyinstaller.modules("opencensus_compat"),
    *_pyinstaller.modules("appinsights_exporter"),
    *_pyinstaller.entry_point_modules(),
    *_pyinstaller.needed_by(file for file, _ in datas),
]
for _name in _pyinstaller.distributions():
    datas += copy_metadata(_name)
