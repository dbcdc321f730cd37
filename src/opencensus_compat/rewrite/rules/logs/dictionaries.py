"""Logging configurations in dictionaries of Python: handlers by name or class, and loggers by name."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.rules.exporters import options
from opencensus_compat.rewrite.rules.logs import configuration_texts
from opencensus_compat.rewrite.texts import configurations

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

FREE = frozenset({"N003", "N004"})


_SET_LATER = Ask(
    "Which options does the handler get? An option is set in the dictionary elsewhere, under a name that the native handler has not: write "
    "all of its options beside the class."
)


def class_of_logging(use: Found, file: File) -> Outcome:
    """`"class": "opencensus.ext.azure.log_exporter.AzureLogHandler"` → that of the native exporter, with its options."""
    if configuration_texts.is_text(use):
        return _SET_LATER if _is_set_later(file) else configuration_texts.named(use, file)
    around = file.parents.get(use.node)
    if not isinstance(around, ast.Dict) or not isinstance(use.node, ast.Constant):
        return Ask("Who reads this name?")
    edits = options_beside(use.symbol, around, file)
    if isinstance(edits, (Ask, Keep)):
        return edits
    return [file.replace(use.node, _quoted(file, use.node, configurations.HANDLERS[use.symbol])), *edits]


def is_factory(node: ast.AST, file: File) -> bool:
    """Return whether an expression is the class of a handler in a dictionary of a logging configuration."""
    around = file.parents.get(node)
    if not isinstance(around, ast.Dict) or node not in around.values:
        return False
    key = around.keys[around.values.index(node)]
    return isinstance(key, ast.Constant) and key.value in {"()", "class", "factory"}


def options_beside(symbol: str, around: ast.Dict, file: File, own: frozenset[str] = frozenset()) -> list[Edit] | Ask | Keep:
    """Return the edits that give the new handler its options, which are beside its class in a dictionary.

    Args:
        symbol: The handler, below ``opencensus``.
        around: The dictionary.
        file: Its file.
        own: Keys that are no options of the handler.
    """
    names: dict[str, ast.expr] = {}
    for key, value in zip(around.keys, around.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            return Ask("Which options does the handler get by `**` or by variables? Write them by name, and run `rewrite` again.")
        names[key.value] = value
    answer = configurations.options_of(symbol, names.keys() - own)
    if answer is not None:
        return Keep(answer)
    if _is_set_later(file):
        return _SET_LATER
    edits = []
    for key, value in zip(around.keys, around.values, strict=True):
        name = key.value if isinstance(key, ast.Constant) else ""
        if key is None or name in own or name not in configurations.OPTIONS or configurations.OPTIONS[name] == name:
            continue
        edits += [file.replace(key, _quoted(file, key, configurations.OPTIONS[name]))]
        edits += [file.replace(value, _changed(str(name), value, file))] if name in configurations.CHANGED else []
        file.covered.update(found for found in file.by_node[key])
    return edits


@of_program
def _is_set_later(file: File) -> bool:
    """Return whether the program sets an option that has another name, in a dictionary of its handler."""
    return any(_sets_option(node) for home in file.files.values() for node in home.kinds[ast.Subscript])


def _sets_option(node: ast.Subscript) -> bool:
    key = node.slice
    name = key.value if isinstance(key, ast.Constant) else ""
    is_set = isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Subscript)
    return is_set and name in configurations.OPTIONS and configurations.OPTIONS[str(name)] != name


def _changed(name: str, value: ast.expr, file: File) -> str:
    """Return the source of what stands for the value of an option."""
    if name == "instrumentation_key":
        return connection_string(value, file)
    literal = configurations.value_of(name, file.text(value)) if isinstance(value, ast.Constant) else None
    if literal is not None:
        return literal
    text = file.render(value)
    is_simple = isinstance(value, (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant))
    whole = text if is_simple else f"({text})"
    return f"not {whole}" if name == "enable_local_storage" else f"{whole} * 1000"


def connection_string(key: ast.expr, file: File) -> str:
    """Return the source of the connection string of an instrumentation key."""
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        source = file.text(key)
        quote = _quote(file, key)
        if source.startswith(quote):
            return f"{quote}InstrumentationKey={source[len(quote) :]}"
    return options.connection_string_of(key, file)


def _quoted(file: File, node: ast.expr, text: str) -> str:
    quote = _quote(file, node)
    return f"{quote}{text}{quote}"


def _quote(file: File, node: ast.expr) -> str:
    source = file.text(node)
    return next((quote for quote in ('"""', "'''", '"', "'") if source.startswith(quote)), '"')


def logger(use: Found, file: File) -> Outcome:
    """`logging.getLogger("opencensus.ext.azure...")` → `logging.getLogger("appinsights_exporter")`."""
    if not isinstance(use.node, (ast.Constant, ast.JoinedStr)):
        return Ask("Which loggers are meant? Write their names.")
    if configurations.is_of_other_maker(use.symbol):
        return Keep("the logger of a package that has to stay as long as its exporter does")
    if configuration_texts.is_text(use):
        return configuration_texts.named(use, file)
    return [file.replace(use.node, _quoted(file, use.node, configurations.logger(use.symbol)))]


REWRITERS: dict[str, Rewriter] = {"N003": class_of_logging, "N004": logger}
