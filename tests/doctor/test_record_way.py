"""The way of a log record through the tree of loggers."""

from __future__ import annotations

import logging

import pytest

from opencensus_compat.doctor.asked import parse_asked
from opencensus_compat.doctor.record_way import severity, way
from opencensus_compat.doctor.sections.run import Asked
from opencensus_compat.doctor.sections.wiring import Filter, Handler, Logger, Logging

AZURE = Handler("opencensus.ext.azure.log_exporter.AzureLogHandler", "azure", key="…1234", filters=(Filter("SamplingFilter", 1.0),))
ROOT = Logger("", level=30)


def test_all_the_way():
    """Of a record that arrives the way is told from its logger to the table, with the severity."""
    tree = Logging((Logger("", level=20, level_from="app.py:3", handlers=(AZURE,)),))
    assert way(tree, "shop.orders", logging.INFO).steps == (
        "Logger 'shop.orders' is at INFO (from the root logger, set at app.py:3): INFO passes",
        "Logger 'shop.orders' has no filters",
        "AzureLogHandler of the root logger takes it",
        (
            "It would be sent to the resource with the key …1234 as traces (as exceptions where it carries one), severity 1, operation from "
            "the current span"
        ),
    )


@pytest.mark.parametrize(
    ("loggers", "disabled", "stop"),
    [
        pytest.param((ROOT,), 0, ("D031", "logging.getLogger('shop').setLevel(logging.INFO)"), id="the level that nobody set"),
        pytest.param(
            (Logger("", level=10, handlers=(AZURE,)), Logger("shop", level=40, level_from="app.py:1")),
            0,
            ("D031", "logging.getLogger('shop').setLevel(logging.INFO)"),
            id="a level in between",
        ),
        pytest.param(
            (Logger("", level=10, handlers=(AZURE,)),), 20, ("D031", "take the call out, or logging.disable(logging.NOTSET)"), id="disable"
        ),
        pytest.param(
            (Logger("", level=10, handlers=(AZURE,)), Logger("shop.orders", disabled=True)),
            0,
            ("D032", "'disable_existing_loggers': False in the configuration of logging"),
            id="a disabled logger",
        ),
        pytest.param(
            (Logger("", level=10, handlers=(AZURE,)), Logger("shop", propagate=False)),
            0,
            ("D032", "logging.getLogger('shop').propagate = True, or the handler on that logger, too"),
            id="propagate",
        ),
        pytest.param(
            (Logger("", level=10), Logger("billing", handlers=(AZURE,))),
            0,
            ("D030", "put the handler on the root logger: logging.getLogger().addHandler(handler)"),
            id="a handler elsewhere",
        ),
        pytest.param((Logger("", level=10),), 0, ("D030", "logging.getLogger().addHandler(AzureLogHandler())"), id="no handler"),
        pytest.param(
            (
                Logger("", level=10, handlers=(AZURE,)),
                Logger("shop.orders", filters=(Filter("app.no"),), refused=((20, 3),), passed=((40, 2),)),
            ),
            0,
            ("D033", "correct the filter, or take it off: logger.removeFilter(…)"),
            id="a filter",
        ),
        pytest.param(
            (Logger("", level=10, handlers=(Handler(AZURE.name, "azure", level=40),)),),
            0,
            ("D031", "handler.setLevel(logging.INFO)"),
            id="the level of the handler",
        ),
        pytest.param(
            (Logger("", level=10, handlers=(Handler(AZURE.name, "azure", filters=(Filter("SamplingFilter", 0.0),)),)),),
            0,
            ("D033", "leave the option out, or logging_sampling_rate=1.0"),
            id="sampling",
        ),
    ],
)
def test_the_first_stop(loggers, disabled, stop):
    """The first thing that stops a record is named, with the next step."""
    found = way(Logging(loggers, disabled_level=disabled), "shop.orders", logging.INFO).stop
    assert (found.check, found.step) == stop


def test_filters_that_let_other_levels_pass():
    """What filters did with records of the level counts, where such came; and that none came is said."""
    handler = Handler(AZURE.name, "azure", filters=(Filter("app.OnlyErrors"),), refused=((20, 1),), passed=((40, 1),))
    tree = Logging((Logger("", level=10, handlers=(handler,)),))
    assert way(tree, "shop", 20).stop.text.endswith("(app.OnlyErrors) refused each of the 1 records of level INFO that came to it")
    assert "It has filters (app.OnlyErrors), which let 1 of 1 such records pass in this run" in way(tree, "shop", 40).steps
    assert "It has filters (app.OnlyErrors), which no such record came to in this run" in way(tree, "shop", 30).steps


def test_a_second_handler():
    """A record that one handler stops and another one takes arrives."""
    deaf = Handler(AZURE.name, "azure", level=40)
    tree = Logging((Logger("", level=10, handlers=(AZURE,)), Logger("shop.orders", handlers=(deaf,))))
    assert way(tree, "shop.orders", logging.INFO).stop is None


def test_severities_are_those_that_are_sent():
    """The severity that the doctor tells is the one that the exporter writes, for each level."""
    from appinsights_exporter.convert.legacy_logs import LEVEL, _severity

    assert [severity(level) for level in range(90)] == [_severity({LEVEL: level}, None) for level in range(90)]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("shop.orders:INFO", Asked("shop.orders", 20)),
        ("root:30", Asked("", 30)),
        (":error", Asked("", 40)),
        ("a:b:DEBUG", Asked("a:b", 10)),
    ],
)
def test_asking(text, asked):
    """A record is named by its logger and its level, a name or a number."""
    assert parse_asked(text) == asked


@pytest.mark.parametrize("text", ["shop.orders", "shop:LOUD", "shop:0", ""])
def test_asking_for_nothing(text):
    """Any other text is refused with an example."""
    with pytest.raises(ValueError, match="expected NAME:LEVEL"):
        parse_asked(text)
