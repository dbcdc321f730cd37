"""What is caught where code of programs raises, and what is a signal's."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from unittest.mock import Mock

import pytest

from appinsights_exporter.foreign import failure

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")


def _caught(call):
    """Return what a clause of ours catches, or the error that passes it."""
    try:
        try:
            call()
        except failure() as error:
            return "caught", type(error)
    except BaseException as error:  # noqa: BLE001 - it is what the test asks for
        return "passed", type(error)
    return None


def _raise(error):
    raise error


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
def test_what_code_raises_is_caught(kind):
    """Whatever is raised by the called code itself is caught, in the main thread as well."""
    assert _caught(lambda: _raise(kind())) == ("caught", kind)
    assert _caught(Mock(side_effect=kind)) == ("caught", kind)


def test_an_exit_is_caught():
    """`sys.exit` in the called code costs its item only."""
    assert _caught(lambda: sys.exit(1)) == ("caught", SystemExit)


def test_ctrl_c_passes():
    """Ctrl+C while the called code runs ends the program, as where nobody catches it."""
    assert _caught(lambda: signal.raise_signal(signal.SIGINT)) == ("passed", KeyboardInterrupt)


class _Handler:
    def __init__(self, error):
        self.error = error

    def handle(self, *_):
        raise self.error


@pytest.mark.parametrize("error", [SystemExit(143), TimeoutError("soft time limit")], ids=["exit", "time limit"])
def test_what_a_handler_of_a_signal_raises_passes(error):
    """A program's handler ends what runs, as a handler of SIGTERM does with `sys.exit`, or one of SIGALRM with a time limit."""
    before = signal.signal(signal.SIGTERM, _Handler(error).handle)
    try:
        assert _caught(lambda: signal.raise_signal(signal.SIGTERM)) == ("passed", type(error))
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_have_no_signals():
    """In a thread other than the main one everything is the called code's own."""
    found = []
    thread = threading.Thread(target=lambda: found.append(_caught(lambda: _raise(KeyboardInterrupt()))))
    thread.start()
    thread.join()
    assert found == [("caught", KeyboardInterrupt)]
