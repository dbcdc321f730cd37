"""Rules of misbehaviour as text and as JSON: reading them, writing them, and the help that lists them. Pure."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import textwrap
import types
import typing
from collections.abc import Mapping
from typing import Any

from .bodies import JsonObject
from .misbehave import RULES, Rule, RuleError

# A comma between parameters, not one inside brackets, braces or quotes.
_SEPARATOR = re.compile(r""",(?=(?:[^"]*"[^"]*")*[^"]*$)(?![^\[{]*[\]}])""")


def parse(source: object) -> Rule:
    """Return the rule that a text or a mapping describes; a rule is returned as it is.

    Text: ``NAME`` or ``NAME:KEY=VALUE,KEY=VALUE``, values as JSON or bare words; or the JSON text of a mapping.
    Mapping: ``{"rule": NAME, KEY: VALUE, ...}``.

    Raises:
        RuleError: Unknown rule or parameter, or a value of the wrong type.

    """
    if isinstance(source, Rule):
        return source
    if isinstance(source, str):
        source = _mapping(source)
    if not isinstance(source, Mapping):
        raise RuleError(f"expected a rule as a mapping or a text, got {source!r}")
    values = {str(key).replace("-", "_"): value for key, value in source.items()}
    name = values.pop("rule", None)
    kind = RULES.get(name.replace("-", "_")) if isinstance(name, str) else None
    if kind is None:
        raise RuleError(f"unknown rule {name!r}; the rules are {', '.join(RULES)}")
    hints = typing.get_type_hints(kind)
    known = {entry.name: entry for entry in dataclasses.fields(kind)}
    for key in values:
        if key not in known:
            raise RuleError(f"rule {kind.name!r} has no parameter {key!r}; it takes {', '.join(known)}")
    required = [name for name, entry in known.items() if entry.default is entry.default_factory is dataclasses.MISSING]
    missing = [name for name in required if name not in values]
    if missing:
        raise RuleError(f"rule {kind.name!r} needs {' and '.join(missing)}")
    return kind(**{key: _converted(kind.name, key, value, hints[key]) for key, value in values.items()})


def describe(rule: Rule) -> JsonObject:
    """Return the mapping that ``parse`` reads back as this rule."""
    return {"rule": rule.name, **dataclasses.asdict(rule)}


def help_text(width: int = 80) -> str:
    """Return for each rule its name, its own parameters with their defaults, and what it does.

    Args:
        width: Characters of a line, at most.
    """
    lines = []
    for name, kind in RULES.items():
        parameters = []
        for entry in dataclasses.fields(kind):
            if entry.kw_only:
                continue
            value = entry.default if entry.default_factory is dataclasses.MISSING else entry.default_factory()
            parameters.append(entry.name if value is dataclasses.MISSING else f"{entry.name}={json.dumps(value)}")
        lines.append(f"  {name}" + (":" + ",".join(parameters) if parameters else ""))
        lines += textwrap.wrap((kind.__doc__ or "").replace("``", ""), max(40, width), initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)


def _mapping(text: str) -> JsonObject:
    if text.lstrip().startswith("{"):
        try:
            value = json.loads(text)
        except ValueError as error:
            raise RuleError(f"rule is not valid JSON: {error}") from None
        return dict(value)  # a text that begins with a brace is an object or no JSON at all
    name, _, rest = text.partition(":")
    values: dict[str, Any] = {"rule": name.strip()}
    for part in _SEPARATOR.split(rest) if rest.strip() else ():
        key, equals, value = part.partition("=")
        if not equals:
            raise RuleError(f"expected KEY=VALUE in rule {text!r}, got {part!r}")
        try:
            values[key.strip()] = json.loads(value)
        except ValueError:
            values[key.strip()] = value
    return values


def _converted(rule: str, key: str, value: Any, hint: object) -> Any:
    if not _fits(value, hint):
        options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and str in options:
            return str(value)  # retry_after=5 means the header text "5"
        wanted = " or ".join("nothing" if option is type(None) else getattr(option, "__name__", str(option)) for option in options)
        raise RuleError(f"parameter {key!r} of rule {rule!r} must be {wanted}, got {value!r}")
    if key in ("times", "skip") and value is not None and value < 0:
        raise RuleError(f"parameter {key!r} of rule {rule!r} must not be negative, got {value!r}")
    if (key == "every" and value < 1) or (key == "items_per_s" and not value > 0):
        raise RuleError(f"parameter {key!r} of rule {rule!r} must be positive, got {value!r}")
    if key == "code" and value is not None and not 100 <= value <= 599:
        raise RuleError(f"parameter 'code' of rule {rule!r} must be an HTTP status, got {value!r}")
    if hint is float:
        return float(value)
    return value


def _fits(value: object, hint: Any) -> bool:
    if isinstance(hint, types.UnionType):
        return any(_fits(value, option) for option in typing.get_args(hint))
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    origin = typing.get_origin(hint)
    if origin is list:
        return isinstance(value, list) and bool(value) and all(_fits(part, int) for part in value)
    if origin is not None:
        return isinstance(value, Mapping) and all(isinstance(part, str) for pair in value.items() for part in pair)
    return isinstance(value, hint)
