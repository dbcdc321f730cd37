"""The way of a log record from its logger to Application Insights, by the tree of loggers as it was found. Pure."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from opencensus_compat.doctor.sections.wiring import Handler, Logger, Logging

__all__ = ["CHAIN", "FILTERS", "HANDLER", "LEVEL", "Stop", "Way", "ancestors", "effective", "level_name", "shown", "way"]

HANDLER, LEVEL, CHAIN, FILTERS = "D030", "D031", "D032", "D033"
"""Checks that name a stop."""

_ROOT = ""
_MOST_SEVERE = 4


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a record goes no further."""

    check: str
    """Id of the check that says so."""
    text: str
    step: str


@dataclass(frozen=True, slots=True)
class Way:
    """A record's way."""

    steps: tuple[str, ...]
    """What it goes through, in order, a sentence each."""
    stop: Stop | None
    """The first thing that stops it; None where it is sent."""


def level_name(level: int) -> str:
    """Return the name of a level, or its number where it has none of the standard library's."""
    name = logging.getLevelName(level)
    return name if level in (10, 20, 30, 40, 50) else str(level)


def shown(name: str) -> str:
    """Return how a logger is called in a sentence."""
    return f"logger {name!r}" if name else "the root logger"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def ancestors(tree: Logging, name: str) -> tuple[Logger, ...]:
    """Return a logger and those above it, the root logger last; one that nobody has asked for is as a new one."""
    known = {logger.name: logger for logger in tree.loggers}
    parts = name.split(".") if name and name != "root" else []
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    chain = [known.get(each) or Logger(each) for each in names[:1]] + [known[each] for each in names[1:] if each in known]
    return (*chain, known.get(_ROOT) or Logger(_ROOT, level=logging.WARNING))


def effective(chain: tuple[Logger, ...]) -> Logger:
    """Return the logger of a chain whose level counts."""
    return next((logger for logger in chain if logger.level), chain[-1])


def by_whom(place: str) -> str:
    """Return who has set a level, for a sentence."""
    return f"set at {place}" if place else "set by nobody"


def setting(name: str, level: int) -> str:
    """Return the line of code that gives a logger a level."""
    known = level_name(level)
    value = f"logging.{known}" if known.isalpha() else known
    return f"logging.getLogger({name!r}).setLevel({value})" if name else f"logging.getLogger().setLevel({value})"


def reached(chain: tuple[Logger, ...]) -> list[tuple[Logger, Handler]]:
    """Return the handlers that a record of the first logger meets, each with its logger."""
    found = []
    for logger in chain:
        found += [(logger, handler) for handler in logger.handlers]
        if not logger.propagate:
            break
    return found


def way(tree: Logging, name: str, level: int) -> Way:
    """Return the way of a record.

    Args:
        tree: All loggers.
        name: Of the logger.
        level: Of the record.
    """
    chain = ancestors(tree, name)
    steps: list[str] = []
    for find in (_enabled, _by_level, _by_filters):
        stop = find(tree, chain, level, steps)
        if stop is not None:
            return Way(tuple(steps), stop)
    return _handled(tree, chain, level, steps)


def _enabled(tree: Logging, chain: tuple[Logger, ...], level: int, steps: list[str]) -> Stop | None:
    logger = chain[0]
    if logger.disabled:
        return Stop(
            CHAIN,
            f"{_sentence(shown(logger.name))} is disabled: nothing that it logs goes anywhere. A call of dictConfig or fileConfig does that to "
            "loggers that there are before it",
            "'disable_existing_loggers': False in the configuration of logging",
        )
    if tree.disabled_level >= level:
        return Stop(
            LEVEL,
            f"logging.disable({level_name(tree.disabled_level)}) ({by_whom(tree.disabled_from)}) stops every record up to that level",
            "take the call out, or logging.disable(logging.NOTSET)",
        )
    if tree.disabled_level:
        steps.append(f"logging.disable stops what is at {level_name(tree.disabled_level)} or below: this is above")
    return None


def _by_level(tree: Logging, chain: tuple[Logger, ...], level: int, steps: list[str]) -> Stop | None:
    logger, of = chain[0], effective(chain)
    where = "" if of is logger else f" (from {shown(of.name)}, {by_whom(of.level_from)})"
    where = where or (f" ({by_whom(of.level_from)})" if of.level_from or not of.name else "")
    said = f"{shown(logger.name)} is at {level_name(of.level)}{where}"
    if level < of.level:
        return Stop(LEVEL, f"{_sentence(said)}: {level_name(level)} goes nowhere", setting(logger.name.partition(".")[0], level))
    steps.append(f"{_sentence(said)}: {level_name(level)} passes")
    return None


def _by_filters(tree: Logging, chain: tuple[Logger, ...], level: int, steps: list[str]) -> Stop | None:
    logger = chain[0]
    if not logger.filters:
        steps.append(f"{_sentence(shown(logger.name))} has no filters")
        return None
    names = ", ".join(each.name for each in logger.filters)
    refused = refused_all(logger, level)
    if refused:
        return Stop(
            FILTERS,
            f"A filter of {shown(logger.name)} ({names}) refused each of the {refused} that came to it",
            "correct the filter, or take it off: logger.removeFilter(…)",
        )
    steps.append(f"{_sentence(shown(logger.name))} has filters {_let_pass(logger, names, level)}")
    return None


def _handled(tree: Logging, chain: tuple[Logger, ...], level: int, steps: list[str]) -> Way:
    sending = [(logger, handler) for logger, handler in reached(chain) if handler.kind]
    if not sending:
        return Way(tuple(steps), _without_handler(tree, chain))
    first: Stop | None = None
    for logger, handler in sending:
        stop = at_handler(logger, handler, level)
        if stop is None:
            steps.append(f"{_class(handler)} of {shown(logger.name)} takes it{_sampled(handler, level)}")
            others = ", ".join(each.name for each in handler.filters if each.rate is None)
            if others:
                steps.append(f"It has filters {_let_pass(handler, others, level)}")
            steps.append(_sent(handler, level))
            return Way(tuple(steps), None)
        first = first or stop
    return Way(tuple(steps), first)


def total(counted: tuple[tuple[int, int], ...], level: int | None = None) -> int:
    """Return the number of records that were counted, of one level or of all."""
    return sum(number for each, number in counted if level in (None, each))


def refused_all(owner: Logger | Handler, level: int) -> str:
    """Return how many records filters refused, in words; empty where they let any pass. Of a level that was seen, its records count alone."""
    if total(owner.passed, level) or total(owner.refused, level):
        number = 0 if total(owner.passed, level) else total(owner.refused, level)
        return f"{number} records of level {level_name(level)}" if number else ""
    number = 0 if owner.passed else total(owner.refused)
    return f"{number} records" if number else ""


def _let_pass(owner: Logger | Handler, names: str, level: int) -> str:
    passed = total(owner.passed, level)
    of = passed + total(owner.refused, level)
    return (
        f"({names}), which let {passed} of {of} such records pass in this run"
        if of
        else f"({names}), which no such record came to in this run"
    )


def at_handler(logger: Logger, handler: Handler, level: int) -> Stop | None:
    """Return why a handler does not send a record that comes to it; None where it does."""
    name = f"{_class(handler)} of {shown(logger.name)}"
    if level < handler.level:
        return Stop(
            LEVEL,
            f"{name} is at {level_name(handler.level)} ({by_whom(handler.level_from)}): {level_name(level)} goes no further",
            f"handler.setLevel(logging.{level_name(level)})" if level_name(level).isalpha() else f"handler.setLevel({level})",
        )
    rate = next((each.rate for each in handler.filters if each.rate is not None), None)
    if rate == 0 and not (handler.exempt_level is not None and level >= handler.exempt_level):
        return Stop(
            FILTERS,
            f"{name} has logging_sampling_rate=0: it sends no record",
            "leave the option out, or logging_sampling_rate=1.0",
        )
    others = [each.name for each in handler.filters if each.rate is None]
    refused = refused_all(handler, level)
    if others and refused:
        return Stop(
            FILTERS,
            f"A filter of {name} ({', '.join(others)}) refused each of the {refused} that came to it",
            "correct the filter, or take it off: handler.removeFilter(…)",
        )
    return None


def _without_handler(tree: Logging, chain: tuple[Logger, ...]) -> Stop:
    logger = chain[0]
    above = [(each, handler) for each in chain for handler in each.handlers if handler.kind]
    if above:
        wall = next(each for each in chain if not each.propagate)
        return Stop(
            CHAIN,
            f"{_sentence(shown(wall.name))} has propagate = False: records do not reach {_class(above[0][1])} of {shown(above[0][0].name)}",
            f"logging.getLogger({wall.name!r}).propagate = True, or the handler on that logger, too",
        )
    elsewhere = [(each, handler) for each in tree.loggers for handler in each.handlers if handler.kind]
    if elsewhere:
        on, handler = elsewhere[0]
        return Stop(
            HANDLER,
            f"{_class(handler)} is on {shown(on.name)}, and {shown(logger.name)} is not below that",
            "put the handler on the root logger: logging.getLogger().addHandler(handler)",
        )
    if tree.loose:
        return Stop(
            HANDLER,
            f"{_class(tree.loose[0])} was made, and is on no logger",
            "logging.getLogger().addHandler(handler)",
        )
    return Stop(
        HANDLER,
        f"No handler of {shown(logger.name)}, or of a logger above it, sends to Application Insights",
        "logging.getLogger().addHandler(AzureLogHandler())",
    )


def _class(handler: Handler) -> str:
    return handler.name.rpartition(".")[2]


def _sampled(handler: Handler, level: int) -> str:
    if handler.exempt_level is not None and level >= handler.exempt_level:
        return ""
    rate = next((each.rate for each in handler.filters if each.rate is not None), 1.0)
    return f"; {rate:.4g} of the records pass (logging_sampling_rate)" if rate is not None and rate < 1 else ""


def severity(level: int) -> int:
    """Return the severity that a record of a level is sent with, 0 (verbose) to 4 (critical)."""
    return min(_MOST_SEVERE, max(0, level - 1) // 10)


def _sent(handler: Handler, level: int) -> str:
    to = f" to the resource with the key {handler.key}" if handler.key else ""
    if not handler.is_direct:
        return "It goes to the processors of the OpenTelemetry logger provider alone (OPENCENSUS_COMPAT_SEND=providers)"
    if handler.kind == "event":
        return f"It would be sent{to} as customEvents, operation from the current span"
    return (
        f"It would be sent{to} as traces (as exceptions where it carries one), severity {severity(level)}, operation from the current span"
    )
