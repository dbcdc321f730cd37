"""The rule table against the real packages."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from opencensus_compat.local.tables import TABLES
from opencensus_compat.scan.rules import BY_ID, RULES, rule_of

_SURFACE = Path(__file__).parents[1] / "parity" / "api_surface.py"
_TOP = ("common", "ext", "extension", "log", "metrics", "stats", "tags", "trace")
_MAKES_NO_ITEM = {
    *("T002", "T014", "T015", "T018", "T032", "T040", "T041", "T042", "T044", "T051", "T052", "T062", "T070", "T071", "T072"),
    *("A005", "L006", "S010", "S012", "S013", "W016"),
}
"""Rules of forms that only reach, read or configure something, or send it elsewhere."""
_NOT_INSTALLED = {"extension.azure.functions", "proto"} | {
    f"ext.{name}" for name in ["ocagent", "stackdriver", "datadog", "instana", "newrelic", "honeycomb", "signalfx"]
}
"""Names of distributions that the environment lacks, or that reflection does not reach: azure-functions must be there to import it."""


@pytest.fixture(scope="module")
def public_names(legacy_python: Path) -> set[str]:
    """Every module, class, member, function and object of the real packages, below `opencensus`."""
    done = subprocess.run([legacy_python, "-W", "ignore", _SURFACE, "opencensus", *_TOP], capture_output=True, text=True, check=True)
    names = set()
    for module, surface in json.loads(done.stdout)["modules"].items():
        names.add(module)
        for kind in ("classes", "functions", "constants", "objects"):
            names.update(f"{module}.{name}" for name in surface[kind])
        for cls, members in surface["classes"].items():
            public = [*members["methods"], *members["constants"], *members["attributes"]]
            names.update(f"{module}.{cls}.{name}" for name in public if not name.startswith("_"))
    return names


def test_every_public_name_has_a_row(public_names):
    """A name of the real packages is never unknown to the table."""
    assert len(public_names) > 1500
    assert [name for name in sorted(public_names) if rule_of(name) is None and name != "ext"] == []


def test_rows_name_what_exists(public_names):
    """A row names nothing that the real packages lack."""
    named = {name for rule in RULES for name in rule.names.split() if rule.id not in {"X002", "X003"}}
    assert named - public_names - _NOT_INSTALLED - {"extension.azure"} == set()


def test_a_name_stands_in_one_row():
    """No two rows name the same."""
    named = [name for rule in RULES for name in rule.names.split()]
    assert len(named) == len(set(named))


def test_ids_are_unique():
    """An id means one form."""
    assert len(BY_ID) == len(RULES)
    assert [rule.id for rule in RULES if not re.fullmatch(r"[A-Z]\d{3}", rule.id)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_row_is_complete(rule):
    """A row says what takes the form's place, and asks a question exactly where a person must decide."""
    assert rule.form
    assert rule.counterpart
    assert bool(rule.question) == (rule.kind == "decide")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_what_a_row_names_of_the_portal_is_there(rule):
    """Tables and columns are the portal's."""
    for table, columns in rule.places():
        known = TABLES["traces"] if table == "all" else TABLES[table]
        assert {column.partition(".")[0] for column in columns} <= known.keys()


def test_what_of_application_insights_a_form_fills():
    """A row of spans, records, metrics, integrations and queries says where it arrives, or makes no item by itself."""
    makers = [rule for rule in RULES if rule.id[0] in "TALSMWQ" and rule.kind != "keep"]
    assert {rule.id for rule in makers if not rule.arrives} == _MAKES_NO_ITEM
    assert [rule.id for rule in RULES if rule.arrives and rule.id[0] in "IBXVRF"] == []


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        pytest.param("trace.span.Span.add_attribute", "T020", id="member with a row"),
        pytest.param("trace.span.Span.__enter__", "T032", id="member of a class with a row"),
        pytest.param("trace.samplers.Sampler.should_sample", "T063", id="member of a class of a module with a row"),
        pytest.param("ext.azure.common.storage.LocalFileStorage", "A009", id="module with a row"),
        pytest.param("trace.tracer.Tracer._private", "X001", id="private member"),
        pytest.param("proto.trace.v1.trace_pb2.Span", "V004", id="of opencensus-proto"),
        pytest.param("trace._private.name", "X001", id="private module"),
    ],
)
def test_the_longest_name_counts(name, rule):
    """The row of a name is that of the longest part of it that a row names."""
    found = rule_of(name)
    assert found is not None
    assert found.id == rule


def test_what_is_no_name_of_opencensus_has_no_row():
    """A module that no release has is told from those that have no row of their own."""
    assert rule_of("nothing.at_all") is None
