from __future__ import annotations

import io
import sys
import threading

import pytest

from opencensus_compat.compare.progress import doing


class _Terminal(io.StringIO):
    """Standard error that says whether it is a terminal, and tells when something was written."""

    def __init__(self, *, terminal=True):
        super().__init__()
        self._terminal = terminal
        self.written = threading.Event()

    def isatty(self):
        """Return what this stands for."""
        return self._terminal

    def write(self, text):
        """Keep the text."""
        count = super().write(text)
        self.written.set()
        return count


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that makes standard error a terminal of 40 columns, once the test has begun: pytest has its own until then."""
    monkeypatch.setenv("COLUMNS", "40")

    def make(kind="xterm", *, terminal=True):
        shown = _Terminal(terminal=terminal)
        monkeypatch.setenv("TERM", kind)
        monkeypatch.setattr(sys, "stderr", shown)
        return shown

    return make


def test_what_takes_long_is_shown_and_taken_away(terminal):
    """A line says what is done and for how many seconds, within the width; at the end it is empty again."""
    shown = terminal()
    with doing("recording before, run 1 of 2: python a_long_name.py", every_s=0.001):
        assert shown.written.wait(60)
    first, *_, last = shown.getvalue().split("\r")[1:]
    assert (first, last) == ("recording before, run 1 of 2: pyth~ 0 s\x1b[K", "\x1b[K")
    assert len(first.removesuffix("\x1b[K")) == 39


def test_what_is_quick_is_not_shown(terminal):
    """Nothing is written for what ends within the first interval."""
    shown = terminal()
    with doing("comparing", every_s=600):
        pass
    assert shown.getvalue() == ""


@pytest.mark.parametrize(("is_terminal", "kind"), [(False, "xterm"), (True, "dumb")])
def test_other_standard_errors_stay_clean(terminal, is_terminal, kind):
    """In a pipe, and on a terminal that cannot go back, nothing is shown."""
    shown = terminal(kind, terminal=is_terminal)
    threads = threading.active_count()
    with doing("comparing", every_s=0.001):
        assert threading.active_count() == threads
    assert shown.getvalue() == ""
