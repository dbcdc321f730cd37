"""The current context, read without the API's own function, which takes ten times as long."""

from __future__ import annotations

import threading

from opentelemetry.context import Context, attach, detach, get_current

from opencensus_compat._bridge import context as _context


def test_what_is_read_is_what_the_api_says():
    """Outside any context, inside one, after it, and on another thread, where there is none."""
    assert _context.read_current is not get_current
    assert _context.read_current() == get_current()
    token = attach(Context({"key": "value"}))
    seen = []
    thread = threading.Thread(target=lambda: seen.append(_context.read_current()))
    thread.start()
    thread.join()
    assert (_context.read_current(), seen) == (Context({"key": "value"}), [Context()])
    detach(token)
    assert _context.read_current() == get_current() == Context()


def test_where_the_api_keeps_it_elsewhere(monkeypatch):
    """With a runtime context that is no context variable, its own function is asked."""
    elsewhere = []
    monkeypatch.setattr(_context, "attach", elsewhere.append)
    monkeypatch.setattr(_context, "detach", lambda _: elsewhere.pop())
    assert _context._reader() is get_current
    assert elsewhere == []
