"""What the tests of doctor share: facts to change, and a run of its command in this process."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import pytest

from opencensus_compat.doctor.check import Result, run_checks
from opencensus_compat.doctor.collect import gather
from opencensus_compat.doctor.facts import Facts
from opencensus_compat.doctor.request import Request


@pytest.fixture(scope="session")
def facts() -> Facts:
    """The facts of the environment that runs the tests."""
    return gather(Request(environ={"PATH": os.environ["PATH"]}, folder=os.path.dirname(__file__)))


@pytest.fixture
def imports_tried_here(monkeypatch) -> None:
    """Try the imports in this process, as a frozen program does: starting an interpreter takes most of a run of the command."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)


@pytest.fixture
def said(facts):
    """Return a function that returns what the checks say, as id -> result, when some sections are others than here."""

    def said(**sections: object) -> dict[str, Result]:
        return {result.check.id: result for result in run_checks(replace(facts, **sections)) if result.findings or result.failure}

    return said
