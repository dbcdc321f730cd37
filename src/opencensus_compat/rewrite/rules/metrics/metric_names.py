"""Names of metrics that no instrument of OpenTelemetry can have, such as `prompts: all`: a view of the provider gives them to the metric."""

from __future__ import annotations

import ast
import itertools
import json
import re
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.following.callers import given
from opencensus_compat.rewrite.following.made import called

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.scan.python_uses import Found

_NAMED = (
    "stats.view.View",
    *(f"metrics.export.gauge.{kind}" for kind in ("LongGauge", "DoubleGauge", "DerivedLongGauge", "DerivedDoubleGauge")),
    *(
        f"metrics.export.cumulative.{kind}"
        for kind in ("LongCumulative", "DoubleCumulative", "DerivedLongCumulative", "DerivedDoubleCumulative")
    ),
)
"""What has a name that becomes an instrument's."""
_NAME = re.compile(r"[A-Za-z][-_./A-Za-z0-9]{0,254}")
_UNIT = re.compile(r"[\x00-\x7f]{0,63}")
_OTHER_UNIT = "Which unit is it in ASCII? OpenTelemetry's instruments have at most 63 such characters."
_CHANGING = frozenset({"S001", "S002", "M001", "M002", "A010"})


def name(node: ast.expr, home: File) -> str:
    """Return the source of the name of an instrument.

    Args:
        node: The name of the view, gauge or cumulative.
        home: Its file.

    Raises:
        Refused: No instrument can have it, and no exporter's `configure` gives it to the metric.
    """
    text = _text(node)
    _check_given(node, home, _NAME, "Which name is the metric to have? No instrument is called {!r}, which a call gives here.")
    if text is None or _NAME.fullmatch(text):
        return home.text(node)
    if not any(use.rule == "A010" for file in home.files.values() for use in file.uses):
        raise Refused(
            Ask(
                f"Which name is the metric to have? No instrument is called {text!r}; `View(instrument_name=…, name=…)` of a MeterProvider can."
            )
        )
    return json.dumps(_of_instrument(text))


def unit(node: ast.expr, home: File) -> str:
    """Return the source of the unit of an instrument.

    Raises:
        Refused: No instrument can have it.
    """
    text = _text(node)
    _check_given(node, home, _UNIT, _OTHER_UNIT)
    if text is not None and not _UNIT.fullmatch(text):
        raise Refused(Ask(_OTHER_UNIT))
    return home.text(node)


def _check_given(node: ast.expr, home: File, pattern: re.Pattern[str], question: str) -> None:
    """Raise where the calls of a function give a text for a parameter that no instrument can have."""
    slot = home.slot(node) if isinstance(node, ast.Name) else None
    parameter = slot.parameter if slot is not None and len(slot.stores) == 1 else None
    for _, _, value in (given(home, parameter) or []) if parameter is not None else []:
        text = _text(value) if value is not None else None
        if text is not None and not pattern.fullmatch(text):
            raise Refused(Ask(question.format(text)))


def argument(file: File, node: ast.AST) -> list[str]:
    """Return the argument of `configure` that gives metrics the names which their instruments cannot have; nothing where all can."""
    found = dict.fromkeys(text for text in _names(file) if not _NAME.fullmatch(text))
    if not found:
        return []
    if len({_of_instrument(text).lower() for text in _names(file)}) < len({text.lower() for text in _names(file)}):
        raise Refused(Ask("Which names are the metrics to have? Two of them differ in what no instrument's name can have."))
    view = file.need("from opentelemetry.sdk.metrics.view import View", node)
    made = [f"{view}(instrument_name={json.dumps(_of_instrument(text))}, name={json.dumps(text, ensure_ascii=False)})" for text in found]
    return [f"views=[{', '.join(made)}]"]


def together(files: Iterable[File]) -> Iterator[tuple[Found, Found]]:
    """Yield, in pairs, the metrics of a program and their exporter, where that gives them their names."""
    every = list(files)
    if any(not _NAME.fullmatch(text) for file in every[:1] for text in _names(file)):
        yield from itertools.pairwise(use for file in every for use in file.uses if use.rule in _CHANGING)


def _names(file: File) -> list[str]:
    """Return the names of all metrics of the program that are written out."""
    given = (home.argument(call, 0, "name") for home in file.files.values() for symbol in _NAMED for call in called(home, symbol))
    texts = (_text(node) for node in given if node is not None)
    return [text for text in texts if text is not None]


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _of_instrument(text: str) -> str:
    """Return the name of the instrument of a metric."""
    plain = re.sub(r"[^-_./A-Za-z0-9]+", "_", text)
    return (plain if plain[:1].isalpha() else f"metric_{plain}")[:255]
