"""Logging configurations, and programs, that a program has as text in a string literal."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import rewrite_text

_HANDLER = "opencensus.ext.azure.log_exporter.AzureLogHandler"
_NEW = "appinsights_exporter.ApplicationInsightsLoggingHandler"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"'''\nhandlers:\n  é:\n    class: {_HANDLER}\n'''", f"'''\nhandlers:\n  é:\n    class: {_NEW}\n'''"),
        (
            f'"""\\\nhandlers:\n  a:\n    (): {_HANDLER}\n    export_interval: 0.5\n"""',
            f'"""\\\nhandlers:\n  a:\n    (): {_NEW}\n    export_interval_millis: 500\n"""',
        ),
        (f"""r'{{"handlers": {{"a": {{"class": "{_HANDLER}"}}}}}}'""", f"""r'{{"handlers": {{"a": {{"class": "{_NEW}"}}}}}}'"""),
        (
            f'"""\n[logger_a]\nqualname=opencensus.ext.azure\n\n[handler_a]\nclass={_HANDLER}\nargs=()\n"""',
            f'"""\n[logger_a]\nqualname=appinsights_exporter\n\n[handler_a]\nclass={_NEW}\nargs=()\n"""',
        ),
    ],
)
def test_handlers_and_loggers_in_texts_change(before: str, after: str) -> None:
    """In YAML, JSON and INI, whatever the quotes, also behind letters of several bytes; nothing else of the text does."""
    written = rewrite_text(f"é = CONFIG = {before}\n".encode()).after["<stdin>"]
    assert written.decode() == f"é = CONFIG = {after}\n"
    assert rewrite_text(written).after == {}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_all_handlers_of_one_text_change(ending: str) -> None:
    """Two of one class, whatever ends the lines of the file."""
    text = f"C = '''\nhandlers:\n  a:\n    class: {_HANDLER}\n  b:\n    class: {_HANDLER}\n'''\n".replace("\n", ending)
    assert rewrite_text(text.encode()).after["<stdin>"].decode() == text.replace(_HANDLER, _NEW)


@pytest.mark.parametrize(
    ("text", "rule", "reason"),
    [
        (f'f"""\nhandlers:\n  a:\n    class: {_HANDLER}\n    level: {{LEVEL}}\n"""', "N003", "put together, or has escapes"),
        (f'"handlers:\\n  a:\\n    class: {_HANDLER}\\n"', "N003", "put together, or has escapes"),
        (f'"""\nhandlers:\n  a:\n    class: {_HANDLER}\n    grace_period: 3\n"""', "N003", "no option `grace_period`"),
        ('"""\nimport opencensus.trace.tracer\n"""', "N001", "Who reads this text"),
        ('"x = 1; from opencensus.trace.tracer import Tracer"', "N001", "Who reads this text"),
    ],
)
def test_other_texts_stay_and_are_said(text: str, rule: str, reason: str) -> None:
    """A text that no file shows as it is, a handler without counterpart, and the text of a program."""
    result = rewrite_text(f"TEXT = {text}\n".encode())
    assert [(each.rule, reason in each.text) for each in result.left] == [(rule, True)]
    assert _NEW.encode() not in b"".join(result.after.values())


def test_texts_that_only_mention_it_have_no_use() -> None:
    """A docstring with an example, and prose."""
    result = rewrite_text(
        b'def f():\n    """Example::\n\n        from opencensus.trace import tracer\n    """\n    return "see\nfrom opencensus on\n"\n'
    )
    assert (result.after, result.left) == ({}, [])
