"""The pure OpenCensus modules against the real package: the same calls give the same results to the letter."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    Results = dict[str, dict[str, Any]]

_SCRIPT = Path(__file__).with_name("pure_calls.py")

SECTIONS = (
    "propagation", "hostile_propagation", "identity", "samplers", "formatting", "exporters", "bounded", "resources", "clouds", "helpers",
    "schedule", "transports", "logs", "protocol", "tags", "binary_tags", "measures", "aggregated", "recording", "views",
    "metrics_values", "gauges", "metric_transport", "standard_metrics",
)  # fmt: skip


class Difference(NamedTuple):
    """Calls whose outcome differs on purpose."""

    calls: str
    """Regular expression of their names in `pure_calls.py`."""
    reason: str


DIFFERENCES = (
    Difference(
        r"w3c\.flags-(letter|ff)",
        "the flags of traceparent are hexadecimal; OpenCensus read them as decimal and raised ValueError into the request",
    ),
    Difference(
        r"b3\.many-zero-span|google\.(header\.)?zero-(span|trace)|binary\.zeros?(-span)?|context\.trace-id\.zeros",
        "an id of zeros is no id; OpenCensus meant to refuse it but compared by identity, which ids from a request never pass",
    ),
    Difference(
        r"text\.upper-case",
        "keys in upper case are read from any mapping; OpenCensus raised KeyError into the request where the mapping was a plain dict",
    ),
    Difference(
        r"google\.write\.no-span",
        "a context without a span is written with span 0, as the B3 and binary formats do; OpenCensus raised TypeError into the application",
    ),
    Difference(
        r"options\.(True|False)\.set\..*",
        "options that are a bool, as the text format makes them, can be switched; OpenCensus raised ValueError in `Tracer()`",
    ),
    Difference(
        r"resource\.unquote\.'\"\\x01\"'",
        "a control character is no reason to keep the quotes; no resource accepts such a label anyway",
    ),
    Difference(
        r"cloud\.(google\.no-zone|aws\.no-document|aws\.list)",
        "what is missing in a metadata service's reply is left out; OpenCensus raised TypeError, ValueError or AttributeError",
    ),
    Difference(
        r"trace-utils\.url\.(http://h)?\..*",
        "a URL without a path has the empty path; OpenCensus raised IndexError",
    ),
    Difference(
        r"integrations\.switched-on\.\['(missing|parity_broken).*",
        "one warning instead of two for an integration that fails",
    ),
    Difference(
        r"transport\.sync\.(fails|forwarded)",
        "the exporting mark goes back to what it was, also after an error; OpenCensus left it set for ever after an error, and took it from an "
        "exporter that exported through another",
    ),
    Difference(
        r"log\.record\.keyword\.none|log\.adapter\.null",
        "`extra=None` means no extra attributes, as for every logger; OpenCensus raised into the logging call",
    ),
    Difference(
        r"log\.record\.caller-extra",
        "the caller's dict stays as it is; OpenCensus wrote the ids into it, so that the next record with the same dict got them too",
    ),
    Difference(
        r"binary-tags\.(read\.(empty-key|cut-.*|not-ascii|not-utf-8|control)|round-trip\.(empty-key|accent))",
        "bytes that hold no tag end the reading with a warning; OpenCensus raised IndexError, UnicodeDecodeError or ValueError into the request",
    ),
    Difference(
        r"binary-tags\.(round-trip\.(128|255)|read\.long-length)",
        "tags of 128 characters and more are read as they are written, with two bytes of length; OpenCensus could not read its own",
    ),
    Difference(
        r"binary-tags\.write(-pairs)?\.accent",
        "the length is that of the bytes that follow; OpenCensus wrote the number of characters, which is less where a tag is no ASCII",
    ),
    Difference(
        r"(boundaries\.(6|12)\.distribution|data\.distribution\.tuple|views\.tuple-boundaries)",
        "boundaries may be a tuple or a range; OpenCensus raised AssertionError at the first measurement",
    ),
    Difference(
        r"record\.not-a-number",
        "a value that is not a number is dropped like one below 0; OpenCensus raised AssertionError into the application",
    ),
    Difference(
        r"record\.unknown-measure-first",
        "measurements behind one that no view shows are recorded; OpenCensus lost them",
    ),
    Difference(
        r"record\.(dict-tags|direct\.bad-attachment)|views\.(bad-measure|exporter\.raises)",
        "what fails while recording is logged once and costs that view or exporter alone; OpenCensus raised it into the application",
    ),
    Difference(
        r"views\.exporter\.(without-methods|attribute-error)",
        "an exporter without a method keeps no other one from being told, and an AttributeError inside one is logged; OpenCensus was silent",
    ),
    Difference(
        r"gauge\.Derived\w+\.returns\.None",
        "a function that returns None tells no value; OpenCensus raised, and nothing at all was exported",
    ),
    Difference(
        r"gauge\.DerivedLongGauge\.raises\.TypeError",
        "a function that raises TypeError is named in the log, once for all; OpenCensus took it for one that is gone",
    ),
    Difference(
        r"registry\.(empty-gauge|failing)",
        "a gauge without numbers is left out, and so is a number whose function raises, with a line in the log; OpenCensus put None among the "
        "metrics, or raised, and nothing at all was exported",
    ),
    Difference(
        r"transport\.close\.(fails|gone)",
        "the exporting mark goes back to what it was, also after an error; OpenCensus left it set for ever",
    ),
    Difference(
        r"requests\.counted\.(one|two)",
        "the average time of requests is there whether or not the rate was read before; OpenCensus divided by requests since that reading",
    ),
    Difference(
        r"requests\.handled\.raises",
        "a request whose handler raises is counted; OpenCensus left it out",
    ),
)


SAID = "said"
"""Under this key an outcome has what exceptions said, which is compared by itself."""


def _results(python: Path | str, *options: str) -> Results:
    finished = subprocess.run([python, *options], capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stderr
    results = json.loads(finished.stdout)
    for section, outcomes in results.items():
        for name, outcome in outcomes.items():
            _MESSAGES.setdefault((options[-1], section, name), outcome.pop(SAID))
    return results


_MESSAGES: dict[tuple[str, str, str], list[str]] = {}
"""Package, section and call -> what exceptions said."""


@pytest.fixture(scope="module")
def real(legacy_python: Path) -> Results:
    """Outcomes of the real package."""
    return _results(legacy_python, str(_SCRIPT), "opencensus")


@pytest.fixture(scope="module")
def ours() -> Results:
    """Outcomes of our package, with warnings as errors."""
    return _results(sys.executable, "-W", "error", str(_SCRIPT), "opencensus_compat")


def _listed(name: str) -> list[Difference]:
    return [difference for difference in DIFFERENCES if re.fullmatch(difference.calls, name)]


def _differing(real: Results, ours: Results) -> Iterator[str]:
    for section in real:
        for name, outcome in real[section].items():
            if outcome != ours[section][name]:
                yield name


def test_all_sections_are_compared(real: Results, ours: Results) -> None:
    """Both packages answer the same sections and calls, so that none is left out by accident."""
    assert tuple(real) == tuple(ours) == SECTIONS
    assert {section: [*real[section]] for section in real} == {section: [*ours[section]] for section in ours}
    assert all(len(outcomes) >= 5 for outcomes in real.values())


@pytest.mark.parametrize("section", SECTIONS)
def test_outcomes_are_the_same(section: str, real: Results, ours: Results) -> None:
    """Values, exception types and levels of log lines are those of the real package, except where a difference is listed."""
    unlisted = [name for name in real[section] if not _listed(name)]
    assert {name: ours[section][name] for name in unlisted} == {name: real[section][name] for name in unlisted}


def test_listed_differences_are_the_real_ones(real: Results, ours: Results) -> None:
    """Every listed call differs, and is listed once."""
    differing = set(_differing(real, ours))
    listed = {name for outcomes in real.values() for name in outcomes if _listed(name)}
    assert listed == differing
    assert [name for name in listed if len(_listed(name)) > 1] == []


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.reason[:50])
def test_each_difference_is_seen(difference: Difference, real: Results, ours: Results) -> None:
    """No reason outlives its difference."""
    assert any(re.fullmatch(difference.calls, name) for name in _differing(real, ours))


def test_messages_keep_the_words(real: Results, ours: Results) -> None:
    """Where both packages raise, our message holds that of the real one: programs match its words, and tests of programs do."""
    lost = []
    for section, outcomes in real.items():
        for name, outcome in outcomes.items():
            if outcome == ours[section][name]:
                pairs = zip(_MESSAGES["opencensus", section, name], _MESSAGES["opencensus_compat", section, name], strict=True)
                lost += [(name, theirs, said) for theirs, said in pairs if theirs not in said]
    assert lost == [], "\n".join(map(repr, lost))


def test_where_ours_differs_nothing_is_raised(real: Results, ours: Results) -> None:
    """A difference never makes a call fail that worked."""
    by_name = {name: outcome for outcomes in ours.values() for name, outcome in outcomes.items()}
    assert [name for name in _differing(real, ours) if "raises" in by_name[name]] == []
