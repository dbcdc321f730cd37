"""A record's way: which handlers there are, levels, the chain of loggers, filters."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from opencensus_compat.doctor import record_way
from opencensus_compat.doctor.check import PROBLEM, SKIPPED, WARNING, Finding, check
from opencensus_compat.doctor.checks.messages import about
from opencensus_compat.doctor.facts import Absent, Facts
from opencensus_compat.doctor.record_way import CHAIN, FILTERS, HANDLER, LEVEL, level_name, shown
from opencensus_compat.doctor.sections.wiring import Handler, Logger, Logging


def _tree(facts: Facts) -> Logging | None:
    """Return the loggers of a program that sends log records; None for any other."""
    return None if isinstance(facts.wiring, Absent) else facts.wiring.logging


def _absent(facts: Facts) -> Iterator[Finding]:
    if isinstance(facts.wiring, Absent):
        yield Finding(SKIPPED, facts.wiring.absent_because)


def _sending(tree: Logging) -> list[tuple[Logger, Handler]]:
    return [(logger, handler) for logger in tree.loggers for handler in logger.handlers if handler.kind]


def _records(logger: Logger) -> int:
    return sum(number for _, number in logger.passed)


def _asked(facts: Facts, id: str) -> Iterator[Finding]:
    """Yield what stops the record that was asked for, where that is for this check to say."""
    found = way_of_asked(facts)
    if found is not None and found.stop is not None and found.stop.check == id:
        yield Finding(PROBLEM, f"{found.stop.text}.", found.stop.step, found.steps)


def _is_reached(tree: Logging, logger: Logger) -> list[tuple[Logger, Handler]]:
    return [each for each in record_way.reached(record_way.ancestors(tree, logger.name)) if each[1].kind]


@check(HANDLER, group="wiring", title="handlers of Application Insights are on the loggers that are used")
def handlers(facts: Facts) -> Iterator[Finding]:
    """Handlers that no record can come to."""
    yield from _absent(facts)
    yield from (found := list(_asked(facts, HANDLER)))
    tree = _tree(facts)
    if tree is None or found:
        return
    placed = _sending(tree)
    if tree.loose and not placed:
        yield Finding(
            PROBLEM,
            f"{_class(tree.loose[0])} was made, and is on no logger: nothing that is logged reaches it.",
            "logging.getLogger().addHandler(handler)",
        )
    elif placed:
        yield from _on_unused(tree, placed)


def _on_unused(tree: Logging, placed: list[tuple[Logger, Handler]]) -> Iterator[Finding]:
    """Yield what is to be said where all records go past all handlers."""
    used = [logger for logger in tree.loggers if logger.is_of_program and (_records(logger) or logger.untaken)]
    if not used or any(_is_reached(tree, logger) for logger in used):
        return
    if any(not logger.propagate for each in used for logger in record_way.ancestors(tree, each.name)):
        return
    on, handler = placed[0]
    names = ", ".join(shown(logger.name) for logger in used[:5])
    yield Finding(
        PROBLEM,
        f"{_class(handler)} is on {shown(on.name)}, and nothing was logged there or below: the program logs to {names}.",
        "put the handler on the root logger: logging.getLogger().addHandler(handler)",
    )


@check(LEVEL, group="wiring", title="levels let records pass")
def levels(facts: Facts) -> Iterator[Finding]:
    """Levels of loggers and handlers, and `logging.disable`."""
    yield from _absent(facts)
    yield from (found := list(_asked(facts, LEVEL)))
    tree = _tree(facts)
    if tree is None or found or not _sending(tree):
        return
    if tree.disabled_level >= logging.INFO:
        yield Finding(
            PROBLEM,
            f"logging.disable({level_name(tree.disabled_level)}) ({record_way.by_whom(tree.disabled_from)}) stops every record up to that level.",
            "take the call out, or logging.disable(logging.NOTSET)",
        )
        return
    yield from _of_loggers(tree)
    yield from _of_handlers(tree)


def _of_loggers(tree: Logging) -> Iterator[Finding]:
    """Yield the loggers of the program that were asked for a level which the root logger, left as it is, does not take."""
    any_passed = any(_records(logger) and _is_reached(tree, logger) for logger in tree.loggers if logger.is_of_program)
    for logger in tree.loggers:
        lost = [level for level in logger.untaken if level >= logging.INFO]
        if not (lost and logger.is_of_program and not logger.disabled and _is_reached(tree, logger)):
            continue
        chain = record_way.ancestors(tree, logger.name)
        of = record_way.effective(chain)
        if of.level_from and any_passed:
            # It was chosen, and what passes arrives.
            continue
        where = (
            f" (from {shown(of.name)}, {record_way.by_whom(of.level_from)})"
            if of is not logger
            else f" ({record_way.by_whom(of.level_from)})"
        )
        verdict = WARNING if of.level_from or _records(logger) else PROBLEM
        what = ", ".join(level_name(level) for level in lost)
        yield Finding(
            verdict,
            f"{_upper(shown(logger.name))} is at {level_name(of.level)}{where}: {what} goes nowhere.",
            record_way.setting(logger.name.partition(".")[0], min(lost)),
            evidence=(f"{shown(logger.name)} was asked for {what} in this run",),
        )


def _of_handlers(tree: Logging) -> Iterator[Finding]:
    for logger, handler in _sending(tree):
        came = [
            (level, number)
            for each in tree.loggers
            if each.is_of_program and (logger, handler) in _is_reached(tree, each)
            for level, number in each.passed
        ]
        lost = sum(number for level, number in came if level < handler.level)
        if lost and lost == sum(number for _, number in came):
            yield Finding(
                PROBLEM,
                f"{_class(handler)} of {shown(logger.name)} is at {level_name(handler.level)} ({record_way.by_whom(handler.level_from)}): none of "
                f"the {lost} records that came to it is sent.",
                f"handler.setLevel(logging.{level_name(min(level for level, _ in came))})",
            )


@check(CHAIN, group="wiring", title="records get from loggers to handlers")
def chain(facts: Facts) -> Iterator[Finding]:
    """Loggers that are disabled, or hand nothing on to those above."""
    yield from _absent(facts)
    yield from (found := list(_asked(facts, CHAIN)))
    tree = _tree(facts)
    if tree is None or found or not _sending(tree):
        return
    for logger in tree.loggers:
        if not logger.is_of_program:
            continue
        above = [each for each in record_way.ancestors(tree, logger.name) if any(handler.kind for handler in each.handlers)]
        if logger.disabled and above:
            yield Finding(
                PROBLEM,
                f"{_upper(shown(logger.name))} is disabled: nothing that it logs goes anywhere. A call of dictConfig or fileConfig does that to "
                "loggers that there are before it.",
                "'disable_existing_loggers': False in the configuration of logging",
            )
        elif above and _records(logger) and not _is_reached(tree, logger):
            wall = next(each for each in record_way.ancestors(tree, logger.name) if not each.propagate)
            yield Finding(
                PROBLEM,
                f"{_upper(shown(wall.name))} has propagate = False: {_records(logger)} records of {shown(logger.name)} did not reach the handler of "
                f"{shown(above[0].name)}.",
                f"logging.getLogger({wall.name!r}).propagate = True, or the handler on that logger, too",
            )


@check(FILTERS, group="wiring", title="filters and log sampling let records pass, with all they carry")
def filters(facts: Facts) -> Iterator[Finding]:
    """Filters of loggers and handlers that refuse everything."""
    yield from _absent(facts)
    yield from about(facts, FILTERS)
    yield from (found := list(_asked(facts, FILTERS)))
    tree = _tree(facts)
    if tree is None or found or not _sending(tree):
        return
    for logger in tree.loggers:
        if logger.is_of_program and logger.refused and not logger.passed and _is_reached(tree, logger):
            names = ", ".join(each.name for each in logger.filters) or "its class"
            yield Finding(
                PROBLEM,
                f"A filter of {shown(logger.name)} ({names}) refused each of the {record_way.total(logger.refused)} records that came to it.",
                "correct the filter, or take it off: logger.removeFilter(…)",
            )
    for logger, handler in _sending(tree):
        stop = record_way.at_handler(logger, handler, max(handler.level, (handler.exempt_level or logging.CRITICAL) - 1))
        if stop is not None and stop.check == FILTERS:
            yield Finding(PROBLEM, f"{stop.text}.", stop.step)


def _class(handler: Handler) -> str:
    return handler.name.rpartition(".")[2]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def way_of_asked(facts: Facts) -> record_way.Way | None:
    """Return the way of the record that was asked for; None where none was."""
    if isinstance(facts.wiring, Absent) or isinstance(facts.run, Absent) or facts.run.asked is None:
        return None
    return record_way.way(facts.wiring.logging, facts.run.asked.logger, facts.run.asked.level)
