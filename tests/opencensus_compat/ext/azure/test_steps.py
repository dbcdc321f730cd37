"""Which exporters and handlers have a step of the export that a program has replaced."""

from __future__ import annotations

from unittest.mock import MagicMock, patch

import pytest

from opencensus_compat.ext.azure.common._steps import Steps


class Ours:
    """Has both steps."""

    def convert(self):
        """Convert."""

    def emit(self):
        """Emit."""


class AlsoOurs(Ours):
    """Has another conversion, which is this package's, too."""

    def convert(self):
        """Convert otherwise."""


class Untouched(AlsoOurs):
    """A subclass that replaces nothing."""

    def other(self):
        """Do something else."""


class Overriding(Ours):
    """A subclass with a step of its own."""

    def emit(self):
        """Emit otherwise."""


class Incomplete:
    """Has one of the steps."""

    convert = Ours.convert


STEPS = Steps(("convert", "emit"), Ours, AlsoOurs)


@pytest.mark.parametrize(
    ("kind", "are_replaced"), [(Ours, False), (AlsoOurs, False), (Untouched, False), (Overriding, True), (Incomplete, True)]
)
def test_a_class_decides(kind, are_replaced):
    """A step is replaced where the class has a method that is none of this package's."""
    assert STEPS.are_replaced(kind()) is are_replaced


def test_an_object_decides_for_itself():
    """A step that was put on one object is replaced for that object alone."""
    handle = Untouched()
    handle.emit = MagicMock()
    assert (STEPS.are_replaced(handle), STEPS.are_replaced(Untouched())) == (True, False)


def test_a_patched_class_counts_while_it_is_patched():
    """A step is replaced on a class as long as a test of a program has it patched."""
    handle = Untouched()
    with patch.object(Ours, "emit"):
        assert STEPS.are_replaced(handle)
    assert not STEPS.are_replaced(handle)
