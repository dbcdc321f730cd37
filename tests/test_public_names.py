"""Each package's ``__init__`` is an address book: ``__all__`` is what it offers."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import pytest

ADDRESS_BOOKS = ["opencensus_compat", "appinsights_exporter"]
NOT_OFFERED = {"Any", "TYPE_CHECKING", "annotations"}
"""What an address book may need for its own annotations."""


@pytest.mark.parametrize("name", ADDRESS_BOOKS)
def test_all_is_the_public_names_in_order(name):
    """``__all__`` is sorted and equals the names without an underscore, modules aside; the version may be in it."""
    package = import_module(name)
    names = {name for name in {*dir(package), *package.__all__} - NOT_OFFERED if not name.startswith("_")}
    assert [name for name in package.__all__ if name != "__version__"] == sorted(
        name for name in names if not isinstance(getattr(package, name), ModuleType)
    )


@pytest.mark.parametrize("name", ADDRESS_BOOKS)
def test_public_names_are_documented(name):
    """The package says how to use it, and so does everything that it offers."""
    package = import_module(name)
    undocumented = [key for key in package.__all__ if not (getattr(package, key).__doc__ or "").strip()]
    assert (bool(package.__doc__), undocumented) == (True, [])


def test_an_unknown_name_is_an_attribute_error():
    """The lazy address book refuses what it does not have, as any module does."""
    with pytest.raises(AttributeError, match="module 'opencensus_compat' has no attribute 'nothing'"):
        import_module("opencensus_compat").nothing  # noqa: B018 -- reading it is the act


def test_the_two_packages_have_one_version():
    """The facade and the exporter are released together, under one version."""
    assert len({import_module(name).__version__ for name in ADDRESS_BOOKS}) == 1
