"""Loggers have the names that programs know from OpenCensus, and set levels for."""

from __future__ import annotations

import importlib
import logging
import pkgutil

import pytest

import opencensus_compat
from opencensus_compat._lookup import _OPENCENSUS

_MODULES = [
    module.name
    for module in pkgutil.walk_packages(opencensus_compat.__path__, "opencensus_compat.")
    if module.name.split(".")[1] in _OPENCENSUS and "._" not in module.name
]


@pytest.mark.parametrize("name", _MODULES)
def test_logger_of_a_module(name):
    """A module's logger has the module's OpenCensus name."""
    expected = name.replace("opencensus_compat", "opencensus", 1)
    loggers = [value.name for value in vars(importlib.import_module(name)).values() if isinstance(value, logging.Logger)]
    assert set(loggers) <= {expected}
