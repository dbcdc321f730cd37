"""What a call of ``configure`` gives: values that cannot work, and arguments that users of the official distro pass."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, TypeVar

from .errors import ConfigurationError
from .settings import ARGUMENT
from .spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SIGNALS", "Official", "Sizes", "batches", "check_all", "check_sizes", "checked", "of_official_distro", "positive", "same"]

SIGNALS = ("traces", "logs", "metrics")
_T = TypeVar("_T")

_DISABLE = {"disable_tracing": "traces", "disable_logging": "logs", "disable_metrics": "metrics"}
_ABSENT = {
    "enable_live_metrics": "there is no live metrics stream",
    "browser_sdk_loader_config": "there is no script for browsers",
    "enable_trace_based_sampling_for_logs": "records are sampled by appinsights_exporter.SampledLogRecordProcessor alone",
}
_QUEUE, _BATCH = 2048, 512
"""What the SDK's batch processors have where neither a program nor the environment says otherwise."""
_OPTIONS, _COUNTERS = "instrumentation_options", "enable_performance_counters"
_AZURE_SDK = "azure_sdk"


@dataclass(frozen=True, slots=True)
class Official:
    """What arguments of ``configure_azure_monitor`` say in the terms of ``configure``."""

    without: frozenset[str] = frozenset()
    """Signals that are not wanted."""
    instrumentations: tuple[str, ...] = ()
    performance_counters: bool = False


class Sizes(TypedDict, total=False):
    """Arguments of a batch processor of the SDK."""

    schedule_delay_millis: float
    max_queue_size: int
    max_export_batch_size: int


def of_official_distro(given: Mapping[str, object], own: Callable[[], tuple[str, ...]]) -> Official:
    """Return what arguments say that ``configure`` has in another form.

    Args:
        given: By name.
        own: Returns the names that ``configure`` has itself.

    Raises:
        ConfigurationError: There is no such thing here, or nobody has an argument of that name.
    """
    for name, value in given.items():
        if name in _ABSENT:
            if value and not (isinstance(value, Mapping) and value.get("enabled") is False):
                raise ConfigurationError(
                    name,
                    ARGUMENT,
                    expected=f"nothing, or what switches it off: {_ABSENT[name]}",
                    came=_shown(value),
                    advice="Leave it out.",
                )
        elif name in _DISABLE or name == _COUNTERS:
            if value is not None and not isinstance(value, bool):
                raise ConfigurationError(name, ARGUMENT, expected="True or False", came=_shown(value), advice="Correct the value.")
        elif name != _OPTIONS:
            known = (*own(), *_DISABLE, *_ABSENT, _COUNTERS, _OPTIONS)
            near = nearest(name, known)
            raise ConfigurationError(
                name,
                ARGUMENT,
                expected=f"one of the arguments {', '.join(own())}",
                came="an argument that configure() does not have",
                advice=f"Did you mean {near}?" if near else "Leave it out.",
            )
    return Official(
        frozenset(signal for name, signal in _DISABLE.items() if given.get(name)),
        _instrumentations(given.get(_OPTIONS)),
        bool(given.get(_COUNTERS)),
    )


def _instrumentations(options: object) -> tuple[str, ...]:
    """Return the libraries that the distro's options switch on."""
    if options is None:
        return ()
    if not isinstance(options, Mapping) or not all(isinstance(each, Mapping) for each in options.values()):
        raise ConfigurationError(
            _OPTIONS, ARGUMENT, expected='a mapping such as {"flask": {"enabled": True}}', came=_shown(options), advice="Correct the value."
        )
    wanted = tuple(str(name) for name, each in options.items() if each.get("enabled", True))
    if _AZURE_SDK in wanted:
        raise ConfigurationError(
            _OPTIONS,
            ARGUMENT,
            expected="names of instrumentations, which azure_sdk is none of",
            came=f"{_AZURE_SDK} enabled",
            advice='Leave it out, and set azure.core.settings.settings.tracing_implementation = "opentelemetry".',
        )
    return wanted


def _shown(value: object) -> str:
    # Options may hold connection strings.
    return repr(value) if isinstance(value, (bool, int, float)) else type(value).__name__


def checked(name: str, value: _T, method: str, expected: str) -> _T:
    """Return a value.

    Raises:
        ConfigurationError: It is not None, and lacks a method.
    """
    if value is not None and not callable(getattr(value, method, None)):
        raise ConfigurationError(name, ARGUMENT, expected=expected, came=type(value).__name__, advice=f"Pass an object with {method}().")
    return value


def check_all(name: str, values: tuple[object, ...], is_right: Callable[[object], bool], expected: str) -> None:
    """Look at values of an argument.

    Raises:
        ConfigurationError: One of them is not what is expected.
    """
    for value in values:
        if not is_right(value):
            raise ConfigurationError(
                name, ARGUMENT, expected=expected, came=type(value).__name__, advice="Pass objects of OpenTelemetry's."
            )


def positive(name: str, value: float | None, *, is_whole: bool = False) -> float | None:
    """Return a number, or None.

    Raises:
        ConfigurationError: It is something else, or not above 0.
    """
    is_number = isinstance(value, int if is_whole else (int, float)) and not isinstance(value, bool)
    if value is not None and not (is_number and value > 0):
        expected = "a whole number above 0" if is_whole else "a number of milliseconds above 0"
        advice = "512 is usual." if is_whole else "60_000 is a minute."
        raise ConfigurationError(name, ARGUMENT, expected=expected, came=repr(value), advice=advice)
    return value


def check_sizes(sizes: Mapping[str, float | None]) -> None:
    """Look at arguments of a batch processor of the SDK.

    Raises:
        ConfigurationError: One of them is no number above 0.
    """
    for name, value in sizes.items():
        positive(name, value, is_whole=name != "schedule_delay_millis")


def batches(sizes: Mapping[str, float | None], queue_variable: str, batch_variable: str) -> Sizes:
    """Return arguments of a batch processor of the SDK, which refuses batches that are larger than its queue.

    Args:
        sizes: Those that the program gives, by name; None for one that it leaves out.
        queue_variable: Variable of the environment with the size of the queue.
        batch_variable: The same for batches.
    """
    given: Sizes = Sizes(**{name: value for name, value in sizes.items() if value is not None})  # type: ignore[typeddict-item] # as they were checked
    queue, batch = given.get("max_queue_size"), given.get("max_export_batch_size")
    if queue is not None:
        given["max_export_batch_size"] = min(queue, _number_of(batch_variable, _BATCH) if batch is None else batch)
    elif batch is not None:
        given["max_queue_size"] = max(batch, _number_of(queue_variable, _QUEUE))
    return given


def _number_of(variable: str, default: int) -> int:
    text = os.environ.get(variable, "").strip()
    return int(text) if text.isdecimal() and int(text) else default


def same(one: object, other: object, depth: int = 4) -> bool:
    """Return whether two values are the same, equal, or of one type with the same fields: most classes of the SDK have no equality."""
    if one is other or one == other:
        return True
    if type(one) is not type(other) or not depth:
        return False
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(same(first, second, depth) for first, second in zip(one, other, strict=True))
    mine, theirs = getattr(one, "__dict__", None), getattr(other, "__dict__", None)
    if mine is None or theirs is None or mine.keys() != theirs.keys():
        return False
    return all(same(mine[key], theirs[key], depth - 1) for key in mine)
