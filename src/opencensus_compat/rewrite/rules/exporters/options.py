"""Options of the Azure exporters and handlers, under the names that `appinsights_exporter` has for them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from opencensus_compat.rewrite import removal
from opencensus_compat.rewrite.context import Ask, File, Refused
from opencensus_compat.rewrite.rules.exporters.star_options import UNKNOWN, Written, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opencensus_compat.rewrite.edits import Edit


class Renders(Protocol):
    """Where options are written: a file, or the text of a setting."""

    def render(self, node: ast.expr, /) -> str:
        """Return the source of an expression after what its uses become."""
        ...


Of: TypeAlias = Literal["handler", "metrics", "traces"]
"""What an option belongs to: the new handler, or `configure` for that signal."""

_IGNORED = frozenset({"enable_standard_metrics", "sampler", "storage_maintenance_period"})
"""Options that decide something else than where and how items are sent, or nothing at all."""
_BATCHES = {
    "export_interval": {"handler": "export_interval_millis", "metrics": "export_interval_millis", "traces": "schedule_delay_millis"},
    "max_batch_size": {"handler": "max_batch_size", "traces": "max_export_batch_size"},
    "queue_capacity": {"handler": "queue_capacity", "traces": "max_queue_size"},
}
_SAME = {
    "connection_string": "connection_string",
    "credential": "credential",
    "minimum_retry_interval": "storage_min_retry_interval",
    "proxies": "proxies",
    "storage_max_size": "storage_max_size",
    "storage_path": "storage_directory",
    "storage_retention_period": "storage_retention_period",
    "timeout": "timeout",
}
"""Option -> argument of the same meaning and unit."""
RATE = "logging_sampling_rate"
"""Option of log handlers: which share of the records they send."""
_SAMPLING = {RATE: "sampling_rate", "logging_sampling_exempt_level": "sampling_exempt_level"}
"""Options of log handlers about records that are left out -> arguments of the new handlers."""
IN_STARS = Ask("Which options of the exporter are in `*` or `**`? Write them by name, and run `rewrite` again.")
_BY_PLACE = Ask("Which options are given by place? Write them by name, and run `rewrite` again.")
_UNLIMITED = 1_000_000
"""Items in a queue of OpenCensus that has no limit."""
_QUESTIONS = {
    "endpoint": "Which region is meant? `IngestionEndpoint=` in the connection string names it; then delete `endpoint`.",
    "grace_period": "How long may the end of the process take? `resolve(grace_period_s=...)` of `appinsights_exporter.settings` says it to an exporter.",
}


def option(keyword: ast.keyword, file: Renders, of: Of) -> str | None:
    """Return an option as a keyword of `configure` or of the new handler; None for one that says what is the default.

    Raises:
        Refused: A person must say what becomes of it.
    """
    value, name = keyword.value, keyword.arg
    if name is None:
        raise Refused(UNKNOWN)
    is_constant = isinstance(value, ast.Constant)
    given = value.value if isinstance(value, ast.Constant) else ...
    if name in _IGNORED or (given is None and name not in {"connection_string", "instrumentation_key"}):
        return None
    if name == "instrumentation_key":
        return f"connection_string={connection_string_of(value, file)}"
    if name in _SAME:
        return f"{_SAME[name]}={file.render(value)}"
    if name in _BATCHES:
        new = _BATCHES[name].get(of)
        if new is None:
            # The reader of metrics has no queue, and exports all of them at once.
            return None
        if name == "export_interval":
            return f"{new}={milliseconds(value, file)}"
        if given == 0:
            return f"{new}={_UNLIMITED}"
        return f"{new}={file.render(value)}"
    if name == "enable_local_storage":
        if is_constant:
            return None if given else "disable_offline_storage=True"
        return f"disable_offline_storage=not {_wrapped(value, file)}"
    if name in _SAMPLING:
        # Exporters of spans and metrics sample no records.
        return None if of != "handler" or (given == 1 and name == RATE) else f"{_SAMPLING[name]}={file.render(value)}"
    raise Refused(Ask(_QUESTIONS.get(name, f"What is the option `{name}` for? The Azure exporters have none of this name.")))


def options(call: ast.Call, file: File, of: Of) -> list[str]:
    """Return the keywords of `configure` for the options of a call.

    Raises:
        Refused: A person must say what becomes of one.
    """
    if call.args:
        raise Refused(_BY_PLACE)
    found = [option(keyword, file, of) for keyword in call.keywords]
    given = [each for each in found if each is not None]
    _check_names(given)
    return given


def _check_names(given: Iterable[str]) -> None:
    names = [each.partition("=")[0] for each in given]
    if len(set(names)) < len(names):
        raise Refused(Ask("Which of the two counts, the connection string or the key? Write that one alone, and run `rewrite` again."))


def renamed(
    call: ast.Call,
    file: File,
    of: Of = "handler",
    *,
    by_place: int = 0,
    own: frozenset[str] = frozenset(),
    without_stars: bool = False,
) -> list[Edit]:
    """Return the edits that give a call the new options in the places of the old ones; those in other files are noted there.

    Args:
        call: The call.
        file: Its file.
        of: What the options belong to.
        by_place: How many arguments by place are none.
        own: Keywords that are none.
        without_stars: Whether somebody else sees to what is in `**`.

    Raises:
        Refused: A person must say what becomes of one.
    """
    if len(call.args) > by_place:
        raise Refused(_BY_PLACE)
    beside = Written(file, call, tuple(each for each in call.keywords if each.arg is not None and each.arg not in own))
    stars = [each.value for each in call.keywords if each.arg is None and not without_stars]
    places = [beside, *(place for each in stars for place in written(each, file))]
    edits: list[Edit] = []
    names: list[str] = []
    for place in places:
        texts = [option(each, place.file, of) for each in place.options]
        # Of several callers each gives options of its own.
        _check_names([*names, *(each for each in texts if each is not None)])
        names += [each for each in texts if each is not None] if place is beside else []
        changed = _in_place(place, texts)
        if place is not beside:
            place.file.covered.update(
                use for each in place.options for node in ast.walk(each.value) for use in place.file.by_node.get(node, ())
            )
            place.file.covered.update(use for each in place.options for use in place.file.by_node.get(each, ()))
        if place.file is file:
            edits += changed
        elif changed:
            file.elsewhere.append((place.file, place.file.statement(place.node), changed, []))
    return edits


def _in_place(place: Written, texts: Sequence[str | None]) -> list[Edit]:
    """Return the edits that put options, as keywords, in the places of old ones; None takes one away."""
    file, node = place.file, place.node
    edits = []
    for each, text in zip(place.options, texts, strict=True):
        if text is None:
            continue
        name, _, value = text.partition("=")
        if isinstance(node, ast.Call):
            edits += [file.splice(file.start(each), file.end(each), text, node)] if text != file.text(each) else []
            continue
        key = node.keys[node.values.index(each.value)]
        assert key is not None
        edits += [file.replace(key, _quoted_as(file.text(key), name))] if name != each.arg else []
        edits += [file.replace(each.value, value)] if value != file.text(each.value) else []
    going = [each for each, text in zip(place.options, texts, strict=True) if text is None]
    if isinstance(node, ast.Call):
        return [*edits, *removal.arguments(node, going, file)]
    return [*edits, *removal.values_of_dict(node, [each.value for each in going], file)]


def _quoted_as(old: str, name: str) -> str:
    quote = "'" if old.startswith("'") else '"'
    return f"{quote}{name}{quote}"


def connection_string_of(key: ast.expr, file: Renders) -> str:
    """Return the source of the connection string of an instrumentation key: None where the program has no key, as the key was."""
    if isinstance(key, ast.Constant) and isinstance(key.value, str) and not set(key.value) & set('"\\{}\n'):
        return f'"InstrumentationKey={key.value}"'
    text = file.render(key)
    if (found := _once_found(key, file)) is not None:
        return f'"InstrumentationKey=" + {found} if {text} else None'
    if isinstance(key, (ast.Name, ast.Attribute)):
        whole = f'f"InstrumentationKey={{{text}}}"'
        return whole if isinstance(file, File) and _is_text(key, file) else f"{whole} if {text} else None"
    return f'"InstrumentationKey=" + {text}' if isinstance(key, (ast.Call, ast.Subscript)) else f'"InstrumentationKey=" + ({text})'


def _once_found(call: ast.expr, file: Renders) -> str | None:
    """Return the source of what a call that gives None at times, such as `os.environ.get("KEY")`, gives otherwise; None for other calls."""
    if not isinstance(call, ast.Call) or call.keywords or not 1 <= len(call.args) <= 2:
        return None
    name, *default = call.args
    if not isinstance(name, ast.Constant) or any(not isinstance(each, ast.Constant) or each.value for each in default):
        return None
    if ast.unparse(call.func) in {"environ.get", "os.environ.get"}:
        assert isinstance(call.func, ast.Attribute)
        return f"{file.render(call.func.value)}[{file.render(name)}]"
    parts = ast.unparse(call.func).split(".")
    return file.render(call) if parts[-1] in {"get", "getenv"} and all(part.isidentifier() for part in parts) else None


def _is_text(name: ast.expr, file: File) -> bool:
    """Return whether a variable is bound to a text that is not empty, and to nothing else."""
    value = file.only_value(file.slot(name)) if isinstance(name, ast.Name) else None
    if isinstance(value, ast.Constant):
        return isinstance(value.value, str) and bool(value.value)
    if isinstance(value, ast.Subscript):
        return ast.unparse(value.value) in {"environ", "os.environ"}
    return isinstance(value, (ast.JoinedStr, ast.BinOp))


def milliseconds(value: ast.expr, file: Renders) -> str:
    """Return a number of seconds as milliseconds."""
    if isinstance(value, ast.Constant) and isinstance(value.value, (int, float)):
        # No processor or reader exports all the time.
        return str(max(1, round(value.value * 1000)))
    return f"{_wrapped(value, file)} * 1000"


def _wrapped(value: ast.expr, file: Renders) -> str:
    text = file.render(value)
    return text if isinstance(value, (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant)) else f"({text})"
