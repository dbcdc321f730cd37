"""Logging configurations in files other than Python's: handlers and loggers by name, in YAML, JSON, TOML and INI."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite.texts.requirements import GOES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

HANDLERS = {
    "ext.azure.log_exporter.AzureLogHandler": "appinsights_exporter.ApplicationInsightsLoggingHandler",
    "ext.azure.log_exporter.AzureEventHandler": "appinsights_exporter.ApplicationInsightsEventHandler",
}
"""Handler below ``opencensus`` -> the one that takes its place."""
OPTIONS = {
    "connection_string": "connection_string",
    "credential": "credential",
    "enable_local_storage": "disable_offline_storage",
    "export_interval": "export_interval_millis",
    "instrumentation_key": "connection_string",
    "logging_sampling_exempt_level": "sampling_exempt_level",
    "logging_sampling_rate": "sampling_rate",
    "max_batch_size": "max_batch_size",
    "minimum_retry_interval": "storage_min_retry_interval",
    "proxies": "proxies",
    "queue_capacity": "queue_capacity",
    "storage_max_size": "storage_max_size",
    "storage_path": "storage_directory",
    "storage_retention_period": "storage_retention_period",
    "timeout": "timeout",
}
"""Option of those handlers -> that of the new ones."""
CHANGED = frozenset({"enable_local_storage", "export_interval", "instrumentation_key"})
"""Options whose value changes with the name."""
_SET = re.compile(
    rb"\[\s*[\"'](" + "|".join(sorted(name for name, new in OPTIONS.items() if name != new)).encode() + rb")[\"']\s*\]\s*=(?!=)"
)
_OF_LOGGING = frozenset({"class", "()", "factory", "level", "formatter", "filters", "args", "kwargs", "."})
_CLASS = re.compile(r"(?<![\w.])opencensus\.(ext\.azure\.log_exporter\.\w+)(?![\w.])")
_LOGGER = re.compile(r"(?<![\w./@-])opencensus(?:\.[A-Za-z_]\w*)*(?![\w.])")
_FACTORY = re.compile(r"""["']?(?:class|\(\)|factory)["']?\s*[:=]\s*["']?$""")
_GUID_OR_FIELD = re.compile(r"[0-9A-Fa-f-]{32,36}|\$\{[^}]*\}|%\([^)]*\)s|<[\w -]+>")


class Edit(NamedTuple):
    """A splice, in characters."""

    start: int
    end: int
    text: str


class Named(NamedTuple):
    """A name with what belongs to it: all of its splices are done, or none."""

    rule: str
    name: str
    """Below ``opencensus``."""
    edits: tuple[Edit, ...]


class Left(NamedTuple):
    """What stays, with the reason."""

    start: int
    rule: str
    name: str
    reason: str


class Option(NamedTuple):
    """An option of a handler, by its places in a text."""

    name: str
    start: int
    end: int
    value_start: int
    value_end: int


def options_of(symbol: str, names: Collection[str]) -> str | None:
    """Return why a handler with these options stays as it is; None where the new one takes its place."""
    if symbol not in HANDLERS:
        return "a class that has no counterpart"
    if {"connection_string", "instrumentation_key"} <= set(names):
        return "it has a connection string and an instrumentation key: delete one"
    more = sorted(set(names) - _OF_LOGGING - OPTIONS.keys())
    return f"the new handler has no option {', '.join(f'`{name}`' for name in more)}" if more else None


def value_of(name: str, text: str) -> str | None:
    """Return what stands for the value of an option, from its literal; None for one that cannot be told.

    Units: ``export_interval`` is in seconds, ``export_interval_millis`` in milliseconds.
    """
    if name == "instrumentation_key":
        return f"InstrumentationKey={text}" if _GUID_OR_FIELD.fullmatch(text) else None
    if name == "enable_local_storage":
        return {"true": "false", "false": "true", "True": "False", "False": "True"}.get(text)
    if name == "export_interval":
        return f"{float(text) * 1000:g}" if re.fullmatch(r"\d+(?:\.\d+)?", text) and float(text) else None
    return text


def logger(name: str) -> str:
    """Return the logger of this package that stands for one of OpenCensus, both below their roots."""
    return "appinsights_exporter" if name == "ext.azure" or name.startswith("ext.azure.") else "opentelemetry"


def is_of_other_maker(name: str) -> bool:
    """Return whether a logger of OpenCensus is that of a package for which this one does not stand."""
    first, _, rest = name.partition(".")
    package = rest.partition(".")[0].replace("_", "-")
    return first == "ext" and package != "" and f"opencensus-ext-{package}" not in GOES


def set_by_code(sources: Iterable[bytes]) -> set[str]:
    """Return the options that Python files set in a dictionary, which may be that of a handler, and that have other names in the new one."""
    return {name.decode() for source in sources for name in _SET.findall(source)}


def read(path: str, text: str, set_later: Collection[str] = ()) -> tuple[list[Named], list[Left]]:
    """Return what becomes of the handlers and loggers of a file.

    Args:
        path: Its path; the name tells its form.
        text: Its text.
        set_later: Options that code sets in what it has read.
    """
    made: list[Named] = []
    left: list[Left] = []
    for match in _CLASS.finditer(text):
        line = text.rfind("\n", 0, match.start()) + 1
        if text[line : match.start()].lstrip().startswith(("#", ";", "//")) or not _FACTORY.search(text[line : match.start()]):
            continue
        options = _options(path, text, match.start())
        why = options_of(match[1], [option.name for option in options])
        if why is None and set_later:
            name = min(set_later)
            why = f"Python code sets `{name}` of a handler: write `{OPTIONS[name]}` there, and the new class here"
        edits = [Edit(match.start(), match.end(), HANDLERS.get(match[1], ""))]
        for option in options:
            if option.name not in OPTIONS or why is not None:
                continue
            old = text[option.value_start : option.value_end]
            new = value_of(option.name, old)
            if new is None:
                why = f"`{option.name}` is no plain value here: write `{OPTIONS[option.name]}`"
                continue
            edits += [Edit(option.start, option.end, OPTIONS[option.name])] if OPTIONS[option.name] != option.name else []
            edits += [Edit(option.value_start, option.value_end, new)] if new != old else []
        if why is not None:
            left.append(Left(match.start(), "N003", match[1], why))
        else:
            made.append(Named("N003", match[1], tuple(edits)))
    return [*made, *_loggers(text)], left


def _loggers(text: str) -> Iterator[Named]:
    """Yield the splices for loggers that a configuration names: keys of YAML, JSON and TOML, `qualname` of INI files."""
    taken = set(re.findall(r"""^\s*["']?(appinsights_exporter|opentelemetry)["']?\s*:""", text, re.MULTILINE))
    for match in _LOGGER.finditer(text):
        line = text.rfind("\n", 0, match.start()) + 1
        before, after = text[line : match.start()], text[match.end() :]
        ahead = before.rstrip(" \t\"'")
        is_key = (not ahead or ahead[-1] in "{,") and re.match(r"[\"']?[ \t]*:(?:\s|$)", after) and _inside_loggers(text, match.start())
        is_table = re.fullmatch(r"\s*\[loggers\.[\"']", before) and re.match(r"[\"']\]", after)
        if is_key or is_table or re.search(r"qualname\s*=\s*$", before):
            old = match[0].removeprefix("opencensus").removeprefix(".")
            name = logger(old)
            if is_of_other_maker(old):
                continue
            if name in taken and not re.search(r"qualname", before):
                continue
            taken.add(name)
            yield Named("N004", old, (Edit(match.start(), match.end(), name),))


def _inside_loggers(text: str, at: int) -> bool:
    return re.search(r"""["']?loggers["']?\s*:""", text[:at]) is not None


def _options(path: str, text: str, at: int) -> list[Option]:
    """Return the options beside the class of a handler."""
    opened = _brace(text, at)
    if opened is not None:
        return list(_in_braces(text, opened))
    if path.endswith((".yml", ".yaml")):
        return list(_in_block(text, at))
    return list(_in_section(text, at))


def _brace(text: str, at: int) -> int | None:
    """Return where the innermost brace opens that is open at a place; None for none."""
    depth = 0
    for place in range(at - 1, -1, -1):
        if text[place] == "}":
            depth += 1
        elif text[place] == "{":
            if not depth:
                return place
            depth -= 1
    return None


_FLOW_KEY = re.compile(r"""["']?([\w().]+)["']?\s*[:=]\s*(?:"([^"\n]*)"|'([^'\n]*)'|(\$\{[^}\s]*\}|[^\s,}\[{]+))?""")


def _in_braces(text: str, opened: int) -> Iterator[Option]:
    """Yield the keys of an object, not those of the objects in it."""
    depth, place = 0, opened
    while place < len(text):
        sign = text[place]
        if sign in "{[":
            depth += 1
        elif sign in "}]":
            depth -= 1
            if not depth:
                return
        elif depth == 1 and (match := _FLOW_KEY.match(text, place)) is not None and text[:place].rstrip()[-1:] in {"{", ","}:
            group = next((number for number in (2, 3, 4) if match[number] is not None), 0)
            yield Option(match[1], match.start(1), match.end(1), *(match.span(group) if group else (match.end(), match.end())))
            place = max(match.end(), place + 1)
            continue
        elif sign == '"':
            closing = re.compile(r'"(?:[^"\\]|\\.)*"').match(text, place)
            place = closing.end() if closing else place + 1
            continue
        place += 1


_BLOCK_KEY = re.compile(
    r"""([ \t]*(?:-[ \t]+)?)["']?([\w().]+)["']?[ \t]*:[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\n#]*?))[ \t]*(?:#[^\n]*)?$""", re.MULTILINE
)


def _in_block(text: str, at: int) -> Iterator[Option]:
    """Yield the keys of a block of YAML: those lines around that are indented as much."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    here = max(index for index, start in enumerate(starts) if start <= at)
    own = _BLOCK_KEY.match(text, starts[here])
    width = len(own[1]) if own else 0
    rows = [here]
    for step in (-1, 1):
        row = here + step
        while 0 <= row < len(starts):
            line = text[starts[row] : starts[row + 1] if row + 1 < len(starts) else len(text)]
            indent = len(line) - len(line.lstrip(" \t-"))
            if line.strip() and not line.lstrip().startswith("#") and indent < width:
                break
            rows.append(row)
            row += step
    for row in sorted(rows):
        match = _BLOCK_KEY.match(text, starts[row])
        if match and len(match[1]) == width:
            group = next(number for number in (3, 4, 5) if match[number] is not None)
            yield Option(match[2], match.start(2), match.end(2), *match.span(group))


_SECTION_KEY = re.compile(r"""^[ \t]*["']?([\w().]+)["']?[ \t]*[=:][ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\n]*?))[ \t]*$""", re.MULTILINE)


def _in_section(text: str, at: int) -> Iterator[Option]:
    """Yield the keys of a section of an INI file, those of `kwargs` too, or of a table of TOML."""
    first = max((match.end() for match in re.finditer(r"^\s*\[.*\]\s*$", text[:at], re.MULTILINE)), default=0)
    after = re.compile(r"^\s*\[.*\]\s*$", re.MULTILINE).search(text, at)
    for match in _SECTION_KEY.finditer(text, first, after.start() if after else len(text)):
        group = next(number for number in (2, 3, 4) if match[number] is not None)
        yield Option(match[1], match.start(1), match.end(1), *match.span(group))
        if match[1] == "kwargs":
            yield from _of_dictionary(text, *match.span(group))
        elif match[1] == "args" and match[group].strip() not in {"", "()"}:
            yield Option("args by place", match.start(1), match.end(1), *match.span(group))


def _of_dictionary(text: str, start: int, end: int) -> Iterator[Option]:
    try:
        node = ast.parse(text[start:end], mode="eval").body
    except SyntaxError:
        node = ast.Constant(None)
    if not isinstance(node, ast.Dict) or not text[start:end].isascii() or "\n" in text[start:end]:
        yield Option("kwargs in another form", start, start, start, end)
        return
    for key, value in zip(node.keys, node.values, strict=True):
        name = str(key.value) if isinstance(key, ast.Constant) else "**"
        at = key.col_offset + 1 if key is not None else 0
        quote = int(isinstance(value, ast.Constant) and isinstance(value.value, str))
        place = (start + value.col_offset + quote, start + (value.end_col_offset or 1) - quote)
        yield Option(name, start + at, start + at + len(name), *place)
