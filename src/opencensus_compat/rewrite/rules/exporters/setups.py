"""The places of a program that set up what is sent: a process has one pipeline for each signal, so that they must say the same."""

from __future__ import annotations

import ast
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.following.made import is_azure, stored
from opencensus_compat.rewrite.rules.exporters import providers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opencensus_compat.rewrite.context import File

TRACES, METRICS = "traces", "metrics"
_OF_METRICS = frozenset({"ext.azure.metrics_exporter.new_metrics_exporter", "ext.azure.metrics_exporter.MetricsExporter"})
_VARIABLE = "APPLICATIONINSIGHTS_CONNECTION_STRING"
_ENVIRONMENT = re.compile(rf"(?:os\.)?(?:environ\[|environ\.get\(|getenv\()'{_VARIABLE}'(?:, None)?[\])]")
_NAMES = {"connection_string": "connection string", "sampler": "sampler", "export_interval": "interval"}
_DEPTH = 8
_THREAD = "metrics.transport.get_exporter_thread"
DEFAULT_INTERVAL_MILLIS = 15_000
"""Of metrics, where an exporter is registered."""
_INTERVALS = {TRACES: "schedule_delay_millis", METRICS: "export_interval_millis"}
_LEFT_OUT = "left out"


class SetUp(NamedTuple):
    """One place that sets a signal up."""

    file: File
    node: ast.Call
    """The tracer, middleware or exporter of metrics; or the call of `configure`."""
    signal: str
    given: dict[str, str]
    """Argument -> what tells its values apart, as text."""

    @property
    def place(self) -> tuple[str, int]:
        """Where it is."""
        return self.file.path, self.node.lineno


def check(call: ast.Call, file: File) -> None:
    """Refuse a place that contradicts another one of the program, which would fail where it runs second.

    Raises:
        Refused: A person must say which one is meant: asked at the first of them, of which the others wait.
    """
    mine = next((each for each in _of_file(file) if each.node is call), None)
    if mine is None:
        return
    others = [each for each in _every(mine.signal, file) if each.node is not call]
    contradicting = [(each, differing) for each in others if (differing := _differing(mine, each))]
    if not contradicting:
        return
    asking = min([mine, *(each for each, _ in contradicting if not _is_new(each))], key=lambda each: each.place)
    if asking is not mine:
        raise Refused(Keep(f"waits for the answer at {_shown(asking, file)}: both set up the {mine.signal} of one process"))
    names = " and ".join(dict.fromkeys(_NAMES[name] for _, differing in contradicting for name in differing))
    places = " and ".join(dict.fromkeys(_shown(each, file) for each, _ in contradicting))
    raise Refused(
        Ask(
            f"Which {names} is meant? A process sends its {mine.signal} in one way, and what is set up here is not what is set up at {places}. "
            "Make both places alike, or keep one of them."
        )
    )


def contradict(file: File, mine: Iterable[SetUp]) -> bool:
    """Return whether some tracers and middlewares of a program contradict each other, or what `configure` sets up in it."""
    every = list(mine)
    new = list(filter(_is_new, _every(TRACES, file)))
    return any(_differing(one, other) for one in every for other in [*every, *new])


def samplers_of_configure(file: File) -> set[str]:
    """Return what the samplers do that `configure` sets up in a program, as text."""
    new = filter(_is_new, _every(TRACES, file))
    return {each.given.get("sampler", "on") for each in new}


def is_needed(call: ast.Call, file: File) -> bool:
    """Return whether an exporter that nothing reads may still send: the spans of a provider that the program sets, and that has no exporter."""
    sends = any(each.node is not call for each in _every(TRACES, file))
    return not sends and any(b"TracerProvider" in home.source for home in file.files.values())


@of_program
def _every(signal: str, file: File) -> list[SetUp]:
    """Return where a program sets up what is sent of a signal."""
    return [each for home in file.files.values() for each in _of_file(home) if each.signal == signal]


def check_arguments(arguments: list[str], file: File, what: str = "OPENCENSUS") -> None:
    """Refuse arguments of `configure` for spans that contradict what another place of the program sets up.

    Args:
        arguments: As they are written.
        file: Where they are.
        what: What they are of.

    Raises:
        Refused: A person must say which one is meant.
    """
    try:
        given = {name: ast.parse(value, mode="eval").body for name, _, value in (each.partition("=") for each in arguments)}
    except SyntaxError:
        raise Refused(Ask("Which value has the option that is text inside the text of OPENCENSUS?")) from None
    sampler = {"sampler": kind(file, given["sampler"])} if "sampler" in given else {}
    mine = {"connection_string": connection(file, given.get("connection_string")), **sampler}
    for other in _every(TRACES, file):
        differing = [name for name, value in mine.items() if other.given.get(name, value) != value]
        if differing:
            names = " and ".join(_NAMES[name] for name in differing)
            raise Refused(
                Ask(
                    f"Which {names} is meant? A process sends its traces in one way, and {what} is not what is set up at {_shown(other, file)}."
                )
            )


def check_exporter(call: ast.Call, sampler: tuple[str, str], file: File) -> None:
    """Refuse an exporter that a class is handed, where another place of the program sets up something else.

    Args:
        call: What makes it.
        sampler: Class and rate of the sampler of its tracers, as `providers.kind` tells them.
        file: Its file.

    Raises:
        Refused: A person must say which one is meant.
    """
    mine = SetUp(file, call, TRACES, {**options_of(call, file), "sampler": decides(sampler)})
    for other in _every(TRACES, file):
        if other.node is not call and (differing := _differing(mine, other)):
            names = " and ".join(_NAMES[each] for each in differing)
            raise Refused(
                Ask(
                    f"Which {names} is meant? A process sends its traces in one way, and this exporter's is not what is set up at "
                    f"{_shown(other, file)}."
                )
            )


def _shown(each: SetUp, file: File) -> str:
    path = os.path.basename(each.file.path) if each.file is file else os.path.relpath(each.file.path)
    return f"{path}:{each.node.lineno}"


def _is_new(each: SetUp) -> bool:
    return not each.file.symbol(each.node) and not (each.node.args and each.file.symbol(each.node.args[0]))


def _differing(one: SetUp, other: SetUp) -> list[str]:
    """Return the arguments that contradict each other; one that is left out is as the other has it, but for the connection string."""
    return [name for name, value in one.given.items() if name in other.given and other.given[name] != value]


def _of_file(file: File) -> list[SetUp]:
    if file.set_ups is None:
        file.set_ups = list(_read(file))
    found: list[SetUp] = file.set_ups
    return found


def _read(file: File) -> Iterator[SetUp]:
    for node in file.kinds[ast.Call]:
        taker = providers.taker(node, file)
        if taker is not None:
            yield from _of_traces(node, taker, file)
        elif file.symbol(node) in _OF_METRICS:
            yield SetUp(file, node, METRICS, {**options_of(node, file), "export_interval": _interval_of_metrics(node, file)})
        elif _name(node.func) == "configure" and b"appinsights_exporter" in file.source:
            yield from _configured(node, file)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _of_traces(node: ast.Call, taker: providers.Taker, file: File) -> Iterator[SetUp]:
    home, made = _made(file, taker.exporter)
    if isinstance(made, ast.Call) and is_azure(home, made):
        of_sampler = kind(file, taker.sampler) if taker.sampler is not None else decides(taker.default)
        yield SetUp(file, node, TRACES, {**options_of(made, home), "sampler": of_sampler})


def decides(sampler: tuple[str, str]) -> str:
    """Return what a kind of sampler, as `providers.kind` tells them, does, as `kind` says it."""
    name, rate = sampler
    return ("on" if float(rate) >= 1 else rate) if rate else "off" if name.endswith("AlwaysOffSampler") else "on"


def options_of(made: ast.Call, file: File) -> dict[str, str]:
    """Return what tells the options of an exporter apart, as text."""
    given = {keyword.arg: keyword.value for keyword in made.keywords if keyword.arg is not None}
    key = given.get("instrumentation_key")
    found = {"connection_string": f"key {text(file, key)}" if key is not None else connection(file, given.get("connection_string"))}
    found["export_interval"] = _millis(file, given.get("export_interval"))
    return found


def _interval_of_metrics(made: ast.Call, file: File) -> str:
    """Return what tells the intervals of exporters of metrics apart: a thread of its own has another one than a registered exporter."""
    threads = [each for each in file.kinds[ast.Call] if file.symbol(each) == _THREAD]
    mine = next((each for each in threads if _made(file, file.argument(each, 1, "exporter"))[1] is made), None)
    if mine is not None:
        return _millis(file, file.argument(mine, 2, "interval"))
    given = next((each.value for each in made.keywords if each.arg == "export_interval"), None)
    return _millis(file, given) if given is not None else str(DEFAULT_INTERVAL_MILLIS)


def _millis(file: File, node: ast.expr | None) -> str:
    """Return what tells intervals in seconds apart, as text: milliseconds, where it is a number."""
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return _LEFT_OUT
    home, found = _made(file, node)
    value = found.value if isinstance(found, ast.Constant) else None
    return str(round(value * 1000)) if isinstance(value, (int, float)) else text(home, node)


def _configured(node: ast.Call, file: File) -> Iterator[SetUp]:
    given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    signals = given.get("signals")
    found = {"connection_string": connection(file, file.argument(node, 0, "connection_string"))}
    if "sampler" in given:
        found["sampler"] = kind(file, given["sampler"])
    for signal in (TRACES, METRICS):
        if signals is None or f"'{signal}'" in ast.unparse(signals):
            interval = given.get(_INTERVALS[signal])
            told = _LEFT_OUT if interval is None else ast.unparse(interval).removesuffix(" * 1000")
            yield SetUp(file, node, signal, {**found, "export_interval": told})


def _made(file: File, node: ast.expr | None) -> tuple[File, ast.expr | None]:
    """Return the expression that a name or attribute is bound to, and its file; the expression itself, where that is not known."""
    for _ in range(_DEPTH):
        if not isinstance(node, (ast.Name, ast.Attribute)) or (value := stored(file, node)) is None:
            break
        file, node = value
    return file, node


def text(file: File, node: ast.expr) -> str:
    """Return a text that is equal for expressions of the same value, as far as that can be seen."""
    home, found = _made(file, node)
    return ast.unparse(found if found is not None else node) if home is not None else ""


def connection(file: File, node: ast.expr | None) -> str:
    """Return what tells connection strings apart; that of the environment is the one of an exporter that names none."""
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return _VARIABLE
    home, found = _made(file, node)
    assert found is not None
    if isinstance(found, ast.IfExp) and isinstance(found.orelse, ast.Constant) and found.orelse.value is None:
        found = found.body  # a key that may not be set
    shown = ast.unparse(found)
    if _ENVIRONMENT.fullmatch(shown):
        return _VARIABLE
    if isinstance(found, ast.Constant) and isinstance(found.value, str) and re.fullmatch(r"InstrumentationKey=[^;]+;?", found.value):
        return f"key {found.value.partition('=')[2].rstrip(';')!r}"
    if isinstance(found, ast.BinOp) and isinstance(found.left, ast.Constant) and found.left.value == "InstrumentationKey=":
        return f"key {text(home, found.right)}"
    if isinstance(found, ast.JoinedStr) and len(found.values) == 2:
        first, last = found.values
        if isinstance(first, ast.Constant) and first.value == "InstrumentationKey=" and isinstance(last, ast.FormattedValue):
            return f"key {text(home, last.value)}"
    return shown


def kind(file: File, node: ast.expr) -> str:
    """Return what a sampler does, as text that is equal for samplers of both APIs that do the same."""
    _, found = _made(file, providers.default(node, file))
    shown = re.sub(r"[\w.]*\b(?=ALWAYS_|Always|Probability|TraceIdRatio)", "", ast.unparse(found if found is not None else node))
    rate = re.search(r"(?:ProbabilitySampler|TraceIdRatioBased)\((?:rate=)?(.*?)\)+(?:, remote_parent_not_sampled=.*)?$", shown)
    if rate is not None:
        value = rate[1].partition(")")[0] or "0.0001"
        return "on" if re.fullmatch(r"1(?:\.0*)?", value) else value
    known: Mapping[str, str] = {"AlwaysOnSampler()": "on", "ALWAYS_ON": "on", "AlwaysOffSampler()": "off", "ALWAYS_OFF": "off"}
    return known.get(shown, shown)
