"""Which exporters and handlers have a step of the export that a program has replaced."""

from __future__ import annotations

from unittest.mock import MagicMock, patch

import pytest
import wrapt

from opencensus_compat.ext.azure.common._steps import Steps


class Ours:
    """Has both steps."""

    def convert(self):
        """Convert."""

    def emit(self):
        """Emit."""


class Untouched(Ours):
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


STEPS = Steps(Ours, "convert", "emit")


@pytest.mark.parametrize(("kind", "are_replaced"), [(Ours, False), (Untouched, False), (Overriding, True), (Incomplete, True)])
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


def test_a_wrapper_replaces_what_it_is_equal_to():
    """A step that a library has wrapped is replaced, although the wrapper has the step's attributes and is equal to it."""
    handle, calls = Untouched(), []

    def wrapper(wrapped, instance, args, kwargs):
        calls.append(instance)
        return wrapped(*args, **kwargs)

    with patch.object(Ours, "emit", wrapt.FunctionWrapper(Ours.emit, wrapper)):
        handle.emit()
        assert (calls, STEPS.are_replaced(handle)) == ([handle], True)


def test_the_dict_of_an_object_is_read_only_where_no_attributes_are_given():
    """A caller that knows the attributes of an object has its `__dict__` left alone."""
    handle = Untouched()
    handle.emit = MagicMock()
    assert (STEPS.are_replaced(handle, {}), STEPS.are_replaced(handle, {"emit": None})) == (False, True)
