"""Log lines about telemetry itself reach somebody."""

from __future__ import annotations

import io
import logging

import pytest

from appinsights_exporter import notices


class Sender(logging.Handler):
    """Sends records to a service, but for this package's own."""

    def emit(self, record):
        """Leave it out."""


notices.leave_out(Sender)


@pytest.fixture
def logger():
    """A logger that is alone in the world."""
    made = logging.Logger("alone")  # noqa: LOG001 - not in the tree, whose root has pytest's handlers
    made.propagate = False
    return made


@pytest.fixture
def last(monkeypatch):
    """What logging writes where no handler is."""
    handler = logging.StreamHandler(io.StringIO())
    handler.setLevel(logging.WARNING)
    monkeypatch.setattr(logging, "lastResort", handler)
    return handler.stream


HANDLERS = {
    "none": ([], True),
    "one that leaves the line out": ([Sender], True),
    "two of those": ([Sender, Sender], True),
    "of a class below it": ([type("Mine", (Sender,), {})], True),
    "one beside it that shows the line": ([Sender, logging.NullHandler], False),
    "another": ([logging.NullHandler], False),
}


@pytest.mark.parametrize(("handlers", "written"), HANDLERS.values(), ids=HANDLERS)
def test_standard_error(logger, last, handlers, written):
    """A warning that no handler shows is written to standard error, once."""
    for handler in handlers:
        logger.addHandler(handler())
    notices.say(logger, logging.WARNING, "%d lost", 5)
    assert last.getvalue() == ("5 lost\n" if written else "")


def test_handlers_of_parents_count(logger, last):
    """A handler higher up shows the line as well."""
    logger.parent = logging.Logger("above")  # noqa: LOG001 - as above
    logger.addHandler(Sender())
    logger.parent.addHandler(logging.NullHandler())
    logger.propagate = True
    notices.say(logger, logging.WARNING, "lost")
    assert last.getvalue() == ""


def test_what_is_not_wanted_is_not_written(logger, last):
    """Lines below a warning, and those of a logger that is set not to show them, stay away from standard error."""
    logger.addHandler(Sender())
    notices.say(logger, logging.INFO, "back")
    logger.setLevel(logging.ERROR)
    notices.say(logger, logging.WARNING, "lost")
    assert last.getvalue() == ""
