"""Options of the Azure exporters and handlers, under the names that `appinsights_exporter` has for them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Refused

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.edits import Edit

_IGNORED = frozenset({"enable_standard_metrics"})
"""Options that decide something else than where and how items are sent."""


def option(keyword: ast.keyword, file: File, *, of_handler: bool = False) -> str | None:
    """Return an option as a keyword of `configure` or of the new handler; None for one that says what is the default.

    Raises:
        Refused: A person must say what becomes of it.
    """
    value, name = keyword.value, keyword.arg
    if name is None:
        raise Refused(Ask("Which options are in `**`?"))
    if name in {"connection_string", "credential"} or (of_handler and name == "queue_capacity"):
        return f"{name}={file.render(value)}"
    if name == "instrumentation_key":
        return f"connection_string={_of_key(value, file)}"
    if name == "export_interval":
        return f"export_interval_millis={milliseconds(value, file)}"
    if name == "storage_path":
        return f"storage_directory={file.render(value)}"
    if name == "enable_local_storage":
        if isinstance(value, ast.Constant):
            return None if value.value else "disable_offline_storage=True"
        return f"disable_offline_storage=not {file.render(value)}"
    if name in _IGNORED or (name == "logging_sampling_rate" and isinstance(value, ast.Constant) and value.value == 1):
        return None
    raise Refused(Ask(f"What is the option `{name}` for? `appinsights_exporter` has none of this name."))


def options(call: ast.Call, file: File, *, of_handler: bool = False) -> list[str]:
    """Return the keywords of `configure` for the options of a call.

    Raises:
        Refused: A person must say what becomes of one.
    """
    if call.args:
        raise Refused(Ask("Which options are given by place?"))
    found = [option(keyword, file, of_handler=of_handler) for keyword in call.keywords]
    given = [each for each in found if each is not None]
    if len({each.partition("=")[0] for each in given}) < len(given):
        raise Refused(Ask("Which of the two counts, the connection string or the key?"))
    return given


def renamed(call: ast.Call, file: File) -> list[Edit]:
    """Return the edits that give a call the new options in the places of the old ones."""
    options(call, file, of_handler=True)
    edits = []
    for at, keyword in enumerate(call.keywords):
        text = option(keyword, file, of_handler=True)
        if text is None:
            start = file.end(call.keywords[at - 1]) if at else file.start(keyword)
            end = file.end(keyword) if at or len(call.keywords) == 1 else file.start(call.keywords[1])
            edits.append(file.splice(start, end, "", call))
        elif text != file.text(keyword):
            edits.append(file.splice(file.start(keyword), file.end(keyword), text, call))
    return edits


def _of_key(value: ast.expr, file: File) -> str:
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and not set(value.value) & set('"\\{}\n'):
        return f'"InstrumentationKey={value.value}"'
    text = file.render(value)
    if isinstance(value, (ast.Name, ast.Attribute)):
        return f'f"InstrumentationKey={{{text}}}"'
    return f'"InstrumentationKey=" + {text}' if isinstance(value, (ast.Call, ast.Subscript)) else f'"InstrumentationKey=" + ({text})'


def milliseconds(value: ast.expr, file: File) -> str:
    """Return a number of seconds as milliseconds."""
    if isinstance(value, ast.Constant) and isinstance(value.value, (int, float)):
        # No processor or reader exports all the time.
        return str(max(1, round(value.value * 1000)))
    text = file.render(value)
    simple = isinstance(value, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
    return f"{text} * 1000" if simple else f"({text}) * 1000"
