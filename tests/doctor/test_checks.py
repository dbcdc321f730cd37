"""The registry of checks, and what comes of running them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from opencensus_compat.doctor.check import (
    OK,
    PROBLEM,
    SKIPPED,
    UNCHECKED,
    WARNING,
    Check,
    Finding,
    Result,
    all_checks,
    check,
    need,
    run_checks,
)
from opencensus_compat.doctor.collect import SECTIONS, gather
from opencensus_compat.doctor.facts import Absent, Facts
from opencensus_compat.doctor.report import exit_code
from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.sections.run import Process, Run

_GUIDE = Path(__file__).parents[2] / "migration_guide"


def _check(*findings: Finding, error: Exception | None = None) -> Check:
    def find(facts: Facts):
        yield from findings
        if error is not None:
            raise error

    return Check("D999", "test", "a check of the test", find)


def test_ids_have_one_form():
    """An id is D and three digits; the group is a word, and a title says what is looked at."""
    assert [each for each in all_checks() if not re.fullmatch(r"D\d{3}", each.id) or not each.group.isalpha() or not each.title] == []


def test_the_page_has_every_check():
    """The tables of doctor.md have a row for each check, with its title, and no other."""
    rows = re.findall(r"^\| `(D\d{3})` \| ([^|]+) \|", (_GUIDE / "doctor.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(each.id, each.title) for each in all_checks()]


def test_two_checks_of_one_id():
    """An id belongs to one check."""
    assert all_checks()
    with pytest.raises(ValueError, match="expected one check D010"):
        check("D010", group="versions", title="another")(iter)


def test_a_check_that_raises():
    """A check that raises says that it could not check; what it found before, and what other checks find, stays."""
    problem = Finding(PROBLEM, "It is wrong.")
    results = run_checks(Facts(), [_check(problem, error=KeyError("name")), _check(problem)])
    assert [(result.verdict, result.failure) for result in results] == [(PROBLEM, "The check failed: KeyError: 'name'"), (PROBLEM, "")]
    assert [result.findings for result in results] == [(problem,), (problem,)]


def test_a_section_that_is_absent():
    """A check whose section is absent says why it is."""
    [result] = run_checks(Facts(), [Check("D999", "test", "", lambda facts: iter((need(facts.versions),)))])
    assert (result.verdict, result.failure) == (UNCHECKED, "It was not collected.")


def test_every_check_survives_absent_sections():
    """Without any facts no check fails by an error: each could not check, or has nothing to look at."""
    assert [
        result for result in run_checks(Facts()) if result.failure.startswith("The check failed") or result.verdict in (PROBLEM, WARNING)
    ] == []


def test_a_collector_that_raises(monkeypatch):
    """A collector that raises leaves its error in place of its section, without secrets; the others are there."""
    from opencensus_compat.doctor.collect import versions

    def collect(request):
        raise OSError("cannot read https://user:hunter22@host/")

    monkeypatch.setattr(versions, "collect", collect)
    facts = gather(Request(environ={}, folder=""))
    assert facts.versions == Absent("The facts about it could not be collected: OSError: cannot read https://***@host/")
    assert [name for name in SECTIONS if isinstance(getattr(facts, name), Absent)] == ["versions"]


def test_a_process_that_was_slower_than_its_end():
    """One that said how it ends itself, and nothing else in time, is named by that."""
    process = Process(7, "python", "app.py", told=False, ended="os._exit at app.py:5")
    facts = Facts(run=Run("python app.py", 0, (process,)))
    [said] = [finding.text for result in run_checks(facts) if result.check.id == "D101" for finding in result.findings]
    assert said.startswith("A process ended by os._exit at app.py:5, without its exit hooks, while ")


@pytest.mark.parametrize(
    ("verdicts", "failure", "codes"),
    [
        pytest.param((), "", (0, 0), id="nothing found"),
        pytest.param((SKIPPED,), "", (0, 0), id="skipped"),
        pytest.param((WARNING,), "", (0, 1), id="a warning counts with --strict"),
        pytest.param((WARNING, PROBLEM), "", (1, 1), id="a problem"),
        pytest.param((), "it is not there", (3, 3), id="could not check"),
        pytest.param((WARNING,), "it is not there", (3, 1), id="could not check, and a warning"),
        pytest.param((PROBLEM,), "it is not there", (1, 1), id="a problem is worse than what could not be checked"),
    ],
)
def test_exit_code(verdicts, failure, codes):
    """0 without a problem, 1 with one, 3 where something could not be checked and nothing is worse."""
    results = [Result(_check(), tuple(Finding(verdict, "It is so.") for verdict in verdicts), failure), Result(_check())]
    assert (exit_code(results, strict=False), exit_code(results, strict=True)) == codes
    assert results[1].verdict is OK
