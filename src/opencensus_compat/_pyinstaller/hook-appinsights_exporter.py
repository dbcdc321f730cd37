"""PyInstaller's hook for the exporter, in programs without OpenCensus."""

from __future__ import annotations

from PyInstaller.utils.hooks import copy_metadata

from opencensus_compat import _pyinstaller

hiddenimports = [*_pyinstaller.modules("appinsights_exporter"), *_pyinstaller.entry_point_modules()]
datas = []
for _name in _pyinstaller.distributions():
    datas += copy_metadata(_name)
